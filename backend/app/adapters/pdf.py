"""A stranger's PDF becomes ours: pages counted by walking, everything active left behind.

Runs only inside the intake child (``intake_child``); the web process never imports this.

The rewritten file has a fresh flat page tree and a fresh catalogue, and holds only what the
pages need to be drawn. Layers keep the state they have *for printing*; form fields and printable
notes are drawn into the page. Each page states its own visible box (the crop box cut to the media
box, origin kept) and a rotation of 0, 90, 180 or 270; other boxes and the user unit are dropped,
so every reader sees the same sheet.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from app.adapters.layout import A4_PT
from app.adapters.losses import refuse_losses
from app.adapters.notes import draw_notes
from app.domain.errors import DocumentRefused, Refusal

MAX_SIDE_PT = 14_400.0  # ISO 32000-1 annex C: the largest page a reader has to cope with
_MAX_DEPTH = 64
_MAX_BRANCHES = 20_000  # of the page tree, each counted as often as it is named
_TAIL = 2048
_BEGUN = re.compile(rb"\d\s+obj\b|\bxref\b|\btrailer\b")  # a change behind the last end
_INHERITED = ("/Resources", "/MediaBox", "/CropBox", "/Rotate")

# Keys that act, point outside, carry foreign bytes or tell about the author.
_ACTIVE = frozenset(
    {
        *("/AA", "/OpenAction", "/JS", "/JavaScript", "/URI", "/Launch", "/Names", "/Annots"),
        *("/EF", "/EmbeddedFile", "/EmbeddedFiles", "/AF", "/Collection", "/XFA", "/Ref", "/OPI"),
        *("/RichMediaContent", "/RichMediaSettings", "/Alternates", "/ViewerPreferences"),
        *("/Metadata", "/PieceInfo", "/LastModified", "/Thumb", "/PtData", "/Measure"),
        *("/StructParent", "/StructParents"),
    }
)
# A stream whose bytes lie in another file (ISO 32000-1, 7.3.8.2).
_OUTSIDE = frozenset({"/F", "/FFilter", "/FDecodeParms"})


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What was written. ``sizes`` are visible width and height in points, after rotation."""

    pages: int
    sizes: tuple[tuple[float, float], ...]
    repaired: bool


def rewrite(
    source: Path, target: Path, *, max_pages: int, password: str | None = None
) -> Rewritten:
    """Reads ``source``, writes the print-ready ``target``. Raises ``DocumentRefused``."""
    logging.getLogger("pikepdf").setLevel(logging.CRITICAL)  # foreign text stays out of our logs
    with _open(source, password) as pdf:
        damaged = bool(pdf.get_warnings())  # asking empties the list
        if _ends_early(source, damaged=damaged):
            raise DocumentRefused(Refusal.BROKEN, "the file ends early")
        try:
            return _rewrite(pdf, target, max_pages, damaged=damaged)
        except (pikepdf.PdfError, RuntimeError, ValueError, TypeError, KeyError) as error:
            # qpdf reads lazily: damage shows when an object is first touched.
            raise DocumentRefused(Refusal.BROKEN, f"cannot be rewritten: {error}") from error


def _rewrite(pdf: Pdf, target: Path, max_pages: int, *, damaged: bool) -> Rewritten:
    _refuse_shells(pdf)
    leaves = _leaves(pdf, max_pages)
    if any("/Annots" in leaf for leaf, _ in leaves):
        draw_notes(pdf, [leaf for leaf, _ in leaves])
        leaves = _leaves(pdf, max_pages)
    damaged = damaged or bool(pdf.get_warnings())
    sizes = tuple([_settle(leaf, inherited) for leaf, inherited in leaves])
    _new_catalogue(pdf, [leaf for leaf, _ in leaves])
    _strip(pdf)
    if damaged:
        refuse_losses([leaf for leaf, _ in leaves])
    pdf.save(
        target,
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        compress_streams=True,
        stream_decode_level=pikepdf.StreamDecodeLevel.none,
        preserve_pdfa=False,
        fix_metadata_version=False,
        static_id=True,
        encryption=False,
        min_version="1.5",
    )
    return Rewritten(pages=len(leaves), sizes=sizes, repaired=damaged)


def reopen(path: Path) -> Pdf:
    """The file we wrote, to be counted. Raises ``DocumentRefused`` when it went wrong."""
    return _open(path, None)


def count(pdf: Pdf, *, max_pages: int) -> int:
    """Pages found by walking the tree."""
    return len(_leaves(pdf, max_pages))


def _open(source: Path, password: str | None) -> Pdf:
    try:
        return pikepdf.open(source, password=password or "", inherit_page_attributes=False)
    except pikepdf.PasswordError as error:
        reason = Refusal.WRONG_PASSWORD if password else Refusal.LOCKED
        raise DocumentRefused(reason) from error
    except (pikepdf.PdfError, RuntimeError, ValueError) as error:
        if "encryption" in str(error):
            raise DocumentRefused(Refusal.LOCKED, "protected by an unknown method") from error
        raise DocumentRefused(Refusal.BROKEN, f"no readable structure: {error}") from error


