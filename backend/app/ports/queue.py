"""The print queue's hint."""

from __future__ import annotations

from typing import Protocol


class WakeUp(Protocol):
    """A hint to print workers that a job is waiting. Losing one costs a few seconds."""

    async def announce(self, queue: str, job_id: str, shop_id: str) -> None: ...

    async def ping(self) -> None: ...

    async def close(self) -> None: ...
