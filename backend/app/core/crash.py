"""Named points where a process can be made to die, so that every one of them is proven.

Nothing happens unless ``PRINTWALA_CRASH_AT`` names the point (``name`` or ``name:3`` for its third
passing), and never in production.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

_armed, _, _nth = os.environ.get("PRINTWALA_CRASH_AT", "").partition(":")
if os.environ.get("ENVIRONMENT") == "production":
    _armed = ""
_passed: Counter[str] = Counter()


def disarm() -> None:
    """No point dies from now on: production may be set in a file instead of the environment."""
    global _armed  # noqa: PLW0603 - one process, one arming
    _armed = ""


def crash_here(name: str) -> None:
    """Dies by SIGKILL here when armed: no handlers, no flushing, no goodbye."""
    if name != _armed:
        return
    _passed[name] += 1
    if _passed[name] == int(_nth or 1):
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
