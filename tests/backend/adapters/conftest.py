"""One intake for all document tests: its processes are warm, as they are in the shop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from app.adapters.intake import Intake
from app.domain.errors import DocumentRefused, Refusal
from app.ports import Limits, Prepared

LIMITS = Limits(max_bytes=32 << 20, max_pages=500)

Prepare = Callable[..., Awaitable[Prepared]]
Refused = Callable[..., Awaitable[Refusal]]


@pytest.fixture(scope="session")
def intake() -> Iterator[Intake]:
    made = Intake.detect(idle_seconds=60.0)
    yield made
    made.close()


@pytest.fixture
def prepare(intake: Intake, tmp_path: Path) -> Prepare:
    async def run(
        source: Path, *, limits: Limits = LIMITS, password: str | None = None
    ) -> Prepared:
        workdir = tmp_path / f"work-{source.name}"
        return await intake.prepare(source, workdir, limits=limits, password=password)

    return run


@pytest.fixture
def refused(prepare: Prepare) -> Refused:
    async def run(source: Path, **more: object) -> Refusal:
        with pytest.raises(DocumentRefused) as caught:
            await prepare(source, **more)
        return caught.value.reason

    return run
