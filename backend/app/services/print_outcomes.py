"""How a print attempt ends, and what follows: the order, the attention list, the customer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.domain.lifecycle import Job, JobEvent, OrderEvent
from app.domain.lifecycle import Order as OrderStatus
from app.domain.wording import Text
from app.models_orders import PrintAttempt, PrintJob
from app.repositories.unit_of_work import Transaction
from app.services.notices import Notices

MAX_RELEASES = 20  # a job given back this often is not going to print by itself


@dataclass(frozen=True, slots=True)
class Answer:
    """``go`` is the permission to hand over, valid for ``valid_seconds`` after it was asked."""

    job_id: UUID
    status: str
    go: bool = False
    valid_seconds: int = 0
    lease_seconds: int = 0


class PrintOutcomes:
    """Works inside the caller's transaction, which holds order, job and attempt."""

    def __init__(
        self,
        notices: Notices,
        wake_after: Callable[[Transaction, PrintJob], None],
        *,
        retention_hours: int,
    ) -> None:
        self._notices = notices
        self._wake_after = wake_after
        self._retention_hours = retention_hours

    async def finish(self, tx: Transaction, job: PrintJob, attempt: PrintAttempt) -> Answer:
        if _only_an_exit_code(attempt.evidence) and job.status == Job.PRINTING:
            return await self.lose(tx, job, attempt, "reported as printed on an exit code alone")
        if not proves(attempt.evidence):
            # The worker's word that its spooler finished is kept as what it is.
            attempt.evidence = {**attempt.evidence, "spooler_completed": "reported"}
        await tx.print_jobs.move(job, JobEvent.FINISH)
        job.error = ""
        await tx.print_jobs.finish_attempt(attempt, "printed")
        await tx.messages.close_items(
            f"job:{job.id}", by=f"worker:{attempt.worker_id}", resolution="printed"
        )
        await self.printed(tx, job)
        return Answer(job.id, job.status)

    async def printed(self, tx: Transaction, job: PrintJob) -> None:
        """The order becomes ready when all its paper is out, and the customer is told."""
        order = await tx.orders.lock(job.order_id)
        if order is None or order.status != OrderStatus.PAID:
            return
        waiting = [
            other
            for other in await tx.orders.jobs(order.id)
            if other.id != job.id and other.status not in (Job.COMPLETED, Job.CANCELLED)
        ]
        if waiting:
            return
        await tx.orders.move(order, OrderEvent.PRINTED)
        await tx.messages.close_items(
            f"order:{order.id}", by="system:printed", resolution="printed", kind="not_moving"
        )
        await tx.documents.keep_for(order.id, hours=self._retention_hours)
        await self._notices.order(tx, order, Text.READY, key="ready", token=order.token)

    async def release(
        self, tx: Transaction, job: PrintJob, attempt: PrintAttempt, error: str
    ) -> Answer:
        await tx.print_jobs.move(job, JobEvent.RELEASE)
        job.error = error[:500]
        await tx.print_jobs.finish_attempt(attempt, "released")
        if job.epoch >= MAX_RELEASES and job.epoch % MAX_RELEASES == 0:
            await tx.messages.open_item(
                shop_id=job.shop_id,
                kind="cannot_print",
                subject=f"job:{job.id}",
                order_id=job.order_id,
                detail=error or "the job was given back again and again",
            )
        self._wake_after(tx, job)
        return Answer(job.id, job.status)

    async def fail(
        self, tx: Transaction, job: PrintJob, attempt: PrintAttempt, error: str
    ) -> Answer:
        await tx.print_jobs.move(job, JobEvent.FAIL)
        job.error = error[:500]
        await tx.print_jobs.finish_attempt(attempt, "never_accepted")
        order = await tx.orders.get(job.order_id)
        if order is None or order.status != OrderStatus.PAID:
            # The money went back while the printer was at it: nobody waits for this paper.
            await tx.print_jobs.move(job, JobEvent.CANCEL)
            return Answer(job.id, job.status)
        await tx.messages.open_item(
            shop_id=job.shop_id,
            kind="print_failed",
            subject=f"job:{job.id}",
            order_id=job.order_id,
            detail=error or "the printer did not take the job",
        )
        await self._delayed(tx, job)
        return Answer(job.id, job.status)

    async def lose(
        self, tx: Transaction, job: PrintJob, attempt: PrintAttempt | None, why: str
    ) -> Answer:
        await tx.print_jobs.move(job, JobEvent.LOSE)
        return await self.uncertain(tx, job, attempt, why)

    async def uncertain(
        self, tx: Transaction, job: PrintJob, attempt: PrintAttempt | None, why: str
    ) -> Answer:
        job.error = why[:500]
        if attempt is not None:
            await tx.print_jobs.finish_attempt(attempt, "unknown")
        await tx.messages.open_item(
            shop_id=job.shop_id,
            kind="did_it_print",
            subject=f"job:{job.id}",
            order_id=job.order_id,
            detail=why,
        )
        await self._delayed(tx, job)
        return Answer(job.id, job.status)

    async def _delayed(self, tx: Transaction, job: PrintJob) -> None:
        order = await tx.orders.get(job.order_id)
        if order is not None and order.status == OrderStatus.PAID:
            await self._notices.order(
                tx, order, Text.DELAYED, key=f"delayed:{job.id}", token=order.token
            )


def proves(evidence: dict[str, Any]) -> bool:
    """Completion by the spooler, a risen page counter, or a person."""
    return bool(
        evidence.get("spooler_completed")
        or evidence.get("counter_delta")
        or evidence.get("confirmed_by")
    )


def _only_an_exit_code(evidence: dict[str, Any]) -> bool:
    """Print programs say 0 without paper and 1 with it: such a report settles nothing."""
    return bool(evidence) and set(evidence) <= {"exit_code", "exit_status", "spool_ref", "spooled"}
