"""The providers' golden payloads, and a wire that answers with them and keeps what was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2

ROOT = Path(__file__).parent / "fixtures"

TWILIO_ACCOUNT = "AC0000000000000000000000000000fa4e"
TWILIO_TOKEN = "0123456789abcdef0123456789abcdef"
TWILIO_NUMBER = "whatsapp:+14155238886"
TWILIO_API = "https://api.twilio.com"
TWILIO_CONTENT = "https://content.twilio.com"
RAZORPAY_KEY = "rzp_test_FAKEkeyid00000"
RAZORPAY_SECRET = "fake_key_secret_for_tests"
RAZORPAY_WEBHOOK_SECRET = "fake_webhook_secret_for_tests"
RAZORPAY_API = "https://api.razorpay.com"
STATUS_URL = "https://shop.example.test/webhook/twilio/status"


@cache
def golden(provider: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / provider / f"{name}.json").read_text("utf-8"))
    return found


def sent(name: str, **changes: str | None) -> list[tuple[str, str]]:
    """A golden form of Twilio's with some parameters changed, or left out when None."""
    params = {**golden("twilio", name)["request"]["params"], **changes}
    return [(key, value) for key, value in params.items() if value is not None]


def goldens(provider: str, kind: str) -> list[str]:
    """Names of the fixtures of one kind, sorted."""
    names = sorted(path.stem for path in (ROOT / provider).glob("*.json"))
    return [name for name in names if golden(provider, name)["kind"] == kind]


@dataclass
class GoldenWire(httpx2.AsyncBaseTransport):
    """Answers each request with the next fixture's response; anything unexpected fails."""

    responses: list[dict[str, Any]]
    asked: list[httpx2.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.asked.append(request)
        response = self.responses.pop(0)
        headers = dict(response.get("headers", {}))
        if "json" in response:
            return httpx2.Response(response["status"], json=response["json"], headers=headers)
        text = response.get("text", "")
        return httpx2.Response(response["status"], content=text.encode(), headers=headers)


def assert_asked(request: httpx2.Request, expected: dict[str, Any]) -> None:
    """What went out is what the fixture says: method, address, password and body."""
    assert request.method == expected["method"]
    assert str(request.url) == expected["url"]
    if "Authorization" in expected["headers"]:
        assert request.headers["authorization"] == expected["headers"]["Authorization"]
    if "form" in expected:
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert dict(parse_qsl(request.content.decode(), keep_blank_values=True)) == expected["form"]
    elif "json" in expected:
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.content) == expected["json"]
    else:
        assert request.content == b""
    if "X-Refund-Idempotency" in expected["headers"]:
        key = expected["headers"]["X-Refund-Idempotency"]
        assert request.headers["x-refund-idempotency"] == key
