"""Asking for money back: what is refused leaves no trace, and whose keys are whose."""

from __future__ import annotations

import secrets
from typing import Any

import httpx2
import pytest

from tests.backend.services.seeds import customer_who_paid, ordered
from tests.support.outside import Bank, Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

REASON = {"reason": "asked at the counter"}
# Bodies, each with its status and, where programs tell them apart, its code. 800 was paid.
BAD_BODIES: list[tuple[dict[str, Any], int, str]] = [
    ({**REASON, "amount_paise": 100.5}, 422, ""),
    ({**REASON, "amount_paise": 800.0}, 422, ""),
    ({**REASON, "amount_paise": "800"}, 422, ""),
    ({**REASON, "amount_paise": True}, 422, ""),
    ({**REASON, "amount_paise": None}, 422, ""),
    ({**REASON, "amount_paise": [800]}, 422, ""),
    ({**REASON}, 422, ""),
    ({**REASON, "amount_paise": 0}, 422, "bad_input"),
    ({**REASON, "amount_paise": -1}, 422, "bad_input"),
    ({**REASON, "amount_paise": -800}, 422, "bad_input"),
    ({**REASON, "amount_paise": 1}, 422, "bad_input"),
    ({**REASON, "amount_paise": 99}, 422, "bad_input"),
    ({**REASON, "amount_paise": 801}, 409, "refund_too_large"),
    ({**REASON, "amount_paise": 2**53 - 1}, 409, "refund_too_large"),
    ({**REASON, "amount_paise": 2**53}, 422, ""),
    ({"amount_paise": 800}, 422, ""),
    ({"amount_paise": 800, "reason": ""}, 422, ""),
    ({"amount_paise": 800, "reason": "x" * 501}, 422, ""),
    ({"amount_paise": 800, "reason": 7}, 422, ""),
]
BAD_KEYS = [(None, 400), ("", 400), ("x" * 201, 422)]
NOBODYS = "00000000-0000-4000-8000-000000000000"


async def asks(
    shop: House,
    order_id: Any,
    body: dict[str, Any],
    *,
    key: str | None = "new",
    token: str = "",
) -> httpx2.Response:
    """``key``: "new" makes one that nobody used, None sends none."""
    headers = {"Authorization": f"Bearer {token or shop.token}"}
    if key is not None:
        headers["Idempotency-Key"] = secrets.token_hex(8) if key == "new" else key
    return await shop.api.post(
        f"/api/v1/dashboard/orders/{order_id}/refund", json=body, headers=headers
    )


def refused(answer: httpx2.Response, status: int, code: str = "") -> None:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "detail"}
    assert answer.json()["error"] == code or not code
    assert answer.json()["detail"]


async def test_what_is_refused_changes_nothing_in_the_whole_database(
    shop: House, customer: Customer, bank: Bank
) -> None:
    order, payment = await customer_who_paid(shop, customer)
    before = await shop.snapshot()
    for body, status, code in BAD_BODIES:
        refused(await asks(shop, order["id"], body, key="a click"), status, code)
        assert await shop.snapshot() == before, body
    whole = {**REASON, "amount_paise": 800}
    for key, status in BAD_KEYS:
        refused(await asks(shop, order["id"], whole, key=key), status)
    refused(await asks(shop, NOBODYS, whole), 404, "not_found")
    refused(await asks(shop, "42", whole), 422)
    assert await shop.snapshot() == before
    assert await bank.refunds(payment["payment_id"]) == []
    # None of them used the key up.
    assert (await asks(shop, order["id"], whole, key="a click")).status_code == 202


async def test_less_than_razorpay_takes_is_refused_in_a_sentence(
    shop: House, customer: Customer
) -> None:
    order, _ = await customer_who_paid(shop, customer)
    too_little = await asks(shop, order["id"], {**REASON, "amount_paise": 99})
    assert too_little.json()["detail"] == (
        "Razorpay sends back ₹1 or more. Ask for more, or give it back by hand."
    )
    assert (await asks(shop, order["id"], {**REASON, "amount_paise": 750})).status_code == 202
    await shop.quiet()
    # Razorpay makes no exception for what is left.
    before = await shop.snapshot()
    refused(await asks(shop, order["id"], {**REASON, "amount_paise": 50}, key="rest"), 422)
    assert await shop.snapshot() == before


