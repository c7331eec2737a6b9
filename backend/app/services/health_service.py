"""Whether the house works: each part asked once, with a reason that holds no secret."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from app.core.database import Database
from app.ports import DocumentPreparer, FileStore, WakeUp
from app.repositories.unit_of_work import UnitOfWork

CHECK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """``status``: ok, degraded or down."""

    status: str
    reason: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class HealthService:
    def __init__(
        self,
        database: Database,
        unit_of_work: UnitOfWork,
        wake_up: WakeUp | None,
        store: FileStore,
        preparer: DocumentPreparer,
    ) -> None:
        self._database = database
        self._unit_of_work = unit_of_work
        self._wake_up = wake_up
        self._store = store
        self._preparer = preparer

    async def checks(self) -> dict[str, Check]:
        database, redis, storage = await asyncio.gather(
            _asked(self._database.ping(), "PostgreSQL does not answer", failed="down"),
            self._redis(),
            _asked(self._store.ping(), "the file store does not answer", failed="down"),
        )
        background, sweeps = Check("down", "unknown while the database is down"), Check("ok")
        if database.status == "ok":
            background, sweeps = await self._background(), await self._sweeps()
        return {
            "database": database,
            "redis": redis,
            "background": background,
            "storage": storage,
            "converter": self._converter(),
            "sweeps": sweeps,
        }

    @staticmethod
    def overall(checks: dict[str, Check]) -> str:
        """Down without database or storage; degraded when anything else is not well."""
        if any(checks[name].status == "down" for name in ("database", "storage")):
            return "down"
        return "ok" if all(check.status == "ok" for check in checks.values()) else "degraded"

    async def _redis(self) -> Check:
        if self._wake_up is None:
            return Check("ok", "not used: wake-ups go through PostgreSQL")
        return await _asked(
            self._wake_up.ping(), "Redis does not answer; printing goes on, a little slower"
        )

    async def _background(self) -> Check:
        async with self._unit_of_work("system:health") as tx:
            age = await tx.reports.background_silence()
            waiting = await tx.reports.tasks_waiting()
        if age is None or age > 40:
            return Check(
                "degraded", "no background worker has been seen for 40 seconds", waiting_of(waiting)
            )
        return Check("ok", facts=waiting_of(waiting))

    async def _sweeps(self) -> Check:
        async with self._unit_of_work("system:health") as tx:
            runs = await tx.reports.sweeps()
        return Check(
            "ok",
            facts={run.name: run.succeeded_at and run.succeeded_at.isoformat() for run in runs},
        )

    def _converter(self) -> Check:
        missing = self._preparer.missing()
        if not missing:
            return Check("ok")
        return Check("degraded", "; ".join(f"{name}: {why}" for name, why in missing.items()))


def waiting_of(queues: dict[str, int]) -> dict[str, Any]:
    """Tasks in line: chats and money in one queue, files to be made print-ready in the other."""
    return {"waiting": {"chats": queues.get("default", 0), "files": queues.get("documents", 0)}}


async def _asked(question: Awaitable[None], sentence: str, *, failed: str = "degraded") -> Check:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await question
    except Exception:  # noqa: BLE001 - any failure is the same answer: it is not well
        return Check(failed, sentence)
    return Check("ok")
