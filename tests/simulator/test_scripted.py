"""The scripted customer, against a shop that does it right and shops that do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from simulator import scripted
from simulator.server import listening, running, started, stop_at_once
from simulator.settings import settings_of
from tests.simulator.pretend_shop import PretendShop

# Mixed on both sides twice, a photo, and a page of a letter.
SHEETS = [
    "token 41, copy 1, sheet 1 front: page 1 in colour",
    "token 41, copy 1, sheet 1 back: page 2 in black & white",
    "token 41, copy 1, sheet 2 front: page 3 in black & white",
    "token 41, copy 1, sheet 2 back: page 4 in colour",
    "token 41, copy 1, sheet 3 front: page 5 in black & white",
    "token 41, copy 1, sheet 3 back: page 6 in black & white",
    "token 41, copy 2, sheet 1 front: page 1 in colour",
    "token 41, copy 2, sheet 1 back: page 2 in black & white",
    "token 41, copy 2, sheet 2 front: page 3 in black & white",
    "token 41, copy 2, sheet 2 back: page 4 in colour",
    "token 41, copy 2, sheet 3 front: page 5 in black & white",
    "token 41, copy 2, sheet 3 back: page 6 in black & white",
    "token 42, copy 1, sheet 1 front: page 1 in colour",
    "token 43, copy 1, sheet 1 front: page 1 in black & white",
]


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[tuple[PretendShop, list[str]]]:
    """A pretend shop with its simulator, and the arguments that lead the customer there."""
    shop, bound = PretendShop(tmp_path), listening(0)
    address = f"http://127.0.0.1:{bound.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(shop.app(), log_level="error"))
    task = asyncio.create_task(server._serve([bound]))
    await started(server, task)
    async with running(settings_of(port=0, backend=address, paper=tmp_path, environ={})) as real:
        shop.open(real)
        where = ["--simulator", real.origin, "--backend", address, "--paper", str(tmp_path)]
        yield shop, where
        await shop.close()
    await stop_at_once(server, task)


async def test_three_orders_come_out_as_ordered(
    street: tuple[PretendShop, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, where = street
    assert await asyncio.to_thread(scripted.main, [*where, "--patience", "20"]) == 0

    said = capsys.readouterr().out
    assert said.count(" 14  The shop says: ") == 3
    assert "On paper: 12 sides, 4 in colour" in said
    paper = said[said.index("     On paper:\n") :].splitlines()
    assert [line.strip() for line in paper[1:-2]] == SHEETS
    assert "All 3 orders came out as ordered." in said


async def test_without_a_converter_two_orders_are_the_whole_walk(
    street: tuple[PretendShop, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A machine with Python alone: no Word document is sent, and nothing is missed."""
    shop, where = street
    shop.converts = False
    assert await asyncio.to_thread(scripted.main, [*where, "--patience", "20"]) == 0

    said = capsys.readouterr().out
    assert "(no Word document: the backend has no converter)" in said
    assert said.count(" 14  The shop says: ") == 2
    paper = said[said.index("     On paper:\n") :].splitlines()
    assert [line.strip() for line in paper[1:-2]] == SHEETS[:-1]
    assert "All 2 orders came out as ordered." in said


@pytest.mark.parametrize(
    ("spoils", "step"),
    [
        (
            "paper",
            "Step 13 (a PDF of 6 pages) failed: the printer did not put out what was ordered",
        ),
        ("ink", "Step 13 (a PDF of 6 pages) failed: page 2 came out in the wrong ink"),
        ("webhook", "Step 10 (a PDF of 6 pages) failed: the backend accepted no payment webhook"),
    ],
)
async def test_the_failing_step_is_named(
    street: tuple[PretendShop, list[str]],
    capsys: pytest.CaptureFixture[str],
    spoils: str,
    step: str,
) -> None:
    shop, where = street
    shop.spoils = spoils
    assert await asyncio.to_thread(scripted.main, [*where, "--patience", "2"]) == 1
    failure = capsys.readouterr().err
    assert step in failure
    assert "Last seen: " in failure


async def test_a_backend_that_is_not_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    where = ["--backend", "http://127.0.0.1:1", "--paper", str(tmp_path), "--patience", "0.5"]
    assert await asyncio.to_thread(scripted.main, where) == 1
    assert "Step 0 failed: the backend at http://127.0.0.1:1" in capsys.readouterr().err
