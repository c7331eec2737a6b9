"""The print plan: what a person can check by hand, and laws that hold for every plan."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadInput
from app.domain.print_plan import (
    BLANK,
    PER_SHEET,
    Choices,
    Face,
    Ink,
    Orientation,
    Paper,
    Plan,
    PrintType,
    Scaling,
    Sheet,
    Sides,
    plan,
    ranges,
)

BW, COLOR, BOTH = PrintType.BW, PrintType.COLOR, PrintType.BOTH
LONG = Sides.LONG_EDGE


def test_the_defaults_print_the_document_as_it_is() -> None:
    made = plan(Choices(BOTH), 3, (2,))

    assert made.sheets == (
        Sheet(Face((1,), Ink.BW)),
        Sheet(Face((2,), Ink.COLOR)),
        Sheet(Face((3,), Ink.BW)),
    )
    assert made.one_by_one
    assert made.color_faces == (2,)
    assert (made.sheets_per_copy, made.sheets_in_all) == (3, 3)


def test_five_pages_on_both_sides_leave_the_last_back_unprinted() -> None:
    made = plan(Choices(BW, sides=LONG), 5, ())

    assert made.sheets_per_copy == 3
    assert made.sheets[-1] == Sheet(Face((5,), Ink.BW), None)
    assert len(made.faces) == 5
    assert made.one_by_one


def test_the_second_copy_does_not_begin_on_the_back_of_the_first() -> None:
    made = plan(Choices(BW, copies=2, sides=LONG), 5, ())

    assert made.sheets[-1] == Sheet(Face((5,), Ink.BW), BLANK)
    assert (len(made.faces), made.count(Ink.BW), made.sheets_in_all) == (6, 5, 6)
    assert not made.one_by_one


@pytest.mark.parametrize(
    ("wishes", "sizes", "needs"),
    [
        ({}, [(595.276, 841.89)], False),
        ({"copies": 9}, [[595, 842], [842, 595]], False),
        ({}, [(597.3, 842)], True),
        ({}, [(595, 842), (612, 792)], True),
        ({}, [(842, 1191)], True),
        ({}, [], True),
        ({"paper": Paper.LETTER}, [(612, 792)], False),
        ({"paper": Paper.A3}, [(595, 842)], True),
        ({"pages": (1,)}, [(595, 842)], True),
        ({"per_sheet": 2}, [(595, 842)], True),
        ({"orientation": Orientation.PORTRAIT}, [(595, 842)], True),
    ],
)
def test_a_file_is_made_where_the_pages_are_not_the_paper(
    wishes: dict[str, Any], sizes: list[tuple[float, float]], needs: bool
) -> None:
    assert plan(Choices(COLOR, **wishes), 3, ()).needs_file(sizes) is needs
    assert plan(Choices(BW, **wishes), 3, ()).needs_file(sizes), "gray is forced"


def test_four_on_a_side_share_one_ink() -> None:
    made = plan(Choices(BOTH, pages=(1, 3, 4, 5, 6, 9), per_sheet=4, sides=LONG), 9, (2, 6))

    assert made.sheets == (Sheet(Face((1, 3, 4, 5), Ink.BW), Face((6, 9), Ink.COLOR)),)


def test_a_bundle_comes_out_copy_by_copy_or_sheet_by_sheet() -> None:
    collated = plan(Choices(BW, copies=2), 2, ())
    stacked = plan(Choices(BW, copies=2, collate=False), 2, ())
    first, second = collated.sheets

    assert list(collated.stack()) == [(1, first), (1, second), (2, first), (2, second)]
    assert list(stacked.stack()) == [(1, first), (2, first), (1, second), (2, second)]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"copies": 0}, "at least one page and one copy"),
        ({"per_sheet": 3}, "3 pages do not go on one side; choose 1, 2, 4, 6 or 9"),
        ({"per_sheet": 2, "scaling": Scaling.ACTUAL}, "choose actual size or several pages"),
        ({"pages": ()}, "at least one page and one copy"),
        ({"pages": (3, 1)}, "not all of the chosen pages"),
        ({"pages": (1, 1)}, "not all of the chosen pages"),
        ({"pages": (0, 1)}, "not all of the chosen pages"),
        ({"pages": (1, 7)}, "not all of the chosen pages"),
    ],
)
def test_wishes_nobody_can_print(wish: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        plan(Choices(BW, **wish), 6, ())


@pytest.mark.parametrize(("pages", "colored"), [(0, ()), (-2, ()), (3, (4,)), (3, (0,))])
def test_documents_nobody_can_print(pages: int, colored: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match=r"at least one page|outside the document"):
        plan(Choices(BW), pages, colored)


def test_only_what_was_written_is_read_back() -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        Choices.read({"copies": 2})
    with pytest.raises(BadInput, match="cannot be read"):
        Choices.read({"print_type": "BW", "paper": "A9"})
    assert Choices.read({"print_type": "BW"}) == Choices(BW)


# Laws


@st.composite
def wishes(draw: st.DrawFn, print_type: PrintType | None = None) -> tuple[Choices, int, list[int]]:
    pages = draw(st.integers(1, 120))
    every = st.integers(1, pages)
    chosen = draw(st.none() | st.sets(every, min_size=1).map(lambda found: tuple(sorted(found))))
    per_sheet = draw(st.sampled_from(PER_SHEET))
    scaling = draw(st.sampled_from(Scaling)) if per_sheet == 1 else Scaling.FIT
    choices = Choices(
        print_type or draw(st.sampled_from(PrintType)),
        copies=draw(st.integers(1, 100)),
        pages=chosen,
        sides=draw(st.sampled_from(Sides)),
        paper=draw(st.sampled_from(Paper)),
        scaling=scaling,
        per_sheet=per_sheet,
        orientation=draw(st.sampled_from(Orientation)),
        collate=draw(st.booleans()),
    )
    return choices, pages, draw(st.lists(every, max_size=20))


def made_of(wish: tuple[Choices, int, list[int]]) -> Plan:
    return plan(*wish)


@given(wishes())
def test_every_chosen_page_is_printed_once_in_order(wish: tuple[Choices, int, list[int]]) -> None:
    choices, pages, _ = wish
    made = made_of(wish)

    assert made.pages == (choices.pages or tuple(range(1, pages + 1)))
    assert all(before < after for before, after in pairwise(made.pages))
    assert all(len(face.pages) <= choices.per_sheet for face in made.faces)


@given(wishes())
def test_faces_and_sheets_add_up(wish: tuple[Choices, int, list[int]]) -> None:
    choices, _, _ = wish
    made = made_of(wish)
    printed = [face for face in made.faces if face.ink is not None]
    a_side = 1 if choices.sides is Sides.ONE else 2

    assert len(printed) == -(-len(made.pages) // choices.per_sheet)
    assert made.count(Ink.BW) + made.count(Ink.COLOR) == len(printed)
    assert made.sheets_per_copy == -(-len(printed) // a_side)
    assert made.sheets_in_all == made.sheets_per_copy * choices.copies == len(list(made.stack()))
    assert all(face.pages for face in printed)
    assert all(sheet.front.pages for sheet in made.sheets)


@given(wishes())
def test_blanks_are_last_backs_that_keep_copies_apart(
    wish: tuple[Choices, int, list[int]],
) -> None:
    choices, _, _ = wish
    made = made_of(wish)
    blanks = [number for number, face in enumerate(made.faces, 1) if face == BLANK]

    assert blanks in ([], [len(made.faces)])
    assert BLANK not in [sheet.front for sheet in made.sheets]
    if choices.sides is Sides.ONE:
        assert not blanks
    elif choices.copies > 1:
        assert len(made.faces) % 2 == 0


@given(wishes(BOTH))
def test_a_mix_has_colour_exactly_where_a_page_has(wish: tuple[Choices, int, list[int]]) -> None:
    made = made_of(wish)

    for face in made.faces:
        assert (face.ink is Ink.COLOR) == any(page in wish[2] for page in face.pages)


@given(wishes())
def test_choices_survive_being_stored(wish: tuple[Choices, int, list[int]]) -> None:
    assert Choices.read(json.loads(json.dumps(wish[0].as_dict()))) == wish[0]


@given(st.sets(st.integers(1, 300)))
def test_ranges_name_every_page(pages: set[int]) -> None:
    named: set[int] = set()
    for part in filter(None, ranges(pages).split(",")):
        first, _, last = part.partition("-")
        named.update(range(int(first), int(last or first) + 1))

    assert named == pages
