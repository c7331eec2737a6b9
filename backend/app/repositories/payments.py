"""Attempts to be paid, and money that came. Rows are never deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.lifecycle import PAYMENT, PaymentEvent, advance
from app.domain.lifecycle import Payment as Status
from app.domain.money import Ruling
from app.models import NOW
from app.models_orders import Payment


@dataclass(frozen=True, slots=True)
class Booked:
    """A captured payment as it stands here; ``refunded_paise`` are those the provider knows of."""

    shop_id: UUID
    order_id: UUID | None
    captured_paise: int
    currency: str
    refunded_paise: int


class Payments:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, payment_id: UUID) -> Payment | None:
        return await self._session.get(Payment, payment_id)

    async def lock(self, payment_id: UUID) -> Payment | None:
        return await self._session.get(
            Payment, payment_id, with_for_update=True, populate_existing=True
        )

    async def intend(
        self,
        *,
        shop_id: UUID,
        order_id: UUID,
        quote_id: UUID,
        amount_paise: int,
        currency: str,
        reference_id: str,
        expires_at: datetime,
    ) -> Payment:
        """The row before the call: whatever happens out there, its reference is known here."""
        row = Payment(
            shop_id=shop_id,
            order_id=order_id,
            quote_id=quote_id,
            amount_paise=amount_paise,
            currency=currency,
            reference_id=reference_id,
            expires_at=expires_at,
        )
        self._session.add(row)
        await self._session.flush()
        return row

    async def by_provider_payment(self, rzp_payment_id: str) -> Payment | None:
        found: Payment | None = await self._session.scalar(
            select(Payment).where(Payment.rzp_payment_id == rzp_payment_id)
        )
        return found

    async def link_row(self, *, reference_id: str, link_id: str, order_id: str) -> Payment | None:
        """The intent a provider's payment belongs to, by whichever key it carries."""
        keys = [
            column == value
            for column, value in (
                (Payment.reference_id, reference_id),
                (Payment.plink_id, link_id),
                (Payment.provider_order_id, order_id),
            )
            if value
        ]
        if not keys:
            return None
        found: Payment | None = await self._session.scalar(
            select(Payment)
            .where(or_(*keys), Payment.reference_id.is_not(None))
            .order_by(Payment.created_at)
            .limit(1)
        )
        return found

    async def fulfilled(self, order_id: UUID) -> bool:
        result = await self._session.execute(
            text("SELECT 1 FROM payments WHERE order_id = :order AND disposition = 'FULFILS'"),
            {"order": order_id},
        )
        return result.first() is not None

    async def of_order(self, order_id: UUID) -> list[Payment]:
        rows = await self._session.scalars(
            select(Payment).where(Payment.order_id == order_id).order_by(Payment.created_at)
        )
        return list(rows)

    async def open_links(self, order_id: UUID) -> list[Payment]:
        rows = await self._session.scalars(
            select(Payment)
            .where(
                Payment.order_id == order_id,
                Payment.status.in_((Status.INITIATED.value, Status.LINK_SENT.value)),
            )
            .order_by(Payment.created_at)
        )
        return list(rows)

    def move(self, payment: Payment, event: PaymentEvent) -> None:
        """The only place that assigns a payment's status besides ``capture``."""
        payment.status = advance(PAYMENT, Status(payment.status), event).value

    async def capture(
        self,
        payment: Payment,
        ruling: Ruling,
        *,
        rzp_payment_id: str | None,
        amount_paise: int,
        currency: str,
        method: str,
        captured_by: str,
    ) -> None:
        """The money as it came: what was asked for stays in the quote."""
        payment.status = advance(PAYMENT, Status(payment.status), PaymentEvent.CAPTURE).value
        payment.rzp_payment_id = rzp_payment_id
        payment.captured_paise = amount_paise
        payment.currency = currency
        payment.captured_at = NOW
        payment.captured_by = captured_by
        payment.method = method or payment.method
        payment.disposition = ruling.disposition.value
        payment.why = ruling.why.value
        payment.next_look_at = None
        await self._session.flush()

    async def record_other(
        self,
        ruling: Ruling,
        *,
        shop_id: UUID,
        order_id: UUID | None,
        quote_id: UUID | None,
        plink_id: str | None,
        rzp_payment_id: str | None,
        amount_paise: int,
        currency: str,
        method: str,
        captured_by: str,
    ) -> Payment:
        """Money without an intent of its own: a second payment on a link, cash, a stranger's."""
        row = Payment(
            shop_id=shop_id,
            order_id=order_id,
            quote_id=quote_id,
            plink_id=plink_id,
            method=method or "razorpay",
            status=Status.CAPTURED.value,
            amount_paise=amount_paise,
            currency=currency,
            rzp_payment_id=rzp_payment_id,
            captured_paise=amount_paise,
            captured_at=NOW,
            captured_by=captured_by,
            disposition=ruling.disposition.value,
            why=ruling.why.value,
        )
        self._session.add(row)
        await self._session.flush()
        return row

    async def reserve(self, payment_id: UUID, amount_paise: int) -> bool:
        """Takes the amount from what can still be refunded; False when there is not enough."""
        result = await self._session.execute(
            text(
                "UPDATE payments SET refunded_paise = refunded_paise + :amount "
                "WHERE id = :id AND status = 'CAPTURED' "
                "AND refunded_paise + :amount <= captured_paise RETURNING id"
            ),
            {"id": payment_id, "amount": amount_paise},
        )
        return result.first() is not None

    async def rebook(self, payment_id: UUID) -> bool:
        """Counts again what is on its way back, under the payment's lock: the outcome depends on
        the refunds there are and not on the order in which the bank told of them.

        False when they are more than was captured.
        """
        result = await self._session.execute(
            text(
                "WITH asked AS (SELECT coalesce(sum(amount_paise), 0) AS paise FROM refunds "
                "  WHERE payment_id = :id AND status <> 'FAILED') "
                "UPDATE payments SET refunded_paise = least(captured_paise, asked.paise) "
                "FROM asked WHERE id = :id RETURNING asked.paise <= captured_paise"
            ),
            {"id": payment_id},
        )
        return bool(result.scalar_one())

    def look_again(self, payment: Payment, at: datetime | None) -> None:
        """When the sweep should read this link at the provider; None ends the looking."""
        payment.next_look_at = at

    async def due(self, limit: int = 50) -> list[UUID]:
        rows = await self._session.execute(
            text(
                "SELECT id FROM payments WHERE next_look_at < clock_timestamp() "
                "ORDER BY next_look_at LIMIT :limit"
            ),
            {"limit": limit},
        )
        return [row.id for row in rows]

    async def unlinked(self, *, older_than_seconds: int) -> list[tuple[UUID, UUID]]:
        """Intents whose link was never made and whose task is gone: (payment, order)."""
        rows = await self._session.execute(
            text(
                "SELECT p.id, p.order_id FROM payments p JOIN orders o ON o.id = p.order_id "
                "WHERE p.status = 'INITIATED' AND o.status = 'PAYMENT_PENDING' "
                "AND p.created_at < clock_timestamp() - make_interval(secs => :age) "
                "AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j "
                "  WHERE j.task_name = 'make_link' AND j.status IN ('todo', 'doing') "
                "  AND (j.args ->> 'payment_id')::uuid = p.id) LIMIT 50"
            ),
            {"age": older_than_seconds},
        )
        return [(row.id, row.order_id) for row in rows]

    async def known(self, rzp_payment_ids: list[str]) -> set[str]:
        """Those of the provider's payments we have."""
        rows = await self._session.scalars(
            select(Payment.rzp_payment_id).where(Payment.rzp_payment_id.in_(rzp_payment_ids))
        )
        return {each for each in rows if each}

    async def booked(self, rzp_payment_ids: list[str], *, since: datetime) -> dict[str, Booked]:
        """Online payments captured since then, and those of the provider's that we have."""
        rows = await self._session.execute(
            text(
                "SELECT rzp_payment_id, shop_id, order_id, captured_paise, currency, "
                "(SELECT coalesce(sum(r.amount_paise), 0) FROM refunds r WHERE r.payment_id = p.id "
                "  AND r.rzp_refund_id IS NOT NULL AND r.status <> 'FAILED') AS refunded_paise "
                "FROM payments p WHERE status = 'CAPTURED' AND rzp_payment_id IS NOT NULL "
                "AND (captured_at >= :since OR rzp_payment_id = ANY(:ids))"
            ),
            {"since": since, "ids": rzp_payment_ids},
        )
        return {
            row.rzp_payment_id: Booked(
                row.shop_id, row.order_id, row.captured_paise, row.currency, int(row.refunded_paise)
            )
            for row in rows
        }
