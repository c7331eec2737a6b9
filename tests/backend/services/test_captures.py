"""Money that arrives, however often and in whatever order: each rupee gets one owner."""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import Any

import pytest

from tests.backend.services.seeds import crowd, ordered
from tests.support.outside import Bank, Customer, capture_event
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def fulfilled_once(shop: House, customer: Customer) -> None:
    """One job, one token, one message, and nothing on its way back."""
    await shop.quiet()
    orders = await shop.orders_of(customer)
    assert [order["status"] for order in orders] == ["PAID"]
    assert [job["status"] for job in await shop.jobs_of(customer)] == ["QUEUED"]
    owners = [row["disposition"] for row in await shop.payments_of(customer) if row["disposition"]]
    assert owners == ["FULFILS"]
    assert await customer.count("Your token is") == 1
    assert await customer.count(f"Your token is *{orders[0]['token']}*") == 1
    assert await shop.refunds_of(customer) == []
    assert await shop.attention_of(customer) == []


async def nothing_printed(shop: House, customer: Customer) -> None:
    assert await shop.jobs_of(customer) == []
    assert await customer.count("Your token is") == 0


async def test_an_order_is_paid_printed_and_told_once(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants("thesis.pdf", pages=3, copies=2)
    await bank.captures(pay_here)
    await fulfilled_once(shop, customer)

    assert await shop.prints(customer) == ["thesis.pdf"]
    await customer.hears("Ready!")
    await shop.quiet()

    order = await shop.order_of(customer)
    assert (order["status"], order["total_paise"]) == ("READY", 1200)
    assert await customer.count("Your token is") == 1
    assert await customer.count("Ready!") == 1
    assert await shop.refunds_of(customer) == []
    assert await shop.attention_of(customer) == []


async def test_three_events_in_all_orders_each_twice_at_once(shop: House, bank: Bank) -> None:
    orders = list(permutations(("payment.captured", "order.paid", "payment_link.paid")))
    people = await crowd(shop, len(orders))

    async def story(customer: Customer, names: tuple[str, ...]) -> None:
        await ordered(shop, customer)
        pay_here = (await customer.hears("Pay here"))["links"][0]
        held = (await bank.captures(pay_here, "no_webhook"))["events"]
        by_name = {event["name"]: event["id"] for event in held}
        assert sorted(by_name) == sorted(names)
        await asyncio.gather(*(bank.delivers(by_name[name], copies=2) for name in names))

    await asyncio.gather(*map(story, people, orders))
    for person in people:
        await fulfilled_once(shop, person)


async def test_fifty_copies_at_once_are_one_payment(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    events = await bank.holds_back(pay_here)
    answers = await asyncio.gather(*(bank.delivers(event) for event in events for _ in range(17)))

    assert {status for one in answers for status in one} == {200}
    assert await shop.one(
        "SELECT count(*) FROM webhook_logs WHERE provider = 'razorpay' AND "
        "convert_from(raw_body, 'UTF8') LIKE %s",
        f"%{(await bank.payments(pay_here))[0]['id']}%",
    ) == len(events)
    await fulfilled_once(shop, customer)


async def test_a_true_body_under_a_thousand_names_is_one_payment(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    [first, *_] = await bank.holds_back(pay_here)
    for _ in range(10):
        assert await bank.delivers(first, new_event_id=True) == [200]
    await fulfilled_once(shop, customer)


async def test_a_forged_event_leaves_nothing_behind(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    events = await bank.holds_back(pay_here)
    await shop.quiet()
    before = await shop.snapshot()
    for event in events:
        assert await bank.delivers(event, mutate_signature=True, copies=3) == [403] * 3
    assert await shop.snapshot() == before
    assert await bank.delivers(events[0]) == [200]  # or a sweep finds it during another test


async def test_failed_then_captured_is_a_payment(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    await bank.captures(pay_here, "failed")
    await customer.hears("didn't go through")
    assert (await shop.order_of(customer))["status"] == "PAYMENT_PENDING"
    await bank.captures(pay_here, "failed_then_captured")
    await customer.hears("Your token is")
    await fulfilled_once(shop, customer)


async def test_a_late_failure_takes_nothing_back(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await shop.outside.trouble("razorpay.webhook.*", "drop", times=None)
    pay_here = await customer.wants()
    paid = await bank.captures(pay_here, "failed_then_captured")
    events = {event["name"]: event["id"] for event in paid["events"]}
    await shop.quiet()
    await bank.delivers(events["payment_link.paid"])
    await fulfilled_once(shop, customer)
    await bank.delivers(events["payment.failed"])
    await fulfilled_once(shop, customer)
    assert await customer.count("didn't go through") == 0


@pytest.mark.parametrize("delta", [-100, -1, 1, 100_000])
async def test_a_wrong_amount_never_prints(
    shop: House, customer: Customer, bank: Bank, delta: int
) -> None:
    [customer] = await crowd(shop, 1)
    order = await ordered(shop, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    await bank.captures(pay_here, "amount_differs", delta=delta)
    await customer.hears("doesn't match your order")
    await shop.quiet()

    await nothing_printed(shop, customer)
    assert await shop.attention_of(customer) == ["wrong_amount"]
    [payment] = await shop.payments_of(customer)
    assert payment["disposition"] == "ATTENTION"
    assert payment["captured_paise"] == order["total_paise"] + delta
    assert await shop.refunds_of(customer) == []


async def test_another_currency_never_prints_and_is_kept_as_it_came(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    order, link = await shop.order_of(customer), await bank.link(pay_here)
    event = capture_event(
        payment="pay_FAKEdollars001",
        amount=order["total_paise"],
        currency="USD",
        link=link["id"],
        reference=link["reference_id"],
    )
    assert (await shop.outside.razorpay_says(event)).status_code == 200
    await shop.quiet()

    await nothing_printed(shop, customer)
    assert await shop.attention_of(customer) == ["wrong_currency"]
    [payment] = await shop.payments_of(customer)
    assert (payment["disposition"], payment["currency"]) == ("ATTENTION", "USD")


async def test_a_part_of_the_money_never_prints(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    order, link = await shop.order_of(customer), await bank.link(pay_here)
    event: dict[str, Any] = capture_event(
        payment="pay_FAKEpartial01",
        amount=order["total_paise"] // 2,
        name="payment_link.partially_paid",
        link=link["id"],
        reference=link["reference_id"],
    )
    event["payload"]["payment_link"] = {
        "entity": {**link, "status": "partially_paid", "amount_paid": order["total_paise"] // 2}
    }
    assert (await shop.outside.razorpay_says(event)).status_code == 200
    await shop.quiet()
    await nothing_printed(shop, customer)
    assert await shop.attention_of(customer) == ["wrong_amount"]


async def test_money_nobody_asked_for_is_a_question_for_staff(shop: House) -> None:
    event = capture_event(payment="pay_FAKEstranger1", amount=4800, link="plink_FAKEnobody00")
    await asyncio.gather(*(shop.outside.razorpay_says(event) for _ in range(5)))
    event["event"] = "order.paid"
    await shop.outside.razorpay_says(event)
    await shop.quiet(within=5)

    [payment] = await shop.sql("SELECT * FROM payments WHERE rzp_payment_id = 'pay_FAKEstranger1'")
    assert (payment["disposition"], payment["order_id"]) == ("ATTENTION", None)
    [item] = await shop.sql(
        "SELECT * FROM attention_items WHERE subject = 'payment:pay_FAKEstranger1'"
    )
    assert (item["kind"], item["amount_paise"]) == ("unknown_link", 4800)


async def test_paying_twice_prints_once_and_gives_the_second_back(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    twice = await bank.captures(pay_here, "twice")
    await customer.hears("a second time")
    await shop.quiet()

    assert [job["status"] for job in await shop.jobs_of(customer)] == ["QUEUED"]
    fulfils, too_much = await shop.payments_of(customer)
    assert (fulfils["disposition"], too_much["disposition"]) == ("FULFILS", "REFUND")
    assert fulfils["refunded_paise"] == 0
    assert too_much["refunded_paise"] == too_much["captured_paise"] == 800
    [given_back] = await shop.refunds_of(customer)
    assert (given_back["status"], given_back["amount_paise"]) == ("PROCESSED", 800)
    both = {twice["payment_id"], twice["second_payment_id"]}
    sent = [refund for payment in both for refund in await bank.refunds(payment)]
    assert [refund["amount"] for refund in sent] == [800]
    assert sent[0]["payment_id"] == too_much["rzp_payment_id"]
    assert await customer.count("Your token is") == 1


async def test_money_after_cancelling_goes_back(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    await customer.says("cancel")
    await customer.hears("Cancelled.")
    await shop.quiet()
    assert (await bank.link(pay_here))["status"] == "cancelled"

    await bank.captures(pay_here, "late")
    await customer.hears("which was cancelled")
    await shop.quiet()

    await nothing_printed(shop, customer)
    assert (await shop.order_of(customer))["status"] == "CANCELLED"
    [given_back] = await shop.refunds_of(customer)
    assert (given_back["status"], given_back["amount_paise"]) == ("PROCESSED", 800)


async def test_money_after_expiry_prints_while_the_file_is_here(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants("late.pdf")
    await bank.expires(pay_here)
    await customer.hears("has run out")
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "EXPIRED"

    await bank.captures(pay_here, "late")
    await customer.hears("Your token is")
    await fulfilled_once(shop, customer)
    assert await shop.prints(customer) == ["late.pdf"]


async def test_money_after_the_file_is_gone_goes_back(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    await bank.expires(pay_here)
    await customer.hears("has run out")
    await shop.sql(
        "UPDATE documents SET delete_after = now() - interval '1 minute' WHERE order_id = %s",
        (await shop.order_of(customer))["id"],
    )
    assert await shop.inside.documents.delete_due() == 1

    await bank.captures(pay_here, "late")
    await customer.hears("the file it was for is no longer there")
    await shop.quiet()
    await nothing_printed(shop, customer)
    [given_back] = await shop.refunds_of(customer)
    assert (given_back["status"], given_back["amount_paise"]) == ("PROCESSED", 800)
    assert (await shop.order_of(customer))["status"] == "EXPIRED"


async def test_going_back_and_paying_the_old_link_prints_the_old_quote(
    shop: House, customer: Customer, bank: Bank
) -> None:
    """The old link cannot be closed in time, because the provider does not answer."""
    pay_here = await customer.wants(copies=2)
    await shop.outside.trouble("razorpay.links.cancel", "error", times=2, status=503)
    await customer.replies("back", "How many copies")
    await bank.captures(pay_here)
    await customer.hears("Your token is")
    await shop.quiet(within=5)

    assert (await shop.order_of(customer))["status"] == "PAID"
    [job] = await shop.jobs_of(customer)
    assert (job["copies"], job["status"]) == (2, "QUEUED")
    await customer.says("5")
    await shop.quiet()
    assert len(await shop.jobs_of(customer)) == 1
    assert len(await shop.orders_of(customer)) == 1
    assert await shop.refunds_of(customer) == []


async def test_a_changed_order_has_one_payable_link(
    shop: House, customer: Customer, bank: Bank
) -> None:
    old = await customer.wants(copies=2)
    await customer.replies("back", "How many copies")
    new = (await customer.replies("3", "Pay here"))["links"][0]
    await shop.quiet()

    assert (await bank.link(old))["status"] == "cancelled"
    assert (await bank.link(new))["amount"] == 1200
    await bank.captures(new)
    await customer.hears("Your token is")
    await shop.quiet()
    [job] = await shop.jobs_of(customer)
    assert job["copies"] == 3

    await bank.captures(old, "late")
    await customer.hears("a second time")
    await shop.quiet()
    assert [refund["amount_paise"] for refund in await shop.refunds_of(customer)] == [800]
    assert len(await shop.jobs_of(customer)) == 1


@pytest.mark.parametrize("door", ["sweep", "return"])
async def test_a_lost_webhook_is_made_good(
    shop: House, customer: Customer, bank: Bank, door: str
) -> None:
    pay_here = await customer.wants()
    paid = await bank.captures(pay_here, "no_webhook")
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "PAYMENT_PENDING"
    if door == "sweep":
        await shop.sql(
            "UPDATE payments SET next_look_at = now() - interval '1 s' WHERE order_id = %s",
            (await shop.order_of(customer))["id"],
        )
        await shop.inside.housekeeping.payments()
    else:
        back = paid["callback_url"].replace("https://shop.example.test", str(shop.api.base_url))
        answer = await shop.api.get(back)
        order = await shop.order_of(customer)
        assert answer.status_code == 303
        assert f"/o/{order['page_token']}" in answer.headers["location"]
    await customer.hears("Your token is")
    await fulfilled_once(shop, customer)
    assert (await shop.payments_of(customer))[0]["captured_by"] == f"system:{door}"


async def test_a_forged_return_only_looks_like_a_page(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    paid = await bank.captures(pay_here, "no_webhook")
    await shop.quiet()
    back = paid["callback_url"].replace("https://shop.example.test", str(shop.api.base_url))
    before = await shop.snapshot()
    spoiled = back[:-1] + ("0" if back[-1] != "0" else "1")
    for forged in (spoiled, back.replace("paid", "created"), back.split("?")[0]):
        answer = await shop.api.get(forged)
        assert (answer.status_code, answer.headers["location"][-4:]) == (303, "/o/-")
    await shop.quiet()
    assert await shop.snapshot() == before
    assert await bank.delivers(paid["events"][0]["id"]) == [200]


async def test_cancelling_while_paying_has_one_outcome(shop: House, bank: Bank) -> None:
    """Real races, many at once: either it is printed, or the money goes back. Never both."""
    people = await crowd(shop, 10)

    async def story(customer: Customer, number: int) -> None:
        await ordered(shop, customer)
        pay_here = (await customer.hears("Pay here", timeout=40))["links"][0]
        held = await bank.holds_back(pay_here)
        moves = [customer.says("cancel"), *(bank.delivers(event) for event in held)]
        if number % 2:
            moves.reverse()
        await asyncio.gather(*moves)

    await asyncio.gather(*(story(person, n) for n, person in enumerate(people)))
    await shop.quiet(within=5, timeout=40)

    for person in people:
        order, jobs = await shop.order_of(person), await shop.jobs_of(person)
        [payment] = await shop.payments_of(person)
        refunds = [refund["amount_paise"] for refund in await shop.refunds_of(person)]
        ending = (order["status"], payment["disposition"], len(jobs), len(refunds))
        assert ending in {("PAID", "FULFILS", 1, 0), ("CANCELLED", "REFUND", 0, 1)}
        assert payment["refunded_paise"] == sum(refunds)
