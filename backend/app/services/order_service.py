"""An order from its first question to the queue: open, place, revise, fulfil, cancel, expire."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog

from app.core.security import new_token
from app.domain.errors import NotAllowed
from app.domain.lifecycle import OPEN_ORDERS, Job, JobEvent, OrderEvent, Payment, PaymentEvent
from app.domain.lifecycle import Order as OrderStatus
from app.domain.money import Money
from app.domain.pricing import price_of
from app.domain.print_plan import Choices, Plan, PrintType, plan
from app.domain.wording import Text
from app.models import Document
from app.models_orders import Order, PrintJob
from app.models_orders import Payment as PaymentRow
from app.repositories.orders import Printable
from app.repositories.unit_of_work import Transaction
from app.services.bill_service import BillService
from app.services.notices import Notices
from app.services.queue_service import QueueService

log = structlog.get_logger(__name__)


class OrderService:
    """Works inside the caller's transaction, which holds the customer's chat."""

    def __init__(
        self,
        notices: Notices,
        queue: QueueService,
        bills: BillService,
        *,
        link_minutes: int,
        payments_online: bool,
        retention_hours: int,
    ) -> None:
        self._notices = notices
        self._queue = queue
        self._bills = bills
        self._link_minutes = link_minutes
        self._online = payments_online
        self._retention_hours = retention_hours

    async def open(
        self, tx: Transaction, *, shop_id: UUID, customer_id: UUID, code: str, document_id: UUID
    ) -> Order:
        order = await tx.orders.open_one(
            shop_id=shop_id, customer_id=customer_id, code=code, page_token=new_token()
        )
        document = await tx.documents.lock(document_id)
        assert document is not None, "the document that opened this order"
        document.order_id = order.id
        await tx.session.flush()
        return order

    async def place(
        self, tx: Transaction, order: Order, print_type: PrintType, copies: int
    ) -> None:
        """Takes the choices. Where they change the file, it is made before it is priced."""
        document = await self._document(tx, order)
        choices = Choices(print_type, copies)
        made = plan(choices, document.pages, document.color_pages)
        order.print_type, order.copies = print_type.value, copies
        order.choices = choices.as_dict()
        if made.needs_file(document.page_sizes):
            await tx.defer("make_print_ready", queue="documents", order_id=str(order.id))
            return
        file = Printable(None, document.sha256, document.pages, document.color_pages)
        await self.price(tx, order, made, file)

    async def price(self, tx: Transaction, order: Order, made: Plan, file: Printable) -> None:
        """Freezes the quote for these bytes, writes the intent to be paid, has the link made."""
        price_list_id, prices = await tx.shops.prices(order.shop_id)
        frozen = await tx.orders.freeze(
            order, price_of(made, prices), made.choices, file, price_list_id
        )
        order.choices = None
        order.expires_at = await tx.now() + timedelta(minutes=self._link_minutes)
        await tx.orders.move(order, OrderEvent.QUOTE)
        if not self._online or order.pay_at_counter:
            await self.pay_at_counter(tx, order)
        if not self._online:
            return
        intent = await tx.payments.intend(
            shop_id=order.shop_id,
            order_id=order.id,
            quote_id=frozen.id,
            amount_paise=frozen.amount_paise,
            currency=frozen.currency,
            reference_id=f"pw_{new_token()[:32]}",
            expires_at=order.expires_at,
        )
        await tx.defer("make_link", lane=f"order:{order.id}", payment_id=str(intent.id))

    async def _document(self, tx: Transaction, order: Order) -> Document:
        document = (await tx.documents.of_order(order.id))[0]
        if document.status != "READY":
            raise NotAllowed("The file of this order is no longer here.")
        return document

    async def pay_at_counter(self, tx: Transaction, order: Order) -> None:
        order.pay_at_counter = True
        if order.status != OrderStatus.PAYMENT_PENDING:
            return  # the file is still being made; its price is told with it
        total = Money(order.total_paise or 0).short
        key = f"counter:{order.quote_id}"  # a changed order has another total to tell
        await self._notices.order(
            tx, order, Text.PAY_COUNTER, key=key, code=order.code, total=total
        )

    async def revise(self, tx: Transaction, order: Order) -> None:
        """Back to the draft; the old link is closed before another is made."""
        order.choices = None
        if order.status == OrderStatus.DRAFT:
            order.pay_at_counter = False
            return  # its file was still being made
        await tx.orders.move(order, OrderEvent.CHANGE)
        order.expires_at = None
        order.pay_at_counter = False
        await self.close_links(tx, order)

    async def close_links(
        self, tx: Transaction, order: Order, *, keep: PaymentRow | None = None
    ) -> None:
        for link in await tx.payments.open_links(order.id):
            if keep is not None and link.id == keep.id:
                continue
            if link.status == Payment.INITIATED:
                tx.payments.move(link, PaymentEvent.CLOSE)
            else:
                await tx.defer("close_link", lane=f"order:{order.id}", payment_id=str(link.id))

    async def cancel(self, tx: Transaction, order: Order) -> None:
        """By the customer before paying. Money that still comes is given back."""
        if order.status not in OPEN_ORDERS:
            return
        await tx.orders.move(order, OrderEvent.CANCEL)
        await self.close_links(tx, order)
        await tx.documents.keep_for(order.id, hours=self._retention_hours)

    async def expire(self, tx: Transaction, order: Order) -> bool:
        """Nobody paid in time. The file stays a while: late money revives the order."""
        if order.status not in OPEN_ORDERS:
            return False
        was_asked_to_pay = order.status == OrderStatus.PAYMENT_PENDING
        await tx.orders.move(order, OrderEvent.EXPIRE)
        await tx.documents.keep_for(order.id, hours=self._retention_hours)
        if was_asked_to_pay:
            await self._notices.order(tx, order, Text.PAY_EXPIRED, key="expired")
        return True

    async def fulfil(
        self, tx: Transaction, order: Order, payment: PaymentRow, *, authorised_by: str = ""
    ) -> PrintJob:
        """A payment that matches: paid, a token, a job in the queue, and the customer told.

        The quote behind the payment counts, also when a newer one was being made. ``authorised_by``
        is who accepted a payment that does not match.
        """
        assert payment.quote_id is not None, "only a quoted payment fulfils"
        frozen = await tx.orders.quote(payment.quote_id)
        order.quote_id = frozen.id
        order.total_paise = frozen.amount_paise
        order.print_type, order.copies = frozen.print_type, frozen.copies
        order.token = await tx.shops.next_token(order.shop_id)
        await tx.orders.move(order, OrderEvent.FULFIL)
        await self._bills.paid(tx, order, payment, frozen)
        by = authorised_by or payment.captured_by
        job = await self._queue.enqueue(
            tx, order, frozen, authorised_by=by if by.startswith("user:") else ""
        )
        await self.close_links(tx, order, keep=payment)
        await self._notices.order(
            tx,
            order,
            Text.PAID,
            key="paid",
            total=Money(payment.captured_paise).short,
            token=order.token,
            ahead=await tx.orders.waiting_before(job),
            link=self._notices.page_url(order),
        )
        log.info("order paid", order=str(order.id), token=order.token, job=str(job.id))
        return job

    async def hold(self, tx: Transaction, order: Order) -> None:
        """Nothing of this order is begun any more; a worker that held it is told so."""
        for job in await tx.print_jobs.lock_of_order(order.id):
            if job.status == Job.CLAIMED:
                # Without its attempt the claim is stale: whoever gives it back frees nothing.
                await tx.print_jobs.move(job, JobEvent.RELEASE)
                held = job.attempt_id
                attempt = await tx.print_jobs.lock_attempt(held) if held else None
                if attempt is not None:
                    await tx.print_jobs.finish_attempt(attempt, "released")
                job.attempt_id = None
            if job.status == Job.QUEUED:
                await tx.print_jobs.move(job, JobEvent.HOLD)

    async def let_go(self, tx: Transaction, order: Order) -> None:
        """What was held waits in the queue again, at its old place."""
        for job in await tx.print_jobs.lock_of_order(order.id):
            if job.status == Job.HELD:
                await tx.print_jobs.move(job, JobEvent.RELEASE)
                self._queue.wake_after(tx, job)

    async def remind(self, tx: Transaction, order: Order) -> None:
        if order.status != OrderStatus.PAYMENT_PENDING or order.reminded_at is not None:
            return
        order.reminded_at = await tx.now()
        link = next((p for p in await tx.payments.open_links(order.id) if p.short_url), None)
        if link is not None:
            await self._notices.order(
                tx,
                order,
                Text.PAY_REMINDER,
                key="reminder",
                total=Money(order.total_paise or 0).short,
                link=link.short_url,
            )
