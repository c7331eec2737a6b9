"""The end of a business day: its figures, compared with the provider and the till, and locked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from app.core.crash import crash_here
from app.core.security import sha256_hex
from app.domain.errors import BadInput, NotAllowed, ProviderError, ProviderRejected
from app.domain.money import Money
from app.models_days import DayReport
from app.ports import PaymentGateway, ProviderPayment
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.cursors import cursor_of, read_cursor

log = structlog.get_logger(__name__)

# A payment begun before the day may be captured in it.
LOOK_BACK = timedelta(days=1)
LOOK_UPS = 20
MOST_NAMED = 100
MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Day:
    """A business day as it stands. ``status``: open, closed, or covered by a later report."""

    day: date
    status: str
    starts_at: datetime
    ends_at: datetime
    figures: dict[str, Any]
    report: DayReport | None = None


class DayService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        gateway: PaymentGateway | None,
        *,
        default_shop_id: UUID,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._gateway = gateway
        self._default_shop_id = default_shop_id

    async def day(self, shop_id: UUID, day: date, *, compare: bool = True) -> Day:
        """The day's report, or what its report would say now. Raises BadInput for a day that
        has not begun or lies before the shop's first."""
        _on_the_calendar(day)
        async with self._unit_of_work("system:read") as tx:
            report = await tx.days.of_day(shop_id, day)
            if report is not None and report.day == day:
                return Day(day, "closed", report.starts_at, report.ends_at, report.figures, report)
            if report is not None:
                calendar = await tx.days.calendar(shop_id, day)
                span = calendar.starts_at, calendar.ends_at
                found = await tx.days.figures(shop_id, *span)
                return Day(day, "covered", *span, found, report)
            span = await self._span(tx, shop_id, day)
            found = await tx.days.figures(shop_id, *span)
        if compare:
            found["provider"] = await self._compare(shop_id, *span)
        return Day(day, "open", *span, found)

    async def reports(
        self, shop_id: UUID, limit: int = 50, cursor: str = ""
    ) -> tuple[Sequence[DayReport], str | None]:
        """A page of closed days, the newest first, and the cursor of the next page."""
        before = read_cursor(cursor)[0] if cursor else None
        async with self._unit_of_work("system:read") as tx:
            found = await tx.days.reports(shop_id, limit + 1, before=before)
        shown = found[:limit]
        more = len(found) > limit
        return shown, cursor_of(shown[-1].ends_at, shown[-1].id) if more else None

    async def today(self, shop_id: UUID) -> date:
        async with self._unit_of_work("system:read") as tx:
            return (await tx.days.calendar(shop_id, date(2000, 1, 1))).today

    async def zone(self, shop_id: UUID) -> str:
        async with self._unit_of_work("system:read") as tx:
            return (await tx.shops.get(shop_id)).timezone

    async def figures(self, shop_id: UUID, first: date, last: date) -> dict[str, Any]:
        """Whole calendar days of the shop, ``first`` and ``last`` included."""
        async with self._unit_of_work("system:read") as tx:
            return await tx.days.figures(shop_id, *(await span_of(tx, shop_id, first, last)))

    async def close(
        self,
        shop_id: UUID,
        day: date,
        *,
        cash_counted_paise: int,
        note: str,
        key: str,
        by: str,
    ) -> DayReport:
        """Locks the day into a report nobody can change. The same key and body again is the same
        report.

        Raises BadInput for a difference without a note or a day that is not there to close, and
        NotAllowed when it or a later day is closed already.
        """
        _on_the_calendar(day)
        note = note.strip()
        if cash_counted_paise < 0:
            raise BadInput("Cash is counted, it cannot be less than nothing.")
        body = sha256_hex(json.dumps([day.isoformat(), cash_counted_paise, note]))
        async with self._unit_of_work("system:read") as tx:
            if earlier := await self._earlier(tx, shop_id, key, body):
                return earlier
            span = await self._span(tx, shop_id, day)
        provider = await self._compare(shop_id, *span)
        async with self._unit_of_work(by) as tx:
            await tx.days.alone()
            if earlier := await self._earlier(tx, shop_id, key, body):
                return earlier
            starts_at, ends_at = await self._span(tx, shop_id, day)
            figures = await tx.days.figures(shop_id, starts_at, ends_at)
            expected = figures["cash_expected_paise"]
            off = cash_counted_paise - expected
            if not note and (off or provider.get("differs")):
                what = (
                    f"The till holds {Money(cash_counted_paise)}, {Money(expected)} was taken"
                    if off
                    else "Our payments and Razorpay's list differ"
                )
                raise BadInput(f"{what}: say why in the note.", code="note_needed")
            last = await tx.days.last(shop_id)
            report = await tx.days.keep(
                DayReport(
                    shop_id=shop_id,
                    day=day,
                    number=1 if last is None else last.number + 1,
                    starts_at=starts_at,
                    ends_at=ends_at,
                    cash_expected_paise=expected,
                    cash_counted_paise=cash_counted_paise,
                    note=note,
                    figures={**figures, "provider": provider},
                    idempotency_key=key,
                    body_sha256=body,
                    closed_by=by,
                )
            )
            await tx.messages.audit(
                shop_id=shop_id,
                actor=by,
                action="day.close",
                subject=f"day:{day.isoformat()}",
                reason=note,
                data={"number": report.number, "cash_difference_paise": off},
            )
            crash_here("day.close_before_commit")
        crash_here("day.close_after_commit")
        log.info("day closed", day=day.isoformat(), number=report.number, difference=off)
        return report

    async def _earlier(
        self, tx: Transaction, shop_id: UUID, key: str, body: str
    ) -> DayReport | None:
        earlier = await tx.days.by_key(shop_id, key)
        if earlier is not None and earlier.body_sha256 != body:
            raise NotAllowed("This Idempotency-Key closed a day otherwise.", code="key_reused")
        return earlier

    async def _span(self, tx: Transaction, shop_id: UUID, day: date) -> tuple[datetime, datetime]:
        """What a report of that day covers: from the end of the last report, so that nothing
        falls between two, to the day's end or to now."""
        calendar = await tx.days.calendar(shop_id, day)
        if day > calendar.today:
            raise BadInput(f"{day.isoformat()} has not begun yet.")
        last = await tx.days.last(shop_id)
        if last is not None and last.day >= day:
            covered = "" if last.day == day else f", with {last.day.isoformat()}"
            raise NotAllowed(
                f"{day.isoformat()} is closed already{covered}; what comes now falls into the "
                "next open day.",
                code="day_closed",
            )
        if day < calendar.first_day:
            raise BadInput(f"This shop opened on {calendar.first_day.isoformat()}.")
        starts_at = calendar.starts_at if last is None else last.ends_at
        ends_at = min(calendar.now, calendar.ends_at)
        if ends_at <= starts_at:
            raise NotAllowed("The last closed day reaches further than this one.")
        return starts_at, ends_at

    # Comparing with the provider

    async def _compare(self, shop_id: UUID, start: datetime, until: datetime) -> dict[str, Any]:
        """Ours against the provider's list, payment by payment. Never an error: a provider that
        does not answer is said to be that, and the day can be closed all the same."""
        if self._gateway is None:
            return {"status": "not_configured"}
        try:
            since = start - LOOK_BACK
            payments = await self._gateway.list_payments(since=since, until=until)
            listed = {payment.id: payment for payment in payments}
            async with self._unit_of_work("system:read") as tx:
                ours = await tx.days.captured(shop_id, start, until)
                known = await tx.payments.known(list(listed))
            missing = [payment_id for payment_id in ours if payment_id not in listed]
            for payment_id in missing[:LOOK_UPS]:
                if (found := await self._looked_up(payment_id)) is not None:
                    listed[payment_id] = found
        except ProviderError as error:
            return {"status": "unavailable", "why": error.code}
        there = {name: payment for name, payment in listed.items() if _has_money(payment)}
        unknown_here = {
            name: payment.amount_paise
            for name, payment in there.items()
            # One account may serve several shops; a stranger's money is the first shop's to sort.
            if name not in known and name not in ours and shop_id == self._default_shop_id
        }
        unknown_there = {name: paise for name, paise in ours.items() if name not in there}
        other_amount = {
            name: paise
            for name, paise in ours.items()
            if name in there and there[name].amount_paise != paise
        }
        return {
            "status": "compared",
            "until": until.isoformat(),
            "ours_paise": sum(ours.values()),
            "theirs_paise": sum(there[name].amount_paise for name in ours if name in there)
            + sum(unknown_here.values()),
            "differs": bool(unknown_here or unknown_there or other_amount),
            "unknown_here": _named(unknown_here),
            "unknown_there": _named(unknown_there),
            "other_amount": _named(other_amount),
        }

    async def _looked_up(self, payment_id: str) -> ProviderPayment | None:
        assert self._gateway is not None
        try:
            return await self._gateway.fetch_payment(payment_id)
        except ProviderRejected:
            return None


async def span_of(
    tx: Transaction, shop_id: UUID, first: date, last: date
) -> tuple[datetime, datetime]:
    """The moments between which the shop's days ``first`` to ``last`` lie. Raises BadInput."""
    for day in (first, last):
        _on_the_calendar(day)
    if not 0 <= (last - first).days < MOST_DAYS:
        raise BadInput(f"from and to span 1 to {MOST_DAYS} days, the earlier one first.")
    start = (await tx.days.calendar(shop_id, first)).starts_at
    return start, (await tx.days.calendar(shop_id, last)).ends_at


def _on_the_calendar(day: date) -> None:
    if not 2000 <= day.year <= 2199:
        raise BadInput(f"{day.isoformat()} is no day of this shop.")


def _has_money(payment: ProviderPayment) -> bool:
    """Rupees that came. Other currencies are counted beside, and never added to these."""
    return payment.was_captured and payment.currency == "INR"


def _named(payments: dict[str, int]) -> dict[str, Any]:
    first = [{"id": name, "paise": paise} for name, paise in list(payments.items())[:MOST_NAMED]]
    return {"count": len(payments), "paise": sum(payments.values()), "first": first}
