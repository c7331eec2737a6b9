"""The worker's memory on disk: what was begun, what the spooler took, what is still to report."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from print_worker.job import Job

FILE = "journal.sqlite3"
KEEP_SECONDS = 30 * 86_400
"""Closed attempts and delivered reports are kept this long for whoever asks "did it print?"."""

_SCHEMA = """
create table if not exists attempts (
    attempt_id text primary key,
    job_id text not null,
    printer text not null,
    stage text not null,
    history_mark text,
    spool_ref text,
    job text,
    outcome text,
    changed_at real not null
);
create table if not exists reports (
    seq integer primary key autoincrement,
    attempt_id text not null,
    job_id text not null,
    body text not null,
    final integer not null,
    answer text,
    changed_at real not null
);
create index if not exists unsent on reports (seq) where answer is null;
"""


class Stage(Enum):
    """How far an attempt has come. Before SUBMITTING nothing can have reached the spooler."""

    INTENDED = "intended"
    SUBMITTING = "submitting"
    ACCEPTED = "accepted"
    CLOSED = "closed"


@dataclass(frozen=True)
class Entry:
    """An attempt that is not closed, as the last process left it."""

    job: Job
    printer: str
    stage: Stage
    history_mark: str | None
    spool_ref: str | None


@dataclass(frozen=True)
class Report:
    """One status report waiting for the backend. ``final``: nothing follows for this attempt."""

    seq: int
    job_id: str
    attempt_id: str
    body: dict[str, Any]
    final: bool


class Journal:
    """SQLite in WAL mode with synchronous=FULL: a call that returned survives a power cut.

    Safe to call from several threads. Raises sqlite3.Error when the disk refuses.
    """

    def __init__(self, work_dir: Path) -> None:
        self._db = sqlite3.connect(
            work_dir / FILE, isolation_level=None, check_same_thread=False, timeout=10
        )
        self._lock = threading.Lock()
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._db.close()

    def intend(self, job: Job, *, printer: str, history_mark: str | None) -> None:
        """Before the backend is asked for permission to print."""
        with self._commit() as db:
            db.execute(
                "insert into attempts (attempt_id, job_id, printer, stage, history_mark, job,"
                " changed_at) values (?, ?, ?, ?, ?, ?, ?)",
                (
                    job.attempt_id,
                    job.id,
                    printer,
                    Stage.INTENDED.value,
                    history_mark,
                    json.dumps(job.raw),
                    time.time(),
                ),
            )

    def intend_again(self, job: Job, *, history_mark: str | None) -> None:
        """The attempt certainly reached no spooler and starts afresh."""
        with self._commit() as db:
            db.execute(
                "update attempts set stage = ?, history_mark = ?, spool_ref = null, changed_at = ?"
                " where attempt_id = ? and stage <> ?",
                (
                    Stage.INTENDED.value,
                    history_mark,
                    time.time(),
                    job.attempt_id,
                    Stage.CLOSED.value,
                ),
            )

    def submitting(self, job: Job) -> None:
        """Right before the spooler is touched: from here on paper is possible."""
        with self._commit() as db:
            self._stage(db, job, Stage.SUBMITTING)

    def accepted(self, job: Job, spool_ref: str, report: dict[str, Any]) -> None:
        """The spooler holds the job; the report of it is kept for delivery."""
        with self._commit() as db:
            self._stage(db, job, Stage.ACCEPTED)
            db.execute(
                "update attempts set spool_ref = ? where attempt_id = ?",
                (spool_ref, job.attempt_id),
            )
            self._keep(db, job, report, final=False)

    def settle(self, job: Job, report: dict[str, Any] | None, *, outcome: str) -> None:
        """The attempt is over, and its last report is kept for delivery if there is one.

        Also for a job that never came as far as an intent.
        """
        with self._commit() as db:
            db.execute(
                "update attempts set stage = ?, outcome = ?, job = null, changed_at = ?"
                " where attempt_id = ?",
                (Stage.CLOSED.value, outcome, time.time(), job.attempt_id),
            )
            if report is not None:
                self._keep(db, job, report, final=True)

    def open_entries(self) -> list[Entry]:
        """Attempts that are not closed, oldest first."""
        with self._lock:
            rows = self._db.execute(
                "select job, printer, stage, history_mark, spool_ref from attempts"
                " where stage <> ? order by rowid",
                (Stage.CLOSED.value,),
            ).fetchall()
        return [
            Entry(Job.read(json.loads(job)), printer, Stage(stage), mark, ref)
            for job, printer, stage, mark, ref in rows
        ]

    def unsent(self) -> list[Report]:
        """Reports the backend has not answered, in the order they were written."""
        with self._lock:
            rows = self._db.execute(
                "select seq, job_id, attempt_id, body, final from reports"
                " where answer is null order by seq"
            ).fetchall()
        return [
            Report(seq, job_id, attempt_id, json.loads(body), bool(final))
            for seq, job_id, attempt_id, body, final in rows
        ]

    def unsent_count(self) -> int:
        """How many reports wait."""
        with self._lock:
            return int(
                self._db.execute("select count(*) from reports where answer is null").fetchone()[0]
            )

    def answered(self, seq: int, answer: str) -> None:
        """The backend took the report, or will never take it: it is not sent again."""
        with self._commit() as db:
            db.execute(
                "update reports set answer = ?, changed_at = ? where seq = ?",
                (answer, time.time(), seq),
            )

    def forget_old(self, *, before: float) -> None:
        """Remove closed attempts and answered reports last changed before that wall time."""
        with self._commit() as db:
            db.execute(
                "delete from attempts where stage = ? and changed_at < ?",
                (Stage.CLOSED.value, before),
            )
            db.execute("delete from reports where answer is not null and changed_at < ?", (before,))

    @contextmanager
    def _commit(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._db:
            self._db.execute("begin immediate")
            yield self._db

    def _stage(self, db: sqlite3.Connection, job: Job, stage: Stage) -> None:
        db.execute(
            "update attempts set stage = ?, changed_at = ? where attempt_id = ?",
            (stage.value, time.time(), job.attempt_id),
        )

    def _keep(
        self, db: sqlite3.Connection, job: Job, report: dict[str, Any], *, final: bool
    ) -> None:
        body = {"epoch": job.epoch, "attempt_id": job.attempt_id, **report}
        db.execute(
            "insert into reports (attempt_id, job_id, body, final, changed_at)"
            " values (?, ?, ?, ?, ?)",
            (job.attempt_id, job.id, json.dumps(body), final, time.time()),
        )


def unsent_on_disk(work_dir: Path) -> int:
    """Waiting reports of a worker that may be running; 0 when there is no journal yet."""
    path = work_dir / FILE
    if not path.exists():
        return 0
    db = sqlite3.connect(path, timeout=2)
    try:
        return int(db.execute("select count(*) from reports where answer is null").fetchone()[0])
    finally:
        db.close()
