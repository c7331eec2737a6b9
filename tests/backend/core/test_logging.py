"""Canaries: a phone number, a signed link and a secret are put wherever a careless call might."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from app.core.logging import configure_logging, scrub

PHONE, SECRET, SIGNATURE = "919812345678", "canary-secret-9f", "sig-canary-77"
LINK = f"https://shop.example.com/files/ab/cdef.pdf?expires=1&signature={SIGNATURE}"
PAGE = f"https://shop.example.com/o/{SIGNATURE}"
CANARIES = (PHONE, SECRET, SIGNATURE)


@pytest.fixture(params=["json", "console"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What reaches stderr once logging is configured as the programs do it."""
    stream = StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging(console=request.param == "console")
    yield stream
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def leaked(written: StringIO) -> list[str]:
    text = written.getvalue()
    assert text, "something was written"
    return [canary for canary in CANARIES if canary in text]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"to whatsapp:+{PHONE}", "to whatsapp:••••5678"),
        (f"to +{PHONE} now", "to ••••5678 now"),
        (f"phone={PHONE}, ok", "phone=••••5678, ok"),
        (f"?From=whatsapp%3A%2B{PHONE}&x", "?From=whatsapp%3A••••5678&x"),
        (f"?WaId={PHONE}&x", "?WaId=••••5678&x"),
        (f"Key (address)=(whatsapp:+{PHONE}) exists", "Key (address)=(whatsapp:••••5678) exists"),
        (
            'violates "ck"\nDETAIL:  Failing row contains (7, Asha, my words).\nCONTEXT:  here',
            'violates "ck"\nDETAIL:  •••\nCONTEXT:  here',
        ),
        (
            "invalid json\nDETAIL:  Token\nCONTEXT:  JSON data, line 1: Asha",
            "invalid json\nDETAIL:  •••\nCONTEXT:  JSON data•••",
        ),
        (LINK, "https://shop.example.com/files/•••"),
        (f"GET /files/a/b?signature={SIGNATURE} 200", "GET /files/••• 200"),
        (f'"{PAGE}" opened', '"https://shop.example.com/o/•••" opened'),
        (
            "order a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "order a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        ),
        ("SM0123456789abcdef0123456789abcdef", "SM0123456789abcdef0123456789abcdef"),
        ("pay_29QQoUBi66xm2f took 1234 ms", "pay_29QQoUBi66xm2f took 1234 ms"),
        ("₹5,00,000 for 500 pages", "₹5,00,000 for 500 pages"),
    ],
)
def test_scrub(text: str, clean: str) -> None:
    assert scrub(text) == clean


def test_fields_that_name_people_or_secrets_are_covered(written: StringIO) -> None:
    structlog.get_logger("shop").info(
        "sent", to=PHONE, token=SECRET, body=f"hi {SECRET}", url=LINK, order="A7K2"
    )

    assert leaked(written) == []
    assert "A7K2" in written.getvalue()


def test_other_fields_and_the_event_itself_are_scrubbed(written: StringIO) -> None:
    structlog.get_logger("shop").warning(f"no answer from +{PHONE}", why=f"timeout at {LINK}")

    assert leaked(written) == []


def test_fields_inside_fields_are_looked_at_too(written: StringIO) -> None:
    structlog.get_logger("shop").info(
        "form", data={"token": SECRET, "From": f"whatsapp:+{PHONE}", "deep": [{"url": LINK}]}
    )

    assert leaked(written) == []


def test_bytes_and_objects_are_scrubbed_as_what_they_read_like(written: StringIO) -> None:
    structlog.get_logger("shop").info(
        "seen", raw=f"From={PHONE}".encode(), why=ValueError(f"no {LINK}"), all={f"+{PHONE}"}
    )

    assert leaked(written) == []


def test_what_an_exception_says_is_scrubbed(written: StringIO) -> None:
    for trouble in raised():
        structlog.get_logger("shop").error("unexpected error", exc_info=trouble)

    assert leaked(written) == []
    assert "ZeroDivisionError" in written.getvalue()


def test_lines_of_libraries_are_scrubbed(written: StringIO) -> None:
    log = logging.getLogger("some.library")
    log.warning("HTTP Request: GET %s to %s", LINK, f"+{PHONE}")
    for trouble in raised():
        log.error("failed for %s", PHONE, exc_info=trouble)
    log.info({"phone": f"+{PHONE}"})

    assert leaked(written) == []
    assert "HTTP Request" in written.getvalue()
    assert "ZeroDivisionError" in written.getvalue()


@pytest.mark.parametrize("written", ["json"], indirect=True)
def test_a_line_for_machines_is_one_json_object(written: StringIO) -> None:
    structlog.get_logger("shop").info("paid", token="41", order="A7K2")
    logging.getLogger("library").warning("two\nlines")

    one, other = map(json.loads, written.getvalue().splitlines())
    assert one["event"] == "paid"
    assert one["order"] == "A7K2"
    assert one["level"] == "info"
    assert other["event"] == "two\nlines"
    assert one["timestamp"].endswith("Z")


def raised() -> list[Exception]:
    """Errors as they come from below: with what they were about in their text."""

    def fail(text: str) -> None:
        number = f"local {SECRET}"  # a local variable, which a rich traceback would print
        assert number
        raise ZeroDivisionError(text)

    caught = []
    for text in (f"whatsapp:+{PHONE} already exists", f"cannot fetch {LINK}"):
        try:
            try:
                fail(text)
            except ZeroDivisionError as cause:
                raise RuntimeError(f"while sending to {PHONE}") from cause
        except RuntimeError as error:
            caught.append(error)
    return list(caught)
