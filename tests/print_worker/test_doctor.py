"""The doctor names what is wrong, says the fix, and touches nothing."""

from __future__ import annotations

from print_worker.journal import Journal
from tests.print_worker.fake_backend import FakeBackend
from tests.print_worker.shop import Shop, in_time, pdf
from tests.print_worker.test_journal import job as some_job
from tests.support.services import free_port


def ask(shop: Shop, **environ: str) -> tuple[int, list[str]]:
    doctor = shop.start("doctor", **environ)
    said, _ = doctor.communicate(timeout=20)
    assert "Traceback" not in said
    return doctor.returncode, said.splitlines()


def line(lines: list[str], what: str) -> str:
    return next(one for one in lines if f"  {what}:" in one)


def test_all_is_well(shop: Shop, backend: FakeBackend) -> None:
    backend.add(pdf(1), pages=1)
    code, lines = ask(shop)

    assert code == 0, lines
    assert all(one.startswith("ok ") for one in lines)
    names = [one.split(":")[0].split(maxsplit=1)[1] for one in lines]
    assert names == [
        "backend",
        "clock",
        "key",
        "printer virtual",
        "disk",
        "queue",
        "reports",
        "worker",
    ]
    assert backend.calls["claim"] == 0
    assert backend.calls["worker_heartbeat"] == 0
    assert shop.paper() == []


def test_each_ill_is_named_with_its_fix(shop: Shop, backend: FakeBackend) -> None:
    shop.config.update(
        api_key="wk_old", redis_url=f"redis://127.0.0.1:{free_port()}/0", virtual_quirk="offline"
    )
    work = shop.folder / "work"
    work.mkdir()
    journal = Journal(work)
    journal.settle(some_job(), {"status": "COMPLETED"}, outcome="COMPLETED")
    journal.close()
    code, lines = ask(shop)

    assert code == 1
    assert line(lines, "key").startswith("FAIL")
    assert "WORKER_API_KEY" in line(lines, "key")
    assert "Redis does not answer" in line(lines, "queue")
    assert "offline" in line(lines, "printer virtual")
    assert line(lines, "reports") == (
        "FAIL  reports: 1 not delivered yet. "
        "They go out by themselves once the worker runs and the backend answers."
    )


def test_a_backend_that_is_away(shop: Shop) -> None:
    code, lines = ask(shop, PRINTWALA_BACKEND_URL=f"http://127.0.0.1:{free_port()}")

    assert code == 1
    assert "does not answer" in line(lines, "backend")
    assert "backend_url" in line(lines, "backend")


def test_it_may_look_while_the_worker_prints(shop: Shop, backend: FakeBackend) -> None:
    shop.config["virtual_seconds_per_page"] = 0.3
    job = backend.add(pdf(8), pages=8)
    shop.start()
    assert in_time(shop.paper)
    code, lines = ask(shop)

    assert code == 0, lines
    assert line(lines, "worker") == "ok    worker: running"
    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert len(shop.paper()) == 8
