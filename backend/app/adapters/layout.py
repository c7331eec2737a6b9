"""Where pages lie on paper: pure geometry in points, origin at the lower left.

One page to a face is fitted to the whole sheet, since documents bring their own margins; several
pages lie in a grid inside a 5 mm margin, 3 mm apart, in reading order, without frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.print_plan import MM, SAME_PT, Choices, Orientation, Scaling

A4_PT = (595.276, 841.89)
MARGIN_PT = 5 * MM  # nearer to the edge most printers cannot reach
GAP_PT = 3 * MM

# Columns and rows on upright paper; paper on its side has them exchanged.
_GRIDS = {1: (1, 1), 2: (1, 2), 4: (2, 2), 6: (2, 3), 9: (3, 3)}

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A page's lower left corner on the face and how much larger it is drawn."""

    left: float
    bottom: float
    scale: float


@dataclass(frozen=True, slots=True)
class FaceLayout:
    """``paper`` is width and height; one place for each page. ``same``: the page is the paper."""

    paper: Size
    places: tuple[Place, ...]
    same: bool


def paper_pt(choices: Choices, *, landscape: bool) -> Size:
    """The sheet in points, turned when ``landscape``."""
    width, height = choices.paper.size_pt
    return (height, width) if landscape else (width, height)


def lay_out(choices: Choices, sizes: Sequence[Size]) -> FaceLayout:
    """One face with pages of these visible ``sizes``."""
    landscape = _landscape(choices, sizes)
    paper = paper_pt(choices, landscape=landscape)
    if choices.per_sheet > 1:
        return FaceLayout(paper, _grid(choices.per_sheet, paper, sizes), same=False)
    (size,) = sizes
    scale = 1.0 if choices.scaling is Scaling.ACTUAL else _fitting(size, paper)
    same = all(abs(have - want) <= SAME_PT for have, want in zip(size, paper, strict=True))
    return FaceLayout(paper, (_centred(size, (0.0, 0.0, *paper), scale),), same)


def _landscape(choices: Choices, sizes: Sequence[Size]) -> bool:
    if choices.orientation is not Orientation.AUTO:
        return choices.orientation is Orientation.LANDSCAPE
    lying = sum(width > height for width, height in sizes)
    pages_lie = lying * 2 > len(sizes) or (lying * 2 == len(sizes) and sizes[0][0] > sizes[0][1])
    columns, rows = _GRIDS[choices.per_sheet]
    # Two or six upright pages fill a sheet that lies.
    return pages_lie if columns == rows else not pages_lie


def _grid(per_sheet: int, paper: Size, sizes: Sequence[Size]) -> tuple[Place, ...]:
    columns, rows = _GRIDS[per_sheet]
    if paper[0] > paper[1]:
        columns, rows = rows, columns
    width = (paper[0] - 2 * MARGIN_PT - (columns - 1) * GAP_PT) / columns
    height = (paper[1] - 2 * MARGIN_PT - (rows - 1) * GAP_PT) / rows
    places = []
    for index, size in enumerate(sizes):
        row, column = divmod(index, columns)
        left = MARGIN_PT + column * (width + GAP_PT)
        bottom = paper[1] - MARGIN_PT - (row + 1) * height - row * GAP_PT
        places.append(
            _centred(size, (left, bottom, width, height), _fitting(size, (width, height)))
        )
    return tuple(places)


def _fitting(size: Size, room: Size) -> float:
    return min(room[0] / size[0], room[1] / size[1])


def _centred(size: Size, cell: tuple[float, float, float, float], scale: float) -> Place:
    left, bottom, width, height = cell
    return Place(
        left + (width - size[0] * scale) / 2, bottom + (height - size[1] * scale) / 2, scale
    )
