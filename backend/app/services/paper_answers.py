"""The answers about paper: it lies in the tray, nothing came out, print it again."""

from __future__ import annotations

from app.domain.errors import NotAllowed
from app.domain.lifecycle import JobEvent
from app.models_orders import PrintAttempt, PrintJob
from app.repositories.unit_of_work import Transaction
from app.services.money_answers import MoneyAnswers
from app.services.print_outcomes import PrintOutcomes
from app.services.queue_service import QueueService
from app.services.scene import Done, Scene

# A reprint is the same paper once more.
_SAME = (
    *("shop_id", "order_id", "document_id", "token", "print_type", "copies", "pages"),
    *("page_ranges", "color_pages", "sides", "paper", "needs_color"),
    *("storage_key", "sha256", "bytes"),
)


class PaperAnswers:
    """Each works inside the caller's transaction on a scene that was found to allow it."""

    def __init__(self, queue: QueueService, outcomes: PrintOutcomes, money: MoneyAnswers) -> None:
        self._queue = queue
        self._outcomes = outcomes
        self._money = money

    async def it_printed(self, tx: Transaction, scene: Scene) -> Done:
        job = _job(scene)
        attempt = await self._attempt(tx, job)
        attempt.evidence = {**attempt.evidence, "confirmed_by": scene.by}
        await tx.print_jobs.move(job, JobEvent.FINISH)
        job.error = ""
        await tx.print_jobs.finish_attempt(attempt, "printed")
        await self._outcomes.printed(tx, job)
        return Done(job_id=job.id)

    async def nothing_came_out_print(self, tx: Transaction, scene: Scene) -> Done:
        await self._nothing_came_out(tx, scene)
        return await self.try_again(tx, scene)

    async def nothing_came_out_refund(self, tx: Transaction, scene: Scene) -> Done:
        await self._nothing_came_out(tx, scene)
        if scene.facts.left_paise:
            return await self._money.refund(tx, scene)
        await tx.print_jobs.move(_job(scene), JobEvent.CANCEL)  # the money went back before
        return Done()

    async def print_again(self, tx: Transaction, scene: Scene) -> Done:
        """All of it once more, because a person says so; what may be on paper is given up."""
        lost = _job(scene)
        await tx.print_jobs.move(lost, JobEvent.REPLACE)
        reprint = PrintJob(
            kind="REPRINT",
            reason=scene.ask.note,
            authorised_by=scene.by,
            **{name: getattr(lost, name) for name in _SAME},
        )
        await tx.print_jobs.add(reprint)
        await self._queue.wait_again(tx, reprint)
        return Done(job_id=reprint.id)

    async def try_again(self, tx: Transaction, scene: Scene) -> Done:
        """Nothing of it is on paper: the same job waits in the queue again."""
        job = _job(scene)
        await tx.print_jobs.move(job, JobEvent.RETRY)
        job.retry_count += 1
        job.finished_at = None
        await self._queue.wait_again(tx, job)
        return Done(job_id=job.id)

    async def _nothing_came_out(self, tx: Transaction, scene: Scene) -> None:
        job = _job(scene)
        attempt = await self._attempt(tx, job)
        attempt.evidence = {**attempt.evidence, "nothing_came_out_by": scene.by}
        await tx.print_jobs.finish_attempt(attempt, "nothing_came_out")
        await tx.print_jobs.move(job, JobEvent.FAIL)

    async def _attempt(self, tx: Transaction, job: PrintJob) -> PrintAttempt:
        attempt = await tx.print_jobs.lock_attempt(job.attempt_id) if job.attempt_id else None
        if attempt is None:
            raise NotAllowed("No attempt of this print is known.", code="no_attempt")
        return attempt


def _job(scene: Scene) -> PrintJob:
    assert scene.job is not None, "a question about paper has a job"
    return scene.job
