"""SIGTERM and Ctrl-C: everything ends within ten seconds, whatever it is doing, and alone."""

from __future__ import annotations

import signal
import time

import psutil
import pytest

from simulator.samples import SAMPLES
from tests.support.processes import Program, eventually
from tests.support.programs import needs_program
from tests.support.services import public_directory
from tests.support.town import Customer, Plan, Town

INTERRUPTED = 130


def converting(program: Program) -> list[psutil.Process]:
    """Processes of a running conversion below this program."""
    return [one for one in program.family() if "soffice" in one.name() or "bwrap" in one.name()]


def sends_a_word_file(town: Town, program: Program) -> Customer:
    """Until LibreOffice is at work on it below ``program``."""
    customer = town.customer("Writer", 1)
    [(name, kind, data)] = SAMPLES["docx"]()
    customer.sends(data, name=name, kind=kind)
    eventually(lambda: converting(program), pause=0.005, why="no conversion runs")
    return customer


def ends(program: Program, number: signal.Signals) -> int:
    """Its exit code, within ten seconds, with nothing left below it and no complaint."""
    family = program.family()
    began = time.monotonic()
    code = program.stop(number, seconds=20)
    assert time.monotonic() - began < 10, program.name
    alive = psutil.wait_procs(family, timeout=2)[1]
    left = [one.cmdline() for one in alive if one.status() != psutil.STATUS_ZOMBIE]
    assert left == [], program.name
    assert "Traceback" not in program.said(), program.tail()
    return code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_everything_ends_in_time_and_leaves_nothing(
    database_url: str, number: signal.Signals
) -> None:
    needs_program("soffice")
    plan = Plan(database_url=database_url, inline=False)
    with public_directory("ending") as folder, Town(folder, plan) as town:
        sends_a_word_file(town, town.background)
        # The worker holds a claim open: the web process has to answer it first.
        order = [town.background, town.backends[0], town.worker, town.simulator]

        codes = {program.name: ends(program, number) for program in order}

        assert set(codes.values()) == {INTERRUPTED if number == signal.SIGINT else 0}, codes


def test_the_document_in_hand_is_taken_up_by_the_next_process(database_url: str) -> None:
    needs_program("soffice")
    plan = Plan(database_url=database_url)
    with public_directory("taken-up") as folder, Town(folder, plan) as town:
        [shop] = town.backends
        customer = sends_a_word_file(town, shop)
        assert ends(shop, signal.SIGTERM) == 0

        town.start_what_died()

        customer.hears("How should I print it", seconds=60)
        assert customer.count("How should I print it") == 1
