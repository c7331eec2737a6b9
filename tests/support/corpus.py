"""Where the public document collections lie; they are no part of this repository."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_GIVEN = os.environ.get("PRINTWALA_CORPUS")
CORPUS = Path(_GIVEN or _ROOT.parent / "shared" / "corpus")
WANTED = bool(_GIVEN) or CORPUS.is_dir()  # who names a folder does not mean another one
