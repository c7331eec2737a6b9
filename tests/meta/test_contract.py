"""What others build on, spelled out a second time: a change of it has to be made here as well.

Addresses, settings, tables and words for states; ``tests/e2e/test_commands.py`` has the commands
and asks the addresses. A test that read them from the program would agree with every mistake.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.routing import Match

from app.core.config import ROOT, Settings, load_settings
from app.domain import lifecycle
from app.domain.chat import State
from app.domain.print_plan import PrintType
from app.main import create_app
from print_worker import settings as worker_settings

# Nobody's; the same each time, for it is in the names of tests.
SOME = "5e1f0000-0000-4000-8000-00000000d00f"
JOB = f"/api/v1/print_jobs/{SOME}"
ORDER = f"/api/v1/dashboard/orders/{SOME}"

# Method, address, and what somebody without any credential is told.
ROUTES = [
    ("GET", "/", 200),
    ("GET", "/health", 200),
    ("GET", "/metrics", 401),
    ("POST", "/webhook/twilio", 403),
    ("POST", "/webhook/twilio/status", 403),
    ("POST", "/api/webhooks/razorpay-webhook", 403),
    ("GET", "/api/webhooks/razorpay-callback", 303),
    ("POST", "/api/v1/print_jobs/claim", 401),
    ("GET", JOB, 401),
    ("PUT", f"{JOB}/status", 401),
    ("POST", f"{JOB}/heartbeat", 401),
    ("POST", f"{JOB}/retry", 401),
    ("POST", "/api/v1/workers/heartbeat", 401),
    ("GET", "/api/v1/dashboard/stats", 401),
    ("GET", "/api/v1/dashboard/orders", 401),
    ("GET", ORDER, 401),
    ("GET", "/api/v1/dashboard/pending-jobs", 401),
    ("GET", "/api/v1/dashboard/failed-jobs", 401),
    ("POST", f"{ORDER}/refund", 401),
    ("POST", f"{ORDER}/cancel", 401),
    ("GET", f"/files/print/{SOME}.pdf", 404),
    ("GET", "/o/guessed", 404),
    ("GET", "/staff", 303),
    ("GET", "/staff/login", 200),
    ("GET", "/docs", 200),
    ("GET", "/openapi.json", 200),
]

# Name, default, another value and what becomes of it.
SETTINGS: list[tuple[str, Any, str, Any]] = [
    ("DATABASE_URL", "", "postgres://shop@db/ampk", "postgresql://shop@db/ampk"),
    ("REDIS_URL", "", "redis://cache:6379/0", "redis://cache:6379/0"),
    ("QUEUE_NAME", "print_queue", "paper", "paper"),
    ("SECRET_KEY", "", "s", "s"),
    ("WORKER_API_KEY", "", "w", "w"),
    ("RAZORPAY_KEY_ID", "", "rzp_test_1", "rzp_test_1"),
    ("RAZORPAY_KEY_SECRET", "", "k", "k"),
    ("RAZORPAY_WEBHOOK_SECRET", "", "new,old", "new,old"),
    ("TWILIO_ACCOUNT_SID", "", "AC" + "0" * 32, "AC" + "0" * 32),
    ("TWILIO_AUTH_TOKEN", "", "t", "t"),
    ("TWILIO_WHATSAPP_NUMBER", "", "+14155238886", "whatsapp:+14155238886"),
    ("BACKEND_PUBLIC_URL", "http://localhost:8000", "https://shop.test", "https://shop.test"),
    ("PRICE_PER_PAGE_BW", "2.0", "1.50", "1.50"),
    ("PRICE_PER_PAGE_COLOR", "10.0", "12", "12"),
    ("DEFAULT_SHOP_ID", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", SOME, SOME),
    ("ENVIRONMENT", "development", "development", "development"),
    ("DATA_DIR", ROOT / "var", "elsewhere", Path("elsewhere")),
    ("STORAGE_URL", "", "s3://bucket/prefix", "s3://bucket/prefix"),
    ("TWILIO_API_BASE_URL", "https://api.twilio.com", "http://sim", "http://sim"),
    ("TWILIO_CONTENT_BASE_URL", "https://content.twilio.com", "http://sim", "http://sim"),
    ("RAZORPAY_API_BASE_URL", "https://api.razorpay.com", "http://sim", "http://sim"),
    ("PAYMENT_LINK_MINUTES", 30, "16", 16),
    ("BACKGROUND", "inline", "off", "off"),
    ("DOCUMENT_RETENTION_HOURS", 24, "48", 48),
    ("MAX_FILE_MB", 32, "16", 16),
    ("MAX_PAGES", 500, "100", 100),
    ("MAX_COPIES", 100, "50", 50),
    ("LOG_FORMAT", "", "json", "json"),
]

WORKER_SETTINGS = [
    *("backend_url", "api_key", "redis_url", "queue_name", "printer_name", "poll_timeout"),
    *("worker_id", "printers", "backend", "sumatra_path", "work_dir", "virtual_output_dir"),
    *("log_file", "virtual_seconds_per_page", "virtual_quirk"),
]

TABLES = {
    *("shops", "orders", "payments", "print_jobs", "user_sessions", "webhook_logs"),
    *("documents", "quotes", "refunds", "print_attempts", "messages", "workers", "printers"),
    *("attention_items", "staff_users", "staff_sessions", "api_tokens", "audit_log"),
    "transitions",
}
WITH_STATUS = {"orders", "payments", "refunds", "print_jobs"}

STATES = [
    (
        lifecycle.Order,
        "DRAFT PAYMENT_PENDING PAID READY COLLECTED CANCELLED EXPIRED REFUNDED",
    ),
    (lifecycle.Payment, "INITIATED LINK_SENT CAPTURED CLOSED FAILED"),
    (lifecycle.Refund, "REQUESTED IN_TRANSIT PROCESSED FAILED"),
    (
        lifecycle.Job,
        "QUEUED HELD CLAIMED PRINTING COMPLETED UNCERTAIN FAILED CANCELLED",
    ),
    (PrintType, "BW COLOR BOTH"),
]
CONVERSATION = "IDLE AWAITING_FILE AWAITING_PRINT_TYPE AWAITING_COPIES AWAITING_PAYMENT"


def test_every_address_has_a_route() -> None:
    app = create_app(load_settings(environment="development", secret_key="s", worker_api_key="w"))

    for method, path, _ in ROUTES:
        asked = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
        assert Match.FULL in [route.matches(asked)[0] for route in app.routes], (method, path)


@pytest.mark.parametrize(("name", "default", "given", "read"), SETTINGS)
def test_a_setting_has_its_name_and_its_default(
    monkeypatch: pytest.MonkeyPatch, name: str, default: object, given: str, read: object
) -> None:
    for other in Settings.model_fields:
        monkeypatch.delenv(other.upper(), raising=False)
    field = name.lower()
    assert getattr(Settings(_env_file=None), field) == default

    monkeypatch.setenv(name, given)

    assert getattr(Settings(_env_file=None), field) == read


def test_every_key_of_the_workers_file_is_known() -> None:
    known = set(worker_settings.Settings.__dataclass_fields__) - {"ignored"}

    assert known == set(WORKER_SETTINGS)


@pytest.mark.parametrize(("kind", "words"), STATES)
def test_a_state_has_its_word(kind: Any, words: str) -> None:
    assert [status.value for status in kind] == words.split()


def test_the_conversation_has_at_least_its_first_states() -> None:
    assert set(CONVERSATION.split()) <= {state.value for state in State}


def test_tables_money_times_and_states_have_their_names_and_types(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name NOT LIKE 'procrastinate%'"
        ).fetchall()
    tables = {table for table, _, _ in columns}
    money = {kind for _, name, kind in columns if name.endswith("_paise")}
    timeless = {
        (table, name) for table, name, kind in columns if kind == "timestamp without time zone"
    }
    inexact = {(t, n) for t, n, kind in columns if kind in ("real", "double precision", "money")}

    assert tables >= TABLES
    assert {table for table, name, _ in columns if name == "status"} >= WITH_STATUS
    assert money <= {"integer", "bigint"}
    assert money
    assert timeless == set()
    assert inexact == set()
