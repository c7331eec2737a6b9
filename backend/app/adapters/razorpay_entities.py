"""Razorpay's entities as our shapes, read the same way from the API and from webhooks.

Their documented samples disagree with each other: ``notes`` is an object, null, a list or a list
of pairs; ids come with and without prefix; empty things are null, "", 0 or []. So every member is
optional and every type is checked; what cannot be read is empty, and an amount that cannot be
read is 0, which equals no price.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.ports import LinkPayment, PaymentLink, ProviderPayment, ProviderRefund

MAX_TEXT = 2048
REFERENCE_NOTES = ("order_ref", "order_id")
_LINK_IN_DESCRIPTION = re.compile(r"#(?:plink_)?([A-Za-z0-9]{8,40})")
_ID = re.compile(r"[A-Za-z0-9_]{1,64}")


def record(value: object) -> Mapping[str, Any]:
    """A JSON object; anything else counts as one without members."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """A string that PostgreSQL can hold; anything else is ""."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode().replace("\x00", "")[:MAX_TEXT]


def identifier(value: object, prefix: str = "") -> str:
    """An id with its prefix, which some payloads leave out; "" for anything that is no id."""
    found = text(value)
    if not _ID.fullmatch(found):
        return ""
    return found if found.startswith(prefix) else prefix + found


def whole(value: object) -> int:
    """A count of paise or seconds. 0 for fractions, negatives and everything unreadable."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return value if 0 <= value < 2**53 else 0
    if isinstance(value, float) and value.is_integer():
        return whole(int(value))
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return 0


def moment(value: object) -> datetime | None:
    """Unix seconds; their 0 means "not set"."""
    seconds = whole(value)
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 2**33 else None


def noted_reference(notes: object) -> str:
    """Our reference out of ``notes`` in any of the shapes they come in."""
    if isinstance(notes, list):
        pairs = [record(pair) for pair in notes]
        notes = {text(pair.get("key")): pair.get("value") for pair in pairs}
    found = record(notes)
    return next((ref for name in REFERENCE_NOTES if (ref := text(found.get(name)))), "")


def described_link(description: object) -> str:
    """A link's payments are described as ``#`` and the link's id without its prefix."""
    match = _LINK_IN_DESCRIPTION.fullmatch(text(description).strip())
    return f"plink_{match[1]}" if match else ""


def payment_link(entity: object) -> PaymentLink | None:
    """None when there is no id to speak of."""
    data = record(entity)
    link_id = identifier(data.get("id"), "plink_")
    if not link_id:
        return None
    rows = data.get("payments")
    return PaymentLink(
        id=link_id,
        reference_id=text(data.get("reference_id")) or noted_reference(data.get("notes")),
        status=text(data.get("status")).lower(),
        amount_paise=whole(data.get("amount")),
        currency=text(data.get("currency")).upper(),
        short_url=text(data.get("short_url")),
        order_id=identifier(data.get("order_id"), "order_"),
        payments=tuple(
            LinkPayment(payment_id, whole(row.get("amount")), text(row.get("method")))
            for row in map(record, rows if isinstance(rows, list) else [])
            if (payment_id := identifier(row.get("payment_id"), "pay_"))
            and row.get("status", "captured") == "captured"
        ),
        expire_by=moment(data.get("expire_by")),
    )


def payment(entity: object) -> ProviderPayment | None:
    """``status`` alone says what happened: ``captured`` and ``error_code`` contradict it in
    documented samples. The payer's phone and e-mail are left behind on purpose.
    """
    data = record(entity)
    payment_id = identifier(data.get("id"), "pay_")
    if not payment_id:
        return None
    return ProviderPayment(
        id=payment_id,
        status=text(data.get("status")).lower(),
        amount_paise=whole(data.get("amount")),
        currency=text(data.get("currency")).upper(),
        order_id=identifier(data.get("order_id"), "order_"),
        method=text(data.get("method")),
        amount_refunded_paise=whole(data.get("amount_refunded")),
        reference_id=noted_reference(data.get("notes")),
        link_id=described_link(data.get("description")),
        created_at=moment(data.get("created_at")),
    )


def refund(entity: object) -> ProviderRefund | None:
    data = record(entity)
    refund_id = identifier(data.get("id"), "rfnd_")
    if not refund_id:
        return None
    return ProviderRefund(
        id=refund_id,
        payment_id=identifier(data.get("payment_id"), "pay_"),
        amount_paise=whole(data.get("amount")),
        status=text(data.get("status")).lower(),
        receipt=text(data.get("receipt")),
        created_at=moment(data.get("created_at")),
    )
