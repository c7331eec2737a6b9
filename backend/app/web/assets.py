"""The few static files, read once; each address carries the hash of its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str
    version: str


def _load(folder: Path) -> Mapping[str, Asset]:
    found = {}
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        version = hashlib.sha256(content).hexdigest()[:8]
        found[path.name] = Asset(content, _MEDIA_TYPES[path.suffix], version)
    return found


ASSETS = _load(Path(__file__).parent / "static")


def asset_url(name: str) -> str:
    """``/static/app.css?v=1a2b3c4d``. Raises KeyError for a file that is not there."""
    return f"/static/{name}?v={ASSETS[name].version}"
