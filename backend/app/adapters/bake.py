"""The canonical PDF and a plan become the file the printer gets: page i is face i of one copy.

Runs only inside the intake child. What comes out is rewritten once more by ``pdf.rewrite``, so it
is as clean as the document it was made of, and the same document and plan give the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pikepdf
import pypdfium2
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream
from PIL import Image, ImageChops

from app.adapters import pdf as canonical
from app.adapters.colour import GreyProof
from app.adapters.gray import Greyer
from app.adapters.gray_images import page_picture
from app.adapters.layout import FaceLayout, Size, lay_out
from app.adapters.render import bounded, draw
from app.domain.errors import DocumentRefused, Refusal
from app.domain.print_plan import Face, Ink, Plan

DPI = 300
DPI_OF_MANY = 200
MANY = 150  # drawn pages; from here on they are drawn coarser, so that the file stays small
MOST_PIXELS = 18_000_000  # A3 at 300 dpi
_PROOF_DPI = 50
_PROOF_PIXELS = 2_000_000


@dataclass(frozen=True, slots=True)
class Cooked:
    """``rewritten`` and ``drawn`` count the pages made grey; ``changed`` False: print as it is."""

    changed: bool
    rewritten: int = 0
    drawn: int = 0


def bake(source: Path, target: Path, plan: Plan, *, scratch: Path) -> Cooked:
    """Writes ``target`` unless ``source`` is already what the plan prints.

    ``scratch`` is a path for a file of ours. Raises ``DocumentRefused``.
    """
    logging.getLogger("pikepdf").setLevel(logging.CRITICAL)
    with pikepdf.open(source, inherit_page_attributes=False) as pdf:
        leaves = [leaf for leaf in pdf.Root.Pages.Kids if isinstance(leaf, Dictionary)]
        if len(leaves) != plan.document_pages:
            raise DocumentRefused(
                Refusal.PAGE_COUNT_UNSURE, f"{plan.document_pages} or {len(leaves)} pages"
            )
        sizes = [_size(leaf) for leaf in leaves]
        layouts = [_layout(plan, face, sizes) for face in plan.faces]
        oven = _Oven(pdf, source, scratch, leaves, _scales(plan, layouts))
        rewritten, drawn = oven.make_grey(_black_pages(plan))
        kept = plan.one_by_one and all(layout and layout.same for layout in layouts)
        if kept and not rewritten and not drawn:
            return Cooked(changed=False)
        _compose(pdf, plan, layouts, leaves)
        pdf.save(scratch, static_id=True, compress_streams=False)
    written = canonical.rewrite(scratch, target, max_pages=len(plan.faces))
    if written.pages != len(plan.faces):
        raise DocumentRefused(Refusal.PAGE_COUNT_UNSURE, "faces were lost")
    return Cooked(True, rewritten, drawn)


def _black_pages(plan: Plan) -> list[int]:
    return [page for face in plan.faces if face.ink is Ink.BW for page in face.pages]


def _size(leaf: Dictionary) -> Size:
    """Visible width and height; a canonical page has one box and a plain rotation."""
    left, bottom, right, top = (float(number) for number in leaf.MediaBox)
    width, height = right - left, top - bottom
    return (height, width) if int(leaf.Rotate) % 180 else (width, height)


def _layout(plan: Plan, face: Face, sizes: Sequence[Size]) -> FaceLayout | None:
    """None where nothing is on it."""
    if not face.pages:
        return None
    return lay_out(plan.choices, [sizes[page - 1] for page in face.pages])


def _scales(plan: Plan, layouts: Sequence[FaceLayout | None]) -> dict[int, float]:
    """How much larger each page comes out on paper than it is."""
    return {
        page: place.scale
        for face, layout in zip(plan.faces, layouts, strict=True)
        if layout is not None
        for page, place in zip(face.pages, layout.places, strict=True)
    }


@dataclass(slots=True)
class _Oven:
    """Turns pages grey: untouched if they are, rewritten if that is certain, drawn otherwise."""

    pdf: Pdf
    source: Path
    scratch: Path
    leaves: list[Dictionary]
    scales: dict[int, float]

    def make_grey(self, pages: Sequence[int]) -> tuple[int, int]:
        """Gives how many pages were rewritten and how many drawn."""
        proof, greyer = GreyProof(), Greyer(self.pdf)
        coloured = [page for page in pages if not proof.holds(self.leaves[page - 1])]
        if not coloured:
            return 0, 0
        blends = _blends(self.pdf)
        rewritten = [page for page in coloured if greyer.rewrite(self.leaves[page - 1])]
        drawn = set(coloured).difference(rewritten) | set(self._still_coloured(rewritten))
        if drawn:
            self._draw(sorted(drawn), blends=blends)
        return len(coloured) - len(drawn), len(drawn)

    def _still_coloured(self, pages: Sequence[int]) -> list[int]:
        """Trust is good: a second engine looks at every page we rewrote."""
        if not pages:
            return []
        self.pdf.save(self.scratch, static_id=True, compress_streams=False)
        document = pypdfium2.PdfDocument(self.scratch)
        try:
            return [page for page in pages if _shows_colour(document[page - 1])]
        finally:
            document.close()

    def _draw(self, pages: Sequence[int], *, blends: bool) -> None:
        dpi = DPI if len(pages) <= MANY else DPI_OF_MANY
        document = pypdfium2.PdfDocument(self.source)
        try:
            for page in pages:
                held = document[page - 1]
                scale = bounded(held, dpi / 72 * self.scales[page], MOST_PIXELS)
                picture = draw(held, scale, grey=not blends)
                held.close()
                _become(self.pdf, self.leaves[page - 1], picture)
        finally:
            document.close()


def _blends(pdf: Pdf) -> bool:
    """Whether colours mix in ways that differ when only greys are mixed."""
    return any(
        isinstance(held, Dictionary) and held.get("/BM", Name.Normal) != Name.Normal
        for held in pdf.objects
    )


def _shows_colour(page: pypdfium2.PdfPage) -> bool:
    red, green, blue = draw(page, bounded(page, _PROOF_DPI / 72, _PROOF_PIXELS)).split()
    page.close()
    return any(
        ImageChops.difference(one, other).getextrema() != (0, 0)
        for one, other in ((red, green), (green, blue))
    )


def _become(pdf: Pdf, leaf: Dictionary, picture: Image.Image) -> None:
    """The page is this picture from now on, upright and as large as it was."""
    width, height = _size(leaf)
    leaf.MediaBox, leaf.Rotate = Array([0, 0, round(width, 4), round(height, 4)]), 0
    leaf.Resources = Dictionary(XObject=Dictionary(Im=page_picture(pdf, picture.convert("L"))))
    leaf.Contents = pdf.make_stream(f"q {width:.4f} 0 0 {height:.4f} 0 0 cm /Im Do Q".encode())
    if "/Group" in leaf:
        del leaf["/Group"]


def _compose(
    pdf: Pdf,
    plan: Plan,
    layouts: Sequence[FaceLayout | None],
    leaves: Sequence[Dictionary],
) -> None:
    """Replaces the file's pages by the plan's faces."""
    faces: list[Dictionary] = []
    for face, layout in zip(plan.faces, layouts, strict=True):
        if layout is None:
            before = _size(faces[-1])
            faces.append(_face(pdf, before, Dictionary(), b""))
        elif layout.same:
            faces.append(leaves[face.pages[0] - 1])
        else:
            faces.append(_laid(pdf, layout, [leaves[page - 1] for page in face.pages]))
    tree = pdf.make_indirect(Dictionary(Type=Name.Pages, Count=len(faces), Kids=Array(faces)))
    for face_leaf in faces:
        face_leaf.Parent = tree
    pdf.Root.Pages = tree


def _laid(pdf: Pdf, layout: FaceLayout, pages: Sequence[Dictionary]) -> Dictionary:
    forms, written = Dictionary(), []
    for number, (leaf, place) in enumerate(zip(pages, layout.places, strict=True)):
        forms[f"/P{number}"] = _form(pdf, leaf)
        turn = _turned(leaf)
        s = place.scale
        matrix = [value * s for value in turn[:4]]
        matrix += [place.left + turn[4] * s, place.bottom + turn[5] * s]
        numbers = " ".join(f"{value:.6f}" for value in matrix)
        written.append(f"q {numbers} cm /P{number} Do Q")
    return _face(pdf, layout.paper, Dictionary(XObject=forms), "\n".join(written).encode())


def _form(pdf: Pdf, leaf: Dictionary) -> Object:
    """The page as something to be drawn on another."""
    contents = leaf.get("/Contents")
    if not isinstance(contents, Stream):
        return pikepdf.Page(leaf).as_form_xobject(handle_transformations=False)
    # Its bytes stay as they are. The library would unpack them, and fail where a reader of the
    # page goes on without them.
    packing, details = contents.get("/Filter"), contents.get("/DecodeParms")
    form = pdf.make_stream(b"")
    form.write(
        contents.read_raw_bytes(),
        filter=packing if isinstance(packing, (Name, Array)) else None,
        decode_parms=details if isinstance(details, (Dictionary, Array)) else None,
    )
    form.Type, form.Subtype, form.FormType = Name.XObject, Name.Form, 1
    form.BBox, form.Resources = leaf.MediaBox, leaf.Resources
    if "/Group" in leaf:
        form.Group = leaf.Group
    return form


def _turned(leaf: Dictionary) -> tuple[float, float, float, float, float, float]:
    """The matrix that stands the page's visible box upright at the origin."""
    left, bottom, right, top = (float(number) for number in leaf.MediaBox)
    match int(leaf.Rotate):
        case 90:
            return (0, -1, 1, 0, -bottom, right)
        case 180:
            return (-1, 0, 0, -1, right, top)
        case 270:
            return (0, 1, -1, 0, top, -left)
        case _:
            return (1, 0, 0, 1, -left, -bottom)


def _face(pdf: Pdf, size: Size, resources: Dictionary, written: bytes) -> Dictionary:
    made = Dictionary(
        Type=Name.Page,
        MediaBox=Array([0, 0, round(size[0], 3), round(size[1], 3)]),
        Rotate=0,
        Resources=resources,
        Contents=pdf.make_stream(written),
    )
    return pdf.make_indirect(made)
