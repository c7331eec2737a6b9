"""What ``run.py`` promises: parts are watched, nothing stays behind, and errors name the fix."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from launch import install
from launch.parts import Part
from launch.terminal import Failure
from tests.support.services import free_port

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
import http.server, sys
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler
    ).serve_forever()
"""
DEAF_WITH_CHILD = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
time.sleep(600)
"""
PARENT = """
import os, sys, time
from pathlib import Path
from launch.parts import Part
part = Part("worker", [sys.executable, "-c", "import time; time.sleep(600)"], cwd=Path("."),
            env=dict(os.environ), journal=Path(sys.argv[1]))
print(part.process.pid, flush=True)
time.sleep(600)
"""

only_posix = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX process groups")


@pytest.fixture
def part(tmp_path: Path) -> Callable[..., Part]:
    def start(code: str, *arguments: str) -> Part:
        command = [sys.executable, "-c", code, *arguments]
        journal = tmp_path / "backend.log"
        return Part("backend", command, cwd=ROOT, env=dict(os.environ), journal=journal, quiet=True)

    return start


def within(seconds: float, happened: Callable[[], object]) -> bool:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def alive(pid: int) -> bool:
    return bool(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def test_a_part_that_answers_is_up_and_ends_when_asked(part: Callable[..., Part]) -> None:
    port = free_port()
    server = part(SERVER, str(port))

    server.wait_for(f"http://127.0.0.1:{port}/", seconds=20)
    server.check()
    server.ask_to_stop()
    server.stop(deadline=time.monotonic() + 10)

    assert server.last[0] == "serving"
    assert server.process.returncode is not None


def test_a_part_that_dies_is_named_with_its_last_lines(part: Callable[..., Part]) -> None:
    dying = part("print('no paper tray'); raise SystemExit(3)")

    with pytest.raises(Failure, match=r"the backend ended .*exit code 3.*\n  no paper tray"):
        dying.wait_for(f"http://127.0.0.1:{free_port()}/", seconds=20)
    dying.stop(deadline=time.monotonic())


@only_posix
def test_a_part_that_ignores_us_is_ended_with_its_children(part: Callable[..., Part]) -> None:
    deaf = part(DEAF_WITH_CHILD)
    assert within(20, lambda: deaf.last)
    child = int(deaf.last[0].split()[1])

    deaf.ask_to_stop()
    deaf.stop(deadline=time.monotonic() + 0.3)

    assert deaf.process.returncode == -signal.SIGKILL
    assert within(5, lambda: not alive(child))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of our death")
def test_a_kill_of_the_launcher_takes_the_parts_down(tmp_path: Path) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "worker.log")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout is not None
    child = int(launcher.stdout.readline())
    launcher.kill()
    launcher.communicate()

    assert within(10, lambda: not alive(child))


def test_wrong_usage_is_told_and_exits_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "run.py", "demo", "--twice"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "unrecognized arguments: --twice" in done.stderr


def test_a_python_without_venv_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "PYTHON", tmp_path / "python")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "venv")

    with pytest.raises(Failure, match="apt install python3-venv"):
        install.install(install.RUNTIME)
    assert list(tmp_path.iterdir()) == []
