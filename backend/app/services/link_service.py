"""Payment links: made once, sent, looked at, and closed before another is made."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from app.core.clock import Clock
from app.core.crash import crash_here
from app.domain.chat import OrderClosed
from app.domain.errors import ProviderRejected
from app.domain.lifecycle import Order as OrderStatus
from app.domain.lifecycle import Payment, PaymentEvent
from app.domain.money import Money
from app.domain.wording import Choice, Text
from app.models_orders import Order
from app.models_orders import Payment as PaymentRow
from app.ports import LinkRequest, PaymentGateway, PaymentLink
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.capture_service import CaptureService, Seen
from app.services.notices import Notices
from app.services.order_service import OrderService
from app.services.refund_service import RefundService
from app.services.session_service import SessionService

# Seconds from one look at an open link to the next, and every five minutes after these.
LOOKS = (60, 60, 60, 120, 300, 300, 300, 300)
DAILY = 86_400
LAST_LOOK = 7
CATCH_UP = timedelta(days=3)
# Razorpay wants links to live 15 minutes at least, by its own clock.
SHORTEST_LINK = timedelta(minutes=16)


class LinkService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        gateway: PaymentGateway | None,
        captures: CaptureService,
        refunds: RefundService,
        orders: OrderService,
        sessions: SessionService,
        notices: Notices,
        clock: Clock,
        *,
        callback_url: str,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._gateway = gateway
        self._captures = captures
        self._refunds = refunds
        self._orders = orders
        self._sessions = sessions
        self._notices = notices
        self._clock = clock
        self._callback_url = callback_url

    async def make_link(self, payment_id: UUID) -> None:
        """Creates the link once, whatever happened to an earlier try, and sends it."""
        gateway = self._gateway
        if gateway is None:
            return
        async with self._unit_of_work("system:link") as tx:
            intent = await tx.payments.get(payment_id)
            if intent is None or intent.status != Payment.INITIATED or intent.order_id is None:
                return
            order = await tx.orders.get(intent.order_id)
            assert order is not None and intent.reference_id is not None
            customer = await tx.customers.get(order.customer_id)
            shop = await tx.shops.get(order.shop_id)
            others = [
                link.id
                for link in await tx.payments.open_links(order.id)
                if link.id != intent.id and link.status == Payment.LINK_SENT
            ]
        if order.status != OrderStatus.PAYMENT_PENDING:
            await self._drop_intent(payment_id)
            return
        for other in others:
            # At most one payable link: the old one is closed, or its money taken, first.
            await self.close_link(other)
        request = LinkRequest(
            reference_id=intent.reference_id,
            amount_paise=intent.amount_paise,
            currency=intent.currency,
            description=f"Print order {order.code} at {shop.name}"[:2048],
            expire_by=max(
                intent.expires_at or self._clock.now(), self._clock.now() + SHORTEST_LINK
            ),
            notes={"order_ref": intent.reference_id, "order_code": order.code},
            callback_url=self._callback_url,
            customer_name=customer.name[:50],
            customer_contact=f"+{customer.phone}" if customer.phone else "",
        )
        crash_here("link.before_create")
        try:
            link = await self._create_once(gateway, request)
        except ProviderRejected as error:
            await self._no_link(payment_id, str(error.reason))
            return
        crash_here("link.after_create")
        await self._link_made(payment_id, link)

    async def _create_once(self, gateway: PaymentGateway, request: LinkRequest) -> PaymentLink:
        """A used reference means an earlier try went through: that link is adopted."""
        if known := await self._made_before(gateway, request):
            return known
        try:
            return await gateway.create_link(request)
        except ProviderRejected as error:
            if error.provider_code != "duplicate_reference":
                raise
            # An answer that was lost between our look and our call.
            if known := await self._made_before(gateway, request):
                return known
            raise

    async def _made_before(
        self, gateway: PaymentGateway, request: LinkRequest
    ) -> PaymentLink | None:
        for known in await gateway.find_links(request.reference_id):
            if known.amount_paise == request.amount_paise and known.status != "cancelled":
                return known
        return None

    async def _link_made(self, payment_id: UUID, link: PaymentLink) -> None:
        async with self._unit_of_work("system:link") as tx:
            intent, order = await self._locked(tx, payment_id)
            if intent is None or order is None:
                return
            intent.plink_id, intent.short_url = link.id, link.short_url
            if link.order_id:
                intent.provider_order_id = link.order_id
            tx.payments.look_again(intent, LOOKS[0])
            if intent.status == Payment.INITIATED:
                tx.payments.move(intent, PaymentEvent.LINK)
            elif intent.status == Payment.CLOSED:
                # The customer changed something while the link was being made.
                await tx.defer("close_link", lane=f"order:{order.id}", payment_id=str(intent.id))
                return
            await tx.session.flush()
            if intent.status == Payment.LINK_SENT and order.status == OrderStatus.PAYMENT_PENDING:
                await self._send_link(tx, order, intent)

    async def _send_link(self, tx: Transaction, order: Order, intent: PaymentRow) -> None:
        assert intent.quote_id is not None
        quote = await tx.orders.quote(intent.quote_id)
        await self._notices.order(
            tx,
            order,
            Text.SUMMARY,
            key=f"summary:{intent.id}",
            choices=(
                Choice("counter", f"{order.code}:counter:1:0"),
                Choice("back", f"{order.code}:back:1:0"),
                Choice("cancel", f"{order.code}:cancel:1:0"),
            ),
            pages=quote.pages,
            copies=quote.copies,
            type=quote.print_type,
            total=Money(intent.amount_paise).short,
            link=intent.short_url,
            minutes=await self._minutes_left(tx, intent),
        )

    async def _minutes_left(self, tx: Transaction, intent: PaymentRow) -> int:
        if intent.expires_at is None:
            return 0
        return max(1, round((intent.expires_at - await tx.now()).total_seconds() / 60))

    async def _no_link(self, payment_id: UUID, why: str) -> None:
        """The provider refuses for good: the counter can still take the money."""
        async with self._unit_of_work("system:link") as tx:
            intent, order = await self._locked(tx, payment_id)
            if intent is None or order is None or intent.status != Payment.INITIATED:
                return
            tx.payments.move(intent, PaymentEvent.FAIL)
            await tx.messages.open_item(
                shop_id=order.shop_id,
                kind="no_payment_link",
                subject=f"order:{order.id}",
                order_id=order.id,
                amount_paise=intent.amount_paise,
                detail=why,
            )
            if order.status == OrderStatus.PAYMENT_PENDING:
                await self._orders.pay_at_counter(tx, order)

    async def _locked(
        self, tx: Transaction, payment_id: UUID
    ) -> tuple[PaymentRow | None, Order | None]:
        """Order first, then its payment: the house's lock order."""
        known = await tx.payments.get(payment_id)
        if known is None or known.order_id is None:
            return None, None
        order = await tx.orders.lock(known.order_id)
        return await tx.payments.lock(payment_id), order

    async def gave_up_on_link(self, payment_id: UUID, why: str) -> None:
        """Out of patience with an unreachable provider: the same way out."""
        await self._no_link(payment_id, why)

    async def _drop_intent(self, payment_id: UUID) -> None:
        async with self._unit_of_work("system:link") as tx:
            intent = await tx.payments.lock(payment_id)
            if intent is not None and intent.status == Payment.INITIATED:
                tx.payments.move(intent, PaymentEvent.CLOSE)

    async def close_link(self, payment_id: UUID) -> None:
        """Cancels a link; when somebody was faster and paid, takes the payment instead."""
        gateway = self._gateway
        async with self._unit_of_work("system:link") as tx:
            row = await tx.payments.get(payment_id)
        if gateway is None or row is None or row.plink_id is None:
            return
        if row.status == Payment.CAPTURED:
            return
        crash_here("link.before_cancel")
        try:
            link = await gateway.cancel_link(row.plink_id)
        except ProviderRejected:
            link = await gateway.fetch_link(row.plink_id)
        crash_here("link.after_cancel")
        await self.learn(payment_id, link, door="cancel")

    # Looking

    async def look(self, payment_id: UUID, *, door: str) -> str:
        """Reads the link at the provider and applies what it says. Returns its status."""
        gateway = self._gateway
        async with self._unit_of_work("system:sweep") as tx:
            row = await tx.payments.get(payment_id)
        if gateway is None or row is None or row.plink_id is None:
            return "unknown"
        link = await gateway.fetch_link(row.plink_id)
        await self.learn(payment_id, link, door=door)
        return link.status

    async def learn(self, payment_id: UUID, link: PaymentLink, *, door: str) -> None:
        for paid in link.payments:
            await self._captures.settle(
                Seen(
                    payment_id=paid.payment_id,
                    amount_paise=paid.amount_paise,
                    currency=link.currency,
                    method=paid.method,
                    reference_id=link.reference_id,
                    link_id=link.id,
                    order_id=link.order_id,
                ),
                door=door,
            )
        async with self._unit_of_work("system:sweep") as tx:
            row = await tx.payments.lock(payment_id)
            if row is None or row.status == Payment.CAPTURED:
                return
            if link.order_id and not row.provider_order_id:
                row.provider_order_id = link.order_id
            if link.status in ("cancelled", "expired") and row.status == Payment.LINK_SENT:
                tx.payments.move(row, PaymentEvent.CLOSE)
            tx.payments.look_again(row, self._next_look(row))
        if link.status in ("cancelled", "expired"):
            await self._link_over(payment_id, link.status)

    def _next_look(self, row: PaymentRow) -> float | None:
        looks = row.looks
        if row.status == Payment.LINK_SENT:
            return LOOKS[looks] if looks < len(LOOKS) else 300
        # Closed: banks settle up to days late, so it is read daily for a week.
        born = row.created_at
        return DAILY if self._clock.now() - born < timedelta(days=LAST_LOOK) else None

    async def catch_up(self) -> int:
        """The provider's list of the last days against our books: captured payments that no door
        has seen, a second one on a paid link among them, and refunds we do not know of."""
        gateway = self._gateway
        if gateway is None:
            return 0
        now = self._clock.now()
        listed = await gateway.list_payments(since=now - CATCH_UP, until=now)
        captured = [each for each in listed if each.status in ("captured", "refunded")]
        async with self._unit_of_work("system:sweep") as tx:
            booked = await tx.payments.known([each.id for each in captured])
        for each in captured:
            if each.id not in booked:
                await self._captures.settle(
                    Seen(
                        payment_id=each.id,
                        amount_paise=each.amount_paise,
                        currency=each.currency,
                        method=each.method,
                        reference_id=each.reference_id,
                        link_id=each.link_id,
                        order_id=each.order_id,
                    ),
                    door="list",
                )
            if each.amount_refunded_paise != booked.get(each.id, 0):
                for refund in await gateway.payment_refunds(each.id):
                    await self._refunds.learn(refund)
        return sum(each.id not in booked for each in captured)

    async def returned(self, query: dict[str, str]) -> str | None:
        """The payer came back: where to send the browser, and a reason to look at the link.

        The caller has checked the signature. Nothing is marked paid by it.
        """
        async with self._unit_of_work("system:return") as tx:
            row = await tx.payments.link_row(
                reference_id=query.get("razorpay_payment_link_reference_id", ""),
                link_id=query.get("razorpay_payment_link_id", ""),
                order_id="",
            )
            if row is None or row.order_id is None:
                return None
            order = await tx.orders.get(row.order_id)
            assert order is not None
            if row.status != Payment.CAPTURED:
                await tx.defer(
                    "look_at_link",
                    lane=f"order:{order.id}",
                    once=f"look:{row.id}",
                    payment_id=str(row.id),
                    door="return",
                )
            return order.page_token

    async def _link_over(self, payment_id: UUID, status: str) -> None:
        """The provider closed the link: the order ends with it, unless another link is open."""
        async with self._unit_of_work(f"system:link_{status}") as tx:
            row = await tx.payments.get(payment_id)
            if row is None or row.order_id is None:
                return
            order = await tx.orders.get(row.order_id)
            assert order is not None
            customer = await tx.customers.get(order.customer_id)
            await tx.customers.lock_chat(customer)
            order = await tx.orders.lock(order.id)
            assert order is not None
            if order.status != OrderStatus.PAYMENT_PENDING or order.pay_at_counter:
                return
            if await tx.payments.open_links(order.id):
                return
            if status == "cancelled":
                # Somebody cancelled it in the provider's own dashboard.
                await self._orders.cancel(tx, order)
                await self._notices.order(tx, order, Text.CANCELLED, key="link_cancelled")
            else:
                await self._orders.expire(tx, order)
            await self._sessions.turn(
                tx, customer, OrderClosed(order.code), key=f"order:{order.id}:over"
            )
