"""The inbox: ``webhook_logs``. Receiving is one statement; thinking happens later."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import WebhookLog

# Row and task in one statement on one connection in autocommit: one round trip, all or nothing.
# A copy of a known message inserts nothing and defers nothing.
_RECEIVE = """
WITH kept AS (
    INSERT INTO webhook_logs (provider, dedup_key, event_id, lane, raw_body)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (provider, dedup_key) DO NOTHING
    RETURNING id, lane
)
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
    'default', 'receive', 0, kept.lane, NULL, jsonb_build_object('inbox_id', kept.id), NULL
)::procrastinate_job_to_defer_v1]) FROM kept
"""


async def receive(
    connection: psycopg.AsyncConnection[Any],
    *,
    provider: str,
    dedup_key: str,
    event_id: str,
    lane: str,
    raw_body: bytes,
) -> bool:
    """Keeps a verified webhook and defers its handling. False for a copy of a kept one."""
    cursor = await connection.execute(
        _RECEIVE, (provider, dedup_key, event_id, lane, raw_body), prepare=True
    )
    return cursor.rowcount == 1


class Inbox:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, inbox_id: int) -> WebhookLog | None:
        return await self._session.get(WebhookLog, inbox_id)

    async def lock(self, inbox_id: int) -> WebhookLog | None:
        """Only while it is new: what is finished is nobody's business any more."""
        row = await self._session.get(WebhookLog, inbox_id, with_for_update=True)
        return row if row is not None and row.status == "NEW" else None

    async def finish(self, row: WebhookLog, status: str, reason: str = "") -> None:
        row.status, row.reason = status, reason[:500]
        row.finished_at = (
            await self._session.execute(text("SELECT clock_timestamp()"))
        ).scalar_one()

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
