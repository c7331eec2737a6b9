"""The providers' doors: signature first, then the shape. Thin over ``signatures`` and parsers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.adapters.razorpay_events import parse_event
from app.adapters.signatures import (
    public_url,
    razorpay_callback_genuine,
    razorpay_genuine,
    sign_file,
    twilio_genuine,
    verify_file,
)
from app.adapters.twilio_forms import parse_inbound, parse_status, read_form
from app.core.config import Settings
from app.domain.errors import BadSignature, NotConfigured
from app.ports import GatewayEvent, InboundForm, StatusForm


class TwilioDoor:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = settings.twilio_auth_tokens

    def admit(
        self, raw: bytes, *, path: str, query: str, signature: str | None, scheme: str | None
    ) -> Sequence[tuple[str, str]]:
        if not self._settings.twilio_ready:
            raise NotConfigured(
                "WhatsApp is not set up here: set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and "
                "TWILIO_WHATSAPP_NUMBER"
            )
        pairs = read_form(raw)
        url = public_url(self._settings.backend_public_url, path, query)
        if not twilio_genuine(
            pairs, signature, url=url, tokens=self._tokens, settings_header=scheme
        ):
            raise BadSignature("The signature is not Twilio's.")
        return pairs

    def reread(self, raw: bytes) -> Sequence[tuple[str, str]]:
        return read_form(raw)

    def message(self, pairs: Sequence[tuple[str, str]]) -> InboundForm:
        return parse_inbound(
            pairs,
            account_sid=self._settings.twilio_account_sid,
            our_number=self._settings.twilio_whatsapp_number,
            api_base_url=self._settings.twilio_api_base_url,
        )

    def receipt(self, pairs: Sequence[tuple[str, str]]) -> StatusForm:
        return parse_status(pairs, account_sid=self._settings.twilio_account_sid)


class RazorpayDoor:
    def __init__(self, settings: Settings) -> None:
        self._secrets = settings.razorpay_webhook_secrets
        self._key_secret = settings.razorpay_key_secret

    def admit(self, body: bytes, *, signature: str | None) -> None:
        if not self._secrets:
            raise NotConfigured("Payments are not set up here: set RAZORPAY_WEBHOOK_SECRET")
        if not razorpay_genuine(body, signature, secrets=self._secrets):
            raise BadSignature("The signature is not Razorpay's.")

    def event(self, body: bytes) -> GatewayEvent:
        return parse_event(body)

    def returned(self, query: Mapping[str, str]) -> bool:
        return bool(self._key_secret) and razorpay_callback_genuine(
            query, key_secret=self._key_secret
        )


class SignedFileLinks:
    def __init__(self, secret: str) -> None:
        self._secret = secret

    def sign(self, path: str, *, expires_at: datetime) -> str:
        return sign_file(path, secret=self._secret, expires_at=expires_at)

    def genuine(self, path: str, query: Mapping[str, str], *, now: datetime) -> bool:
        return verify_file(path, query, secret=self._secret, now=now)
