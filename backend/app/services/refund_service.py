"""Money back: asked for once, reserved, sent with a key, followed until the bank has it."""

from __future__ import annotations

import json
from uuid import UUID

import structlog

from app.core.crash import crash_here
from app.core.security import sha256_hex
from app.domain.errors import BadInput, IllegalMove, NotAllowed, NotFound, ProviderRejected
from app.domain.lifecycle import Payment as PaymentStatus
from app.domain.lifecycle import Refund as RefundStatus
from app.domain.lifecycle import RefundEvent
from app.domain.money import Disposition, Money
from app.domain.wording import Text
from app.models_orders import Order, Payment, Refund
from app.ports import PaymentGateway, ProviderRefund
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.bill_service import BillService
from app.services.money_back import MoneyBack
from app.services.notices import Notices

log = structlog.get_logger(__name__)

LOOK_LATER_SECONDS = 3600


class RefundService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        gateway: PaymentGateway | None,
        notices: Notices,
        bills: BillService,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._gateway = gateway
        self._notices = notices
        self._bills = bills
        self._back = MoneyBack(notices, bills)

    # Asking

    async def request(
        self,
        shop_id: UUID,
        order_id: UUID,
        *,
        amount_paise: int,
        reason: str,
        key: str,
        by: str,
    ) -> Refund:
        """By a named person. The same key and body again is the same refund.

        A full refund of an order whose paper is not out stops the job in this transaction.
        Raises BadInput, NotFound, or NotAllowed when more is asked than is left.
        """
        if amount_paise < 1:
            raise BadInput("amount_paise must be at least 1.")
        body = sha256_hex(json.dumps([str(order_id), amount_paise, reason]))
        async with self._unit_of_work(by) as tx:
            known = await tx.orders.of_shop(shop_id, order_id)
            if known is None:
                raise NotFound("No such order.")
            order = await tx.orders.lock(order_id)
            assert order is not None
            earlier = await tx.refunds.by_key(shop_id, key)
            if earlier is not None:
                if earlier.body_sha256 != body:
                    raise NotAllowed(
                        "This Idempotency-Key was used for another refund.", code="key_reused"
                    )
                return earlier
            payment = await self._refundable(tx, order, amount_paise)
            refund = await self._back.stage(
                tx, payment, amount_paise, reason=reason, key=key, body=body, by=by
            )
            if refund is None:
                raise NotAllowed("This Idempotency-Key is being used right now.", code="key_in_use")
            await tx.messages.audit(
                shop_id=shop_id,
                actor=by,
                action="refund",
                subject=f"order:{order.id}",
                reason=reason,
                data={"amount_paise": amount_paise, "payment": payment.rzp_payment_id or "cash"},
            )
            await self._back.asked(tx, refund, payment, order)
            crash_here("refund.request_before_commit")
        crash_here("refund.request_after_commit")
        return refund

    async def _refundable(self, tx: Transaction, order: Order, amount_paise: int) -> Payment:
        """The payment with the most left, the one that pays the order first."""
        captured = [
            payment
            for payment in await tx.payments.of_order(order.id)
            if payment.status == PaymentStatus.CAPTURED
        ]
        if not captured:
            raise NotAllowed("Nothing was paid for this order.", code="nothing_to_refund")
        fulfilling = [p for p in captured if p.disposition == Disposition.FULFILS]
        for payment in [*fulfilling, *captured]:
            if payment.captured_paise - payment.refunded_paise >= amount_paise:
                return payment
        left = max(p.captured_paise - p.refunded_paise for p in captured)
        raise NotAllowed(f"At most {Money(left)} is left to refund.", code="refund_too_large")

    async def refund_all(self, tx: Transaction, order: Order, *, reason: str, by: str) -> None:
        """Everything captured for an order goes back, and its printing stops."""
        for payment in await tx.payments.of_order(order.id):
            left = payment.captured_paise - payment.refunded_paise
            if payment.status != PaymentStatus.CAPTURED or left < 1:
                continue
            refund = await self._back.stage(
                tx, payment, left, reason=reason, key=f"all:{payment.id}", by=by
            )
            if refund is not None:
                await self._back.asked(tx, refund, payment, order)

    async def give_back(self, tx: Transaction, payment: Payment, *, reason: str) -> None:
        """Automatic and whole: money that cannot be used. Keyed by the payment itself."""
        await self._back.stage(
            tx,
            payment,
            payment.captured_paise - payment.refunded_paise,
            reason=reason,
            key=f"auto:{payment.id}",
            by="system:refund",
        )

    # Issuing

    async def issue(self, refund_id: UUID) -> None:
        """Sends the refund; the provider keeps one per key, so a repeat is harmless."""
        if self._gateway is None:
            return
        async with self._unit_of_work("system:refund") as tx:
            refund = await tx.refunds.get(refund_id)
            if refund is None or refund.status != RefundStatus.REQUESTED:
                return
            payment = await tx.payments.get(refund.payment_id)
        assert payment is not None and payment.rzp_payment_id is not None
        crash_here("refund.before_call")
        try:
            sent = await self._gateway.refund(
                payment.rzp_payment_id,
                amount_paise=refund.amount_paise,
                key=f"refund-{refund.id}",
                receipt=receipt_of(refund),
                notes={"reason": refund.reason[:200]},
            )
        except ProviderRejected as error:
            gone = error.provider_code == "already_refunded"
            if gone and await self._adopt(refund, payment):
                return
            await self._failed(refund_id, str(error.reason))
            if gone:
                # Given back in the provider's dashboard before us: that refund owns the money.
                for known in await self._gateway.payment_refunds(payment.rzp_payment_id):
                    await self.learn(known)
            return
        crash_here("refund.after_call")
        await self._apply(refund_id, sent)

    async def _adopt(self, refund: Refund, payment: Payment) -> bool:
        """Whether the provider has this very refund already: our receipt is on it."""
        assert self._gateway is not None
        assert payment.rzp_payment_id is not None
        for known in await self._gateway.payment_refunds(payment.rzp_payment_id):
            if known.receipt == receipt_of(refund) and known.amount_paise == refund.amount_paise:
                await self._apply(refund.id, known)
                return True
        return False

    async def look(self, refund_id: UUID) -> str:
        """Reads a refund at the provider, or sends it if it never went."""
        async with self._unit_of_work("system:sweep") as tx:
            refund = await tx.refunds.get(refund_id)
        if refund is None or self._gateway is None:
            return "unknown"
        if refund.rzp_refund_id is None:
            await self.issue(refund_id)
            return "sent"
        found = await self._gateway.fetch_refund(refund.rzp_refund_id)
        await self._apply(refund_id, found)
        return found.status

    async def learn(self, seen: ProviderRefund) -> tuple[str, str]:
        """A refund event. Unknown ones were made in the provider's own dashboard."""
        async with self._unit_of_work("system:webhook") as tx:
            refund = await tx.refunds.by_provider_refund(seen.id)
            if refund is None and seen.receipt.startswith("r-"):
                refund = await self._by_receipt(tx, seen.receipt)
            if refund is None:
                payment = await tx.payments.by_provider_payment(seen.payment_id)
                if payment is None:
                    return "IGNORED", "a refund of a payment that is not ours"
                await self._external(tx, payment, seen)
                return "DONE", "made outside printwala"
        await self._apply(refund.id, seen)
        return "DONE", ""

    async def _by_receipt(self, tx: Transaction, receipt: str) -> Refund | None:
        try:
            return await tx.refunds.get(UUID(receipt.removeprefix("r-")))
        except ValueError:
            return None

    async def _external(self, tx: Transaction, payment: Payment, seen: ProviderRefund) -> None:
        """Written down, put before staff; when nothing is left, printing stops as for ours."""
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
            return
        refund.rzp_refund_id = seen.id
        tx.refunds.move(refund, _EVENTS.get(seen.status, RefundEvent.ACCEPT))
        await self._item(
            tx,
            refund,
            "external_refund",
            f"payment:{payment.rzp_payment_id}",
            f"refund {seen.id} was made outside printwala",
        )
        await self._booked(tx, refund, payment, order)

    async def _apply(self, refund_id: UUID, seen: ProviderRefund) -> None:
        async with self._unit_of_work("system:refund") as tx:
            refund, payment, order = await self._locked(tx, refund_id)
            if refund is None or payment is None:
                return
            refund.rzp_refund_id = refund.rzp_refund_id or seen.id
            before = refund.status
            try:
                tx.refunds.move(refund, _EVENTS.get(seen.status, RefundEvent.ACCEPT))
            except IllegalMove:
                # An older fact: what we know already goes further.
                tx.refunds.look_again(refund, self._next_look(refund))
                return
            tx.refunds.look_again(refund, self._next_look(refund))
            if refund.status != before:
                await self._booked(tx, refund, payment, order)
            crash_here("refund.apply_before_commit")
        crash_here("refund.apply_after_commit")

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
        self, tx: Transaction, refund: Refund, payment: Payment, order: Order | None
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
            await self._tell(tx, refund)

    def _next_look(self, refund: Refund) -> float | None:
        return LOOK_LATER_SECONDS if refund.status == RefundStatus.IN_TRANSIT else None

    async def _failed(self, refund_id: UUID, why: str) -> None:
        async with self._unit_of_work("system:refund") as tx:
            refund, payment, order = await self._locked(tx, refund_id)
            if refund is None or payment is None or refund.status != RefundStatus.REQUESTED:
                return
            tx.refunds.move(refund, RefundEvent.FAIL)
            refund.error = why[:500]
            await self._booked(tx, refund, payment, order)

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

    async def _tell(self, tx: Transaction, refund: Refund) -> None:
        if refund.order_id is None:
            return
        order = await tx.orders.get(refund.order_id)
        if order is not None:
            await self._notices.order(
                tx,
                order,
                Text.REFUNDED,
                key=f"refunded:{refund.id}",
                total=Money(refund.amount_paise).short,
                reference=refund.rzp_refund_id or "cash",
            )


def receipt_of(refund: Refund) -> str:
    """Our mark on the provider's refund, at most 40 characters."""
    return f"r-{refund.id}"


_EVENTS = {
    "pending": RefundEvent.ACCEPT,
    "processed": RefundEvent.PROCESS,
    "failed": RefundEvent.FAIL,
}
