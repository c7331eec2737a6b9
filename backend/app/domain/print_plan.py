"""What comes out of the printer, decided once: price, preview and paper all read this plan.

Guarantee: every selected page lies on exactly one face of a copy, in the order of the document;
every copy starts on a fresh sheet; a blank back has no ink and no price.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, assert_never

from app.domain.errors import BadInput


class PrintType(StrEnum):
    BW = "BW"
    COLOR = "COLOR"
    BOTH = "BOTH"  # shown as "Mix": pages with colour in colour, the others black & white


class Ink(StrEnum):
    BW = "bw"
    COLOR = "color"


class Sides(StrEnum):
    """The words of the job object; the edges are those of the sheet."""

    ONE = "one-sided"
    LONG_EDGE = "two-sided-long-edge"
    SHORT_EDGE = "two-sided-short-edge"


class Paper(StrEnum):
    A4 = "A4"
    A3 = "A3"
    LEGAL = "Legal"
    LETTER = "Letter"

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height, upright."""
        return _PAPER_MM[self]

    @property
    def size_pt(self) -> tuple[float, float]:
        """Width and height in points, upright."""
        width, height = self.size_mm
        return width * MM, height * MM

    def is_page(self, size_pt: Sequence[float]) -> bool:
        """Whether a page of this width and height is this paper, upright or on its side."""
        return all(
            abs(have - want) <= SAME_PT
            for have, want in zip(sorted(size_pt), self.size_pt, strict=True)
        )


MM = 72 / 25.4  # a millimetre in points
SAME_PT = 2.0  # a page this close to the paper's size is that paper
_PAPER_MM = {
    Paper.A4: (210.0, 297.0),
    Paper.A3: (297.0, 420.0),
    Paper.LEGAL: (215.9, 355.6),
    Paper.LETTER: (215.9, 279.4),
}


class Scaling(StrEnum):
    FIT = "fit"  # the whole page, as large as the paper allows
    ACTUAL = "actual"  # 1:1 in the middle of the paper; what hangs over is not printed


class Orientation(StrEnum):
    AUTO = "auto"  # as the pages lie
    PORTRAIT = "portrait"
    LANDSCAPE = "landscape"


