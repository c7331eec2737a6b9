"""What is missing or waiting is seen where people look: ``/health`` and the doctor."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.adapters import intake as intake_module
from app.adapters.intake import Intake
from app.cli import app as command_line
from app.tasks.work_queue import DOCUMENT_WORKERS
from tests.support.outside import pdf_of
from tests.support.programs import needs_program
from tests.support.shop import House, opened, shop_settings

OFFICE = "Word, Excel, PowerPoint and text files are refused; install LibreOffice"
BOX = "There is no sandbox, so Office and text files are refused"
MACHINES = {
    "both": (("soffice", "bwrap"), "ok", ()),
    "no converter": (("bwrap",), "degraded", (f"libreoffice: {OFFICE}",)),
    "no sandbox": (("soffice",), "degraded", (f"bubblewrap: {BOX}",)),
    "neither": ((), "degraded", (f"libreoffice: {OFFICE}", f"bubblewrap: {BOX}")),
}


@pytest.fixture(params=MACHINES)
def machine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, tuple[str, ...]]:
    """A machine with some of the two programs: what its converter check says, and why."""
    installed, status, reasons = MACHINES[request.param]
    places = tmp_path / "programs"
    places.mkdir()
    for name in ("soffice", "bwrap"):
        program = needs_program(name)
        if name in installed:
            (places / name).symlink_to(program)
    monkeypatch.setattr(intake_module, "_SOFFICE_PLACES", ())
    monkeypatch.setenv("PATH", str(places))
    return status, reasons


async def test_health_says_what_cannot_be_converted(
    machine: tuple[str, tuple[str, ...]], database_url: str, tmp_path: Path
) -> None:
    status, reasons = machine
    async with opened(database_url, tmp_path / "shop") as house:
        answer = await house.api.get("/health")
    told = answer.json()["checks"]["converter"]
    assert answer.status_code == 200  # photos and PDFs are printed all the same
    assert told["status"] == status
    assert bool(told["reason"]) is bool(reasons)
    for reason in reasons:
        assert reason in told["reason"]
    if status == "degraded":
        assert answer.json()["status"] == "degraded"


def test_the_doctor_says_what_cannot_be_converted(
    machine: tuple[str, tuple[str, ...]],
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, reasons = machine
    settings = shop_settings(database_url, tmp_path / "shop", origin="http://127.0.0.1:9")
    monkeypatch.setattr("app.cli.load_settings", lambda: settings)
    monkeypatch.setenv("COLUMNS", "1000")

    done = CliRunner().invoke(command_line, ["doctor"])

    assert done.exit_code == 0, done.output  # it can do without
    [line] = [one for one in done.output.splitlines() if one.split()[1:2] == ["converter"]]
    assert line.split()[0] == status
    for reason in reasons:
        assert reason in line
    assert ("libreoffice" in line, "bubblewrap" in line) == tuple(
        any(reason.startswith(name) for reason in reasons) for name in ("libreoffice", "bubblewrap")
    )


async def waiting_files(house: House) -> Any:
    health = (await house.api.get("/health")).json()
    return health["checks"]["background"]["waiting"]["files"]


async def comes_to(house: House, number: int) -> None:
    deadline = time.monotonic() + 20
    while (seen := await waiting_files(house)) != number:
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.05)


async def test_files_in_line_are_seen(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three are being read, however long it takes, and three wait for them."""
    release, reading = asyncio.Event(), 0
    prepare = Intake.prepare

    async def slowly(self: Intake, *given: Any, **more: Any) -> Any:
        nonlocal reading
        reading += 1
        await release.wait()
        return await prepare(self, *given, **more)

    monkeypatch.setattr(Intake, "prepare", slowly)
    async with opened(database_url, tmp_path / "shop") as house:
        assert await waiting_files(house) == 0
        customers = [await house.outside.newcomer() for _ in range(DOCUMENT_WORKERS + 3)]
        for customer in customers:
            await customer.sends(pdf_of(1), name="a.pdf")
        await comes_to(house, 3)
        assert reading == DOCUMENT_WORKERS

        release.set()
        for customer in customers:
            await customer.hears("How should I print it")
        await comes_to(house, 0)
        assert reading == DOCUMENT_WORKERS + 3
        await house.quiet()
        await house.keeps_its_promises()