def _refuse_shells(pdf: Pdf) -> None:
    """A shell is a PDF whose visible page only says "open me in another program"."""
    root = pdf.Root
    if not isinstance(root, Dictionary):
        raise DocumentRefused(Refusal.BROKEN, "no catalogue")
    if isinstance(root.get("/Collection"), Dictionary):
        raise DocumentRefused(Refusal.FORM_ONLY, "a portfolio: the documents lie inside it")
    form = root.get("/AcroForm")
    if isinstance(form, Dictionary) and "/XFA" in form:
        fields = form.get("/Fields")
        dynamic = _says_yes(root) or _says_yes(form)
        if dynamic or not isinstance(fields, Array) or len(fields) == 0:
            raise DocumentRefused(Refusal.FORM_ONLY, "an XFA form without ordinary pages")


def _says_yes(held: Dictionary) -> bool:
    wish: object = held.get("/NeedsRendering")
    return wish is True


def _leaves(pdf: Pdf, max_pages: int) -> list[tuple[Dictionary, dict[str, Object]]]:
    """The pages in order with the attributes they inherit; stops one page after the limit."""
    found: list[tuple[Dictionary, dict[str, Object]]] = []
    seen: set[tuple[int, int]] = set()
    branches = iter(range(_MAX_BRANCHES))
    for leaf, inherited in _walk(pdf.Root.get("/Pages"), {}, frozenset(), 0, branches):
        if len(found) == max_pages:
            raise DocumentRefused(Refusal.TOO_MANY_PAGES, f"more than {max_pages} pages")
        if leaf.objgen in seen or not leaf.is_indirect:
            # One object used as two pages is read differently by different programs.
            leaf = pdf.make_indirect(Dictionary(dict(leaf.items())))
        seen.add(leaf.objgen)
        found.append((leaf, inherited))
    if not found:
        raise DocumentRefused(Refusal.EMPTY, "no pages")
    return found


def _walk(
    node: Object | None,
    inherited: dict[str, Object],
    above: frozenset[tuple[int, int]],
    depth: int,
    branches: Iterator[int],
) -> Iterator[tuple[Dictionary, dict[str, Object]]]:
    if not isinstance(node, Dictionary):
        raise DocumentRefused(Refusal.BROKEN, "a page is missing")
    kids = node.get("/Kids")
    if not isinstance(kids, Array):
        if node.get("/Type") == Name.Pages:
            return
        yield node, inherited
        return
    if node.objgen in above or depth > _MAX_DEPTH:
        raise DocumentRefused(Refusal.BROKEN, "the page tree turns in a circle or never ends")
    if next(branches, None) is None:  # a page tree may branch without end and bear no page
        raise DocumentRefused(Refusal.TOO_COMPLEX, f"more than {_MAX_BRANCHES} branches of pages")
    for key in _INHERITED:
        if key in node:
            inherited = {**inherited, key: node[key]}
    if node.is_indirect:
        above |= {node.objgen}
    for kid in kids:
        yield from _walk(kid, inherited, above, depth + 1, branches)


def _settle(leaf: Dictionary, inherited: dict[str, Object]) -> tuple[float, float]:
    """Makes the page stand alone: own resources, one box, plain rotation. Gives its size."""
    values = {key: leaf.get(key, inherited.get(key)) for key in _INHERITED}
    media = _box(values["/MediaBox"]) or (0.0, 0.0, *A4_PT)
    crop = _box(values["/CropBox"])
    box = _common(media, crop) if crop else media
    width, height = box[2] - box[0], box[3] - box[1]
    if max(width, height) > MAX_SIDE_PT:
        raise DocumentRefused(Refusal.PAGE_TOO_LARGE, f"{width:.0f} x {height:.0f} pt")
    rotation = _rotation(values["/Rotate"])
    for key in list(leaf.keys()):
        if key not in {"/Contents", "/Group"}:
            del leaf[key]
    leaf.Type = Name.Page
    leaf.MediaBox = Array([round(value, 4) for value in box])
    leaf.Rotate = rotation
    resources = values["/Resources"]
    leaf.Resources = resources if isinstance(resources, Dictionary) else Dictionary()
    _keep_layers_only(leaf.Resources)
    return (height, width) if rotation % 180 else (width, height)


def _box(value: Object | None) -> tuple[float, float, float, float] | None:
    """A rectangle with its corners in order, or None when it is not one."""
    if not isinstance(value, Array) or len(value) != 4:
        return None
    try:
        a, b, c, d = (float(number) for number in value)
    except (TypeError, ValueError, OverflowError):
        return None
    left, bottom, right, top = min(a, c), min(b, d), max(a, c), max(b, d)
    if not (right - left >= 1 and top - bottom >= 1 and max(map(abs, (a, b, c, d))) < 1e7):
        if max(right - left, top - bottom) > MAX_SIDE_PT:
            raise DocumentRefused(Refusal.PAGE_TOO_LARGE, f"{right - left:.0f} pt wide")
        return None
    return left, bottom, right, top


