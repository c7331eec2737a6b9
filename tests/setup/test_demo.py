"""``run.py demo`` from the outside: it says where to click, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from app.core.embedded_postgres import EmbeddedPostgres
from tests.support.services import public_directory

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
    pytest.mark.slow,
]


class Demo:
    """A running ``run.py demo``; ``said`` collects its words."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "run.py", "demo", "--data", str(data)],
            cwd=ROOT,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(iter(self.process.stdout.readline, ""))

    def address(self, label: str) -> str:
        """The address beside a label in the box."""
        return self.says(rf"{label}:\s+(http://\S+)\s").group(1)

    def says(self, pattern: str) -> re.Match[str]:
        """Waits for the demo to be ready and to say this."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(pattern, "".join(self.said)):
                return found
            time.sleep(0.1)
        raise AssertionError("".join(self.said))

    def processes(self) -> list[psutil.Process]:
        """Everything it started, the database included."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        server = EmbeddedPostgres(self.data).pid
        assert server is not None
        return [*started, psutil.Process(server)]

    def ends_within(self, seconds: float) -> int:
        code = self.process.wait(seconds)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def demo() -> Iterator[Demo]:
    with public_directory("demo") as data:
        running = Demo(data)
        try:
            yield running
        finally:
            running.process.terminate()
            running.ends_within(20)


def status(url: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return int(answer.status)


def still_running(processes: list[psutil.Process], *, seconds: float) -> list[str]:
    alive = psutil.wait_procs(processes, timeout=seconds)[1]
    return [" ".join(process.cmdline()) for process in alive if process.is_running()]


def pages_it_lets_us_see(demo: Demo) -> list[str]:
    """Headings of the shop's own pages after signing in with what stands in the box."""
    staff = demo.address("own pages")
    name, password = demo.says(r"sign in there as\s+(\S+), password (\S+)\s").groups()
    here = {"Origin": staff.removesuffix("/staff")}
    with httpx2.Client(trust_env=False, follow_redirects=True, headers=here) as we:
        assert "Sign in" in we.get(staff).text
        board = we.post(f"{staff}/login", data={"name": name, "password": password})
        pages = [board, *(we.get(f"{staff}/{page}") for page in ("orders", "attention", "money"))]
    return [f"{page.status_code} {page.url.path}" for page in pages]


def test_the_shops_own_pages_open_with_what_the_box_says_each_time_anew(demo: Demo) -> None:
    seen = ["200 /staff", "200 /staff/orders", "200 /staff/attention", "200 /staff/money"]
    assert pages_it_lets_us_see(demo) == seen
    demo.process.send_signal(signal.SIGINT)
    assert demo.ends_within(10) == 130

    again = Demo(demo.data)
    try:
        assert pages_it_lets_us_see(again) == seen
    finally:
        again.process.terminate()
        again.ends_within(20)


def test_it_says_where_to_click_and_ctrl_c_leaves_nothing_behind(demo: Demo) -> None:
    assert status(demo.address("order a print")) == 200
    processes = demo.processes()
    assert any("postgres" in process.name() for process in processes)

    demo.process.send_signal(signal.SIGINT)

    assert demo.ends_within(10) == 130
    assert still_running(processes, seconds=1) == []
    assert "Traceback" not in "".join(demo.said)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of our death")
def test_a_kill_takes_everything_down(demo: Demo) -> None:
    demo.address("order a print")
    processes = demo.processes()

    demo.process.kill()
    demo.ends_within(10)

    assert still_running(processes, seconds=20) == []


def test_a_part_that_dies_ends_the_demo_by_name(demo: Demo) -> None:
    demo.address("order a print")
    processes = demo.processes()
    worker = next(p for p in processes if "main.py" in " ".join(p.cmdline()))

    worker.kill()

    assert demo.ends_within(15) == 1
    assert "run: the worker ended by itself (exit code -9)" in "".join(demo.said)
    assert still_running(processes, seconds=1) == []
