"""The three calls of a print worker, each over a pooled connection of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.core.database import Database
from app.ports import Offer
from app.repositories.print_jobs import begin, claim, extend
from tests.backend.repositories.rows import Rows

ANYTHING = Offer("pc-1", "Front", color=True, papers=None)


@dataclass(frozen=True, slots=True)
class Held:
    """A claim as the worker knows it."""

    job: UUID
    epoch: int
    attempt: UUID


async def take(
    database: Database, rows: Rows, offer: Offer = ANYTHING, job: UUID | None = None
) -> dict[str, Any] | None:
    async with database.pool.connection() as connection:
        return await claim(connection, rows.shop, offer, job)


async def held(database: Database, rows: Rows, offer: Offer = ANYTHING) -> Held:
    got = await take(database, rows, offer)
    assert got is not None
    return Held(got["id"], got["epoch"], got["attempt_id"])


async def start(database: Database, rows: Rows, own: Held, **evidence: object) -> bool:
    async with database.pool.connection() as connection:
        return await begin(
            connection,
            shop_id=rows.shop,
            job_id=own.job,
            epoch=own.epoch,
            attempt_id=own.attempt,
            actor="worker:pc-1",
            evidence=dict(evidence),
        )


async def lengthen(database: Database, rows: Rows, own: Held) -> str | None:
    async with database.pool.connection() as connection:
        return await extend(
            connection,
            shop_id=rows.shop,
            job_id=own.job,
            epoch=own.epoch,
            attempt_id=own.attempt,
        )


def lapse(rows: Rows, job: UUID) -> None:
    rows.run(
        "UPDATE print_jobs SET lease_until = clock_timestamp() - interval '1 second' WHERE id = %s",
        job,
    )
