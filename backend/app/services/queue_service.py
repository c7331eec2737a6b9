"""Paper out: claim, begin, report. What workers may send and hear stands in ``api/schemas``.

At most once on paper: after permission to hand over was given, only proof of completion or a
person moves a job on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from app.core.crash import crash_here
from app.core.database import Database, Listener, UniqueViolation
from app.domain.errors import BadInput, IllegalMove, NotAllowed, NotFound
from app.domain.lifecycle import Job, JobEvent
from app.domain.lifecycle import Order as OrderStatus
from app.domain.print_plan import Choices, ranges
from app.models_orders import Order, PrintAttempt, PrintJob, QuoteRow
from app.ports import LEASE_SECONDS, Offer, WakeUp
from app.repositories import print_jobs as hot
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.notices import Notices
from app.services.print_outcomes import Answer, PrintOutcomes, proves

log = structlog.get_logger(__name__)

PERMISSION_SECONDS = 20
MAX_WAIT_SECONDS = 30
RESCAN_SECONDS = 5.0  # a lost wake-up costs at most this


@dataclass(frozen=True, slots=True)
class Report:
    """A worker's word about a job it holds or held."""

    job_id: UUID
    status: str
    epoch: int
    attempt_id: UUID
    worker_id: str = ""
    error: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


class StaleClaim(NotAllowed):
    code = "stale_claim"


