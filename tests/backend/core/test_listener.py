"""A notification wakes everybody who waits, also after the connection was killed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.core.database import (
    DATABASE_DOWN,
    NETWORK,
    Database,
    Listener,
    driver_connection,
)

CHANNEL = "print_jobs"


@pytest.fixture
async def listener(module_database_url: str) -> AsyncIterator[Listener]:
    made = Listener(module_database_url, CHANNEL)
    made.start()
    await reached(made, 1)  # connected: whatever happened before is looked at once
    yield made
    await made.stop()


async def reached(listener: Listener, count: int, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while listener.heard < count:
            await listener.wait(listener.heard, 1)


async def ring(url: str, channel: str = CHANNEL) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("SELECT pg_notify(%s, 'x')", (channel,))


async def test_one_ring_wakes_all_who_wait(listener: Listener, module_database_url: str) -> None:
    seen = listener.heard
    waiting = [asyncio.create_task(listener.wait(seen, 30)) for _ in range(20)]
    await asyncio.sleep(0)
    began = time.monotonic()

    await ring(module_database_url)
    await asyncio.gather(*waiting)

    assert time.monotonic() - began < 10
    assert listener.heard == seen + 1


async def test_a_ring_between_looking_and_waiting_is_not_missed(
    listener: Listener, module_database_url: str
) -> None:
    seen = listener.heard
    await ring(module_database_url)
    await reached(listener, seen + 1)
    began = time.monotonic()

    await listener.wait(seen, 30)

    assert time.monotonic() - began < 5


async def test_without_a_ring_the_wait_is_over_in_time(listener: Listener) -> None:
    seen = listener.heard
    began = time.monotonic()

    await listener.wait(seen, 0.1)

    assert 0.09 <= time.monotonic() - began < 5
    assert listener.heard == seen


async def test_another_channel_wakes_nobody(listener: Listener, module_database_url: str) -> None:
    seen = listener.heard

    await ring(module_database_url, "somebody_else")
    await listener.wait(seen, 0.2)

    assert listener.heard == seen


async def test_a_killed_connection_is_made_again_and_said_once(
    listener: Listener, module_database_url: str
) -> None:
    seen = listener.heard
    with capture_logs() as said:
        async with await psycopg.AsyncConnection.connect(
            module_database_url, autocommit=True
        ) as admin:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            )
        await reached(listener, seen + 1)  # looks again, because something may have been missed
        await ring(module_database_url)
        await reached(listener, seen + 2)

    assert [line["event"] for line in said] == ["not listening", "listening again"]


async def test_a_database_that_is_away_costs_only_the_wait() -> None:
    listener = Listener("postgresql://nobody@127.0.0.1:1/nothing", CHANNEL)
    with capture_logs() as said:
        listener.start()
        await listener.wait(listener.heard, 1.2)
        await listener.stop()

    assert [line["event"] for line in said] == ["not listening"]


async def test_stopping_lets_everybody_go(module_database_url: str) -> None:
    listener = Listener(module_database_url, CHANNEL)
    listener.start()
    await reached(listener, 1)
    waiting = asyncio.create_task(listener.wait(listener.heard, 30))
    await asyncio.sleep(0)

    await listener.stop()

    await asyncio.wait_for(waiting, 5)


# The ways in


async def test_every_connection_soon_notices_a_peer_that_vanished(
    module_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[psycopg.AsyncConnection[Any]] = []
    connect = psycopg.AsyncConnection.connect

    async def noted(*asked: Any, **more: Any) -> psycopg.AsyncConnection[Any]:
        made.append(await connect(*asked, **more))
        return made[-1]

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", noted)
    listener = Listener(module_database_url, CHANNEL)
    listener.start()
    await reached(listener, 1)
    [listening] = made
    database = Database(module_database_url, pool_size=1)
    await database.open()
    async with database.pool.connection() as plain, database.session() as session:
        ways = [listening, plain, await driver_connection(session)]
        asked = [way.info.get_parameters() for way in ways]
    await database.close()
    await listener.stop()

    wanted = {name: str(value) for name, value in NETWORK.items()}
    assert [{name: one.get(name) for name in wanted} for one in asked] == [wanted] * 3


async def test_a_database_that_is_away_is_said_to_be_away() -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/nothing", pool_size=1)
    await away.open()
    try:
        with pytest.raises(DATABASE_DOWN):
            await away.ping()
    finally:
        await away.close()


async def test_both_ways_in_carry_the_time_limits(module_database_url: str) -> None:
    database = Database(module_database_url, pool_size=1)
    await database.open()
    ask = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
    async with database.pool.connection() as connection:
        plain = await (await connection.execute(ask)).fetchone()
    async with database.session() as session:
        mapped = (await session.execute(text(ask))).one()
    await database.close()

    assert tuple(plain or ()) == tuple(mapped) == ("15s", "8s")
