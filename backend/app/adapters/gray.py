"""Makes black & white pages black & white in the file, so that no driver has a say in it.

Runs only inside the intake child. A page is rewritten operator by operator and stays text and
lines; when anything on it has no certain grey (shadings, spot colours, odd pictures, glyphs with
colours of their own) ``Greyer`` says so, and the caller draws the page as one grey picture. What
other pages share is copied, never changed: the same logo may be in colour elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pikepdf
from pikepdf import (
    Array,
    ContentStreamInlineImage,
    ContentStreamInstruction,
    Dictionary,
    Name,
    Object,
    Operator,
    Pdf,
    Stream,
)

from app.adapters.gray_images import grey_image
from app.adapters.gray_values import CMYK, GRAY, PATTERN, RGB, Space, Uncertain, space

MOST_CONTENT = 4_000_000  # bytes of operators that are rewritten; more is drawn
_MOST_DEPTH = 12
_DEVICE = {"g": GRAY, "rg": RGB, "k": CMYK}
# A glyph that begins with d1 has no say in colour (ISO 32000-1, 9.6.5).
_COLOURLESS_GLYPH = re.compile(rb"\s*(?:[-+.\d]+\s+){6}d1\b")
_SILENT = frozenset({"/Identity", "/Default"})
_PLAIN_BLENDS = frozenset({"/Normal", "/Compatible", "/Multiply", "/Darken"})

_Written = ContentStreamInstruction | ContentStreamInlineImage


@dataclass(slots=True)
class _Paint:
    """The colour spaces in force; None: what the caller of a form had chosen."""

    fill: Space | None
    stroke: Space | None


@dataclass(slots=True)
class Greyer:
    """Rewrites pages of one file; shared things are converted once."""

    pdf: Pdf
    _done: dict[tuple[int, int], Object | None] = field(default_factory=dict)
    _read: int = 0

    def rewrite(self, leaf: Dictionary) -> bool:
        """Makes the page grey in place, or leaves it as it was and says False."""
        self._read = 0
        try:
            written, resources = self._drawing(leaf, leaf.get("/Resources"), 0, GRAY)
        except (
            *(Uncertain, pikepdf.PdfError, RuntimeError, ValueError, TypeError, KeyError),
            *(AttributeError, ArithmeticError, OSError, NotImplementedError),
        ):
            return False  # anything odd in a stranger's page has no certain grey
        leaf.Contents = self.pdf.make_stream(written)
        leaf.Resources = resources
        _grey_group(leaf)
        return True

    def _drawing(
        self, held: Object, resources: Object | None, depth: int, start: Space | None
    ) -> tuple[bytes, Dictionary]:
        """The operators of a page, form or pattern in greys, and what they need."""
        if depth > _MOST_DEPTH:
            raise Uncertain("too deep")
        self._weigh(held)
        found = resources if isinstance(resources, Dictionary) else Dictionary()
        kept = _harmless(found)
        spaces = found.get("/ColorSpace")
        scribe = _Scribe(
            self, found, kept, spaces if isinstance(spaces, Dictionary) else None, depth, start
        )
        drawn = pikepdf.parse_content_stream(
            held if isinstance(held, Stream) else pikepdf.Page(held)
        )
        return scribe.write(drawn), kept

    def _weigh(self, held: Object) -> None:
        contents = held if isinstance(held, Stream) else held.get("/Contents")
        for stream in contents if isinstance(contents, Array) else [contents]:
            if isinstance(stream, Stream):
                self._read += len(stream.read_bytes())
        if self._read > MOST_CONTENT:
            raise Uncertain("very much drawing")

    def drawn(self, held: Object | None, inherited: Dictionary, depth: int) -> Object:
        """The grey twin of an image, a form or a coloured pattern. Raises Uncertain."""
        if not isinstance(held, Stream):
            raise Uncertain("nothing to draw")
        if held.objgen in self._done:
            known = self._done[held.objgen]
            if known is None:
                raise Uncertain("draws itself, or was uncertain before")
            return known
        self._done[held.objgen] = None
        made = self._twin(held, inherited, depth)
        if "/Resources" in held or held.get("/Subtype") == Name.Image:
            self._done[held.objgen] = made
        else:
            del self._done[held.objgen]  # it reads differently on another page
        return made

    def _twin(self, held: Stream, inherited: Dictionary, depth: int) -> Object:
        if held.get("/Subtype") == Name.Image:
            return grey_image(self.pdf, held)
        pattern = held.get("/PatternType") == 1 and held.get("/PaintType") == 1
        if not pattern and held.get("/Subtype") != Name.Form:
            raise Uncertain("neither image nor form nor coloured tiles")
        # Tiles start afresh, a form goes on with its caller's colour.
        start = GRAY if pattern else None
        written, resources = self._drawing(
            held, held.get("/Resources", inherited), depth + 1, start
        )
        made = self.pdf.make_stream(written)
        for key, value in held.items():
            if key not in {"/Length", "/Filter", "/DecodeParms", "/Resources"}:
                made[key] = value
        made.Resources = resources
        _grey_group(made)
        return made


@dataclass(slots=True)
class _Scribe:
    """Writes one content stream again, following the colour through it."""

    greyer: Greyer
    resources: Dictionary
    kept: Dictionary
    spaces: Dictionary | None
    depth: int
    start: Space | None
    stack: list[_Paint] = field(default_factory=list)
    now: _Paint = field(init=False)

    def write(self, drawn: Sequence[_Written]) -> bytes:
        self.now = _Paint(self.start, self.start)
        return pikepdf.unparse_content_stream([self._one(part) for part in drawn])

    def _one(self, part: _Written) -> _Written:
        if isinstance(part, ContentStreamInlineImage):
            _plain_inline(part)
            return part
        word = str(part.operator)
        match word:
            case "q":
                self.stack.append(_Paint(self.now.fill, self.now.stroke))
            case "Q" if self.stack:
                self.now = self.stack.pop()
            case "g" | "rg" | "k" | "G" | "RG" | "K":
                chosen = _DEVICE[word.lower()]
                self._choose(chosen, stroke=word.isupper())
                return _shade(chosen, part.operands, stroke=word.isupper())
            case "cs" | "CS":
                chosen = space(part.operands[0], self.spaces)
                self._choose(chosen, stroke=word == "CS")
                if chosen is not PATTERN:
                    return _shade(chosen, chosen.first, stroke=word == "CS")
                return ContentStreamInstruction([Name.Pattern], Operator(word))
            case "sc" | "scn" | "SC" | "SCN":
                return self._paint(part, stroke=word.isupper())
            case "Do":
                self._keep("/XObject", part.operands[0])
            case "sh":
                raise Uncertain("a shading")
            case _:
                pass
        return part

    def _choose(self, chosen: Space, *, stroke: bool) -> None:
        if stroke:
            self.now.stroke = chosen
        else:
            self.now.fill = chosen

    def _paint(self, part: ContentStreamInstruction, *, stroke: bool) -> _Written:
        chosen = self.now.stroke if stroke else self.now.fill
        if chosen is None:
            raise Uncertain("a colour in a space chosen elsewhere")
        if chosen is not PATTERN:
            return _shade(chosen, part.operands, stroke=stroke)
        if len(part.operands) != 1:
            raise Uncertain("tiles in the colour of the moment")
        self._keep("/Pattern", part.operands[0])
        return part

    def _keep(self, group: str, name: Object) -> None:
        entries = self.resources.get(group)
        found = entries.get(str(name)) if isinstance(entries, Dictionary) else None
        made = self.greyer.drawn(found, self.resources, self.depth)
        if group not in self.kept:
            self.kept[group] = Dictionary()
        self.kept[group][str(name)] = made


def _shade(chosen: Space, operands: Iterable[object], *, stroke: bool) -> _Written:
    parts = [float(number) for number in operands]  # type: ignore[arg-type]  # else TypeError
    if len(parts) != chosen.parts:
        raise Uncertain("a colour of too many or too few parts")
    grey = min(1.0, max(0.0, chosen.grey(parts)))
    return ContentStreamInstruction([round(grey, 4)], Operator("G" if stroke else "g"))


def _harmless(resources: Dictionary) -> Dictionary:
    """The resources that cannot bring colour; the others are added once they are grey."""
    kept = Dictionary()
    for key in ("/Font", "/ExtGState", "/Properties"):
        entries = resources.get(key)
        if isinstance(entries, Dictionary):
            kept[key] = entries
    for _, state in _entries(kept, "/ExtGState"):
        _check_state(state)
    for _, font in _entries(kept, "/Font"):
        _check_font(font)
    return kept


def _entries(resources: Dictionary, group: str) -> list[tuple[str, Object]]:
    return list(resources[group].items()) if group in resources else []


def _check_state(state: Object) -> None:
    """Transfer functions may tint; a soft mask only hides; greys multiply as colours do."""
    if not isinstance(state, Dictionary) or "/Font" in state:
        raise Uncertain("an odd graphics state")
    if str(state.get("/BM", Name.Normal)) not in _PLAIN_BLENDS:
        raise Uncertain("colours that mix")
    for key in ("/TR", "/TR2", "/HT"):
        if key in state and str(state[key]) not in _SILENT:
            raise Uncertain("a transfer function")


def _check_font(font: Object) -> None:
    if not isinstance(font, Dictionary):
        raise Uncertain("no font")
    if font.get("/Subtype") != Name.Type3:
        return
    for glyph in dict(font.CharProcs.items()).values():
        if not _COLOURLESS_GLYPH.match(glyph.read_bytes()):
            raise Uncertain("glyphs with colours of their own")


def _plain_inline(part: ContentStreamInlineImage) -> None:
    image = part.iimage
    if not image.image_mask and image.colorspace not in ("/DeviceGray", "/G"):
        raise Uncertain("a coloured picture inside the drawing")


def _grey_group(held: Object) -> None:
    group = held.get("/Group")
    if isinstance(group, Dictionary) and "/CS" in group:
        held["/Group"] = Dictionary({**dict(group.items()), "/CS": Name.DeviceGray})
