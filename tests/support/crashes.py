"""The crash points that stand in the source, so that none is without a story."""

from __future__ import annotations

import re

from tests.support.processes import ROOT


def crash_points(*folders: str) -> set[str]:
    """Every name in a ``crash_here("...")`` below these folders."""
    return {
        name
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r'crash_here\(\s*"([^"]+)"', path.read_text("utf-8"))
    }
