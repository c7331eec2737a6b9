"""The simulator's Razorpay says what the golden payloads say, oddities included."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.conftest import PUBLIC, Outside, Shop
from tests.simulator.shapes import shape
from tests.wire.golden import golden

HOOK = "/api/webhooks/razorpay-webhook"
ASKED = dict(golden("razorpay", "api_payment_link_create")["request"]["json"])
DISPUTES = ("created", "under_review", "action_required", "won", "lost", "closed")


async def new_link(outside: Outside, **changes: Any) -> Any:
    now = (await outside.control("GET", "/clock"))["now"]
    asked = ASKED | {"expire_by": now + 1800} | changes
    asked = {name: value for name, value in asked.items() if value is not None}
    response = await outside.razorpay.post("/v1/payment_links", json=asked)
    assert response.status_code == 200, response.text
    return response.json()


def answer(name: str) -> Any:
    return golden("razorpay", name)["response"]["json"]


def body(name: str) -> Any:
    return golden("razorpay", name)["request"]["body"]


async def told(shop: Shop, name: str, count: int = 1) -> Any:
    """The first event of a kind, once it was heard."""
    for number in range(1, 20):
        heard = await shop.hears(number, HOOK)
        found = [each.json for each in heard if each.json["event"] == name]
        if len(found) >= count:
            return found[count - 1]
    raise AssertionError(name)


async def test_a_link_from_birth_to_payment(outside: Outside, shop: Shop) -> None:
    link = await new_link(outside)
    assert shape(link) == shape(answer("api_payment_link_create"))
    assert link["short_url"] == f"{outside.settings.origin}/l/{link['id']}"
    found = await outside.razorpay.get(
        "/v1/payment_links", params={"reference_id": ASKED["reference_id"]}
    )
    assert shape(found.json()) == shape(answer("api_payment_link_list_by_reference"))
    nothing = await outside.razorpay.get("/v1/payment_links", params={"reference_id": "nope"})
    assert nothing.json() == answer("api_payment_link_list_empty")

    await outside.control("POST", "/settings", {"payment_authorized": True})
    paid = await outside.pay(link["id"])
    await shop.hears(4, HOOK)
    for event, fixture in (
        ("payment.authorized", "webhook_payment_authorized_upi"),
        ("payment.captured", "webhook_payment_captured_upi"),
        ("order.paid", "webhook_order_paid"),
        ("payment_link.paid", "webhook_payment_link_paid_upi"),
    ):
        assert shape(await told(shop, event)) == shape(body(fixture)), event

    fetched = (await outside.razorpay.get(f"/v1/payment_links/{link['id']}")).json()
    assert shape(fetched) == shape(answer("api_payment_link_fetch_paid"))
    payment = (await outside.razorpay.get(f"/v1/payments/{paid['payment_id']}")).json()
    assert shape(payment) == shape(answer("api_payment_fetch"))
    assert (payment["fee"], payment["tax"]) == (114, 18)
    attempts = (await outside.razorpay.get(f"/v1/orders/{paid['order_id']}/payments")).json()
    assert shape(attempts) == shape(answer("api_order_payments"))


async def test_the_oddities_of_the_paid_event(outside: Outside, shop: Shop) -> None:
    link = await new_link(outside)
    paid = await outside.pay(link["id"])
    event = await told(shop, "payment_link.paid")
    entities = {name: each["entity"] for name, each in event["payload"].items()}

    assert event["created_at"] == link["created_at"]
    assert paid["order_id"] == f"order_{entities['order']['id']}"
    assert entities["payment"]["order_id"] == paid["order_id"]
    assert entities["order"]["receipt"] == ASKED["reference_id"]
    assert f"plink_{entities['order']['product_id']}" == link["id"]
    assert entities["payment"]["description"] == "#" + link["id"].removeprefix("plink_")


async def test_a_card_and_a_link_without_extras(outside: Outside, shop: Shop) -> None:
    link = await new_link(outside)
    await outside.pay(link["id"], method="card")
    assert shape(await told(shop, "payment_link.paid")) == shape(
        body("webhook_payment_link_paid_card")
    )
    assert shape(await told(shop, "payment.captured")) == shape(
        body("webhook_payment_captured_card")
    )
    bare = await new_link(
        outside, reference_id="po_2", notes=None, callback_url=None, callback_method=None
    )
    await outside.pay(bare["id"], method="netbanking")
    wanted, got = (
        body("webhook_payment_link_paid_minimal"),
        await told(shop, "payment_link.paid", 2),
    )
    for entity in ("payment_link", "order"):
        assert shape(got["payload"][entity]) == shape(wanted["payload"][entity])


async def test_a_failed_payment(outside: Outside, shop: Shop) -> None:
    link = await new_link(outside)
    paid = await outside.pay(link["id"], "failed")
    assert paid["callback_url"] is None
    assert shape(await told(shop, "payment.failed")) == shape(body("webhook_payment_failed_upi"))
    after = (await outside.razorpay.get(f"/v1/payment_links/{link['id']}")).json()
    assert (after["status"], after["order_id"]) == ("created", paid["order_id"])


async def test_cancelled_and_expired_links(outside: Outside, shop: Shop) -> None:
    link = await new_link(outside)
    cancelled = await outside.razorpay.post(f"/v1/payment_links/{link['id']}/cancel")
    assert shape(cancelled.json()) == shape(answer("api_payment_link_cancel"))
    assert shape(await told(shop, "payment_link.cancelled")) == shape(
        body("webhook_payment_link_cancelled")
    )
    untouched = await new_link(outside, reference_id="po_2")
    tried = await new_link(outside, reference_id="po_3")
    await outside.pay(tried["id"], "failed")
    moved = await outside.control("POST", "/clock", {"advance_seconds": 1801})
    assert moved["expired_links"] == 2
    for number, (made, fixture) in enumerate(
        (
            (untouched, "webhook_payment_link_expired"),
            (tried, f"{'webhook_payment_link_expired'}_after_attempt"),
        ),
        1,
    ):
        events = [await told(shop, "payment_link.expired", each) for each in (1, 2)]
        [event] = [e for e in events if e["payload"]["payment_link"]["entity"]["id"] == made["id"]]
        assert shape(event) == shape(body(fixture)), number
        entity = event["payload"]["payment_link"]["entity"]
        assert 11 <= entity["expired_at"] - entity["expire_by"] <= 24


async def test_refunds(outside: Outside, shop: Shop) -> None:
    paid = await outside.pay((await new_link(outside))["id"])
    asked = golden("razorpay", "api_refund_create")["request"]
    refund = await outside.razorpay.post(
        f"/v1/payments/{paid['payment_id']}/refund",
        json=asked["json"],
        headers={"X-Refund-Idempotency": asked["headers"]["X-Refund-Idempotency"]},
    )
    assert shape(refund.json()) == shape(answer("api_refund_create"))
    assert shape(await told(shop, "refund.created")) == shape(body("webhook_refund_created"))
    assert shape(await told(shop, "refund.processed")) == shape(body("webhook_refund_processed"))
    await outside.control("POST", f"/refunds/{refund.json()['id']}/settle", {"status": "failed"})
    assert shape(await told(shop, "refund.failed")) == shape(body("webhook_refund_failed"))
    after = (await outside.razorpay.get(f"/v1/payments/{paid['payment_id']}")).json()
    assert (after["status"], after["amount_refunded"], after["refund_status"]) == (
        "captured",
        0,
        None,
    )


@pytest.mark.parametrize("event", DISPUTES)
async def test_disputes(outside: Outside, shop: Shop, event: str) -> None:
    paid = await outside.pay((await new_link(outside))["id"], method="card")
    await outside.control("POST", f"/payments/{paid['payment_id']}/dispute", {"event": event})
    got, wanted = await told(shop, f"payment.dispute.{event}"), body(f"webhook_dispute_{event}")
    assert shape(got) == shape(wanted)
    assert (
        got["payload"]["dispute"]["entity"]["status"]
        == wanted["payload"]["dispute"]["entity"]["status"]
    )


async def test_the_browsers_return_is_signed(outside: Outside, shop: Shop) -> None:
    paid = await outside.pay((await new_link(outside))["id"])
    assert paid["callback_url"].startswith(f"{PUBLIC}/api/webhooks/razorpay-callback?")
    names = [pair.split("=")[0] for pair in paid["callback_url"].split("?")[1].split("&")]
    vector = golden("razorpay", "callback_signature_vectors")["vectors"][0]
    assert names == list(vector["query"])
