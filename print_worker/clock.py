"""Elapsed time for leases and permissions; the wall clock of a shop computer is never trusted."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Gives seconds since some fixed moment; never goes back."""


def uptime() -> float:
    """Seconds that have really passed since the machine started, sleep included.

    Linux stops its ordinary monotonic clock while the machine sleeps, so a lease would look alive
    after a night with the lid closed; ``CLOCK_BOOTTIME`` goes on. Windows counts sleep by itself.
    """
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
