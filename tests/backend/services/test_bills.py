"""Bills from the first rupee to the last note, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from app.domain.bills import GstMode
from app.domain.errors import BadInput, NotAllowed, NotFound
from app.domain.lifecycle import Order as OrderStatus
from app.domain.money import Disposition, Ruling, Why
from app.models_orders import Order
from tests.backend.services.books import BW, GSTIN, Books, books, parts, tail

__all__ = ["books"]


async def test_a_shop_without_gst_gives_a_plain_receipt_per_order(books: Books) -> None:
    first, second = await books.small(), await books.large()
    got = [await books.bills.of_order(books.shop_id, order.id) for order in (first, second)]

    assert [tail(each.bill) for each in got] == ["R/1", "R/2"]
    bill = got[0].bill
    assert parts(bill) == (5600, 5600, 0, 0)
    assert (bill.kind, bill.mode, bill.gstin, bill.sac) == ("RECEIPT", "unregistered", "", "")
    assert (bill.shop_name, bill.facts["method"]) == ("Ganesh Copy Centre", "cash")
    assert (bill.facts["order"], bill.facts["token"]) == (first.code, first.token)
    assert sum(line["amount_paise"] for line in bill.lines) == 5600
    assert bill.issued_at == first.paid_at
    today = datetime.now(UTC).date()
    assert await books.closes(today - timedelta(days=1)) == []


async def test_a_registered_shop_gives_a_tax_invoice_that_later_changes_leave_alone(
    books: Books,
) -> None:
    await books.registers(address="12 MG Road\nPune 411001")
    order = await books.asked(pages=59, copies=2, **BW)
    await books.online(order, "pay_large")
    before = (await books.bills.of_order(books.shop_id, order.id)).bill

    assert tail(before) == "T/1"
    assert parts(before) == (23600, 20000, 1800, 1800)
    assert (before.gstin, before.rate_bp, before.sac) == (GSTIN, 1800, "998912")
    assert (before.facts["method"], before.facts["reference"]) == ("upi", "pay_large")

    await books.registers(rate_bp=500, name="Ganesh Prints", address="", sac="998595")
    other = (await books.bills.of_order(books.shop_id, (await books.large()).id)).bill
    assert (tail(other), other.shop_name, other.rate_bp) == ("T/2", "Ganesh Prints", 500)
    after = (await books.bills.of_order(books.shop_id, order.id)).bill
    assert (after.shop_name, after.shop_address) == (
        "Ganesh Copy Centre",
        "12 MG Road\nPune 411001",
    )
    assert parts(after) == parts(before)


async def test_small_orders_of_a_day_share_one_invoice(books: Books) -> None:
    await books.registers()
    small = [await books.small() for _ in range(3)]
    large = await books.large()
    day = (await books.bills.of_order(books.shop_id, small[0].id)).bill.day
    receipt = (await books.bills.of_order(books.shop_id, small[0].id)).bill
    assert (tail(receipt), parts(receipt)) == ("R/1", (5600, 4746, 427, 427))

    [invoice] = await books.closes(day)
    assert (tail(invoice), invoice.kind) == ("D/1", "DAY_INVOICE")
    assert parts(invoice) == (16800, 14238, 1281, 1281)
    assert [line["order"] for line in invoice.lines] == [order.code for order in small]
    for order in small:
        billed = await books.bills.of_order(books.shop_id, order.id)
        assert billed.taken_up is not None
        assert billed.taken_up.id == invoice.id
    assert (await books.bills.of_order(books.shop_id, large.id)).taken_up is None

    assert await books.closes(day) == [], "closing again does nothing"
    await books.small()
    [late] = await books.closes(day)
    assert (tail(late), late.amount_paise) == ("D/2", 5600)
    with pytest.raises(BadInput, match="has not begun"):
        await books.closes(day + timedelta(days=2))


async def test_a_day_with_two_rates_has_two_invoices(books: Books) -> None:
    await books.registers()
    first = await books.small()
    await books.registers(rate_bp=500)
    await books.small()
    day = (await books.bills.of_order(books.shop_id, first.id)).bill.day

    assert sorted(made.rate_bp for made in await books.closes(day)) == [500, 1800]


async def test_who_asks_gets_an_invoice_of_their_own(books: Books) -> None:
    await books.registers()
    order, other = await books.small(), await books.small()
    made = await books.bills.ask_invoice(books.shop_id, order.id, by="system:customer")
    again = await books.bills.ask_invoice(books.shop_id, order.id, by="user:Ganesh")

    assert (made.id, tail(made)) == (again.id, "T/1")
    assert parts(made) == (5600, 4746, 427, 427)
    assert made.facts["receipt"].startswith("R/")
    [invoice] = await books.closes(made.day)
    assert [line["order"] for line in invoice.lines] == [other.code]

    before = await books.all()
    with pytest.raises(NotAllowed, match="in the invoice of its day already"):
        await books.bills.ask_invoice(books.shop_id, other.id, by="user:Ganesh")
    with pytest.raises(NotFound):
        await books.bills.ask_invoice(UUID(int=7), other.id, by="user:Ganesh")
    unpaid = await books.asked()
    with pytest.raises(NotFound, match="nothing was paid"):
        await books.bills.ask_invoice(books.shop_id, unpaid.id, by="user:Ganesh")
    assert [bill.id for bill in await books.all()] == [bill.id for bill in before]


async def test_asking_and_closing_at_once_bill_an_order_once(books: Books) -> None:
    await books.registers()
    orders = [await books.small() for _ in range(4)]
    day = (await books.bills.of_order(books.shop_id, orders[0].id)).bill.day
    ends = await asyncio.gather(
        *(books.refund(order, 100, f"r-{order.id}") for order in orders),
        books.closes(day),
        *(books.bills.ask_invoice(books.shop_id, order.id, by="user:a") for order in orders),
        books.closes(day),
        *(books.refund(order, 200, f"s-{order.id}") for order in orders),
        return_exceptions=True,
    )
    assert {type(end) for end in ends if isinstance(end, BaseException)} <= {NotAllowed}
    await books.shop.housekeeping.bills()
    for order in orders:
        notes = (await books.bills.of_order(books.shop_id, order.id)).notes
        assert sum(note.amount_paise for note in notes) == 300
    invoiced = [b for b in await books.all() if b.kind in ("TAX_INVOICE", "DAY_INVOICE")]
    assert sum(bill.amount_paise for bill in invoiced) == 4 * 5600


async def test_a_shop_without_gst_makes_no_invoice_for_the_asking(books: Books) -> None:
    order = await books.small()
    with pytest.raises(NotAllowed, match="gives no tax invoices"):
        await books.bills.ask_invoice(books.shop_id, order.id, by="system:customer")
    assert [tail(bill) for bill in await books.all()] == ["R/1"]


async def test_refunds_that_arrive_are_credited_and_add_up_to_the_invoice(books: Books) -> None:
    await books.registers()
    order = await books.asked(pages=59, copies=2, **BW)
    await books.online(order, "pay_back")
    part = await books.refund(order, 7777, "part")
    assert (await books.bills.of_order(books.shop_id, order.id)).notes == [], "only asked for"
    for _ in range(2):
        await books.arrives(part, "pay_back")
    rest = await books.refund(order, 23600 - 7777, "rest")
    await books.arrives(rest, "pay_back")

    billed = await books.bills.of_order(books.shop_id, order.id)
    assert [tail(note) for note in billed.notes] == ["C/1", "C/2"]
    assert [note.refund_id for note in billed.notes] == [part.id, rest.id]
    assert parts(billed.notes[0]) == (7777, 6591, 593, 593)
    for column in ("amount_paise", "taxable_paise", "cgst_paise", "sgst_paise"):
        credited = sum(getattr(note, column) for note in billed.notes)
        assert credited == getattr(billed.bill, column)
    assert {note.refers_to for note in billed.notes} == {billed.bill.id}
    assert billed.notes[0].facts["about"] == billed.bill.label


async def test_money_that_came_back_from_the_bank_is_not_credited_twice(books: Books) -> None:
    await books.registers()
    order = await books.asked(pages=59, copies=2, **BW)
    await books.online(order, "pay_fail")
    first = await books.refund(order, 1000, "first")
    await books.arrives(first, "pay_fail")
    await books.came_back(first, "pay_fail")
    second = await books.refund(order, 1500, "second")
    await books.arrives(second, "pay_fail")

    notes = (await books.bills.of_order(books.shop_id, order.id)).notes
    assert [note.amount_paise for note in notes] == [1000, 500]


async def test_a_small_refund_waits_for_the_invoice_it_is_about(books: Books) -> None:
    await books.registers()
    order, other = await books.small(), await books.small()
    await books.refund(order, 5600, "cash back")
    billed = await books.bills.of_order(books.shop_id, order.id)
    assert billed.notes == []

    [invoice] = await books.closes(billed.bill.day)
    assert await books.shop.housekeeping.bills() == "bills: 0 days invoiced, 1 refunds noted"
    assert await books.shop.housekeeping.bills() == "bills: 0 days invoiced, 0 refunds noted"
    [note] = (await books.bills.of_order(books.shop_id, order.id)).notes
    assert (tail(note), note.refers_to, note.amount_paise) == ("C/1", invoice.id, 5600)
    await books.refund(other, 5600, "all the rest")
    [last] = (await books.bills.of_order(books.shop_id, other.id)).notes
    assert note.cgst_paise + last.cgst_paise == invoice.cgst_paise


async def test_a_refund_before_the_invoice_is_asked_for_is_credited_with_it(books: Books) -> None:
    await books.registers()
    order = await books.small()
    await books.refund(order, 600, "a page was light")
    invoice = await books.bills.ask_invoice(books.shop_id, order.id, by="system:customer")

    [note] = (await books.bills.of_order(books.shop_id, order.id)).notes
    assert (note.refers_to, note.amount_paise) == (invoice.id, 600)


async def test_cash_given_back_by_a_shop_without_gst(books: Books) -> None:
    order = await books.small()
    await books.refund(order, 5600, "torn")

    [note] = (await books.bills.of_order(books.shop_id, order.id)).notes
    assert (tail(note), note.kind) == ("F/1", "REFUND_RECEIPT")
    assert parts(note) == (5600, 5600, 0, 0)


async def test_a_composition_shop_gives_bills_of_supply_without_tax(books: Books) -> None:
    await books.bills.set_gst(
        books.shop_id, by="user:Ganesh", mode=GstMode.COMPOSITION, gstin=GSTIN
    )
    order = await books.small()
    await books.refund(order, 100, "light")
    billed = await books.bills.of_order(books.shop_id, order.id)

    assert (billed.bill.kind, tail(billed.bill)) == ("BILL_OF_SUPPLY", "B/1")
    assert parts(billed.bill) == (5600, 5600, 0, 0)
    assert [(note.kind, parts(note)) for note in billed.notes] == [
        ("CREDIT_NOTE", (100, 100, 0, 0))
    ]


async def test_a_second_payment_has_no_bill_and_its_return_no_note(books: Books) -> None:
    order = await books.asked()
    await books.online(order, "pay_one")
    await books.online(order, "pay_two")
    async with books.shop.unit_of_work("system:test") as tx:
        [back] = await tx.refunds.of_order(order.id)
    await books.arrives(back, "pay_two")

    billed = await books.bills.of_order(books.shop_id, order.id)
    assert (billed.notes, [tail(bill) for bill in await books.all()]) == ([], ["R/1"])


async def test_late_money_that_revives_an_order_is_billed_when_it_comes(books: Books) -> None:
    order = await books.asked()
    async with books.shop.unit_of_work("system:expiry") as tx:
        locked = await tx.orders.lock(order.id)
        assert locked is not None
        await books.shop.desk._orders.expire(tx, locked)
    with pytest.raises(NotFound, match="nothing was paid"):
        await books.bills.of_order(books.shop_id, order.id)
    await books.online(order, "pay_late")

    billed = await books.bills.of_order(books.shop_id, order.id)
    assert (tail(billed.bill), billed.bill.facts["reference"]) == ("R/1", "pay_late")
    assert (await books.now(order)).status == OrderStatus.PAID


async def test_numbers_have_no_gaps_whoever_fails_on_the_way(books: Books) -> None:
    """Twelve orders are paid at once; every third transaction breaks after its number."""
    await books.registers()
    orders = [await books.asked(f"P{n}", pages=59, copies=2, **BW) for n in range(12)]

    async def pay(number: int, order: Order) -> None:
        if number % 3:
            await books.shop.desk.take_cash(
                books.shop_id, order.id, amount_paise=23600, by="user:Ganesh"
            )
            return
        async with books.shop.unit_of_work("user:Ganesh") as tx:
            locked = await tx.orders.lock(order.id)
            assert locked is not None
            payment = await tx.payments.record_other(
                Ruling(Disposition.FULFILS, Why.PAID),
                shop_id=books.shop_id,
                order_id=order.id,
                quote_id=order.quote_id,
                plink_id=None,
                rzp_payment_id=None,
                amount_paise=23600,
                currency="INR",
                method="cash",
                captured_by="user:Ganesh",
            )
            await books.shop.desk._orders.fulfil(tx, locked, payment)
            raise ConnectionError("the cable was pulled")

    ends = await asyncio.gather(*map(pay, range(12), orders), return_exceptions=True)
    assert sum(isinstance(end, ConnectionError) for end in ends) == 4
    assert [end for end in ends if end is not None and not isinstance(end, ConnectionError)] == []
    invoices = await books.all()
    assert sorted(bill.number for bill in invoices) == list(range(1, 9))
    assert len({bill.label for bill in invoices}) == 8
    by_number = sorted(invoices, key=lambda bill: bill.number)
    assert [bill.issued_at for bill in by_number] == sorted(bill.issued_at for bill in invoices)


async def test_the_last_second_of_march_belongs_to_the_old_year(books: Books) -> None:
    """23:59:59 on 31 March in India, and a second later; the day's invoice keeps its day."""
    await books.lives_in("Asia/Kolkata")
    await books.registers()
    last = datetime(2026, 3, 31, 18, 29, 59, tzinfo=UTC)
    made = []
    for at, size in ((last, 56), (last, 236), (last + timedelta(seconds=1), 236)):
        async with books.shop.unit_of_work("system:test") as tx:
            order = await tx.orders.lock((await books.asked()).id)
            assert order is not None
            assert order.quote_id is not None
            quote = await tx.orders.quote(order.quote_id)
            [payment] = await tx.payments.of_order(order.id)
            order.paid_at, payment.captured_paise = at, size * 100
            made.append(await books.bills.paid(tx, order, payment, quote))
    assert [bill.label for bill in made] == ["R/2526/1", "T/2526/1", "T/2627/1"]
    assert [bill.day for bill in made] == [date(2026, 3, 31), date(2026, 3, 31), date(2026, 4, 1)]

    assert await books.shop.housekeeping.bills() == "bills: 1 days invoiced, 0 refunds noted"
    that_day = await books.between(date(2026, 3, 31), date(2026, 3, 31))
    assert [bill.label for bill in that_day] == ["D/2526/1", "R/2526/1", "T/2526/1"]


