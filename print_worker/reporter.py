"""Delivers the journal's reports in order, for as long as it takes."""

from __future__ import annotations

import logging
import random
import threading

from print_worker.backend_client import (
    BackendClient,
    Refused,
    StaleClaim,
    Unreachable,
    WrongKey,
)
from print_worker.crash import crash_here
from print_worker.journal import Journal, Report
from print_worker.leases import Leases
from print_worker.stop import Stop

log = logging.getLogger("print_worker")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0


class Reporter:
    """One thread. Reports of one attempt never overtake each other."""

    def __init__(
        self, backend: BackendClient, journal: Journal, leases: Leases, stop: Stop
    ) -> None:
        self._backend = backend
        self._journal = journal
        self._leases = leases
        self._stop = stop
        self._wake = threading.Event()

    def wake(self) -> None:
        """Something new to deliver, or the backend is back."""
        self._wake.set()

    def run(self) -> None:
        """Deliver until the process ends."""
        pause = FIRST_PAUSE
        while not self._stop.ended.is_set():
            self._wake.clear()
            if self.deliver():
                pause = FIRST_PAUSE
                self._wake.wait(5.0)
            else:
                self._wake.wait(pause * random.uniform(0.7, 1.3))  # noqa: S311 - no secret
                pause = min(pause * 2, LONGEST_PAUSE)

    def deliver(self) -> bool:
        """One round through the waiting reports; False when some are still waiting."""
        waiting: set[str] = set()
        for report in self._journal.unsent():
            if report.attempt_id in waiting:
                continue
            crash_here("worker.before_report")
            try:
                answer = self._send(report)
            except WrongKey:
                self._stop.wrong_key()
                return False
            except Unreachable:
                if len(waiting) >= 3:  # the backend is away, not choking on one report
                    return False
                waiting.add(report.attempt_id)
                continue
            crash_here("worker.after_report")
            self._journal.answered(report.seq, answer)
            if report.final or answer == "stale":
                self._leases.drop(report.attempt_id)
        return not waiting

    def _send(self, report: Report) -> str:
        try:
            self._backend.report(report.job_id, report.body)
        except StaleClaim:
            log.warning(
                "The backend no longer counts on this worker for job %s; it keeps the evidence.",
                report.job_id,
            )
            return "stale"
        except Refused as error:
            log.error(
                "The backend refused the report %s of job %s (%s). "
                "Check on the staff page whether that job printed.",
                report.body.get("status"),
                report.job_id,
                error,
            )
            return "refused"
        return "sent"
