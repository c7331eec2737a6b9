"""Form fields and marks on a page (highlights, stamps, ink) become part of the page.

Links, sounds, films, attachments, pop-ups and sticky notes are not marks on paper and are left
behind, as are marks that say of themselves that they do not print. Marks that bring no drawing
of their own (many telephones write such) are drawn here as the usual programs draw them.
"""

from __future__ import annotations

import re

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf

from app.domain.errors import DocumentRefused, Refusal

_PRINTABLE = frozenset(
    {
        *("/Widget", "/Stamp", "/FreeText", "/Highlight", "/Underline", "/StrikeOut", "/Squiggly"),
        *("/Square", "/Circle", "/Line", "/Ink", "/Polygon", "/PolyLine", "/Caret", "/Redact"),
        "/Watermark",
    }
)
_MOST_NUMBERS = 20_000
# Of a note's /DA string. What is not wholly a number ("1.2.3 Tf") says nothing.
_NUMBER = r"(?<![\w.+-])(?:\d+(?:\.\d*)?|\.\d+)"
_STYLED_SIZE = re.compile(rf"({_NUMBER})\s+Tf\b", re.ASCII)
_STYLED_COLOUR = re.compile(rf"((?:{_NUMBER}\s+){{3}}rg|{_NUMBER}\s+g)\b", re.ASCII)


def draw_notes(pdf: Pdf, pages: list[Dictionary]) -> None:
    """Flattens what prints and drops the rest. Raises ``DocumentRefused`` when it cannot."""
    left = False
    for page in pages:
        notes = page.get("/Annots")
        keep = []
        if isinstance(notes, Array):
            keep = [
                note
                for note in notes
                if isinstance(note, Dictionary) and str(note.get("/Subtype")) in _PRINTABLE
            ]
        if keep:
            for note in keep:
                _give_drawing(pdf, note)
            page.Annots = Array(keep)
            left = True
        elif "/Annots" in page:
            del page["/Annots"]
    if not left:
        return
    try:
        pdf.generate_appearance_streams()
        pdf.flatten_annotations("print")
    except (pikepdf.PdfError, RuntimeError) as error:
        raise DocumentRefused(Refusal.BROKEN, f"its form cannot be drawn: {error}") from error


def _give_drawing(pdf: Pdf, note: Dictionary) -> None:
    """An appearance for a mark that has none, in page coordinates within its rectangle."""
    if "/AP" in note:
        return
    box = _numbers(note.get("/Rect"))
    if len(box) != 4:
        return
    content = _content(str(note.get("/Subtype")), note, box)
    if not content:
        return
    edge = _width(note)
    across, up = [*box[0::2], *_marked(note)[0::2]], [*box[1::2], *_marked(note)[1::2]]
    left, bottom, right, top = min(across), min(up), max(across), max(up)
    if len(across) > 2:
        left, bottom, right, top = left - edge, bottom - edge, right + edge, top + edge
    # Some programs write a rectangle that has nothing to do with what is marked.
    note.Rect = Array([left, bottom, right, top])
    form = pdf.make_stream(content.encode())
    form.Type, form.Subtype = Name.XObject, Name.Form
    form.BBox = Array([left, bottom, right, top])
    blend = Name.Multiply if note.get("/Subtype") == Name.Highlight else Name.Normal
    shade = Dictionary(Type=Name.ExtGState, BM=blend)
    alpha = _numbers(Array([note["/CA"]])) if "/CA" in note else []
    if alpha and 0 <= alpha[0] <= 1:
        shade.CA = shade.ca = alpha[0]
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding
    )
    form.Resources = Dictionary(ExtGState=Dictionary(G=shade), Font=Dictionary(F=font))
    form.Group = Dictionary(Type=Name.Group, S=Name.Transparency)
    note.AP = Dictionary(N=form)


