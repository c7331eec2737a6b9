"""What moves by itself in a shop, moved by hand: its tasks, and its time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

from app.tasks.work_queue import WORTH_WAITING_FOR
from tests.support.shop import House

# The chat and the files have machines of their own; here they would only take time.
NOT_OURS = ("send_message", "make_print_ready", "make_sheet", "prepare_document")


async def run_due(house: House, most: int) -> int:
    """At most so many tasks that are due, oldest first; how many ran.

    A provider's failure leaves the task for the next time. Any other error is a bug.
    """
    queue, ran = house.inside.queue, 0
    while ran < most:
        due = await house.sql(
            "SELECT id, task_name, args, attempts FROM procrastinate_jobs WHERE "
            "status = 'todo' AND task_name <> ALL(%s) AND "
            "coalesce(scheduled_at, now()) <= now() ORDER BY id LIMIT 1",
            list(NOT_OURS),
        )
        if not due:
            break
        [row] = due
        task = queue.tasks[row["task_name"]]
        context = [SimpleNamespace(job=SimpleNamespace(attempts=row["attempts"]))]
        try:
            await task.func(*(context if task.pass_context else []), **row["args"])
        except WORTH_WAITING_FOR:
            await house.sql(
                "UPDATE procrastinate_jobs SET attempts = attempts + 1, "
                "scheduled_at = now() + interval '2 minutes' WHERE id = %s",
                row["id"],
            )
        else:
            await house.sql("DELETE FROM procrastinate_jobs WHERE id = %s", row["id"])
        ran += 1
    return ran


class Database:
    """A shop's database, as its administrator sees it."""

    def __init__(self, house: House, admin_url: str) -> None:
        name = urlsplit(house.settings.database_url).path
        self._admin = urlsplit(admin_url)._replace(path=name).geturl()
        self._columns: dict[str, list[str]] = {}

    def _connected(self) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(self._admin, autocommit=True, row_factory=dict_row)

    def empty(self) -> None:
        with self._connected() as connection:
            connection.execute(
                "TRUNCATE customers, webhook_logs, attention_items, transitions, audit_log, "
                "disputes, workers, printers, bill_counters, procrastinate_jobs, sweep_runs CASCADE"
            )

    def grow_older(self, minutes: int) -> list[str]:
        """Moves every time into the past; the links whose time is over by that."""
        with self._connected() as connection:
            connection.execute("SET session_replication_role = replica")
            for table, columns in self._times(connection).items():
                moved = ", ".join(f"{c} = {c} - interval '{minutes} minutes'" for c in columns)
                connection.execute(f"UPDATE {table} SET {moved}".encode())
            over = connection.execute(
                "SELECT plink_id FROM payments WHERE plink_id IS NOT NULL "
                "AND reference_id IS NOT NULL AND expires_at < clock_timestamp()"
            ).fetchall()
        return [row["plink_id"] for row in over]

    def _times(self, connection: psycopg.Connection[dict[str, Any]]) -> dict[str, list[str]]:
        if not self._columns:
            rows = connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns "
                "JOIN pg_tables ON tablename = table_name AND schemaname = 'public' "
                "WHERE table_schema = 'public' AND data_type = 'timestamp with time zone' "
                "AND table_name NOT IN ('shops', 'price_lists', 'contents') AND "
                "(table_name NOT LIKE 'procrastinate%' OR column_name = 'scheduled_at')"
            ).fetchall()
            for row in rows:
                self._columns.setdefault(row["table_name"], []).append(row["column_name"])
        return self._columns
