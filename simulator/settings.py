"""What the simulator is told at start, and the fake credentials it shares with the backend."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
FAKE_TWILIO_SID = re.compile(r"AC0{16}[0-9a-f]{16}")

# Fixed on purpose: the same values sign the golden payloads, so one `.env` serves demo and tests.
FAKE_CREDENTIALS: Mapping[str, str] = {
    "TWILIO_ACCOUNT_SID": "AC0000000000000000000000000000fa4e",
    "TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef",
    "TWILIO_WHATSAPP_NUMBER": "whatsapp:+14155238886",
    "RAZORPAY_KEY_ID": "rzp_test_FAKEkeyid00000",
    "RAZORPAY_KEY_SECRET": "fake_key_secret_for_tests",
    "RAZORPAY_WEBHOOK_SECRET": "fake_webhook_secret_for_tests",
}


class WrongSettings(ValueError):
    """The simulator must not start like this; the text says why and what to change."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything fixed at start. Addresses carry no trailing slash."""

    port: int = 8900
    backend: str = "http://127.0.0.1:8000"
    public_url: str = "http://127.0.0.1:8000"
    origin: str = "http://127.0.0.1:8900"
    media_origin: str = "http://127.0.0.1:8900"
    paper: Path | None = None
    seed: int | None = None
    start_time: int | None = None
    account_sid: str = FAKE_CREDENTIALS["TWILIO_ACCOUNT_SID"]
    auth_token: str = field(default=FAKE_CREDENTIALS["TWILIO_AUTH_TOKEN"], repr=False)
    number: str = FAKE_CREDENTIALS["TWILIO_WHATSAPP_NUMBER"]
    key_id: str = FAKE_CREDENTIALS["RAZORPAY_KEY_ID"]
    key_secret: str = field(default=FAKE_CREDENTIALS["RAZORPAY_KEY_SECRET"], repr=False)
    webhook_secret: str = field(default=FAKE_CREDENTIALS["RAZORPAY_WEBHOOK_SECRET"], repr=False)
    shop_name: str = "Print Shop"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that may never stand in a log line."""
        return (self.auth_token, self.key_secret, self.webhook_secret)

    def reachable(self, url: str) -> str | None:
        """Where a request to `url` really goes: the backend's public address is its local one.

        None when the address would leave this computer; the simulator never goes there.
        """
        if url == self.public_url or url.startswith(self.public_url + "/"):
            return self.backend + url[len(self.public_url) :]
        return url if (urlsplit(url).hostname or "") in LOOPBACK else None


def credentials(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The fake credentials, or those of the environment when they are fakes too.

    Raises WrongSettings for anything that looks like a real account.
    """
    chosen = {name: environ.get(name) or value for name, value in FAKE_CREDENTIALS.items()}
    if not FAKE_TWILIO_SID.fullmatch(chosen["TWILIO_ACCOUNT_SID"]):
        raise WrongSettings(
            "TWILIO_ACCOUNT_SID looks like a real account."
            " The simulator only works with fake credentials:"
            " unset the variable, or run `python -m simulator env` and use those values."
        )
    if not chosen["RAZORPAY_KEY_ID"].startswith("rzp_test_"):
        raise WrongSettings(
            "RAZORPAY_KEY_ID is not a test key."
            " The simulator refuses live keys: unset the variable, or run"
            " `python -m simulator env` and use those values."
        )
    number = chosen["TWILIO_WHATSAPP_NUMBER"]
    chosen["TWILIO_WHATSAPP_NUMBER"] = (
        number if number.startswith("whatsapp:") else f"whatsapp:{number}"
    )
    return chosen


def base_urls(origin: str) -> dict[str, str]:
    """The three addresses the backend is pointed at."""
    names = ("TWILIO_API_BASE_URL", "TWILIO_CONTENT_BASE_URL", "RAZORPAY_API_BASE_URL")
    return dict.fromkeys(names, origin)


def origin_of(port: int, environ: Mapping[str, str] = os.environ) -> str:
    """The simulator's own address, taken from the backend's base URLs when they are set.

    Raises WrongSettings when they point away from this computer or in two directions.
    """
    default = f"http://127.0.0.1:{port}"
    named = {environ[name].rstrip("/") for name in base_urls("") if environ.get(name)}
    if not named:
        return default
    outside = sorted(url for url in named if (urlsplit(url).hostname or "") not in LOOPBACK)
    if outside:
        raise WrongSettings(
            f"{outside[0]} is not this computer."
            " Point TWILIO_API_BASE_URL, TWILIO_CONTENT_BASE_URL and"
            f" RAZORPAY_API_BASE_URL at {default}, or unset them for the simulator."
        )
    if len(named) > 1:
        raise WrongSettings(
            "The three base URLs differ. One simulator has one address: use the same for all."
        )
    return named.pop()


def settings_of(
    *,
    port: int = 8900,
    backend: str = "http://127.0.0.1:8000",
    public_url: str | None = None,
    origin: str | None = None,
    media_origin: str | None = None,
    paper: Path | None = None,
    seed: int | None = None,
    start_time: int | None = None,
    shop_name: str = "Print Shop",
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Settings checked and completed. Raises WrongSettings."""
    backend = backend.rstrip("/")
    if (urlsplit(backend).hostname or "") not in LOOPBACK:
        raise WrongSettings(
            f"--backend {backend} is not this computer; give an address on 127.0.0.1."
        )
    fakes = credentials(environ)
    origin = (origin or origin_of(port, environ)).rstrip("/")
    return Settings(
        port=port,
        backend=backend,
        public_url=(public_url or backend).rstrip("/"),
        origin=origin,
        media_origin=(media_origin or origin).rstrip("/"),
        paper=paper,
        seed=seed,
        start_time=start_time,
        shop_name=shop_name,
        account_sid=fakes["TWILIO_ACCOUNT_SID"],
        auth_token=fakes["TWILIO_AUTH_TOKEN"],
        number=fakes["TWILIO_WHATSAPP_NUMBER"],
        key_id=fakes["RAZORPAY_KEY_ID"],
        key_secret=fakes["RAZORPAY_KEY_SECRET"],
        webhook_secret=fakes["RAZORPAY_WEBHOOK_SECRET"],
    )
