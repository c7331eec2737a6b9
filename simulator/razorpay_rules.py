"""What Razorpay refuses about payment links, in the words of its documentation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response

from simulator.rest import Refused

CREATE_FIELDS = {
    "amount",
    "currency",
    "accept_partial",
    "first_min_partial_amount",
    "upi_link",
    "description",
    "reference_id",
    "customer",
    "expire_by",
    "notify",
    "reminder_enable",
    "notes",
    "callback_url",
    "callback_method",
    "options",
}
PATCH_FIELDS = {"reference_id", "expire_by", "notes", "reminder_enable", "accept_partial"}
CUSTOMER_FIELDS = {"name", "email", "contact"}
NOTIFY_FIELDS = {"sms", "email", "whatsapp"}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
LEAST_AMOUNT = 100  # paise
EXPIRE_SOONEST = 15 * 60
EXPIRE_LATEST = 184 * 86400  # six months
NOTE_VALUE = 255


def error(
    status: int, description: str, *, code: str = "BAD_REQUEST_ERROR", field: str = ""
) -> Response:
    """Razorpay's error answer."""
    body: dict[str, Any] = {"code": code, "description": description, "source": "NA", "step": "NA"}
    body |= {"reason": "NA", "metadata": {}} | ({"field": field} if field else {})
    return JSONResponse({"error": body}, status)


def refuse(description: str, *, field: str = "") -> Refused:
    return Refused(error(400, description, field=field))


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def check_create(asked: Any, *, now: int) -> None:
    """Every rule for a new link but the uniqueness of its reference. Raises Refused."""
    if not isinstance(asked, dict):
        raise refuse("The request body must be a JSON object")
    if set(asked) - CREATE_FIELDS:
        raise refuse("extra fields sent.")
    check_amount(asked)
    if asked.get("currency", "INR") != "INR":
        raise refuse("currency: this account accepts INR only.")
    check_partial(asked)
    if asked.get("upi_link"):
        raise refuse("upi link is not supported in test mode.")
    _string(asked, "description", 2048)
    check_shared(asked, now=now)
    check_customer(asked.get("customer"))
    notify = asked.get("notify", {})
    if (
        not isinstance(notify, dict)
        or set(notify) - NOTIFY_FIELDS
        or not all(map(_is_flag, notify.values()))
    ):
        raise refuse("notify: must be an object of sms and email flags.")
    check_callback(asked)


def check_shared(asked: Mapping[str, Any], *, now: int) -> None:
    """Rules that hold for creating and changing a link."""
    reference = asked.get("reference_id")
    if reference is not None and (not isinstance(reference, str) or len(reference) > 40):
        raise refuse("reference_id: the length must be no more than 40.")
    for name in ("accept_partial", "reminder_enable"):
        if name in asked and not _is_flag(asked[name]):
            raise refuse(f"{name}: must be a boolean.")
    if "expire_by" in asked:
        moment = asked["expire_by"]
        if not is_whole(moment):
            raise refuse("expire_by: must be an integer.")
        if moment < now + EXPIRE_SOONEST:
            raise refuse("timestamp must be atleast 15 minutes in future")
        if moment > now + EXPIRE_LATEST:
            raise refuse("expire_by: cannot be more than 6 months in future.")
    check_notes(asked.get("notes"))


def check_amount(asked: Mapping[str, Any]) -> None:
    amount = asked.get("amount")
    if amount is None:
        raise refuse("amount: cannot be blank.")
    if not is_whole(amount):
        raise refuse("amount: amount should be a whole number.")
    if amount < LEAST_AMOUNT:
        raise refuse("amount: amount should be minimum 100 for INR.")


def check_partial(asked: Mapping[str, Any]) -> None:
    least = asked.get("first_min_partial_amount")
    if not least:
        return
    if not asked.get("accept_partial"):
        raise refuse("first_min_partial_amount: not allowed without accept_partial.")
    if not is_whole(least) or not LEAST_AMOUNT <= least <= asked["amount"]:
        raise refuse("first_min_partial_amount: must be between 100 and the amount.")


def check_customer(customer: Any) -> None:
    if customer is None:
        return
    if not isinstance(customer, dict) or set(customer) - CUSTOMER_FIELDS:
        raise refuse("customer: must be an object of name, email and contact.")
    contact = customer.get("contact")
    if contact is not None and (not isinstance(contact, str) or not 8 <= len(contact) <= 14):
        raise refuse("contact: the length must be between 8 and 14.")
    email = customer.get("email")
    if email is not None and (not isinstance(email, str) or not EMAIL.fullmatch(email)):
        raise refuse("email: must be a valid email address.")
    if "name" in customer and not isinstance(customer["name"], str):
        raise refuse("name: must be a string.")


def check_callback(asked: Mapping[str, Any]) -> None:
    url, method = asked.get("callback_url"), asked.get("callback_method")
    if url is not None:
        parts = urlsplit(url) if isinstance(url, str) else None
        if parts is None or parts.scheme not in {"http", "https"} or not parts.netloc:
            raise refuse("callback_url: URL should be sent.")
        if method != "get":
            raise refuse("callback_method: must be a valid value.")
    elif method is not None:
        raise refuse("callback_url: URL should be sent.")


def check_notes(notes: Any, *, value_limit: int = NOTE_VALUE) -> None:
    if notes is None or notes == []:
        return
    if not isinstance(notes, dict):
        raise refuse("notes: must be an object.")
    if len(notes) > 15:
        raise refuse("notes: number of fields in notes should be less than or equal to 15.")
    for key, value in notes.items():
        if isinstance(value, (dict, list)):
            raise refuse("notes: values must be plain.")
        if len(key) > 255 or len(str(value)) > value_limit:
            raise refuse(f"notes: a value cannot be longer than {value_limit} characters.")


def _string(asked: Mapping[str, Any], name: str, limit: int) -> None:
    value = asked.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > limit):
        raise refuse(f"{name}: the length must be no more than {limit}.")


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)
