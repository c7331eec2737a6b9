"""Brings each kind of question onto the attention list, the way it comes there in the shop."""

from __future__ import annotations

import json
import secrets
from typing import Any

import httpx2

from app.services.capture_service import Seen
from tests.backend.services.seeds import customer_who_paid, ordered
from tests.support.outside import Customer, pdf_of
from tests.support.shop import House, bank_of

PRICE = 800  # two pages, two copies, black and white


async def ask(house: House, customer: Customer, kind: str) -> dict[str, Any]:
    """The open item of that kind about this customer; the order waits or was paid, as it must."""
    await _ARRANGE[kind](house, customer)
    await house.quiet()
    [item] = await house.sql(
        "SELECT * FROM attention_items WHERE closed_at IS NULL AND kind = %s "
        "ORDER BY opened_at DESC LIMIT 1",
        kind,
    )
    return item


async def answer(
    house: House, item: dict[str, Any], resolution: str, *, key: str | None = "", **more: Any
) -> httpx2.Response:
    """``key``: "" makes a fresh one, None sends none."""
    headers = dict(house.staff)
    if key is not None:
        headers["Idempotency-Key"] = key or secrets.token_hex(8)
    return await house.api.post(
        f"/api/v1/dashboard/attention/{item['id']}/resolve",
        json={"resolution": resolution, **more},
        headers=headers,
    )


async def _waiting(house: House, customer: Customer) -> dict[str, Any]:
    await customer.replies("Hi", "Print Shop")
    return await ordered(house, customer)


async def _captured(house: House, order: dict[str, Any] | None, paise: int, **more: Any) -> None:
    """Money the bank tells of; the simulator's bank does not know it, so it refuses refunds."""
    facts: dict[str, Any] = {"currency": "INR", "method": "upi", **more}
    seen = Seen(
        payment_id=f"pay_{secrets.token_hex(7)}",
        amount_paise=paise,
        reference_id=order["reference_id"] if order else "",
        **facts,
    )
    await house.inside.captures.settle(seen, door="webhook")


