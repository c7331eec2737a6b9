"""The scripted customer: a PDF, a photo and a Word file, from hello to paper."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.processes import PYTHON, ROOT
from tests.support.programs import needs_program
from tests.support.services import public_directory
from tests.support.town import Plan, Town


@pytest.mark.parametrize(
    ("with_redis", "inline"),
    [(False, True), (True, False)],
    ids=["no Redis, all in one process", "Redis, background apart"],
)
def test_all_three_documents_come_out_as_ordered(
    database_url: str, request: pytest.FixtureRequest, *, with_redis: bool, inline: bool
) -> None:
    needs_program("soffice")
    redis_url = request.getfixturevalue("redis_url") if with_redis else ""
    plan = Plan(
        database_url=database_url, redis_url=redis_url, queue_name="scripted", inline=inline
    )
    with public_directory("scripted") as folder, Town(folder, plan) as town:
        done = walk(town)

        assert done.returncode == 0, done.stdout + done.stderr
        assert "All 3 orders came out as ordered." in done.stdout
        assert len(town.paper.sides()) == 12 + 1 + 1
        assert town.paper.repeated() == []


def walk(town: Town) -> subprocess.CompletedProcess[str]:
    """Runs the scripted customer against a town."""
    return subprocess.run(
        [
            *(PYTHON, "-m", "simulator.scripted", "--with-docx"),
            *("--simulator", town.outside, "--backend", town.url),
            *("--paper", str(town.paper.folder)),
        ],
        cwd=ROOT,
        env=town.environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
