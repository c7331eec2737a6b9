"""The print queue: the hint that wakes a worker, and what a worker offers to print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

LEASE_SECONDS = 90  # so long a claimed job is the worker's without a word from it


@dataclass(frozen=True, slots=True)
class Offer:
    """What the caller can print now. ``printer`` is named when it is a single one."""

    worker_id: str
    printer: str
    color: bool
    papers: tuple[str, ...] | None


class WakeUp(Protocol):
    """A hint to print workers that a job is waiting. Losing one costs a few seconds."""

    async def announce(self, queue: str, job_id: str, shop_id: str) -> None: ...

    async def ping(self) -> None: ...

    async def close(self) -> None: ...
