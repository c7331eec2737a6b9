"""The provider's captured payments of the last days against ours, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.core.crash import crash_here
from app.domain.errors import ProviderError, ProviderRejected
from app.domain.money import Money
from app.ports import PaymentGateway, ProviderPayment
from app.repositories.payments import Booked
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.capture_service import CaptureService, Seen
from app.services.refund_service import RefundService

log = structlog.get_logger(__name__)

SPAN = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Match:
    """What one comparison found; ``unread`` payments could not be compared this time."""

    compared: int = 0
    here_only: int = 0
    there_only: int = 0
    amounts: int = 0
    refunds: int = 0
    unread: int = 0

    def __str__(self) -> str:
        return (
            f"{self.compared} compared, {self.here_only} here only, {self.there_only} there only, "
            f"{self.amounts} amounts differ, {self.refunds} refund sums differ, "
            f"{self.unread} unread"
        )


class MatchingService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        gateway: PaymentGateway | None,
        captures: CaptureService,
        refunds: RefundService,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._gateway = gateway
        self._captures = captures
        self._refunds = refunds

    async def match(self) -> Match:
        """What the provider has and we lack is taken in; what we have and it lacks, or knows
        differently, is a question for staff. Raises the ``ProviderError`` family."""
        if self._gateway is None:
            return Match()
        async with self._unit_of_work("system:match") as tx:
            now = await tx.now()
        listed = {
            each.id: each
            for each in await self._gateway.list_payments(since=now - SPAN, until=now)
            if each.was_captured
        }
        async with self._unit_of_work("system:match") as tx:
            ours = await tx.payments.booked(list(listed), since=now - SPAN)
        theirs, unread = await self._asked_one_by_one(ours.keys() - listed.keys())
        theirs |= listed
        there_only = [each for each in listed.values() if each.id not in ours]
        for each in there_only:
            await self._captures.settle(Seen.of(each), door="list")
        here_only, amounts = await self._judged(ours, theirs)
        differ = [
            each
            for each in listed.values()
            if each.amount_refunded_paise
            != (ours[each.id].refunded_paise if each.id in ours else 0)
        ]
        for each in differ:
            unread += await self._refunds_learnt(each)
        return Match(
            compared=len(listed.keys() | ours.keys()),
            here_only=here_only,
            there_only=len(there_only),
            amounts=amounts,
            refunds=len(differ),
            unread=unread,
        )

    async def _asked_one_by_one(
        self, ids: Iterable[str]
    ) -> tuple[dict[str, ProviderPayment | None], int]:
        """Payments that are not in the list: begun before its span, or not known there at all.

        Those that could not be asked for are not in the answer.
        """
        assert self._gateway is not None
        found: dict[str, ProviderPayment | None] = {}
        unread = 0
        for payment_id in sorted(ids):
            try:
                found[payment_id] = await self._gateway.fetch_payment(payment_id)
            except ProviderRejected as error:
                if error.provider_code == "not_found":
                    found[payment_id] = None
                else:
                    unread += 1
            except ProviderError as error:
                log.warning("payment not read", payment=payment_id, why=str(error))
                unread += 1
        return found, unread

    async def _judged(
        self, ours: Mapping[str, Booked], theirs: Mapping[str, ProviderPayment | None]
    ) -> tuple[int, int]:
        here_only = amounts = 0
        async with self._unit_of_work("system:match") as tx:
            for payment_id in sorted(ours.keys() & theirs.keys()):
                booked, known = ours[payment_id], theirs[payment_id]
                taken = known if known is not None and known.was_captured else None
                here_only += await self._absent(tx, payment_id, booked, known, absent=taken is None)
                amounts += await self._other_amount(tx, payment_id, booked, taken)
            crash_here("match.before_commit")
        crash_here("match.after_commit")
        return here_only, amounts

    async def _absent(
        self,
        tx: Transaction,
        payment_id: str,
        booked: Booked,
        known: ProviderPayment | None,
        *,
        absent: bool,
    ) -> bool:
        kind, subject = "not_at_razorpay", f"payment:{payment_id}"
        if not absent:
            await tx.messages.close_items(subject, by=_BY, resolution=_AGREES, kind=kind)
        elif not await tx.attention.decided(kind, subject):
            there = f"is {known.status} there" if known else "is not known there"
            await tx.messages.open_item(
                shop_id=booked.shop_id,
                kind="not_at_razorpay",
                subject=subject,
                order_id=booked.order_id,
                amount_paise=booked.captured_paise,
                detail=f"captured {Money(booked.captured_paise)} here, {payment_id} {there}",
            )
        return absent

    async def _other_amount(
        self, tx: Transaction, payment_id: str, booked: Booked, known: ProviderPayment | None
    ) -> bool:
        kind, subject = "amount_differs", f"payment:{payment_id}"
        if known is None:
            return False
        same = (known.amount_paise, known.currency) == (booked.captured_paise, booked.currency)
        if same:
            await tx.messages.close_items(subject, by=_BY, resolution=_AGREES, kind=kind)
        elif not await tx.attention.decided(kind, subject):
            await tx.messages.open_item(
                shop_id=booked.shop_id,
                kind="amount_differs",
                subject=subject,
                order_id=booked.order_id,
                amount_paise=known.amount_paise,
                detail=f"captured {Money(booked.captured_paise)} {booked.currency} here, "
                f"{Money(known.amount_paise)} {known.currency} at Razorpay",
            )
        return not same

    async def _refunds_learnt(self, payment: ProviderPayment) -> bool:
        """True when they could not be read."""
        assert self._gateway is not None
        try:
            refunds = await self._gateway.payment_refunds(payment.id)
        except ProviderError as error:
            log.warning("refunds not read", payment=payment.id, why=str(error))
            return True
        for refund in refunds:
            await self._refunds.learn(refund)
        return False


_BY, _AGREES = "system:match", "both books agree"
