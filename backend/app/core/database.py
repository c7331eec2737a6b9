"""The database: one address, two ways in.

``Database.session`` gives SQLAlchemy sessions for use cases; ``Database.pool`` plain psycopg
connections in autocommit for the three calls that must be a single round trip (receive a
webhook, claim a job, report a status). Nobody but this module, the repositories and the
migrations speaks SQL.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import structlog
from alembic import command
from alembic.config import Config
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

log = structlog.get_logger(__name__)

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
# A request that waits longer is better answered with 503 than late.
STATEMENT_MS = 15_000
LOCK_MS = 8_000
IDLE_IN_TRANSACTION_MS = 30_000
CONNECT_SECONDS = 3
TIMEOUTS = (
    f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={LOCK_MS} "
    f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}"
)
DatabaseDown = (psycopg.OperationalError, psycopg.errors.AdminShutdown)


def sqlalchemy_url(url: str) -> str:
    return "postgresql+psycopg://" + url.removeprefix("postgresql://")


class Database:
    """Pools to one PostgreSQL. Open with ``async with``; cheap to make, nothing connects before."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            pool_pre_ping=True,
            connect_args={"options": TIMEOUTS, "connect_timeout": CONNECT_SECONDS},
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self.pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=pool_size,
            timeout=3,
            open=False,
            check=AsyncConnectionPool.check_connection,
            kwargs={
                "autocommit": True,
                "options": TIMEOUTS,
                "connect_timeout": CONNECT_SECONDS,
                "prepare_threshold": 1,
            },
        )

    async def open(self) -> None:
        await self.pool.open()

    async def close(self) -> None:
        await self.pool.close()
        await self.engine.dispose()

    def session(self) -> AsyncSession:
        return self._sessions()

    async def ping(self) -> None:
        async with self.pool.connection(timeout=2) as connection:
            await connection.execute("SELECT 1")


async def driver_connection(session: AsyncSession) -> psycopg.AsyncConnection[Any]:
    """The psycopg connection under a session: the task queue defers through it, so that a task
    exists exactly when the transaction that decided it commits."""
    raw = await (await session.connection()).get_raw_connection()
    connection: Any = raw.driver_connection
    assert isinstance(connection, psycopg.AsyncConnection)
    return connection


class Listener:
    """LISTEN on one channel, for any number of waiters in this process.

    A notification is a hint. While the connection is down waiters simply time out and look.
    """

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._rung = asyncio.Condition()
        self._count = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen(), name=f"listen {self._channel}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.ring()

    @property
    def heard(self) -> int:
        """Notifications so far: read it before looking, pass it to ``wait`` after."""
        return self._count

    async def ring(self) -> None:
        async with self._rung:
            self._count += 1
            self._rung.notify_all()

    async def wait(self, since: int, seconds: float) -> None:
        """Returns when something was heard after ``since``, or after ``seconds``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._rung:
                await self._rung.wait_for(lambda: self._count != since)

    async def _listen(self) -> None:
        down = False
        while True:
            try:
                async for _ in self._notifications():
                    if down:
                        log.info("listening again", channel=self._channel)
                        down = False
                    await self.ring()
            except psycopg.Error as error:
                if not down:
                    log.warning("not listening", channel=self._channel, why=str(error))
                    down = True
                await asyncio.sleep(0.5)

    async def _notifications(self) -> AsyncIterator[None]:
        connection = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=CONNECT_SECONDS
        )
        async with connection:
            await connection.execute(f'LISTEN "{self._channel}"'.encode())
            yield  # whatever happened while we were away
            async for _ in connection.notifies():
                yield


def alembic_config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = sqlalchemy_url(url)
    return config


def upgrade(database_url: str) -> None:
    """Brings the schema to the newest version. Safe to call from several processes at once:
    a lock in the database lets one migrate and the others wait."""
    with psycopg.connect(database_url, autocommit=True, connect_timeout=10) as guard:
        guard.execute("SELECT pg_advisory_lock(hashtext('printwala migrations'))")
        command.upgrade(alembic_config(database_url), "head")