def _common(
    media: tuple[float, float, float, float], crop: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
    right, top = min(media[2], crop[2]), min(media[3], crop[3])
    return (left, bottom, right, top) if right - left >= 1 and top - bottom >= 1 else media


def _rotation(value: object) -> int:
    try:
        turned = int(value)  # type: ignore[call-overload]  # anything at all; int says no
    except (TypeError, ValueError):
        return 0
    return int(turned % 360) if turned % 90 == 0 else 0


def _keep_layers_only(resources: Dictionary) -> None:
    """Property lists may hold anything; drawing needs them for layers only."""
    lists = resources.get("/Properties")
    if not isinstance(lists, Dictionary):
        return
    for key in list(lists.keys()):
        entry = lists[key]
        if not isinstance(entry, Dictionary) or entry.get("/Type") not in (Name.OCG, Name.OCMD):
            del lists[key]


def _new_catalogue(pdf: Pdf, leaves: list[Dictionary]) -> None:
    layers = _print_layers(pdf)
    tree = pdf.make_indirect(Dictionary(Type=Name.Pages, Count=len(leaves), Kids=Array(leaves)))
    for leaf in leaves:
        leaf.Parent = tree
    root = pdf.make_indirect(Dictionary(Type=Name.Catalog, Pages=tree))
    if layers is not None:
        root.OCProperties = layers
    for key in list(pdf.trailer.keys()):
        if key not in {"/Root", "/Size", "/Encrypt"}:
            del pdf.trailer[key]
    pdf.trailer.Root = root
    pdf.trailer.Size = len(pdf.objects) + 1  # lost with a damaged trailer, and never written then


def _print_layers(pdf: Pdf) -> Dictionary | None:
    """The layers' states as a printer sees them, spelt out once instead of left to the reader."""
    found = pdf.Root.get("/OCProperties")
    if not isinstance(found, Dictionary) or not isinstance(found.get("/OCGs"), Array):
        return None
    default = found.get("/D")
    default = default if isinstance(default, Dictionary) else Dictionary()
    off_first = default.get("/BaseState") == Name.OFF
    on = _references(default.get("/ON"))
    off = _references(default.get("/OFF"))
    groups, hidden = [], []
    for group in found.OCGs:
        if not isinstance(group, Dictionary) or not group.is_indirect:
            continue
        groups.append(group)
        shown = group.objgen in on if off_first else group.objgen not in off
        usage = group.get("/Usage")
        wish = usage.get("/Print") if isinstance(usage, Dictionary) else None
        state = wish.get("/PrintState") if isinstance(wish, Dictionary) else None
        if state in (Name.ON, Name.OFF):
            shown = state == Name.ON
        if not shown:
            hidden.append(group)
        for key in list(group.keys()):
            if key not in {"/Type", "/Name"}:
                del group[key]
    return Dictionary(
        OCGs=Array(groups), D=Dictionary(BaseState=Name.ON, OFF=Array(hidden), Order=Array([]))
    )


def _references(value: Object | None) -> frozenset[tuple[int, int]]:
    if not isinstance(value, Array):
        return frozenset()
    return frozenset(item.objgen for item in value if isinstance(item, Dictionary))


def _ends_early(source: Path, *, damaged: bool) -> bool:
    """A change saved behind the first end (7.5.6) and then cut off leaves a whole older file: it
    opens without a complaint, and lacks what the customer wrote last."""
    with source.open("rb") as file:
        file.seek(max(0, source.stat().st_size - _TAIL))
        tail = file.read()
    _, end, behind = tail.rpartition(b"%%EOF")
    if end:
        return _BEGUN.search(behind) is not None
    return damaged and b"startxref" not in tail


def _strip(pdf: Pdf) -> None:
    """Takes every active key out of every object that a page can reach."""
    for held in pdf.objects:
        waiting = [held]
        while waiting:
            waiting += _strip_one(waiting.pop())


def _strip_one(held: Object) -> list[Object]:
    """Gives what lies directly inside; what is only referred to has its own turn."""
    if isinstance(held, Array):
        return [item for item in held if _is_direct(item)]
    if not isinstance(held, (Dictionary, Stream)):
        return []
    inside = []
    is_stream = isinstance(held, Stream)
    # A map of names (fonts, glyphs, images) may use any word as a name: /AA is a glyph there.
    stated = is_stream or any(key in held for key in ("/Type", "/Subtype", "/S"))
    for key in list(held.keys()):
        if stated and (key in _ACTIVE or (is_stream and key in _OUTSIDE)):
            del held[key]
            continue
        value = held.get(key)
        if _is_direct(value):
            inside.append(value)
    if is_stream and Name.PS in (held.get("/Subtype"), held.get("/Subtype2")):
        # PostScript in a PDF draws on some printers only; what differs by machine is not printed.
        held.write(b"")
        held.Subtype, held.BBox = Name.Form, Array([0, 0, 0, 0])
        if "/Subtype2" in held:
            del held["/Subtype2"]
    return inside


def _is_direct(value: object) -> TypeGuard[Object]:
    # Numbers and references first: they are most of what there is, and quickly told.
    return (
        isinstance(value, Object)
        and not value.is_indirect
        and isinstance(value, (Dictionary, Array))
    )
