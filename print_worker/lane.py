"""One printer's thread: first what was left open, then one job after the other."""

from __future__ import annotations

import logging
import random
from typing import Any

from print_worker.backend_client import BackendError, StaleClaim, Unreachable, WrongKey
from print_worker.crash import crash_here
from print_worker.journal import Entry
from print_worker.print_run import Ending, PrintRun, Shop
from print_worker.printer import Printer
from print_worker.queue_listener import JobSource

log = logging.getLogger("print_worker")

NOT_READY_SECONDS = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 5.0
"""Customers may stand at the counter when a backend that was away is back."""
REFUSED_SECONDS = 15.0
AFTER_RELEASE_SECONDS = 5.0
CLAIM_KEYS = ("name", "color", "duplex", "papers", "state")


class Lane:
    """Serves one printer, one job at a time, in the order the backend gives them."""

    def __init__(
        self, shop: Shop, printer: Printer, source: JobSource, left_open: list[Entry]
    ) -> None:
        self._shop = shop
        self._printer = printer
        self._source = source
        self._left_open = left_open
        self._said: tuple[str, ...] | None = None
        self.busy = False
        """A job is in hand."""

    def run(self) -> None:
        """Work until the worker ends. An unforeseen error ends the worker, never half a lane."""
        try:
            self._work()
        except WrongKey:
            self._shop.stop.wrong_key()
        except Exception:  # see above
            log.exception("Printer %s: unforeseen error; the worker ends", self._printer.name)
            self._shop.stop.failed = True
            self._shop.stop.ask()
        finally:
            self.busy = False

    def offer(self) -> dict[str, Any]:
        """This printer as the backend is told of it."""
        can, state = self._printer.capabilities(), self._printer.state()
        return {
            "name": self._printer.name,
            "backend": self._printer.backend,
            "color": can.color,
            "duplex": can.duplex,
            "papers": list(can.papers),
            "state": ("processing" if self.busy else "idle") if state.ready else "stopped",
            "reasons": list(state.reasons),
        }

    def _work(self) -> None:
        stop = self._shop.stop
        for entry in self._left_open:
            self.busy = True
            PrintRun(self._shop, self._printer, entry.job).resume(entry)
            self.busy = False
            if stop.asked:
                return
        pause = FIRST_PAUSE
        while not stop.asked:
            if not self._ready():
                stop.wait(NOT_READY_SECONDS)
                continue
            try:
                self._one_job()
                pause = FIRST_PAUSE
            except (Unreachable, StaleClaim):
                stop.wait(pause * random.uniform(0.7, 1.3))  # noqa: S311 - no secret
                pause = min(pause * 2, LONGEST_PAUSE)
            except WrongKey:
                raise
            except BackendError as error:
                log.error("The backend refuses to give jobs (%s). Update this worker.", error)
                stop.wait(REFUSED_SECONDS)

    def _one_job(self) -> None:
        offer = self.offer()
        job = self._source.next({key: offer[key] for key in CLAIM_KEYS})
        if job is None:
            return
        self.busy = True
        try:
            crash_here("worker.after_claim")
            log.info("Job %s token %s claimed for %s.", job.id, job.token, self._printer.name)
            if PrintRun(self._shop, self._printer, job).run() is Ending.RELEASED:
                self.busy = False
                self._shop.stop.wait(AFTER_RELEASE_SECONDS)
        finally:
            self.busy = False

    def _ready(self) -> bool:
        """Whether to ask for work at all; the reasons are told once per change."""
        state = self._printer.state()
        if state.reasons != self._said and (state.reasons or self._said):
            if state.ready:
                log.warning("Printer %s is ready again.", self._printer.name)
            else:
                reasons = ", ".join(state.reasons) or state.message
                log.warning("Printer %s is not ready: %s.", self._printer.name, reasons)
        self._said = state.reasons
        return state.ready
