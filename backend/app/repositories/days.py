"""The figures of a span of time, the spans of business days, and the reports that close them.

Money counts by its transitions: they are written once, by the database's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models_days import DayReport

_FACTS = {
    # Ours and the customers' money, as it moved.
    "captured": """
        SELECT count(*) FILTER (WHERE p.method <> 'cash') AS online_count,
            coalesce(sum(p.captured_paise) FILTER (WHERE p.method <> 'cash'), 0) AS online_paise,
            count(*) FILTER (WHERE p.method = 'cash') AS cash_count,
            coalesce(sum(p.captured_paise) FILTER (WHERE p.method = 'cash'), 0) AS cash_paise,
            coalesce(sum(p.captured_paise) FILTER (WHERE p.disposition = 'FULFILS'), 0)
                AS fulfilling_paise
        FROM transitions t JOIN payments p ON p.id = t.entity_id
        WHERE t.entity = 'payments' AND t.to_status = 'CAPTURED' AND p.currency = 'INR'
            AND p.shop_id = :shop AND t.at > :start AND t.at <= :until""",
    "other_currency": """
        SELECT count(*) AS count FROM transitions t JOIN payments p ON p.id = t.entity_id
        WHERE t.entity = 'payments' AND t.to_status = 'CAPTURED' AND p.currency <> 'INR'
            AND p.shop_id = :shop AND t.at > :start AND t.at <= :until""",
    # What a bank sends back after "processed" is ours again: it counts against the refunds.
    "refunded": """
        SELECT count(*) FILTER (WHERE t.to_status = 'PROCESSED') AS processed_count,
            coalesce(sum(r.amount_paise) FILTER (WHERE t.to_status = 'PROCESSED'), 0)
                AS processed_paise,
            coalesce(sum(r.amount_paise) FILTER (WHERE t.to_status = 'PROCESSED'
                AND p.method = 'cash'), 0) AS cash_paise,
            count(*) FILTER (WHERE t.from_status = 'PROCESSED') AS came_back_count,
            coalesce(sum(r.amount_paise) FILTER (WHERE t.from_status = 'PROCESSED'), 0)
                AS came_back_paise,
            coalesce(sum(CASE WHEN t.to_status = 'PROCESSED' THEN r.amount_paise
                ELSE -r.amount_paise END) FILTER (WHERE p.disposition = 'FULFILS'), 0)
                AS of_revenue_paise
        FROM transitions t JOIN refunds r ON r.id = t.entity_id
            JOIN payments p ON p.id = r.payment_id
        WHERE t.entity = 'refunds' AND (t.to_status = 'PROCESSED' OR t.from_status = 'PROCESSED')
            AND p.currency = 'INR' AND r.shop_id = :shop AND t.at > :start AND t.at <= :until""",
    "asked": """
        SELECT count(*) AS requested_count, coalesce(sum(r.amount_paise), 0) AS requested_paise
        FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.currency = 'INR'
            AND r.shop_id = :shop AND r.created_at > :start AND r.created_at <= :until""",
    "pending": """
        SELECT count(*) FILTER (WHERE r.status <> 'FAILED') AS in_progress_count,
            coalesce(sum(r.amount_paise) FILTER (WHERE r.status <> 'FAILED'), 0)
                AS in_progress_paise,
            count(*) FILTER (WHERE r.status = 'FAILED') AS failed_count,
            coalesce(sum(r.amount_paise) FILTER (WHERE r.status = 'FAILED'), 0) AS failed_paise
        FROM refunds r JOIN payments p ON p.id = r.payment_id
        WHERE p.currency = 'INR' AND r.shop_id = :shop AND (r.status IN ('REQUESTED', 'IN_TRANSIT')
            OR (r.status = 'FAILED' AND r.updated_at > :start AND r.updated_at <= :until))""",
    "paper": """
        WITH faces AS (
            SELECT j.pages * a.copies AS sides,
                CASE WHEN j.sides = 'one-sided' THEN j.pages ELSE (j.pages + 1) / 2 END * a.copies
                    AS sheets,
                CASE j.print_type WHEN 'COLOR' THEN j.pages WHEN 'BW' THEN 0
                    ELSE jsonb_array_length(j.color_pages) END * a.copies AS color
            FROM print_attempts a JOIN print_jobs j ON j.id = a.job_id
            WHERE a.shop_id = :shop AND a.outcome = 'printed'
                AND a.finished_at > :start AND a.finished_at <= :until)
        SELECT coalesce(sum(sheets), 0) AS sheets, coalesce(sum(sides - color), 0) AS bw_sides,
            coalesce(sum(color), 0) AS color_sides FROM faces""",
    "uncollected": """
        SELECT count(*) AS count, coalesce(sum(total_paise), 0) AS paise
        FROM orders WHERE shop_id = :shop AND status = 'READY'""",
    "unfinished": """
        SELECT count(*) FILTER (WHERE status = 'PAYMENT_PENDING') AS waiting_for_payment,
            count(*) FILTER (WHERE status = 'PAID') AS paid_not_ready
        FROM orders WHERE shop_id = :shop AND status IN ('PAYMENT_PENDING', 'PAID')""",
    "attention": """
        SELECT count(*) AS open, coalesce(sum(amount_paise), 0) AS paise
        FROM attention_items WHERE shop_id = :shop AND closed_at IS NULL""",
}


@dataclass(frozen=True, slots=True)
class Calendar:
    """A day of the shop: the moments it begins and ends, and how it lies to now."""

    starts_at: datetime
    ends_at: datetime
    today: date
    first_day: date
    now: datetime


class Days:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def alone(self) -> None:
        """Until the commit no money moves: what moved is visible, what will is later."""
        await self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('printwala day close'))")
        )

    async def calendar(self, shop_id: UUID, day: date) -> Calendar:
        row = await self._session.execute(
            text(
                "SELECT CAST(:day AS timestamp) AT TIME ZONE s.timezone, "
                "CAST(CAST(:day AS date) + 1 AS timestamp) AT TIME ZONE s.timezone, "
                "CAST(n.now AT TIME ZONE s.timezone AS date), "
                "CAST(s.created_at AT TIME ZONE s.timezone AS date), n.now "
                "FROM shops s, (SELECT clock_timestamp() AS now) n WHERE s.id = :shop"
            ),
            {"shop": shop_id, "day": day},
        )
        return Calendar(*row.one())

    async def last(self, shop_id: UUID) -> DayReport | None:
        found: DayReport | None = await self._session.scalar(
            select(DayReport)
            .where(DayReport.shop_id == shop_id)
            .order_by(DayReport.day.desc())
            .limit(1)
        )
        return found

    async def of_day(self, shop_id: UUID, day: date) -> DayReport | None:
        """The report of that day, or the later one that covers it."""
        found: DayReport | None = await self._session.scalar(
            select(DayReport)
            .where(DayReport.shop_id == shop_id, DayReport.day >= day)
            .order_by(DayReport.day)
            .limit(1)
        )
        return found

    async def by_key(self, shop_id: UUID, key: str) -> DayReport | None:
        found: DayReport | None = await self._session.scalar(
            select(DayReport).where(DayReport.shop_id == shop_id, DayReport.idempotency_key == key)
        )
        return found

    async def reports(
        self, shop_id: UUID, limit: int, *, before: datetime | None = None
    ) -> list[DayReport]:
        """The newest first; ``before`` is when a report ended, and each ends before the next."""
        query = select(DayReport).where(DayReport.shop_id == shop_id)
        if before is not None:
            query = query.where(DayReport.ends_at < before)
        return list(await self._session.scalars(query.order_by(DayReport.day.desc()).limit(limit)))

    async def keep(self, report: DayReport) -> DayReport:
        self._session.add(report)
        await self._session.flush()
        await self._session.refresh(report)
        return report

    async def captured(self, shop_id: UUID, start: datetime, until: datetime) -> dict[str, int]:
        """The provider's payments in rupees that became ours in the span: id and amount."""
        rows = await self._session.execute(
            text(
                "SELECT p.rzp_payment_id, p.captured_paise FROM transitions t "
                "JOIN payments p ON p.id = t.entity_id WHERE t.entity = 'payments' "
                "AND t.to_status = 'CAPTURED' AND p.rzp_payment_id IS NOT NULL "
                "AND p.currency = 'INR' AND p.shop_id = :shop AND t.at > :start AND t.at <= :until"
            ),
            {"shop": shop_id, "start": start, "until": until},
        )
        return {str(row[0]): int(row[1]) for row in rows}

    async def figures(self, shop_id: UUID, start: datetime, until: datetime) -> dict[str, Any]:
        """What happened after ``start`` up to ``until``, and what lies open now."""
        span = {"shop": shop_id, "start": start, "until": until}
        facts: dict[str, dict[str, int]] = {}
        for name, sql in _FACTS.items():
            row = (await self._session.execute(text(sql), span)).mappings().one()
            facts[name] = {str(key): int(value) for key, value in row.items()}
        orders = await self._session.execute(
            text(
                "SELECT status, count(*) FROM orders WHERE shop_id = :shop "
                "AND created_at > :start AND created_at <= :until GROUP BY status ORDER BY status"
            ),
            span,
        )
        by_status = {str(status): int(count) for status, count in orders}
        captured, refunded = facts["captured"], facts["refunded"]
        revenue = captured.pop("fulfilling_paise") - refunded.pop("of_revenue_paise")
        return {
            "orders": {"total": sum(by_status.values()), "by_status": by_status},
            "captured": {**captured, "other_currency_count": facts["other_currency"]["count"]},
            "refunds": {**facts["asked"], **refunded, **facts["pending"]},
            "revenue_paise": revenue,
            "cash_expected_paise": captured["cash_paise"] - refunded["cash_paise"],
            **{name: facts[name] for name in ("paper", "uncollected", "unfinished", "attention")},
        }
