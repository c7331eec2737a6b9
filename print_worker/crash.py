"""Named places where a test may kill the worker, as a power cut would."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping

VARIABLE = "PRINTWALA_CRASH_AT"
ENVIRONMENT = "PRINTWALA_ENVIRONMENT"


class CrashRefused(Exception):
    """A crash point is armed where it must not be, or its text makes no sense."""


class _Armed:
    name: str = ""
    left: int = 0


_armed = _Armed()
_counting = threading.Lock()


def arm(environ: Mapping[str, str]) -> None:
    """Arm ``<name>`` or ``<name>:<nth>`` from the environment; nothing set means nothing armed.

    Raises CrashRefused in production and for a malformed value.
    """
    text = environ.get(VARIABLE, "")
    if not text:
        _armed.name = ""
        return
    if environ.get(ENVIRONMENT, "").strip().lower() == "production":
        raise CrashRefused(f"{VARIABLE} is set in production: remove it, it kills the worker.")
    name, _, nth = text.partition(":")
    if nth and not (nth.isdigit() and int(nth) > 0):
        raise CrashRefused(f"{VARIABLE} is {text!r}: write <name> or <name>:<nth>, counted from 1.")
    _armed.name, _armed.left = name, int(nth or 1)


def crash_here(name: str) -> None:
    """Die at once, without clean-up, when this point is the armed one and its turn has come."""
    if name != _armed.name:
        return
    with _counting:
        _armed.left -= 1
        if _armed.left > 0:
            return
        if sys.platform == "win32":
            os._exit(137)
        os.kill(os.getpid(), signal.SIGKILL)
