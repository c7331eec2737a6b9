"""Staging money that goes back, inside the caller's transaction, which holds order and payment."""

from __future__ import annotations

from app.domain.attention import NOTHING_LEFT
from app.domain.errors import NotAllowed
from app.domain.lifecycle import NOT_ON_PAPER, Job, JobEvent, OrderEvent, RefundEvent
from app.domain.lifecycle import Order as OrderStatus
from app.domain.money import LEAST_ONLINE, Disposition, Money
from app.domain.wording import Text
from app.models_orders import Order, Payment, Refund
from app.repositories.unit_of_work import Transaction
from app.services.bill_service import BillService
from app.services.notices import Notices

TOO_LITTLE = (
    f"Razorpay sends back {LEAST_ONLINE.short} or more. Ask for more, or give it back by hand."
)


class MoneyBack:
    def __init__(self, notices: Notices, bills: BillService) -> None:
        self._notices = notices
        self._bills = bills

    async def stage(
        self,
        tx: Transaction,
        payment: Payment,
        amount_paise: int,
        *,
        reason: str,
        key: str,
        by: str,
        body: str = "",
    ) -> Refund | None:
        """Reserved, written down and deferred; None when this key was used before.

        Raises NotAllowed while the payer's bank asks about the payment: Razorpay refuses it then,
        and by that time paper would be stopped and the customer told of money on its way.
        """
        if payment.disputed and not by.startswith("system:"):
            raise NotAllowed(
                "The payer's bank asks about this payment and lets nobody refund it meanwhile. "
                "Answer the bank first, then come back.",
                code="disputed",
            )
        refund = await self._written(tx, payment, amount_paise, reason, key, by, body)
        if refund is None:
            return None
        if payment.rzp_payment_id is None:
            # Cash: whoever asked hands it over at the counter.
            tx.refunds.move(refund, RefundEvent.PROCESS)
            await self._bills.given_back(tx, refund)
        else:
            await tx.defer("issue_refund", lane=f"refund:{payment.id}", refund_id=str(refund.id))
        return refund

    async def hand_back(
        self,
        tx: Transaction,
        payment: Payment,
        amount_paise: int,
        order: Order | None,
        *,
        reason: str,
        key: str,
        by: str,
    ) -> Refund:
        """A part or all of this very payment, by a named person, and the customer told."""
        refund = await self.stage(tx, payment, amount_paise, reason=reason, key=key, by=by)
        if refund is None:
            raise NotAllowed("This money is being sent back already.", code="key_in_use")
        await self.asked(tx, refund, payment, order)
        return refund

    async def record_return(
        self,
        tx: Transaction,
        payment: Payment,
        order: Order | None,
        *,
        reason: str,
        key: str,
        by: str,
    ) -> Refund:
        """All that is left went back without us, says a named person: a refund that arrived."""
        left = payment.captured_paise - payment.refunded_paise
        refund = await self._written(tx, payment, left, reason, key, by, "")
        if refund is None:
            raise NotAllowed("This money is being sent back already.", code="key_in_use")
        tx.refunds.move(refund, RefundEvent.PROCESS)
        await self._bills.given_back(tx, refund)
        await tx.session.refresh(payment)
        await self.nothing_left(tx, payment, order)
        return refund

    async def asked(
        self, tx: Transaction, refund: Refund, payment: Payment, order: Order | None
    ) -> None:
        """When nothing is left nothing prints; the customer is told either way."""
        await tx.session.refresh(payment)
        if payment.refunded_paise == payment.captured_paise:
            await self.nothing_left(tx, payment, order)
        if order is None:
            return
        text = Text.REFUND_STARTED if payment.rzp_payment_id else Text.PAID_BACK
        total = Money(refund.amount_paise).short
        await self._notices.order(tx, order, text, key=f"refund:{refund.id}", total=total)

    async def nothing_left(self, tx: Transaction, payment: Payment, order: Order | None) -> None:
        """All of it goes back: whoever was to decide about it or its paper has nothing to decide.

        Only the payment that pays the order takes the order's paper with it.
        """
        for kind in sorted(NOTHING_LEFT):
            await tx.messages.close_items(
                f"payment:{payment.rzp_payment_id}",
                by="system:refund",
                resolution="nothing is left of the payment",
                kind=kind,
            )
        if order is None or payment.disposition != Disposition.FULFILS:
            return
        for job in await tx.print_jobs.lock_of_order(order.id):
            if Job(job.status) in NOT_ON_PAPER:
                await tx.print_jobs.move(job, JobEvent.CANCEL)
                await tx.messages.close_items(
                    f"job:{job.id}", by="system:refund", resolution="the print was cancelled"
                )
        if order.status in (OrderStatus.PAID, OrderStatus.READY, OrderStatus.COLLECTED):
            await tx.orders.move(order, OrderEvent.REFUND)

    async def _written(
        self,
        tx: Transaction,
        payment: Payment,
        amount_paise: int,
        reason: str,
        key: str,
        by: str,
        body: str,
    ) -> Refund | None:
        refund = await tx.refunds.stage(
            shop_id=payment.shop_id,
            payment_id=payment.id,
            order_id=payment.order_id,
            key=key,
            body_sha256=body,
            amount_paise=amount_paise,
            reason=reason,
            requested_by=by,
        )
        if refund is not None and not await tx.payments.reserve(payment.id, amount_paise):
            raise NotAllowed("Less than that is left to refund.", code="refund_too_large")
        return refund
