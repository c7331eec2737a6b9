"""Payment links: one for a quote, whatever the provider does; the counter when there is none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.backend.services.seeds import crowd, ordered
from tests.support.outside import TROUBLES, Bank, Customer
from tests.support.shop import House, bank_of

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


async def test_a_reminder_once_at_half_time_then_the_end(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    keep = shop.inside.housekeeping

    async def minutes_pass(minutes: int) -> None:
        await shop.sql(
            "UPDATE payments SET link_made_at = link_made_at - make_interval(mins => %s), "
            "expires_at = expires_at - make_interval(mins => %s) WHERE order_id = %s",
            minutes,
            minutes,
            order["id"],
        )
        for _ in range(3):
            await keep.orders()
        await shop.quiet()

    await minutes_pass(14)
    assert await customer.count("still waiting") == 0
    await minutes_pass(2)
    reminder = await customer.hears("still waiting")
    assert reminder["links"] == [pay_here]
    await minutes_pass(10)
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


async def test_changing_the_order_while_paying_leaves_nothing_to_pay_twice(shop: House) -> None:
    """Real races, many at once: either the old link was paid and prints, or the new one waits."""
    people = await crowd(shop, 12)

    async def pays(pay_here: str) -> bool:
        link = await bank_of(shop).link(pay_here)
        answer = await shop.outside.client.post(
            f"{shop.outside.origin}/control/links/{link['id']}/pay", json={"case": "normal"}
        )
        assert answer.status_code in (200, 409)
        return answer.status_code == 200

    async def story(customer: Customer, number: int) -> bool:
        await ordered(shop, customer)
        pay_here = (await customer.hears("Pay here", timeout=40))["links"][0]
        if number % 3 == 0:
            paid, _ = await asyncio.gather(pays(pay_here), customer.says("back"))
            await customer.says("3")
            return paid
        await customer.says("back")
        moves = [pays(pay_here), customer.says("3")]
        done = await asyncio.gather(*(moves if number % 3 == 1 else reversed(moves)))
        return True in done

    paid = await asyncio.gather(*(story(person, n) for n, person in enumerate(people)))
    await shop.quiet(within=5, timeout=60)

    for person, was_paid in zip(people, paid, strict=True):
        order, jobs = await shop.order_of(person), await shop.jobs_of(person)
        payable = [
            link["amount"]
            for link in await links_of(shop, person)
            if link["status"] in ("created", "partially_paid")
        ]
        ending = (order["status"], order["total_paise"], [job["copies"] for job in jobs], payable)
        assert ending == (
            ("PAID", 800, [2], []) if was_paid else ("PAYMENT_PENDING", 1200, [], [1200])
        )
        assert await shop.refunds_of(person) == []


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

    assert (await shop.inside.matching.match()).there_only == 2
    await customer.hears("token")
    await shop.quiet()

    owners = sorted(row["disposition"] for row in await shop.payments_of(customer))
    assert owners == ["FULFILS", "REFUND"]
    assert len(await shop.jobs_of(customer)) == 1
    assert (await shop.inside.matching.match()).there_only == 0
