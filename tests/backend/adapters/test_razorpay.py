"""What goes out to Razorpay equals the golden requests, and what comes back is understood."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from operator import methodcaller
from typing import Any

import pytest

from app.adapters.razorpay import RazorpayGateway
from app.domain.errors import (
    BadInput,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    ProviderUncertain,
)
from app.ports import (
    LinkPayment,
    LinkRequest,
    PaymentGateway,
    PaymentLink,
    ProviderPayment,
    ProviderRefund,
)
from tests.wire.golden import (
    RAZORPAY_API,
    RAZORPAY_KEY,
    RAZORPAY_SECRET,
    GoldenWire,
    assert_asked,
    golden,
    goldens,
)

REFERENCE = "po_01JFAKE0000000000000000001"
LINK, PAYMENT, ORDER = "plink_FAKElink000001", "pay_FAKEpaym000001", "order_FAKEordr000001"
REFUND_KEY = "refund-po_01JFAKE0000000000000000001"
EIGHT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def gateway(wire: GoldenWire) -> RazorpayGateway:
    return RazorpayGateway(
        key_id=RAZORPAY_KEY, key_secret=RAZORPAY_SECRET, base_url=RAZORPAY_API, transport=wire
    )


def link_request(body: dict[str, Any]) -> LinkRequest:
    return LinkRequest(
        reference_id=body["reference_id"],
        amount_paise=body["amount"],
        currency=body["currency"],
        description=body["description"],
        expire_by=datetime.fromtimestamp(body["expire_by"], UTC),
        notes=body["notes"],
        callback_url=body["callback_url"],
        customer_name=body["customer"]["name"],
        customer_contact=body["customer"]["contact"],
    )


SAMPLE = link_request(golden("razorpay", "api_payment_link_create")["request"]["json"])
FRESH = PaymentLink(
    id=LINK,
    reference_id=REFERENCE,
    status="created",
    amount_paise=4800,
    currency="INR",
    short_url="https://rzp.io/rzp/fakePay1",
    order_id="",
    payments=(),
    expire_by=datetime(2026, 11, 22, 8, 30, tzinfo=UTC),
)
PAID = ProviderPayment(
    id=PAYMENT,
    status="captured",
    amount_paise=4800,
    currency="INR",
    order_id=ORDER,
    method="upi",
    amount_refunded_paise=0,
    reference_id=REFERENCE,
    link_id=LINK,
    created_at=datetime(2026, 11, 22, 8, 1, tzinfo=UTC),
)
REFUNDED = ProviderRefund(
    id="rfnd_FAKErfnd000001",
    payment_id=PAYMENT,
    amount_paise=4800,
    status="processed",
    receipt="rf-E0000000000000000001",
    created_at=datetime(2026, 11, 22, 8, 15, tzinfo=UTC),
)


def refund(ours: PaymentGateway, body: dict[str, Any], key: str = REFUND_KEY) -> Awaitable[Any]:
    return ours.refund(
        PAYMENT,
        amount_paise=body["amount"],
        key=key,
        receipt=body.get("receipt", "r"),
        notes=body.get("notes", {}),
    )


Call = Callable[[PaymentGateway], Awaitable[Any]]
REFUND_BODY = golden("razorpay", "api_refund_create")["request"]["json"]
GOOD: list[tuple[str, Call, object]] = [
    ("api_payment_link_create", lambda ours: ours.create_link(SAMPLE), FRESH),
    ("api_payment_link_list_by_reference", lambda ours: ours.find_links(REFERENCE), [FRESH]),
    ("api_payment_link_list_empty", lambda ours: ours.find_links("nope"), []),
    ("api_payment_fetch", lambda ours: ours.fetch_payment(PAYMENT), PAID),
    ("api_refund_create", lambda ours: refund(ours, REFUND_BODY), REFUNDED),
]


@pytest.mark.parametrize(("name", "call", "expected"), GOOD, ids=[row[0] for row in GOOD])
async def test_a_golden_exchange(name: str, call: Call, expected: object) -> None:
    exchange = golden("razorpay", name)
    wire = GoldenWire([exchange["response"]])
    ours = gateway(wire)

    assert await call(ours) == expected
    assert_asked(wire.asked[0], exchange["request"])
    assert len(wire.asked) == 1
    await ours.close()


async def test_a_paid_link_lists_its_payment() -> None:
    exchange = golden("razorpay", "api_payment_link_fetch_paid")
    wire = GoldenWire([exchange["response"]])

    link = await gateway(wire).fetch_link(LINK)

    assert_asked(wire.asked[0], exchange["request"])
    assert (link.status, link.order_id) == ("paid", ORDER)
    assert link.payments == (LinkPayment(PAYMENT, 4800, "upi"),)


async def test_a_cancelled_link() -> None:
    exchange = golden("razorpay", "api_payment_link_cancel")
    wire = GoldenWire([exchange["response"]])

    assert (await gateway(wire).cancel_link(LINK)).status == "cancelled"
    assert_asked(wire.asked[0], exchange["request"])


CREATE: Call = methodcaller("create_link", SAMPLE)
CANCEL: Call = methodcaller("cancel_link", LINK)
FETCH: Call = methodcaller("fetch_link", LINK)
GIVE_BACK: Call = partial(refund, body=REFUND_BODY)
BAD: list[tuple[str, Call, type[ProviderError], str]] = [
    ("api_error_duplicate_reference", CREATE, ProviderRejected, "duplicate_reference"),
    ("api_error_expire_too_soon", CREATE, ProviderRejected, "BAD_REQUEST_ERROR"),
    ("api_error_amount_too_small", CREATE, ProviderRejected, "BAD_REQUEST_ERROR"),
    ("api_error_extra_field", CREATE, ProviderRejected, "BAD_REQUEST_ERROR"),
    ("api_error_rate_limited", CREATE, ProviderUnavailable, ""),
    ("api_error_server", CREATE, ProviderUncertain, ""),
    ("api_error_server", FETCH, ProviderUnavailable, ""),
    ("api_error_cancel_paid", CANCEL, ProviderRejected, "BAD_REQUEST_ERROR"),
    ("api_error_cancel_busy", CANCEL, ProviderUnavailable, ""),
    ("api_error_not_found", FETCH, ProviderRejected, "not_found"),
    ("api_error_auth", FETCH, ProviderRejected, "BAD_REQUEST_ERROR"),
    ("api_refund_conflict", GIVE_BACK, ProviderUncertain, ""),
    ("api_refund_key_reused", GIVE_BACK, ProviderRejected, "BAD_REQUEST_ERROR"),
    ("api_refund_already_full", GIVE_BACK, ProviderRejected, "already_refunded"),
    ("api_refund_low_balance", GIVE_BACK, ProviderRejected, "BAD_REQUEST_ERROR"),
]


def test_every_golden_exchange_has_its_row() -> None:
    told = {row[0] for row in (*GOOD, *BAD)}
    told |= {"api_payment_link_fetch_paid", "api_payment_link_cancel"}
    told.add("api_order_payments")  # the simulator answers it, the shop does not ask

    assert told == set(goldens("razorpay", "rest_exchange"))


@pytest.mark.parametrize(
    ("name", "call", "kind", "code"), BAD, ids=[f"{row[0]}-{row[2].__name__}" for row in BAD]
)
async def test_a_golden_refusal(
    name: str, call: Call, kind: type[ProviderError], code: str
) -> None:
    wire = GoldenWire([golden("razorpay", name)["response"]])

    with pytest.raises(ProviderError) as caught:
        await call(gateway(wire))

    assert type(caught.value) is kind
    if isinstance(caught.value, ProviderRejected):
        assert caught.value.provider_code == code
        assert caught.value.status == golden("razorpay", name)["response"]["status"]
    assert len(wire.asked) == 1


async def test_a_customer_without_name_or_number_is_left_out_whole() -> None:
    wire = GoldenWire([golden("razorpay", "api_payment_link_create")["response"]])
    quiet = LinkRequest(REFERENCE, 4800, "INR", "d" * 3000, EIGHT, {}, "")

    await gateway(wire).create_link(quiet)

    sent = wire.asked[0].read().decode()
    assert "customer" not in sent
    assert "callback" not in sent
    assert sent.count("d" * 2048) == 1
    assert "d" * 2049 not in sent


@pytest.mark.parametrize("contact", ["+123456", "+12345678901234"])
async def test_a_number_razorpay_would_refuse_does_not_cost_the_link(contact: str) -> None:
    wire = GoldenWire([golden("razorpay", "api_payment_link_create")["response"]])

    await gateway(wire).create_link(replace(SAMPLE, customer_contact=contact))

    assert json.loads(wire.asked[0].content)["customer"] == {"name": "Asha Test"}


@pytest.mark.parametrize("reference", ["", "x" * 41])
async def test_a_reference_of_impossible_length_is_not_sent(reference: str) -> None:
    wire = GoldenWire([])

    with pytest.raises(BadInput):
        await gateway(wire).create_link(LinkRequest(reference, 1, "INR", "", EIGHT, {}, ""))
    assert wire.asked == []


@pytest.mark.parametrize("key", ["short", "with space in it", "é" * 12, ""])
async def test_a_refund_without_a_proper_key_is_not_sent(key: str) -> None:
    wire = GoldenWire([])

    with pytest.raises(BadInput):
        await refund(gateway(wire), REFUND_BODY, key)
    assert wire.asked == []


@pytest.mark.parametrize("odd", ["", "../orders", "pay_1/refund", "pay_1?x=1", "päy_1", "a" * 65])
async def test_an_odd_id_never_becomes_an_address(odd: str) -> None:
    wire = GoldenWire([])
    ours = gateway(wire)

    calls: list[Callable[[str], Awaitable[object]]] = [
        *(ours.fetch_link, ours.cancel_link, ours.fetch_payment),
        *(ours.fetch_refund, ours.payment_refunds),
    ]
    for call in calls:
        with pytest.raises(BadInput):
            await call(odd)
    assert wire.asked == []


@pytest.mark.parametrize("answer", [None, [], {}, {"id": 7}, {"id": ""}, "plink"])
async def test_success_without_a_readable_entity_is_unclear(answer: object) -> None:
    for call in (CREATE, GIVE_BACK):
        with pytest.raises(ProviderUncertain):
            await call(gateway(GoldenWire([{"status": 200, "json": answer}])))


async def test_somebody_elses_link_is_not_adopted() -> None:
    other = {"id": "plink_FAKElink000002", "reference_id": "po_other", "status": "created"}
    wire = GoldenWire([{"status": 200, "json": {"payment_links": [other, None, 3]}}])

    assert await gateway(wire).find_links(REFERENCE) == []


def numbered(first: int, count: int) -> dict[str, Any]:
    items = [{"id": f"pay_{n:014}", "status": "captured"} for n in range(first, first + count)]
    return {"status": 200, "json": {"entity": "collection", "count": count, "items": items}}


async def test_payments_are_listed_page_by_page_each_once() -> None:
    wire = GoldenWire([numbered(0, 100), numbered(99, 100), numbered(199, 3)])
    until = EIGHT.replace(hour=9, microsecond=1)

    found = await gateway(wire).list_payments(since=EIGHT, until=until)

    assert [payment.id for payment in found] == [f"pay_{n:014}" for n in range(202)]
    assert [asked.url.params["skip"] for asked in wire.asked] == ["0", "100", "200"]
    assert dict(wire.asked[0].url.params) == {
        "from": "1795334400",
        "to": "1795338001",
        "count": "100",
        "skip": "0",
    }


async def test_refunds_are_read() -> None:
    entity = golden("razorpay", "api_refund_create")["response"]["json"]
    wire = GoldenWire(
        [{"status": 200, "json": entity}, {"status": 200, "json": {"items": [entity, []]}}]
    )
    ours = gateway(wire)

    assert await ours.fetch_refund("rfnd_FAKErfnd000001") == REFUNDED
    assert await ours.payment_refunds(PAYMENT) == [REFUNDED]
    assert [asked.url.path for asked in wire.asked] == [
        "/v1/refunds/rfnd_FAKErfnd000001",
        f"/v1/payments/{PAYMENT}/refunds",
    ]


async def test_ping_asks_for_one_payment() -> None:
    wire = GoldenWire([{"status": 200, "json": {"items": []}}])

    await gateway(wire).ping()

    assert str(wire.asked[0].url) == f"{RAZORPAY_API}/v1/payments?count=1"
