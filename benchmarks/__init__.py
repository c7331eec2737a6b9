"""Figures, one script per table of ``docs/performance.md``. Run from the repository's root:

    .venv/bin/python -m benchmarks.webhook

Everything is measured beside its baseline in the same run, on this machine only.
"""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
for _place in (_ROOT, _ROOT / "backend"):
    if str(_place) not in sys.path:
        sys.path.insert(0, str(_place))