async def test_what_was_not_paid_online_may_be_less(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    cash = await shop.api.post(
        f"/api/v1/dashboard/orders/{order['id']}/cash",
        json={"amount_paise": 800},
        headers=shop.staff,
    )
    assert cash.status_code == 200
    assert (await asks(shop, order["id"], {**REASON, "amount_paise": 50})).status_code == 202
    await shop.quiet()
    assert [row["status"] for row in await shop.refunds_of(customer)] == ["PROCESSED"]


async def test_an_order_that_nobody_paid_has_nothing_to_give_back(
    shop: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    await customer.hears("Pay here")
    before = await shop.snapshot()
    body = {**REASON, "amount_paise": 800}
    refused(await asks(shop, order["id"], body), 409, "nothing_to_refund")
    assert await shop.snapshot() == before


async def test_another_shops_order_does_not_exist(shop: House, customer: Customer) -> None:
    order, _ = await customer_who_paid(shop, customer)
    other = await shop.one("INSERT INTO shops (code, name) VALUES ('o', 'Other') RETURNING id")
    token = await shop.inside.staff.create_token("the other shop's")
    await shop.sql("UPDATE api_tokens SET shop_id = %s WHERE name = %s", other, "the other shop's")
    before = await shop.snapshot()
    body = {**REASON, "amount_paise": 800}
    theirs = await asks(shop, order["id"], body, token=token)
    nobodys = await asks(shop, NOBODYS, body, token=token)
    refused(theirs, 404, "not_found")
    assert theirs.json() == nobodys.json()
    assert await shop.snapshot() == before


async def test_a_used_key_with_another_body_changes_nothing(
    shop: House, customer: Customer
) -> None:
    order, _ = await customer_who_paid(shop, customer)
    body = {**REASON, "amount_paise": 300}
    first = await asks(shop, order["id"], body, key="once")
    await shop.quiet()
    before = await shop.snapshot()
    for other in ({**body, "amount_paise": 301}, {**body, "reason": "another"}):
        refused(await asks(shop, order["id"], other, key="once"), 409, "key_reused")
    again = await asks(shop, order["id"], body, key="once")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert await shop.snapshot() == before


# Keys of the house itself begin with a word and a colon. A person may send such a key too.


async def test_a_staff_key_takes_no_automatic_refund_away(
    shop: House, customer: Customer, bank: Bank
) -> None:
    late = await shop.outside.newcomer()
    await late.replies("Hi", "Print Shop")
    cancelled = await ordered(shop, late)
    pay_here = (await late.hears("Pay here"))["links"][0]
    [intent] = await shop.payments_of(late)
    order, _ = await customer_who_paid(shop, customer)
    taken = await shop.refund(order["id"], 100, key=f"auto:{intent['id']}")
    assert taken.status_code == 202

    path = f"/api/v1/dashboard/orders/{cancelled['id']}/cancel"
    assert (await shop.api.post(path, headers=shop.staff)).status_code == 200
    await shop.quiet()
    paid = await bank.captures(pay_here, "late")
    await late.hears("which was cancelled")
    await shop.quiet()
    [payment] = await shop.payments_of(late)
    assert (payment["disposition"], payment["refunded_paise"]) == ("REFUND", 800)
    assert [row["requested_by"] for row in await shop.refunds_of(late)] == ["system:refund"]
    assert [refund["amount"] for refund in await bank.refunds(paid["payment_id"])] == [800]


async def test_a_staff_key_takes_nothing_from_a_cancelled_order(
    shop: House, customer: Customer, bank: Bank
) -> None:
    order, payment = await customer_who_paid(shop, customer)
    [row] = await shop.payments_of(customer)
    assert (await shop.refund(order["id"], 300, key=f"all:{row['id']}")).status_code == 202
    path = f"/api/v1/dashboard/orders/{order['id']}/cancel"
    assert (await shop.api.post(path, headers=shop.staff)).status_code == 200
    await shop.quiet()
    amounts = sorted(refund["amount"] for refund in await bank.refunds(payment["payment_id"]))
    assert amounts == [300, 500]
    assert (await shop.order_of(customer))["status"] == "REFUNDED"
    assert await shop.prints(customer) == []
