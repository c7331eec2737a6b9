"""The one door to money: every captured payment gets its owner here, exactly once.

The outcome depends on the set of facts seen, not on how often or in which order they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import structlog

from app.core.crash import crash_here
from app.domain.chat import OrderClosed
from app.domain.lifecycle import Order as OrderStatus
from app.domain.lifecycle import Payment
from app.domain.money import Capture, Disposition, Money, Ruling, Standing, Why, dispose
from app.domain.wording import Text
from app.models_orders import Order, QuoteRow
from app.models_orders import Payment as PaymentRow
from app.ports import ProviderPayment
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.dispute_service import DisputeService
from app.services.notices import Notices
from app.services.order_service import OrderService
from app.services.refund_service import RefundService
from app.services.session_service import SessionService

log = structlog.get_logger(__name__)

_TOLD = {
    Why.PAID_TWICE: Text.PAY_TWICE,
    Why.AFTER_CANCEL: Text.PAY_AFTER_CANCEL,
    Why.AFTER_REFUND: Text.PAY_TWICE,
    Why.FILE_GONE: Text.PAY_FILE_GONE,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A captured payment as some door saw it."""

    payment_id: str
    amount_paise: int
    currency: str
    method: str
    reference_id: str = ""
    link_id: str = ""
    order_id: str = ""

    @classmethod
    def of(cls, payment: ProviderPayment) -> Seen:
        return cls(
            payment_id=payment.id,
            amount_paise=payment.amount_paise,
            currency=payment.currency,
            method=payment.method,
            reference_id=payment.reference_id,
            link_id=payment.link_id,
            order_id=payment.order_id,
        )


