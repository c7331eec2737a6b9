"""What is known about a refund, booked: the money, the paper, staff and the customer.

Razorpay may say "failed" after "processed" and the other way round, and a webhook may be old. So
of two words that contradict each other neither is believed: whoever calls asks the provider.
"""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from app.core.crash import crash_here
from app.domain.errors import IllegalMove
from app.domain.lifecycle import REFUND, RefundEvent
from app.domain.lifecycle import Refund as RefundStatus
from app.domain.money import Money
from app.domain.wording import Text
from app.models_orders import Order, Payment, Refund
from app.ports import ProviderRefund
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.bill_service import BillService
from app.services.money_back import MoneyBack
from app.services.notices import Notices

LOOK_LATER_SECONDS = 3600
_EVENTS = {
    "pending": RefundEvent.ACCEPT,
    "processed": RefundEvent.PROCESS,
    "failed": RefundEvent.FAIL,
}
_ENDS = frozenset({RefundStatus.PROCESSED, RefundStatus.FAILED})


class RefundFacts:
    def __init__(self, unit_of_work: UnitOfWork, notices: Notices, bills: BillService) -> None:
        self._unit_of_work = unit_of_work
        self._notices = notices
        self._bills = bills
        self._back = MoneyBack(notices, bills)

    async def apply(self, refund_id: UUID, seen: ProviderRefund, *, asked_at: str = "") -> bool:
        """False when this is not to be believed and the provider is to be asked (again).

        ``asked_at``: ``seen`` is no old word but the provider's answer to somebody who found the
        refund in this status. It counts unless the refund has moved meanwhile.
        """
        async with self._unit_of_work("system:refund") as tx:
            refund, payment, order = await self._locked(tx, refund_id)
            if refund is None or payment is None:
                return True
            if asked_at and refund.status != asked_at:
                return False
            refund.rzp_refund_id = refund.rzp_refund_id or seen.id
            event = _EVENTS.get(seen.status, RefundEvent.ACCEPT)
            if _contradicts(refund, event):
                if await tx.refunds.paid_by_hand(refund.id):
                    return True  # a person handed the money over; the bank's no is old news
                if not asked_at:
                    return False
            before = refund.status
            with suppress(IllegalMove):  # an older fact: what we know already goes further
                tx.refunds.move(refund, event)
            tx.refunds.look_again(refund, self._next_look(refund))
            if refund.status != before:
                await self._booked(tx, refund, payment, order)
            crash_here("refund.apply_before_commit")
        crash_here("refund.apply_after_commit")
        return True

    async def refused(self, refund_id: UUID, why: str, *, tell: bool) -> None:
        """The provider did not take it. ``tell`` is False when the money went back without it."""
        async with self._unit_of_work("system:refund") as tx:
            refund, payment, order = await self._locked(tx, refund_id)
            if refund is None or payment is None or refund.status != RefundStatus.REQUESTED:
                return
            tx.refunds.move(refund, RefundEvent.FAIL)
            refund.error = why[:500]
            await self._booked(tx, refund, payment, order, tell=tell)

    async def external(self, tx: Transaction, payment: Payment, seen: ProviderRefund) -> bool:
        """Written down, put before staff; when nothing is left, printing stops as for ours.

        False when somebody else was just writing it down.
        """
        order = await tx.orders.lock(payment.order_id) if payment.order_id else None
        await tx.payments.lock(payment.id)
        refund = await tx.refunds.stage(
            shop_id=payment.shop_id,
            payment_id=payment.id,
            order_id=payment.order_id,
            key=f"external:{seen.id}",
            body_sha256="",
            amount_paise=seen.amount_paise,
            reason="made in the provider's dashboard",
            requested_by="external",
        )
        if refund is None:
            return False
        refund.rzp_refund_id = seen.id
        event = _EVENTS.get(seen.status, RefundEvent.ACCEPT)
        if event is RefundEvent.FAIL:
            # It was on its way once, and that stopped the printing, whichever word comes first.
            tx.refunds.move(refund, RefundEvent.ACCEPT)
            await self._booked(tx, refund, payment, order)
        tx.refunds.move(refund, event)
        await self._item(
            tx,
            refund,
            "external_refund",
            f"payment:{payment.rzp_payment_id}",
            f"refund {seen.id} was made outside printwala",
        )
        await self._booked(tx, refund, payment, order)
        return True

    async def _locked(
        self, tx: Transaction, refund_id: UUID
    ) -> tuple[Refund | None, Payment | None, Order | None]:
        """Order first, then payment, then refund: the house's lock order."""
        known = await tx.refunds.get(refund_id)
        if known is None:
            return None, None, None
        order = await tx.orders.lock(known.order_id) if known.order_id else None
        payment = await tx.payments.lock(known.payment_id)
        return await tx.refunds.lock(refund_id), payment, order

    async def _booked(
        self,
        tx: Transaction,
        refund: Refund,
        payment: Payment,
        order: Order | None,
        *,
        tell: bool = True,
    ) -> None:
        """What a refund's new status means for the money, the paper, staff and the customer."""
        await tx.session.flush()
        if not await tx.payments.rebook(payment.id):
            await self._item(
                tx,
                refund,
                "refunded_too_much",
                f"payment:{payment.rzp_payment_id}",
                f"refund {refund.rzp_refund_id} is more than was left of the payment",
            )
        await tx.session.refresh(payment)
        nothing_left = payment.refunded_paise == payment.captured_paise
        if refund.status == RefundStatus.FAILED:
            why = refund.error or "the bank did not take it"
            await tx.messages.close_items(f"refund:{refund.id}", by="system:refund", resolution=why)
            if not nothing_left:
                # The money is still with us: it is nobody's until a person decides.
                await self._item(tx, refund, "refund_failed", f"refund:{refund.id}", why)
                if tell:
                    await self._tell(tx, refund, Text.REFUND_FAILED)
            return
        if nothing_left:
            for other in await tx.refunds.of_payment(payment.id):
                if other.status == RefundStatus.FAILED:
                    await tx.messages.close_items(
                        f"refund:{other.id}",
                        by="system:refund",
                        resolution="nothing is left to refund",
                    )
            await self._back.nothing_left(tx, payment, order)
        if refund.status == RefundStatus.PROCESSED:
            # The bank may take after all what it sent back at first.
            await tx.messages.close_items(
                f"refund:{refund.id}", by="system:refund", resolution="the money is back"
            )
            await self._bills.given_back(tx, refund)
            await self._tell(tx, refund, Text.REFUNDED)

    def _next_look(self, refund: Refund) -> float | None:
        return LOOK_LATER_SECONDS if refund.status == RefundStatus.IN_TRANSIT else None

    async def _item(
        self, tx: Transaction, refund: Refund, kind: str, subject: str, detail: str
    ) -> None:
        await tx.messages.open_item(
            shop_id=refund.shop_id,
            kind=kind,
            subject=subject,
            order_id=refund.order_id,
            amount_paise=refund.amount_paise,
            detail=detail,
        )

    async def _tell(self, tx: Transaction, refund: Refund, text: Text) -> None:
        """Once for each refund, however often it changes its mind."""
        order = await tx.orders.get(refund.order_id) if refund.order_id else None
        if order is not None:
            await self._notices.order(
                tx,
                order,
                text,
                key=f"{text}:{refund.id}",
                total=Money(refund.amount_paise).short,
                reference=refund.rzp_refund_id or "cash",
            )


def _contradicts(refund: Refund, event: RefundEvent) -> bool:
    """Whether an end that is known would give way to the other end."""
    known = RefundStatus(refund.status)
    return known in _ENDS and REFUND[known].get(event) in _ENDS - {known}
