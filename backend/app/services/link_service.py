"""Payment links: made once, sent, looked at, and closed before another is made."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from app.core.crash import crash_here
from app.domain.chat import OrderClosed
from app.domain.errors import ProviderRejected, ProviderUnavailable
from app.domain.lifecycle import Order as OrderStatus
from app.domain.lifecycle import Payment, PaymentEvent
from app.domain.looks import look_after_failure, next_look
from app.domain.money import Money
from app.domain.wording import Choice, Text
from app.models_orders import Order
from app.models_orders import Payment as PaymentRow
from app.ports import LinkRequest, PaymentGateway, PaymentLink
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.capture_service import CaptureService, Seen
from app.services.notices import Notices
from app.services.order_service import OrderService
from app.services.session_service import SessionService

# Razorpay wants links to live 15 minutes at least, by its own clock.
SHORTEST_LINK = timedelta(minutes=16)


class LinkService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        gateway: PaymentGateway | None,
        captures: CaptureService,
        orders: OrderService,
        sessions: SessionService,
        notices: Notices,
        *,
        callback_url: str,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._gateway = gateway
        self._captures = captures
        self._orders = orders
        self._sessions = sessions
        self._notices = notices
        self._callback_url = callback_url

    async def make_link(self, payment_id: UUID) -> None:
        """Creates the link once, whatever happened to an earlier try, and sends it."""
        gateway = self._gateway
        if gateway is None:
            return
        request, others = await self._wanted(payment_id)
        for other in others:
            # At most one payable link: the old one is closed, or its money taken, first.
            with suppress(ProviderRejected):
                await self.close_link(other)
        if others:
            # What was learnt of the old one may have paid the order.
            request, others = await self._wanted(payment_id)
        if request is None:
            return
        if others:
            raise ProviderUnavailable("razorpay", "an older link of this order is still open")
        crash_here("link.before_create")
        try:
            link = await self._create_once(gateway, request)
        except ProviderRejected as error:
            await self.no_link(payment_id, str(error.reason))
            return
        crash_here("link.after_create")
        await self._link_made(payment_id, link)
        if link.status != "created":
            # Made by a try whose answer was lost, and over meanwhile.
            await self.learn(payment_id, link, door="link")

    async def _wanted(self, payment_id: UUID) -> tuple[LinkRequest | None, list[UUID]]:
        """The link to make, or None when it is not wanted any more; and older ones still open."""
        async with self._unit_of_work("system:link") as tx:
            intent, order = await self._locked(tx, payment_id)
            if intent is None or order is None or intent.status != Payment.INITIATED:
                return None, []
            if order.status != OrderStatus.PAYMENT_PENDING:
                tx.payments.move(intent, PaymentEvent.CLOSE)
                return None, []
            assert intent.reference_id is not None
            customer = await tx.customers.get(order.customer_id)
            shop = await tx.shops.get(order.shop_id)
            others = [
                link.id
                for link in await tx.payments.open_links(order.id)
                if link.id != intent.id and link.status == Payment.LINK_SENT
            ]
            earliest = await tx.now() + SHORTEST_LINK
            request = LinkRequest(
                reference_id=intent.reference_id,
                amount_paise=intent.amount_paise,
                currency=intent.currency,
                description=f"Print order {order.code} at {shop.name}"[:2048],
                expire_by=max(intent.expires_at or earliest, earliest),
                notes={"order_ref": intent.reference_id, "order_code": order.code},
                callback_url=self._callback_url,
                customer_name=customer.name[:50],
                customer_contact=f"+{customer.phone}" if customer.phone else "",
            )
            return request, others

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
            intent.link_made_at = await tx.now()
            if intent.status == Payment.INITIATED:
                tx.payments.move(intent, PaymentEvent.LINK)
                if link.expire_by is not None:
                    # Made late, after the provider was away, it lives longer: so does the order.
                    intent.expires_at = order.expires_at = link.expire_by
                await self._look_again(tx, intent)
            elif intent.status == Payment.CLOSED:
                # The customer changed something while the link was being made.
                await tx.defer("close_link", lane=f"order:{order.id}", payment_id=str(intent.id))
                return
            await tx.session.flush()
            open_link = intent.status == Payment.LINK_SENT and link.status == "created"
            if open_link and order.status == OrderStatus.PAYMENT_PENDING:
                await self._send_link(tx, order, intent)
            crash_here("link.made_before_commit")
        crash_here("link.made_after_commit")

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

    async def no_link(self, payment_id: UUID, why: str) -> None:
        """The provider refuses for good or stays away: the counter can still take the money."""
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
            if row.plink_id is not None:
                await self._look_again(tx, row)
            crash_here("link.learn_before_commit")
        crash_here("link.learn_after_commit")
        if link.status in ("cancelled", "expired"):
            await self._link_over(payment_id, link.status)

    async def not_read(self, payment_id: UUID, *, refused: bool) -> None:
        """Puts a link that could not be read behind those that can be; ``refused``: it would be
        the same if it were asked for again soon."""
        async with self._unit_of_work("system:sweep") as tx:
            row = await tx.payments.lock(payment_id)
            if row is None or row.next_look_at is None:
                return
            made_at, expires_at = _life(row)
            later = look_after_failure(
                made_at,
                expires_at,
                still_open=row.status == Payment.LINK_SENT,
                refused=refused,
                now=await tx.now(),
            )
            tx.payments.look_again(row, later)

    async def _look_again(self, tx: Transaction, row: PaymentRow) -> None:
        made_at, expires_at = _life(row)
        still_open = row.status == Payment.LINK_SENT
        now = await tx.now()
        tx.payments.look_again(row, next_look(made_at, expires_at, still_open=still_open, now=now))

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


def _life(row: PaymentRow) -> tuple[datetime, datetime]:
    made_at = row.link_made_at or row.created_at
    return made_at, row.expires_at or made_at
