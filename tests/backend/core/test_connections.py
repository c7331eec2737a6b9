"""Connections that lay in a pool: asked whether they still work after a rest, and only then."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import text

from app.core import database as core
from app.core.database import Database, queue_pool


def cut_all(url: str) -> int:
    """Ends every other connection to this database, as a restart does; how many there were."""
    with psycopg.connect(url, autocommit=True) as admin:
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return len(ended.fetchall())


@pytest.fixture
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any time in the pool is a rest."""
    monkeypatch.setattr(core, "FRESH_SECONDS", 0.0)


@pytest.fixture
def just_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time in the pool is a rest."""
    monkeypatch.setattr(core, "FRESH_SECONDS", 3600.0)


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    opened = Database(empty_database_url)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def queue(
    empty_database_url: str,
) -> AsyncIterator[AsyncConnectionPool[psycopg.AsyncConnection[object]]]:
    check = AsyncConnectionPool.check_connection
    async with queue_pool(empty_database_url, open=False, min_size=1, max_size=1, check=check) as q:
        yield q


async def backend_of(database: Database) -> int:
    async with database.session() as session:
        return int((await session.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def backend_of_queue(queue: AsyncConnectionPool[psycopg.AsyncConnection[object]]) -> int:
    async with queue.connection() as connection:
        row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        assert isinstance(row, tuple)
        return int(row[0])


@pytest.mark.usefixtures("rested")
async def test_a_session_after_a_restart_gets_another_connection(database: Database) -> None:
    before = await backend_of(database)
    assert await backend_of(database) == before, "kept while it works"
    cut_all(database.url)

    assert await backend_of(database) != before


@pytest.mark.usefixtures("rested")
async def test_the_queue_after_a_restart_gets_another_connection(
    queue: AsyncConnectionPool[psycopg.AsyncConnection[object]], empty_database_url: str
) -> None:
    before = await backend_of_queue(queue)
    assert await backend_of_queue(queue) == before, "kept while it works"
    assert cut_all(empty_database_url) == 1

    assert await backend_of_queue(queue) != before


@pytest.mark.usefixtures("just_used")
async def test_one_that_worked_a_moment_ago_is_used_unasked(
    database: Database, queue: AsyncConnectionPool[psycopg.AsyncConnection[object]]
) -> None:
    """So the first to use it after a restart fails, once, and comes back as for any failure."""
    session, task = await backend_of(database), await backend_of_queue(queue)
    cut_all(database.url)

    with pytest.raises(core.DATABASE_DOWN):
        await backend_of(database)
    with pytest.raises(core.DATABASE_DOWN):
        await backend_of_queue(queue)
    assert await backend_of(database) != session
    assert await backend_of_queue(queue) != task


async def test_the_queues_calls_commit_by_themselves(
    queue: AsyncConnectionPool[psycopg.AsyncConnection[object]],
) -> None:
    async with queue.connection() as connection:
        assert connection.autocommit
