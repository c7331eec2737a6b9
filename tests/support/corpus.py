"""Where the public document collections lie; they are no part of this repository."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("PRINTWALA_CORPUS") or _ROOT.parent / "shared" / "corpus")
