"""Long tables for spreadsheets, a page at a time: no transaction waits for a slow reader."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.ports import Table

# (columns and tables, alias of the row that is counted, its time, more conditions)
_TABLES = {
    Table.ORDERS: (
        """o.code, o.token, o.status, o.print_type, o.copies, o.total_paise, o.paid_at,
            o.ready_at, c.name AS customer, c.phone, (SELECT d.name FROM documents d
            WHERE d.order_id = o.id ORDER BY d.created_at LIMIT 1) AS file
        FROM orders o JOIN customers c ON c.id = o.customer_id""",
        "o",
        "created_at",
        "true",
    ),
    Table.PAYMENTS: (
        """x.rzp_payment_id, o.code, o.token, x.method, x.captured_paise, x.currency,
            x.refunded_paise, x.disposition, x.why, x.captured_by
        FROM payments x LEFT JOIN orders o ON o.id = x.order_id""",
        "x",
        "captured_at",
        "x.captured_at IS NOT NULL",
    ),
    Table.REFUNDS: (
        """x.rzp_refund_id, p.rzp_payment_id, o.code, o.token, p.method, x.amount_paise,
            p.currency, x.status, x.reason, x.requested_by, x.error
        FROM refunds x JOIN payments p ON p.id = x.payment_id
        LEFT JOIN orders o ON o.id = x.order_id""",
        "x",
        "created_at",
        "true",
    ),
    Table.SHEETS: (
        """o.code, o.token, j.kind, x.printer_name, x.worker_id, j.paper, j.sides, x.copies,
            j.pages * x.copies AS faces,
            CASE j.print_type WHEN 'COLOR' THEN j.pages WHEN 'BW' THEN 0
                ELSE jsonb_array_length(j.color_pages) END * x.copies AS color_faces,
            CASE WHEN j.sides = 'one-sided' THEN j.pages ELSE (j.pages + 1) / 2 END * x.copies
                AS sheets
        FROM print_attempts x JOIN print_jobs j ON j.id = x.job_id
        JOIN orders o ON o.id = j.order_id""",
        "x",
        "finished_at",
        "x.finished_at IS NOT NULL AND x.outcome = 'printed'",
    ),
}


class Exports:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(
        self,
        table: Table,
        shop_id: UUID,
        start: datetime,
        until: datetime,
        *,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[RowMapping]:
        """Rows from ``start`` on and before ``until``, oldest first, with ``id``, ``at`` and
        ``local``."""
        columns, row, time, more = _TABLES[table]
        result = await self._session.execute(
            text(
                f"SELECT {row}.id, {row}.{time} AS at, s.timezone, {columns} "
                f"JOIN shops s ON s.id = {row}.shop_id "
                f"WHERE {row}.shop_id = :shop AND {more} AND {row}.{time} < :until "
                f"AND ({row}.{time}, {row}.id) > (:at, CAST(:id AS uuid)) "
                f"ORDER BY {row}.{time}, {row}.id LIMIT :limit"
            ),
            {
                "shop": shop_id,
                "until": until,
                "at": after[0] if after else start,
                "id": after[1] if after else UUID(int=0),
                "limit": limit,
            },
        )
        return list(result.mappings())
