"""Razorpay's webhook bodies as facts. Call only after the signature over the raw bytes held.

An event is a snapshot from some earlier moment and a hint to look, not the present truth: its
``created_at`` is not even when it happened (on link events it is when the link was made).
"""

from __future__ import annotations

import json
from dataclasses import replace

from app.adapters.razorpay_entities import (
    identifier,
    moment,
    noted_reference,
    payment,
    payment_link,
    record,
    refund,
    text,
    whole,
)
from app.domain.errors import BadInput
from app.ports import GatewayDispute, GatewayEvent

_KNOWN = ("payment_link.", "payment.", "order.", "refund.")


def parse_event(body: bytes) -> GatewayEvent:
    """Raises ``BadInput`` when the bytes are no Razorpay event at all."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput("The body is no JSON.") from error
    event = text(record(envelope).get("event"))
    if not event:
        raise BadInput("The body is no Razorpay event: it names none.")
    if not event.startswith(_KNOWN):
        return GatewayEvent(event)

    payload = record(record(envelope).get("payload"))
    link = payment_link(_entity(payload, "payment_link"))
    order = record(_entity(payload, "order"))
    paid = payment(_entity(payload, "payment"))
    reference = (
        (link.reference_id if link else "")
        or text(order.get("receipt"))
        or (paid.reference_id if paid else "")
        or noted_reference(order.get("notes"))
    )
    link_id = (link.id if link else "") or _ordered_link(order) or (paid.link_id if paid else "")
    if paid:
        order_id = paid.order_id or (link.order_id if link else "")
        order_id = order_id or identifier(order.get("id"), "order_")
        paid = replace(paid, reference_id=reference, link_id=link_id, order_id=order_id)
    if link and not link.reference_id:
        link = replace(link, reference_id=reference)
    return GatewayEvent(
        event=event,
        payment=paid,
        link=link,
        refund=refund(_entity(payload, "refund")),
        dispute=_dispute(_entity(payload, "dispute")),
    )


def _entity(payload: object, name: str) -> object:
    return record(record(payload).get(name)).get("entity")


def _ordered_link(order: object) -> str:
    """An order made by a payment link names it as its product, without the prefix."""
    data = record(order)
    if not text(data.get("product_type")).startswith("payment_link"):
        return ""
    return identifier(data.get("product_id"), "plink_")


def _dispute(entity: object) -> GatewayDispute | None:
    data = record(entity)
    dispute_id = identifier(data.get("id"), "disp_")
    if not dispute_id:
        return None
    return GatewayDispute(
        id=dispute_id,
        payment_id=identifier(data.get("payment_id"), "pay_"),
        amount_paise=whole(data.get("amount")),
        currency=text(data.get("currency")).upper(),
        status=text(data.get("status")).lower(),
        phase=text(data.get("phase")),
        reason_code=text(data.get("reason_code")),
        respond_by=moment(data.get("respond_by")),
    )
