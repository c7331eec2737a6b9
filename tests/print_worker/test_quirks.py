"""What the worker concludes from each way in which a printer can misbehave."""

from __future__ import annotations

import pytest

from tests.print_worker.fake_backend import FakeBackend
from tests.print_worker.shop import Shop, in_time, pdf

PAGES = 4


@pytest.mark.parametrize(
    ("quirk", "status", "sides"),
    [
        ("accepts_then_silent", "COMPLETED", PAGES),
        ("exit0_without_paper", "UNCERTAIN", 0),
        ("exit1_with_paper", "UNCERTAIN", PAGES),
        ("dies_after:0", "UNCERTAIN", 0),
        ("dies_after:3", "UNCERTAIN", 3),
        ("dies_after:9", "COMPLETED", PAGES),
        ("slow", "COMPLETED", PAGES),
    ],
)
def test_one_job_on_a_bad_printer(
    shop: Shop, backend: FakeBackend, quirk: str, status: str, sides: int
) -> None:
    shop.config["virtual_quirk"] = quirk
    job = backend.add(pdf(PAGES), pages=PAGES)
    worker = shop.start()

    assert in_time(lambda: job.status == status), shop.log()
    assert job.history == ["CLAIMED", "PRINTING", status]
    assert len(shop.paper()) == sides
    assert len(job.attempts) == 1
    assert job.proof("never_accepted") == []
    assert job.proof("spooler_completed") == ([True] if status == "COMPLETED" else [])
    if quirk.startswith("dies_after:") and status == "UNCERTAIN":
        assert job.proof("pages") == [sides]
        assert f"{sides} of {PAGES} pages came out" in job.error
    if quirk == "exit1_with_paper":
        assert job.proof("hand_over") == ["the printing program ended with code 1"]
        assert job.proof("pages") == [PAGES]
    assert shop.stop(worker) == 0
    assert shop.leftovers() == []


@pytest.mark.parametrize("quirk", ["offline", "paper_out"])
def test_a_printer_that_is_not_ready_gets_no_job(
    shop: Shop, backend: FakeBackend, quirk: str
) -> None:
    shop.quirk(quirk)
    job = backend.add(pdf(PAGES), pages=PAGES)
    shop.start()
    assert in_time(lambda: "is not ready" in shop.log())
    assert in_time(lambda: backend.workers)
    assert backend.calls["claim"] == 0
    shop.quirk("")

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert len(job.attempts) == 1
    assert shop.log().count("is not ready") == 1
    assert shop.log().count("is ready again") == 1


def test_a_jam_waits_for_a_person_and_then_goes_on(shop: Shop, backend: FakeBackend) -> None:
    shop.config["virtual_seconds_per_page"] = 0.2
    job = backend.add(pdf(PAGES), pages=PAGES)
    following = backend.add(pdf(1), pages=1)
    shop.start()
    assert in_time(shop.paper)
    shop.quirk("jam")
    assert in_time(
        lambda: (
            backend.workers.get("pc-1", {}).get("printers", [{}])[0].get("reasons") == ["media-jam"]
        )
    ), shop.log()
    out = len(shop.paper())
    assert 0 < out < PAGES
    assert (job.status, following.status) == ("PRINTING", "QUEUED")
    shop.quirk("")

    assert in_time(lambda: following.status == "COMPLETED"), shop.log()
    assert job.status == "COMPLETED"
    assert len(shop.paper(job.attempt_id)) == PAGES
    assert shop.most_often() == 1


def test_a_spooler_that_repeats_raises_the_duplicate_alarm(
    shop: Shop, backend: FakeBackend
) -> None:
    shop.config.update(virtual_quirk="repeats_after_restart", virtual_seconds_per_page=0.2)
    job = backend.add(pdf(PAGES), pages=PAGES)
    worker = shop.start()
    assert in_time(lambda: len(shop.paper()) >= 2)
    shop.kill(worker)
    out = len(shop.paper())
    shop.start()

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert job.proof("duplicate") == [True]
    assert job.proof("pages") == [out + PAGES]
    assert len(shop.paper()) == out + PAGES
    assert "came out more than once" in shop.log()
    assert len(job.attempts) == 1


def test_a_spooler_that_loses_leaves_doubt(shop: Shop, backend: FakeBackend) -> None:
    shop.config.update(virtual_quirk="loses_after_restart", virtual_seconds_per_page=0.2)
    job = backend.add(pdf(PAGES), pages=PAGES)
    worker = shop.start()
    assert in_time(shop.paper)
    shop.kill(worker)
    out = len(shop.paper())
    shop.start()

    assert in_time(lambda: job.status == "UNCERTAIN"), shop.log()
    assert job.proof("found") == [False]
    assert len(shop.paper()) == out
    assert job.proof("never_accepted") == []


@pytest.mark.parametrize(
    ("point", "quirks"),
    [
        ("worker.in_submit_1", ("loses_after_restart", "")),
        ("worker.in_submit_3", ("", "loses_after_restart")),
    ],
)
def test_a_missing_title_proves_nothing_where_titles_get_lost(
    shop: Shop, backend: FakeBackend, point: str, quirks: tuple[str, str]
) -> None:
    shop.config.update(virtual_seconds_per_page=0.2, virtual_quirk=quirks[0])
    job = backend.add(pdf(PAGES), pages=PAGES)
    assert shop.start(crash_at=point).wait(15) == -9
    shop.config["virtual_quirk"] = quirks[1]
    shop.start()

    assert in_time(lambda: job.status == "UNCERTAIN"), shop.log()
    assert len(job.attempts) == 1
    assert shop.most_often() <= 1
    assert len(shop.paper()) < PAGES


def test_a_job_on_a_printer_that_was_removed_is_left_to_a_person(
    shop: Shop, backend: FakeBackend
) -> None:
    shop.config.update(virtual_seconds_per_page=0.2, printers=[{"name": "old"}])
    job = backend.add(pdf(PAGES), pages=PAGES)
    worker = shop.start()
    assert in_time(shop.paper)
    shop.kill(worker)
    shop.config["printers"] = [{"name": "new"}]
    shop.start()

    assert in_time(lambda: job.status == "UNCERTAIN"), shop.log()
    assert len(shop.paper()) < PAGES
    assert len(job.attempts) == 1
