"""The print queue. Claiming, beginning and the heartbeat are one statement each, in autocommit."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.lifecycle import PRINT_JOB, Job, JobEvent, advance
from app.models import NOW
from app.models_orders import PrintAttempt, PrintJob
from app.ports import LEASE_SECONDS, Offer

# set_config stands in the first CTE so that the trigger already knows who acts. The commit does
# not wait for the disk: a claim that a power cut forgets is a claim that never was, its attempt is
# unknown and gets no permission to print. Permission itself is durable, and everything before it.
_CLAIM = f"""
WITH chosen AS (
    SELECT j.id, set_config('printwala.actor', %(actor)s, true),
        set_config('synchronous_commit', 'off', true)
    FROM print_jobs j
    WHERE j.shop_id = %(shop)s AND j.status = 'QUEUED'
      AND (%(color)s OR NOT j.needs_color)
      AND (%(papers)s::text[] IS NULL OR j.paper = ANY(%(papers)s))
      AND (%(job)s::uuid IS NULL OR j.id = %(job)s)
    ORDER BY j.queue_number
    LIMIT 1
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE print_jobs j
    SET status = 'CLAIMED', epoch = j.epoch + 1, attempt_id = gen_random_uuid(),
        worker_id = %(worker)s, printer_name = %(printer)s, error = '',
        lease_until = clock_timestamp() + interval '{LEASE_SECONDS} seconds',
        updated_at = clock_timestamp()
    FROM chosen WHERE j.id = chosen.id
    RETURNING j.*
), tried AS (
    INSERT INTO print_attempts (id, shop_id, job_id, epoch, worker_id, printer_name, sha256, copies)
    SELECT attempt_id, shop_id, id, epoch, worker_id, printer_name, sha256, copies FROM claimed
)
SELECT * FROM claimed
"""

# Granted only to the holder of an unlapsed lease, by the database's clock, while the order is
# still to be printed. Asking again with the same attempt is granted again.
_BEGIN = f"""
WITH held AS (
    SELECT j.id, set_config('printwala.actor', %(actor)s, true)
    FROM print_jobs j JOIN orders o ON o.id = j.order_id
    WHERE j.id = %(job)s AND j.shop_id = %(shop)s AND j.epoch = %(epoch)s
      AND j.attempt_id = %(attempt)s AND j.status IN ('CLAIMED', 'PRINTING')
      AND j.lease_until > clock_timestamp()
      AND (o.status = 'PAID' OR j.kind = 'REPRINT')
    FOR UPDATE OF j
), moved AS (
    UPDATE print_jobs j
    SET status = 'PRINTING', updated_at = clock_timestamp(),
        lease_until = clock_timestamp() + interval '{LEASE_SECONDS} seconds'
    FROM held WHERE j.id = held.id
    RETURNING j.id, j.attempt_id
)
UPDATE print_attempts a
SET started_at = coalesce(a.started_at, clock_timestamp()),
    spool_ref = CASE WHEN %(spool_ref)s <> '' THEN %(spool_ref)s ELSE a.spool_ref END,
    evidence = a.evidence || %(evidence)s
FROM moved WHERE a.id = moved.attempt_id
RETURNING a.job_id
"""

_EXTEND = f"""
UPDATE print_jobs
SET lease_until = clock_timestamp() + interval '{LEASE_SECONDS} seconds'
WHERE id = %(job)s AND shop_id = %(shop)s AND epoch = %(epoch)s AND attempt_id = %(attempt)s
  AND status IN ('CLAIMED', 'PRINTING') AND lease_until > clock_timestamp()
RETURNING status
"""


async def claim(
    connection: psycopg.AsyncConnection[Any], shop_id: UUID, offer: Offer, job_id: UUID | None
) -> dict[str, Any] | None:
    """The first waiting job this offer can print, now held under a new epoch; or None."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            _CLAIM,
            {
                "actor": f"worker:{offer.worker_id}",
                "shop": shop_id,
                "color": offer.color,
                "papers": list(offer.papers) if offer.papers is not None else None,
                "job": job_id,
                "worker": offer.worker_id,
                "printer": offer.printer,
            },
            prepare=True,
        )
        return await cursor.fetchone()


