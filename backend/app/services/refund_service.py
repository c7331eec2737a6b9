"""Money back: asked for once, reserved, sent with a key, followed until the bank has it."""

from __future__ import annotations

import json
from uuid import UUID

import structlog

from app.core.crash import crash_here
from app.core.security import sha256_hex
from app.domain.errors import (
    BadInput,
    NotAllowed,
    NotFound,
    ProviderRejected,
    ProviderUncertain,
)
from app.domain.lifecycle import Payment as PaymentStatus
from app.domain.lifecycle import Refund as RefundStatus
from app.domain.money import LEAST_ONLINE, Disposition, Money
from app.models_orders import Order, Payment, Refund
from app.ports import PaymentGateway, ProviderRefund
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.bill_service import BillService
from app.services.money_back import TOO_LITTLE, MoneyBack
from app.services.notices import Notices
from app.services.refund_facts import RefundFacts

log = structlog.get_logger(__name__)

ASK_TIMES = 3


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
        self._back = MoneyBack(notices, bills)
        self._facts = RefundFacts(unit_of_work, notices, bills)

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
        key = f"staff:{key}"  # nobody's click takes a key that the house itself will need
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
        """The first with enough left: the payment that pays the order, then any other."""
        captured = [
            payment
            for payment in await tx.payments.of_order(order.id)
            if payment.status == PaymentStatus.CAPTURED
        ]
        if not captured:
            raise NotAllowed("Nothing was paid for this order.", code="nothing_to_refund")
        fulfilling = [p for p in captured if p.disposition == Disposition.FULFILS]
        enough = [
            payment
            for payment in [*fulfilling, *captured]
            if payment.captured_paise - payment.refunded_paise >= amount_paise
        ]
        for payment in enough:
            if payment.rzp_payment_id is None or amount_paise >= LEAST_ONLINE.paise:
                return payment
        if enough:
            raise BadInput(TOO_LITTLE)
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
        refund = await self._back.stage(
            tx,
            payment,
            payment.captured_paise - payment.refunded_paise,
            reason=reason,
            key=f"auto:{payment.id}",
            by="system:refund",
        )
        assert refund is not None, "a payment is ruled on once, so this is its first refund"

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
            await self._facts.refused(refund_id, str(error.reason), tell=not gone)
            if gone:
                # Given back in the provider's dashboard before us: that refund owns the money.
                for known in await self._gateway.payment_refunds(payment.rzp_payment_id):
                    await self.learn(known)
            return
        crash_here("refund.after_call")
        await self._believe(refund_id, sent)

    async def _adopt(self, refund: Refund, payment: Payment) -> bool:
        """Whether the provider has this very refund already: our receipt is on it."""
        assert self._gateway is not None
        assert payment.rzp_payment_id is not None
        for known in await self._gateway.payment_refunds(payment.rzp_payment_id):
            if known.receipt == receipt_of(refund) and known.amount_paise == refund.amount_paise:
                await self._believe(refund.id, known)
                return True
        return False

    # Following

    async def look(self, refund_id: UUID) -> str:
        """Reads a refund at the provider, or sends it if it never went."""
        async with self._unit_of_work("system:sweep") as tx:
            refund = await tx.refunds.get(refund_id)
        if refund is None or self._gateway is None:
            return "unknown"
        if refund.rzp_refund_id is None:
            await self.issue(refund_id)
            return "sent"
        return await self._ask(self._gateway, refund_id, refund.rzp_refund_id)

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
                if await self._facts.external(tx, payment, seen):
                    return "DONE", "made outside printwala"
                refund = await tx.refunds.by_provider_refund(seen.id)
        assert refund is not None
        await self._believe(refund.id, seen)
        return "DONE", ""

    async def _by_receipt(self, tx: Transaction, receipt: str) -> Refund | None:
        try:
            return await tx.refunds.get(UUID(receipt.removeprefix("r-")))
        except ValueError:
            return None

    async def _believe(self, refund_id: UUID, seen: ProviderRefund) -> None:
        """A word that may be old. Where it contradicts an earlier one the provider decides."""
        if await self._facts.apply(refund_id, seen):
            return
        try:
            if self._gateway is not None:
                await self._ask(self._gateway, refund_id, seen.id)
                return
        except ProviderRejected as error:
            log.warning("refund not known there", refund=str(refund_id), why=str(error))
        # Nobody can say. The failure counts, whichever word came first: a person looks at it.
        if seen.status == "failed":
            await self._facts.apply(refund_id, seen, asked_at=RefundStatus.PROCESSED)

    async def _ask(self, gateway: PaymentGateway, refund_id: UUID, rzp_refund_id: str) -> str:
        """How the refund stands at the provider now; that is what we know afterwards."""
        for _ in range(ASK_TIMES):
            async with self._unit_of_work("system:refund") as tx:
                refund = await tx.refunds.get(refund_id)
            assert refund is not None
            found = await gateway.fetch_refund(rzp_refund_id)
            if await self._facts.apply(refund_id, found, asked_at=refund.status):
                return found.status
        raise ProviderUncertain("razorpay", "the refund changes while we ask about it")


def receipt_of(refund: Refund) -> str:
    """Our mark on the provider's refund, at most 40 characters."""
    return f"r-{refund.id}"
