"""The task queue: procrastinate on the same PostgreSQL, so that work commits with its cause."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import procrastinate
import psycopg
import structlog
from procrastinate import exceptions, jobs
from procrastinate.jobs import Job

from app.core.database import (
    DATABASE_DOWN,
    NETWORK,
    RECONNECT_SECONDS,
    TIMEOUTS,
    queue_pool,
)
from app.domain.errors import ProviderUnavailable, ProviderUncertain

log = structlog.get_logger(__name__)

# A job whose lane was busy waits for the next look, so looks are frequent.
LOOK_SECONDS = 0.2
CHAT_WORKERS = 12
DOCUMENT_WORKERS = 3
STOP_SECONDS = 5
# Fetching and finishing tasks are single short statements; few connections serve many workers.
QUEUE_CONNECTIONS = 8
STALLED_SECONDS = 30

# Seconds before the next try, for a provider that cannot be reached: 1 s, 3 s, 10 s, ... in all
# about 40 minutes. Then the task's own way out is taken.
PATIENCE = (1, 3, 10, 20, 30, 60, 120, 300, 600, 1200)
WORTH_WAITING_FOR = (ProviderUnavailable, ProviderUncertain, *DATABASE_DOWN)
# What Twilio's media and the file store raise while they are away; a full disk is one.
FILE_OUT_OF_REACH = (ProviderUnavailable, ProviderUncertain, OSError)


class Patience(procrastinate.BaseRetryStrategy):
    """Tries again what did not happen or may not have happened; a bug gets three more tries."""

    def waits(self, exception: BaseException) -> tuple[int, ...]:
        return PATIENCE if isinstance(exception, WORTH_WAITING_FOR) else PATIENCE[:3]

    def get_retry_decision(
        self, *, exception: BaseException, job: Job
    ) -> procrastinate.RetryDecision | None:
        waits = self.waits(exception)
        if job.attempts >= len(waits):
            return None
        wait = waits[job.attempts]
        if isinstance(exception, ProviderUnavailable) and exception.retry_after:
            wait = max(wait, min(int(exception.retry_after) + 1, 600))
        return procrastinate.RetryDecision(retry_in={"seconds": wait})


class ShortPatience(Patience):
    """For a file somebody waits for in the chat: Twilio and the file store get two minutes."""

    def waits(self, exception: BaseException) -> tuple[int, ...]:
        if isinstance(exception, FILE_OUT_OF_REACH):
            return PATIENCE[:6]
        return super().waits(exception)


def open_queue(database_url: str) -> procrastinate.App:
    connector = procrastinate.PsycopgConnector(
        pool_factory=queue_pool,
        conninfo=database_url,
        min_size=1,
        max_size=QUEUE_CONNECTIONS,
        reconnect_timeout=RECONNECT_SECONDS,
        kwargs={"options": TIMEOUTS, **NETWORK},
    )
    return procrastinate.App(connector=connector)


class Deferrer:
    """``Defer`` for the unit of work: through its connection, by task name."""

    def __init__(self, queue: procrastinate.App) -> None:
        self._queue = queue

    async def __call__(
        self,
        connection: psycopg.AsyncConnection[Any],
        task: str,
        *,
        lane: str | None,
        queue: str,
        once: str | None,
        arguments: dict[str, Any],
    ) -> None:
        deferrer = self._queue.configure_task(
            task,
            lock=lane,
            queueing_lock=once,
            queue=queue,
            connection=connection,
        )
        if once is None:
            await deferrer.defer_async(**arguments)
            return
        # A savepoint, because a task that waits already is refused by a unique index.
        with contextlib.suppress(exceptions.AlreadyEnqueued):
            async with connection.transaction():
                await deferrer.defer_async(**arguments)


class Background:
    """The workers of this process: one for chats and money, one for documents, which are slow."""

    def __init__(self, queue: procrastinate.App) -> None:
        self._queue = queue
        self._running: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self) -> None:
        for name, queues, concurrency in (
            ("chats", ["default"], CHAT_WORKERS),
            ("documents", ["documents"], DOCUMENT_WORKERS),
        ):
            self._running.append(
                asyncio.create_task(self._work(name, queues, concurrency), name=f"work {name}")
            )

    async def _work(self, name: str, queues: list[str], concurrency: int) -> None:
        """A worker that comes back when the database does, until it is told to stop.

        A worker that is cancelled while the database is away ends in another error, or in none.
        """
        while not self._stopping:
            try:
                await self._queue.run_worker_async(
                    queues=queues,
                    name=name,
                    concurrency=concurrency,
                    fetch_job_polling_interval=LOOK_SECONDS,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=STOP_SECONDS,
                )
                # When its listener or heartbeat loses the database, a worker ends of itself and
                # without an error.
                log.warning("background work ended, starting again", worker=name)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it was, work must go on
                log.warning("background work interrupted", worker=name, why=str(error))
            if not self._stopping:
                await asyncio.sleep(1)

    async def stop(self) -> None:
        self._stopping = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()


async def retry_stalled(queue: procrastinate.App) -> int:
    """Tasks whose worker died: every task here is idempotent, so they start again."""
    stalled = list(
        await queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS)
    )
    for job in stalled:
        try:
            await queue.job_manager.retry_job(job)
        except exceptions.UniqueViolation:
            # The next of its kind waits already, behind this one's lane: it makes way.
            await queue.job_manager.finish_job(job, jobs.Status.FAILED, delete_job=True)
        except exceptions.ConnectorException as error:
            log.info("stalled task left alone", task=job.task_name, why=str(error))
    return len(stalled)