async def test_a_sweep_closes_days_and_notes_what_nobody_noted(books: Books) -> None:
    await books.registers()
    assert await books.shop.housekeeping.bills() == "bills: 0 days invoiced, 0 refunds noted"
    order = await books.small()
    assert await books.shop.housekeeping.bills() == "bills: 0 days invoiced, 0 refunds noted"
    billed = await books.bills.of_order(books.shop_id, order.id)
    assert billed.taken_up is None, "the day is not over"


async def test_two_shops_of_one_gstin_need_a_prefix(books: Books) -> None:
    other = UUID(int=9)
    async with books.shop.unit_of_work("system:test") as tx:
        shop = await tx.shops.get(books.shop_id)
        tx.session.add(type(shop)(id=other, code="two", name="Second shop"))
    await books.registers()
    with pytest.raises(BadInput, match="tell them apart with --prefix"):
        await books.bills.set_gst(
            other, by="user:a", mode=GstMode.REGISTERED, gstin=GSTIN, rate_bp=1800
        )
    assert (await books.bills.gst(other)).mode is GstMode.UNREGISTERED
    await books.registers(prefix="K")
    order = await books.large()
    assert tail((await books.bills.of_order(books.shop_id, order.id)).bill) == "KT/1"


async def test_a_changed_standing_keeps_what_still_fits(books: Books) -> None:
    await books.registers(rate_bp=1200, sac="9989")
    composition = await books.bills.set_gst(
        books.shop_id, by="user:Ganesh", mode=GstMode.COMPOSITION
    )
    assert (composition.gstin, composition.rate_bp, composition.sac) == (GSTIN, 0, "9989")
    plain = await books.bills.set_gst(books.shop_id, by="user:Ganesh", mode=GstMode.UNREGISTERED)
    assert (plain.gstin, plain.rate_bp, plain.sac) == ("", 0, "")
    with pytest.raises(BadInput, match="has a GSTIN"):
        await books.bills.set_gst(books.shop_id, by="user:Ganesh", mode=GstMode.REGISTERED)
    assert await books.bills.gst(books.shop_id) == plain
