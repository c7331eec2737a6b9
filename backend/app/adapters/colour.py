"""Which pages carry colour: a customer pays for colour only where it can be seen.

Two steps, both inside the intake child. ``provably_grey`` reads a page's operators and answers
yes only when nothing in them *can* make colour; it is right or it says "do not know", and costs
about 0.1 ms. Every other page is drawn small and ``carries_colour`` looks at the pixels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Stream
from PIL import Image, ImageChops

# Pages with more drawing than this are drawn whatever they say: it is also the proof that they
# can be drawn in time.
_READ_UP_TO = 300_000

_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)")
_OPERANDS = 90  # bytes before an operator that its numbers may take
# Anything that sets another colour, shades, or brings an inline image. Found in a text string it
# only costs a drawing.
_COLOUR = re.compile(rb"(?<![A-Za-z])(?:rg|RG|k|K|cs|CS|scn?|SCN?|sh|BI)(?![A-Za-z])")
_GREY_SPACES = frozenset({"/DeviceGray", "/CalGray", "/G"})
_NO_MASK = Name("/None")  # Name.None_ would be another name, "/None_"


@dataclass(slots=True)
class GreyProof:
    """Remembers what it has seen in one file: fonts and images are shared by pages."""

    _known: dict[tuple[int, int], bool] = field(default_factory=dict)

    def holds(self, page: Object) -> bool:
        """True only when the page cannot show colour."""
        try:
            return self._content(page.get("/Contents")) and self._resources(page.Resources, 0)
        except (pikepdf.PdfError, RuntimeError, ValueError, TypeError, AttributeError):
            return False

    def _content(self, contents: Object | None) -> bool:
        if contents is None:
            return True
        streams = list(contents) if isinstance(contents, Array) else [contents]
        read = 0
        parts = []
        for stream in streams:
            if not isinstance(stream, Stream):
                return False
            parts.append(stream.read_bytes())
            read += len(parts[-1])
            if read > _READ_UP_TO:
                return False
        return plain_operators(b"\n".join(parts))

    def _resources(self, resources: Object | None, depth: int) -> bool:
        if resources is None:
            return True
        if depth > 6 or not isinstance(resources, Dictionary):
            return False
        if "/ColorSpace" in resources and "/DefaultGray" in resources.ColorSpace:
            return False
        groups = {"/Font": _plain_font, "/ExtGState": _plain_state}
        for group, plain in groups.items():
            for entry in _entries(resources, group):
                if not self._remember(entry, plain):
                    return False
        return all(
            self._remember(entry, lambda held: self._drawn(held, depth))
            for entry in _entries(resources, "/XObject")
        )

    def _remember(self, entry: Object, judge: Callable[[Object], bool]) -> bool:
        if not entry.is_indirect:
            return judge(entry)
        if entry.objgen not in self._known:
            self._known[entry.objgen] = False  # a form that draws itself proves nothing
            self._known[entry.objgen] = judge(entry)
        return self._known[entry.objgen]

    def _drawn(self, held: Object, depth: int) -> bool:
        if not isinstance(held, Stream):
            return False
        if held.get("/Subtype") == Name.Image:
            return _grey_image(held)
        if held.get("/Subtype") == Name.Form:
            return self._content(held) and self._resources(held.get("/Resources"), depth + 1)
        return False


def plain_operators(content: bytes) -> bool:
    """True when the operators set no colour but greys."""
    # Behind a percent sign stand words for people, which may look like numbers.
    comments = b"%" in content
    for found in _COLOUR.finditer(content):
        if comments or not _sets_grey(found.group(), content, found.start()):
            return False
    return True


def _sets_grey(operator: bytes, content: bytes, at: int) -> bool:
    needed = {b"rg": 3, b"RG": 3, b"k": 4, b"K": 4}.get(operator)
    before = content[max(0, at - _OPERANDS) : at]
    if needed is None or not before[-1:].isspace():
        return False
    parts = before.split()
    if len(parts) < needed or (len(parts) == needed and at > _OPERANDS):
        return False  # the first number may begin before what we look at
    parts = parts[-needed:]
    if not all(map(_NUMBER.fullmatch, parts)):
        return False
    if needed == 3:
        return float(parts[0]) == float(parts[1]) == float(parts[2])
    return not any(map(float, parts[:3]))


def _entries(resources: Dictionary, group: str) -> list[Object]:
    found = resources.get(group)
    if found is None:
        return []
    if not isinstance(found, Dictionary):
        raise TypeError(group)
    return [value for _, value in found.items()]


def _plain_font(font: Object) -> bool:
    # The glyphs of a Type 3 font are drawings of their own.
    return isinstance(font, Dictionary) and font.get("/Subtype") != Name.Type3


def _plain_state(state: Object) -> bool:
    """Transfer functions may tint, soft masks draw on their own; most files say they have none."""
    return (
        isinstance(state, Dictionary)
        and state.get("/SMask", _NO_MASK) == _NO_MASK
        and not any(key in state for key in ("/TR", "/TR2", "/HT"))
    )


def _grey_image(image: Stream) -> bool:
    mask: object = image.get("/ImageMask")
    if mask is True:
        return True  # painted in the current colour, which is grey
    space = image.get("/ColorSpace")
    return (
        isinstance(space, Name)
        and str(space) in _GREY_SPACES
        and "/JPXDecode" not in str(image.get("/Filter"))
    )


# --- pixels -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Threshold:
    """``fewest`` pixels whose largest and smallest channel differ by more than ``chroma``."""

    chroma: int
    fewest: int


# Measured at 50 dpi on the labelled set of the tests, 38 pages. Drawn pages without colour reach
# a difference of 6 (a tint nobody sees, rich black), table shading has 21, a red asterisk has 9
# pixels. Scanned pages without colour reach 30 once their light is taken out, a red tick leaves
# 53 pixels above 32.
DRAWN = Threshold(chroma=12, fewest=4)
SCANNED = Threshold(chroma=32, fewest=12)

_GRID = (41, 58)
_EVEN = 0.6  # of the page has the light's colour, or there is no such light
_TINT_AT_MOST = 0.30  # a lamp takes this much of its weakest channel; paper of a colour takes more
_SAME = 0.05
_BRIGHT_QUARTER = 0.45  # the darker quarter of a page of paper, beside its brighter tenth


def carries_colour(page: Image.Image, *, scanned: Callable[[], bool]) -> bool:
    """Whether a page drawn as RGB at about 50 dpi shows colour.

    ``scanned`` is asked when it matters: is the page mostly a picture, so that paper, light and
    JPEG have to be seen through? Paper photographed under a lamp is not colour, a blue signature
    on it is. A pale poster kept as a JPEG looks like such paper and counts as black and white: in
    doubt the cheaper page.
    """
    if _count(page, DRAWN.chroma) < DRAWN.fewest:
        return False
    if not scanned() or _is_flat(page):
        return True
    return _count(_without_light(page), SCANNED.chroma) >= SCANNED.fewest


def _count(page: Image.Image, chroma: int) -> int:
    red, green, blue = page.split()[:3]
    brightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    return sum(ImageChops.subtract(brightest, darkest).histogram()[chroma + 1 :])


def _without_light(page: Image.Image) -> Image.Image:
    """The page as under white light; itself when no even light explains most of it.

    Black ink keeps the proportion of the channels in a patch, so a patch's mean tells the light
    whatever is written on it.
    """
    cells = page.resize(_GRID, Image.Resampling.BOX).tobytes()
    patches = [(cells[at], cells[at + 1], cells[at + 2]) for at in range(0, len(cells), 3)]
    bright = sorted(max(patch) for patch in patches)
    paper = bright[len(bright) * 9 // 10]
    if paper < 80 or bright[len(bright) // 4] < _BRIGHT_QUARTER * paper:
        return page
    shares = [[part / max(patch) for part in patch] for patch in patches if max(patch) > 40]
    light = [sorted(share[channel] for share in shares)[len(shares) // 2] for channel in range(3)]
    even = sum(
        all(abs(part - usual) < _SAME for part, usual in zip(share, light, strict=True))
        for share in shares
    )
    if even < _EVEN * len(patches) or min(light) < (1 - _TINT_AT_MOST) * max(light):
        return page
    table = [min(255, round(value * max(light) / part)) for part in light for value in range(256)]
    return page.point(table)


def _is_flat(page: Image.Image) -> bool:
    """A ground of exactly one value was made on a screen; a lens and a lamp never do that."""
    counts = page.histogram()
    pixels = page.width * page.height
    return all(max(counts[at + 100 : at + 256]) > 0.4 * pixels for at in (0, 256, 512)) and any(
        counts[at + 255] < 0.4 * pixels for at in (0, 256, 512)
    )
