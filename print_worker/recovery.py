"""What a restarted worker may conclude about an attempt its predecessor left open."""

from __future__ import annotations

from dataclasses import dataclass

from print_worker.journal import Entry, Stage
from print_worker.printer import Phase, SpoolJob


@dataclass(frozen=True)
class Adopt:
    """The spooler has the job: watch it to its end. ``twice`` if it has it more than once."""

    job: SpoolJob
    twice: bool


@dataclass(frozen=True)
class StartAfresh:
    """Certainly nothing reached the spooler: ask for permission again, same attempt."""


@dataclass(frozen=True)
class Doubt:
    """It may have reached paper and nobody can tell: a person decides."""

    reason: str


Verdict = Adopt | StartAfresh | Doubt


def judge(entry: Entry, found: list[SpoolJob], *, history_mark: str | None) -> Verdict:
    """The restart rule. ``found``: spooler jobs of this title; the mark is the spooler's now.

    A missing title proves something only if the spooler vouches, then and now, for keeping every
    title it accepted; spoolers do lose accepted jobs when they are killed.
    """
    if found:
        return Adopt(furthest(found), twice=len(found) > 1)
    match entry.stage:
        case Stage.INTENDED:
            return StartAfresh()
        case Stage.SUBMITTING if history_mark is not None and history_mark == entry.history_mark:
            return StartAfresh()
        case Stage.SUBMITTING:
            return Doubt(
                "The worker stopped while handing the job to the printer, and the printer's queue "
                "may have forgotten it."
            )
        case _:
            return Doubt("The printer's queue had taken the job and no longer knows it.")


def furthest(found: list[SpoolJob]) -> SpoolJob:
    """The copy that says most about paper: a finished one before any other."""
    order = (Phase.DONE, Phase.PRINTING, Phase.BLOCKED, Phase.WAITING, Phase.STOPPED, Phase.GONE)
    return min(found, key=lambda job: order.index(job.phase))
