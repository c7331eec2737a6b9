"""Settings: read in every accepted form, refused by name and with the fix, secrets made once."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.config import MIN_SECRET, ROOT, VENDORS, BadSettings, Settings, load_settings

LONG = "k3y-" * 10
PRODUCTION = {
    "environment": "production",
    "database_url": "postgresql://shop@db/shop",
    "secret_key": LONG,
    "worker_api_key": LONG,
    "razorpay_key_id": "rzp_live_abc",
    "razorpay_key_secret": LONG,
    "razorpay_webhook_secret": LONG,
    "twilio_account_sid": "AC" + "0" * 32,
    "twilio_auth_token": LONG,
    "twilio_whatsapp_number": "whatsapp:+14155238886",
    "backend_public_url": "https://shop.example.com",
}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither this machine's environment nor its .env file take part."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / "no.env")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))


def refused(**settings: object) -> str:
    with pytest.raises(BadSettings) as caught:
        load_settings(**settings)
    return caught.value.detail


def test_nothing_has_to_be_set_to_try_it_out(tmp_path: Path) -> None:
    settings = load_settings()

    assert settings.environment == "development"
    assert (settings.price_bw.paise, settings.price_color.paise) == (200, 1000)
    assert (settings.twilio_ready, settings.razorpay_ready) == (False, False)
    assert settings.files_url == (tmp_path / "var" / "files").as_uri()
    assert settings.console_logs
    assert settings.show_docs


def test_production_with_everything_set_starts() -> None:
    settings = load_settings(**PRODUCTION)

    assert (settings.twilio_ready, settings.razorpay_ready) == (True, True)
    assert not settings.console_logs
    assert not settings.show_docs


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"secret_key": ""}, ["SECRET_KEY", "long random"]),
        ({"worker_api_key": ""}, ["WORKER_API_KEY", "long random"]),
        ({"secret_key": "x" * (MIN_SECRET - 1)}, ["SECRET_KEY"]),
        ({"worker_api_key": "changethis"}, ["WORKER_API_KEY"]),
        ({"secret_key": "", "worker_api_key": ""}, ["SECRET_KEY, WORKER_API_KEY"]),
        ({"razorpay_webhook_secret": ""}, ["RAZORPAY_WEBHOOK_SECRET"]),
        ({"razorpay_webhook_secret": "Secret"}, ["RAZORPAY_WEBHOOK_SECRET"]),
        ({"razorpay_webhook_secret": f"{LONG},secret"}, ["RAZORPAY_WEBHOOK_SECRET"]),
        ({"razorpay_webhook_secret": " , "}, ["RAZORPAY_WEBHOOK_SECRET"]),
        ({"twilio_auth_token": ""}, ["TWILIO_AUTH_TOKEN"]),
        ({"twilio_auth_token": f"test,{LONG}"}, ["TWILIO_AUTH_TOKEN"]),
        ({"backend_public_url": "http://shop.example.com"}, ["BACKEND_PUBLIC_URL", "https://"]),
        (
            {"backend_public_url": "https://a-b.trycloudflare.com"},
            ["BACKEND_PUBLIC_URL", "named tunnel"],
        ),
        ({"twilio_api_base_url": "https://sim.example.com"}, ["TWILIO_API_BASE_URL", "twilio.com"]),
        (
            {"twilio_content_base_url": "https://sim.example.com"},
            ["TWILIO_CONTENT_BASE_URL", "content.twilio.com"],
        ),
        (
            {"razorpay_api_base_url": "https://sim.example.com"},
            ["RAZORPAY_API_BASE_URL", "razorpay.com"],
        ),
        ({"razorpay_key_id": "rzp_test_abc"}, ["RAZORPAY_KEY_ID", "rzp_live_"]),
        ({"razorpay_key_secret": ""}, ["RAZORPAY_KEY_SECRET"]),
        ({"database_url": "", "background": "off"}, ["BACKGROUND=off", "DATABASE_URL"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_production_refuses_by_name_and_with_the_fix(
    change: dict[str, object], says: list[str]
) -> None:
    detail = refused(**{**PRODUCTION, **change})

    assert [part for part in says if part not in detail] == []
    assert LONG not in detail, "a secret is no part of an error"
    load_settings(**{**PRODUCTION, **change, "environment": "development"})


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("environment", "staging", "'development' or 'production'"),
        ("database_url", "mysql://x", "postgresql://"),
        ("database_url", "sqlite:///x.db", "postgresql://"),
        ("redis_url", "http://x", "redis://"),
        ("storage_url", "/srv/files", "file://"),
        ("twilio_account_sid", "AC123", "32 hexadecimal digits"),
        ("twilio_whatsapp_number", "our shop", "like whatsapp:+14155238886"),
        ("twilio_whatsapp_number", "whatsapp:+0415523888", "like whatsapp:+14155238886"),
        ("twilio_whatsapp_number", "whatsapp:+१४१५५२३८८८६", "like whatsapp:+14155238886"),
        ("twilio_whatsapp_number", "  ", "like whatsapp:+14155238886"),
        ("backend_public_url", "shop.example.com", "https://shop.example.com"),
        ("backend_public_url", "https://shop.example.com?a=b", "https://shop.example.com"),
        ("backend_public_url", "ftp://shop.example.com", "https://shop.example.com"),
        ("price_per_page_bw", "2.005", "two decimals"),
        ("price_per_page_color", "ten", "rupees"),
        ("price_per_page_bw", "-1", "rupees"),
        ("price_per_page_bw", "0", "more than nothing"),
        ("payment_link_minutes", "15", "16"),
        ("max_copies", "0", "1"),
        ("max_pages", "many", "integer"),
        ("background", "later", "'inline' or 'off'"),
        ("log_format", "xml", "json"),
        ("default_shop_id", "shop-1", "UUID"),
    ],
)
def test_a_wrong_setting_is_named_in_capitals_as_it_is_set(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str, says: str
) -> None:
    monkeypatch.setenv(setting.upper(), value)

    detail = refused()

    assert detail.startswith(f"{setting.upper()}: ")
    assert says in detail


def test_every_wrong_setting_is_told_at_once() -> None:
    detail = refused(max_copies=0, redis_url="x", price_per_page_bw="?")

    assert detail.count("; ") == 2


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://u:p@h:5432/ampk",
        "postgres://u:p@h:5432/ampk",
        "postgresql+asyncpg://u:p@h:5432/ampk",
        "postgresql+psycopg://u:p@h:5432/ampk",
    ],
)
def test_every_way_to_write_the_database_means_the_same(given: str) -> None:
    assert load_settings(database_url=given).database_url == "postgresql://u:p@h:5432/ampk"


def test_base_addresses_lose_their_last_slash() -> None:
    settings = load_settings(
        backend_public_url="https://shop.example.com/", **dict.fromkeys(VENDORS, "http://sim/")
    )

    assert settings.backend_public_url == "https://shop.example.com"
    assert [getattr(settings, name) for name in VENDORS] == ["http://sim"] * 3


def test_secrets_being_rotated_are_a_list() -> None:
    settings = load_settings(razorpay_webhook_secret="new, old,,", twilio_auth_token=" a ,b")

    assert settings.razorpay_webhook_secrets == ("new", "old")
    assert settings.twilio_auth_tokens == ("a", "b")
    assert load_settings().razorpay_webhook_secrets == ()


@pytest.mark.parametrize(
    "number",
    [
        "whatsapp:+14155238886",
        "+14155238886",
        "14155238886",
        " +1 (415) 523-8886 ",
        "whatsapp: +1 415.523.8886",
        "whatsapp:14155238886",
    ],
)
def test_the_sender_is_written_as_twilio_does(number: str) -> None:
    settings = load_settings(twilio_whatsapp_number=number)

    assert settings.twilio_whatsapp_number == "whatsapp:+14155238886"


# Secrets made for development


def test_secrets_are_made_once_and_kept_private(tmp_path: Path) -> None:
    first, second = load_settings(), load_settings()

    assert (first.secret_key, first.worker_api_key) == (second.secret_key, second.worker_api_key)
    assert first.secret_key != first.worker_api_key
    assert len(first.secret_key) >= MIN_SECRET
    folder = tmp_path / "var" / "secrets"
    assert sorted(path.name for path in folder.glob("[!.]*")) == ["secret_key", "worker_api_key"]
    if os.name == "posix":
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes == {0o600}


def test_given_secrets_are_used_and_none_is_made(tmp_path: Path) -> None:
    settings = load_settings(secret_key="mine", worker_api_key="mine too")

    assert settings.secret_key == "mine"
    assert not (tmp_path / "var" / "secrets").exists()


def test_processes_started_together_share_one_secret(tmp_path: Path) -> None:
    script = (
        "from app.core.config import load_settings; s = load_settings();"
        "print(s.secret_key, s.worker_api_key)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "backend")}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    printed = {process.communicate(timeout=60)[0] for process in started}

    assert [process.returncode for process in started] == [0, 0, 0, 0]
    assert len(printed) == 1
    assert len(printed.pop().split()) == 2
