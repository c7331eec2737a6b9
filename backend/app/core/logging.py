"""One line an event: pretty on a terminal, JSON for machines; never a secret or a person.

Fields are denied by name, phone numbers masked and signed addresses cut wherever they appear,
so that a careless call cannot leak.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

DENIED = frozenset(
    [
        *("body", "text", "name", "phone", "to", "from_", "profile_name", "label"),
        *("token", "secret", "key", "password", "authorization", "api_key", "auth_token"),
        *("url", "short_url", "signature"),
    ]
)
# Not inside identifiers, whose digits say nothing about anybody.
_PHONE = re.compile(r"(?<![\w-])\+?\d{10,15}(?![\w-])")
_SIGNED = re.compile(r"(/(?:files|o)/)[^\s\"']+")


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for field, value in list(event.items()):
        if field in DENIED:
            event[field] = "•••"
        elif isinstance(value, str):
            event[field] = scrub(value)
    return event


def scrub(text: str) -> str:
    """Phone numbers and the secret parts of addresses made unreadable."""
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
        processors=[
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
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