class CaptureService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        orders: OrderService,
        refunds: RefundService,
        sessions: SessionService,
        notices: Notices,
        disputes: DisputeService,
        *,
        default_shop_id: UUID,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._orders = orders
        self._refunds = refunds
        self._sessions = sessions
        self._notices = notices
        self._disputes = disputes
        self._default_shop_id = default_shop_id

    async def settle(self, seen: Seen, *, door: str) -> None:
        """Gives a captured payment its owner: fulfils, refund or attention. Once per payment."""
        async with self._unit_of_work(f"system:{door}") as tx:
            if await tx.payments.by_provider_payment(seen.payment_id) is not None:
                return
            intent = await tx.payments.link_row(
                reference_id=seen.reference_id, link_id=seen.link_id, order_id=seen.order_id
            )
            crash_here("settle.before_decide")
            if intent is None or intent.order_id is None:
                await self._stranger(tx, seen, door)
                return
            await self._settle_order(tx, intent, seen, door)
            crash_here("mover.before_decide_commit")
        crash_here("mover.after_decide_commit")

    async def _settle_order(
        self, tx: Transaction, intent: PaymentRow, seen: Seen, door: str
    ) -> None:
        assert intent.order_id is not None and intent.quote_id is not None
        known = await tx.orders.get(intent.order_id)
        assert known is not None
        customer = await tx.customers.get(known.customer_id)
        await tx.customers.lock_chat(customer)
        order = await tx.orders.lock(known.id)
        row = await tx.payments.lock(intent.id)
        assert order is not None and row is not None
        if await tx.payments.by_provider_payment(seen.payment_id) is not None:
            return  # another door was faster while we waited for the locks
        quote = await tx.orders.quote(intent.quote_id)
        ruling = dispose(
            Capture(seen.amount_paise, seen.currency),
            Standing(
                status=OrderStatus(order.status),
                quoted_paise=quote.amount_paise,
                currency=quote.currency,
                fulfilled=await tx.payments.fulfilled(order.id),
                file_available=await self._still_prints(tx, order, quote),
                disputed=row.disputed,
            ),
        )
        payment = await self._record(tx, row, order, ruling, seen, door)
        if ruling.disposition is Disposition.FULFILS:
            await self._orders.fulfil(tx, order, payment)
            await self._sessions.turn(
                tx, customer, OrderClosed(order.code), key=f"order:{order.id}:paid"
            )
        elif ruling.disposition is Disposition.REFUND:
            await self._refunds.give_back(tx, payment, reason=ruling.why.value)
            await self._notices.order(
                tx,
                order,
                _TOLD[ruling.why],
                key=f"{ruling.why}:{seen.payment_id}",
                total=Money(seen.amount_paise).short,
                token=order.token or order.code,
            )
        else:
            await self._ask_staff(tx, payment, order, ruling)
        await self._disputes.met(tx, payment, order)

    async def _still_prints(self, tx: Transaction, order: Order, quote: QuoteRow) -> bool:
        """Whether the order would print the very bytes that were priced."""
        documents = await tx.documents.lock_of_order(order.id)
        if not documents or any(document.status != "READY" for document in documents):
            return False
        if quote.print_file_id is not None:
            return (await tx.orders.file(quote.print_file_id)).deleted_at is None
        # Photos that were laid out on a sheet since then left another file in their place.
        return documents[0].sha256 == quote.sha256

    async def _record(
        self,
        tx: Transaction,
        row: PaymentRow,
        order: Order,
        ruling: Ruling,
        seen: Seen,
        door: str,
    ) -> PaymentRow:
        log.info(
            "captured",
            payment=seen.payment_id,
            door=door,
            ruling=ruling.disposition.value,
            why=ruling.why.value,
        )
        if row.status != Payment.CAPTURED:
            if seen.link_id and not row.plink_id:
                row.plink_id = seen.link_id
            if seen.order_id:
                row.provider_order_id = seen.order_id
            await tx.payments.capture(
                row,
                ruling,
                rzp_payment_id=seen.payment_id,
                amount_paise=seen.amount_paise,
                currency=seen.currency,
                method=seen.method,
                captured_by=f"system:{door}",
            )
            return row
        return await tx.payments.record_other(
            ruling,
            shop_id=order.shop_id,
            order_id=order.id,
            quote_id=row.quote_id,
            plink_id=row.plink_id,
            rzp_payment_id=seen.payment_id,
            amount_paise=seen.amount_paise,
            currency=seen.currency,
            method=seen.method,
            captured_by=f"system:{door}",
        )

    async def _ask_staff(
        self, tx: Transaction, payment: PaymentRow, order: Order, ruling: Ruling
    ) -> None:
        await tx.messages.open_item(
            shop_id=order.shop_id,
            kind=ruling.why.value,
            subject=f"payment:{payment.rzp_payment_id}",
            order_id=order.id,
            amount_paise=payment.captured_paise,
            detail=f"captured {Money(payment.captured_paise)} {payment.currency}, quoted "
            f"{Money(order.total_paise or 0)}",
        )
        await self._notices.order(
            tx,
            order,
            Text.PAY_UNCLEAR,
            key=f"unclear:{payment.rzp_payment_id}",
            total=Money(payment.captured_paise).short,
        )

    async def _stranger(self, tx: Transaction, seen: Seen, door: str) -> None:
        """Money on our account that no link of ours asked for."""
        ruling = dispose(Capture(seen.amount_paise, seen.currency), None)
        payment = await tx.payments.record_other(
            ruling,
            shop_id=self._default_shop_id,
            order_id=None,
            quote_id=None,
            plink_id=seen.link_id or None,
            rzp_payment_id=seen.payment_id,
            amount_paise=seen.amount_paise,
            currency=seen.currency,
            method=seen.method,
            captured_by=f"system:{door}",
        )
        await tx.messages.open_item(
            shop_id=self._default_shop_id,
            kind=ruling.why.value,
            subject=f"payment:{seen.payment_id}",
            amount_paise=seen.amount_paise,
            detail=f"reference {seen.reference_id or '-'}, link {seen.link_id or '-'}",
        )
        await self._disputes.met(tx, payment, None)
