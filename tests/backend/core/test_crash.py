"""Crash points kill where they are armed, at the passing they name, and never in production."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from app.core.config import ROOT

SCRIPT = """
from app.core.crash import crash_here
for passing in range(3):
    crash_here("here")
    crash_here("there")
    print(passing, flush=True)
"""


def run(armed: str, environment: str = "development") -> tuple[int, list[str]]:
    """Exit code and what was printed before it."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "backend"),
            "PRINTWALA_CRASH_AT": armed,
            "ENVIRONMENT": environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.split()


KILLED = -int(getattr(signal, "SIGKILL", signal.SIGTERM))


@pytest.mark.parametrize(
    ("armed", "printed"),
    [("here", []), ("here:1", []), ("there:2", ["0"]), ("here:3", ["0", "1"])],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports a killed process otherwise")
def test_an_armed_point_kills_at_its_passing(armed: str, printed: list[str]) -> None:
    assert run(armed) == (KILLED, printed)


@pytest.mark.parametrize("armed", ["", "elsewhere", "her", "here:4"])
def test_nothing_happens_elsewhere(armed: str) -> None:
    assert run(armed) == (0, ["0", "1", "2"])


def test_production_does_not_die_whatever_is_armed() -> None:
    assert run("here", "production") == (0, ["0", "1", "2"])
