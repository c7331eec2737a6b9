"""Webhook bodies in all their documented oddity, and anything else that is JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.razorpay_entities import moment, noted_reference, payment, payment_link, whole
from app.adapters.razorpay_events import parse_event
from app.domain.errors import BadInput
from app.ports import GatewayEvent
from tests.wire.golden import golden, goldens

REFERENCE = "po_01JFAKE0000000000000000001"
LINK, PAYMENT, ORDER = "plink_FAKElink000001", "pay_FAKEpaym000001", "order_FAKEordr000001"
EVENTS = [name.removeprefix("webhook_") for name in goldens("razorpay", "webhook_request")]


def event(name: str) -> GatewayEvent:
    return parse_event(golden("razorpay", f"webhook_{name}")["request"]["raw_body"].encode())


@pytest.mark.parametrize("name", EVENTS)
def test_every_golden_event_is_understood(name: str) -> None:
    body = golden("razorpay", f"webhook_{name}")["request"]["body"]
    found = event(name)

    assert found.event == body["event"]
    about = body["contains"]
    assert (found.payment is not None) is ("payment" in about)
    assert (found.link is not None) is ("payment_link" in about)
    assert (found.refund is not None) is ("refund" in about)
    assert (found.dispute is not None) is ("dispute" in about)
    if found.payment and "foreign" not in name:
        joins = (found.payment.id, found.payment.reference_id, found.payment.link_id)
        assert joins == (PAYMENT, REFERENCE, LINK)
        assert found.payment.order_id == ORDER
    if found.link and "foreign" not in name:
        assert (found.link.id, found.link.reference_id) == (LINK, REFERENCE)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("payment_link_paid_upi", "paid"),
        ("payment_link_paid_minimal", "paid"),
        ("payment_link_paid_amount_mismatch", "paid"),
        ("payment_link_partially_paid", "partially_paid"),
        ("payment_link_cancelled", "cancelled"),
        ("payment_link_expired", "expired"),
    ],
)
def test_links(name: str, status: str) -> None:
    link = event(name).link

    assert link is not None
    assert link.status == status


def test_another_products_link_keeps_its_own_reference() -> None:
    found = event("payment_link_paid_foreign")

    assert found.link is not None
    assert found.payment is not None
    assert found.link.reference_id == found.payment.reference_id == "other-system-7"


def test_a_failed_payment_is_not_a_captured_one() -> None:
    failed, captured = event("payment_failed_upi").payment, event("payment_captured_card").payment

    assert failed is not None
    assert captured is not None
    assert (failed.status, captured.status) == ("failed", "captured")


def test_a_dispute() -> None:
    dispute = event("dispute_action_required").dispute

    assert dispute is not None
    assert (dispute.id, dispute.payment_id) == ("disp_FAKEdisp000001", PAYMENT)
    assert (dispute.status, dispute.phase, dispute.amount_paise) == ("open", "chargeback", 4800)
    assert dispute.respond_by == datetime(2026, 11, 29, 8, 0, tzinfo=UTC)


def test_a_refund_event_that_keeps_its_time_in_the_wrong_place() -> None:
    refund = event("refund_speed_changed").refund

    assert refund is not None
    assert (refund.status, refund.receipt) == ("processed", "rf-E0000000000000000001")


def enveloped(**entities: object) -> bytes:
    payload = {name: {"entity": entity} for name, entity in entities.items()}
    return json.dumps({"event": "payment.captured", "payload": payload}).encode()


@pytest.mark.parametrize(
    ("entities", "reference", "link"),
    [
        ({"payment": {"id": PAYMENT}}, "", ""),
        ({"payment": {"id": PAYMENT, "notes": {"order_ref": "a", "order_id": "b"}}}, "a", ""),
        ({"payment": {"id": PAYMENT, "notes": [{"key": "order_id", "value": "b"}]}}, "b", ""),
        ({"payment": {"id": PAYMENT, "description": "#FAKElink000001"}}, "", LINK),
        ({"payment": {"id": PAYMENT, "description": "#plink_FAKElink000001"}}, "", LINK),
        ({"payment": {"id": PAYMENT, "description": "Order #FAKElink000001"}}, "", ""),
        (
            {
                "payment": {"id": PAYMENT, "notes": {"order_id": "typed"}},
                "order": {"id": "x", "receipt": "r", "notes": {"order_id": "n"}},
            },
            "r",
            "",
        ),
        (
            {
                "payment": {"id": PAYMENT},
                "order": {"product_id": "FAKElink000001", "product_type": "payment_link_v2"},
            },
            "",
            LINK,
        ),
        (
            {"payment": {"id": PAYMENT}, "order": {"product_id": "x", "product_type": "page"}},
            "",
            "",
        ),
        (
            {
                "payment": {"id": PAYMENT, "description": "#FAKElink000009"},
                "payment_link": {"id": LINK, "reference_id": "mine"},
            },
            "mine",
            LINK,
        ),
    ],
)
def test_what_belongs_together_is_joined(
    entities: dict[str, Any], reference: str, link: str
) -> None:
    found = parse_event(enveloped(**entities)).payment

    assert found is not None
    assert (found.reference_id, found.link_id) == (reference, link)


def test_an_order_id_without_its_prefix_gets_it() -> None:
    found = parse_event(enveloped(payment={"id": PAYMENT}, order={"id": "FAKEordr000001"}))

    assert found.payment is not None
    assert found.payment.order_id == ORDER


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"null", b"[]", b'"event"', b"{}", b'{"event": null}', b'{"event": 7}'),
        *(b"\xff\xfe", b"[" * 100_000, b'{"event": ' + b"9" * 5000 + b"}", b"<html>"),
    ],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        parse_event(body)


@pytest.mark.parametrize("payload", [None, [], "x", {"payment": None}, {"payment": {"entity": []}}])
def test_an_event_about_nothing_is_an_event(payload: object) -> None:
    body = json.dumps({"event": "payment.captured", "payload": payload}).encode()

    assert parse_event(body) == GatewayEvent("payment.captured")


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "entity", "notes", "payments", "amount", "status", "created_at", "order_id"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
NAMES = ["payment", "payment_link", "order", "refund", "dispute"]


@given(st.dictionaries(st.sampled_from(NAMES), trees), st.sampled_from(["payment.x", "refund.y"]))
def test_no_shape_of_payload_breaks_the_reader(payload: dict[str, Any], name: str) -> None:
    wrapped = {key: {"entity": value} for key, value in payload.items()}
    found = parse_event(json.dumps({"event": name, "payload": wrapped}).encode())

    assert found.event == name
    repr(found).encode()
    assert "\\x00" not in repr(found)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *((4800, 4800), ("4800", 4800), (4800.0, 4800), (48.5, 0), (-1, 0), (True, 0)),
        *((None, 0), ("", 0), ("48.00", 0), ("٤", 0), ([], 0), (float("nan"), 0), (2**60, 0)),
        *((float("inf"), 0), ("9" * 5000, 0)),
    ],
)
def test_amounts_that_cannot_be_read_equal_no_price(value: object, read: int) -> None:
    assert whole(value) == read


def test_an_unset_time_is_none() -> None:
    assert moment(0) is None
    assert moment(10**15) is None
    assert moment(1795334400) == datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("notes", [None, [], {}, "x", 3, [[]], {"order_id": None}, {"order_id": 5}])
def test_notes_that_say_nothing(notes: object) -> None:
    assert noted_reference(notes) == ""


def test_texts_fit_the_database() -> None:
    link = payment_link({"id": LINK, "reference_id": "a\x00b\ud800", "short_url": "x" * 5000})
    paid = payment({"id": "FAKEpaym000001", "method": "\x00"})

    assert link is not None
    assert (link.reference_id, len(link.short_url)) == ("ab?", 2048)
    assert paid is not None
    assert (paid.id, paid.method) == (PAYMENT, "")
