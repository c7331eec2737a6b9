"""Orders, payments and jobs that stand where they may not stand together."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.couplings import PAID_FOR, pairs

NAME = "I31 orders, payments and jobs stand together as drawn"

_APART = text(
    """
    SELECT o.id, o.status, j.status AS job, s.paid
    FROM orders o
    LEFT JOIN print_jobs j ON j.order_id = o.id AND j.kind = 'ORIGINAL'
    CROSS JOIN LATERAL (SELECT count(*) AS paid FROM payments p
        WHERE p.order_id = o.id AND p.disposition = 'FULFILS') s
    WHERE (s.paid = 1) <> (o.status = ANY(:paid_for)) OR NOT EXISTS (
        SELECT 1 FROM unnest(CAST(:orders AS text[]), CAST(:jobs AS text[])) w (status, job)
        WHERE (w.status, w.job) = (o.status, coalesce(j.status, '')))
    """
)


async def apart(session: AsyncSession) -> list[str]:
    """Order, its status, its job's status and how many payments fulfil it, for each that is."""
    orders, jobs = zip(*pairs(), strict=True)
    rows = await session.execute(
        _APART,
        {
            "paid_for": [order.value for order in PAID_FOR],
            "orders": list(orders),
            "jobs": list(jobs),
        },
    )
    return [" ".join(map(str, row)) for row in rows]
