"""Refunds and disputes the bank tells of, in whatever order, before and after their payment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backend.services.questions import answer
from tests.backend.services.seeds import customer_who_paid
from tests.support.outside import Bank, Customer
from tests.support.shop import House

FAILED = "came back from the bank"

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def refunds_in_the_dashboard(shop: House, payment_id: str, amount: int = 800) -> str:
    """Somebody of the shop gives money back at the provider, past us."""
    answer = await shop.outside.client.post(
        f"{shop.outside.origin}/v1/payments/{payment_id}/refund",
        json={"amount": amount},
        auth=(shop.settings.razorpay_key_id, shop.settings.razorpay_key_secret),
    )
    assert answer.status_code == 200
    return str(answer.json()["id"])


async def bank_settles(shop: House, refund_id: str, status: str) -> str:
    """The bank's word about a refund; the event that tells of it."""
    settled = await shop.outside.control("POST", f"/refunds/{refund_id}/settle", {"status": status})
    return str(settled["event"])


async def event_about(shop: House, name: str, link_id: str) -> str:
    events = (await shop.outside.control("GET", "/events"))["events"]
    return next(str(e["id"]) for e in events if e["name"] == name and e["about"] == link_id)


async def silence(shop: House) -> None:
    """No webhook arrives until somebody delivers it by hand."""
    await shop.outside.trouble("razorpay.webhook.*", "drop", times=None)


async def money_is_back_and_nothing_prints(shop: House, customer: Customer) -> None:
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "REFUNDED"
    assert [job["status"] for job in await shop.jobs_of(customer)] == ["CANCELLED"]
    [payment] = await shop.payments_of(customer)
    assert (payment["disposition"], payment["refunded_paise"]) == ("FULFILS", 800)
    refunds = [(row["status"], row["requested_by"]) for row in await shop.refunds_of(customer)]
    assert refunds == [("PROCESSED", "external")]
    assert await shop.attention_of(customer) == ["external_refund"]
    assert await shop.prints(customer) == []
    assert await customer.count("refunded (reference") == 1


