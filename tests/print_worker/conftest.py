"""A backend and a shop computer for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.print_worker.fake_backend import FakeBackend
from tests.print_worker.shop import Shop


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    """A strict backend with real lease times."""
    running = FakeBackend()
    yield running
    running.close()


@pytest.fixture
def shop(tmp_path: Path, backend: FakeBackend) -> Iterator[Shop]:
    """A shop computer whose processes end with the test."""
    computer = Shop(tmp_path, backend)
    yield computer
    computer.close()
