"""One attempt against a scripted spooler: cases the virtual printer cannot play."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from print_worker.backend_client import BackendClient
from print_worker.clock import uptime
from print_worker.file_downloader import FileDownloader
from print_worker.job import Job
from print_worker.journal import Entry, Journal, Stage
from print_worker.leases import Leases
from print_worker.print_run import Ending, PrintRun, Shop
from print_worker.printer import (
    Capabilities,
    MaybeAccepted,
    NotAccepted,
    Phase,
    PrinterAway,
    PrinterState,
    PrintTask,
    SpoolJob,
)
from print_worker.printers.virtual import VirtualPrinter
from print_worker.reporter import Reporter
from print_worker.settings import PrinterSettings
from print_worker.stop import Stop
from tests.print_worker.fake_backend import KEY, FakeBackend, FakeJob
from tests.print_worker.shop import pdf


class ScriptedPrinter:
    """A spooler that answers what it was told to; every answer is used once, the last for ever."""

    name, backend = "scripted", "scripted"

    def __init__(self) -> None:
        self.submit_answer: str | Exception = "7"
        self.jobs: list[SpoolJob | Exception] = [SpoolJob("7", "", Phase.DONE)]
        self.finds: list[list[SpoolJob] | Exception] = [[]]
        self.submitted: list[PrintTask] = []
        self.cancelled: list[str] = []
        self.forgotten: list[str] = []
        self.mark: str | None = "m"
        self.states = [PrinterState(ready=True)]

    def open(self) -> None:
        return

    def capabilities(self) -> Capabilities:
        return Capabilities(color=True, duplex=True, papers=("A4",))

    def state(self) -> PrinterState:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def submit(self, task: PrintTask) -> str:
        self.submitted.append(task)
        if isinstance(self.submit_answer, Exception):
            raise self.submit_answer
        return self.submit_answer

    def job(self, ref: str) -> SpoolJob:
        answer = self.jobs.pop(0) if len(self.jobs) > 1 else self.jobs[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def find(self, title: str) -> list[SpoolJob]:
        answer = self.finds.pop(0) if len(self.finds) > 1 else self.finds[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def cancel(self, ref: str) -> None:
        self.cancelled.append(ref)

    def forget(self, ref: str) -> None:
        self.forgotten.append(ref)

    def history_mark(self) -> str | None:
        return self.mark


class Bench:
    """The worker's parts without threads: reports are delivered when the test says so."""

    def __init__(self, folder: Path, backend: FakeBackend) -> None:
        self.printer = ScriptedPrinter()
        stop = Stop(uptime)
        self.client = BackendClient(backend.url, api_key=KEY, worker_id="pc-1")
        self.journal = Journal(folder)
        leases = Leases(self.client, stop, uptime)
        self.reporter = Reporter(self.client, self.journal, leases, stop)
        downloader = FileDownloader(self.client, leases, folder, stop)
        self.shop = Shop(self.client, self.journal, leases, self.reporter, downloader, stop, uptime)

    def claim(self) -> Job:
        job = self.client.claim([{"name": "scripted"}], wait=0)
        assert job is not None
        return job

    def run(self) -> Ending:
        ending = PrintRun(self.shop, self.printer, self.claim()).run()
        assert self.reporter.deliver()
        return ending

    def resume(self, stage: Stage) -> Ending:
        entry = Entry(self.claim(), "scripted", stage, "m", "7")
        self.journal.intend(entry.job, printer="scripted", history_mark="m")
        ending = PrintRun(self.shop, self.printer, entry.job).resume(entry)
        assert self.reporter.deliver()
        return ending


@pytest.fixture
def bench(tmp_path: Path, backend: FakeBackend) -> Iterator[Bench]:
    made = Bench(tmp_path, backend)
    yield made
    made.client.close()
    made.journal.close()


@pytest.fixture
def job(backend: FakeBackend) -> FakeJob:
    return backend.add(pdf(2), pages=2, copies=3)


def done(**changes: Any) -> SpoolJob:
    return SpoolJob("7", "", Phase.DONE, **changes)


def test_the_spooler_gets_one_job_with_all_copies_under_the_attempts_title(
    bench: Bench, job: FakeJob
) -> None:
    assert bench.run() is Ending.SETTLED
    (task,) = bench.printer.submitted
    assert task.title == f"PO-{job.attempt_id}"
    assert task.ticket.copies == 3
    assert job.status == "COMPLETED"
    assert bench.printer.forgotten == ["7"]
    assert not task.file.exists()


def test_a_spooler_that_does_not_count_is_believed_when_it_says_done(
    bench: Bench, job: FakeJob
) -> None:
    bench.printer.jobs = [SpoolJob("7", "", Phase.PRINTING), done(confirmed="none")]
    bench.run()

    assert job.status == "COMPLETED"
    assert job.proof("confirmed_level") == ["none"]
    assert job.proof("pages") == []


def test_done_with_too_few_pages_is_not_done(bench: Bench, job: FakeJob) -> None:
    bench.printer.jobs = [done(sides_out=5)]
    bench.run()

    assert job.status == "UNCERTAIN"
    assert job.proof("spooler_completed") == []
    assert "5 of 6 pages" in job.error


def test_done_with_too_many_pages_raises_the_duplicate_alarm(bench: Bench, job: FakeJob) -> None:
    bench.printer.jobs = [done(sides_out=7)]
    bench.run()

    assert (job.status, job.proof("duplicate")) == ("COMPLETED", [True])


