"""The counter of a freshly opened shop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.backend.web.counter import Counter, opened


@pytest.fixture
async def counter(database_url: str, tmp_path: Path) -> AsyncIterator[Counter]:
    async with opened(database_url, tmp_path) as found:
        yield found
