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
from tests.support.town import Plan, Town

INTERRUPTED = 130


def converting(program: Program) -> list[psutil.Process]:
    """Processes of a running conversion below this program."""
    return [one for one in program.family() if "soffice" in one.name() or "bwrap" in one.name()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
@pytest.mark.parametrize("inline", [True, False], ids=["in one process", "background apart"])
def test_everything_ends_in_time_and_leaves_nothing(
    database_url: str, number: signal.Signals, *, inline: bool
) -> None:
    needs_program("soffice")
    plan = Plan(database_url=database_url, inline=inline)
    with public_directory("ending") as folder, Town(folder, plan) as town:
        [web], converter = town.backends, town.backends[0] if inline else town.background
        customer = town.customer("Writer", 1)
        [(name, kind, data)] = SAMPLES["docx"]()
        customer.sends(data, name=name, kind=kind)
        eventually(lambda: converting(converter), pause=0.005, why="no conversion runs")
        families = {program.name: program.family() for program in town.programs}
        order = [web, converter, town.worker, town.simulator]

        codes, took = {}, {}
        for program in dict.fromkeys(order):
            began = time.monotonic()
            codes[program.name] = program.stop(number, seconds=20)
            took[program.name] = time.monotonic() - began

        assert all(seconds < 10 for seconds in took.values()), took
        gone = [one for family in families.values() for one in family]
        alive = psutil.wait_procs(gone, timeout=2)[1]
        assert [one.cmdline() for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
        if number == signal.SIGINT:
            assert set(codes.values()) == {INTERRUPTED}, codes
        else:
            assert set(codes.values()) <= {0, -signal.SIGTERM}, codes
        for program in town.programs:
            assert "Traceback" not in program.said(), program.tail()


def test_the_document_in_hand_is_taken_up_by_the_next_process(database_url: str) -> None:
    needs_program("soffice")
    plan = Plan(database_url=database_url)
    with public_directory("taken-up") as folder, Town(folder, plan) as town:
        customer = town.customer("Writer", 1)
        [(name, kind, data)] = SAMPLES["docx"]()
        customer.sends(data, name=name, kind=kind)
        eventually(lambda: converting(town.backends[0]), pause=0.005, why="no conversion runs")
        town.backends[0].stop()

        town.start_what_died()

        customer.hears("How should I print it", seconds=60)
        assert customer.count("How should I print it") == 1
