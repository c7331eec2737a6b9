"""What the backend meets at Razorpay."""

from __future__ import annotations

import httpx2
import razorpay

from tests.simulator.conftest import Outside, Shop

HOOK = "/api/webhooks/razorpay-webhook"


async def test_paying_tells_three_different_events_about_one_payment(
    outside: Outside, shop: Shop
) -> None:
    link = await outside.link(reference_id="po_1", notes={"order_id": "po_1"})
    paid = await outside.pay(link["id"])

    heard = await shop.hears(3, HOOK)
    assert sorted(shop.events()) == ["order.paid", "payment.captured", "payment_link.paid"]
    assert len({each.headers["x-razorpay-event-id"] for each in heard}) == 3
    client = razorpay.Client(auth=("", ""))
    for each in heard:
        assert client.utility.verify_webhook_signature(
            each.body.decode(),
            each.headers["x-razorpay-signature"],
            outside.settings.webhook_secret,
        )
        payment = each.json["payload"]["payment"]["entity"]
        assert (payment["id"], payment["amount"]) == (paid["payment_id"], 4800)
    fetched = (await outside.razorpay.get(f"/v1/payment_links/{link['id']}")).json()
    assert (fetched["status"], fetched["amount_paid"]) == ("paid", 4800)


async def test_a_refund_asked_for_twice_is_one_refund(outside: Outside, shop: Shop) -> None:
    link = await outside.link()
    paid = await outside.pay(link["id"])

    async def ask(amount: int, key: str) -> httpx2.Response:
        return await outside.razorpay.post(
            f"/v1/payments/{paid['payment_id']}/refund",
            json={"amount": amount},
            headers={"X-Refund-Idempotency": key},
        )

    first, again = await ask(4800, "refund-po_1"), await ask(4800, "refund-po_1")
    other_body, other_key = await ask(100, "refund-po_1"), await ask(4800, "refund-po_2")

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert "same idempotency key" in other_body.json()["error"]["description"]
    assert "fully refunded already" in other_key.json()["error"]["description"]
    assert len((await outside.control("GET", "/refunds"))["refunds"]) == 1
    await shop.hears(5, HOOK)
    assert shop.events().count("refund.processed") == 1
