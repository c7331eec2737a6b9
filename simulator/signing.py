"""The providers' signatures, computed here so that the simulator owes nothing to their SDKs."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping


def twilio_signature(url: str, params: Mapping[str, str], *, token: str) -> str:
    """`X-Twilio-Signature` of a form post: HMAC-SHA1 over address and sorted fields, Base64."""
    text = url.split("#", 1)[0] + "".join(name + params[name] for name in sorted(params))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def razorpay_signature(body: bytes, *, secret: str) -> str:
    """`X-Razorpay-Signature`: HMAC-SHA256 over the raw body, lower-case hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def callback_signature(
    *, link_id: str, reference_id: str, status: str, payment_id: str, key_secret: str
) -> str:
    """`razorpay_signature` of the browser's return; an empty reference keeps its separator."""
    text = f"{link_id}|{reference_id}|{status}|{payment_id}"
    return hmac.new(key_secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def spoiled(signature: str) -> str:
    """A signature of the right shape that verifies for nobody."""
    return "".join(reversed(signature[:-1])) + ("=" if signature.endswith("=") else "0")


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of the secrets."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "•••")
    return text
