"""Razorpay's rarer events, each with its exact ending; disputes have a file of their own."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.backend.services.seeds import customer_who_paid, ordered
from tests.support.outside import Bank, Customer
from tests.support.shop import House
from tests.wire.golden import golden

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_event_this_shop_does_not_know_is_kept_as_ignored_and_changes_nothing(
    shop: House, customer: Customer
) -> None:
    event = golden("razorpay", "webhook_unknown_event")["request"]["body"]
    await customer.wants()
    await shop.quiet()
    before = await shop.snapshot()
    order = await shop.order_of(customer)
    said = await customer.saw()

    answers = [(await shop.outside.razorpay_says(event)).status_code for _ in range(2)]
    await shop.quiet()

    assert answers == [200, 200]
    assert await shop.sql(
        "SELECT status, reason FROM webhook_logs "
        "WHERE convert_from(raw_body, 'UTF8') LIKE '%future.event%'"
    ) == [{"status": "IGNORED", "reason": "future.event changes nothing here"}]
    after = await shop.snapshot()
    assert after.pop("webhook_logs").rows == before.pop("webhook_logs").rows + 1
    assert after == before
    assert await shop.order_of(customer) == order
    assert await customer.saw() == said


@pytest.mark.parametrize(
    ("respond_by", "deadline"), [(1795939200, ", answer by 29 Nov 2026"), (None, ""), (0, "")]
)
async def test_a_chargeback_tells_until_when_it_can_be_answered(
    shop: House, respond_by: int | None, deadline: str
) -> None:
    event = deepcopy(golden("razorpay", "webhook_dispute_created")["request"]["body"])
    dispute = event["payload"]["dispute"]["entity"]
    dispute |= {
        "id": f"disp_FAKEdeadline{respond_by}",
        "respond_by": respond_by,
        "payment_id": f"pay_FAKEdisputed{respond_by}",
    }

    assert (await shop.outside.razorpay_says(event)).status_code == 200
    await shop.quiet()

    assert (
        await shop.one(
            "SELECT detail FROM attention_items WHERE kind = 'dispute' AND subject = %s",
            f"payment:{dispute['payment_id']}",
        )
        == f"chargeback open, reason {dispute['reason_code']}{deadline}"
    )


def about(name: str, **replaced: str) -> dict[str, Any]:
    """The golden event with these ids in place of its own."""
    body = str(golden("razorpay", name)["request"]["raw_body"])
    for old, new in {**replaced, "4800": "800"}.items():
        body = body.replace(old, new)
    event: dict[str, Any] = json.loads(body)
    return event


async def how_it_ended(shop: House, name: str) -> tuple[str, str]:
    """What became of the newest webhook, which must be of this name."""
    [row] = await shop.sql(
        "SELECT status, reason, convert_from(raw_body, 'UTF8') AS body FROM webhook_logs "
        "WHERE provider = 'razorpay' ORDER BY id DESC LIMIT 1"
    )
    assert json.loads(row["body"])["event"] == name
    return row["status"], row["reason"]


async def changes_nothing(shop: House, event: dict[str, Any]) -> tuple[str, str]:
    """Delivered three times: one row more in the inbox, and every other row as it was."""
    before = await shop.snapshot()
    for _ in range(3):
        assert (await shop.outside.razorpay_says(event)).status_code == 200
    after = await shop.snapshot()
    assert after.pop("webhook_logs").rows == before.pop("webhook_logs").rows + 1
    assert after == before
    return await how_it_ended(shop, event["event"])


async def test_an_authorisation_is_no_money_yet(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    await shop.outside.control("POST", "/settings", {"payment_authorized": True})
    paid = await bank.captures(pay_here, "no_webhook")
    events = {event["name"]: event["id"] for event in paid["events"]}
    await shop.quiet()
    assert await bank.delivers(events["payment.authorized"], copies=2) == [200, 200]
    await shop.quiet()
    ignored = ("IGNORED", "payment.authorized changes nothing here")
    assert await how_it_ended(shop, "payment.authorized") == ignored
    assert (await shop.order_of(customer))["status"] == "PAYMENT_PENDING"
    [payment] = await shop.payments_of(customer)
    assert (payment["status"], payment["captured_paise"]) == ("LINK_SENT", 0)
    assert await shop.jobs_of(customer) == []

    await bank.delivers(events["payment.captured"])
    await customer.hears("Your token is")
    await shop.quiet()
    # One that comes after the money, of the same payment, changes nothing either.
    late = about(
        "webhook_payment_authorized_upi",
        pay_FAKEpaym000001=paid["payment_id"],
        po_01JFAKE0000000000000000001=order["reference_id"],
    )
    assert await changes_nothing(shop, late) == ignored
    assert await customer.count("Your token is") == 1
    assert await shop.prints(customer) == ["thesis.pdf"]


async def test_a_link_cancelled_in_the_dashboard_ends_its_order(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    await shop.quiet()
    link = await bank.link(pay_here)
    answer = await shop.outside.client.post(
        f"{shop.outside.origin}/v1/payment_links/{link['id']}/cancel",
        headers={"Content-Type": "application/json"},
        auth=(shop.settings.razorpay_key_id, shop.settings.razorpay_key_secret),
    )
    assert answer.status_code == 200
    await customer.hears("Cancelled")
    await shop.quiet()
    assert await how_it_ended(shop, "payment_link.cancelled") == ("DONE", "")
    assert (await shop.order_of(customer))["status"] == "CANCELLED"
    assert [row["status"] for row in await shop.payments_of(customer)] == ["CLOSED"]
    assert await shop.jobs_of(customer) == []
    assert await shop.refunds_of(customer) == []
    assert await shop.attention_of(customer) == []
    assert await customer.count("Cancelled") == 1

    ids = {"plink_FAKElink000001": link["id"]}
    reference = {"po_01JFAKE0000000000000000001": str(order["reference_id"])}
    again = about("webhook_payment_link_cancelled", **ids, **reference)
    assert (await shop.outside.razorpay_says(again)).status_code == 200
    await shop.quiet()
    assert await customer.count("Cancelled") == 1
    assert (await shop.order_of(customer))["status"] == "CANCELLED"


@pytest.mark.parametrize("name", ["webhook_payment_link_cancelled", "webhook_payment_failed_upi"])
async def test_what_comes_after_the_money_changes_nothing(
    shop: House, customer: Customer, name: str
) -> None:
    order, payment = await customer_who_paid(shop, customer)
    [row] = await shop.payments_of(customer)
    event = about(
        name,
        plink_FAKElink000001=payment["link_id"],
        pay_FAKEpaym000001=payment["payment_id"],
        po_01JFAKE0000000000000000001=row["reference_id"],
    )
    end = await changes_nothing(shop, event)
    assert end in (("DONE", ""), ("IGNORED", "a failure that was overtaken"))
    assert (await shop.order_of(customer))["status"] == order["status"] == "PAID"
    assert await shop.prints(customer) == ["thesis.pdf"]


async def test_a_refund_at_another_speed_is_the_same_refund(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await shop.outside.control("POST", "/settings", {"refund_status": "pending"})
    order, payment = await customer_who_paid(shop, customer)
    assert (await shop.refund(order["id"], 800, key="at any speed")).status_code == 202
    await shop.quiet()
    [refund] = await shop.refunds_of(customer)
    assert refund["status"] == "IN_TRANSIT"
    ids = {
        "rfnd_FAKErfnd000001": refund["rzp_refund_id"],
        "pay_FAKEpaym000001": payment["payment_id"],
    }
    # Its snapshot says how far the refund is, like that of any other refund event.
    event = about("webhook_refund_speed_changed", **ids)
    assert (await shop.outside.razorpay_says(event)).status_code == 200
    await shop.quiet()
    assert await how_it_ended(shop, "refund.speed_changed") == ("DONE", "")
    [refund] = await shop.refunds_of(customer)
    assert (refund["status"], refund["amount_paise"]) == ("PROCESSED", 800)
    assert await customer.count("refunded (reference") == 1

    again = {**event, "created_at": 1795335999}
    assert await changes_nothing(shop, again) == ("DONE", "")
    assert [row["amount"] for row in await bank.refunds(payment["payment_id"])] == [800]
    assert await shop.attention_of(customer) == []
    await shop.outside.control(
        "POST", f"/refunds/{refund['rzp_refund_id']}/settle", {"status": "processed"}
    )
    await shop.quiet()
    assert await customer.count("refunded (reference") == 1
