"""What the worker asks of any printer, and which back end answers for a configured one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from print_worker.job import Ticket
from print_worker.settings import PrinterSettings, Settings

VIRTUAL_NAME = "virtual"


class NotAccepted(Exception):
    """The spooler certainly holds nothing of this job: a later attempt cannot print it twice."""


class MaybeAccepted(Exception):
    """Nobody can say whether the spooler took the job.

    ``tool_failed``: the printing program itself reported a failure, so even a job that is found
    in the spooler may be cut short.
    """

    def __init__(self, message: str, *, tool_failed: bool = False) -> None:
        super().__init__(message)
        self.tool_failed = tool_failed


class PrinterAway(Exception):
    """The spooler does not answer now; it may well know the job."""


class UnknownBackend(Exception):
    """The configured back end does not exist in this version; the message says what to do."""


class Phase(Enum):
    """Where a spooler job stands."""

    WAITING = "waiting"
    PRINTING = "printing"
    BLOCKED = "blocked"
    """Needs a person at the printer; goes on by itself afterwards."""
    DONE = "done"
    """The spooler says it finished without an error."""
    STOPPED = "stopped"
    """Over without finishing: cancelled, failed, or cut off."""
    GONE = "gone"
    """The spooler knows no such job."""


OVER = frozenset({Phase.DONE, Phase.STOPPED, Phase.GONE})


@dataclass(frozen=True)
class SpoolJob:
    """One look at a spooler job. Reasons are IPP keywords (RFC 8011, printer-state-reasons).

    ``sides_out`` and ``sheets_out`` are None where the spooler does not count.
    ``confirmed`` says who vouches for DONE: ``printer``, ``spooler`` or ``none``.
    """

    ref: str
    title: str
    phase: Phase
    reasons: tuple[str, ...] = ()
    sides_out: int | None = None
    sheets_out: int | None = None
    confirmed: str = "spooler"
    message: str = ""

    def evidence(self) -> dict[str, Any]:
        """What a person needs to judge whether paper came out."""
        seen: dict[str, Any] = {
            "spool_ref": self.ref,
            "spooler_state": self.phase.value,
            "confirmed_level": self.confirmed,
        }
        if self.sides_out is not None:
            seen["pages"] = self.sides_out
        if self.sheets_out is not None:
            seen["sheets"] = self.sheets_out
        if self.reasons:
            seen["reasons"] = list(self.reasons)
        if self.message:
            seen["message"] = self.message
        return seen


@dataclass(frozen=True)
class PrinterState:
    """Whether the printer can take a job now, and what is in the way (IPP keywords)."""

    ready: bool
    reasons: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class Capabilities:
    """What the printer can do."""

    color: bool
    duplex: bool
    papers: tuple[str, ...]


@dataclass(frozen=True)
class PrintTask:
    """One hand-over to the spooler. ``title`` is unique to the attempt."""

    title: str
    file: Path
    job_id: str
    attempt_id: str
    token: str
    ticket: Ticket


class Printer(Protocol):
    """One queue of one spooler. Calls may come from several threads."""

    @property
    def name(self) -> str:
        """The printer's name in the settings."""

    @property
    def backend(self) -> str:
        """Which back end drives it."""

    def open(self) -> None:
        """Get ready to take jobs; called once, before anything but state and capabilities."""

    def capabilities(self) -> Capabilities:
        """What it can do."""

    def state(self) -> PrinterState:
        """Whether it can take a job now; never raises, a printer that is away is not ready."""

    def submit(self, task: PrintTask) -> str:
        """Hand over one job and give its spooler reference.

        Raises NotAccepted or MaybeAccepted; any other exception counts as MaybeAccepted.
        """

    def job(self, ref: str) -> SpoolJob:
        """The job's state now; GONE when the spooler does not know it. Raises PrinterAway."""

    def find(self, title: str) -> list[SpoolJob]:
        """Every job with that title, finished ones included where the spooler keeps them.

        Raises PrinterAway; an empty list means the spooler answered and has none.
        """

    def cancel(self, ref: str) -> None:
        """Take the job out of the queue; no effect on one that is over."""

    def forget(self, ref: str) -> None:
        """Remove the document of a job that is over; its title stays findable."""

    def history_mark(self) -> str | None:
        """A text that stays equal only as long as no accepted title can have vanished.

        Two equal marks, before an intent and after a restart, make a missing title a proof that
        nothing was handed over. None where the spooler promises nothing of the kind.
        """


def choose(settings: Settings) -> tuple[PrinterSettings, ...]:
    """The printers to serve, each with a back end that exists.

    ``auto`` takes the virtual printer only when no printer is named, because pages for a named
    printer must never end in files. Raises UnknownBackend.
    """
    listed = settings.printers or (
        PrinterSettings(name=settings.printer_name.strip(), backend=settings.backend),
    )
    return tuple(_chosen(one) for one in listed)


def _chosen(one: PrinterSettings) -> PrinterSettings:
    match one.backend:
        case "virtual":
            name = one.name or VIRTUAL_NAME
        case "auto" if not one.name:
            name = VIRTUAL_NAME
        case "auto":
            raise UnknownBackend(
                f"Printer {one.name!r}: this version has no back end that can drive a real "
                'printer. Set "backend": "virtual" to print into files, or update the worker.'
            )
        case other:
            raise UnknownBackend(
                f"Printer {one.name!r}: the back end {other!r} is not in this version. "
                'Set "backend": "virtual" to print into files, or update the worker.'
            )
    return PrinterSettings(name, "virtual", one.color, one.duplex, one.papers)
