"""What went over the wire in both directions, in plain words and without secrets."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from simulator.signing import masked

BODY_LIMIT = 8_000  # characters of a body kept per row
ROWS = 4_000  # enough for thirty customers at once


@dataclass
class Row:
    id: int
    at: float
    direction: Literal["in", "out"]  # in: the backend called us; out: we called the backend
    provider: Literal["twilio", "razorpay"]
    operation: str
    line: str
    method: str
    path: str
    status: int | None
    milliseconds: int
    headers: dict[str, str]
    body: str
    answer: str
    about: str = ""
    event: str = ""


class WireLog:
    """The last rows, oldest first."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secrets)
        self._rows: deque[Row] = deque(maxlen=ROWS)
        self._next = 1

    def add(
        self,
        *,
        direction: Literal["in", "out"],
        provider: Literal["twilio", "razorpay"],
        operation: str,
        line: str,
        method: str,
        path: str,
        status: int | None,
        seconds: float,
        headers: Mapping[str, str],
        body: bytes,
        answer: bytes | str = b"",
        about: str = "",
        event: str = "",
    ) -> Row:
        row = Row(
            id=self._next,
            at=time.time(),
            direction=direction,
            provider=provider,
            operation=operation,
            line=masked(line, self._secrets),
            method=method,
            path=masked(path, self._secrets),
            status=status,
            milliseconds=round(seconds * 1000),
            headers=self._headers(headers),
            body=self._text(body),
            answer=self._text(answer),
            about=about,
            event=event,
        )
        self._next += 1
        self._rows.append(row)
        return row

    def after(self, number: int) -> list[dict[str, Any]]:
        """Rows with a greater number."""
        return [asdict(row) for row in self._rows if row.id > number]

    def clear(self) -> None:
        """Numbers go on, so a page that polls notices nothing odd."""
        self._rows.clear()

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        shown = {}
        for name, value in headers.items():
            if name.lower() == "authorization":
                value = value.split(" ", 1)[0] + " •••"
            shown[name.lower()] = masked(value, self._secrets)
        return shown

    def _text(self, body: bytes | str) -> str:
        if isinstance(body, bytes):
            if b"\0" in body[:1024]:
                return f"({len(body)} bytes)"
            body = body.decode("utf-8", "replace")
        text = masked(body, self._secrets)
        return text if len(text) <= BODY_LIMIT else text[:BODY_LIMIT] + " …"