async def test_a_refund_heard_of_before_its_payment_is_not_forgotten(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    paid = await bank.captures(pay_here, "no_webhook")
    await refunds_in_the_dashboard(shop, paid["payment_id"])
    await money_is_back_and_nothing_prints(shop, customer)

    for event in paid["events"]:
        assert await bank.delivers(event["id"], copies=2) == [200, 200]
    await money_is_back_and_nothing_prints(shop, customer)
    assert [refund["amount"] for refund in await bank.refunds(paid["payment_id"])] == [800]


async def test_a_dispute_heard_of_before_its_payment_holds_the_paper(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    paid = await bank.captures(pay_here, "no_webhook")
    dispute = f"/payments/{paid['payment_id']}/dispute"
    await shop.outside.control("POST", dispute, {"event": "created"})
    await shop.quiet()
    for event in paid["events"]:
        await bank.delivers(event["id"])
    await shop.quiet()

    assert [job["status"] for job in await shop.jobs_of(customer)] == ["HELD"]
    assert await shop.attention_of(customer) == ["dispute"]
    assert await shop.prints(customer) == []
    await shop.outside.control("POST", dispute, {"event": "won"})
    await shop.quiet()
    assert await shop.prints(customer) == ["thesis.pdf"]


@pytest.mark.parametrize("shown", ["authorized", None])
async def test_a_dispute_that_shows_no_capture_still_finds_the_money(
    shop: House, customer: Customer, bank: Bank, shown: str | None
) -> None:
    pay_here = await customer.wants()
    paid = await bank.captures(pay_here, "no_webhook")
    dispute = {"id": f"disp_{paid['payment_id'][-10:]}", "payment_id": paid["payment_id"]}
    payload: dict[str, Any] = {"dispute": {"entity": {**dispute, "amount": 800, "status": "open"}}}
    if shown is not None:
        payload["payment"] = {"entity": {"id": paid["payment_id"], "status": shown, "amount": 800}}
    event = {"event": "payment.dispute.created", "payload": payload}
    assert (await shop.outside.razorpay_says(event)).status_code == 200
    await shop.quiet()
    for told in paid["events"]:
        await bank.delivers(told["id"])
    await shop.quiet()

    assert [job["status"] for job in await shop.jobs_of(customer)] == ["HELD"]
    assert await shop.attention_of(customer) == ["dispute"]
    assert await shop.prints(customer) == []


async def test_a_refund_of_a_payment_the_provider_does_not_know_changes_nothing(
    shop: House, customer: Customer
) -> None:
    await customer.wants()
    refund = {"id": "rfnd_FAKEnobody0001", "payment_id": "pay_FAKEnobody0001", "amount": 800}
    event = {"event": "refund.processed", "payload": {"refund": {"entity": refund}}}
    assert (await shop.outside.razorpay_says(event)).status_code == 200
    await shop.quiet()
    row = await shop.sql(
        "SELECT status, reason FROM webhook_logs WHERE provider = 'razorpay' "
        "ORDER BY id DESC LIMIT 1"
    )
    assert row == [{"status": "IGNORED", "reason": "a refund of a payment that is not ours"}]
    assert (await shop.order_of(customer))["status"] == "PAYMENT_PENDING"


async def test_a_payment_and_its_refund_nobody_told_of_are_found_in_the_list(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants()
    await silence(shop)
    paid = await bank.captures(pay_here)
    await refunds_in_the_dashboard(shop, paid["payment_id"])
    assert (await shop.order_of(customer))["status"] == "PAYMENT_PENDING"

    assert (await shop.inside.matching.match()).there_only == 1
    await money_is_back_and_nothing_prints(shop, customer)
    assert (await shop.inside.matching.match()).there_only == 0


async def test_a_refund_nobody_told_of_is_found_in_the_list(
    shop: House, customer: Customer
) -> None:
    _, payment = await customer_who_paid(shop, customer)
    await silence(shop)
    await refunds_in_the_dashboard(shop, payment["payment_id"])
    assert (await shop.order_of(customer))["status"] == "PAID"

    await shop.inside.matching.match()
    await money_is_back_and_nothing_prints(shop, customer)


@pytest.mark.parametrize("first", ["created", "failed"])
async def test_a_dashboard_refund_that_fails_leaves_the_money_with_a_person(
    shop: House, customer: Customer, bank: Bank, first: str
) -> None:
    """Either word may come first: while it was on its way the printing was stopped, and stays so
    until a person decides about the money."""
    _, payment = await customer_who_paid(shop, customer)
    await shop.outside.control("POST", "/settings", {"refund_status": "pending"})
    await silence(shop)
    refund = await refunds_in_the_dashboard(shop, payment["payment_id"])
    failed = await bank_settles(shop, refund, "failed")
    created = await event_about(shop, "refund.created", payment["link_id"])
    words = [created, failed] if first == "created" else [failed, created]
    for event in words:
        assert await bank.delivers(event) == [200]
        await shop.quiet()

    [row] = await shop.payments_of(customer)
    assert (row["captured_paise"], row["refunded_paise"]) == (800, 0)
    assert [row["status"] for row in await shop.refunds_of(customer)] == ["FAILED"]
    assert sorted(await shop.attention_of(customer)) == ["external_refund", "refund_failed"]
    assert await customer.count("refunded (reference") == 0
    assert await customer.count(FAILED) == 1
    assert (await shop.order_of(customer))["status"] == "REFUNDED"
    assert [job["status"] for job in await shop.jobs_of(customer)] == ["CANCELLED"]
    assert await shop.prints(customer) == []


async def test_a_refund_that_failed_and_then_went_through_is_back(
    shop: House, customer: Customer
) -> None:
    await shop.outside.control("POST", "/settings", {"refund_status": "pending"})
    order, _ = await customer_who_paid(shop, customer)
    assert (await shop.refund(order["id"], 800, key="in the end")).status_code == 202
    await shop.quiet()
    [refund] = await shop.refunds_of(customer)
    await bank_settles(shop, refund["rzp_refund_id"], "failed")
    await shop.quiet()
    assert await shop.attention_of(customer) == ["refund_failed"]
    assert (await shop.payments_of(customer))[0]["refunded_paise"] == 0

    await bank_settles(shop, refund["rzp_refund_id"], "processed")
    await shop.quiet()
    assert [row["status"] for row in await shop.refunds_of(customer)] == ["PROCESSED"]
    assert (await shop.payments_of(customer))[0]["refunded_paise"] == 800
    assert await shop.attention_of(customer) == []
    assert await customer.count("refunded (reference") == 1
    assert await customer.count(FAILED) == 1
    again = await shop.refund(order["id"], 1, key="nothing is left")
    assert (again.status_code, again.json()["error"]) == (409, "refund_too_large")


async def test_a_dashboard_refund_that_failed_first_needs_nobody_when_it_goes_through(
    shop: House, customer: Customer, bank: Bank
) -> None:
    _, payment = await customer_who_paid(shop, customer)
    await shop.outside.control("POST", "/settings", {"refund_status": "pending"})
    await silence(shop)
    refund = await refunds_in_the_dashboard(shop, payment["payment_id"])
    await bank.delivers(await bank_settles(shop, refund, "failed"))
    await shop.quiet()
    assert sorted(await shop.attention_of(customer)) == ["external_refund", "refund_failed"]

    await bank.delivers(await bank_settles(shop, refund, "processed"))
    await money_is_back_and_nothing_prints(shop, customer)


async def test_one_payment_given_back_twice_is_put_before_a_person(
    shop: House, customer: Customer
) -> None:
    """A refund failed, staff sent another, and then the bank says the first went through."""
    await shop.outside.control("POST", "/settings", {"refund_status": "pending"})
    order, _ = await customer_who_paid(shop, customer)
    sent: list[Any] = []
    for key in ("the first", "the second"):
        assert (await shop.refund(order["id"], 800, key=key)).status_code == 202
        await shop.quiet()
        sent.append((await shop.refunds_of(customer))[-1]["rzp_refund_id"])
        if key == "the first":
            await bank_settles(shop, sent[0], "failed")
            await shop.quiet()
    for refund in sent:
        await bank_settles(shop, refund, "processed")
    await shop.quiet()

    assert [row["status"] for row in await shop.refunds_of(customer)] == ["PROCESSED"] * 2
    assert (await shop.payments_of(customer))[0]["refunded_paise"] == 800
    assert await shop.attention_of(customer) == ["refunded_too_much"]

    # The bank corrects itself; what the books say of the money is true again.
    await bank_settles(shop, sent[0], "failed")
    await shop.quiet()
    assert (await shop.payments_of(customer))[0]["refunded_paise"] == 800
    # The second one gave all of it back: about the first nobody needs to decide anything.
    assert await shop.attention_of(customer) == ["refunded_too_much"]


async def test_a_refund_asked_for_while_the_dashboard_gave_it_is_counted_once(
    shop: House, customer: Customer, bank: Bank
) -> None:
    """Ours is refused, because nothing is left; theirs is what the books hold in the end."""
    order, payment = await customer_who_paid(shop, customer)
    await silence(shop)
    await refunds_in_the_dashboard(shop, payment["payment_id"])
    assert (await shop.refund(order["id"], 800, key="too late")).status_code == 202
    processed = await event_about(shop, "refund.processed", payment["link_id"])
    await bank.delivers(processed)
    await shop.quiet(within=5)

    statuses = {row["requested_by"]: row["status"] for row in await shop.refunds_of(customer)}
    assert statuses.pop("external") == "PROCESSED"
    assert list(statuses.values()) == ["FAILED"]
    assert (await shop.payments_of(customer))[0]["refunded_paise"] == 800
    assert [refund["amount"] for refund in await bank.refunds(payment["payment_id"])] == [800]
    # It went back, so nobody is told that it did not.
    assert await customer.count(FAILED) == 0


# The bank's two ends, in both orders, told in both orders: what it says last is so.


@pytest.mark.parametrize("told_first", ["processed", "failed"])
@pytest.mark.parametrize("truth", ["processed", "failed"])
async def test_of_two_words_about_a_refund_the_banks_present_one_counts(
    shop: House, customer: Customer, bank: Bank, truth: str, told_first: str
) -> None:
    await shop.outside.control("POST", "/settings", {"refund_status": "pending"})
    order, _ = await customer_who_paid(shop, customer)
    assert (await shop.refund(order["id"], 800, key=f"{truth} {told_first}")).status_code == 202
    await shop.quiet()
    await silence(shop)
    [refund] = await shop.refunds_of(customer)
    other = "failed" if truth == "processed" else "processed"
    words = {
        word: await bank_settles(shop, refund["rzp_refund_id"], word) for word in (other, truth)
    }
    for word in sorted(words, key=lambda each: each != told_first) * 2:
        assert await bank.delivers(words[word]) == [200]
        await shop.quiet()

    gone = truth == "processed"
    assert [row["status"] for row in await shop.refunds_of(customer)] == [truth.upper()]
    assert (await shop.payments_of(customer))[0]["refunded_paise"] == (800 if gone else 0)
    assert await shop.attention_of(customer) == ([] if gone else ["refund_failed"])
    # Of each word at most one message, and none of a word that was found to be old.
    assert await customer.count("refunded (reference") == (gone or told_first == "processed")
    assert await customer.count(FAILED) == (not gone or told_first == "failed")


@pytest.mark.parametrize("kind", ["error", "answer_lost", "rate_limit"])
async def test_a_contradiction_waits_for_a_bank_that_cannot_be_asked(
    shop: House, customer: Customer, bank: Bank, kind: str
) -> None:
    await shop.outside.control("POST", "/settings", {"refund_status": "pending"})
    order, _ = await customer_who_paid(shop, customer)
    assert (await shop.refund(order["id"], 800, key=f"unreachable, {kind}")).status_code == 202
    await shop.quiet()
    await silence(shop)
    [refund] = await shop.refunds_of(customer)
    processed = await bank_settles(shop, refund["rzp_refund_id"], "processed")
    failed = await bank_settles(shop, refund["rzp_refund_id"], "failed")
    await bank.delivers(failed)
    await shop.quiet()
    await shop.outside.trouble("razorpay.refunds.fetch", kind, times=1)
    await bank.delivers(processed)
    await shop.quiet(within=20, timeout=40)

    assert [row["status"] for row in await shop.refunds_of(customer)] == ["FAILED"]
    assert await shop.attention_of(customer) == ["refund_failed"]
    assert await customer.count("refunded (reference") == 0
    struck = (await shop.outside.control("GET", "/faults"))["faults"]
    assert [fault["hits"] for fault in struck if "refunds.fetch" in fault["operation"]] == [1]


async def test_money_paid_back_by_hand_stays_so_when_the_bank_repeats_its_no(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await shop.outside.control("POST", "/settings", {"refund_status": "pending"})
    order, payment = await customer_who_paid(shop, customer)
    assert (await shop.refund(order["id"], 800, key="by hand in the end")).status_code == 202
    await shop.quiet()
    [refund] = await shop.refunds_of(customer)
    await bank_settles(shop, refund["rzp_refund_id"], "failed")
    await shop.quiet()
    [item] = await shop.sql(
        "SELECT * FROM attention_items WHERE subject = %s", f"refund:{refund['id']}"
    )
    assert (await answer(shop, item, "paid_back_by_hand", note="cash")).status_code == 200

    again = {
        "id": refund["rzp_refund_id"],
        "payment_id": payment["payment_id"],
        "amount": 800,
        "status": "failed",
    }
    event = {"event": "refund.failed", "payload": {"refund": {"entity": again}}}
    assert (await shop.outside.razorpay_says(event)).status_code == 200
    await shop.quiet()
    assert [row["status"] for row in await shop.refunds_of(customer)] == ["PROCESSED"]
    assert (await shop.payments_of(customer))[0]["refunded_paise"] == 800
    assert await shop.attention_of(customer) == []
    assert await customer.count(FAILED) == 1
