"""In a repaired PDF: does any page name a thing that is not in the file any more?

A repair finds the pages of a damaged file again and drops, without a word, every reference to
what was lost. Such a page would print with a gap and be sold as whole.
"""

from __future__ import annotations

import re

from pikepdf import Array, Dictionary, Name, Object, Stream

from app.domain.errors import DocumentRefused, Refusal

_DRAWS = re.compile(rb"/([^\s\0/<>\[\](){}%]+)[\s\0]+Do(?![A-Za-z])")
_WRITES = re.compile(rb"/([^\s\0/<>\[\](){}%]+)[\s\0]+[\d.+-]+[\s\0]+Tf(?![A-Za-z])")
_DEEPEST = 6


def refuse_losses(pages: list[Dictionary]) -> None:
    """Raises ``DocumentRefused`` when a page's drawing, pictures or fonts are missing."""
    seen: set[tuple[int, int]] = set()
    for page in pages:
        resources = page.get("/Resources")
        _check(_drawing(page.get("/Contents")), resources, seen, 0)


def _drawing(contents: Object | None) -> bytes:
    parts = list(contents) if isinstance(contents, Array) else [contents]
    if not all(isinstance(part, Stream) for part in parts):
        raise DocumentRefused(Refusal.BROKEN, "a page without its drawing")
    return b"\n".join(part.read_bytes() for part in parts if isinstance(part, Stream))


def _check(
    drawing: bytes, resources: Object | None, seen: set[tuple[int, int]], depth: int
) -> None:
    _all_there(_WRITES.findall(drawing), _group(resources, "/Font"), "font")
    pictures = _group(resources, "/XObject")
    _all_there(_DRAWS.findall(drawing), pictures, "picture")
    if pictures is None or depth > _DEEPEST:
        return
    for key in pictures.keys():  # noqa: SIM118 - iterating it gives other things
        held = pictures.get(key)
        if not isinstance(held, Stream) or held.objgen in seen:
            continue
        seen.add(held.objgen)
        if held.get("/Subtype") == Name.Form:
            own = held.get("/Resources")
            _check(held.read_bytes(), own if own is not None else resources, seen, depth + 1)


def _group(resources: Object | None, key: str) -> Dictionary | None:
    held = resources.get(key) if isinstance(resources, Dictionary) else None
    return held if isinstance(held, Dictionary) else None


def _all_there(names: list[bytes], known: Dictionary | None, what: str) -> None:
    for name in set(names):
        spelt = re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), name)
        if known is None or "/" + spelt.decode("utf-8", "replace") not in known:
            raise DocumentRefused(Refusal.BROKEN, f"a {what} of its pages is missing")