def test_a_refusal_before_acceptance_is_provably_not_printed(bench: Bench, job: FakeJob) -> None:
    bench.printer.submit_answer = NotAccepted("the queue is closed")
    bench.run()

    assert job.history == ["CLAIMED", "PRINTING", "FAILED"]
    assert job.proof("never_accepted") == [True]
    assert "the queue is closed" in job.error


@pytest.mark.parametrize("answer", [MaybeAccepted("lost"), RuntimeError("driver"), OSError()])
def test_an_unclear_hand_over_that_cannot_be_found_is_uncertain(
    bench: Bench, job: FakeJob, answer: Exception
) -> None:
    bench.printer.submit_answer = answer
    bench.run()

    assert job.status == "UNCERTAIN"
    assert job.proof("never_accepted") == []
    assert len(bench.printer.submitted) == 1


def test_an_unforeseen_failure_is_never_taken_for_success(bench: Bench, job: FakeJob) -> None:
    bench.printer.submit_answer = RuntimeError("driver")
    bench.printer.finds = [[done()]]
    bench.printer.jobs = [done(sides_out=6)]
    bench.run()

    assert job.status == "UNCERTAIN"
    assert job.proof("pages") == [6]


def test_a_spooler_that_is_silent_is_asked_again(bench: Bench, job: FakeJob) -> None:
    bench.printer.submit_answer = MaybeAccepted("lost")
    bench.printer.finds = [PrinterAway("no answer"), [SpoolJob("7", "", Phase.PRINTING)]]
    bench.printer.jobs = [PrinterAway("no answer"), done(sides_out=6)]
    bench.run()

    assert job.status == "COMPLETED"
    assert len(bench.printer.submitted) == 1


def test_the_same_title_twice_in_the_spooler_is_a_duplicate(bench: Bench, job: FakeJob) -> None:
    bench.printer.submit_answer = MaybeAccepted("lost")
    bench.printer.finds = [[done(), done()]]
    bench.run()

    assert (job.status, job.proof("duplicate")) == ("COMPLETED", [True])


def test_a_copy_the_spooler_still_holds_does_not_get_to_paper(bench: Bench, job: FakeJob) -> None:
    bench.printer.submit_answer = MaybeAccepted("lost")
    bench.printer.finds = [[SpoolJob("8", "", Phase.WAITING), done(sides_out=6)]]
    bench.printer.jobs = [done(sides_out=6)]
    bench.run()

    assert bench.printer.cancelled == ["8", "7"]
    assert (job.status, job.proof("duplicate")) == ("COMPLETED", [True])


def test_after_a_restart_too_only_one_copy_is_left_to_print(bench: Bench, job: FakeJob) -> None:
    bench.printer.finds = [[SpoolJob("8", "", Phase.WAITING), done(sides_out=6)]]
    bench.printer.jobs = [done(sides_out=6)]
    bench.resume(Stage.SUBMITTING)

    assert bench.printer.cancelled == ["8", "7"]
    assert (job.status, job.proof("duplicate")) == ("COMPLETED", [True])


def test_a_hand_over_that_hangs_is_given_up_and_left_to_a_person(
    bench: Bench, job: FakeJob, tmp_path: Path
) -> None:
    hanging = VirtualPrinter(
        PrinterSettings("hanging", "virtual"),
        output_dir=tmp_path / "paper",
        quirk="hangs",
        submit_seconds=0.3,
    )
    hanging.open()
    PrintRun(bench.shop, hanging, bench.claim()).run()
    bench.reporter.deliver()
    hanging.close()

    assert job.status == "UNCERTAIN"
    assert "hung and was given up" in job.error
    assert not (tmp_path / "paper" / "paper.jsonl").exists()


def test_a_printer_that_stops_being_ready_before_permission_gives_the_job_back(
    bench: Bench, job: FakeJob
) -> None:
    bench.printer.states = [PrinterState(ready=True), PrinterState(False, ("cover-open",))]

    assert bench.run() is Ending.RELEASED
    assert job.history == ["CLAIMED", "QUEUED"]
    assert bench.printer.submitted == []


def test_taken_up_after_a_restart_the_lease_is_renewed_at_once(
    bench: Bench, job: FakeJob, backend: FakeBackend
) -> None:
    bench.printer.finds = [[done(sides_out=6)]]
    bench.resume(Stage.ACCEPTED)
    lease = bench.shop.leases.hold(bench_job := Job.read(_raw(job)), taken_up=True)

    assert job.status == "COMPLETED"
    assert bench.printer.submitted == []
    assert lease.next_beat <= uptime()
    assert bench_job.attempt_id == job.attempt_id


@pytest.mark.parametrize(
    ("stage", "mark", "status"),
    [
        (Stage.INTENDED, None, "COMPLETED"),
        (Stage.SUBMITTING, "m", "COMPLETED"),
        (Stage.SUBMITTING, "other", "UNCERTAIN"),
        (Stage.SUBMITTING, None, "UNCERTAIN"),
        (Stage.ACCEPTED, "m", "UNCERTAIN"),
    ],
)
def test_a_missing_title_after_a_restart(
    bench: Bench, job: FakeJob, stage: Stage, mark: str | None, status: str
) -> None:
    bench.printer.mark = mark
    bench.resume(stage)

    assert job.status == status
    assert len(bench.printer.submitted) == (status == "COMPLETED")
    assert len(job.attempts) == 1


def _raw(job: FakeJob) -> dict[str, Any]:
    file = {"url": "/f", "sha256": "0" * 64, "bytes": 1, "pages": 1}
    ids = {"id": job.id, "attempt_id": job.attempt_id, "epoch": 1, "lease_seconds": 90}
    return {**ids, "file": file, "settings": {}}
