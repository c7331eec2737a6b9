"""A real SIGKILL at every crash point of the worker; then the paper and the job are looked at."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from print_worker.journal import unsent_on_disk
from tests.print_worker.fake_backend import FakeBackend
from tests.print_worker.shop import Shop, in_time, pdf
from tests.support.crashes import crash_points

PAGES = 4

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL needs POSIX")


@dataclass(frozen=True)
class Story:
    """What must be true after dying at ``point`` and starting again."""

    point: str
    at_once: str
    """Final state when the worker is back before its lease ends."""
    late: str
    """Final state when the lease ended while it was away."""
    attempts: tuple[int, int] = (1, 1)
    sides: tuple[int | None, int | None] = (PAGES, PAGES)
    """Page sides out, at once and late; None where the kill decides."""


STORIES = [
    Story("worker.after_claim", "COMPLETED", "COMPLETED", attempts=(2, 2)),
    Story("worker.mid_download", "COMPLETED", "COMPLETED", attempts=(2, 2)),
    Story("worker.before_journal", "COMPLETED", "COMPLETED", attempts=(2, 2)),
    Story("worker.after_journal", "COMPLETED", "COMPLETED", attempts=(1, 2)),
    Story("worker.after_begin", "COMPLETED", "UNCERTAIN", sides=(PAGES, 0)),
    Story("worker.in_submit_1", "COMPLETED", "UNCERTAIN", sides=(PAGES, 0)),
    Story("worker.in_submit_2", "COMPLETED", "UNCERTAIN", sides=(PAGES, 0)),
    Story("worker.in_submit_3", "UNCERTAIN", "UNCERTAIN", sides=(None, None)),
    Story("worker.after_accept", "UNCERTAIN", "UNCERTAIN", sides=(None, None)),
    Story("worker.before_report", "UNCERTAIN", "UNCERTAIN", sides=(None, None)),
    Story("worker.before_report:2", "COMPLETED", "COMPLETED"),
    Story("worker.after_report", "UNCERTAIN", "UNCERTAIN", sides=(None, None)),
    Story("worker.after_report:2", "COMPLETED", "COMPLETED"),
]


def test_every_crash_point_in_the_source_has_a_story() -> None:
    assert {story.point.partition(":")[0] for story in STORIES} == crash_points("print_worker")


@pytest.mark.parametrize("late", [False, True], ids=["at_once", "late"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.point)
def test_killed_there_the_job_is_never_printed_twice(
    shop: Shop, backend: FakeBackend, story: Story, *, late: bool
) -> None:
    shop.config["virtual_seconds_per_page"] = 0.15 if None in story.sides else 0.01
    job = backend.add(pdf(PAGES), pages=PAGES)
    first = shop.start(crash_at=story.point)
    assert first.wait(20) == -9, shop.log()

    if late:
        backend.lapse()
    second = shop.start()
    if story.attempts[late] == 2 and not late:
        assert in_time(lambda: backend.calls["claim"] >= 2), shop.log()
        backend.lapse()

    final = story.late if late else story.at_once
    assert in_time(lambda: job.status == final), (job.history, shop.log())
    assert in_time(lambda: _quiet(shop)), shop.log()
    assert shop.stop(second) == 0
    assert job.status == final, job.history
    assert len(job.attempts) == story.attempts[late]
    assert len(job.begun) == 1
    assert shop.most_often() <= 1
    sides = story.sides[late]
    if sides is None:
        assert job.proof("pages") == [len(shop.paper())]
        assert len(shop.paper()) < PAGES
    else:
        assert len(shop.paper()) == sides
    if sides == 0:
        assert job.proof("never_accepted") == [True]
    assert shop.leftovers() == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("worker.after_journal", "worker.after_begin"),
        ("worker.in_submit_2", "worker.in_submit_1"),
        ("worker.after_accept", "worker.before_report"),
        ("worker.before_report:2", "worker.after_report"),
    ],
)
def test_killed_twice_it_is_still_at_most_once_on_paper(
    shop: Shop, backend: FakeBackend, first: str, second: str
) -> None:
    shop.config["virtual_seconds_per_page"] = 0.01
    job = backend.add(pdf(PAGES), pages=PAGES)
    for point in (first, second):
        assert shop.start(crash_at=point).wait(20) == -9, shop.log()
    worker = shop.start()

    assert in_time(lambda: job.status in ("COMPLETED", "UNCERTAIN")), shop.log()
    assert in_time(lambda: _quiet(shop)), shop.log()
    shop.stop(worker)
    assert shop.most_often() <= 1
    assert len(job.attempts) == 1
    if job.status == "COMPLETED":
        assert len(shop.paper()) == PAGES


def test_a_crash_point_in_production_is_refused(shop: Shop) -> None:
    worker = shop.start(crash_at="worker.after_claim", PRINTWALA_ENVIRONMENT="production")

    said, _ = worker.communicate(timeout=15)
    assert worker.returncode == 2
    assert "PRINTWALA_CRASH_AT" in said


def _quiet(shop: Shop) -> bool:
    """The worker that runs now has told the board, owes it no report and has cleaned up."""
    told = shop.backend.calls["worker_heartbeat"] > shop.heartbeats_before_start
    return told and shop.leftovers() == [] and unsent_on_disk(shop.folder / "work") == 0
