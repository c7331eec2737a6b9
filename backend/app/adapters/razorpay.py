"""Razorpay's REST interface for payment links and refunds, spoken without its SDK.

The SDK is synchronous, has no time-outs by default, repeats POSTs when told to retry and reports
401, 409 and 429 alike. Source: Razorpay's API reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import ceil, floor
from typing import Any, TypeVar

import httpx2

from app.adapters.http import Answer, TimeOuts, Wire
from app.adapters.razorpay_entities import payment, payment_link, record, refund, text
from app.domain.errors import (
    BadInput,
    ProviderRejected,
    ProviderUnavailable,
    ProviderUncertain,
)
from app.ports import LinkRequest, PaymentLink, ProviderPayment, ProviderRefund

PROVIDER = "razorpay"
PAGE_SIZE = 100
MAX_PAGES = 200
MAX_REFERENCE = 40
MAX_DESCRIPTION = 2048
_ID = re.compile(r"[A-Za-z0-9_]{1,64}")
_REFUND_KEY = re.compile(r"[A-Za-z0-9_-]{10,255}")
# Razorpay has one code for nearly every refusal and puts the difference into words. These stable
# words become the ``provider_code`` that callers branch on; anything else keeps Razorpay's code.
_REFUSALS: tuple[tuple[str, str], ...] = (
    ("already attempted", "duplicate_reference"),
    ("id provided does not exist", "not_found"),
    ("fully refunded already", "already_refunded"),
)
_BUSY = re.compile(r"(update|operation|request) is (already )?in progress", re.IGNORECASE)

T = TypeVar("T")


class RazorpayGateway:
    """Creates, finds and cancels payment links; reads payments; refunds."""

    def __init__(
        self,
        *,
        key_id: str,
        key_secret: str,
        base_url: str,
        transport: httpx2.AsyncBaseTransport | None = None,
        time_outs: TimeOuts | None = None,
    ) -> None:
        self._wire = Wire(
            PROVIDER,
            base_url,
            auth=(key_id, key_secret),
            error_text=_error_text,
            time_outs=time_outs,
            transport=transport,
        )

    async def close(self) -> None:
        await self._wire.close()

    async def create_link(self, request: LinkRequest) -> PaymentLink:
        """Not idempotent at Razorpay, but a reference is used once: after ``ProviderUncertain``
        or a rejection with code ``duplicate_reference``, ask ``find_links`` and adopt.
        """
        return _one(await self._post("/v1/payment_links", link_body(request)), payment_link)

    async def find_links(self, reference_id: str) -> Sequence[PaymentLink]:
        answer = await self._wire.get("/v1/payment_links", params={"reference_id": reference_id})
        rows = _rows(answer, "payment_links")
        links = [link for row in rows if (link := payment_link(row))]
        return [link for link in links if link.reference_id == reference_id]

    async def fetch_link(self, link_id: str) -> PaymentLink:
        return _one(await self._wire.get(f"/v1/payment_links/{_safe(link_id)}"), payment_link)

    async def cancel_link(self, link_id: str) -> PaymentLink:
        return _one(await self._post(f"/v1/payment_links/{_safe(link_id)}/cancel"), payment_link)

    async def fetch_payment(self, payment_id: str) -> ProviderPayment:
        return _one(await self._wire.get(f"/v1/payments/{_safe(payment_id)}"), payment)

    async def list_payments(self, *, since: datetime, until: datetime) -> Sequence[ProviderPayment]:
        """Newest first at Razorpay, so a payment made meanwhile shifts rows onto the next page:
        some are seen twice, none is missed. Each is returned once.
        """
        found: dict[str, ProviderPayment] = {}
        for page in range(MAX_PAGES):
            params = {
                "from": str(floor(since.timestamp())),
                "to": str(ceil(until.timestamp())),
                "count": str(PAGE_SIZE),
                "skip": str(page * PAGE_SIZE),
            }
            rows = _rows(await self._wire.get("/v1/payments", params=params), "items")
            for row in rows:
                if one := payment(row):
                    found.setdefault(one.id, one)
            if len(rows) < PAGE_SIZE:
                return list(found.values())
        raise ProviderUnavailable(
            PROVIDER,
            f"more than {MAX_PAGES * PAGE_SIZE} payments in the span: ask for a shorter one",
        )

    async def refund(
        self,
        payment_id: str,
        *,
        amount_paise: int,
        key: str,
        receipt: str,
        notes: Mapping[str, str],
    ) -> ProviderRefund:
        """``key`` is 10 or more of ``A-Z a-z 0-9 - _``. A first attempt that is still running at
        Razorpay (HTTP 409) is ``ProviderUncertain``: repeat with the same key and body.
        """
        if not _REFUND_KEY.fullmatch(key):
            raise BadInput("A refund key has at least 10 of the characters A-Z a-z 0-9 - _.")
        body = {
            "amount": amount_paise,
            "speed": "normal",
            "receipt": receipt,
            "notes": dict(notes),
        }
        path = f"/v1/payments/{_safe(payment_id)}/refund"
        answer = await self._post(path, body, {"X-Refund-Idempotency": key})
        return _one(answer, refund)

    async def fetch_refund(self, refund_id: str) -> ProviderRefund:
        return _one(await self._wire.get(f"/v1/refunds/{_safe(refund_id)}"), refund)

    async def payment_refunds(self, payment_id: str) -> Sequence[ProviderRefund]:
        path = f"/v1/payments/{_safe(payment_id)}/refunds"
        answer = await self._wire.get(path, params={"count": str(PAGE_SIZE)})
        return [found for row in _rows(answer, "items") if (found := refund(row))]

    async def ping(self) -> None:
        await self._wire.get("/v1/payments", params={"count": "1"})

    async def _post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {"Content-Type": "application/json", **(headers or {})}
        try:
            return await self._wire.post(path, body=body, headers=sent)
        except ProviderRejected as error:
            if error.status == 409:
                raise ProviderUncertain(PROVIDER, error.reason) from error
            if _BUSY.search(str(error.reason)):
                raise ProviderUnavailable(PROVIDER, error.reason, retry_after=3.0) from error
            raise


def _one(answer: Answer, read: Callable[[object], T | None]) -> T:
    found = read(answer.data)
    if found is None:
        raise ProviderUncertain(PROVIDER, f"HTTP {answer.status} with an unreadable entity")
    return found


def link_body(request: LinkRequest) -> dict[str, Any]:
    """Only documented members: an extra one is refused, and so is an empty phone number."""
    if not 0 < len(request.reference_id) <= MAX_REFERENCE:
        raise BadInput(f"A payment reference has 1 to {MAX_REFERENCE} characters.")
    body: dict[str, Any] = {
        "amount": request.amount_paise,
        "currency": request.currency,
        "accept_partial": False,
        "reference_id": request.reference_id,
        "description": request.description[:MAX_DESCRIPTION],
        "notify": {"sms": False, "email": False},
        "reminder_enable": False,
        "expire_by": int(request.expire_by.timestamp()),
        "notes": dict(request.notes),
    }
    # Razorpay takes 8 to 14 characters; a longer true number exists and would cost the link.
    fits = 8 <= len(request.customer_contact) <= 14
    contact = request.customer_contact if fits else ""
    customer = {"name": request.customer_name, "contact": contact}
    if given := {name: value for name, value in customer.items() if value}:
        body["customer"] = given
    if request.callback_url:
        body["callback_url"] = request.callback_url
        body["callback_method"] = "get"
    return body


def _safe(entity_id: str) -> str:
    if not _ID.fullmatch(entity_id):
        raise BadInput("A Razorpay id has letters, digits and underscores only.")
    return entity_id


def _rows(answer: Answer, key: str) -> list[object]:
    rows = record(answer.data).get(key)
    return rows if isinstance(rows, list) else []


def _error_text(data: Any) -> tuple[str, str]:
    error = record(record(data).get("error"))
    words = text(error.get("description"))
    known = next((code for phrase, code in _REFUSALS if phrase in words.lower()), "")
    return known or text(error.get("code")), words