PER_SHEET = (1, 2, 4, 6, 9)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the customer wants. The defaults print every page on its own A4 sheet, once.

    ``pages`` are ascending 1-based numbers, or None for all; ``per_sheet`` counts pages on one
    face. Raises BadInput for wishes that contradict each other.
    """

    print_type: PrintType
    copies: int = 1
    pages: tuple[int, ...] | None = None
    sides: Sides = Sides.ONE
    paper: Paper = Paper.A4
    scaling: Scaling = Scaling.FIT
    per_sheet: int = 1
    orientation: Orientation = Orientation.AUTO
    collate: bool = True

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise BadInput("a print order has at least one page and one copy")
        if self.per_sheet not in PER_SHEET:
            raise BadInput(f"{self.per_sheet} pages do not go on one side; choose 1, 2, 4, 6 or 9")
        if self.per_sheet > 1 and self.scaling is Scaling.ACTUAL:
            raise BadInput(
                "several pages on one side are made smaller; choose actual size or several pages"
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a JSON column; ``read`` takes them back."""
        return asdict(self)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Choices:
        """Raises BadInput for anything ``as_dict`` did not write."""
        try:
            pages = stored.get("pages")
            return cls(
                print_type=PrintType(stored["print_type"]),
                copies=int(stored.get("copies", 1)),
                pages=None if pages is None else tuple(int(page) for page in pages),
                sides=Sides(stored.get("sides", Sides.ONE)),
                paper=Paper(stored.get("paper", Paper.A4)),
                scaling=Scaling(stored.get("scaling", Scaling.FIT)),
                per_sheet=int(stored.get("per_sheet", 1)),
                orientation=Orientation(stored.get("orientation", Orientation.AUTO)),
                collate=bool(stored.get("collate", True)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"these print choices cannot be read: {error}") from None


@dataclass(frozen=True, slots=True)
class Face:
    """One side of a sheet: its document pages in reading order; no ink means left blank."""

    pages: tuple[int, ...]
    ink: Ink | None


BLANK = Face((), None)


@dataclass(frozen=True, slots=True)
class Sheet:
    """``back`` is None when nothing passes the printer a second time."""

    front: Face
    back: Face | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The ``sheets`` of ONE copy; page i of the print-ready file is face i of it."""

    choices: Choices
    document_pages: int
    sheets: tuple[Sheet, ...]

    @property
    def faces(self) -> tuple[Face, ...]:
        """In file order, blank backs included."""
        return tuple(
            face for sheet in self.sheets for face in (sheet.front, sheet.back) if face is not None
        )

    @property
    def pages(self) -> tuple[int, ...]:
        """The document pages that are printed, in order."""
        return tuple(page for face in self.faces for page in face.pages)

    @property
    def color_faces(self) -> tuple[int, ...]:
        """1-based pages of the print-ready file that are printed in colour."""
        return tuple(n for n, face in enumerate(self.faces, 1) if face.ink is Ink.COLOR)

    def count(self, ink: Ink) -> int:
        """Faces of one copy that are printed, and paid for, in this ink."""
        return sum(face.ink is ink for face in self.faces)

    @property
    def sheets_per_copy(self) -> int:
        return len(self.sheets)

    @property
    def sheets_in_all(self) -> int:
        return len(self.sheets) * self.choices.copies

    @property
    def one_by_one(self) -> bool:
        """Whether the faces are the document's pages, all of them, each on its own."""
        every = [(page,) for page in range(1, self.document_pages + 1)]
        return [face.pages for face in self.faces] == every

    def needs_file(self, sizes_pt: Collection[Sequence[float]]) -> bool:
        """Whether other bytes than the document's own may have to be made for pages of these
        sizes: a layout, pages that are not the paper, or faces that are to come out in black &
        white. All that is done by us and not left to a driver. A page without colour to the eye
        may still carry a scanner's tint, and pages nobody measured may have any size."""
        choices = self.choices
        kept = (
            self.one_by_one
            and choices.per_sheet == 1
            and choices.orientation is Orientation.AUTO
            and bool(sizes_pt)
            and all(choices.paper.is_page(size) for size in sizes_pt)
        )
        return not kept or any(face.ink is Ink.BW for face in self.faces)

    def stack(self) -> Iterator[tuple[int, Sheet]]:
        """(copy, sheet) in the order in which they come out."""
        copies = range(1, self.choices.copies + 1)
        if self.choices.collate:
            return ((copy, sheet) for copy in copies for sheet in self.sheets)
        return ((copy, sheet) for sheet in self.sheets for copy in copies)


def plan(choices: Choices, pages: int, color_pages: Collection[int]) -> Plan:
    """Lays a document of ``pages`` pages out. Raises BadInput for what nobody can print."""
    if pages < 1:
        raise BadInput("a print order has at least one page and one copy")
    if any(not 1 <= page <= pages for page in color_pages):
        raise BadInput("a colour page lies outside the document")
    selected = tuple(range(1, pages + 1)) if choices.pages is None else choices.pages
    if not selected:
        raise BadInput("a print order has at least one page and one copy")
    if list(selected) != sorted(set(selected)) or selected[0] < 1 or selected[-1] > pages:
        raise BadInput(f"not all of the chosen pages are in this document ({pages} in all)")
    colored = frozenset(color_pages)
    faces = [
        Face(group, _ink(choices.print_type, group, colored))
        for group in _groups(selected, choices.per_sheet)
    ]
    if choices.sides is Sides.ONE:
        return Plan(choices, pages, tuple(Sheet(face) for face in faces))
    if len(faces) % 2 and choices.copies > 1:
        # Drivers put the next copy's first page on the empty back of this copy's last sheet.
        faces.append(BLANK)
    sheets = tuple(
        Sheet(faces[at], faces[at + 1] if at + 1 < len(faces) else None)
        for at in range(0, len(faces), 2)
    )
    return Plan(choices, pages, sheets)


def _groups(pages: tuple[int, ...], size: int) -> Iterator[tuple[int, ...]]:
    return (pages[at : at + size] for at in range(0, len(pages), size))


def _ink(print_type: PrintType, pages: tuple[int, ...], colored: frozenset[int]) -> Ink:
    match print_type:
        case PrintType.BW:
            return Ink.BW
        case PrintType.COLOR:
            return Ink.COLOR
        case PrintType.BOTH:
            return Ink.BW if colored.isdisjoint(pages) else Ink.COLOR
        case _:
            assert_never(print_type)


def ranges(pages: Collection[int]) -> str:
    """1, 2, 3, 7 → ``1-3,7``, as the job object writes it."""
    return ",".join(runs(pages))


def runs(pages: Collection[int]) -> list[str]:
    """1, 2, 3, 7 → ``1-3`` and ``7``."""
    found: list[list[int]] = []
    for page in sorted(set(pages)):
        if found and page == found[-1][1] + 1:
            found[-1][1] = page
        else:
            found.append([page, page])
    return [str(a) if a == b else f"{a}-{b}" for a, b in found]
