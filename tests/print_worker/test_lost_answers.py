"""Every call of the worker is cut before it arrives, cut after it took effect, answered 503."""

from __future__ import annotations

import pytest

from tests.print_worker.fake_backend import FakeBackend
from tests.print_worker.shop import Shop, in_time, pdf


@pytest.mark.parametrize("call", ["begin", "spooled", "completed", "file"])
def test_printed_once_whatever_happens_to_the_call(
    shop: Shop, backend: FakeBackend, call: str
) -> None:
    cut = ["half", "before", "503"] if call == "file" else ["before", "after", "503"]
    backend.faults[call] = list(cut)
    job = backend.add(pdf(2), pages=2)
    shop.start()

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert in_time(lambda: backend.calls[call] > len(cut), seconds=40), backend.calls
    assert job.history == ["CLAIMED", "PRINTING", "COMPLETED"]
    assert len(job.attempts) == 1
    assert len(shop.paper()) == 2


def test_a_claim_whose_answer_is_lost_comes_back_after_its_lease(
    shop: Shop, backend: FakeBackend
) -> None:
    backend.faults["claim"] = ["503", "after"]
    job = backend.add(pdf(2), pages=2)
    shop.start()
    assert in_time(lambda: job.status == "CLAIMED")
    backend.lapse()

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert len(job.attempts) == 2
    assert len(job.begun) == 1
    assert len(shop.paper()) == 2


def test_heartbeats_that_fail_now_and_then_do_not_cost_the_lease(
    shop: Shop, backend: FakeBackend
) -> None:
    backend.lease_seconds = 6.0
    shop.config["virtual_seconds_per_page"] = 1.0
    backend.faults["heartbeat"] = ["before", "after"]
    job = backend.add(pdf(6), pages=6)
    shop.start()

    assert in_time(lambda: job.status == "COMPLETED", seconds=25), (job.history, shop.log())
    assert job.history == ["CLAIMED", "PRINTING", "COMPLETED"]
    assert backend.calls["heartbeat"] >= 2


@pytest.mark.parametrize(
    ("quirk", "call", "status"),
    [("dies_after:1", "uncertain", "UNCERTAIN"), ("", "failed", "FAILED")],
)
def test_bad_news_is_repeated_until_it_is_heard(
    shop: Shop, backend: FakeBackend, quirk: str, call: str, status: str
) -> None:
    shop.config["virtual_quirk"] = quirk
    backend.faults[call] = ["503", "after"]
    job = backend.add(pdf(2), pages=2, copies=1 if quirk else 0)
    shop.start()

    assert in_time(lambda: job.status == status), shop.log()
    assert in_time(lambda: backend.calls[call] == 3), backend.calls
    assert len(job.attempts) == 1


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_job_given_back_in_vain_goes_back_with_its_lease(
    shop: Shop, backend: FakeBackend, fault: str
) -> None:
    shop.config["printers"] = [{"name": "mono", "color": False}]
    backend.faults["released"] = [fault]
    job = backend.add(pdf(2), pages=2, print_type="COLOR")
    shop.start()
    assert in_time(lambda: backend.calls["released"] == 1)
    job.printer = "another"
    backend.lapse()

    assert job.status == "QUEUED"
    assert shop.paper() == []


def test_a_page_of_the_tunnel_is_no_answer_of_the_backend(shop: Shop, backend: FakeBackend) -> None:
    """A 404 that is not ours must not make the worker drop a report."""
    shop.config["virtual_seconds_per_page"] = 0.05
    job = backend.add(pdf(2), pages=2)
    backend.faults["completed"] = ["foreign404", "foreign404"]
    shop.start()

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert backend.calls["completed"] == 3
