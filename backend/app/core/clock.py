"""The one place that reads the wall clock; everybody else is given the time.

Deadlines are decided by the database's clock (``clock_timestamp()``); this one serves what never
decides: link texts, provider fields, ages on a page.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)
