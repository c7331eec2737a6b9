"""Razorpay's webhooks: what each event means here. Events are hints; facts go to ``settle``."""

from __future__ import annotations

from uuid import UUID

from app.domain.errors import ProviderRejected
from app.domain.lifecycle import Order as OrderStatus
from app.domain.lifecycle import Payment
from app.domain.wording import Text
from app.ports import GatewayDispute, GatewayEvent, PaymentGateway, ProviderPayment
from app.repositories.unit_of_work import UnitOfWork
from app.services.capture_service import CaptureService, Seen
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
        notices: Notices,
        gateway: PaymentGateway | None,
        *,
        default_shop_id: UUID,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._captures = captures
        self._links = links
        self._refunds = refunds
        self._notices = notices
        self._gateway = gateway
        self._default_shop_id = default_shop_id

    async def handle(self, event: GatewayEvent) -> tuple[str, str]:
        """Applies a webhook. Returns the inbox row's end: ("DONE" | "IGNORED", why)."""
        name = event.event
        payment, link = event.payment, event.link
        about = event.refund or event.dispute
        if about is not None and not _captured(payment):
            # Disputes may show their payment as it was before its capture, or not at all.
            payment = await self._as_it_stands(about.payment_id)
        if payment is not None and _captured(payment):
            # Whatever the event is about: a refund or a dispute that overtook its payment must
            # find it, or it would be forgotten and the payment would print.
            await self._captures.settle(
                Seen(
                    payment_id=payment.id,
                    amount_paise=payment.amount_paise,
                    currency=payment.currency,
                    method=payment.method,
                    reference_id=payment.reference_id,
                    link_id=link.id if link else payment.link_id,
                    order_id=payment.order_id,
                ),
                door="webhook",
            )
        if name.startswith("payment.dispute") and event.dispute is not None:
            await self._disputed(event)
            return "DONE", ""
        if name.startswith("refund.") and event.refund is not None:
            return await self._refunds.learn(event.refund)
        if _captured(payment):
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

    async def _disputed(self, event: GatewayEvent) -> None:
        dispute = event.dispute
        assert dispute is not None
        async with self._unit_of_work("system:webhook") as tx:
            row = await tx.payments.by_provider_payment(dispute.payment_id)
            shop_id, order_id = self._default_shop_id, None
            if row is not None:
                shop_id, order_id = row.shop_id, row.order_id
                disputed = dispute.status not in ("won", "closed")
                await self._captures.dispute(tx, row, disputed=disputed)
            if dispute.status == "won":
                subject = f"payment:{dispute.payment_id}"
                await tx.messages.close_items(
                    subject, by="system:webhook", resolution="won", kind="dispute"
                )
                return
            await tx.messages.open_item(
                shop_id=shop_id,
                kind="dispute",
                subject=f"payment:{dispute.payment_id}",
                order_id=order_id,
                amount_paise=dispute.amount_paise,
                detail=_told(dispute),
            )


def _told(dispute: GatewayDispute) -> str:
    told = f"{dispute.phase} {dispute.status}, reason {dispute.reason_code}"
    if (by := dispute.respond_by) is not None:
        # The day in UTC: in India it is never a day too late.
        told += f", answer by {by.day} {by:%b %Y}"
    return told


def _captured(payment: ProviderPayment | None) -> bool:
    return payment is not None and payment.status in ("captured", "refunded")
