"""What staff decide at the counter: cancel an order, take cash for one, hand its paper over."""

from __future__ import annotations

from uuid import UUID

from app.core.crash import crash_here
from app.domain.chat import OrderClosed
from app.domain.errors import BadInput, NotAllowed, NotFound
from app.domain.lifecycle import NOT_ON_PAPER, OPEN_ORDERS, Job, OrderEvent
from app.domain.lifecycle import Order as OrderStatus
from app.domain.money import Disposition, Money, Ruling, Why
from app.domain.wording import Text
from app.models_orders import Order
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.notices import Notices
from app.services.order_service import OrderService
from app.services.refund_service import RefundService
from app.services.session_service import SessionService


class DeskService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        orders: OrderService,
        refunds: RefundService,
        sessions: SessionService,
        notices: Notices,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._orders = orders
        self._refunds = refunds
        self._sessions = sessions
        self._notices = notices

    async def cancel(self, shop_id: UUID, order_id: UUID, *, by: str) -> Order:
        """Unpaid: cancelled. Paid and not on paper: stopped and refunded in full.

        Raises NotAllowed once something may be on paper: then money is a refund of its own.
        """
        async with self._unit_of_work(by) as tx:
            order = await self._locked(tx, shop_id, order_id)
            if order.status in OPEN_ORDERS:
                customer = await tx.customers.get(order.customer_id)
                await self._orders.cancel(tx, order)
                await self._notices.order(tx, order, Text.CANCELLED, key="cancelled_by_staff")
                await self._sessions.turn(
                    tx, customer, OrderClosed(order.code), key=f"order:{order.id}:over"
                )
            elif order.status == OrderStatus.PAID:
                jobs = await tx.print_jobs.lock_of_order(order.id)
                if any(Job(j.status) not in {*NOT_ON_PAPER, Job.CANCELLED} for j in jobs):
                    raise NotAllowed(
                        "This order may be on paper already; refund it with a reason instead.",
                        code="may_be_on_paper",
                    )
                await self._refunds.refund_all(tx, order, reason="cancelled by the shop", by=by)
            else:
                raise NotAllowed(f"An order that is {order.status} cannot be cancelled.")
            await tx.messages.audit(
                shop_id=shop_id, actor=by, action="cancel", subject=f"order:{order_id}"
            )
        return order

    async def take_cash(
        self, shop_id: UUID, order_id: UUID, *, amount_paise: int, by: str
    ) -> Order:
        """Cash in hand pays the order: the same fulfilment as an online payment."""
        async with self._unit_of_work(by) as tx:
            order = await self._locked(tx, shop_id, order_id)
            if order.status != OrderStatus.PAYMENT_PENDING or order.quote_id is None:
                raise NotAllowed(f"An order that is {order.status} is not waiting for cash.")
            quote = await tx.orders.quote(order.quote_id)
            if amount_paise != quote.amount_paise:
                raise BadInput(f"The order costs {Money(quote.amount_paise)}; take exactly that.")
            payment = await tx.payments.record_other(
                Ruling(Disposition.FULFILS, Why.PAID),
                shop_id=shop_id,
                order_id=order.id,
                quote_id=quote.id,
                plink_id=None,
                rzp_payment_id=None,
                amount_paise=amount_paise,
                currency=quote.currency,
                method="cash",
                captured_by=by,
            )
            await self._orders.fulfil(tx, order, payment)
            await tx.messages.close_items(
                f"order:{order.id}", by=by, resolution="paid in cash", kind="no_payment_link"
            )
            customer = await tx.customers.get(order.customer_id)
            await self._sessions.turn(
                tx, customer, OrderClosed(order.code), key=f"order:{order.id}:paid"
            )
            await tx.messages.audit(
                shop_id=shop_id,
                actor=by,
                action="cash",
                subject=f"order:{order_id}",
                data={"amount_paise": amount_paise},
            )
            crash_here("desk.cash_before_commit")
        crash_here("desk.cash_after_commit")
        return order

    async def collect(self, shop_id: UUID, order_id: UUID, *, by: str, undo: bool = False) -> None:
        """Handed over at the counter, or taken back when the tap was a mistake."""
        async with self._unit_of_work(by) as tx:
            order = await self._locked(tx, shop_id, order_id)
            await tx.orders.move(order, OrderEvent.UNCOLLECT if undo else OrderEvent.COLLECT)
            await tx.messages.audit(
                shop_id=shop_id,
                actor=by,
                action="uncollect" if undo else "collect",
                subject=f"order:{order_id}",
            )

    async def _locked(self, tx: Transaction, shop_id: UUID, order_id: UUID) -> Order:
        """Chat first, then the order: the house's lock order."""
        known = await tx.orders.of_shop(shop_id, order_id)
        if known is None:
            raise NotFound("No such order.")
        await tx.customers.lock_chat(await tx.customers.get(known.customer_id))
        order = await tx.orders.lock(order_id)
        assert order is not None
        return order
