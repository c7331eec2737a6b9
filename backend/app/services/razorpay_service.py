"""Razorpay's webhooks: what each event means here. Events are hints; facts go to ``settle``."""

from __future__ import annotations

from dataclasses import replace

from app.domain.errors import ProviderRejected
from app.domain.lifecycle import Order as OrderStatus
from app.domain.lifecycle import Payment
from app.domain.wording import Text
from app.ports import GatewayEvent, PaymentGateway, ProviderPayment
from app.repositories.unit_of_work import UnitOfWork
from app.services.capture_service import CaptureService, Seen
from app.services.dispute_service import DisputeService
from app.services.link_service import LinkService
from app.services.notices import Notices
from app.services.refund_service import RefundService


class RazorpayService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        captures: CaptureService,
        links: LinkService,
        refunds: RefundService,
        disputes: DisputeService,
        notices: Notices,
        gateway: PaymentGateway | None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._captures = captures
        self._links = links
        self._refunds = refunds
        self._disputes = disputes
        self._notices = notices
        self._gateway = gateway

    async def handle(self, event: GatewayEvent) -> tuple[str, str]:
        """Applies a webhook. Returns the inbox row's end: ("DONE" | "IGNORED", why)."""
        name = event.event
        payment, link = event.payment, event.link
        about = event.refund or event.dispute
        if about is not None and (payment is None or not payment.was_captured):
            # Disputes may show their payment as it was before its capture, or not at all.
            payment = await self._as_it_stands(about.payment_id)
        if payment is not None and payment.was_captured:
            # Whatever the event is about: a refund or a dispute that overtook its payment must
            # find it, or it would be forgotten and the payment would print.
            if link is not None:
                payment = replace(payment, link_id=link.id)
            await self._captures.settle(Seen.of(payment), door="webhook")
        if event.dispute is not None:
            return await self._disputes.learn(event.dispute, name)
        if name.startswith("refund.") and event.refund is not None:
            return await self._refunds.learn(event.refund)
        if payment is not None and payment.was_captured:
            return "DONE", ""
        if name == "payment.failed" and payment is not None:
            return await self._failed(
                payment.reference_id, payment.link_id, payment.order_id, payment.id
            )
        if link is not None and link.status in ("cancelled", "expired"):
            async with self._unit_of_work("system:webhook") as tx:
                row = await tx.payments.link_row(
                    reference_id=link.reference_id, link_id=link.id, order_id=""
                )
            if row is None:
                return "IGNORED", "a link that is not ours"
            await self._links.learn(row.id, link, door="webhook")
            return "DONE", ""
        return "IGNORED", f"{name} changes nothing here"

    async def _as_it_stands(self, payment_id: str) -> ProviderPayment | None:
        if self._gateway is None:
            return None
        try:
            return await self._gateway.fetch_payment(payment_id)
        except ProviderRejected:
            return None  # not of our account

    async def _failed(
        self, reference_id: str, link_id: str, order_id: str, rzp_payment_id: str
    ) -> tuple[str, str]:
        async with self._unit_of_work("system:webhook") as tx:
            row = await tx.payments.link_row(
                reference_id=reference_id, link_id=link_id, order_id=order_id
            )
            if row is None or row.order_id is None:
                return "IGNORED", "a payment that is not ours"
            order = await tx.orders.lock(row.order_id)
            row = await tx.payments.lock(row.id)
            assert order is not None and row is not None
            if row.status != Payment.LINK_SENT or order.status != OrderStatus.PAYMENT_PENDING:
                return "IGNORED", "a failure that was overtaken"
            row.failures += 1
            await self._notices.order(
                tx, order, Text.PAY_FAILED, key=f"failed:{rzp_payment_id}", link=row.short_url
            )
        return "DONE", ""
