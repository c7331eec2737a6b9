"""What the journal holds after the process that wrote it is gone."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from print_worker.job import Job
from print_worker.journal import Entry, Journal, Stage, unsent_on_disk
from print_worker.printer import Phase, SpoolJob
from print_worker.recovery import Adopt, Doubt, StartAfresh, judge
from tests.print_worker.shop import ROOT


def job(attempt: str = "att-1") -> Job:
    raw: dict[str, Any] = {
        "id": "job-1",
        "attempt_id": attempt,
        "epoch": 3,
        "lease_seconds": 90,
        "token": "41",
        "file": {"url": "https://x/files/a", "sha256": "a" * 64, "bytes": 10, "pages": 2},
        "settings": {"print_type": "BW", "copies": 1},
    }
    return Job.read(raw)


def test_every_write_waits_for_the_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    assert journal._db.execute("pragma synchronous").fetchone() == (2,)  # 2 is FULL
    assert journal._db.execute("pragma journal_mode").fetchone() == ("wal",)
    journal.close()


def test_a_killed_process_leaves_every_step_it_finished(tmp_path: Path) -> None:
    steps = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from print_worker.journal import Journal
from tests.print_worker.test_journal import job
journal = Journal(Path({str(tmp_path)!r}))
journal.intend(job("a"), printer="p", history_mark="m")
journal.intend(job("b"), printer="p", history_mark=None)
journal.submitting(job("b"))
journal.intend(job("c"), printer="q", history_mark="m")
journal.submitting(job("c"))
journal.accepted(job("c"), "17", {{"status": "PRINTING"}})
journal.intend(job("d"), printer="p", history_mark="m")
journal.settle(job("d"), {{"status": "COMPLETED"}}, outcome="COMPLETED")
os._exit(9)
"""
    done = subprocess.run([sys.executable, "-c", steps], cwd=ROOT, check=False, timeout=20)
    assert done.returncode == 9

    journal = Journal(tmp_path)
    seen = [
        (e.job.attempt_id, e.printer, e.stage, e.history_mark, e.spool_ref)
        for e in journal.open_entries()
    ]
    assert seen == [
        ("a", "p", Stage.INTENDED, "m", None),
        ("b", "p", Stage.SUBMITTING, None, None),
        ("c", "q", Stage.ACCEPTED, "m", "17"),
    ]
    reports = journal.unsent()
    assert [(r.attempt_id, r.body["status"], r.final) for r in reports] == [
        ("c", "PRINTING", False),
        ("d", "COMPLETED", True),
    ]
    assert reports[0].body["epoch"] == 3
    assert unsent_on_disk(tmp_path) == 2
    journal.answered(reports[0].seq, "sent")
    assert [r.attempt_id for r in journal.unsent()] == ["d"]
    journal.close()


def test_a_settled_attempt_keeps_no_document_address(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.intend(job(), printer="p", history_mark="m")
    journal.settle(job(), None, outcome="released")
    journal.close()

    db = sqlite3.connect(tmp_path / "journal.sqlite3")
    assert db.execute("select job, outcome from attempts").fetchall() == [(None, "released")]
    db.close()


def test_old_entries_go_open_and_unsent_ones_stay(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for attempt in ("open", "sent", "unsent"):
        journal.intend(job(attempt), printer="p", history_mark="m")
    journal.settle(job("sent"), {"status": "COMPLETED"}, outcome="COMPLETED")
    journal.answered(journal.unsent()[0].seq, "sent")
    journal.settle(job("unsent"), {"status": "COMPLETED"}, outcome="COMPLETED")
    journal.forget_old(before=time.time() + 1)

    assert [e.job.attempt_id for e in journal.open_entries()] == ["open"]
    assert [r.attempt_id for r in journal.unsent()] == ["unsent"]
    journal.close()


def found(phase: Phase) -> list[SpoolJob]:
    return [SpoolJob("7", "PO-att-1", phase)]


@pytest.mark.parametrize(
    ("stage", "then", "jobs", "now", "verdict"),
    [
        (Stage.INTENDED, None, [], None, StartAfresh()),
        (Stage.INTENDED, "m", [], "n", StartAfresh()),
        (Stage.SUBMITTING, "m", [], "m", StartAfresh()),
        (Stage.SUBMITTING, "m", [], "n", Doubt),
        (Stage.SUBMITTING, "m", [], None, Doubt),
        (Stage.SUBMITTING, None, [], None, Doubt),
        (Stage.SUBMITTING, None, [], "m", Doubt),
        (Stage.ACCEPTED, "m", [], "m", Doubt),
        (Stage.SUBMITTING, None, found(Phase.DONE), None, Adopt),
        (Stage.SUBMITTING, "m", found(Phase.STOPPED), "m", Adopt),
        (Stage.ACCEPTED, "m", found(Phase.PRINTING), "m", Adopt),
        (Stage.INTENDED, "m", found(Phase.DONE), "m", Adopt),
    ],
)
def test_the_restart_rule(
    stage: Stage, then: str | None, jobs: list[SpoolJob], now: str | None, verdict: Any
) -> None:
    entry = Entry(job(), "p", stage, then, None)
    judged = judge(entry, jobs, history_mark=now)

    assert judged == verdict if isinstance(verdict, StartAfresh) else isinstance(judged, verdict)


def test_of_two_jobs_of_one_title_the_finished_one_counts() -> None:
    entry = Entry(job(), "p", Stage.ACCEPTED, "m", "1")
    jobs = [SpoolJob("1", "t", Phase.STOPPED), SpoolJob("2", "t", Phase.DONE)]

    judged = judge(entry, jobs, history_mark="m")
    assert judged == Adopt(jobs[1], twice=True)