def _marked(note: Dictionary) -> list[float]:
    """Every point of the mark, x and y in turn."""
    lines = note.get("/InkList")
    points = []
    for line in lines if isinstance(lines, Array) else []:
        numbers = _numbers(line)
        points += numbers[: len(numbers) // 2 * 2]
    for key in ("/QuadPoints", "/Vertices", "/L"):
        numbers = _numbers(note.get(key))
        points += numbers[: len(numbers) // 2 * 2]
    return points


def _content(kind: str, note: Dictionary, box: list[float]) -> str:
    colour = _colour(note.get("/C"))
    start = f"/G gs {colour.upper()} {colour} {_width(note):.2f} w "
    quads = _numbers(note.get("/QuadPoints"))
    strips = [quads[index : index + 8] for index in range(0, len(quads) - 7, 8)]
    drawn = ""
    match kind:
        case "/Highlight":
            drawn = "".join(f"{_strip(strip)} re f " for strip in strips)
        case "/Underline" | "/Squiggly":
            drawn = "".join(_rule(strip, 0.07) for strip in strips)
        case "/StrikeOut":
            drawn = "".join(_rule(strip, 0.5) for strip in strips)
        case "/Ink":
            lines = note.get("/InkList")
            each = lines if isinstance(lines, Array) else Array([])
            drawn = "".join(_path(_numbers(line)) for line in each)
        case "/PolyLine" | "/Polygon":
            drawn = _path(_numbers(note.get("/Vertices")))
        case "/Line":
            drawn = _path(_numbers(note.get("/L")))
        case "/Square":
            inset = _width(note) / 2
            left, bottom = min(box[0], box[2]) + inset, min(box[1], box[3]) + inset
            width, height = abs(box[2] - box[0]) - 2 * inset, abs(box[3] - box[1]) - 2 * inset
            drawn = f"{left:.2f} {bottom:.2f} {width:.2f} {height:.2f} re S"
        case "/FreeText":
            drawn = _words(note, box)
        case _:
            pass
    return start + drawn if drawn else ""


def _words(note: Dictionary, box: list[float]) -> str:
    """Plain lines of the note's text in its own size and colour."""
    style = str(note.get("/DA", ""))
    said = _STYLED_SIZE.search(style)
    size = min(max(float(said.group(1)), 4.0), 144.0) if said and float(said.group(1)) else 12.0
    paint = _STYLED_COLOUR.search(style)
    top = max(box[1], box[3]) - size
    lines = str(note.get("/Contents", "")).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    shown = ["<" + line[:500].encode("cp1252", "replace").hex() + "> Tj T*" for line in lines[:200]]
    colour = paint.group(1) if paint else "0 g"
    left = min(box[0], box[2]) + 2
    return (
        f"BT {colour} /F {size:.2f} Tf {size * 1.15:.2f} TL {left:.2f} {top:.2f} Td "
        + " ".join(shown)
        + " ET"
    )


def _colour(value: Object | None) -> str:
    numbers = [min(max(number, 0.0), 1.0) for number in _numbers(value)]
    operator = {1: "g", 3: "rg", 4: "k"}.get(len(numbers))
    return " ".join(f"{number:.3f}" for number in numbers) + f" {operator}" if operator else "0 g"


def _width(note: Dictionary) -> float:
    style = note.get("/BS")
    widths = (
        _numbers(Array([style["/W"]])) if isinstance(style, Dictionary) and "/W" in style else []
    )
    if not widths:
        widths = _numbers(note.get("/Border"))[2:3]
    return min(max(widths[0], 0.0), 50.0) if widths else 1.0


def _strip(points: list[float]) -> str:
    across, up = points[0::2], points[1::2]
    left, bottom = min(across), min(up)
    return f"{left:.2f} {bottom:.2f} {max(across) - left:.2f} {max(up) - bottom:.2f}"


def _rule(points: list[float], height: float) -> str:
    across, up = points[0::2], points[1::2]
    line = min(up) + (max(up) - min(up)) * height
    return f"{min(across):.2f} {line:.2f} m {max(across):.2f} {line:.2f} l S "


def _path(points: list[float]) -> str:
    pairs = list(zip(points[0::2], points[1::2], strict=False))
    if len(pairs) < 2:
        return ""
    first, *others = pairs
    steps = "".join(f"{x:.2f} {y:.2f} l " for x, y in others)
    return f"{first[0]:.2f} {first[1]:.2f} m {steps}S "


def _numbers(value: object) -> list[float]:
    """The finite numbers of an array; none when it is something else."""
    if not isinstance(value, Array) or len(value) > _MOST_NUMBERS:
        return []
    try:
        found = [float(number) for number in value]
    except (TypeError, ValueError, OverflowError):
        return []
    return found if all(abs(number) < 1e6 for number in found) else []
