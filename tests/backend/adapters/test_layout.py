"""Where pages lie on paper, in millimetres, with no PDF in sight."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.layout import GAP_PT, MARGIN_PT, lay_out
from app.domain.print_plan import (
    MM,
    PER_SHEET,
    Choices,
    Orientation,
    Paper,
    PrintType,
    Scaling,
    plan,
)

UPRIGHT, LYING = (595.276, 841.89), (841.89, 595.276)
BW = PrintType.BW


def millimetres(size: tuple[float, float]) -> tuple[int, int]:
    return round(size[0] / MM), round(size[1] / MM)


@pytest.mark.parametrize(
    ("paper", "size", "sheet"),
    [
        (Paper.A4, UPRIGHT, (210, 297)),
        (Paper.A4, LYING, (297, 210)),
        (Paper.A3, UPRIGHT, (297, 420)),
        (Paper.LEGAL, UPRIGHT, (216, 356)),
        (Paper.LETTER, LYING, (279, 216)),
    ],
)
def test_the_sheet_lies_as_the_page_does(
    paper: Paper, size: tuple[float, float], sheet: tuple[int, int]
) -> None:
    assert millimetres(lay_out(Choices(BW, paper=paper), [size]).paper) == sheet


def test_a_page_of_the_papers_size_is_the_face() -> None:
    assert lay_out(Choices(BW), [(595, 842)]).same
    assert not lay_out(Choices(BW, orientation=Orientation.LANDSCAPE), [(595, 842)]).same
    assert not lay_out(Choices(BW, paper=Paper.A3), [(595, 842)]).same


near = st.tuples(st.floats(590, 600), st.floats(836, 846))


@given(st.lists(near | near.map(lambda size: size[::-1]), min_size=1, max_size=3))
def test_the_plan_asks_for_a_file_exactly_when_a_page_is_not_the_face(
    sizes: list[tuple[float, float]],
) -> None:
    choices = Choices(PrintType.COLOR)
    faces = [lay_out(choices, [size]).same for size in sizes]

    assert plan(choices, len(sizes), ()).needs_file(sizes) != all(faces)


def test_a_small_page_grows_to_the_paper_or_stays_in_the_middle() -> None:
    card = (100 * MM, 100 * MM)
    fitted = lay_out(Choices(BW), [card]).places[0]
    actual = lay_out(Choices(BW, scaling=Scaling.ACTUAL), [card]).places[0]

    assert astuple(fitted) == pytest.approx((0, 43.5 * MM, 2.1))
    assert astuple(actual) == pytest.approx((55 * MM, 98.5 * MM, 1.0))


def test_an_actual_page_may_hang_over() -> None:
    place = lay_out(Choices(BW, scaling=Scaling.ACTUAL), [(297 * MM, 420 * MM)]).places[0]

    assert astuple(place) == pytest.approx((-43.5 * MM, -61.5 * MM, 1.0))


@pytest.mark.parametrize(
    ("per_sheet", "size", "sheet", "columns"),
    [
        (2, UPRIGHT, (297, 210), 2),
        (2, LYING, (210, 297), 1),
        (4, UPRIGHT, (210, 297), 2),
        (6, UPRIGHT, (297, 210), 3),
        (6, LYING, (210, 297), 2),
        (9, LYING, (297, 210), 3),
    ],
)
def test_several_pages_are_read_row_by_row(
    per_sheet: int, size: tuple[float, float], sheet: tuple[int, int], columns: int
) -> None:
    layout = lay_out(Choices(BW, per_sheet=per_sheet), [size] * per_sheet)
    places = layout.places

    assert millimetres(layout.paper) == sheet
    assert len({round(place.left) for place in places}) == columns
    assert list(places) == sorted(places, key=lambda place: (-round(place.bottom), place.left))


def test_a_wish_for_upright_paper_is_kept() -> None:
    choices = Choices(BW, per_sheet=2, orientation=Orientation.PORTRAIT)
    layout = lay_out(choices, [UPRIGHT, UPRIGHT])

    assert millimetres(layout.paper) == (210, 297)
    assert layout.places[0].left == layout.places[1].left
    assert layout.places[0].bottom > layout.places[1].bottom


sides = st.floats(20, 3000)


@given(
    st.sampled_from(PER_SHEET),
    st.sampled_from(Paper),
    st.sampled_from(Orientation),
    st.lists(st.tuples(sides, sides), min_size=1, max_size=9),
)
def test_fitted_pages_stay_on_the_sheet_and_apart(
    per_sheet: int, paper: Paper, orientation: Orientation, sizes: list[tuple[float, float]]
) -> None:
    sizes = sizes[:per_sheet]
    layout = lay_out(Choices(BW, per_sheet=per_sheet, paper=paper, orientation=orientation), sizes)
    edge = MARGIN_PT if per_sheet > 1 else 0.0
    boxes = [
        (p.left, p.bottom, p.left + w * p.scale, p.bottom + h * p.scale)
        for p, (w, h) in zip(layout.places, sizes, strict=True)
    ]

    for box in boxes:
        assert min(box[0], box[1]) >= edge - 1e-6
        assert box[2] <= layout.paper[0] - edge + 1e-6
        assert box[3] <= layout.paper[1] - edge + 1e-6
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            beside = max(other[0] - one[2], one[0] - other[2])
            above = max(other[1] - one[3], one[1] - other[3])
            assert max(beside, above) >= GAP_PT - 1e-6
