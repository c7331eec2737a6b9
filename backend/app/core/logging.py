"""One line an event: pretty on a terminal, JSON for machines; never a secret or a person.

Fields are denied by name, phone numbers masked and signed addresses cut wherever they appear,
so that a careless call cannot leak.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

DENIED = frozenset(
    [
        *("body", "text", "name", "phone", "to", "from_", "profile_name", "label"),
        *("token", "secret", "key", "password", "authorization", "api_key", "auth_token"),
        *("url", "short_url", "signature"),
    ]
)
# Not inside identifiers, whose digits say nothing about anybody. A plus may be written as %2B.
_PHONE = re.compile(r"(?:%2B|(?<![\w-])\+?)\d{10,15}(?![\w-])", re.IGNORECASE)
_SIGNED = re.compile(r"(/(?:files|o)/)[^\s\"']+")
# PostgreSQL shows here the row it refuses, words and names of customers included.
_ROW = re.compile(r"(DETAIL:\s+|CONTEXT:\s+JSON data)[^\n]+")


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for field, value in list(event.items()):
        if not field.startswith("_"):  # the formatter's own, taken out again before rendering
            event[field] = _clean(field, value)
    return event


def _clean(field: str, value: Any) -> Any:
    """The value as it may be written: looked into, and text in the end."""
    if field.lower() in DENIED:
        return "•••"
    match value:
        case None | bool() | int() | float():
            return value
        case bytes():
            return scrub(value.decode("utf-8", "replace"))
        case Mapping():
            return {str(key): _clean(str(key), inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean("", inner) for inner in value]
        case _:
            return scrub(str(value))


def scrub(text: str) -> str:
    """Phone numbers, the secret parts of addresses and refused rows made unreadable."""
    text = _ROW.sub(r"\1•••", text)
    return _SIGNED.sub(r"\1•••", _PHONE.sub(lambda m: "••••" + m.group()[-4:], text))


class _ScrubFilter(logging.Filter):
    """For lines of libraries: the same scrubbing on the finished text."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = scrub(record.getMessage())
        record.args = ()
        return True


def configure_logging(*, console: bool) -> None:
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Before the scrubbing: an exception's text names what it was about.
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redact,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # Never with local variables: they hold customers' words and our secrets.
            exception_formatter=structlog.dev.plain_traceback,
        )
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_ScrubFilter())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("procrastinate", "httpx2", "httpcore2", "alembic", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
