"""The answers that name a new owner of money: sent back, printed for, kept, matched."""

from __future__ import annotations

from app.domain.attention import About, kind_of
from app.domain.chat import OrderClosed
from app.domain.disputes import Dispute
from app.domain.errors import BadInput, NotAllowed
from app.domain.lifecycle import ORDER, OrderEvent, RefundEvent
from app.domain.lifecycle import Order as OrderStatus
from app.domain.money import LEAST_ONLINE, Disposition, Money
from app.domain.wording import Text
from app.models_orders import Order, Payment
from app.repositories.unit_of_work import Transaction
from app.services.bill_service import BillService
from app.services.dispute_service import DisputeService
from app.services.money_back import TOO_LITTLE, MoneyBack
from app.services.notices import Notices
from app.services.order_service import OrderService
from app.services.scene import Done, Scene
from app.services.session_service import SessionService


class MoneyAnswers:
    """Each works inside the caller's transaction on a scene that was found to allow it."""

    def __init__(
        self,
        orders: OrderService,
        sessions: SessionService,
        notices: Notices,
        bills: BillService,
        disputes: DisputeService,
    ) -> None:
        self._orders = orders
        self._sessions = sessions
        self._notices = notices
        self._bills = bills
        self._disputes = disputes
        self._back = MoneyBack(notices, bills)

    async def refund(self, tx: Transaction, scene: Scene) -> Done:
        payment, left = _payment(scene), scene.facts.left_paise
        amount = left if scene.ask.amount_paise is None else scene.ask.amount_paise
        if amount > left:
            raise NotAllowed(f"At most {Money(left)} is left to refund.", code="refund_too_large")
        if amount < min(left, LEAST_ONLINE.paise) and payment.rzp_payment_id is not None:
            # All that is left may be less: then the bank's no puts it before a person again.
            raise BadInput(TOO_LITTLE)
        if (
            amount < left
            and kind_of(scene.item.kind, subject=scene.item.subject).about is About.PAPER
        ):
            raise NotAllowed(
                f"An order that is not printed is refunded whole: {Money(left)}.", code="not_all"
            )
        refund = await self._back.hand_back(
            tx, payment, amount, scene.order, reason=scene.ask.note, key=scene.key, by=scene.by
        )
        return Done(amount, refund.id)

    async def print_it(self, tx: Transaction, scene: Scene) -> Done:
        assert scene.order is not None
        return await self._fulfil(tx, scene, scene.order, _payment(scene))

    async def keep_as_credit(self, tx: Transaction, scene: Scene) -> Done:
        payment, left = _payment(scene), scene.facts.left_paise
        if scene.ask.amount_paise not in (None, left):
            raise NotAllowed(f"Credit is all that is left: {Money(left)}.", code="not_all")
        if scene.order is not None and payment.currency == "INR":
            await self._notices.order(
                tx, scene.order, Text.CREDIT_KEPT, key=f"credit:{payment.id}", total=_short(left)
            )
        return Done(left)

    async def matched_by_hand(self, tx: Transaction, scene: Scene) -> Done:
        """With an order: it is paid by this money, or the money is noted beside it. Without one
        the money belongs to something outside this house, which the note tells."""
        payment, order = _payment(scene), scene.order
        if order is None:
            return Done(scene.facts.left_paise)
        if scene.facts.paid_by_another:
            raise NotAllowed(
                "Another payment pays that order already; refund this one or keep it as credit.",
                code="paid_already",
            )
        scene.item.order_id = payment.order_id = order.id
        if OrderEvent.FULFIL in ORDER[OrderStatus(order.status)]:
            payment.quote_id = order.quote_id
            return await self._fulfil(tx, scene, order, payment)
        return Done(scene.facts.left_paise)

    async def _fulfil(self, tx: Transaction, scene: Scene, order: Order, payment: Payment) -> Done:
        payment.disposition = Disposition.FULFILS.value
        job = await self._orders.fulfil(tx, order, payment, authorised_by=scene.by)
        assert scene.customer is not None
        await self._sessions.turn(
            tx, scene.customer, OrderClosed(order.code), key=f"order:{order.id}:paid"
        )
        return Done(job_id=job.id)

    # Refunds that failed

    async def try_again(self, tx: Transaction, scene: Scene) -> Done:
        """A new refund with a key of its own: under the old key the bank repeats its old no."""
        failed = scene.refund
        assert failed is not None
        again = await self._back.hand_back(
            tx,
            _payment(scene),
            failed.amount_paise,
            scene.order,
            reason=failed.reason,
            key=scene.key,
            by=scene.by,
        )
        return Done(again.amount_paise, again.id)

    async def paid_back_by_hand(self, tx: Transaction, scene: Scene) -> Done:
        payment, refund = _payment(scene), scene.refund
        assert refund is not None
        if not await tx.payments.reserve(payment.id, refund.amount_paise):
            raise NotAllowed("Less than that is left of the payment.", code="refund_too_large")
        tx.refunds.move(refund, RefundEvent.PROCESS)
        await self._bills.given_back(tx, refund)
        await tx.session.refresh(payment)
        if payment.refunded_paise == payment.captured_paise:
            await self._back.nothing_left(tx, payment, scene.order)
        if scene.order is not None:
            await self._notices.order(
                tx,
                scene.order,
                Text.PAID_BACK,
                key=f"refunded:{refund.id}",
                total=_short(refund.amount_paise),
            )
        return Done(refund.amount_paise, refund.id)

    # What the bank does

    async def dispute_won(self, tx: Transaction, scene: Scene) -> Done:
        await self._disputes.answered(
            tx, scene.item.subject, scene.payment, scene.order, ended=Dispute.WON
        )
        return Done()

    async def taken_by_bank(self, tx: Transaction, scene: Scene) -> Done:
        payment = scene.payment
        await self._disputes.answered(
            tx, scene.item.subject, payment, scene.order, ended=Dispute.LOST
        )
        if payment is None or scene.facts.left_paise < 1:
            return Done()
        refund = await self._back.record_return(
            tx, payment, scene.order, reason=scene.ask.note, key=scene.key, by=scene.by
        )
        if scene.order is not None:
            await self._notices.order(
                tx,
                scene.order,
                Text.REFUNDED,
                key=f"refunded:{refund.id}",
                total=_short(refund.amount_paise),
                reference=payment.rzp_payment_id or "",
            )
        return Done(refund.amount_paise, refund.id)


def _payment(scene: Scene) -> Payment:
    if scene.payment is None:
        raise BadInput("This is not about a payment that was captured.")
    return scene.payment


def _short(paise: int) -> str:
    return Money(paise).short
