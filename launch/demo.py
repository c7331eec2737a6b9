"""The whole shop on this machine: PostgreSQL, backend, simulator, worker, virtual printer."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from launch.install import PYTHON, RUNTIME, install
from launch.parts import Part
from launch.terminal import ROOT, Failure, follow, ignore_interrupts, say

START_SECONDS = 90.0
STOP_SECONDS = 7.0
# Who may sign in to the shop's own pages of the demo.
STAFF = "demo"
CLUSTERS = (Path("/var/lib/printwala"), Path("/var/db/printwala"))
# The backend stops its database. When it was killed, this does.
STOP_DATABASE = """
import sys
from pathlib import Path
from app.core.embedded_postgres import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]))
if postgres.pid is not None:
    postgres.start()
    postgres.stop()
"""


def run_demo(*, once: bool, port: int | None, data: Path | None) -> int:
    """Start everything; until Ctrl-C, or with ``once`` until the scripted customer is through.

    ``once`` starts from nothing, in a directory that is removed afterwards, unless given ``data``.
    """
    install(RUNTIME)
    if data is not None or not once:
        return _run((data or ROOT / "var" / "demo").absolute(), once=once, port=port)
    fresh = Path(tempfile.mkdtemp(prefix="printwala-demo-"))
    fresh.chmod(0o711)  # as root the database runs as nobody, who has to pass through
    try:
        return _run(fresh, once=True, port=port)
    finally:
        _remove(fresh)


def _run(data: Path, *, once: bool, port: int | None) -> int:
    data.mkdir(parents=True, exist_ok=True)
    parts: list[Part] = []
    try:
        backend = f"http://127.0.0.1:{port or _free_port()}"
        simulator = f"http://127.0.0.1:{port + 1 if port else _free_port()}"
        paper = data / "paper"
        say("starting simulator, backend and print worker …")
        env = _start(parts, data, backend=backend, simulator=simulator, paper=paper, quiet=once)
        if once:
            options = ["--simulator", simulator, "--backend", backend, "--paper", str(paper)]
            code = _scripted(parts, [str(PYTHON), "-m", "simulator.scripted", *options])
            say("the pages came out of the printer" if code == 0 else "the customer got no paper")
            return code
        _show(simulator, f"{backend}/staff", _password(env), paper)
        while True:
            for part in parts:
                part.check()
            time.sleep(0.2)
    finally:
        ignore_interrupts()
        if parts:
            say("stopping everything …")
        _stop(parts, data)


def _start(
    parts: list[Part], data: Path, *, backend: str, simulator: str, paper: Path, quiet: bool
) -> dict[str, str]:
    """Appends each part once it runs; what the backend was told by its environment."""
    python = str(PYTHON)
    base = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}
    base["NO_PROXY"] = base["no_proxy"] = "127.0.0.1,localhost"
    paper.mkdir(exist_ok=True)
    ports = {"backend": backend.rpartition(":")[2], "simulator": simulator.rpartition(":")[2]}
    vendors = _simulated_vendors(base, ports["simulator"])
    key = _worker_key(data)
    logs = data / "logs"
    logs.mkdir(exist_ok=True)

    def part(name: str, command: list[str], cwd: Path, env: dict[str, str]) -> Part:
        return Part(name, command, cwd=cwd, env=env, journal=logs / f"{name}.log", quiet=quiet)

    options = ["--port", ports["simulator"], "--backend", backend, "--paper", str(paper)]
    command = [python, "-m", "simulator", *options]
    parts.append(part("simulator", command, ROOT, base | vendors))
    parts[-1].wait_for(f"{simulator}/", seconds=START_SECONDS)

    # Everything that matters is said here, so that a backend/.env for the real shop stays unused.
    settings = {
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "STORAGE_URL": "",
        "ENVIRONMENT": "development",
        "BACKGROUND": "inline",
        "BACKEND_PUBLIC_URL": backend,
        "DATA_DIR": str(data),
        "WORKER_API_KEY": key,
    }
    command = [python, "-m", "app.cli", "serve", "--port", ports["backend"]]
    env = base | settings | vendors
    parts.append(part("backend", command, ROOT / "backend", env))
    parts[-1].wait_for(f"{backend}/health", seconds=START_SECONDS)

    printer = {
        "PRINTWALA_BACKEND_URL": backend,
        "PRINTWALA_API_KEY": key,
        "PRINTWALA_REDIS_URL": "",
        "PRINTWALA_BACKEND": "virtual",
        "PRINTWALA_VIRTUAL_OUTPUT_DIR": str(paper),
        "PRINTWALA_WORK_DIR": str(data / "worker"),
        "PRINTWALA_LOG_FILE": str(logs / "print_worker.log"),
    }
    command = [python, str(ROOT / "print_worker" / "main.py")]
    parts.append(part("worker", command, ROOT, base | printer))
    # The worker answers nobody: it is up when it has not given up.
    began = time.monotonic()
    while time.monotonic() - began < 1.5:
        for started in parts:
            started.check()
        time.sleep(0.1)
    return env


def _password(env: dict[str, str]) -> str:
    """A new one on each start: the shop keeps no password that could be shown again."""
    told = ""
    for words in (["add", STAFF, "--role", "owner"], ["reset", STAFF]):  # the second time he exists
        asked = subprocess.run(
            [str(PYTHON), "-m", "app.cli", "users", *words],
            cwd=ROOT / "backend",
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if asked.returncode == 0:
            return asked.stdout.split()[-1]
        told = asked.stderr.strip()
    raise Failure(f"nobody could be let in to the shop's own pages: {told[-800:]}")


def _stop(parts: list[Part], data: Path) -> None:
    """The simulator last: the others may still be talking to it."""
    deadline = time.monotonic() + STOP_SECONDS
    users = [part for part in parts if part.name != "simulator"]
    for group in (users, [part for part in parts if part not in users]):
        for part in group:
            part.ask_to_stop()
        for part in group:
            part.stop(deadline=deadline)
    if (data / "postgres").exists():
        subprocess.run(
            [str(PYTHON), "-c", STOP_DATABASE, str(data)],
            cwd=ROOT / "backend",
            stdout=subprocess.DEVNULL,
            check=False,
        )


def _scripted(parts: list[Part], command: list[str]) -> int:
    with _watched(parts):
        return follow(command)


@contextlib.contextmanager
def _watched(parts: list[Part]) -> Iterator[None]:
    """When what happens here went wrong because a part died, say that instead."""
    try:
        yield
    finally:
        for part in parts:
            part.check()


def _simulated_vendors(env: dict[str, str], port: str) -> dict[str, str]:
    """The simulator's addresses and credentials, ``KEY=VALUE`` a line."""
    command = [str(PYTHON), "-m", "simulator", "env", "--port", port]
    told = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, encoding="utf-8", check=False
    )
    if told.returncode != 0:
        raise Failure(f"the simulator gave no credentials: {told.stderr.strip()[-800:]}")
    pairs = (line.partition("=") for line in told.stdout.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _worker_key(data: Path) -> str:
    """The same key on every start, because the database remembers it."""
    path = data / "demo-worker-key"
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as output:
            output.write(secrets.token_urlsafe(32))
    return path.read_text("ascii")


def _show(page: str, staff: str, password: str, paper: Path) -> None:
    lines = [
        "printwala is ready.",
        "",
        f"Open this and order a print:  {page}",
        f"The shop's own pages:         {staff}",
        f"  sign in there as            {STAFF}, password {password}",
        f"Printed pages land in:        {paper}",
        f"What the parts said:          {paper.with_name('logs')}",
        "",
        "Ctrl-C stops everything.",
    ]
    width = max(map(len, lines)) + 2
    encoding = sys.stdout.encoding or "ascii"
    corners = "╭╮╰╯─│" if "utf" in encoding.lower() else "++++-|"
    print(f"\n{corners[0]}{corners[4] * width}{corners[1]}")
    for line in lines:
        print(f"{corners[5]} {line:<{width - 1}}{corners[5]}")
    print(f"{corners[2]}{corners[4] * width}{corners[3]}\n", flush=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _remove(data: Path) -> None:
    """Remove a demo's files, and its database where that had to lie elsewhere."""
    pointer = data / "postgres" / "location"
    if pointer.exists():
        place = Path(pointer.read_text("utf-8").strip())
        if place.parent in CLUSTERS:
            shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)
