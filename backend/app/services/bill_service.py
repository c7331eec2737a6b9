"""Bills: one for each order that is paid, an invoice for each day's small ones, notes for refunds.

Numbers have no gaps: each is counted up in the transaction that issues its bill, under the lock
of its counter's row, and a transaction that fails gives it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from app.domain.bills import (
    USUAL_RATE_BP,
    USUAL_SAC,
    BillKind,
    Gst,
    GstMode,
    adding_up,
    checked,
    credit,
    first_bill,
    note_for,
    split,
)
from app.domain.errors import BadInput, NotAllowed, NotFound
from app.domain.money import Disposition
from app.models import Shop
from app.models_bills import Bill
from app.models_orders import Order, Payment, QuoteRow, Refund
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.cursors import cursor_of, read_cursor

log = structlog.get_logger(__name__)

LONGEST_LIST_DAYS = 400


@dataclass(frozen=True, slots=True)
class OrderBills:
    """``bill`` speaks for the order: its own invoice where it has one, else what it got first.
    ``taken_up`` is the invoice of the day that a small receipt went into."""

    bill: Bill
    taken_up: Bill | None
    notes: Sequence[Bill]


class BillService:
    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work

    # Issuing, inside the caller's transaction

    async def paid(self, tx: Transaction, order: Order, payment: Payment, quote: QuoteRow) -> Bill:
        """The bill of an order that was just paid, dated by the moment it was."""
        shop = await tx.bills.lock(order.shop_id)
        gst = _printed(await tx.bills.gst(shop.id), shop)
        at = order.paid_at or await tx.now()
        return await tx.bills.issue(
            first_bill(gst.mode, payment.captured_paise),
            shop_id=shop.id,
            gst=gst,
            parts=split(payment.captured_paise, gst.rate_bp),
            day=_day(at, shop),
            at=at,
            lines=adding_up(quote.lines, payment.captured_paise),
            facts={
                "order": order.code,
                "token": order.token,
                "method": payment.method,
                "reference": payment.rzp_payment_id or "",
            },
            order_id=order.id,
        )

    async def given_back(self, tx: Transaction, refund: Refund) -> Bill | None:
        """The note for a refund that has arrived, by the terms of the bill it is about.

        The caller holds the order: a bill refers to it, and the shop is locked last. None when
        there is nothing to note: money that paid no order, or a small receipt that waits for the
        invoice of its day, or money that an earlier note, of a refund that failed since, speaks
        of already.
        """
        await tx.session.flush()
        payment = await tx.payments.get(refund.payment_id)
        if payment is None or payment.order_id is None:
            return None
        if payment.disposition != Disposition.FULFILS:
            return None
        shop = await tx.bills.lock(payment.shop_id)
        billed = await self._billed(tx, payment.order_id)
        if billed is None or any(note.refund_id == refund.id for note in billed.notes):
            return None
        about = billed.taken_up or billed.bill
        if about.kind == BillKind.RECEIPT and about.mode == GstMode.REGISTERED:
            return None
        order_parts = await tx.bills.noted(order_id=payment.order_id)
        # A bank may give back twice; a note never says more than was billed.
        given = min(await tx.bills.given_back(payment.id), payment.captured_paise)
        amount = given - order_parts.amount
        if amount < 1:
            return None
        gst = replace(_of(about), prefix=(await tx.bills.gst(shop.id)).prefix)
        at = await tx.now()
        return await tx.bills.issue(
            note_for(gst.mode),
            shop_id=shop.id,
            gst=gst,
            parts=credit(amount, about.rate_bp, before=await tx.bills.noted(bill_id=about.id)),
            day=_day(at, shop),
            at=at,
            lines=[],
            facts={
                **billed.bill.facts,
                "reference": refund.rzp_refund_id or "",
                "about": about.label,
                "about_day": about.day.isoformat(),
            },
            order_id=payment.order_id,
            refund_id=refund.id,
            refers_to=about.id,
        )

    async def close_day(self, tx: Transaction, shop_id: UUID, day: date) -> list[Bill]:
        """One invoice for the small receipts of a day that nobody asked an invoice for.

        Notes for what went back of them follow with the next sweep: they need their orders' locks.

        Called again it does nothing, unless small orders were paid meanwhile: those get another.
        Returns the invoices made now. Raises BadInput for a day that has not begun.
        """
        shop = await tx.bills.lock(shop_id)
        if day > _day(await tx.now(), shop):
            raise BadInput(f"{day.isoformat()} has not begun yet.")
        prefix = (await tx.bills.gst(shop_id)).prefix
        receipts = await tx.bills.uncovered(shop_id, day)
        made = []
        # A shop that changed its rate or its name at noon has two kinds of receipts that day.
        for _, alike in groupby(sorted(receipts, key=_terms), key=_terms):
            made.append(await self._invoice_of(tx, list(alike), prefix, day))
        return made

    async def _invoice_of(
        self, tx: Transaction, receipts: list[Bill], prefix: str, day: date
    ) -> Bill:
        first = receipts[0]
        bill = await tx.bills.issue(
            BillKind.DAY_INVOICE,
            shop_id=first.shop_id,
            gst=replace(_of(first), prefix=prefix),
            parts=split(sum(receipt.amount_paise for receipt in receipts), first.rate_bp),
            day=day,
            at=await tx.now(),
            lines=[
                {
                    "receipt": receipt.label,
                    "order": receipt.facts["order"],
                    "amount_paise": receipt.amount_paise,
                }
                for receipt in receipts
            ],
            facts={},
        )
        await tx.bills.cover(receipts, bill)
        log.info("day invoiced", invoice=bill.label, receipts=len(receipts))
        return bill

    async def _billed(self, tx: Transaction, order_id: UUID) -> OrderBills | None:
        return order_bills(await tx.bills.of_order(order_id))

    # Asked for

    async def ask_invoice(self, shop_id: UUID, order_id: UUID, *, by: str) -> Bill:
        """An invoice of its own for a small order. Asked again it is the same.

        Raises NotFound, or NotAllowed when the shop gives none or the day's invoice has it.
        """
        async with self._unit_of_work(by) as tx:
            if await tx.orders.of_shop(shop_id, order_id) is None:
                raise NotFound("No such order.")
            await tx.orders.lock(order_id)
            shop = await tx.bills.lock(shop_id)
            billed = await self._billed(tx, order_id)
            if billed is None:
                raise NotFound("This order has no bill: nothing was paid for it.")
            receipt = billed.bill
            if receipt.kind != BillKind.RECEIPT:
                return receipt
            if receipt.mode != GstMode.REGISTERED:
                raise NotAllowed("This shop gives no tax invoices; its receipt is the bill.")
            if billed.taken_up is not None:
                raise NotAllowed(
                    f"This order is in the invoice of its day already, {billed.taken_up.label}."
                )
            at = await tx.now()
            gst = replace(_of(receipt), prefix=(await tx.bills.gst(shop_id)).prefix)
            invoice = await tx.bills.issue(
                BillKind.TAX_INVOICE,
                shop_id=shop_id,
                gst=gst,
                parts=split(receipt.amount_paise, receipt.rate_bp),
                day=_day(at, shop),
                at=at,
                lines=receipt.lines,
                facts={**receipt.facts, "receipt": receipt.label},
                order_id=order_id,
                refers_to=receipt.id,
            )
            await tx.bills.cover([receipt], invoice)
            for refund in await tx.refunds.of_order(order_id):
                if refund.status == "PROCESSED":
                    await self.given_back(tx, refund)
            await tx.messages.audit(
                shop_id=shop_id,
                actor=by,
                action="invoice",
                subject=f"order:{order_id}",
                data={"label": invoice.label},
            )
        return invoice

    # Looking

    async def of_order(self, shop_id: UUID, order_id: UUID) -> OrderBills:
        """Raises NotFound for another shop's order and for one that was not paid."""
        async with self._unit_of_work("system:read") as tx:
            if await tx.orders.of_shop(shop_id, order_id) is None:
                raise NotFound("No such order.")
            billed = await self._billed(tx, order_id)
        if billed is None:
            raise NotFound("This order has no bill: nothing was paid for it.")
        return billed

    async def one(self, shop_id: UUID, bill_id: UUID) -> Bill:
        async with self._unit_of_work("system:read") as tx:
            bill = await tx.bills.of_shop(shop_id, bill_id)
        if bill is None:
            raise NotFound("No such bill.")
        return bill

    async def of_days(
        self, shop_id: UUID, first: date, last: date, *, cursor: str = "", limit: int = 200
    ) -> tuple[list[Bill], str | None]:
        """A page of the bills of these days and the cursor of the next page."""
        after = read_cursor(cursor)[1] if cursor else None
        if first > last:
            raise BadInput("from must not be after to.")
        if (last - first).days > LONGEST_LIST_DAYS:
            raise BadInput(f"Ask for at most {LONGEST_LIST_DAYS} days at a time.")
        async with self._unit_of_work("system:read") as tx:
            found = await tx.bills.of_days(shop_id, first, last, after=after, limit=limit + 1)
        shown = found[:limit]
        more = len(found) > limit
        return shown, cursor_of(shown[-1].issued_at, shown[-1].id) if more else None

    # The shop's standing

    async def gst(self, shop_id: UUID) -> Gst:
        async with self._unit_of_work("system:read") as tx:
            return _printed(await tx.bills.gst(shop_id), await tx.shops.get(shop_id))

    async def set_gst(self, shop_id: UUID, *, by: str, **changes: Any) -> Gst:
        """Changes what is given and keeps the rest; bills already issued stay as they are.

        Raises BadInput when the parts do not fit together.
        """
        async with self._unit_of_work(by) as tx:
            await tx.bills.lock(shop_id)
            before = await tx.bills.gst(shop_id)
            mode = changes.get("mode", before.mode)
            # What the new standing does not know falls away; what it needs begins as usual.
            fitting: dict[str, Any] = {"gstin": before.gstin, "rate_bp": 0, "sac": before.sac}
            if mode is GstMode.UNREGISTERED:
                fitting = {"gstin": "", "rate_bp": 0, "sac": ""}
            elif mode is GstMode.REGISTERED:
                fitting["rate_bp"] = before.rate_bp or USUAL_RATE_BP
            if mode is not GstMode.UNREGISTERED:
                fitting["sac"] = before.sac or USUAL_SAC
            after = checked(replace(before, **{**fitting, **changes}))
            if await tx.bills.shared(after, besides=shop_id):
                raise BadInput(
                    f"Another shop gives numbers under {after.gstin} already; "
                    "tell them apart with --prefix."
                )
            await tx.bills.set_gst(shop_id, after)
            await tx.messages.audit(
                shop_id=shop_id,
                actor=by,
                action="gst",
                subject=f"shop:{shop_id}",
                data={"mode": after.mode.value, "gstin": after.gstin, "rate_bp": after.rate_bp},
            )
        return await self.gst(shop_id)

    # The sweep

    async def catch_up(self) -> tuple[int, int]:
        """Days that ended without their invoice, and refunds without their note."""
        async with self._unit_of_work("system:sweep") as tx:
            days = await tx.bills.days_to_close()
        made = noted = 0
        for shop_id, day in days:
            async with self._unit_of_work("system:sweep") as tx:
                made += len(await self.close_day(tx, shop_id, day))
        async with self._unit_of_work("system:sweep") as tx:
            refunds = await tx.bills.unnoted()
        for refund_id, order_id in refunds:
            async with self._unit_of_work("system:sweep") as tx:
                await tx.orders.lock(order_id)
                refund = await tx.refunds.get(refund_id)
                if refund is not None and await self.given_back(tx, refund) is not None:
                    noted += 1
        return made, noted


def order_bills(bills: Sequence[Bill]) -> OrderBills | None:
    """What ``Bills.of_order`` found, told apart."""
    own = [bill for bill in bills if bill.order_id is not None and bill.refund_id is None]
    if not own:
        return None
    return OrderBills(
        bill=own[-1],
        taken_up=next((bill for bill in bills if bill.order_id is None), None),
        notes=[bill for bill in bills if bill.refund_id is not None],
    )


def _day(moment: datetime, shop: Shop) -> date:
    return moment.astimezone(ZoneInfo(shop.timezone)).date()


def _printed(gst: Gst, shop: Shop) -> Gst:
    return replace(gst, name=gst.name or shop.name)


def _of(bill: Bill) -> Gst:
    """The terms a bill was issued on: what refers to it speaks as it did."""
    return Gst(
        mode=GstMode(bill.mode),
        gstin=bill.gstin,
        rate_bp=bill.rate_bp,
        sac=bill.sac,
        name=bill.shop_name,
        address=bill.shop_address,
    )


def _terms(bill: Bill) -> tuple[str, int, str, str, str]:
    return bill.gstin, bill.rate_bp, bill.sac, bill.shop_name, bill.shop_address
