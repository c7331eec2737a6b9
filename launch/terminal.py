"""How these commands talk, fail, and hear Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
]


class Failure(Exception):
    """Something asked for did not work; the text says what and what to do."""


class Interrupted(Exception):
    """Somebody pressed Ctrl-C or asked us to end."""


def say(text: str) -> None:
    """One line about what this program itself does."""
    print(f"run: {text}", flush=True)


def listen_for_interrupts() -> None:
    """Turn every request to end into ``Interrupted``."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)


def ignore_interrupts() -> None:
    """Nothing may interrupt the cleaning up; it is bounded in time by itself."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def follow(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> int:
    """Run a program in our terminal to its end, and pass on what asks us to end."""
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    interrupted = False
    while True:
        try:
            code = process.wait()
            return 130 if interrupted else code
        except Interrupted as interrupt:
            interrupted = True
            # A terminal has sent Ctrl-C to the program too; anything else came to us alone.
            if interrupt.args != (signal.SIGINT,) or not sys.stdin.isatty():
                process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(number)
