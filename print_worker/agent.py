"""The running worker: builds its parts, starts their threads, ends them in order."""

from __future__ import annotations

import logging
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from print_worker import VERSION
from print_worker.backend_client import BackendClient, BackendError, WrongKey
from print_worker.clock import Clock, uptime
from print_worker.file_downloader import FileDownloader
from print_worker.journal import KEEP_SECONDS, Entry, Journal, Stage
from print_worker.lane import Lane
from print_worker.leases import Leases
from print_worker.print_run import Shop
from print_worker.printer import Printer, choose
from print_worker.printers import durable
from print_worker.printers.virtual import VirtualPrinter
from print_worker.queue_listener import Bell, JobSource, QueueListener
from print_worker.reporter import Reporter
from print_worker.settings import Settings
from print_worker.stop import Stop

log = logging.getLogger("print_worker")

WORKER_HEARTBEAT_SECONDS = 15.0
UNHEARD_SECONDS = 3.0
LOOK_SECONDS = 1.0
LAST_DELIVERY_SECONDS = 3.0


def printers_of(settings: Settings) -> list[Printer]:
    """A back end object for every printer to serve. Raises UnknownBackend."""
    return [
        VirtualPrinter(
            printer,
            output_dir=settings.virtual_output_dir,
            seconds_per_page=settings.virtual_seconds_per_page,
            quirk=settings.virtual_quirk,
        )
        for printer in choose(settings)
    ]


def worker_id(settings: Settings) -> str:
    """The configured id, or one made once for this folder."""
    if settings.worker_id.strip():
        return settings.worker_id.strip()
    path = settings.work_dir / "worker_id"
    known = path.read_text("utf-8").strip() if path.exists() else ""
    if not known:
        known = f"{socket.gethostname()}-{uuid.uuid4().hex[:6]}"
        durable.write(path, known.encode())
    return known


class Agent:
    """Everything between start and end of one worker process."""

    def __init__(self, settings: Settings, *, clock: Clock = uptime) -> None:
        self.stop = Stop(clock)
        self._printers = printers_of(settings)
        self._backend = BackendClient(
            settings.backend_url, api_key=settings.api_key, worker_id=worker_id(settings)
        )
        self._journal = Journal(settings.work_dir)
        leases = Leases(self._backend, self.stop, clock)
        self._reporter = Reporter(self._backend, self._journal, leases, self.stop)
        self._backend.link.on_return = self._reporter.wake
        downloader = FileDownloader(self._backend, leases, settings.work_dir, self.stop)
        shop = Shop(
            self._backend, self._journal, leases, self._reporter, downloader, self.stop, clock
        )
        self._bell = Bell() if settings.redis_url else None
        self._threads: list[Callable[[], None]] = [
            leases.run,
            self._reporter.run,
            self._tell_the_board,
        ]
        redis = None
        if self._bell is not None:
            listener = QueueListener(
                settings.redis_url,
                settings.queue_name,
                poll_timeout=settings.poll_timeout,
                bell=self._bell,
                stop=self.stop,
            )
            self._threads.append(listener.run)
            redis = listener.link
        source = JobSource(
            self._backend,
            poll_timeout=settings.poll_timeout,
            stop=self.stop,
            bell=self._bell,
            redis=redis,
        )
        self._journal.forget_old(before=time.time() - KEEP_SECONDS)
        self._orphans(self._journal.open_entries())
        left_open = self._journal.open_entries()
        downloader.clean_all_but(entry.job.attempt_id for entry in left_open)
        self._lanes = [
            Lane(shop, printer, source, [e for e in left_open if e.printer == printer.name])
            for printer in self._printers
        ]

    def run(self) -> None:
        """Work until asked to stop, then end within the grace."""
        for printer in self._printers:
            printer.open()
        for steps in (*self._threads, *(lane.run for lane in self._lanes)):
            threading.Thread(target=self._guarded, args=(steps,), daemon=True).start()
        names = ", ".join(f"{printer.name} ({printer.backend})" for printer in self._printers)
        log.info("Worker %s %s serves %s.", self._backend.worker_id, VERSION, names)

        # Not stop.wait(): a signal handler must not meet its own thread inside that lock. And in
        # slices: an endless wait would keep Ctrl-C from arriving on Windows.
        while not self.stop.asked:
            time.sleep(0.1)
        self._end()

    def _guarded(self, steps: Callable[[], None]) -> None:
        """Without one of its threads the worker would only look alive, so it ends instead."""
        try:
            steps()
        except Exception:  # see above
            log.exception("Unforeseen error; the worker ends")
            self.stop.failed = True
            self.stop.ask()

    def _end(self) -> None:
        log.info("Ending: no new jobs; paper in motion gets a few seconds.")
        if self._bell is not None:
            self._bell.ring("")
        while any(lane.busy for lane in self._lanes) and not self.stop.grace_over:
            time.sleep(0.05)
        deadline = time.monotonic() + LAST_DELIVERY_SECONDS
        self._reporter.wake()
        while self._journal.unsent_count() and time.monotonic() < deadline:
            if not self._backend.link.up or self.stop.key_refused:
                break
            time.sleep(0.05)
        self.stop.ended.set()
        waiting = self._journal.unsent_count()
        if waiting:
            log.warning("%d reports wait in the journal for the next start.", waiting)
        log.info("Ended.")

    def _tell_the_board(self) -> None:
        """The worker's own heartbeat, at once when a printer's state changed."""
        told, due = None, 0.0
        while not self.stop.ended.is_set():
            offers = [lane.offer() for lane in self._lanes]
            if offers != told or time.monotonic() >= due:
                try:
                    self._backend.worker_heartbeat(
                        version=VERSION,
                        printers=offers,
                        unsent_reports=self._journal.unsent_count(),
                    )
                    pause = WORKER_HEARTBEAT_SECONDS
                except WrongKey:
                    self.stop.wrong_key()
                    pause = WORKER_HEARTBEAT_SECONDS
                except (BackendError, sqlite3.Error):
                    pause = UNHEARD_SECONDS  # the link has told the log already
                told, due = offers, time.monotonic() + pause
            self.stop.ended.wait(LOOK_SECONDS)

    def _orphans(self, left_open: list[Entry]) -> None:
        """Attempts on a printer that is no longer in the settings: nobody can look for them."""
        served = {printer.name for printer in self._printers}
        for entry in left_open:
            if entry.printer in served:
                continue
            log.error(
                "Job %s was begun on printer %s, which is no longer in the settings.",
                entry.job.id,
                entry.printer,
            )
            report = {
                "status": "UNCERTAIN",
                "error": "Begun on a printer that was then removed: look whether it printed.",
                "evidence": {"found": False, "stage": entry.stage.value},
            }
            # Not handed over: saying nothing returns the job to the queue when its lease ends.
            handed_over = entry.stage is not Stage.INTENDED
            self._journal.settle(
                entry.job, report if handed_over else None, outcome="printer removed"
            )


def prepare(work_dir: Path) -> None:
    """Make the private work folder. Raises OSError."""
    work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
