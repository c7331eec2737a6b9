"""How long a lane waits before it asks a backend again that was away or did not want it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from print_worker.clock import uptime
from print_worker.lane import Lane
from print_worker.queue_listener import JobSource
from print_worker.stop import Stop
from tests.print_worker.fake_backend import FakeBackend
from tests.print_worker.test_print_run import Bench


class Waits(Stop):
    """Nobody sleeps; after so many waits the worker is asked to end."""

    def __init__(self, count: int) -> None:
        super().__init__(uptime)
        self.count = count
        self.seconds: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        if len(self.seconds) == self.count:
            self.ask()
        return self.asked


@pytest.fixture
def waits() -> Waits:
    return Waits(8)


@pytest.fixture
def lane(tmp_path: Path, backend: FakeBackend, waits: Waits) -> Iterator[Lane]:
    bench = Bench(tmp_path, backend)
    source = JobSource(bench.client, poll_timeout=0, stop=waits)
    yield Lane(replace(bench.shop, stop=waits), bench.printer, source, [])
    bench.client.close()
    bench.journal.close()


def test_a_backend_that_is_away_is_asked_every_few_seconds_however_long_it_takes(
    lane: Lane, backend: FakeBackend, waits: Waits
) -> None:
    backend.away = True

    lane.run()

    about = [1, 2, 4, 5, 5, 5, 5, 5]
    shares = [waited / meant for waited, meant in zip(waits.seconds, about, strict=True)]
    assert [share for share in shares if not 0.69 < share < 1.31] == []
    assert not waits.failed


def test_a_backend_that_refuses_this_worker_is_asked_seldom(
    lane: Lane, backend: FakeBackend, waits: Waits
) -> None:
    backend.faults["claim"] = ["422"] * 8

    lane.run()

    assert waits.seconds == [15.0] * 8
    assert backend.calls["claim"] == 8
    assert not waits.failed
