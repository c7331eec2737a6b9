"""How dark a colour is: the colour spaces of a PDF whose grey is certain.

Weights are those of ISO 32000-1, 10.3.2 to 10.3.4, which Pillow's conversion uses as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pikepdf import Array, Dictionary, Name, Object, Stream, String


class Uncertain(Exception):
    """Something whose grey cannot be told from the file; the page is drawn instead."""


@dataclass(frozen=True, slots=True)
class Space:
    """``parts`` numbers make a colour; ``first`` is what a page paints before it chooses one."""

    parts: int
    grey: Callable[[Sequence[float]], float]
    first: tuple[float, ...]


def _of_rgb(parts: Sequence[float]) -> float:
    return 0.299 * parts[0] + 0.587 * parts[1] + 0.114 * parts[2]


def _of_cmyk(parts: Sequence[float]) -> float:
    cyan, magenta, yellow, black = parts
    return 1 - min(1.0, 0.3 * cyan + 0.59 * magenta + 0.11 * yellow + black)


GRAY = Space(1, lambda parts: parts[0], (0.0,))
RGB = Space(3, _of_rgb, (0.0, 0.0, 0.0))
CMYK = Space(4, _of_cmyk, (0.0, 0.0, 0.0, 1.0))
PATTERN = Space(0, lambda _: 0.0, ())
_INK = Space(1, lambda parts: 1 - parts[0], (1.0,))  # black as a spot colour

_NAMED = {
    **dict.fromkeys(("/DeviceGray", "/CalGray", "/G"), GRAY),
    **dict.fromkeys(("/DeviceRGB", "/CalRGB", "/RGB"), RGB),
    **dict.fromkeys(("/DeviceCMYK", "/CMYK"), CMYK),
    "/Pattern": PATTERN,
}


def space(found: Object | None, spaces: Dictionary | None = None, depth: int = 0) -> Space:
    """Reads a colour space, by name from ``spaces`` if need be. Raises Uncertain."""
    if depth > 3 or found is None:
        raise Uncertain("a colour space is missing")
    if isinstance(found, Name):
        if str(found) in _NAMED:
            return _NAMED[str(found)]
        return space(spaces.get(str(found)) if spaces is not None else None, None, depth + 1)
    if not isinstance(found, Array) or len(found) < 1:
        raise Uncertain("no colour space")
    family = str(found[0])
    if len(found) == 1 or family in ("/CalGray", "/CalRGB"):
        if family not in _NAMED:
            raise Uncertain(family)
        return _NAMED[family]
    match family:
        case "/ICCBased":
            return _profiled(found[1])
        case "/Indexed" | "/I":
            return _indexed(found, spaces, depth)
        case "/Separation" if str(found[1]) in ("/Black", "/All"):
            return _INK
    raise Uncertain(family)


def _profiled(profile: Object) -> Space:
    if not isinstance(profile, Stream):
        raise Uncertain("no profile")
    spread = profile.get("/Range")
    if spread is not None and any(float(n) not in (0.0, 1.0) for n in _numbers(spread)):
        raise Uncertain("a profile of another range")
    try:
        return {1: GRAY, 3: RGB, 4: CMYK}[int(profile.N)]
    except (KeyError, AttributeError) as error:
        raise Uncertain("a profile of unknown channels") from error


def _indexed(found: Array, spaces: Dictionary | None, depth: int) -> Space:
    base = space(found[1], spaces, depth + 1)
    if base is PATTERN or len(found) != 4:
        raise Uncertain("an odd palette")
    held = found[3]
    if isinstance(held, Stream):
        table = held.read_bytes()
    elif isinstance(held, String):
        table = bytes(held)
    else:
        raise Uncertain("no palette")
    highest = min(int(found[2]), len(table) // base.parts - 1)
    if highest < 0:
        raise Uncertain("an empty palette")

    def grey(parts: Sequence[float]) -> float:
        at = max(0, min(highest, int(parts[0]))) * base.parts
        return base.grey([value / 255 for value in table[at : at + base.parts]])

    return Space(1, grey, (0.0,))


def _numbers(held: Object) -> list[float]:
    if not isinstance(held, Array):
        raise Uncertain("no numbers")
    return [float(number) for number in held]
