"""A printer without paper: a small spooler that prints into files and misbehaves on request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pikepdf

from print_worker.printer import (
    Capabilities,
    MaybeAccepted,
    NotAccepted,
    Phase,
    PrinterState,
    PrintTask,
    SpoolJob,
)
from print_worker.printers import virtual_spool as spool
from print_worker.printers.layout import Side, sides
from print_worker.printers.virtual_paper import Count, Tray, counted, emitted, mend_log, utc_now
from print_worker.settings import PrinterSettings, quirk

log = logging.getLogger("print_worker.virtual")

SUBMIT_SECONDS = 10.0
"""A hand-over that takes longer is given up, as a dialog nobody clicks away would be."""
SLOWDOWN = 10
LOOK_AGAIN_SECONDS = 0.1
_NOT_READY = {"paper_out": "media-empty", "offline": "offline"}
_STOPS_PAPER = {**_NOT_READY, "jam": "media-jam"}
_PHASES = {
    spool.WAITING: Phase.WAITING,
    spool.PRINTING: Phase.PRINTING,
    spool.DONE: Phase.DONE,
    spool.CANCELLED: Phase.STOPPED,
    spool.ABORTED: Phase.STOPPED,
    spool.INTERRUPTED: Phase.STOPPED,
}


class VirtualPrinter:
    """Spooler and printer in one; both die with the process, the spool folder stays.

    Quirks come from the settings, or at run time from ``<output_dir>/quirk`` if that file exists.
    """

    def __init__(
        self,
        printer: PrinterSettings,
        *,
        output_dir: Path,
        seconds_per_page: float = 0.2,
        quirk: str = "",
        submit_seconds: float = SUBMIT_SECONDS,
        wall: Callable[[], datetime] = utc_now,
    ) -> None:
        self._printer = printer
        self._output_dir = output_dir
        self._pause = seconds_per_page
        self._configured_quirk = quirk
        self._submit_seconds = submit_seconds
        self._wall = wall
        self._spool = spool.Spool.of(output_dir, printer.name)
        self._work = threading.Condition()
        self._blocked: tuple[str, ...] = ()
        self._counted: dict[str, Count] = {}
        self._complained = ""
        self._closed = threading.Event()
        self._feeder = threading.Thread(target=self._feed, daemon=True)

    @property
    def name(self) -> str:
        """The printer's name in the settings."""
        return self._printer.name

    @property
    def backend(self) -> str:
        """Always ``virtual``."""
        return "virtual"

    def open(self) -> None:
        """Start the spooler: judge what the last one left unfinished, then wait for jobs."""
        self._output_dir.mkdir(parents=True, exist_ok=True)
        mend_log(self._output_dir)
        self._spool.load()
        name, _ = self._quirk()
        for job in self._spool.all():
            if job.status in spool.OPEN:
                self._take_up(job, name)
        self._feeder.start()

    def close(self) -> None:
        """Stop feeding paper, as pulling the plug would."""
        self._closed.set()
        with self._work:
            self._work.notify_all()
        if self._feeder.is_alive():
            self._feeder.join()  # the next spooler may only begin when no side can come any more
        self._spool.give_back()

    def capabilities(self) -> Capabilities:
        """As configured."""
        return Capabilities(self._printer.color, self._printer.duplex, self._printer.papers)

    def state(self) -> PrinterState:
        """Ready unless out of paper, offline or jammed; a jam needs paper that moves."""
        reason = _NOT_READY.get(self._quirk()[0])
        reasons = (reason,) if reason else self._blocked
        return PrinterState(ready=not reasons, reasons=reasons)

    def submit(self, task: PrintTask) -> str:
        """Hand over one job; see print_worker.printer.Printer."""
        name, _ = self._quirk()
        if name == "hangs":
            self._closed.wait(self._submit_seconds)
            raise MaybeAccepted(f"the hand-over hung and was given up: {self._submit_seconds:g} s")
        if name == "exit0_without_paper":
            return "0"
        self._refuse_unreadable(task)
        job = self._spool.accept(task)
        with self._work:
            self._work.notify_all()
        if name == "accepts_then_silent":
            raise MaybeAccepted("the spooler's answer was lost")
        if name == "exit1_with_paper":
            raise MaybeAccepted("the printing program ended with code 1", tool_failed=True)
        return job.ref

    def job(self, ref: str) -> SpoolJob:
        """The job's state now."""
        job = self._spool.get(ref)
        if job is None:
            return SpoolJob(ref, "", Phase.GONE, message="the spooler has no such job")
        return self._seen(job)

    def find(self, title: str) -> list[SpoolJob]:
        """Every job of that title, finished or not."""
        return [self._seen(job) for job in self._spool.all() if job.title == title]

    def cancel(self, ref: str) -> None:
        """Take the job out of the queue; sides that are out stay out."""
        self._spool.move(ref, spool.CANCELLED, "cancelled")

    def forget(self, ref: str) -> None:
        """Remove the document of a job that is over."""
        job = self._spool.get(ref)
        if job is not None and job.status not in spool.OPEN:
            self._spool.drop_document(ref)

    def history_mark(self) -> str | None:
        """The ledger's id: it changes when jobs were lost, and a forgetful spooler gives none."""
        return None if self._quirk()[0] == "loses_after_restart" else self._spool.ledger_id

    def _quirk(self) -> tuple[str, int]:
        try:
            text = (self._output_dir / "quirk").read_text("utf-8", errors="replace")
        except OSError:
            text = self._configured_quirk
        try:
            return quirk(text)
        except ValueError as error:
            if text != self._complained:
                log.warning("The quirk file is ignored: %s", error)
                self._complained = text
            return "", 0

    def _refuse_unreadable(self, task: PrintTask) -> None:
        try:
            with pikepdf.open(task.file) as document:
                count = len(document.pages)
        except (pikepdf.PdfError, OSError) as error:
            raise NotAccepted(f"the printer cannot read the file ({error})") from None
        if max(task.ticket.pages) > count:
            raise NotAccepted(f"page {max(task.ticket.pages)} of a file of {count}")

    def _take_up(self, job: spool.Spooled, name: str) -> None:
        """Decide over a job that was not over when the last spooler died."""
        if name == "loses_after_restart":
            self._spool.new_ledger()  # first: a mark must never outlive what it vouched for
            self._spool.lose(job.ref)
            return
        tray = self._tray(job)
        tray.rewrite_all()
        if tray.count.sides >= job.ticket.side_count * (job.restarts + 1):
            self._spool.move(job.ref, spool.DONE)
        elif name == "repeats_after_restart":
            self._spool.start_over(job.ref)
        else:
            self._spool.move(job.ref, spool.INTERRUPTED, "the spooler died during this job")

    def _seen(self, job: spool.Spooled) -> SpoolJob:
        if job.ref not in self._counted:
            self._counted[job.ref] = counted(emitted(self._output_dir, job.attempt_id))
        out = self._counted[job.ref]
        blocked = self._blocked if job.status == spool.PRINTING else ()
        return SpoolJob(
            ref=job.ref,
            title=job.title,
            phase=Phase.BLOCKED if blocked else _PHASES[job.status],
            reasons=blocked,
            sides_out=out.sides,
            sheets_out=out.sheets,
            confirmed="printer",  # its log is a page counter
            message=job.message,
        )

    def _tray(self, job: spool.Spooled) -> Tray:
        return Tray(self._output_dir, job, self._spool.document(job.ref), self._pause)

    def _feed(self) -> None:
        while not self._closed.is_set():
            waiting = [job for job in self._spool.all() if job.status == spool.WAITING]
            if not waiting:
                with self._work:
                    self._work.wait(LOOK_AGAIN_SECONDS * 10)
                continue
            try:
                self._print(waiting[0])
            except Exception as error:  # the thread is the printer: it must outlive a bad job
                log.exception("The virtual printer gave up a job")
                self._blocked = ()
                self._spool.move(waiting[0].ref, spool.ABORTED, f"printer error: {error}")

    def _print(self, job: spool.Spooled) -> None:
        if not self._spool.move(job.ref, spool.PRINTING):
            return
        tray = self._tray(job)
        ending = spool.DONE, ""
        for number, side in enumerate(sides(job.ticket)):
            if not self._side_may_come(job):
                break  # cancelled, or the plug was pulled
            name, most = self._quirk()
            if name == "dies_after" and number >= most:
                ending = spool.ABORTED, "the printer lost power during this job"
                break
            tray.emit(side, self._wall)
            self._counted[job.ref] = tray.count
            if self._ends_copy(job, side):
                tray.write_copies()
        # First the PDFs: once the job is over its document may be gone at any moment.
        tray.write_copies()
        self._blocked = ()
        if not self._closed.is_set():
            self._spool.move(job.ref, *ending)  # no effect on a job that was cancelled

    def _ends_copy(self, job: spool.Spooled, side: Side) -> bool:
        return job.ticket.collate and side.page == len(job.ticket.pages)

    def _side_may_come(self, job: spool.Spooled) -> bool:
        """Wait for this side's turn; False when the job or the printer is over."""
        slow = self._quirk()[0] == "slow"
        self._closed.wait(self._pause * (SLOWDOWN if slow else 1))
        while not self._closed.is_set():
            current = self._spool.get(job.ref)
            if current is None or current.status != spool.PRINTING:
                return False
            reason = _STOPS_PAPER.get(self._quirk()[0])
            self._blocked = (reason,) if reason else ()
            if reason is None:
                return True
            self._closed.wait(LOOK_AGAIN_SECONDS)
        return False
