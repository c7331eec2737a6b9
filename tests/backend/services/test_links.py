"""Payment links: one for a quote, whatever the provider does; the counter when there is none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backend.services.seeds import ordered
from tests.support.outside import TROUBLES, Bank, Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def links_of(shop: House, customer: Customer) -> list[Any]:
    references = {row["reference_id"] for row in await shop.payments_of(customer)}
    links = (await shop.outside.control("GET", "/links"))["links"]
    return [link for link in links if link["reference_id"] in references]


@pytest.mark.parametrize(("kind", "more"), TROUBLES)
async def test_one_link_whatever_became_of_the_answer(
    shop: House, customer: Customer, kind: str, more: dict[str, Any]
) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble("razorpay.links.create", kind, **more)
    await ordered(shop, customer)
    pay_here = (await customer.hears("Pay here", timeout=30))["links"][0]
    await shop.quiet(within=5)

    assert [link["short_url"] for link in await links_of(shop, customer)] == [pay_here]
    assert await customer.count("Pay here") == 1
    assert [row["status"] for row in await shop.payments_of(customer)] == ["LINK_SENT"]


async def test_a_reference_that_was_used_is_adopted(shop: House, customer: Customer) -> None:
    """The look before the call finds nothing, the call is told: used already."""
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble("razorpay.links.create", "answer_lost")
    await shop.outside.trouble("razorpay.links.list", "error", times=1, status=500)
    await ordered(shop, customer)
    await customer.hears("Pay here", timeout=30)
    await shop.quiet(within=5)
    assert len(await links_of(shop, customer)) == 1


async def test_a_refused_link_sends_the_customer_to_the_counter(
    shop: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble(
        "razorpay.links.create", "reject", code="BAD_REQUEST_ERROR", description="not today"
    )
    await ordered(shop, customer)
    await customer.hears("Pay ₹8 at the counter")
    await shop.quiet()

    assert await links_of(shop, customer) == []
    assert [row["status"] for row in await shop.payments_of(customer)] == ["FAILED"]
    assert await shop.attention_of(customer) == ["no_payment_link"]
    order = await shop.order_of(customer)
    assert (order["status"], order["pay_at_counter"]) == ("PAYMENT_PENDING", True)
    took = await shop.api.post(
        f"/api/v1/dashboard/orders/{order['id']}/cash",
        json={"amount_paise": 800},
        headers=shop.staff,
    )
    assert took.status_code == 200
    assert await shop.prints(customer) == ["thesis.pdf"]


async def test_cancelling_closes_the_link_although_the_answer_was_lost(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await customer.replies("Hi", "Print Shop")
    await ordered(shop, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    await shop.outside.trouble("razorpay.links.cancel", "answer_lost")
    await customer.replies("cancel", "Cancelled.")
    await shop.quiet(within=5)
    assert (await bank.link(pay_here))["status"] == "cancelled"
    assert (await shop.order_of(customer))["status"] == "CANCELLED"
    assert [row["status"] for row in await shop.payments_of(customer)] == ["CLOSED"]
    assert await customer.count("Cancelled.") == 1


async def test_cancelled_before_the_link_was_made_leaves_none_payable(
    shop: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble("razorpay.links.create", "slow", seconds=1.5)
    await ordered(shop, customer)
    await customer.replies("cancel", "Cancelled.")
    await shop.quiet(within=5)
    assert [link["status"] for link in await links_of(shop, customer)] in ([], ["cancelled"])
    assert await customer.count("Pay here") == 0
    assert [row["status"] for row in await shop.payments_of(customer)] == ["CLOSED"]


@pytest.mark.parametrize(
    ("left", "told"), [("-3 minutes", "works for 1 minute."), ("26 hours", "1,560 minutes")]
)
async def test_the_time_a_link_has_left_is_told_as_it_is(
    shop: House, customer: Customer, left: str, told: str
) -> None:
    """The provider took its time, or the shop gives its customers longer than a day."""
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble("razorpay.links.create", "refused", times=None)
    order = await ordered(shop, customer)
    await shop.sql(
        "UPDATE payments SET expires_at = clock_timestamp() + %s::interval WHERE order_id = %s",
        left,
        order["id"],
    )
    await shop.outside.control("DELETE", "/faults")
    assert told in (await customer.hears("Pay here"))["text"]


async def test_a_reminder_once_at_half_time_then_the_end(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    keep = shop.inside.housekeeping
    await keep.orders()
    assert await customer.count("still waiting") == 0

    await shop.sql(
        "UPDATE payments SET created_at = created_at - interval '16 minutes', "
        "expires_at = expires_at - interval '16 minutes' WHERE order_id = %s",
        order["id"],
    )
    for _ in range(3):
        await keep.orders()
    reminder = await customer.hears("still waiting")
    assert reminder["links"] == [pay_here]
    await shop.quiet()
    assert await customer.count("still waiting") == 1

    await shop.sql(
        "UPDATE orders SET expires_at = now() - interval '1 s' WHERE id = %s", order["id"]
    )
    for _ in range(3):
        await keep.orders()
    await customer.hears("has run out")
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "EXPIRED"
    assert await customer.count("has run out") == 1
    assert await shop.jobs_of(customer) == []


async def test_the_providers_expiry_ends_the_order(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await customer.replies("Hi", "Print Shop")
    await ordered(shop, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    await bank.expires(pay_here)
    await customer.hears("has run out")
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "EXPIRED"
    assert [row["status"] for row in await shop.payments_of(customer)] == ["CLOSED"]
    assert await customer.count("has run out") == 1
    await customer.replies("status", "no open order")


async def test_an_intent_whose_task_was_lost_is_taken_up_again(
    shop: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble("razorpay.links.list", "refused", times=None)
    order = await ordered(shop, customer)
    await shop.sql(
        "DELETE FROM procrastinate_jobs WHERE task_name = 'make_link' AND status = 'todo'"
    )
    await shop.sql(
        "UPDATE payments SET created_at = created_at - interval '2 minutes' WHERE order_id = %s",
        order["id"],
    )
    await shop.outside.control("DELETE", "/faults")
    await shop.sql("DELETE FROM procrastinate_jobs WHERE task_name = 'make_link'")
    await shop.inside.housekeeping.payments()
    await customer.hears("Pay here")
    assert len(await links_of(shop, customer)) == 1


async def test_money_no_webhook_told_of_is_found_in_the_providers_list(
    shop: House, customer: Customer, bank: Bank
) -> None:
    link = await customer.wants(copies=1)
    await shop.outside.trouble("razorpay.webhook.*", "drop", times=None)
    await bank.captures(link, "twice")
    assert await shop.payments_of(customer) != []
    assert [row["status"] for row in await shop.payments_of(customer)] == ["LINK_SENT"]

    assert await shop.inside.links.catch_up() == 2
    await customer.hears("token")
    await shop.quiet()

    owners = sorted(row["disposition"] for row in await shop.payments_of(customer))
    assert owners == ["FULFILS", "REFUND"]
    assert len(await shop.jobs_of(customer)) == 1
    assert await shop.inside.links.catch_up() == 0
