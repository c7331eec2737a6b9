"""Settings from the environment or ``backend/.env``; refused at start, with the fix.

``docs/settings.md`` is generated from the descriptions here.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.core.crash import disarm
from app.core.shared_files import FileLock, write_private
from app.domain.errors import BadInput, ShopError
from app.domain.money import NOTHING, Money, rupees

ROOT = Path(__file__).resolve().parents[3]
VENDORS = {
    "twilio_api_base_url": "https://api.twilio.com",
    "twilio_content_base_url": "https://content.twilio.com",
    "razorpay_api_base_url": "https://api.razorpay.com",
}
WEAK = {"", "changethis", "change-me", "secret", "password", "your-secret-key", "test"}
MIN_SECRET = 24
_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_SENDER = re.compile(r"(?:whatsapp:)?\+?([1-9][0-9]{6,14})")


class BadSettings(ShopError):
    """A setting is wrong; the text names it and the fix. Commands exit with 2."""

    code = "bad_settings"


class Settings(BaseSettings):
    """Every setting of the backend, with its meaning."""

    model_config = SettingsConfigDict(
        env_file=ROOT / "backend" / ".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[Any, ...]:
        """What the environment names, be it as empty, is not looked up in ``.env``: so a demo or
        a test beside a real shop's ``.env`` keeps away from its database."""

        def unnamed() -> dict[str, Any]:
            return {k: v for k, v in dotenv_settings().items() if k.upper() not in os.environ}

        return init_settings, env_settings, unnamed

    environment: Literal["development", "production"] = Field(
        "development", description="`production` refuses to start on defaults and weak secrets."
    )
    database_url: str = Field(
        "", description="PostgreSQL 14+ address. Empty: an embedded PostgreSQL below `DATA_DIR`."
    )
    redis_url: str = Field(
        "", description="Redis 6.2+ address for wake-ups. Empty: wake-ups through PostgreSQL only."
    )
    queue_name: str = Field(
        "print_queue", description="Redis list of the default shop; others use `<name>:<code>`."
    )
    secret_key: str = Field(
        "", description="Signs file links and sessions. Generated in development, required else."
    )
    worker_api_key: str = Field(
        "", description="Key of the default shop's print worker (header `X-API-Key`)."
    )
    razorpay_key_id: str = Field("", description="Empty: payment at the counter only.")
    razorpay_key_secret: str = Field("", description="Belongs to `RAZORPAY_KEY_ID`.")
    razorpay_webhook_secret: str = Field(
        "", description="Comma-separated while rotating. Empty: the webhook answers 503."
    )
    twilio_account_sid: str = Field("", description="Empty: the webhook answers 503.")
    twilio_auth_token: str = Field("", description="Comma-separated while rotating.")
    twilio_whatsapp_number: str = Field("", description="Our sender, like `whatsapp:+14155238886`.")
    backend_public_url: str = Field(
        "http://localhost:8000", description="Base of public links and of signature checks."
    )
    price_per_page_bw: str = Field("2.0", description="Rupees per black & white page.")
    price_per_page_color: str = Field("10.0", description="Rupees per colour page.")
    default_shop_id: str = Field(
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", description="The shop of unscoped messages."
    )
    shop_name: str = Field("Print Shop", description="First name of the default shop.")
    data_dir: Path = Field(ROOT / "var", description="Embedded database, uploads, secrets.")
    storage_url: str = Field(
        "", description="`file://` or `s3://bucket/prefix`. Empty: `<DATA_DIR>/files`."
    )
    twilio_api_base_url: str = Field(VENDORS["twilio_api_base_url"], description="Twilio REST.")
    twilio_content_base_url: str = Field(
        VENDORS["twilio_content_base_url"], description="Twilio Content API."
    )
    razorpay_api_base_url: str = Field(VENDORS["razorpay_api_base_url"], description="Razorpay.")
    payment_link_minutes: int = Field(
        30, ge=16, le=60 * 24 * 30, description="Link and order expire together after this."
    )
    background: Literal["inline", "off"] = Field(
        "inline", description="`off`: run tasks with `python -m app.cli background`."
    )
    document_retention_hours: int = Field(
        24, ge=1, le=24 * 30, description="Counted from ready, expired or cancelled."
    )
    max_file_mb: int = Field(32, ge=1, le=200, description="Largest file taken, in megabytes.")
    max_pages: int = Field(500, ge=1, le=5000, description="Most pages of one document.")
    max_copies: int = Field(100, ge=1, le=1000, description="Most copies of one order.")
    log_format: Literal["", "console", "json"] = Field(
        "", description="Empty: `console` in development, `json` in production."
    )
    docs_enabled: bool | None = Field(
        None, description="API docs at `/docs`. Unset: on in development, off in production."
    )

    @field_validator("backend_public_url", *VENDORS)
    @classmethod
    def _base_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query:
            raise ValueError("must be an address like https://shop.example.com")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: str) -> str:
        """One form for the rest of the house: ``postgresql://``."""
        for prefix in ("postgresql+asyncpg://", "postgresql+psycopg://", "postgres://"):
            if value.startswith(prefix):
                value = "postgresql://" + value.removeprefix(prefix)
        if value and not value.startswith("postgresql://"):
            raise ValueError("must begin with postgresql:// (only PostgreSQL is supported)")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis:// or rediss://")
        return value

    @field_validator("twilio_account_sid")
    @classmethod
    def _account(cls, value: str) -> str:
        if value and not _ACCOUNT_SID.fullmatch(value):
            raise ValueError("must be AC followed by 32 hexadecimal digits")
        return value

    @field_validator("twilio_whatsapp_number")
    @classmethod
    def _sender(cls, value: str) -> str:
        """Any usual spelling becomes Twilio's own: it is compared with what customers wrote to."""
        if not value:
            return value
        number = _SENDER.fullmatch(re.sub(r"[\s().-]", "", value))
        if number is None:
            raise ValueError("must be a number with its country, like whatsapp:+14155238886")
        return f"whatsapp:+{number[1]}"

    @field_validator("storage_url")
    @classmethod
    def _storage(cls, value: str) -> str:
        if value and not value.startswith(("file://", "s3://")):
            raise ValueError("must begin with file:// or s3://")
        return value

    @field_validator("price_per_page_bw", "price_per_page_color")
    @classmethod
    def _price(cls, value: str) -> str:
        try:
            price = rupees(value)
        except BadInput as error:
            raise ValueError(error.detail) from None
        if price == NOTHING:
            raise ValueError("must be more than nothing: a quote of ₹0 cannot be paid")
        return value

    @field_validator("default_shop_id")
    @classmethod
    def _shop_id(cls, value: str) -> str:
        try:
            return str(UUID(value))
        except ValueError:
            raise ValueError("must be a UUID like a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11") from None

    @model_validator(mode="after")
    def _ready_for_production(self) -> Self:
        if self.environment != "production":
            return self
        unsafe = [
            name.upper()
            for name in ("secret_key", "worker_api_key")
            if len(getattr(self, name)) < MIN_SECRET or getattr(self, name).lower() in WEAK
        ]
        unsafe += [
            name.upper()
            for name in ("razorpay_webhook_secret", "twilio_auth_token")
            if not _strong(_listed(getattr(self, name)))
        ]
        if unsafe:
            raise ValueError(
                f"set {', '.join(unsafe)} to long random values before going to production"
            )
        if not self.database_url and self.background == "off":
            raise ValueError("BACKGROUND=off needs a DATABASE_URL that both processes reach")
        if not self.backend_public_url.startswith("https://"):
            raise ValueError("BACKEND_PUBLIC_URL must begin with https:// in production")
        if "trycloudflare.com" in self.backend_public_url:
            raise ValueError(
                "BACKEND_PUBLIC_URL is a quick tunnel whose name changes at every start; "
                "use a named tunnel or your own host"
            )
        for name, vendor in VENDORS.items():
            if getattr(self, name) != vendor:
                raise ValueError(f"{name.upper()} must be {vendor} in production")
        if self.razorpay_key_id and not self.razorpay_key_id.startswith("rzp_live_"):
            raise ValueError("RAZORPAY_KEY_ID is a test key; production needs rzp_live_…")
        if self.razorpay_key_id and not _strong((self.razorpay_key_secret,)):
            raise ValueError("RAZORPAY_KEY_SECRET is missing; set the one of RAZORPAY_KEY_ID")
        return self

    # Derived

    @property
    def price_bw(self) -> Money:
        return rupees(self.price_per_page_bw)

    @property
    def price_color(self) -> Money:
        return rupees(self.price_per_page_color)

    @property
    def razorpay_webhook_secrets(self) -> tuple[str, ...]:
        return _listed(self.razorpay_webhook_secret)

    @property
    def twilio_auth_tokens(self) -> tuple[str, ...]:
        return _listed(self.twilio_auth_token)

    @property
    def twilio_ready(self) -> bool:
        return bool(
            self.twilio_account_sid and self.twilio_auth_tokens and self.twilio_whatsapp_number
        )

    @property
    def razorpay_ready(self) -> bool:
        return bool(self.razorpay_key_id and self.razorpay_key_secret)

    @property
    def files_url(self) -> str:
        return self.storage_url or (self.data_dir / "files").resolve().as_uri()

    @property
    def console_logs(self) -> bool:
        return self.log_format == "console" or (
            not self.log_format and self.environment == "development"
        )

    @property
    def show_docs(self) -> bool:
        if self.docs_enabled is None:
            return self.environment == "development"
        return self.docs_enabled


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _strong(given: tuple[str, ...]) -> bool:
    """Every one of them counts: a weak secret beside a strong one still opens the door."""
    return bool(given) and not any(one.lower() in WEAK for one in given)


def load_settings(**overrides: Any) -> Settings:
    """Reads the settings and fills in generated development secrets. Raises BadSettings."""
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        lines = [
            f"{str(e['loc'][0]).upper() + ': ' if e['loc'] else ''}"
            f"{e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        ]
        raise BadSettings("; ".join(lines)) from None
    if settings.environment == "production":
        disarm()
    generated = {
        name: _kept_secret(settings.data_dir, name)
        for name in ("secret_key", "worker_api_key")
        if not getattr(settings, name)
    }
    return settings.model_copy(update=generated) if generated else settings


def _kept_secret(data_dir: Path, name: str) -> str:
    """A random secret, made once and shared by every process with this DATA_DIR."""
    folder = data_dir / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with FileLock(folder / ".lock", timeout=30):
        # An empty file is what a power cut leaves of an unfinished write.
        if not path.exists() or not path.read_text().strip():
            write_private(path, secrets.token_urlsafe(32))
    return path.read_text().strip()
