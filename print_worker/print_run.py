"""One job from claim to report: the print protocol, step by step."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from print_worker.backend_client import BackendClient, Go, Refused, StaleClaim, Unreachable
from print_worker.clock import Clock
from print_worker.crash import crash_here
from print_worker.file_downloader import BadDocument, DiskFull, FileDownloader
from print_worker.job import BadTicket, Job, Ticket
from print_worker.journal import Entry, Journal
from print_worker.leases import Lease, Leases
from print_worker.printer import (
    OVER,
    MaybeAccepted,
    NotAccepted,
    Phase,
    Printer,
    PrinterAway,
    PrintTask,
    SpoolJob,
)
from print_worker.recovery import Adopt, Doubt, StartAfresh, furthest, judge
from print_worker.reporter import Reporter
from print_worker.stop import Stop, Stopping

log = logging.getLogger("print_worker")

ASK_AGAIN_SECONDS = (0.5, 1.0, 2.0, 5.0)
FAST_LOOKS, FAST_SECONDS, SLOW_SECONDS = 50, 0.1, 0.5
STILL_SECONDS, STILL_SECONDS_PER_SIDE = 300.0, 10.0
"""A job that prints but does not move for so long is mentioned once in the log."""


T = TypeVar("T")


class Ending(Enum):
    """How a run ended, as far as the queue of this printer is concerned."""

    SETTLED = "settled"
    RELEASED = "released"
    """Given back: the same job may be offered again at once."""
    LEFT = "left"
    """The worker is ending; the journal knows the rest."""


class _Release(Exception):
    """This job cannot be printed here and now; nothing was handed over."""


@dataclass(frozen=True)
class Shop:
    """What every run needs, made once."""

    backend: BackendClient
    journal: Journal
    leases: Leases
    reporter: Reporter
    downloader: FileDownloader
    stop: Stop
    clock: Clock


class PrintRun:
    """One attempt on one printer. Everything it begins is journaled before it can matter."""

    def __init__(self, shop: Shop, printer: Printer, job: Job) -> None:
        self._shop = shop
        self._printer = printer
        self._job = job
        self._tool_failed = ""
        self._twice = False

    def run(self) -> Ending:
        """Print a job that was claimed just now."""
        return self._guarded(self._from_the_start)

    def resume(self, entry: Entry) -> Ending:
        """Finish what the last process left open."""
        try:
            found = self._find()
        except Stopping:
            return Ending.LEFT
        verdict = judge(entry, found, history_mark=self._printer.history_mark())
        log.warning("Job %s was left open by the last run; %s.", self._job.id, _in_words(verdict))
        match verdict:
            case Adopt(job=job, twice=twice):
                self._twice = twice
                self._cancel_all_but(job.ref, found)
                return self._guarded(lambda _lease: self._accepted(job.ref), taken_up=True)
            case StartAfresh():
                return self._guarded(self._afresh, taken_up=True)
            case Doubt(reason=reason):
                self._settle("UNCERTAIN", reason, {"found": False, "stage": entry.stage.value})
                return Ending.SETTLED

    def _guarded(self, steps: Callable[[Lease], None], *, taken_up: bool = False) -> Ending:
        lease = self._shop.leases.hold(self._job, taken_up=taken_up)
        try:
            steps(lease)
        except StaleClaim:
            self._drop("no longer ours")
        except Refused as error:
            log.error("The backend refuses job %s: %s.", self._job.id, error)
            self._drop("refused")
        except _Release as why:
            self._release(str(why))
            return Ending.RELEASED
        except (BadDocument, BadTicket) as error:
            self._settle("FAILED", f"Not printed: {error}.", {"never_accepted": True})
        except Stopping:
            return Ending.LEFT
        return Ending.SETTLED

    def _from_the_start(self, lease: Lease) -> None:
        ticket = self._job.ticket()
        self._check_printer(ticket)
        try:
            file = self._fetch(lease)
        except Stopping:
            self._release("the worker is ending")
            raise
        self._check_printer(ticket)
        crash_here("worker.before_journal")
        self._shop.journal.intend(
            self._job, printer=self._printer.name, history_mark=self._printer.history_mark()
        )
        crash_here("worker.after_journal")
        self._print(lease, file, ticket)

    def _afresh(self, lease: Lease) -> None:
        """After a restart, with proof that the spooler has nothing of this attempt."""
        ticket = self._job.ticket()
        mark = self._printer.history_mark()
        self._shop.journal.intend_again(self._job, history_mark=mark)
        try:
            self._until_answered(lambda: self._shop.leases.beat(lease))
            file = self._fetch(lease)
            self._print(lease, file, ticket)
        except StaleClaim:
            # Too late to print, but whoever looks at the job may know that nothing came out.
            self._settle(
                "FAILED", "Not printed: the worker was away too long.", {"never_accepted": True}
            )

    def _fetch(self, lease: Lease) -> Path:
        try:
            return self._shop.downloader.fetch(self._job, lease)
        except DiskFull:
            raise _Release("this computer's disk is full; make room") from None

    def _check_printer(self, ticket: Ticket) -> None:
        can = self._printer.capabilities()
        if ticket.needs_color and not can.color:
            raise _Release("this printer has no colour")
        if ticket.needs_duplex and not can.duplex:
            raise _Release("this printer cannot print both sides")
        if ticket.paper not in can.papers:
            raise _Release(f"this printer has no {ticket.paper} paper")
        state = self._printer.state()
        if not state.ready:
            raise _Release("the printer is not ready: " + ", ".join(state.reasons))

    def _print(self, lease: Lease, file: Path, ticket: Ticket) -> None:
        job = self._job
        task = PrintTask(
            title=job.title,
            file=file,
            job_id=job.id,
            attempt_id=job.attempt_id,
            token=job.token,
            ticket=ticket,
        )
        self._permission(lease)
        try:
            ref = self._printer.submit(task)
        except NotAccepted as error:
            self._settle("FAILED", f"Not printed: {error}.", {"never_accepted": True})
            return
        except MaybeAccepted as error:
            ref = self._look_for_it(error)
        except Exception as error:  # an unforeseen failure proves nothing about the spooler
            log.exception("Handing job %s over failed", job.id)
            ref = self._look_for_it(MaybeAccepted(type(error).__name__, tool_failed=True))
        if ref:
            self._accepted(ref)

    def _permission(self, lease: Lease) -> None:
        """Return only with a permission that is still good after the journal was written."""
        journal, clock = self._shop.journal, self._shop.clock
        while True:
            asked_at, go = self._until_answered(self._ask_to_begin)
            lease.renew(go.lease_seconds, asked_at=asked_at)
            crash_here("worker.after_begin")
            self._shop.stop.check()
            journal.submitting(self._job)
            if clock() < asked_at + go.valid_seconds and not lease.over:
                return
            log.warning("The permission for job %s ran out; asking again.", self._job.id)
            journal.intend_again(self._job, history_mark=self._printer.history_mark())

    def _ask_to_begin(self) -> tuple[float, Go]:
        asked_at = self._shop.clock()  # the permission counts from the question
        return asked_at, self._shop.backend.begin(self._job)

    def _until_answered(self, ask: Callable[[], T]) -> T:
        """Ask until the backend answers, one way or the other; an unanswered begin is no go."""
        tries = 0
        while True:
            self._shop.stop.check()
            try:
                return ask()
            except Unreachable:
                self._shop.stop.wait(ASK_AGAIN_SECONDS[min(tries, len(ASK_AGAIN_SECONDS) - 1)])
                tries += 1

    def _look_for_it(self, error: MaybeAccepted) -> str:
        """The spooler's reference if it has the job after all; settles the job otherwise."""
        found = self._find()
        log.warning(
            "Handing job %s over: %s; the printer's queue has it %d times.",
            self._job.id,
            error,
            len(found),
        )
        if not found:
            evidence = {"found": False, "hand_over": str(error)}
            self._settle("UNCERTAIN", f"It may have printed: {error}.", evidence)
            return ""
        self._twice = len(found) > 1
        if error.tool_failed:
            self._tool_failed = str(error)
        kept = furthest(found).ref
        self._cancel_all_but(kept, found)
        return kept

    def _cancel_all_but(self, ref: str, found: list[SpoolJob]) -> None:
        """A copy that the spooler made by itself and has not printed must not get to paper."""
        for extra in found:
            if extra.ref != ref:
                self._printer.cancel(extra.ref)

    def _find(self) -> list[SpoolJob]:
        """Ask until the spooler answers: silence is not "no such job"."""
        while True:
            try:
                return self._printer.find(self._job.title)
            except PrinterAway as error:
                if self._shop.stop.grace_over:
                    raise Stopping from None
                log.warning("Looking for job %s: %s.", self._job.id, error)
                self._shop.stop.ended.wait(SLOW_SECONDS * 2)

    def _accepted(self, ref: str) -> None:
        self._shop.journal.accepted(
            self._job, ref, {"status": "PRINTING", "evidence": {"spooled": True, "spool_ref": ref}}
        )
        self._shop.reporter.wake()
        crash_here("worker.after_accept")
        self._conclude(self._watch(ref))

    def _watch(self, ref: str) -> SpoolJob:
        """Follow the spooler job to its end, however long a person takes to bring paper."""
        stop, clock = self._shop.stop, self._shop.clock
        looks, moved_at, last, said = 0, clock(), None, ""
        while True:
            job = self._look(ref)
            if job.phase in OVER:
                return job
            if stop.grace_over:
                log.warning("Ending while job %s prints; the next start judges it.", self._job.id)
                raise Stopping
            reasons = ", ".join(job.reasons)
            if reasons != said:
                news = reasons or "goes on"
                log.warning("Job %s on %s: %s.", self._job.id, self._printer.name, news)
                said = reasons
            if (job.phase, job.sides_out) != last:
                last, moved_at = (job.phase, job.sides_out), clock()
            elif moved_at and clock() - moved_at > self._patience():
                log.error("Job %s does not move. Look at %s.", self._job.id, self._printer.name)
                moved_at = 0.0
            looks += 1
            pause = FAST_SECONDS if looks < FAST_LOOKS else SLOW_SECONDS
            stop.ended.wait(pause)

    def _look(self, ref: str) -> SpoolJob:
        try:
            return self._printer.job(ref)
        except PrinterAway:
            return SpoolJob(ref, self._job.title, Phase.BLOCKED, reasons=("offline",))

    def _patience(self) -> float:
        return max(STILL_SECONDS, STILL_SECONDS_PER_SIDE * self._job.ticket().side_count)

    def _conclude(self, seen: SpoolJob) -> None:
        expected = self._job.ticket().side_count
        evidence = {**seen.evidence(), "expected_pages": expected}
        too_many = seen.sides_out is not None and seen.sides_out > expected
        if self._twice or too_many:
            evidence["duplicate"] = True
            log.error(
                "Job %s came out more than once: the printer's queue repeated it. "
                "Take the extra sheets away.",
                self._job.id,
            )
        if self._tool_failed:
            evidence["hand_over"] = self._tool_failed
        complete = seen.sides_out is None or seen.sides_out >= expected
        # Before the journal is closed: after that, no restart would come back to clean up.
        self._printer.cancel(seen.ref)
        self._printer.forget(seen.ref)
        if seen.phase is Phase.DONE and complete and not self._tool_failed:
            self._settle("COMPLETED", "", {"spooler_completed": True, **evidence})
            return
        self._settle("UNCERTAIN", self._doubt(seen, expected), evidence)

    def _doubt(self, seen: SpoolJob, expected: int) -> str:
        if self._tool_failed:
            return f"It may have printed: {self._tool_failed}."
        if seen.phase is Phase.GONE:
            return "The printer's queue took the job and does not know it: it may have printed."
        out = "an unknown number" if seen.sides_out is None else str(seen.sides_out)
        why = seen.message or "the printer's queue ended it"
        return f"{out} of {expected} pages came out: {why}."

    def _settle(self, status: str, error: str, evidence: dict[str, Any]) -> None:
        report: dict[str, Any] = {"status": status, "evidence": evidence}
        if error:
            report["error"] = error
        self._shop.journal.settle(self._job, report, outcome=status)
        self._shop.reporter.wake()
        self._shop.downloader.clean(self._job.attempt_id)
        level = logging.INFO if status == "COMPLETED" else logging.ERROR
        log.log(level, "Job %s token %s: %s. %s", self._job.id, self._job.token, status, error)

    def _drop(self, why: str) -> None:
        """Nothing was handed over and the job is somebody else's: forget it."""
        log.warning("Job %s given up: %s. Nothing was printed.", self._job.id, why)
        self._shop.leases.drop(self._job.attempt_id)
        self._shop.journal.settle(self._job, None, outcome=why)
        self._shop.downloader.clean(self._job.attempt_id)

    def _release(self, why: str) -> None:
        """Give the job back; if the backend does not hear it, the lease ends by itself."""
        job = self._job
        log.warning("Job %s given back: %s.", job.id, why)
        self._shop.leases.drop(job.attempt_id)
        body = {
            "status": "QUEUED",
            "epoch": job.epoch,
            "attempt_id": job.attempt_id,
            "error": why,
        }
        try:
            self._shop.backend.report(job.id, body)
        except (Unreachable, StaleClaim, Refused) as error:
            log.info("Giving job %s back was not confirmed (%s).", job.id, error)
        self._shop.journal.settle(job, None, outcome="released")
        self._shop.downloader.clean(job.attempt_id)


def _in_words(verdict: Adopt | StartAfresh | Doubt) -> str:
    match verdict:
        case Adopt(job=job):
            return f"the printer's queue has it ({job.phase.value})"
        case StartAfresh():
            return "it certainly never reached the printer"
        case Doubt():
            return "nobody can tell whether it printed"
