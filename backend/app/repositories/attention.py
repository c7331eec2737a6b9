"""The attention list: what waits for a person, what is known about it, and how it was resolved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.attention import Facts
from app.domain.lifecycle import Job, Order, Refund
from app.models import NOW, AttentionItem
from app.models_attention import AttentionResolution
from app.repositories.reports import invariants

# An item names its subject as "payment:<the bank's id>", "refund:…", "job:…" or "order:…". A
# question about paper or an order is about the payment that pays that order.
_FACTS = """
    SELECT a.id AS item_id, o.id AS order_id, o.status AS order_status, o.customer_id,
        r.id AS refund_id, r.status AS refund_status, coalesce(r.amount_paise, 0) AS refund_paise,
        j.id AS job_id, j.status AS job_status,
        p.id AS payment_id, coalesce(p.captured_paise - p.refunded_paise, 0) AS left_paise,
        p.refunded_paise = 0 AS untouched, q.id IS NOT NULL AS quoted,
        q.currency = p.currency AS same_currency, p.disputed,
        EXISTS (SELECT 1 FROM payments x WHERE x.order_id = o.id AND x.disposition = 'FULFILS'
            AND x.id <> p.id) AS paid_by_another,
        EXISTS (SELECT 1 FROM documents d WHERE d.order_id = o.id)
            AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.order_id = o.id
                AND d.status <> 'READY') AS file_here
    FROM attention_items a
    LEFT JOIN refunds r ON r.id = CASE WHEN a.subject LIKE 'refund:%'
        THEN CAST(substr(a.subject, 8) AS uuid) END
    LEFT JOIN orders o ON o.id = coalesce(CAST(:order AS uuid), a.order_id)
    LEFT JOIN print_jobs j ON j.id = CASE WHEN a.subject LIKE 'job:%'
        THEN CAST(substr(a.subject, 5) AS uuid) END
    LEFT JOIN payments p ON p.shop_id = a.shop_id AND p.status = 'CAPTURED' AND p.id = coalesce(
        r.payment_id,
        (SELECT x.id FROM payments x WHERE a.subject LIKE 'payment:%'
            AND x.rzp_payment_id = substr(a.subject, 9)),
        (SELECT x.id FROM payments x WHERE a.subject NOT LIKE 'payment:%'
            AND x.order_id = a.order_id AND x.disposition = 'FULFILS'))
    LEFT JOIN quotes q ON q.id = CASE WHEN CAST(:order AS uuid) IS NULL THEN p.quote_id
        ELSE o.quote_id END
    WHERE a.shop_id = :shop AND a.id = ANY(CAST(:items AS uuid[]))
"""


@dataclass(frozen=True, slots=True)
class Known:
    """An item's rows by id, and the facts that decide which answers are possible."""

    facts: Facts
    customer_id: UUID | None
    order_id: UUID | None
    payment_id: UUID | None
    refund_id: UUID | None
    job_id: UUID | None


