"""Paying at the counter: the order waits with a code, cash pays it like a link does, and once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from tests.backend.services.seeds import ordered
from tests.support.outside import Bank, Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def cash(shop: House, order: dict[str, Any], paise: Any = 800) -> httpx2.Response:
    return await shop.api.post(
        f"/api/v1/dashboard/orders/{order['id']}/cash",
        json={"amount_paise": paise},
        headers=shop.staff,
    )


async def test_a_customer_chooses_the_counter_and_pays_there(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    await customer.taps("Pay at counter")
    await customer.hears(f"Order *{order['code']}* is waiting. Pay ₹8 at the counter")
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "PAYMENT_PENDING"
    assert await shop.jobs_of(customer) == [], "nothing prints before the money is here"

    assert (await cash(shop, order)).status_code == 200
    await customer.hears("Your token is")
    await shop.quiet()
    [paid] = [row for row in await shop.payments_of(customer) if row["method"] == "cash"]
    assert (paid["captured_paise"], paid["captured_by"]) == (800, "user:token tests")
    assert paid["captured_at"] is not None
    [audit] = await shop.sql(
        "SELECT * FROM audit_log WHERE action = 'cash' AND subject = %s", f"order:{order['id']}"
    )
    assert (audit["actor"], audit["data"]) == ("user:token tests", {"amount_paise": 800})
    assert (await bank.link(pay_here))["status"] == "cancelled"
    assert await shop.prints(customer) == ["thesis.pdf"]
    assert await customer.count("Your token is") == 1
    assert await shop.refunds_of(customer) == []


async def test_the_word_does_what_the_button_does(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    await ordered(shop, customer)
    await customer.hears("Pay here")
    await customer.says("cash")
    await customer.hears("Pay ₹8 at the counter")
    assert (await shop.order_of(customer))["pay_at_counter"] is True


async def test_money_that_comes_online_after_cash_goes_back(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    order = await shop.order_of(customer)
    assert (await cash(shop, order)).status_code == 200
    await shop.quiet()
    await bank.captures(pay_here, "late")
    await customer.hears("a second time")
    await shop.quiet()
    payments = await shop.payments_of(customer)
    owners = sorted((row["method"], row["disposition"]) for row in payments)
    assert owners == [("cash", "FULFILS"), ("upi", "REFUND")]
    assert [(row["status"], row["amount_paise"]) for row in await shop.refunds_of(customer)] == [
        ("PROCESSED", 800)
    ]
    assert len(await shop.jobs_of(customer)) == 1
    assert await customer.count("Your token is") == 1


async def test_cash_and_a_payment_at_once_have_one_winner(shop: House, bank: Bank) -> None:
    people = [await shop.outside.newcomer() for _ in range(4)]
    for person in people:
        await person.replies("Hi", "Print Shop")
    orders = [await ordered(shop, person) for person in people]
    links = [(await person.hears("Pay here"))["links"][0] for person in people]

    async def race(number: int) -> int:
        both: tuple[Any, httpx2.Response] = await asyncio.gather(
            bank.captures(links[number]), cash(shop, orders[number])
        )
        return both[1].status_code

    results = await asyncio.gather(*map(race, range(len(people))))
    assert set(results) <= {200, 409}
    await shop.quiet(timeout=40)
    for person, status in zip(people, results, strict=True):
        captured = [row for row in await shop.payments_of(person) if row["disposition"]]
        owners = sorted((row["method"], row["disposition"]) for row in captured)
        if status == 200:
            assert owners == [("cash", "FULFILS"), ("upi", "REFUND")]
        else:
            assert owners == [("upi", "FULFILS")]
        assert len(await shop.jobs_of(person)) == 1
        assert await person.count("Your token is") == 1


async def test_of_eight_clicks_one_takes_the_cash(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    answers = await asyncio.gather(*(cash(shop, order) for _ in range(8)))
    assert sorted(each.status_code for each in answers) == [200] + [409] * 7
    taken = [row for row in await shop.payments_of(customer) if row["method"] == "cash"]
    assert [row["captured_paise"] for row in taken] == [800]


@pytest.mark.parametrize(
    "paise", [799, 801, 0, -800, 800.0, 8.5, "800", True, None, 2**53], ids=repr
)
async def test_another_amount_is_not_taken(shop: House, customer: Customer, paise: Any) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    refused = await cash(shop, order, paise)
    assert refused.status_code == 422, refused.text
    assert set(refused.json()) == {"error", "detail"}
    assert [row["disposition"] for row in await shop.payments_of(customer)] == [None]
    assert (await shop.order_of(customer))["status"] == "PAYMENT_PENDING"
    await shop.quiet()


async def test_another_shops_order_is_not_there(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    await shop.quiet()
    other = await shop.one("INSERT INTO shops (code, name) VALUES ('o', 'Other') RETURNING id")
    mine = order["shop_id"]
    await shop.sql("UPDATE orders SET shop_id = %s WHERE id = %s", other, order["id"])
    assert (await cash(shop, order)).status_code == 404
    await shop.sql("UPDATE orders SET shop_id = %s WHERE id = %s", mine, order["id"])
    assert [row["disposition"] for row in await shop.payments_of(customer)] == [None]


async def test_a_link_that_failed_is_no_question_once_cash_was_taken(
    shop: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble(
        "razorpay.links.create", "reject", code="BAD_REQUEST_ERROR", description="not today"
    )
    order = await ordered(shop, customer)
    await customer.hears("Pay ₹8 at the counter")
    await shop.quiet()
    assert await shop.attention_of(customer) == ["no_payment_link"]
    assert (await cash(shop, order)).status_code == 200
    assert await shop.attention_of(customer) == []
