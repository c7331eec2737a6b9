"""Counters that several people reach for at once: tokens, refundable money, price lists."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from app.domain.errors import IllegalMove
from app.domain.lifecycle import OrderEvent, PaymentEvent
from app.domain.money import Disposition, Money, Ruling, Why
from app.repositories.shops import HIGHEST_TOKEN
from app.repositories.unit_of_work import UnitOfWork
from tests.backend.repositories.rows import Rows

FULFILS = Ruling(Disposition.FULFILS, Why.PAID)


async def token(work: UnitOfWork, rows: Rows) -> str:
    async with work("system:pay") as tx:
        return await tx.shops.next_token(rows.shop)


async def test_forty_orders_paid_at_once_have_forty_numbers(work: UnitOfWork, rows: Rows) -> None:
    given = await asyncio.gather(*(token(work, rows) for _ in range(40)))

    assert sorted(given, key=int) == [str(number) for number in range(1, 41)]


async def test_numbers_begin_again_on_the_shops_own_next_day(work: UnitOfWork, rows: Rows) -> None:
    assert [await token(work, rows) for _ in range(3)] == ["1", "2", "3"]
    rows.run("UPDATE shops SET token_day = '2020-01-01' WHERE id = %s", rows.shop)
    assert await token(work, rows) == "1"

    # Somewhere it is always another day.
    days = set()
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):
        rows.run("UPDATE shops SET timezone = %s WHERE id = %s", zone, rows.shop)
        await token(work, rows)
        days.add(rows.one("SELECT token_day FROM shops WHERE id = %s", rows.shop))
    assert len(days) == 2


async def test_a_number_still_on_the_shelf_is_not_called_twice(
    work: UnitOfWork, rows: Rows
) -> None:
    for status, number in (("PAID", "1"), ("READY", "2"), ("COLLECTED", "3")):
        rows.order(status=status, token=number, paid_at="now")
    rows.order(status="READY", token="4", paid_at="yesterday")

    assert await token(work, rows) == "3"
    assert await token(work, rows) == "4"


async def test_after_the_highest_number_comes_the_first(work: UnitOfWork, rows: Rows) -> None:
    await token(work, rows)
    rows.run("UPDATE shops SET token_last = %s WHERE id = %s", HIGHEST_TOKEN - 1, rows.shop)

    assert [await token(work, rows) for _ in range(2)] == [str(HIGHEST_TOKEN), "1"]


async def test_with_every_number_on_the_shelf_they_are_given_again_in_turn(
    work: UnitOfWork, rows: Rows
) -> None:
    for number in range(1, HIGHEST_TOKEN + 1):
        rows.order(status="READY", token=str(number), paid_at="now")
    rows.run(
        "UPDATE orders SET status = 'COLLECTED' WHERE token = '500' AND shop_id = %s", rows.shop
    )

    assert await token(work, rows) == "500", "the only one that is free"
    rows.order(status="PAID", token="500", paid_at="now")
    assert [await token(work, rows) for _ in range(3)] == ["501", "502", "503"]


async def test_a_number_of_a_payment_that_failed_is_not_lost(work: UnitOfWork, rows: Rows) -> None:
    with pytest.raises(ZeroDivisionError):
        async with work("system:pay") as tx:
            await tx.shops.next_token(rows.shop)
            raise ZeroDivisionError

    assert await token(work, rows) == "1"


# Refundable money


async def test_refunds_asked_for_at_once_never_exceed_the_capture(
    work: UnitOfWork, rows: Rows
) -> None:
    payment = rows.captured(rows.order(status="PAID"), paise=2400)

    async def reserve(paise: int) -> bool:
        async with work("user:asha") as tx:
            return await tx.payments.reserve(payment, paise)

    won = await asyncio.gather(*(reserve(700) for _ in range(20)))

    assert won.count(True) == 3
    assert rows.one("SELECT refunded_paise FROM payments WHERE id = %s", payment) == 2100
    assert not await reserve(301)
    assert await reserve(300)
    assert not await reserve(1)


async def test_what_is_on_its_way_back_is_counted_from_the_refunds(
    work: UnitOfWork, rows: Rows
) -> None:
    payment = rows.captured(None, disposition="REFUND")
    failed = rows.refund(payment, 2400, status="FAILED")
    for status in ("REQUESTED", "IN_TRANSIT", "PROCESSED"):
        rows.refund(payment, 300, status=status)
    async with work("user:asha") as tx:
        assert await tx.payments.rebook(payment)
        assert not await tx.payments.reserve(payment, 1501)
        assert await tx.payments.reserve(payment, 1500)
        assert await tx.payments.rebook(payment)
        assert await tx.payments.reserve(payment, 1500)

    rows.set_status("refunds", failed, "PROCESSED")
    async with work("user:asha") as tx:
        assert not await tx.payments.rebook(payment)
    assert rows.one("SELECT refunded_paise FROM payments WHERE id = %s", payment) == 2400


async def test_nothing_is_reserved_of_money_that_never_came(work: UnitOfWork, rows: Rows) -> None:
    unpaid = rows.payment(rows.order(), status="LINK_SENT")
    async with work("user:asha") as tx:
        assert not await tx.payments.reserve(unpaid, 1)
        assert not await tx.payments.reserve(uuid4(), 1)


async def test_one_refund_for_one_click(work: UnitOfWork, rows: Rows) -> None:
    payment = rows.captured(None, disposition="REFUND")

    async def click() -> bool:
        async with work("user:asha") as tx:
            staged = await tx.refunds.stage(
                shop_id=rows.shop,
                payment_id=payment,
                order_id=None,
                key="click-1",
                body_sha256="x",
                amount_paise=100,
                reason="too light",
                requested_by="user:asha",
            )
            return staged is not None

    assert (await asyncio.gather(*(click() for _ in range(10)))).count(True) == 1
    with Rows(rows.url) as other:
        other.refund(other.captured(None, disposition="REFUND"), idempotency_key="click-1")


# Captures


async def intent(work: UnitOfWork, rows: Rows, order: UUID, reference: str) -> UUID:
    quote = rows.quote(order)
    async with work("system:link") as tx:
        payment = await tx.payments.intend(
            shop_id=rows.shop,
            order_id=order,
            quote_id=quote,
            amount_paise=2400,
            currency="INR",
            reference_id=reference,
            expires_at=await tx.now() + timedelta(minutes=30),
        )
        return payment.id


async def test_two_payments_fulfilling_one_order_at_once(work: UnitOfWork, rows: Rows) -> None:
    order = rows.order(status="PAYMENT_PENDING")
    intents = [await intent(work, rows, order, f"pw_{n}_{rows.shop}") for n in range(2)]

    async def capture(which: UUID) -> None:
        async with work("system:capture") as tx:
            payment = await tx.payments.lock(which)
            assert payment is not None
            await tx.payments.capture(
                payment,
                FULFILS,
                rzp_payment_id=f"pay_{which}",
                amount_paise=2400,
                currency="INR",
                method="upi",
                captured_by="webhook",
            )

    ended = await asyncio.gather(*(capture(each) for each in intents), return_exceptions=True)

    assert sorted(constraint(each) for each in ended) == ["", "uq_payments_fulfils"]
    assert (
        rows.one("SELECT count(*) FROM payments WHERE order_id = %s AND status = 'CAPTURED'", order)
        == 1
    )


async def test_a_captured_payment_is_moved_by_nothing(work: UnitOfWork, rows: Rows) -> None:
    captured = rows.captured(rows.order(status="PAID"))
    async with work("system:link") as tx:
        payment = await tx.payments.lock(captured)
        assert payment is not None
        for event in PaymentEvent:
            with pytest.raises(IllegalMove):
                tx.payments.move(payment, event)


async def test_the_intent_behind_a_payment_is_found_by_each_of_its_names(
    work: UnitOfWork, rows: Rows
) -> None:
    order = rows.order(status="PAYMENT_PENDING")
    mine = await intent(work, rows, order, f"pw_{rows.shop}")
    rows.run(
        "UPDATE payments SET plink_id = %s, provider_order_id = %s WHERE id = %s",
        f"plink_{rows.shop}",
        f"order_{rows.shop}",
        mine,
    )
    names = {
        "reference_id": f"pw_{rows.shop}",
        "link_id": f"plink_{rows.shop}",
        "order_id": f"order_{rows.shop}",
    }
    async with work("system:capture") as tx:
        for name, value in names.items():
            asked = {"reference_id": "", "link_id": "", "order_id": "", name: value}
            found = await tx.payments.link_row(**asked)
            assert found is not None
            assert found.id == mine
        assert await tx.payments.link_row(reference_id="", link_id="", order_id="") is None
        assert await tx.payments.link_row(reference_id="x", link_id="y", order_id="z") is None


# Orders that wait


async def test_which_orders_have_waited_too_long(work: UnitOfWork, rows: Rows) -> None:
    now: datetime = rows.one("SELECT clock_timestamp()")
    old, past, ahead = now - timedelta(hours=25), now - timedelta(minutes=1), now + timedelta(1)
    pending = "PAYMENT_PENDING"
    expected = {
        rows.order(status=pending, expires_at=past): True,
        rows.order(status=pending, expires_at=ahead): False,
        rows.order(status="DRAFT", created_at=old): True,
        rows.order(status="DRAFT"): False,
        rows.order(status="DRAFT", pay_at_counter=True): False,
        rows.order(status="DRAFT", pay_at_counter=True, created_at=old): True,
        rows.order(status="PAID", pay_at_counter=True, created_at=old): False,
        rows.order(status="PAID", expires_at=past): False,
        rows.order(status="CANCELLED", expires_at=past): False,
        rows.order(status=pending, expires_at=past, pay_at_counter=True): False,
        rows.order(status=pending, expires_at=past, pay_at_counter=True, created_at=old): True,
    }

    async with work("system:sweep") as tx:
        found = await tx.orders.expired(limit=1000)

    assert {order for order in expected if order in found} == {
        order for order, waited in expected.items() if waited
    }


async def test_a_second_open_order_of_one_customer_is_refused(work: UnitOfWork, rows: Rows) -> None:
    customer = rows.customer()

    async def open_one(number: int) -> None:
        async with work("system:turn") as tx:
            await tx.orders.open_one(
                shop_id=rows.shop,
                customer_id=customer,
                code=f"A{number}",
                page_token=f"{rows.shop}{number}",
            )

    ended = await asyncio.gather(*(open_one(n) for n in range(8)), return_exceptions=True)

    assert sorted(constraint(each) for each in ended) == ["", *["uq_orders_open"] * 7]


def constraint(ending: object) -> str:
    """The constraint that refused a transaction; empty for one that committed."""
    if ending is None:
        return ""
    assert isinstance(ending, IntegrityError)
    assert isinstance(ending.orig, psycopg.Error)
    return str(ending.orig.diag.constraint_name)


async def test_times_of_an_order_are_the_databases(work: UnitOfWork, rows: Rows) -> None:
    which = rows.order(status="PAYMENT_PENDING")
    async with work("system:capture") as tx:
        order = await tx.orders.lock(which)
        assert order is not None
        before = await tx.now()
        await tx.orders.move(order, OrderEvent.FULFIL)
        assert order.paid_at is not None
        assert before <= order.paid_at <= await tx.now()
        with pytest.raises(IllegalMove):
            await tx.orders.move(order, OrderEvent.FULFIL)

    assert rows.transitions(which)[-1][1:4] == ("PAYMENT_PENDING", "PAID", "system:capture")


# Prices


async def test_changed_settings_add_a_version_and_old_quotes_keep_theirs(
    work: UnitOfWork, rows: Rows
) -> None:
    async def start(bw: int, color: int) -> int:
        async with work("system:start") as tx:
            await tx.shops.ensure(rows.shop, code="x", name="y", bw=Money(bw), color=Money(color))
            return (await tx.shops.prices(rows.shop))[1].version

    assert await start(200, 1000) == 1
    assert await start(250, 1000) == 2
    assert await start(250, 1000) == 2
    assert await asyncio.gather(*(start(300, 1000) for _ in range(6))) == [3] * 6
    assert rows.one("SELECT name FROM shops WHERE id = %s", rows.shop) == "Ganesh Copy Centre"