async def begin(
    connection: psycopg.AsyncConnection[Any],
    *,
    shop_id: UUID,
    job_id: UUID,
    epoch: int,
    attempt_id: UUID,
    actor: str,
    evidence: dict[str, Any],
) -> bool:
    """Permission to hand over to the spooler. Raises UniqueViolation while the same printer
    still has another started attempt."""
    cursor = await connection.execute(
        _BEGIN,
        {
            "job": job_id,
            "shop": shop_id,
            "epoch": epoch,
            "attempt": attempt_id,
            "actor": actor,
            "spool_ref": str(evidence.get("spool_ref", ""))[:200],
            "evidence": Jsonb(evidence),
        },
        prepare=True,
    )
    return cursor.rowcount == 1


async def extend(
    connection: psycopg.AsyncConnection[Any],
    *,
    shop_id: UUID,
    job_id: UUID,
    epoch: int,
    attempt_id: UUID,
) -> str | None:
    """A fresh lease; the job's status, or None when the lease is over."""
    cursor = await connection.execute(
        _EXTEND, {"job": job_id, "shop": shop_id, "epoch": epoch, "attempt": attempt_id}
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


class PrintJobs:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, shop_id: UUID, job_id: UUID) -> PrintJob | None:
        found: PrintJob | None = await self._session.scalar(
            select(PrintJob).where(PrintJob.id == job_id, PrintJob.shop_id == shop_id)
        )
        return found

    async def lock(self, job_id: UUID) -> PrintJob | None:
        return await self._session.get(
            PrintJob, job_id, with_for_update=True, populate_existing=True
        )

    async def lock_of_order(self, order_id: UUID) -> list[PrintJob]:
        rows = await self._session.scalars(
            select(PrintJob)
            .where(PrintJob.order_id == order_id)
            .order_by(PrintJob.queue_number)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return list(rows)

    async def add(self, job: PrintJob) -> PrintJob:
        self._session.add(job)
        await self._session.flush()
        return job

    async def move(self, job: PrintJob, event: JobEvent) -> Job:
        """The only place besides the hot statements that assigns a job's status."""
        status = advance(PRINT_JOB, Job(job.status), event)
        job.status = status.value
        if status in (Job.COMPLETED, Job.FAILED, Job.CANCELLED):
            job.finished_at = NOW
        if status in (Job.QUEUED, Job.COMPLETED, Job.FAILED, Job.CANCELLED, Job.UNCERTAIN):
            job.lease_until = None
        await self._session.flush()
        return status

    async def lock_attempt(self, attempt_id: UUID) -> PrintAttempt | None:
        return await self._session.get(
            PrintAttempt, attempt_id, with_for_update=True, populate_existing=True
        )

    async def finish_attempt(self, attempt: PrintAttempt, outcome: str) -> None:
        attempt.outcome = outcome
        if attempt.finished_at is None:
            attempt.finished_at = NOW
        await self._session.flush()

    async def newer_attempt_started(self, attempt: PrintAttempt) -> bool:
        result = await self._session.execute(
            text(
                "SELECT 1 FROM print_attempts WHERE job_id = :job AND epoch > :epoch "
                "AND started_at IS NOT NULL"
            ),
            {"job": attempt.job_id, "epoch": attempt.epoch},
        )
        return result.first() is not None

    async def attempts(self, job_ids: list[UUID]) -> list[PrintAttempt]:
        rows = await self._session.scalars(
            select(PrintAttempt)
            .where(PrintAttempt.job_id.in_(job_ids))
            .order_by(PrintAttempt.claimed_at)
        )
        return list(rows)

    async def lapsed(self, limit: int = 100) -> list[PrintJob]:
        """Jobs whose lease is over, locked, skipping those somebody is working on."""
        rows = await self._session.scalars(
            select(PrintJob)
            .where(
                PrintJob.status.in_((Job.CLAIMED.value, Job.PRINTING.value)),
                PrintJob.lease_until < NOW,
            )
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return list(rows)

    async def waiting(self) -> list[tuple[UUID, UUID]]:
        """Every queued job in order, with its shop: what the Redis mirror should hint at."""
        rows = await self._session.execute(
            text(
                "SELECT id, shop_id FROM print_jobs WHERE status = 'QUEUED' "
                "ORDER BY queue_number LIMIT 200"
            )
        )
        return [(row.id, row.shop_id) for row in rows]

    async def leased_file(self, shop_id: UUID, storage_key: str) -> bool:
        """Whether a worker of this shop holds a live lease on a job with this file."""
        result = await self._session.execute(
            text(
                "SELECT 1 FROM print_jobs WHERE shop_id = :shop AND storage_key = :key "
                "AND status IN ('CLAIMED', 'PRINTING') AND lease_until > clock_timestamp()"
            ),
            {"shop": shop_id, "key": storage_key},
        )
        return result.first() is not None
