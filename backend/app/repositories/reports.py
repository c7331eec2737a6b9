"""Reading for people: lists, figures and the timeline. Always scoped to one shop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AttentionItem, SweepRun
from app.repositories import couplings

_ORDER_COLUMNS = """
    o.id, o.code, o.token, o.status, o.print_type, o.copies, o.total_paise, o.pay_at_counter,
    o.created_at, o.paid_at, o.ready_at, c.name AS customer_name, c.phone, c.id AS customer_id,
    (SELECT d.name FROM documents d WHERE d.order_id = o.id ORDER BY d.created_at LIMIT 1)
        AS document_name,
    (SELECT sum(d.pages) FROM documents d WHERE d.order_id = o.id) AS pages,
    (SELECT j.status FROM print_jobs j WHERE j.order_id = o.id
        ORDER BY j.queue_number DESC LIMIT 1) AS job_status
"""


class Reports:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def orders(
        self,
        shop_id: UUID,
        *,
        statuses: Sequence[str],
        phone: str,
        words: str,
        before: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[RowMapping]:
        """Newest first. ``phone`` is digits; ``words`` meets token, code, name or file name."""
        result = await self._session.execute(
            text(
                f"SELECT {_ORDER_COLUMNS} FROM orders o JOIN customers c ON c.id = o.customer_id "
                "WHERE o.shop_id = :shop "
                "AND (cardinality(CAST(:statuses AS text[])) = 0 "
                "  OR o.status = ANY(CAST(:statuses AS text[]))) "
                "AND (:phone = '' OR c.phone LIKE '%' || :phone || '%') "
                "AND (:words = '' OR o.token = :words OR o.code = upper(:words) "
                "  OR strpos(lower(c.name), lower(:words)) > 0 "
                "  OR EXISTS (SELECT 1 FROM documents d WHERE d.order_id = o.id "
                "    AND strpos(lower(d.name), lower(:words)) > 0) "
                "  OR EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id "
                "    AND p.rzp_payment_id = :words)) "
                "AND (CAST(:at AS timestamptz) IS NULL "
                "  OR (o.created_at, o.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))) "
                "ORDER BY o.created_at DESC, o.id DESC LIMIT :limit"
            ),
            {
                "shop": shop_id,
                "statuses": list(statuses),
                "phone": phone,
                "words": words,
                "at": before[0] if before else None,
                "id": before[1] if before else None,
                "limit": limit,
            },
        )
        return list(result.mappings())

    async def board(self, shop_id: UUID, limit: int) -> list[RowMapping]:
        """The orders somebody waits for, oldest first: of each place at most ``limit``, and in
        ``total`` how many there are."""
        result = await self._session.execute(
            text(
                "WITH open AS (SELECT o.id, o.created_at, CASE "
                "    WHEN o.status = 'READY' THEN 'ready' "
                "    WHEN o.status = 'PAYMENT_PENDING' THEN 'waiting' "
                "    WHEN (SELECT j.status FROM print_jobs j WHERE j.order_id = o.id "
                "      ORDER BY j.queue_number DESC LIMIT 1) IN ('CLAIMED', 'PRINTING') "
                "    THEN 'printing' ELSE 'to-print' END AS place "
                "  FROM orders o WHERE o.shop_id = :shop "
                "  AND o.status IN ('PAID', 'READY', 'PAYMENT_PENDING')), "
                "placed AS (SELECT id, place, count(*) OVER (PARTITION BY place) AS total, "
                "  row_number() OVER (PARTITION BY place ORDER BY created_at, id) AS number "
                "  FROM open) "
                f"SELECT {_ORDER_COLUMNS}, placed.place, placed.total FROM placed "
                "JOIN orders o ON o.id = placed.id JOIN customers c ON c.id = o.customer_id "
                "WHERE placed.number <= :limit ORDER BY o.created_at, o.id"
            ),
            {"shop": shop_id, "limit": limit},
        )
        return list(result.mappings())

    async def today(self, shop_id: UUID) -> tuple[int, int]:
        """Orders made and paise earned since the shop's midnight, as ``stats`` counts them."""
        result = await self._session.execute(
            text(
                "SELECT (SELECT count(*) FROM orders o "
                "  WHERE o.shop_id = :shop AND o.created_at >= day.start), "
                "(SELECT coalesce(sum(p.captured_paise - p.refunded_paise), 0) FROM payments p "
                "  WHERE p.shop_id = :shop AND p.disposition = 'FULFILS' "
                "  AND p.captured_at >= day.start) "
                "FROM (SELECT date_trunc('day', clock_timestamp() AT TIME ZONE timezone) "
                "  AT TIME ZONE timezone AS start FROM shops WHERE id = :shop) day"
            ),
            {"shop": shop_id},
        )
        orders, paise = result.one()
        return int(orders), int(paise)

    async def jobs(
        self,
        shop_id: UUID,
        statuses: Sequence[str],
        *,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[RowMapping]:
        """Those that were made first come first."""
        result = await self._session.execute(
            text(
                "SELECT j.*, o.code AS order_code FROM print_jobs j "
                "JOIN orders o ON o.id = j.order_id WHERE j.shop_id = :shop "
                "AND j.status = ANY(CAST(:statuses AS text[])) "
                "AND (CAST(:at AS timestamptz) IS NULL "
                "  OR (j.created_at, j.id) > (CAST(:at AS timestamptz), CAST(:id AS uuid))) "
                "ORDER BY j.created_at, j.id LIMIT :limit"
            ),
            {
                "shop": shop_id,
                "statuses": list(statuses),
                "at": after[0] if after else None,
                "id": after[1] if after else None,
                "limit": limit,
            },
        )
        return list(result.mappings())

    async def timeline(self, order_id: UUID) -> list[RowMapping]:
        """What happened to an order and everything that belongs to it, oldest first."""
        result = await self._session.execute(
            text(
                "WITH mine AS (SELECT 'orders' AS entity, :id AS id "
                "  UNION SELECT 'payments', id FROM payments WHERE order_id = :id "
                "  UNION SELECT 'refunds', id FROM refunds WHERE order_id = :id "
                "  UNION SELECT 'print_jobs', id FROM print_jobs WHERE order_id = :id) "
                "SELECT t.at, t.entity, t.entity_id, t.from_status, t.to_status, t.actor "
                "FROM transitions t JOIN mine m ON m.entity = t.entity AND m.id = t.entity_id "
                "ORDER BY t.id"
            ),
            {"id": order_id},
        )
        return list(result.mappings())

    async def stats(self, shop_id: UUID, first: date | None, last: date | None) -> dict[str, Any]:
        """Counts and sums by the shop's own calendar day; ``first`` and ``last`` included."""
        facts = {"shop": shop_id, "first": first, "last": last}
        span = (
            "(CAST(:first AS date) IS NULL OR {day} >= :first) "
            "AND (CAST(:last AS date) IS NULL OR {day} <= :last)"
        )
        zone = "(SELECT timezone FROM shops WHERE id = :shop)"
        today = f"(clock_timestamp() AT TIME ZONE {zone})::date"
        made = f"(o.created_at AT TIME ZONE {zone})::date"
        got = f"(p.captured_at AT TIME ZONE {zone})::date"
        by_status = await self._pairs(
            "SELECT o.status, count(*) FROM orders o WHERE o.shop_id = :shop "
            f"AND {span.format(day=made)} GROUP BY o.status",
            facts,
        )
        jobs = await self._pairs(
            "SELECT j.status, count(*) FROM print_jobs j JOIN orders o ON o.id = j.order_id "
            f"WHERE j.shop_id = :shop AND {span.format(day=made)} GROUP BY j.status",
            facts,
        )
        single = await self._session.execute(
            text(
                "SELECT "
                f"(SELECT count(*) FROM orders o WHERE o.shop_id = :shop AND {made} = {today}) "
                "  AS orders_today, "
                "(SELECT coalesce(sum(p.captured_paise - p.refunded_paise), 0) FROM payments p "
                "  WHERE p.shop_id = :shop AND p.disposition = 'FULFILS' "
                f"  AND {span.format(day=got)}) AS revenue, "
                "(SELECT coalesce(sum(p.captured_paise - p.refunded_paise), 0) FROM payments p "
                f"  WHERE p.shop_id = :shop AND p.disposition = 'FULFILS' AND {got} = {today}) "
                "  AS revenue_today"
            ),
            facts,
        )
        sums = single.mappings().one()
        pages = await self._session.execute(
            text(
                "SELECT "
                "coalesce(sum(CASE j.print_type WHEN 'COLOR' THEN 0 WHEN 'BW' THEN j.pages "
                "  ELSE j.pages - jsonb_array_length(j.color_pages) END * j.copies), 0) AS bw, "
                "coalesce(sum(CASE j.print_type WHEN 'COLOR' THEN j.pages WHEN 'BW' THEN 0 "
                "  ELSE jsonb_array_length(j.color_pages) END * j.copies), 0) AS color "
                "FROM print_jobs j JOIN orders o ON o.id = j.order_id "
                "WHERE j.shop_id = :shop AND j.status = 'COMPLETED' "
                f"AND {span.format(day=made)}"
            ),
            facts,
        )
        inked = pages.mappings().one()
        daily = await self._session.execute(
            text(
                f"SELECT {made} AS day, count(*) AS orders, "
                "coalesce(sum((SELECT sum(p.captured_paise - p.refunded_paise) FROM payments p "
                "  WHERE p.order_id = o.id AND p.disposition = 'FULFILS')), 0) AS revenue_paise "
                f"FROM orders o WHERE o.shop_id = :shop AND {span.format(day=made)} "
                "GROUP BY 1 ORDER BY 1 DESC LIMIT 92"
            ),
            facts,
        )
        return {
            "orders": {
                "total": sum(by_status.values()),
                "today": sums["orders_today"],
                "by_status": by_status,
            },
            "revenue_paise": {
                "total": int(sums["revenue"]),
                "today": int(sums["revenue_today"]),
            },
            "print_jobs": {"by_status": jobs},
            "pages": {"bw": int(inked["bw"]), "color": int(inked["color"])},
            "daily": [
                {
                    "date": row["day"].isoformat(),
                    "orders": row["orders"],
                    "revenue_paise": int(row["revenue_paise"]),
                }
                for row in reversed(list(daily.mappings()))
            ],
        }

    async def _pairs(self, sql: str, facts: dict[str, Any]) -> dict[str, int]:
        rows = await self._session.execute(text(sql), facts)
        return {str(row[0]): int(row[1]) for row in rows}

    async def open_items(self, shop_id: UUID) -> list[AttentionItem]:
        rows = await self._session.scalars(
            select(AttentionItem)
            .where(AttentionItem.shop_id == shop_id, AttentionItem.closed_at.is_(None))
            .order_by(AttentionItem.opened_at)
        )
        return list(rows)

    async def background_silence(self) -> float | None:
        """Seconds since a background worker last beat; None when there is none."""
        result = await self._session.execute(
            text(
                "SELECT extract(epoch FROM clock_timestamp() - max(last_heartbeat)) "
                "FROM procrastinate_workers"
            )
        )
        age = result.scalar_one()
        return None if age is None else float(age)

    async def tasks_waiting(self) -> dict[str, int]:
        """Tasks that could run now and do not yet, by queue."""
        rows = await self._session.execute(
            text(
                "SELECT queue_name, count(*) FROM procrastinate_jobs WHERE status = 'todo' "
                "AND (scheduled_at IS NULL OR scheduled_at <= clock_timestamp()) GROUP BY 1"
            )
        )
        return {str(row[0]): int(row[1]) for row in rows}

    async def swept(self, name: str, summary: str, *, idle: bool, unread: int) -> None:
        """Writes down a run, as a success when nothing is unread. One that had nothing to do says
        nothing about what the run before it left unread."""
        await self._session.execute(
            text(
                "INSERT INTO sweep_runs AS last (name, succeeded_at, summary, unread) VALUES "
                "(:name, CASE WHEN :unread = 0 THEN clock_timestamp() END, :summary, :unread) "
                "ON CONFLICT (name) DO UPDATE SET summary = excluded.summary, "
                "unread = CASE WHEN :idle THEN last.unread ELSE excluded.unread END, "
                "succeeded_at = CASE WHEN :idle AND last.unread > 0 THEN last.succeeded_at "
                "ELSE coalesce(excluded.succeeded_at, last.succeeded_at) END"
            ),
            {"name": name, "summary": summary[:500], "idle": idle, "unread": unread},
        )

    async def sweeps(self) -> list[SweepRun]:
        rows = await self._session.scalars(select(SweepRun).order_by(SweepRun.name))
        return list(rows)

    async def broken_invariants(self) -> dict[str, list[str]]:
        """Each promise of ``repositories/invariants.sql``, and the couplings' own, with the rows
        that break it."""
        broken = {couplings.NAME: await couplings.apart(self._session)}
        queries = {name: sql.replace(":", "\\:") for name, sql in invariants().items()}
        # One question for all of them; only what is broken is read.
        asked = ", ".join(f"EXISTS ({sql}\n)" for sql in queries.values())
        found = (await self._session.execute(text(f"SELECT {asked}"))).one()
        for (name, sql), any_row in zip(queries.items(), found, strict=True):
            rows = await self._session.execute(text(sql)) if any_row else ()
            broken[name] = [" ".join(map(str, row)) for row in rows]
        return broken


@cache
def invariants() -> dict[str, str]:
    """Name → query. A query that returns rows has found a broken promise."""
    script = Path(__file__).with_name("invariants.sql").read_text(encoding="utf-8")
    parts = script.split("-- name: ")[1:]
    return {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip() for part in parts}
