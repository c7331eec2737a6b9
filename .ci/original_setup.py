"""The set-up as the original description prints it, step by step, in environments of its own.

``pip install -r requirements.txt``, ``.env`` from ``.env.example``, ``psql -f schema.sql`` with a
role that owns its database and is no superuser, ``uvicorn app.main:app``, and the print worker.
"""

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
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WAIT_SECONDS = 60.0
SERVE_DATABASE = """
import sys
from pathlib import Path
from app.core.embedded_postgres import EmbeddedPostgres
from app.core.postgres_programs import Programs
with EmbeddedPostgres(Path(sys.argv[1])) as postgres:
    print("PSQL", Programs.find().tree / "bin" / "psql", flush=True)
    print("URL", postgres.url, flush=True)
    sys.stdin.read()
"""


def main() -> None:
    """Go through the steps; any failure ends the program."""
    with tempfile.TemporaryDirectory(prefix="printwala-original-") as name:
        place = Path(name)
        place.chmod(0o711)
        backend = environment(place / "backend-env", ROOT / "backend")
        worker = environment(place / "worker-env", ROOT / "print_worker")
        shutil.copy(ROOT / "backend" / ".env.example", ROOT / "backend" / ".env")
        with database(backend, place / "data") as (psql, url):
            load = [psql, url, "--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1", "-f", "schema.sql"]
            subprocess.run(load, cwd=ROOT / "backend", stdout=subprocess.DEVNULL, check=True)
            print("schema.sql loaded by a role that is no superuser", flush=True)
            key = secrets.token_urlsafe(32)
            settings = {"DATABASE_URL": url, "DATA_DIR": str(place / "data")}
            with serving(backend, {**settings, "WORKER_API_KEY": key}) as address:
                print(f"{address}/health answers 200", flush=True)
                stays_up(worker, address, key, place)
                print("the print worker runs", flush=True)


def environment(place: Path, part: Path) -> Path:
    """``pip install -r requirements.txt`` in a new environment; its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    python = place / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
    done = subprocess.run(install, cwd=part, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{part.name}/requirements.txt does not install: {done.stderr[-2000:]}")
    return python


@contextlib.contextmanager
def database(python: Path, data: Path) -> Iterator[tuple[str, str]]:
    """A PostgreSQL with an empty database that an ordinary role owns: ``psql`` and its address."""
    server = subprocess.Popen(
        [str(python), "-c", SERVE_DATABASE, str(data)],
        cwd=ROOT / "backend",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        told: dict[str, str] = {}
        for line in server.stdout:
            word, _, rest = line.strip().partition(" ")
            told[word] = rest
            if "URL" in told:
                yield told["PSQL"], told["URL"]
                break
        else:
            sys.exit("the database did not start; it says why above")
    finally:
        server.communicate(timeout=60)


@contextlib.contextmanager
def serving(python: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """``uvicorn app.main:app`` on a free port, once ``/health`` answers 200."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(python), "-m", "uvicorn", "app.main:app", "--host", "127.0.0.1"]
    server = subprocess.Popen(
        [*command, "--port", str(port)], cwd=ROOT / "backend", env={**os.environ, **settings}
    )
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not healthy(f"http://127.0.0.1:{port}/health"):
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit("uvicorn app.main:app did not come to answer /health with 200")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def healthy(url: str) -> bool:
    """Whether the address answers 200."""
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(  # noqa: S310 - the address of the server just started
            url, timeout=5
        ) as answer,
    ):
        return bool(answer.status == 200)
    return False


def stays_up(python: Path, backend: str, key: str, place: Path) -> None:
    """``python main.py`` in ``print_worker``, which has to run until it is told to stop."""
    settings = {
        "PRINTWALA_BACKEND_URL": backend,
        "PRINTWALA_API_KEY": key,
        "PRINTWALA_REDIS_URL": "",
        "PRINTWALA_BACKEND": "virtual",
        "PRINTWALA_VIRTUAL_OUTPUT_DIR": str(place / "paper"),
        "PRINTWALA_WORK_DIR": str(place / "work"),
        "PRINTWALA_LOG_FILE": str(place / "print_worker.log"),
    }
    worker = subprocess.Popen(
        [str(python), "main.py"], cwd=ROOT / "print_worker", env={**os.environ, **settings}
    )
    try:
        code = worker.wait(5)
    except subprocess.TimeoutExpired:
        worker.terminate()
        worker.wait(30)
    else:
        sys.exit(f"the print worker ended by itself with exit code {code}")


if __name__ == "__main__":
    main()