class Attention:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_shop(self, shop_id: UUID, item_id: UUID) -> AttentionItem | None:
        found: AttentionItem | None = await self._session.scalar(
            select(AttentionItem).where(
                AttentionItem.id == item_id, AttentionItem.shop_id == shop_id
            )
        )
        return found

    async def lock(self, item_id: UUID) -> AttentionItem:
        """The last lock of all: items are opened and closed by whoever holds their subject."""
        return await self._session.get_one(
            AttentionItem, item_id, with_for_update=True, populate_existing=True
        )

    async def page(
        self,
        shop_id: UUID,
        *,
        kind: str,
        closed: bool,
        beyond: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[AttentionItem]:
        """Open ones as they came; closed ones from the last that was closed."""
        at = AttentionItem.closed_at if closed else AttentionItem.opened_at
        query = select(AttentionItem).where(
            AttentionItem.shop_id == shop_id,
            AttentionItem.closed_at.is_not(None) if closed else AttentionItem.closed_at.is_(None),
        )
        if kind:
            query = query.where(AttentionItem.kind == kind)
        if beyond is not None:
            moment, item_id = beyond
            sign = "<" if closed else ">"
            query = query.where(
                text(f"({at.key}, id) {sign} (CAST(:moment AS timestamptz), CAST(:id AS uuid))")
            ).params(moment=moment, id=item_id)
        order = (at.desc(), AttentionItem.id.desc()) if closed else (at, AttentionItem.id)
        return list(await self._session.scalars(query.order_by(*order).limit(limit)))

    async def known(
        self, shop_id: UUID, item_ids: list[UUID], *, order_id: UUID | None = None
    ) -> dict[UUID, Known]:
        """What each item is about; ``order_id`` looks at another order than the item's own."""
        rows = await self._session.execute(
            text(_FACTS), {"shop": shop_id, "items": item_ids, "order": order_id}
        )
        return {row["item_id"]: _known(row) for row in rows.mappings()}

    async def by_key(self, shop_id: UUID, key: str) -> AttentionResolution | None:
        found: AttentionResolution | None = await self._session.scalar(
            select(AttentionResolution).where(
                AttentionResolution.shop_id == shop_id, AttentionResolution.idempotency_key == key
            )
        )
        return found

    async def decided(self, kind: str, subject: str) -> bool:
        """Whether a person has answered this question: it is not asked a second time."""
        result = await self._session.execute(
            text(
                "SELECT 1 FROM attention_items WHERE kind = :kind AND subject = :subject "
                "AND closed_by LIKE 'user:%' LIMIT 1"
            ),
            {"kind": kind, "subject": subject},
        )
        return result.first() is not None

    async def of_items(self, item_ids: list[UUID]) -> dict[UUID, AttentionResolution]:
        rows = await self._session.scalars(
            select(AttentionResolution).where(AttentionResolution.item_id.in_(item_ids))
        )
        return {row.item_id: row for row in rows}

    async def of_order(self, order_id: UUID) -> list[AttentionResolution]:
        rows = await self._session.scalars(
            select(AttentionResolution)
            .where(AttentionResolution.order_id == order_id)
            .order_by(AttentionResolution.decided_at)
        )
        return list(rows)

    async def close(self, item: AttentionItem, decided: AttentionResolution) -> bool:
        """Closed with its answer; False when the answer's key was used for another item."""
        values = {
            column.key: value
            for column in AttentionResolution.__mapper__.column_attrs
            if (value := getattr(decided, column.key)) is not None
        }
        result = await self._session.execute(
            insert(AttentionResolution)
            .values(**values)
            .on_conflict_do_nothing()
            .returning(AttentionResolution.id)
        )
        if result.first() is None:
            return False
        item.closed_at = NOW
        item.closed_by, item.resolution = decided.decided_by, decided.resolution
        await self._session.flush()
        return True

    async def ownerless(self, payment_ids: list[UUID]) -> list[UUID]:
        """Those of the payments that promise I1 would miss an owner for."""
        i1 = next(sql for name, sql in invariants().items() if name.startswith("I1 "))
        rows = await self._session.execute(
            text(
                f"SELECT broken.id FROM ({i1.replace(':', chr(92) + ':')}) broken "
                "WHERE broken.id = ANY(CAST(:payments AS uuid[]))"
            ),
            {"payments": payment_ids},
        )
        return [row.id for row in rows]


def _known(row: RowMapping) -> Known:
    facts = Facts(
        order=Order(row["order_status"]) if row["order_status"] else None,
        job=Job(row["job_status"]) if row["job_status"] else None,
        refund=Refund(row["refund_status"]) if row["refund_status"] else None,
        refund_paise=row["refund_paise"],
        has_payment=row["payment_id"] is not None,
        left_paise=row["left_paise"],
        untouched=bool(row["untouched"]),
        quoted=row["quoted"],
        same_currency=bool(row["same_currency"]),
        disputed=bool(row["disputed"]),
        paid_by_another=row["paid_by_another"],
        file_here=row["file_here"],
    )
    return Known(
        facts,
        customer_id=row["customer_id"],
        order_id=row["order_id"],
        payment_id=row["payment_id"],
        refund_id=row["refund_id"],
        job_id=row["job_id"],
    )
