"""The running shop looks after its embedded PostgreSQL, and says once what is the matter."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

import pytest
import structlog
from structlog.testing import capture_logs

from app import bootstrap
from app.adapters import http
from app.bootstrap import look_after
from app.core.database import DATABASE_DOWN, Database
from app.core.embedded_postgres import EmbeddedPostgres
from tests.support.services import public_directory


class Tried(EmbeddedPostgres):
    """Counts how often it was started."""

    times = 0

    def start(self) -> str:
        self.times += 1
        return super().start()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while True:
            if happened():
                return
            await asyncio.sleep(0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX signals")
async def test_a_server_that_cannot_come_back_is_told_once_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bootstrap, "WATCH_SECONDS", 0.05)
    with public_directory("watch") as data_dir, Tried(data_dir, durable=False) as embedded:
        database = Database(embedded.url, pool_size=1)
        await database.open()
        passwords = data_dir / "postgres" / "secrets.json"
        backup = passwords.rename(passwords.with_name("backup"))
        assert embedded.pid is not None
        with capture_logs() as said:
            # One that was used before, by another test, would not be listened to.
            monkeypatch.setattr(http, "log", structlog.get_logger())
            os.kill(embedded.pid, signal.SIGKILL)
            watching = asyncio.create_task(look_after(embedded, database))
            await until(lambda: embedded.times == 3)
            backup.rename(passwords)
            await until(lambda: "reachable again" in [line["event"] for line in said])
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await database.close()

    told = [line for line in said if line.get("what") == "embedded database"]
    assert [line["event"] for line in told] == ["unreachable", "reachable again"]
    assert "secrets.json" in told[0]["why"]
    assert "Put it back from the backup" in told[0]["why"]


@pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX signals")
async def test_an_outage_is_over_soon_after_the_server_is_back() -> None:
    """The pool must not sleep on because the server was away for long."""
    with public_directory("away") as data_dir, EmbeddedPostgres(data_dir, durable=False) as server:
        database = Database(server.url, pool_size=1)
        await database.open()
        await database.ping()
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        back_at = time.monotonic() + 8
        while time.monotonic() < back_at:
            with contextlib.suppress(*DATABASE_DOWN):
                await database.ping()
            await asyncio.sleep(0.5)
        await asyncio.to_thread(server.start)
        begun = time.monotonic()
        while True:
            with contextlib.suppress(*DATABASE_DOWN):
                await database.ping()
                break
            await asyncio.sleep(0.1)
        await database.close()
    assert time.monotonic() - begun < 4
