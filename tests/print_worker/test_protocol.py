"""Stories of one worker process and one backend."""

from __future__ import annotations

from tests.print_worker.fake_backend import FakeBackend
from tests.print_worker.shop import Shop, eventually, pages_in, pdf


def test_a_paid_job_comes_out_once_and_is_reported_with_evidence(
    shop: Shop, backend: FakeBackend
) -> None:
    job = backend.add(pdf(3), pages=3, copies=2, print_type="BOTH", color_pages=[2])
    worker = shop.start()

    assert eventually(lambda: job.status == "COMPLETED"), shop.log()
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
    assert shop.stop(worker) == 0
    assert shop.leftovers() == []
