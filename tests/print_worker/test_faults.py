"""What a shop PC meets besides printers: an outage at a bad moment, a full disk, a power cut."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from urllib.parse import urlsplit

from print_worker.agent import worker_id
from print_worker.file_downloader import PAUSES, TRIES
from print_worker.settings import load
from tests.print_worker.fake_backend import FakeBackend
from tests.print_worker.shop import Shop, in_time, pdf
from tests.support.proxy import Proxy
from tests.support.services import free_port


def test_an_outage_longer_than_all_tries_of_a_download_does_not_cost_the_job(
    shop: Shop, backend: FakeBackend
) -> None:
    port, behind = free_port(), urlsplit(backend.url).port
    assert behind
    job = backend.add(pdf(2), pages=2)
    asked, cut = threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        cut.wait(10)

    backend.on_call["file"] = hold
    shop.config["backend_url"] = f"http://127.0.0.1:{port}"
    with Proxy(port, [behind]):
        worker = shop.start()
        assert asked.wait(10), shop.log()
        # The board has been told: nobody else will ask, and so notice the outage, for a while.
        assert in_time(lambda: backend.workers["pc-1"]["printers"][0]["state"] == "processing")
    del backend.on_call["file"]
    cut.set()
    assert in_time(lambda: "does not answer" in shop.log()), shop.log()
    # Were refused connections counted as tries, the last one would come and be told within this.
    told = in_time(lambda: f"{TRIES} tries" in shop.log(), seconds=sum(PAUSES) + 2)
    assert not told, shop.log()
    assert job.status == "CLAIMED", shop.log()

    with Proxy(port, [behind]):
        assert in_time(lambda: job.status == "COMPLETED"), shop.log()
        assert shop.stop(worker) == 0
    assert job.history == ["CLAIMED", "PRINTING", "COMPLETED"]
    assert len(shop.paper()) == 2


def test_a_journal_that_cannot_be_written_ends_the_worker_instead_of_half_of_it(
    shop: Shop, backend: FakeBackend
) -> None:
    worker = shop.start()
    assert in_time(lambda: backend.calls["claim"]), shop.log()
    with sqlite3.connect(shop.folder / "work" / "journal.sqlite3") as journal:
        journal.execute("drop table reports")

    assert worker.wait(15) == 1, shop.log()
    assert "Unforeseen error; the worker ends" in shop.log()


def test_a_made_up_name_outlives_a_power_cut_that_emptied_its_file(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    told = {"backend_url": "http://shop.test", "api_key": "wk_1", "work_dir": str(tmp_path)}
    config.write_text(json.dumps(told), "utf-8")
    settings = load(config, {})
    (tmp_path / "worker_id").write_bytes(b"")

    name = worker_id(settings)

    assert name
    assert worker_id(settings) == name
