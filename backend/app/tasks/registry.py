"""Every task by name: thin functions, one use case each. Names are what use cases defer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import procrastinate
import structlog
from procrastinate import JobContext

from app.domain.chat import Layout
from app.domain.errors import ProviderUnavailable, ProviderUncertain, Refusal
from app.services.document_service import DocumentService
from app.services.housekeeping import Housekeeping
from app.services.inbox_service import InboxService
from app.services.link_service import LinkService
from app.services.print_ready_service import PrintReadyService
from app.services.refund_service import RefundService
from app.services.sheet_service import SheetService
from app.services.twilio_service import TwilioService
from app.tasks.work_queue import Patience, ShortPatience, retry_stalled

log = structlog.get_logger(__name__)

KEEP_FAILED_HOURS = 24 * 14


@dataclass(frozen=True, slots=True)
class UseCases:
    inbox: InboxService
    documents: DocumentService
    print_ready: PrintReadyService
    sheets: SheetService
    twilio: TwilioService
    links: LinkService
    refunds: RefundService
    housekeeping: Housekeeping


async def _or_answer(
    context: JobContext,
    patience: Patience,
    work: Awaitable[object],
    answer: Callable[[Exception], Awaitable[None]],
) -> None:
    """Runs ``work``; when it fails for the last time, for whatever reason, the answer is given:
    otherwise a customer is left waiting, and the sweep takes the same work up for ever."""
    try:
        await work
    except Exception as error:  # whatever it was, the customer waits for an answer
        if patience.get_retry_decision(exception=error, job=context.job) is not None:
            raise
        log.error("given up", task=context.job.task_name, exc_info=error, **context.job.task_kwargs)
        await answer(error)


def _why(error: Exception) -> str:
    """For staff: what a provider said, and of a bug only its kind, as its words may hold names."""
    provider = isinstance(error, ProviderUnavailable | ProviderUncertain)
    return str(error) if provider else type(error).__name__


def register(queue: procrastinate.App, use: UseCases) -> None:
    patient, short = Patience(), ShortPatience()

    @queue.task(name="receive", retry=patient, pass_context=True)
    async def receive(context: JobContext, inbox_id: int) -> None:
        try:
            await use.inbox.process(inbox_id)
        except Exception as error:  # a bug in a handler must not be tried for ever
            if patient.get_retry_decision(exception=error, job=context.job) is not None:
                raise
            await use.inbox.bury(inbox_id, f"{type(error).__name__}: {error}")
            raise

    @queue.task(name="prepare_document", queue="documents", retry=short, pass_context=True)
    async def prepare_document(context: JobContext, document_id: str) -> None:
        async def answer(error: Exception) -> None:
            provider = isinstance(error, ProviderUnavailable | ProviderUncertain)
            reason = Refusal.NOT_FETCHED if provider else Refusal.CONVERTER_FAILED
            await use.documents.refuse(UUID(document_id), reason)

        await _or_answer(context, short, use.documents.prepare(UUID(document_id)), answer)

    @queue.task(name="make_print_ready", queue="documents", retry=short, pass_context=True)
    async def make_print_ready(context: JobContext, order_id: str) -> None:
        async def answer(error: Exception) -> None:
            await use.print_ready.give_up(UUID(order_id), type(error).__name__)

        await _or_answer(context, short, use.print_ready.make(UUID(order_id)), answer)

    @queue.task(name="make_sheet", queue="documents", retry=short, pass_context=True)
    async def make_sheet(
        context: JobContext, order_id: str, layout: str, document_ids: list[str]
    ) -> None:
        async def answer(_: Exception) -> None:
            await use.sheets.give_up(UUID(order_id))

        photos = list(map(UUID, document_ids))
        made = use.sheets.make(UUID(order_id), Layout(layout), photos)
        await _or_answer(context, short, made, answer)

    @queue.task(name="send_message", retry=patient, pass_context=True)
    async def send_message(context: JobContext, message_id: int) -> None:
        async def answer(error: Exception) -> None:
            await use.twilio.gave_up_sending(message_id, _why(error))

        await _or_answer(context, patient, use.twilio.send(message_id), answer)

    @queue.task(name="make_link", retry=patient, pass_context=True)
    async def make_link(context: JobContext, payment_id: str) -> None:
        async def answer(error: Exception) -> None:
            await use.links.no_link(UUID(payment_id), _why(error))

        await _or_answer(context, patient, use.links.make_link(UUID(payment_id)), answer)

    @queue.task(name="close_link", retry=patient)
    async def close_link(payment_id: str) -> None:
        await use.links.close_link(UUID(payment_id))

    @queue.task(name="look_at_link", retry=patient)
    async def look_at_link(payment_id: str, door: str) -> None:
        await use.links.look(UUID(payment_id), door=door)

    @queue.task(name="issue_refund", retry=patient)
    async def issue_refund(refund_id: str) -> None:
        await use.refunds.issue(UUID(refund_id))

    _register_sweeps(queue, use.housekeeping)


def _register_sweeps(queue: procrastinate.App, keep: Housekeeping) -> None:
    async def stalled() -> str:
        return f"{await retry_stalled(queue)} tasks of dead workers started again"

    async def finished() -> str:
        await queue.job_manager.delete_old_jobs(
            nb_hours=KEEP_FAILED_HOURS, include_failed=True, include_cancelled=True
        )
        return "old tasks removed"

    # The sixth field of a cron line is seconds.
    for name, cron, work in (
        ("sweep_leases", "* * * * * */5", keep.leases),
        ("sweep_payments", "* * * * * */10", keep.payments),
        ("sweep_captures", "23 4,10,16,22 * * *", keep.captures),
        ("sweep_refunds", "* * * * * */30", keep.refunds),
        ("sweep_orders", "* * * * * */15", keep.orders),
        ("sweep_lost_tasks", "* * * * * */15", keep.lost_tasks),
        ("sweep_stalled", "* * * * * */15", stalled),
        ("sweep_messages", "*/3 * * * *", keep.messages),
        ("sweep_documents", "*/5 * * * *", keep.documents),
        ("sweep_bills", "*/10 * * * *", keep.bills),
        ("sweep_finished", "17 4 * * *", finished),
    ):
        _register_sweep(queue, name, cron, work)


def _register_sweep(
    queue: procrastinate.App, name: str, cron: str, work: Callable[[], Awaitable[str]]
) -> None:
    # The sweep that frees the tasks of dead workers has no lane: one that died with its process
    # would hold it for ever. Two at once only do the same twice.
    lane = None if name == "sweep_stalled" else name

    @queue.periodic(cron=cron)
    @queue.task(name=name, queueing_lock=name, lock=lane)
    async def sweep(timestamp: int) -> None:  # noqa: ARG001 - the queue passes when it was due
        await work()