async def wrong_amount(house: House, customer: Customer) -> None:
    await _waiting(house, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    await bank_of(house).captures(pay_here, "amount_differs", delta=100)
    await customer.hears("doesn't match your order")


async def wrong_currency(house: House, customer: Customer) -> None:
    await _captured(house, await _waiting(house, customer), PRICE, currency="USD")


async def unknown_link(house: House, customer: Customer) -> None:
    await _waiting(house, customer)
    await _captured(house, None, PRICE)


async def disputed(house: House, customer: Customer) -> None:
    order = await _waiting(house, customer)
    await house.quiet()
    await house.sql("UPDATE payments SET disputed = true WHERE order_id = %s", order["id"])
    await _captured(house, order, PRICE)


async def dispute(house: House, customer: Customer) -> None:
    _, payment = await customer_who_paid(house, customer)
    path = f"/payments/{payment['payment_id']}/dispute"
    await house.outside.control("POST", path, {"event": "created"})


async def refund_failed(house: House, customer: Customer) -> None:
    order, _ = await customer_who_paid(house, customer)
    await house.outside.control("POST", "/settings", {"balance_paise": 0})
    assert (await house.refund(order["id"], PRICE, key=secrets.token_hex(8))).status_code == 202
    await house.quiet(within=5)
    await house.outside.control("POST", "/settings", {"balance_paise": 1_000_000})


async def external_refund(house: House, customer: Customer, part: int = 300) -> None:
    _, payment = await customer_who_paid(house, customer)
    answered = await house.outside.client.post(
        f"{house.outside.origin}/v1/payments/{payment['payment_id']}/refund",
        json={"amount": part},
        auth=(house.settings.razorpay_key_id, house.settings.razorpay_key_secret),
    )
    assert answered.status_code == 200
    await house.quiet()


async def did_it_print(house: House, customer: Customer) -> None:
    await customer_who_paid(house, customer)
    [job] = await house.jobs_of(customer)
    held = await house.worker(f"pc-{secrets.token_hex(3)}").must_claim(job_id=job["id"])
    assert (await held.begins()).status_code == 200
    assert (await held.reports("UNCERTAIN", error="the power went")).status_code == 200


async def print_failed(house: House, customer: Customer) -> None:
    await customer_who_paid(house, customer)
    [job] = await house.jobs_of(customer)
    held = await house.worker(f"pc-{secrets.token_hex(3)}").must_claim(job_id=job["id"])
    unprinted = {"never_accepted": True}
    assert (await held.reports("FAILED", error="no toner", evidence=unprinted)).status_code == 200


async def _put(house: House, kind: str, customer: Customer, subject: str) -> None:
    """As the sweep or the worker's twentieth return would, which take long to wait for."""
    order = await house.order_of(customer)
    async with house.inside.unit_of_work("system:sweep") as tx:
        await tx.messages.open_item(
            shop_id=order["shop_id"], kind=kind, subject=subject, order_id=order["id"]
        )


async def not_moving(house: House, customer: Customer) -> None:
    order, _ = await customer_who_paid(house, customer)
    await _put(house, "not_moving", customer, f"order:{order['id']}")


async def cannot_print(house: House, customer: Customer) -> None:
    await customer_who_paid(house, customer)
    [job] = await house.jobs_of(customer)
    await _put(house, "cannot_print", customer, f"job:{job['id']}")


async def not_at_razorpay(house: House, customer: Customer) -> None:
    _, payment = await customer_who_paid(house, customer)
    await _put(house, "not_at_razorpay", customer, f"payment:{payment['payment_id']}")


async def amount_differs(house: House, customer: Customer) -> None:
    _, payment = await customer_who_paid(house, customer)
    await _put(house, "amount_differs", customer, f"payment:{payment['payment_id']}")


async def file_missing(house: House, customer: Customer) -> None:
    order, _ = await customer_who_paid(house, customer)
    await _put(house, "file_missing", customer, f"order:{order['id']}")


async def wants_a_person(house: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    await customer.replies("human", "shop")


async def refund_stuck(house: House, customer: Customer) -> None:
    await house.outside.control("POST", "/settings", {"refund_status": "pending"})
    order, _ = await customer_who_paid(house, customer)
    assert (await house.refund(order["id"], PRICE, key=secrets.token_hex(8))).status_code == 202
    await house.quiet()
    await house.sql(
        "UPDATE refunds SET created_at = created_at - interval '11 days' WHERE order_id = %s",
        order["id"],
    )
    await house.inside.housekeeping.refunds()


async def refunded_too_much(house: House, customer: Customer) -> None:
    """A refund failed, staff sent another, and then the bank says the first went through."""
    await house.outside.control("POST", "/settings", {"refund_status": "pending"})
    order, _ = await customer_who_paid(house, customer)

    async def settles(number: int, status: str) -> None:
        refund = (await house.refunds_of(customer))[number]["rzp_refund_id"]
        await house.outside.control("POST", f"/refunds/{refund}/settle", {"status": status})
        await house.quiet()

    for number, status in enumerate(("failed", "processed")):
        asked = await house.refund(order["id"], PRICE, key=secrets.token_hex(8))
        assert asked.status_code == 202
        await house.quiet()
        await settles(number, status)
    await settles(0, "processed")


async def no_payment_link(house: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    await house.outside.trouble(
        "razorpay.links.create", "reject", code="BAD_REQUEST_ERROR", description="not today"
    )
    await ordered(house, customer)
    await customer.hears("at the counter")


async def webhook_not_handled(house: House, _: Customer) -> None:
    """Kept by a door that was less strict than today's; nobody can read what it is about."""
    unreadable = json.dumps({"entity": "event", "id": secrets.token_hex(8)})
    assert await house.inside.inbox.keep_payment(unreadable.encode(), "")


async def message_not_delivered(house: House, customer: Customer) -> None:
    """The customer last wrote a day ago, so that WhatsApp takes no word that is not a template."""
    await customer_who_paid(house, customer)
    await house.sql(
        "UPDATE customers SET last_inbound_at = now() - interval '25 hours' WHERE address = %s",
        customer.address,
    )
    assert await house.prints(customer) == ["thesis.pdf"]


async def file_not_made(house: House, customer: Customer) -> None:
    """The prepared file cannot be made: after the last try, which takes long to wait for."""
    await customer.sends(pdf_of(2))
    await customer.hears("How should I print it")
    await customer.replies("bw", "How many copies")
    [document] = await house.sql(
        "SELECT d.storage_key FROM documents d JOIN customers c ON c.id = d.customer_id "
        "WHERE c.address = %s",
        customer.address,
    )
    await house.inside.store.delete(document["storage_key"])
    await customer.says("1")
    await house.quiet()
    order = await house.order_of(customer)
    await house.inside.print_ready.give_up(order["id"], "NotFound")


async def file_not_deleted(house: House, customer: Customer) -> None:
    order, _ = await customer_who_paid(house, customer)
    document = await house.one("SELECT id FROM documents WHERE order_id = %s", order["id"])
    await _put(house, "file_not_deleted", customer, f"document:{document}")


_ARRANGE = {
    each.__name__: each
    for each in (
        *(wrong_amount, wrong_currency, unknown_link, disputed, dispute, refund_failed),
        *(external_refund, did_it_print, print_failed, not_moving, cannot_print, file_missing),
        *(wants_a_person, refund_stuck, refunded_too_much, no_payment_link, webhook_not_handled),
        *(message_not_delivered, file_not_made, file_not_deleted, not_at_razorpay, amount_differs),
    )
}
