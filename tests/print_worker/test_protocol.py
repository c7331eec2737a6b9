"""Stories of a worker process and a backend: who may print, and what is said about it."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.print_worker.fake_backend import FakeBackend
from tests.print_worker.shop import Shop, in_time, pages_in, pdf


def test_a_paid_job_comes_out_once_and_is_reported_with_evidence(
    shop: Shop, backend: FakeBackend
) -> None:
    job = backend.add(pdf(3), pages=3, copies=2, print_type="BOTH", color_pages=[2])
    worker = shop.start()

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert job.history == ["CLAIMED", "PRINTING", "COMPLETED"]
    assert job.begun == job.attempts
    assert pages_in(shop.paper_dir / job.attempt_id / "copy-1.pdf") == [1, 2, 3]
    assert pages_in(shop.paper_dir / job.attempt_id / "copy-2.pdf") == [1, 2, 3]
    assert [p["color"] for p in shop.paper()] == [False, True, False] * 2
    assert {p["job_id"] for p in shop.paper()} == {job.id}
    assert job.proof("spooled") == [True]
    assert job.proof("spooler_completed") == [True]
    assert job.proof("pages") == [6]
    assert job.proof("sheets") == [6]
    assert backend.hosts_seen == {backend.url.removeprefix("http://")}
    assert shop.stop(worker) == 0
    assert shop.leftovers() == []


def test_jobs_come_out_in_the_order_the_backend_gives_them(
    shop: Shop, backend: FakeBackend
) -> None:
    jobs = [backend.add(pdf(1), pages=1, token=str(n)) for n in range(1, 6)]
    shop.start()

    assert in_time(lambda: all(job.status == "COMPLETED" for job in jobs)), shop.log()
    assert [p["token"] for p in shop.paper()] == ["1", "2", "3", "4", "5"]


def test_a_file_that_is_not_the_paid_one_is_never_printed(shop: Shop, backend: FakeBackend) -> None:
    job = backend.add(pdf(2), pages=2)
    job.promised_sha256 = "ab" * 32
    shop.start()

    assert in_time(lambda: job.status == "FAILED"), shop.log()
    assert job.proof("never_accepted") == [True]
    assert "not the one that was paid" in job.error
    assert backend.calls["file"] == 4
    assert job.begun == []
    assert shop.paper() == []
    assert in_time(lambda: shop.leftovers() == [])


def test_wrong_bytes_are_fetched_again(shop: Shop, backend: FakeBackend) -> None:
    good = pdf(3)
    answers = [b"<html>" + good, good[:-1]]
    backend.file_bytes = lambda _: answers.pop(0) if answers else good
    job = backend.add(good, pages=3)
    shop.start()

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert backend.calls["file"] == 3
    assert len(shop.paper()) == 3


def test_tickets_that_make_no_sense_fail_before_paper(shop: Shop, backend: FakeBackend) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "not all in a file of 2": {"pages": "1-9"},
        "0 copies": {"copies": 0},
        "not a whole number": {"copies": "two"},
        "unknown print type": {"print_type": "SEPIA"},
        "unknown sides": {"sides": "three-sided"},
    }
    jobs = {reason: backend.add(pdf(2), pages=2) for reason in wrong}
    for reason, job in jobs.items():
        job.settings.update(wrong[reason])
    shop.start()

    assert in_time(lambda: all(job.status == "FAILED" for job in jobs.values())), shop.log()
    for reason, job in jobs.items():
        assert reason in job.error
        assert job.proof("never_accepted") == [True]
    assert shop.paper() == []


def test_a_file_with_other_pages_than_paid_fails_before_paper(
    shop: Shop, backend: FakeBackend
) -> None:
    job = backend.add(pdf(2), pages=3)
    shop.start()

    assert in_time(lambda: job.status == "FAILED"), shop.log()
    assert "2 pages, 3 were paid" in job.error
    assert shop.paper() == []


def test_cancelled_before_permission_nothing_is_printed(shop: Shop, backend: FakeBackend) -> None:
    cancelled = backend.add(pdf(2), pages=2)
    backend.on_call["begin"] = lambda: (
        cancelled.move("CANCELLED") if cancelled.status == "CLAIMED" else None
    )
    following = backend.add(pdf(1), pages=1)
    shop.start()

    assert in_time(lambda: following.status == "COMPLETED"), shop.log()
    assert cancelled.status == "CANCELLED"
    assert {p["job_id"] for p in shop.paper()} == {following.id}


def test_a_claim_lost_during_the_download_prints_nothing_under_the_old_claim(
    shop: Shop, backend: FakeBackend
) -> None:
    backend.lease_seconds = 1.5
    backend.faults["heartbeat"] = ["503"] * 20
    backend.delay_answers["file"] = 2.5
    job = backend.add(pdf(2), pages=2)
    shop.start()
    assert in_time(lambda: job.epoch == 1)
    assert in_time(lambda: job.epoch == 2), shop.log()
    backend.delay_answers.clear()
    backend.lease_seconds = 90.0

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert {p["attempt_id"] for p in shop.paper()} == {job.attempt_id}
    assert len(job.begun) == 1


def test_a_permission_that_came_too_late_is_not_used(shop: Shop, backend: FakeBackend) -> None:
    backend.valid_seconds = 0.5
    backend.delay_answers["begin"] = 0.7
    job = backend.add(pdf(2), pages=2)
    shop.start()

    assert in_time(lambda: backend.calls["begin"] >= 2), shop.log()
    assert shop.paper() == []
    backend.delay_answers.clear()
    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert len(job.attempts) == 1
    assert len(shop.paper()) == 2


def test_a_sleeping_worker_wakes_up_without_rights(shop: Shop, backend: FakeBackend) -> None:
    job = backend.add(pdf(2), pages=2)
    backend.delay_answers["file"] = 0.7
    sleeper = shop.start()
    assert in_time(lambda: backend.calls["file"] == 1)
    sleeper.send_signal(signal.SIGSTOP)
    backend.delay_answers.clear()
    backend.lapse()

    other = Shop(shop.folder / "other", backend)
    other.folder.mkdir()
    try:
        other.start()
        assert in_time(lambda: job.status == "COMPLETED"), other.log()
        sleeper.send_signal(signal.SIGCONT)
        assert in_time(lambda: "Nothing was printed" in shop.log()), shop.log()
        assert shop.paper() == []
        assert len(other.paper()) == 2
    finally:
        other.close()


def test_a_lease_that_ended_while_printing_still_ends_with_the_proof(
    shop: Shop, backend: FakeBackend
) -> None:
    shop.config["virtual_seconds_per_page"] = 0.2
    job = backend.add(pdf(4), pages=4)
    shop.start()
    assert in_time(shop.paper)
    backend.lapse()

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert job.history == ["CLAIMED", "PRINTING", "UNCERTAIN", "COMPLETED"]
    assert len(shop.paper()) == 4


def test_backend_away_while_printing_the_report_waits_for_it(
    shop: Shop, backend: FakeBackend
) -> None:
    shop.config["virtual_seconds_per_page"] = 0.1
    job = backend.add(pdf(4), pages=4)
    shop.start()
    assert in_time(shop.paper)
    backend.away = True

    assert in_time(lambda: len(shop.paper()) == 4)
    assert in_time(lambda: "does not answer" in shop.log(), seconds=5)
    assert in_time(lambda: "token 41: COMPLETED" in shop.log())
    assert job.status == "PRINTING"
    backend.away = False
    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert in_time(lambda: "answers again" in shop.log())
    assert shop.log().count("does not answer") == 1
    assert shop.log().count("answers again") == 1
    assert len(job.attempts) == 1


def test_backend_away_at_the_question_no_answer_is_no_permission(
    shop: Shop, backend: FakeBackend
) -> None:
    job = backend.add(pdf(2), pages=2)

    def go_away() -> None:
        backend.away = True

    backend.on_call["begin"] = go_away
    shop.start()
    assert in_time(lambda: backend.calls["begin"] >= 2)
    assert shop.paper() == []
    backend.on_call.clear()
    backend.away = False

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert len(job.attempts) == 1
    assert len(shop.paper()) == 2


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"print_type": "COLOR"}, "no colour"),
        ({"sides": "two-sided-long-edge"}, "cannot print both sides"),
        ({"paper": "A3"}, "no A3 paper"),
    ],
)
def test_a_job_for_another_kind_of_printer_is_given_back(
    shop: Shop, backend: FakeBackend, settings: dict[str, str], reason: str
) -> None:
    shop.config["printers"] = [{"name": "mono", "color": False, "duplex": False}]
    job = backend.add(pdf(2), pages=2, **settings)
    shop.start()

    assert in_time(lambda: backend.calls["released"] == 1), shop.log()
    assert in_time(lambda: job.status == "QUEUED")
    assert reason in shop.log()
    assert backend.calls["file"] == 0
    assert shop.paper() == []


def test_printers_work_side_by_side(shop: Shop, backend: FakeBackend) -> None:
    shop.config["virtual_seconds_per_page"] = 0.3
    shop.config["printers"] = [{"name": "left"}, {"name": "right"}]
    jobs = [backend.add(pdf(4), pages=4, printer=name) for name in ("left", "right")]
    shop.start()

    assert in_time(lambda: all(job.status == "COMPLETED" for job in jobs)), shop.log()
    order = [p["job_id"] for p in shop.paper()]
    assert sorted(order[:4]) != [order[0]] * 4, "one printer waited for the other"


def test_the_board_hears_of_the_worker_and_its_printers(shop: Shop, backend: FakeBackend) -> None:
    shop.config["printers"] = [{"name": "Front", "color": False, "papers": ["A4", "A3"]}]
    shop.start()

    assert in_time(lambda: backend.workers)
    told = backend.workers["pc-1"]
    assert told["unsent_reports"] == 0
    assert told["printers"] == [
        {
            "name": "Front",
            "backend": "virtual",
            "color": False,
            "duplex": True,
            "papers": ["A4", "A3"],
            "state": "idle",
            "reasons": [],
        }
    ]
    shop.quirk("paper_out")
    assert in_time(lambda: backend.workers["pc-1"]["printers"][0]["reasons"] == ["media-empty"])
    assert backend.workers["pc-1"]["printers"][0]["state"] == "stopped"
