"""What a bank's question about a payment does to paper and people.

The end depends on the furthest word about each dispute, not on which word came last, nor on
whether the payment or its dispute was heard of first.
"""

from __future__ import annotations

from uuid import UUID

from app.domain.disputes import Dispute, told
from app.models_orders import Order, Payment
from app.ports import GatewayDispute
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.order_service import OrderService


class DisputeService:
    def __init__(
        self, unit_of_work: UnitOfWork, orders: OrderService, *, default_shop_id: UUID
    ) -> None:
        self._unit_of_work = unit_of_work
        self._orders = orders
        self._default_shop_id = default_shop_id

    async def learn(self, seen: GatewayDispute, event: str) -> tuple[str, str]:
        """One word about a dispute; the inbox row's end."""
        async with self._unit_of_work("system:webhook") as tx:
            payment = await tx.payments.by_provider_payment(seen.payment_id)
            if payment is None:
                await tx.disputes.alone(seen.payment_id)
                payment = await tx.payments.by_provider_payment(seen.payment_id)
            order = None
            if payment is not None:
                order = await tx.orders.lock(payment.order_id) if payment.order_id else None
                payment = await tx.payments.lock(payment.id)
            status = told(seen.status, event)
            news = await tx.disputes.hear(seen.id, seen.payment_id, status)
            if not news:
                return "IGNORED", "what is known about this dispute goes further"
            stands = bool(await tx.disputes.stands(seen.payment_id))
            if payment is not None:
                await self._hold_or_release(tx, payment, order, stands=stands)
            if stands or news == "new":
                # Also one that was over before it was heard of: the list shows that it was.
                await tx.messages.open_item(
                    shop_id=payment.shop_id if payment else self._default_shop_id,
                    kind="dispute",
                    subject=f"payment:{seen.payment_id}",
                    order_id=payment.order_id if payment else None,
                    amount_paise=seen.amount_paise,
                    detail=_in_words(seen),
                )
            if not stands:
                await tx.messages.close_items(
                    f"payment:{seen.payment_id}",
                    by="system:webhook",
                    resolution=status.value.lower(),
                    kind="dispute",
                )
        return "DONE", ""

    async def met(self, tx: Transaction, payment: Payment, order: Order | None) -> None:
        """A payment that was just captured, perhaps after its dispute was heard of.

        The caller holds the order and the payment.
        """
        assert payment.rzp_payment_id is not None
        await tx.disputes.alone(payment.rzp_payment_id)
        stands = await tx.disputes.stands(payment.rzp_payment_id)
        if stands is None:
            return
        await tx.messages.file_under(
            f"payment:{payment.rzp_payment_id}",
            kind="dispute",
            shop_id=payment.shop_id,
            order_id=payment.order_id,
        )
        if stands:
            await self._hold_or_release(tx, payment, order, stands=True)

    async def answered(
        self,
        tx: Transaction,
        subject: str,
        payment: Payment | None,
        order: Order | None,
        *,
        ended: Dispute,
    ) -> None:
        """By a person; later copies of what the bank said before do not ask again."""
        await tx.disputes.answer(subject.removeprefix("payment:"), ended)
        if payment is not None and ended is Dispute.WON:
            await self._hold_or_release(tx, payment, order, stands=False)

    async def _hold_or_release(
        self, tx: Transaction, payment: Payment, order: Order | None, *, stands: bool
    ) -> None:
        """While the payer's bank wants the money back nothing of its order is begun."""
        payment.disputed = stands
        if order is None:
            return
        if stands:
            await self._orders.hold(tx, order)
        elif not any(each.disputed for each in await tx.payments.of_order(order.id)):
            await self._orders.let_go(tx, order)


def _in_words(dispute: GatewayDispute) -> str:
    words = f"{dispute.phase} {dispute.status}, reason {dispute.reason_code}"
    if (by := dispute.respond_by) is not None:
        # The day in UTC: in India it is never a day too late.
        words += f", answer by {by.day} {by:%b %Y}"
    return words
