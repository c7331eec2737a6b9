"""Razorpay's JSON shapes, oddities included: API and webhooks differ on purpose."""

from __future__ import annotations

from typing import Any

from simulator.world import Dispute, JsonObject, Link, Payment, Refund

ACCOUNT_ID = "acc_FAKEacct000001"
PAYER_EMAIL = "payer@example.test"
PAYER_VPA = "customer@exampleupi"
FEE_PER_MILLE = 20  # 2 % plus 18 % tax on it, as in the samples


def bare(identifier: str) -> str:
    """An id without its prefix."""
    return identifier.split("_", 1)[-1]


def fee_and_tax(amount: int) -> tuple[int, int]:
    """Paise; the fee includes the tax."""
    net = amount * FEE_PER_MILLE // 1000
    tax = -(-net * 18 // 100)
    return net + tax, tax


def link_entity(
    link: Link, *, webhook: bool, payments: list[JsonObject] | None = None
) -> JsonObject:
    """A payment link.

    API answers carry `payments` and `reminders: []`, webhooks `reminders: {}` and no `payments`.
    """
    fields = link.fields
    notes: Any = fields.get("notes") or None
    if notes and link.notes_patched and not webhook:
        notes = [{"key": key, "value": value} for key, value in notes.items()]
    entity: JsonObject = {
        "accept_partial": bool(fields.get("accept_partial", False)),
        "amount": link.amount,
        "amount_paid": link.amount_paid,
        "cancelled_at": link.cancelled_at,
        "created_at": link.created_at,
        "currency": link.currency,
        "customer": fields.get("customer") or [],
        "description": fields.get("description", ""),
        "expire_by": link.expire_by,
        "expired_at": link.expired_at,
        "first_min_partial_amount": fields.get("first_min_partial_amount", 0),
        "id": link.id,
        "notes": notes,
        "notify": {"email": False, "sms": False, "whatsapp": False} | fields.get("notify", {}),
        "reference_id": link.reference_id,
        "reminder_enable": bool(fields.get("reminder_enable", False)),
        "reminders": {} if webhook else [],
        "short_url": link.short_url,
        "status": link.status,
        "updated_at": link.updated_at,
        "upi_link": False,
        "user_id": "",
        "whatsapp_link": False,
    }
    if fields.get("callback_url"):
        entity |= {"callback_method": "get", "callback_url": fields["callback_url"]}
    if link.order_id:
        entity["order_id"] = link.order_id
    if not webhook:
        entity["payments"] = payments or None
    return entity


def link_payment(link: Link, payment: Payment) -> JsonObject:
    """One line in a link's `payments`; only captured ones are listed."""
    return {
        "amount": payment.amount,
        "created_at": payment.created_at,
        "method": payment.method,
        "payment_id": payment.id,
        "plink_id": link.id,
        "status": "captured",
        "updated_at": payment.captured_at,
    }


def payment_entity(payment: Payment, *, status: str = "", newer: bool = False) -> JsonObject:
    """A payment.

    `status` shows it as it was at an earlier moment; link events use a newer field set.
    """
    status = status or payment.status
    paid = status in {"captured", "refunded"}
    failed, card = status == "failed", payment.method == "card"
    fee, tax = fee_and_tax(payment.amount)
    # Card samples carry empty strings where others carry null.
    nothing = "" if card else None
    entity: JsonObject = {
        "id": payment.id,
        "entity": "payment",
        "amount": payment.amount,
        "currency": payment.currency,
        "base_amount": payment.amount,
        "status": status,
        "order_id": payment.order_id,
        "invoice_id": None,
        "international": False,
        "method": payment.method,
        "amount_refunded": payment.amount_refunded,
        "amount_transferred": 0,
        "refund_status": refund_status(payment),
        "captured": paid,
        "description": payment.description,
        "card_id": payment.card_id if card else None,
        "bank": "HDFC" if payment.method == "netbanking" else None,
        "wallet": None,
        "vpa": PAYER_VPA if payment.method == "upi" else None,
        "email": None if newer else PAYER_EMAIL,
        "contact": payment.contact,
        "notes": payment.notes or [],
        "fee": fee if paid else None,
        "tax": tax if paid else None,
        "error_code": "BAD_REQUEST_ERROR" if failed else nothing,
        "error_description": "Payment failed" if failed else nothing,
        "error_source": "issuer" if failed else None,
        "error_step": "payment_authorization" if failed else None,
        "error_reason": "payment_failed" if failed else None,
        "acquirer_data": _acquirer(payment, failed=failed),
        "created_at": payment.created_at,
    }
    if payment.method == "upi":
        entity["upi"] = {"payer_account_type": "bank_account", "vpa": PAYER_VPA}
    if newer:
        entity |= {"card": None, "fee_bearer": "platform"}
        if card:
            entity["card"] = card_entity(payment)
    return entity


def card_entity(payment: Payment) -> JsonObject:
    return {
        "emi": False,
        "entity": "card",
        "id": payment.card_id,
        "iin": "999999",
        "international": False,
        "issuer": None,
        "last4": "1111",
        "name": "",
        "network": "Visa",
        "sub_type": "consumer",
        "type": "debit",
    }


def _acquirer(payment: Payment, *, failed: bool) -> JsonObject:
    if payment.method == "card":
        return {"auth_code": payment.rrn[-6:], "rrn": payment.rrn}
    if payment.method == "netbanking":
        return {"bank_transaction_id": payment.rrn}
    return {"rrn": None if failed else payment.rrn}


def refund_status(payment: Payment) -> str | None:
    if not payment.amount_refunded:
        return None
    return "full" if payment.amount_refunded >= payment.amount else "partial"


def order_in_link_event(link: Link, payment: Payment, *, key_id: str) -> JsonObject:
    """The order beside a link: an internal dump, and its id lacks the prefix."""
    paid = link.amount_paid
    nothing = dict.fromkeys(
        (
            "account_number",
            "bank",
            "bank_account",
            "checkout_config_id",
            "customer_id",
            "force_offer",
            "late_auth_config_id",
            "method",
            "payer_name",
            "provider_context",
            "public_response",
            "reference2",
            "reference3",
            "reference4",
            "reference5",
            "reference6",
            "reference7",
            "reference8",
            "source",
            "transfers",
        )
    )
    return nothing | {
        "amount": link.amount,
        "amount_due": max(link.amount - paid, 0),
        "amount_paid": paid,
        "app_offer": False,
        "attempts": link.attempts,
        "authorized": True,
        "created_at": link.order_created_at,
        "currency": link.currency,
        "discount": False,
        "first_payment_min_amount": link.fields.get("first_min_partial_amount") or None,
        "id": bare(link.order_id),
        "merchant_id": bare(ACCOUNT_ID),
        "notes": link.fields.get("notes") or [],
        "offers": {},
        "order_metas": [],
        "order_relationships": [],
        "partial_payment": bool(link.fields.get("accept_partial", False)),
        "payment_capture": True,
        "product_id": bare(link.id),
        "product_type": "payment_link_v2",
        "public_key": key_id,
        "receipt": link.reference_id or None,
        "status": "paid" if paid >= link.amount else "attempted",
        "updated_at": payment.captured_at or payment.created_at,
    }


def order_entity(link: Link) -> JsonObject:
    """The order as the API and `order.paid` show it."""
    paid = link.amount_paid
    return {
        "id": link.order_id,
        "entity": "order",
        "amount": link.amount,
        "amount_paid": paid,
        "amount_due": max(link.amount - paid, 0),
        "currency": link.currency,
        "receipt": link.reference_id or None,
        "offer_id": None,
        "status": "paid" if paid >= link.amount else "attempted",
        "attempts": link.attempts,
        "notes": link.fields.get("notes") or [],
        "created_at": link.order_created_at,
    }


def refund_entity(refund: Refund, *, status: str = "") -> JsonObject:
    return {
        "id": refund.id,
        "entity": "refund",
        "amount": refund.amount,
        "currency": refund.currency,
        "payment_id": refund.payment_id,
        "notes": refund.notes or [],
        "receipt": refund.receipt,
        "acquirer_data": {"arn": None},
        "created_at": refund.created_at,
        "batch_id": None,
        "status": status or refund.status,
        "speed_processed": "normal",
        "speed_requested": refund.speed,
    }


EVIDENCE = (
    "summary",
    "shipping_proof",
    "billing_proof",
    "cancellation_proof",
    "customer_communication",
    "proof_of_service",
    "explanation_letter",
    "refund_confirmation",
    "access_activity_log",
    "refund_cancellation_policy",
    "term_and_conditions",
    "others",
    "submitted_at",
)


def dispute_payload(dispute: Dispute, payment: Payment, *, event: str) -> JsonObject:
    """`payment` and `dispute`; for `action_required` the evidence stands beside the entity."""
    evidence: JsonObject = {"amount": dispute.amount, **dict.fromkeys(EVIDENCE)}
    entity: JsonObject = {
        "id": dispute.id,
        "entity": "dispute",
        "payment_id": dispute.payment_id,
        "amount": dispute.amount,
        "currency": payment.currency,
        "amount_deducted": dispute.deducted,
        "reason_code": "goods_or_services_not_received_or_partially_received",
        "respond_by": dispute.created_at + 6 * 86400,
        "status": dispute.status,
        "phase": "chargeback",
        "created_at": dispute.created_at,
    }
    around = {"entity": entity, "evidence": evidence}
    if event != "payment.dispute.action_required":
        around = {"entity": {**entity, "evidence": evidence}}
    return {"payment": {"entity": payment_entity(payment)}, "dispute": around}
