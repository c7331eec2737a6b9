"""Where the public document collections lie, if they are here: they are not of this repository."""

from __future__ import annotations

import os
from pathlib import Path

_named = os.environ.get("PRINTWALA_CORPUS")
CORPUS = Path(_named) if _named else None
