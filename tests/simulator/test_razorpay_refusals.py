"""Everything Razorpay would refuse is refused, in its words."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from tests.simulator.conftest import Outside, Shop
from tests.simulator.shapes import shape
from tests.wire.golden import golden

GOOD: dict[str, Any] = {"amount": 4800, "currency": "INR"}


def words(response: httpx2.Response) -> str:
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["code"] == "BAD_REQUEST_ERROR"
    return str(error["description"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"foo": "bar"}, "extra fields sent."),
        ({"amount": 99}, "amount should be minimum 100"),
        ({"amount": 48.5}, "whole number"),
        ({"amount": "4800"}, "whole number"),
        ({"amount": None}, "amount: cannot be blank"),
        ({"currency": "USD"}, "INR only"),
        ({"first_min_partial_amount": 100}, "not allowed without accept_partial"),
        ({"upi_link": True}, "not supported in test mode"),
        ({"description": "x" * 2049}, "no more than 2048"),
        ({"reference_id": "x" * 41}, "reference_id: the length must be no more than 40"),
        ({"customer": {"contact": "1234567"}}, "between 8 and 14"),
        ({"customer": {"contact": ""}}, "between 8 and 14"),
        ({"customer": {"email": "nobody"}}, "valid email"),
        ({"customer": {"phone": "+919000090000"}}, "object of name, email and contact"),
        ({"expire_by": "soon"}, "must be an integer"),
        ({"expire_by": 1}, "atleast 15 minutes in future"),
        ({"expire_by": 9999999999}, "more than 6 months"),
        ({"notify": {"pigeon": True}}, "notify"),
        ({"reminder_enable": "no"}, "must be a boolean"),
        ({"notes": {str(n): "x" for n in range(16)}}, "less than or equal to 15"),
        ({"notes": {"a": "x" * 256}}, "longer than 255"),
        ({"callback_url": "shop.example", "callback_method": "get"}, "URL should be sent"),
        ({"callback_url": "https://shop.example/x"}, "callback_method: must be a valid value"),
        (
            {"callback_url": "https://shop.example/x", "callback_method": "post"},
            "callback_method: must be a valid value",
        ),
    ],
)
async def test_a_link_that_is_refused(
    outside: Outside, shop: Shop, changes: dict[str, Any], said: str
) -> None:
    refused = await outside.razorpay.post("/v1/payment_links", json=GOOD | changes)
    assert said in words(refused)
    assert shape(refused.json()) == shape(
        golden("razorpay", "api_error_extra_field")["response"]["json"]
    )
    assert (await outside.control("GET", "/links"))["links"] == []


@pytest.mark.parametrize(
    ("seconds", "status"), [(15 * 60 - 5, 400), (15 * 60 + 5, 200), (185 * 86400, 400)]
)
async def test_the_shortest_and_the_longest_life(
    outside: Outside, seconds: int, status: int
) -> None:
    now = (await outside.control("GET", "/clock"))["now"]
    made = await outside.razorpay.post(
        "/v1/payment_links", json=GOOD | {"expire_by": now + seconds}
    )
    assert made.status_code == status


async def test_a_reference_is_used_once(outside: Outside) -> None:
    first = await outside.link(reference_id="po_1")
    again = await outside.razorpay.post("/v1/payment_links", json=GOOD | {"reference_id": "po_1"})
    wanted = golden("razorpay", "api_error_duplicate_reference")["response"]["json"]
    assert shape(again.json()) == shape(wanted)
    assert words(again) == "payment link creation with reference ID (po_1) already attempted"
    found = await outside.razorpay.get("/v1/payment_links?reference_id=po_1")
    assert [each["id"] for each in found.json()["payment_links"]] == [first["id"]]


async def test_what_is_not_there(outside: Outside) -> None:
    for path in (
        "payment_links/plink_x",
        "payments/pay_x",
        "refunds/rfnd_x",
        "orders/order_x/payments",
    ):
        assert words(await outside.razorpay.get(f"/v1/{path}")) == "The id provided does not exist"
    async with httpx2.AsyncClient(base_url=outside.settings.origin) as nobody:
        refused = await nobody.get("/v1/payment_links/plink_x")
    assert refused.status_code == 401
    assert refused.json() == golden("razorpay", "api_error_auth")["response"]["json"]


async def test_cancelling_comes_too_late(outside: Outside, shop: Shop) -> None:
    paid, expired, open_link = [await outside.link() for _ in range(3)]
    await outside.pay(paid["id"])
    await outside.control("POST", f"/links/{expired['id']}/expire")
    cancel = "/v1/payment_links/{}/cancel"
    assert "already paid/partially paid" in words(
        await outside.razorpay.post(cancel.format(paid["id"]))
    )
    assert "expired link" in words(await outside.razorpay.post(cancel.format(expired["id"])))
    await outside.control(
        "POST", "/faults", {"operation": "razorpay.links.cancel", "kind": "reject"}
    )
    busy = await outside.razorpay.post(cancel.format(open_link["id"]))
    assert busy.json() == golden("razorpay", "api_error_cancel_busy")["response"]["json"]
    assert (await outside.razorpay.post(cancel.format(open_link["id"]))).status_code == 200
    assert "cancelled/expired link" in words(
        await outside.razorpay.post(cancel.format(open_link["id"]))
    )


async def test_what_can_be_changed_about_a_link(outside: Outside) -> None:
    link = await outside.link(reference_id="po_1", notes={"a": "1"})
    path = f"/v1/payment_links/{link['id']}"
    changed = await outside.razorpay.patch(path, json={"reference_id": "po_2", "notes": {"b": "2"}})
    assert changed.json()["reference_id"] == "po_2"
    assert changed.json()["notes"] == [{"key": "b", "value": "2"}]
    assert words(await outside.razorpay.patch(path, json={"amount": 100})) == "extra fields sent."
    sent = await outside.razorpay.post(f"{path}/notify_by/sms")
    assert sent.json() == {"success": True}
    await outside.pay(link["id"])
    assert "created or partially paid" in words(
        await outside.razorpay.patch(path, json={"notes": {}})
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"amount": 4801}, "greater than amount captured"),
        ({"amount": 0}, "amount field is required"),
        ({"amount": 99}, "atleast INR 1.00"),
        ({"amount": "all"}, "amount field is required"),
        ({"speed": "warp"}, "normal or optimum"),
        ({"reason": "x"}, "should not be sent"),
        ({"notes": {"a": "x" * 513}}, "longer than 512"),
    ],
)
async def test_a_refund_that_is_refused(
    outside: Outside, shop: Shop, asked: dict[str, Any], said: str
) -> None:
    paid = await outside.pay((await outside.link())["id"])
    refused = await outside.razorpay.post(f"/v1/payments/{paid['payment_id']}/refund", json=asked)
    assert said in words(refused)
    assert shape(refused.json()) == shape(
        golden("razorpay", "api_refund_already_full")["response"]["json"]
    )
    assert (await outside.control("GET", "/refunds"))["refunds"] == []


async def test_refunds_up_to_the_last_rupee_and_no_further(outside: Outside, shop: Shop) -> None:
    paid = await outside.pay((await outside.link())["id"])
    path = f"/v1/payments/{paid['payment_id']}/refund"
    part = await outside.razorpay.post(path, json={"amount": 1800, "receipt": "r1"})
    assert "already been used" in words(await outside.razorpay.post(path, json={"receipt": "r1"}))
    assert "greater than" in words(await outside.razorpay.post(path, json={"amount": 3001}))
    rest = await outside.razorpay.post(path, json={})
    assert (part.json()["amount"], rest.json()["amount"]) == (1800, 3000)
    assert "fully refunded" in words(await outside.razorpay.post(path, json={}))
    listed = await outside.razorpay.get(path + "s")
    assert [each["id"] for each in listed.json()["items"]] == [rest.json()["id"], part.json()["id"]]


async def test_a_refund_key_while_the_first_one_runs(outside: Outside, shop: Shop) -> None:
    paid = await outside.pay((await outside.link())["id"])
    await outside.control("POST", "/settings", {"refund_seconds": 0.5})

    async def ask() -> httpx2.Response:
        return await outside.razorpay.post(
            f"/v1/payments/{paid['payment_id']}/refund",
            json={"amount": 4800},
            headers={"X-Refund-Idempotency": "refund-po_1"},
        )

    answers = await asyncio.gather(ask(), ask())
    assert sorted(each.status_code for each in answers) == [200, 409]
    busy = next(each for each in answers if each.status_code == 409)
    assert busy.json() == golden("razorpay", "api_refund_conflict")["response"]["json"]
    assert (await ask()).status_code == 200
    assert len((await outside.control("GET", "/refunds"))["refunds"]) == 1


async def test_a_short_key_an_empty_account_and_a_dispute(outside: Outside, shop: Shop) -> None:
    paid = await outside.pay((await outside.link())["id"])
    path = f"/v1/payments/{paid['payment_id']}/refund"
    short = await outside.razorpay.post(path, json={}, headers={"X-Refund-Idempotency": "short"})
    assert "10 or more" in words(short)
    await outside.control("POST", "/settings", {"balance_paise": 100})
    poor = await outside.razorpay.post(path, json={})
    assert poor.json() == golden("razorpay", "api_refund_low_balance")["response"]["json"]
    await outside.control("POST", "/settings", {"balance_paise": None})
    await outside.control("POST", f"/payments/{paid['payment_id']}/dispute", {"event": "created"})
    assert "ongoing dispute" in words(await outside.razorpay.post(path, json={}))
    await outside.control("POST", f"/payments/{paid['payment_id']}/dispute", {"event": "won"})
    assert (await outside.razorpay.post(path, json={})).status_code == 200


async def test_failed_payments_cannot_be_refunded(outside: Outside, shop: Shop) -> None:
    paid = await outside.pay((await outside.link())["id"], "failed")
    refused = await outside.razorpay.post(f"/v1/payments/{paid['payment_id']}/refund", json={})
    assert "should be captured" in words(refused)


async def test_payments_are_listed_by_time_and_in_pages(outside: Outside, shop: Shop) -> None:
    ids = [(await outside.pay((await outside.link())["id"]))["payment_id"] for _ in range(3)]

    async def listed(**query: int) -> list[str]:
        found = await outside.razorpay.get("/v1/payments", params=query)
        return [each["id"] for each in found.json()["items"]]

    assert await listed() == ids[::-1]
    assert await listed(count=2, skip=1) == [ids[1], ids[0]]
    assert await listed(to=1) == []
    assert "between 1 and 100" in words(await outside.razorpay.get("/v1/payments?count=101"))
