"""The running shop looks after its embedded PostgreSQL, and says once what is the matter."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from app import bootstrap
from app.bootstrap import look_after
from app.core.database import Database
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