class QueueService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        database: Database,
        listener: Listener,
        wake_up: WakeUp,
        notices: Notices,
        *,
        queue_name: str,
        default_shop_id: UUID,
        retention_hours: int,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._database = database
        self._listener = listener
        self._wake_up = wake_up
        self._queue_name = queue_name
        self._default_shop_id = default_shop_id
        self.outcomes = PrintOutcomes(notices, self.wake_after, retention_hours=retention_hours)
        self._closing = False

    def close_doors(self) -> None:
        """The process is stopping: claims that are held open are answered now."""
        self._closing = True
        self._listener.wake_all()

    # In

    async def enqueue(
        self, tx: Transaction, order: Order, quote: QuoteRow, *, authorised_by: str = ""
    ) -> PrintJob:
        """The order's original job; workers are woken once the transaction is committed."""
        document = (await tx.documents.of_order(order.id))[0]
        made = await tx.orders.file(quote.print_file_id) if quote.print_file_id else document
        choices = Choices.read(quote.choices)
        colored = list(quote.color_pages) if quote.print_type == "BOTH" else []
        if quote.print_type == "COLOR":
            # A blank back is a page of a laid-out file, and carries no ink.
            every = list(range(1, quote.pages + 1))
            colored = list(quote.color_pages) if quote.print_file_id else every
        job = await tx.print_jobs.add(
            PrintJob(
                shop_id=order.shop_id,
                order_id=order.id,
                document_id=document.id,
                token=order.token,
                print_type=quote.print_type,
                copies=quote.copies,
                pages=quote.pages,
                page_ranges=ranges(range(1, quote.pages + 1)),
                color_pages=colored,
                needs_color=bool(colored),
                sides=choices.sides.value,
                paper=choices.paper.value,
                collate=choices.collate,
                storage_key=made.storage_key,
                sha256=quote.sha256,
                bytes=made.bytes,
                authorised_by=authorised_by,
            )
        )
        self.wake_after(tx, job)
        return job

    async def wait_again(self, tx: Transaction, job: PrintJob) -> None:
        """A job that a person queued: it is held while the bank asks about its money."""
        if any(payment.disputed for payment in await tx.payments.of_order(job.order_id)):
            await tx.print_jobs.move(job, JobEvent.HOLD)
        else:
            self.wake_after(tx, job)

    def wake_after(self, tx: Transaction, job: PrintJob) -> None:
        job_id, shop_id = job.id, job.shop_id

        async def announce() -> None:
            crash_here("mover.before_wake")
            queue = await self._queue_of(shop_id)
            await self._wake_up.announce(queue, str(job_id), str(shop_id))

        tx.after_commit.append(announce)

    async def _queue_of(self, shop_id: UUID) -> str:
        """The default shop's list has the bare name, others carry the shop's code."""
        if shop_id == self._default_shop_id:
            return self._queue_name
        async with self._unit_of_work("system:queue") as tx:
            return f"{self._queue_name}:{(await tx.shops.get(shop_id)).code}"

    async def hint_again(self) -> int:
        """Rings for every waiting job: what Redis lost is hinted again."""
        async with self._unit_of_work("system:queue") as tx:
            waiting = await tx.print_jobs.waiting()
        for job_id, shop_id in waiting:
            queue = await self._queue_of(shop_id)
            await self._wake_up.announce(queue, str(job_id), str(shop_id))
        return len(waiting)

    # Out

    async def claim(
        self,
        shop_id: UUID,
        offer: Offer,
        *,
        wait: float,
        job_id: UUID | None = None,
        gone: Callable[[], Awaitable[bool]] | None = None,
    ) -> dict[str, Any] | None:
        """The next job for this offer, waiting up to ``wait`` seconds for one.

        ``gone`` tells that nobody waits for the answer any more: a worker that was killed must
        not be given the next job, which would lie until its lease is over.
        """
        loop_until = asyncio.get_running_loop().time() + min(wait, MAX_WAIT_SECONDS)
        while True:
            heard = self._listener.heard
            async with self._database.pool.connection() as connection:
                crash_here("api.claim_before_commit")
                job = await hot.claim(connection, shop_id, offer, job_id)
            if job is not None:
                crash_here("api.claim_after_commit")
                log.info("claimed", job=str(job["id"]), token=job["token"], epoch=job["epoch"])
                return job
            left = loop_until - asyncio.get_running_loop().time()
            if left <= 0 or self._closing:
                return None
            await self._listener.wait(heard, min(left, RESCAN_SECONDS))
            if gone is not None and await gone():
                return None

    async def heartbeat(self, shop_id: UUID, job_id: UUID, epoch: int, attempt_id: UUID) -> Answer:
        async with self._database.pool.connection() as connection:
            status = await hot.extend(
                connection, shop_id=shop_id, job_id=job_id, epoch=epoch, attempt_id=attempt_id
            )
        if status is None:
            raise StaleClaim("This claim is over; stop working on the job.")
        return Answer(job_id, status, lease_seconds=LEASE_SECONDS)

    async def report(self, shop_id: UUID, report: Report) -> Answer:
        """Applies a report. The same report again changes nothing and answers the same."""
        if report.status == Job.PRINTING:
            return await self._begin(shop_id, report)
        events = {
            Job.QUEUED.value: JobEvent.RELEASE,
            Job.COMPLETED.value: JobEvent.FINISH,
            Job.FAILED.value: JobEvent.FAIL,
            Job.UNCERTAIN.value: JobEvent.LOSE,
        }
        event = events.get(report.status)
        if event is None:
            raise BadInput(
                f"status {report.status!r} is not one a worker reports; use PRINTING, COMPLETED, "
                "FAILED, UNCERTAIN or QUEUED"
            )
        worker = report.worker_id or "unnamed"
        async with self._unit_of_work(f"worker:{worker}") as tx:
            job, attempt = await self._held(tx, shop_id, report)
            attempt.evidence = {**attempt.evidence, **report.evidence}
            answer = await self._apply(tx, job, attempt, event, report)
            crash_here("api.report_before_commit")
        crash_here("api.report_after_commit")
        if answer is None:
            raise StaleClaim("This claim is over; the evidence was kept, nothing else changed.")
        return answer

    async def _begin(self, shop_id: UUID, report: Report) -> Answer:
        try:
            async with self._database.pool.connection() as connection:
                crash_here("api.begin_before_commit")
                granted = await hot.begin(
                    connection,
                    shop_id=shop_id,
                    job_id=report.job_id,
                    epoch=report.epoch,
                    attempt_id=report.attempt_id,
                    actor=f"worker:{report.worker_id or 'unnamed'}",
                    evidence=report.evidence,
                )
        except UniqueViolation:
            raise NotAllowed(
                "This printer has another job in flight; say how that one ended, then ask again.",
                code="printer_busy",
            ) from None
        if granted:
            crash_here("api.begin_after_commit")
            return Answer(
                report.job_id,
                Job.PRINTING.value,
                go=True,
                valid_seconds=PERMISSION_SECONDS,
                lease_seconds=LEASE_SECONDS,
            )
        async with self._unit_of_work("system:begin") as tx:
            _, attempt = await self._held(tx, shop_id, report)
            attempt.evidence = {**attempt.evidence, **report.evidence}
        raise StaleClaim("This claim is over or the order was cancelled; do not print.")

    async def _held(
        self, tx: Transaction, shop_id: UUID, report: Report
    ) -> tuple[PrintJob, PrintAttempt]:
        """Locks order, job and attempt, in the house's order."""
        known = await tx.print_jobs.get(shop_id, report.job_id)
        if known is None:
            raise NotFound("No such print job.")
        await tx.orders.lock(known.order_id)
        job = await tx.print_jobs.lock(known.id)
        attempt = await tx.print_jobs.lock_attempt(report.attempt_id)
        if job is None or attempt is None or attempt.job_id != job.id:
            raise StaleClaim("This attempt is not one of this job's.")
        return job, attempt

    async def _apply(
        self,
        tx: Transaction,
        job: PrintJob,
        attempt: PrintAttempt,
        event: JobEvent,
        report: Report,
    ) -> Answer | None:
        """None when the report is stale; whatever was kept as evidence stays kept."""
        current = job.epoch == report.epoch and job.attempt_id == report.attempt_id
        status = Job(job.status)
        # A print that failed after its money went back is cancelled, not failed.
        told = event is JobEvent.FAIL and attempt.outcome == "never_accepted"
        if current and attempt.outcome and (told or status.value == report.status):
            return Answer(job.id, job.status)
        if event is JobEvent.FINISH and status is Job.UNCERTAIN:
            # Late proof, in the safe direction only: nothing newer was started since.
            if await tx.print_jobs.newer_attempt_started(attempt) or not proves(report.evidence):
                return None
            return await self.outcomes.finish(tx, job, attempt)
        if not current:
            return None
        if status is Job.UNCERTAIN and event is not JobEvent.LOSE:
            return None  # a person is being asked; no later word of a machine answers for them
        if event is JobEvent.RELEASE and status is Job.QUEUED:
            return Answer(job.id, job.status)
        proven_unprinted = bool(report.evidence.get("never_accepted"))
        if event is JobEvent.FAIL and status is Job.PRINTING and not proven_unprinted:
            event = JobEvent.LOSE
        if event is JobEvent.LOSE and status in (Job.CLAIMED, Job.UNCERTAIN):
            # Never started, so nothing is on paper; or already being asked about.
            if status is Job.UNCERTAIN:
                return Answer(job.id, job.status)
            event = JobEvent.RELEASE
        try:
            if event is JobEvent.FINISH:
                return await self.outcomes.finish(tx, job, attempt)
            if event is JobEvent.RELEASE:
                return await self.outcomes.release(tx, job, attempt, report.error)
            if event is JobEvent.FAIL:
                return await self.outcomes.fail(tx, job, attempt, report.error)
            return await self.outcomes.lose(tx, job, attempt, report.error)
        except IllegalMove:
            return None

    # Sweeps and people

    async def lapse(self) -> int:
        """Leases that ran out: unstarted jobs wait again, started ones become questions."""
        async with self._unit_of_work("system:leases") as tx:
            jobs = await tx.print_jobs.lapsed()
            for job in jobs:
                attempt = (
                    await tx.print_jobs.lock_attempt(job.attempt_id) if job.attempt_id else None
                )
                if await tx.print_jobs.move(job, JobEvent.LEASE_LAPSED) is Job.QUEUED:
                    if attempt is not None:
                        await tx.print_jobs.finish_attempt(attempt, "lapsed")
                    self.wake_after(tx, job)
                else:
                    await self.outcomes.uncertain(
                        tx, job, attempt, "the worker fell silent while printing"
                    )
        return len(jobs)

    async def retry(self, shop_id: UUID, job_id: UUID, *, by: str) -> PrintJob:
        """Only a job that provably never reached paper goes back into the queue."""
        async with self._unit_of_work(by) as tx:
            known = await tx.print_jobs.get(shop_id, job_id)
            if known is None:
                raise NotFound("No such print job.")
            order = await tx.orders.lock(known.order_id)
            job = await tx.print_jobs.lock(job_id)
            assert job is not None and order is not None
            if job.status != Job.FAILED or order.status != OrderStatus.PAID:
                raise NotAllowed(
                    f"Only a job that failed before paper can be retried; this one is {job.status}"
                    f" and its order {order.status}.",
                    code="not_retryable",
                )
            await tx.print_jobs.move(job, JobEvent.RETRY)
            job.retry_count += 1
            job.finished_at = None
            await tx.messages.close_items(f"job:{job.id}", by=by, resolution="retried")
            await tx.messages.audit(
                shop_id=shop_id, actor=by, action="retry", subject=f"job:{job.id}"
            )
            await self.wait_again(tx, job)
            await tx.session.refresh(job)  # the caller shows it, and the session ends here
        return job

    async def get(self, shop_id: UUID, job_id: UUID) -> PrintJob:
        async with self._unit_of_work("system:read") as tx:
            job = await tx.print_jobs.get(shop_id, job_id)
        if job is None:
            raise NotFound("No such print job.")
        return job
