"""The inbox: ``webhook_logs``. Receiving is one statement; thinking happens later."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import NOW, WebhookLog

# Rows and tasks in one statement on one connection in autocommit: one round trip, all or nothing,
# for as many webhooks as wait at that moment. A copy of a known one inserts nothing and defers
# nothing. Rows go in by key, so that two instances with the same webhooks do not lock each other
# out; tasks go in as the webhooks came, because that is the order of a lane.
_RECEIVE = """
WITH given AS (
    SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[])
        WITH ORDINALITY AS g (provider, dedup_key, event_id, lane, raw_body, place)
), kept AS (
    INSERT INTO webhook_logs (provider, dedup_key, event_id, lane, raw_body)
    SELECT provider, dedup_key, event_id, lane, raw_body FROM given
    ORDER BY provider, dedup_key, place
    ON CONFLICT (provider, dedup_key) DO NOTHING
    RETURNING id, provider, dedup_key, lane
), came AS (
    SELECT provider, dedup_key, min(place) AS place FROM given GROUP BY provider, dedup_key
), deferred AS (
    SELECT procrastinate_defer_jobs_v1(array_agg(ROW(
        'default', 'receive', 0, kept.lane, NULL, jsonb_build_object('inbox_id', kept.id), NULL
    )::procrastinate_job_to_defer_v1 ORDER BY came.place)) AS jobs
    FROM kept JOIN came USING (provider, dedup_key)
)
SELECT kept.provider, kept.dedup_key FROM kept, deferred
"""
_FINISH = """
UPDATE webhook_logs
SET status = %s, reason = %s, finished_at = clock_timestamp(),
    raw_body = CASE WHEN %s THEN '' ELSE raw_body END
WHERE id = %s AND status = 'NEW'
"""
LARGEST_BATCH = 64
# Razorpay gives up after five seconds and tries again later; an early 503 says the same sooner.
CONNECTION_SECONDS = 1.5
KEEP_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Incoming:
    """A verified webhook. ``lane`` puts those of one person in order."""

    provider: str
    dedup_key: str
    event_id: str
    lane: str
    raw_body: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A webhook nobody has dealt with yet."""

    provider: str
    raw_body: bytes


class Receiver:
    """Keeps webhooks, those that arrive together in one commit, and hands them out again.

    A webhook is answered after its own commit and never before. Under load this costs a fraction
    of a transaction each; a lone webhook is written at once.
    """

    def __init__(self, pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]]) -> None:
        self._pool = pool
        self._waiting: list[tuple[Incoming, asyncio.Future[bool]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def keep(self, incoming: Incoming) -> bool:
        """False for a copy of one that was kept before. Raises what the database raises."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((incoming, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="receive webhooks")
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                return await done
        except TimeoutError:
            raise psycopg.OperationalError("the webhook was not written in time") from None

    async def get(self, inbox_id: int) -> Kept | None:
        """None when it was dealt with."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT provider, raw_body FROM webhook_logs WHERE id = %s AND status = 'NEW'",
                (inbox_id,),
            )
            row = await cursor.fetchone()
        return None if row is None else Kept(row[0], row[1])

    async def finish(self, inbox_id: int, status: str, reason: str, *, forget: bool) -> None:
        """Once; ``forget`` empties its bytes."""
        async with self._pool.connection() as connection:
            await connection.execute(_FINISH, (status, reason[:500], forget, inbox_id))

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:LARGEST_BATCH]
                del self._waiting[:LARGEST_BATCH]
                try:
                    fresh = await self._commit([incoming for incoming, _ in batch])
                except Exception as error:  # noqa: BLE001 - each caller is told what happened
                    for _, done in batch:
                        if not done.done():
                            done.set_exception(error)
                    continue
                for incoming, done in batch:
                    key = (incoming.provider, incoming.dedup_key)
                    if not done.done():
                        done.set_result(key in fresh)
                    fresh.discard(key)  # a second copy in the same batch is a copy
        finally:
            self._writer = None

    async def _commit(self, batch: list[Incoming]) -> set[tuple[str, str]]:
        columns = (
            [incoming.provider for incoming in batch],
            [incoming.dedup_key for incoming in batch],
            [incoming.event_id for incoming in batch],
            [incoming.lane for incoming in batch],
            [incoming.raw_body for incoming in batch],
        )
        try:
            return await self._insert(columns)
        except PoolTimeout:
            raise  # there is no connection to be had: a second wait only keeps the sender waiting
        except psycopg.OperationalError:
            # A connection that went stale while it lay in the pool. The rows are keyed, so that
            # writing them again is harmless even if the first try had arrived.
            return await self._insert(columns)

    async def _insert(self, columns: tuple[list[Any], ...]) -> set[tuple[str, str]]:
        async with self._pool.connection(timeout=CONNECTION_SECONDS) as connection:
            cursor = await connection.execute(_RECEIVE, columns, prepare=True)
            return {(row[0], row[1]) for row in await cursor.fetchall()}


class Inbox:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, inbox_id: int) -> WebhookLog | None:
        """Only while it is new: what is finished is nobody's business any more."""
        row = await self._session.get(WebhookLog, inbox_id, with_for_update=True)
        return row if row is not None and row.status == "NEW" else None

    def finish(self, row: WebhookLog, status: str, reason: str = "") -> None:
        row.status, row.reason, row.finished_at = status, reason[:500], NOW

    async def unfinished(self, *, older_than_seconds: int) -> list[tuple[int, str]]:
        """Rows whose task was lost or gave up: ids with their lanes."""
        rows = await self._session.execute(
            text(
                "SELECT id, lane FROM webhook_logs WHERE status = 'NEW' "
                "AND received_at < clock_timestamp() - make_interval(secs => :age) "
                "AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j WHERE j.task_name = 'receive' "
                "  AND j.status IN ('todo', 'doing') AND (j.args ->> 'inbox_id')::bigint "
                "  = webhook_logs.id) ORDER BY id LIMIT 200"
            ),
            {"age": older_than_seconds},
        )
        return [(row.id, row.lane) for row in rows]
