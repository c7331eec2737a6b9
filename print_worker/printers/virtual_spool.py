"""The virtual printer's spooler: jobs on disk that outlive the process, as CUPS keeps them."""

from __future__ import annotations

import json
import re
import shutil
import threading
import uuid
from dataclasses import asdict, dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path

from print_worker.crash import crash_here
from print_worker.instance_lock import InstanceLock
from print_worker.job import Ticket
from print_worker.printer import PrintTask
from print_worker.printers import durable

WAITING, PRINTING, DONE = "waiting", "printing", "done"
CANCELLED, ABORTED, INTERRUPTED = "cancelled", "aborted", "interrupted"
OPEN = frozenset({WAITING, PRINTING})
KEPT = 500
"""Titles of finished jobs that stay findable; far more than the worker can have open."""


@dataclass(frozen=True)
class Spooled:
    """One accepted job as it stands on the disk."""

    ref: str
    title: str
    job_id: str
    attempt_id: str
    token: str
    sha256: str
    ticket: Ticket
    status: str = WAITING
    restarts: int = 0
    """How often a restarted spooler began this job again from its first page."""
    message: str = ""

    def to_json(self) -> str:
        """The record's file."""
        data = asdict(self)
        data["ticket"]["color_pages"] = sorted(self.ticket.color_pages)
        return json.dumps(data)

    @classmethod
    def from_json(cls, text: str) -> Spooled:
        """The record back from its file."""
        data = json.loads(text)
        ticket = data["ticket"]
        ticket["pages"] = tuple(ticket["pages"])
        ticket["color_pages"] = frozenset(ticket["color_pages"])
        return cls(**{**data, "ticket": Ticket(**ticket)})


class Spool:
    """Accepted jobs of one virtual printer, every change on the disk before it counts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._owner = InstanceLock(folder)
        self._jobs: dict[str, Spooled] = {}
        self.ledger_id = ""
        self._last = 0

    @classmethod
    def of(cls, output_dir: Path, printer: str) -> Spool:
        """The spool of a named printer; odd names get a plain folder of their own."""
        plain = re.sub(r"[^A-Za-z0-9-]", "", printer)[:24]
        return cls(output_dir / ".spool" / f"{plain}-{sha256(printer.encode()).hexdigest()[:8]}")

    def load(self) -> None:
        """Read what an earlier process left; raises AlreadyRunning if it still runs."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._owner.take()  # a second spooler would take our running job for a dead one's
        ledger = self._folder / "ledger"
        if ledger.exists():
            self.ledger_id = ledger.read_text("ascii").strip()
        else:
            self.new_ledger()
        for path in self._folder.glob("*.json"):
            job = Spooled.from_json(path.read_text("utf-8"))
            self._jobs[job.ref] = job
            self._last = max(self._last, int(job.ref))
        over = [job for job in self.all() if job.status not in OPEN]
        for job in over[:-KEPT]:
            self.lose(job.ref)
        known = {self._data(ref) for ref in self._jobs}
        for path in self._folder.glob("*.pdf"):
            if path not in known:  # handed over by half when the power went
                path.unlink()

    def give_back(self) -> None:
        """Let another process run this spool."""
        self._owner.give_back()

    def new_ledger(self) -> None:
        """Say that titles may have vanished: marks taken before this are worth nothing."""
        self.ledger_id = uuid.uuid4().hex
        durable.write(self._folder / "ledger", self.ledger_id.encode("ascii"))

    def accept(self, task: PrintTask) -> Spooled:
        """Take a job; once its record is on the disk it is accepted, never before."""
        with self._lock:
            crash_here("worker.in_submit_1")
            self._last += 1
            ref = str(self._last)
            shutil.copyfile(task.file, self._data(ref))
            crash_here("worker.in_submit_2")
            # Of our own copy: the paper log bears witness to what was printed, not announced.
            digest = self._digest(ref)
            job = Spooled(
                ref, task.title, task.job_id, task.attempt_id, task.token, digest, task.ticket
            )
            self._put(job)
            crash_here("worker.in_submit_3")
            return job

    def get(self, ref: str) -> Spooled | None:
        """The job, or None when it was never accepted or is lost."""
        with self._lock:
            return self._jobs.get(ref)

    def all(self) -> list[Spooled]:
        """Every job, oldest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: int(job.ref))

    def move(self, ref: str, status: str, message: str = "") -> bool:
        """Set the status of a job that is not over yet; False if it is over or unknown."""
        with self._lock:
            job = self._jobs.get(ref)
            if job is None or job.status not in OPEN:
                return False
            self._put(replace(job, status=status, message=message))
            return True

    def start_over(self, ref: str) -> None:
        """Queue an unfinished job again from its first page."""
        with self._lock:
            job = self._jobs[ref]
            self._put(replace(job, status=WAITING, restarts=job.restarts + 1))

    def lose(self, ref: str) -> None:
        """Forget the job as if it had never been accepted."""
        with self._lock:
            self._jobs.pop(ref)
            (self._folder / f"{ref}.json").unlink(missing_ok=True)
            self._data(ref).unlink(missing_ok=True)

    def document(self, ref: str) -> Path:
        """The spooler's own copy of the file."""
        return self._data(ref)

    def drop_document(self, ref: str) -> None:
        """Remove the customer's file, keep the record."""
        self._data(ref).unlink(missing_ok=True)

    def _put(self, job: Spooled) -> None:
        durable.write(self._folder / f"{job.ref}.json", job.to_json().encode("utf-8"))
        self._jobs[job.ref] = job

    def _digest(self, ref: str) -> str:
        with self._data(ref).open("rb") as document:
            return file_digest(document, "sha256").hexdigest()

    def _data(self, ref: str) -> Path:
        return self._folder / f"{ref}.pdf"
