"""Starting, ending, keys, locks, memory and what stands in the log."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.print_worker.fake_backend import KEY, SIGNATURE, FakeBackend
from tests.print_worker.shop import ROOT, Shop, in_time, pdf


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_an_idle_worker_ends_at_once_even_in_a_long_poll(
    shop: Shop, backend: FakeBackend, number: int, code: int
) -> None:
    shop.config["poll_timeout"] = 30
    worker = shop.start()
    assert in_time(lambda: backend.calls["claim"] == 1)
    began = time.monotonic()

    assert shop.stop(worker, number) == code
    assert time.monotonic() - began < 12


def test_asked_to_end_a_short_job_is_finished_and_reported(
    shop: Shop, backend: FakeBackend
) -> None:
    shop.config["virtual_seconds_per_page"] = 0.2
    job = backend.add(pdf(4), pages=4)
    waiting = backend.add(pdf(1), pages=1)
    worker = shop.start()
    assert in_time(shop.paper)

    assert shop.stop(worker) == 0
    assert job.status == "COMPLETED", shop.log()
    assert waiting.status == "QUEUED"
    assert len(shop.paper()) == 4


def test_asked_to_end_a_long_job_is_left_to_the_journal(shop: Shop, backend: FakeBackend) -> None:
    shop.config["virtual_seconds_per_page"] = 0.4
    job = backend.add(pdf(30), pages=30)
    worker = shop.start()
    assert in_time(shop.paper)
    began = time.monotonic()

    assert shop.stop(worker) == 0
    assert time.monotonic() - began < 9
    assert job.status == "PRINTING"
    out = len(shop.paper())
    shop.start()
    assert in_time(lambda: job.status == "UNCERTAIN"), shop.log()
    assert job.proof("pages") == [out]
    assert len(shop.paper()) == out


def test_asked_to_end_during_the_download_the_job_goes_back(
    shop: Shop, backend: FakeBackend
) -> None:
    backend.delay_answers["file"] = 1.0
    job = backend.add(pdf(2), pages=2)
    worker = shop.start()
    assert in_time(lambda: backend.calls["file"] == 1)

    assert shop.stop(worker) == 0
    assert job.history == ["CLAIMED", "QUEUED"], shop.log()
    assert shop.paper() == []
    assert shop.leftovers() == []


def test_a_wrong_key_ends_the_worker_with_a_sentence(shop: Shop, backend: FakeBackend) -> None:
    shop.config["api_key"] = "wk_old"
    worker = shop.start()

    said, _ = worker.communicate(timeout=15)
    assert worker.returncode == 1
    assert "does not accept the worker key" in said
    assert "api_key" in said
    assert "wk_old" not in said
    assert backend.calls["claim"] <= 1


def test_a_key_revoked_while_printing_finishes_the_paper_and_keeps_the_report(
    shop: Shop, backend: FakeBackend
) -> None:
    shop.config["virtual_seconds_per_page"] = 0.2
    job = backend.add(pdf(4), pages=4)
    worker = shop.start()
    assert in_time(shop.paper)
    backend.key = "wk_new"

    assert worker.wait(15) == 1
    assert len(shop.paper()) == 4
    shop.config["api_key"] = "wk_new"
    shop.start()
    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert len(shop.paper()) == 4


def test_a_second_worker_on_the_same_folder_is_refused(shop: Shop, backend: FakeBackend) -> None:
    first = shop.start()
    assert in_time(lambda: backend.calls["claim"])
    second = shop.start()

    said, _ = second.communicate(timeout=15)
    assert second.returncode == 1
    assert "Another worker already runs" in said
    assert first.poll() is None
    shop.kill(first)
    third = shop.start()
    assert in_time(lambda: backend.calls["worker_heartbeat"] > shop.heartbeats_before_start)
    assert third.poll() is None


def test_backend_away_at_the_start_is_one_line_then_it_works(
    shop: Shop, backend: FakeBackend
) -> None:
    backend.away = True
    shop.start()
    assert in_time(lambda: "does not answer" in shop.log())
    time.sleep(2)  # in which it goes on trying, without another word
    assert len(shop.log().splitlines()) == 2, shop.log()
    job = backend.add(pdf(1), pages=1)
    backend.away = False

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert shop.log().count("answers again") == 1


def test_an_idle_worker_is_small(shop: Shop, backend: FakeBackend) -> None:
    job = backend.add(pdf(3), pages=3)
    worker = shop.start()
    assert in_time(lambda: job.status == "COMPLETED")
    time.sleep(0.5)  # idle shows nowhere; its threads end what they do

    assert psutil.Process(worker.pid).memory_info().rss <= 60_000_000


def test_the_log_tells_of_jobs_and_never_of_people_or_keys(
    shop: Shop, backend: FakeBackend
) -> None:
    backend.faults["file"] = ["half", "before"]
    backend.faults["begin"] = ["before"]
    job = backend.add(pdf(2), pages=2, token="57")
    worker = shop.start()
    assert in_time(lambda: job.status == "COMPLETED")
    shop.stop(worker)
    said, _ = worker.communicate(timeout=5)

    for text in (shop.log(), said):
        assert job.id in text
        assert "token 57" in text
        for secret in (KEY, SIGNATURE, "SECRET", "/files/", "token-57.pdf", "public.invalid"):
            assert secret not in text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_work_folder_is_private(shop: Shop, backend: FakeBackend) -> None:
    shop.start()
    assert in_time(lambda: backend.calls["claim"])

    assert stat.S_IMODE((shop.folder / "work").stat().st_mode) == 0o700


def test_old_documents_of_a_dead_worker_are_removed_at_the_start(
    shop: Shop, backend: FakeBackend
) -> None:
    left = shop.folder / "work" / "jobs" / "attempt-of-last-year"
    left.mkdir(parents=True)
    (left / "document.pdf").write_bytes(pdf(1))
    shop.start()
    assert in_time(lambda: backend.calls["claim"])

    assert not left.exists()


def test_it_also_starts_as_a_module(shop: Shop, backend: FakeBackend) -> None:
    config = shop.folder / "config.json"
    config.write_text(json.dumps(shop.config), "utf-8")
    job = backend.add(pdf(1), pages=1)
    worker = subprocess.Popen(
        [sys.executable, "-m", "print_worker.main", "--config", str(config)],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("PRINTWALA_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    shop.processes.append(worker)

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    assert shop.stop(worker) == 0


def test_a_settings_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "print_worker.main", "--config", str(tmp_path / "none.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
    )

    assert done.returncode == 2
    assert "none.json does not exist" in done.stderr
