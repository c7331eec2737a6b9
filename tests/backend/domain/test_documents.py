"""Which pages a customer means: examples in the words of the counter, and no guessing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadInput
from app.domain.page_selection import select_pages
from app.domain.print_plan import ranges


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("", (1, 2, 3, 4, 5, 6, 7)),
        ("All pages", (1, 2, 3, 4, 5, 6, 7)),
        ("3", (3,)),
        ("page 3", (3,)),
        ("1-3", (1, 2, 3)),
        ("1 - 3", (1, 2, 3)),
        ("1–3", (1, 2, 3)),
        ("1 to 3", (1, 2, 3)),
        ("pages 1-3, 7", (1, 2, 3, 7)),
        ("1,3 and 5", (1, 3, 5)),
        ("1 3 5-7", (1, 3, 5, 6, 7)),
        ("7, 1-2, 2-3", (1, 2, 3, 7)),
        ("5-", (5, 6, 7)),
        ("5-end", (5, 6, 7)),
        ("odd", (1, 3, 5, 7)),
        ("even pages", (2, 4, 6)),
        ("first 2", (1, 2)),
        ("First page", (1,)),
        ("last 2 pages", (6, 7)),
        ("last", (7,)),
        ("१-३", (1, 2, 3)),
    ],
)
def test_seven_pages(text: str, chosen: tuple[int, ...]) -> None:
    assert select_pages(text, 7) == chosen


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0", "page 0 is not there"),
        ("8", "this document has 7 pages: page 8 is not there"),
        ("5-9", "page 9 is not there"),
        ("3-1", "3-1 runs backwards; write 1-3"),
        ("1-3,6-4", "6-4 runs backwards; write 4-6"),
        ("first 8", "first 8 is not there"),
        ("last 0", "last 0 is not there"),
        ("1,,3", "names no pages"),
        ("-3", "names no pages"),
        ("1.5", "names no pages"),
        ("1-2-3", "names no pages"),
        ("two", "names no pages; write for example 1-3, 7"),
        ("all but 2", "names no pages"),
        ("9999999999", "names no pages"),
        ("1," * 600, "too long to be page numbers"),
    ],
)
def test_what_is_not_understood_is_asked_again(text: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        select_pages(text, 7)


def test_a_single_page_is_never_even() -> None:
    with pytest.raises(BadInput, match="a document of 1 page has no even page"):
        select_pages("even", 1)


@given(st.sets(st.integers(1, 200), min_size=1), st.integers(0, 50))
def test_what_ranges_writes_is_read_back(pages: set[int], more: int) -> None:
    assert select_pages(ranges(pages), max(pages) + more) == tuple(sorted(pages))


@given(st.text(max_size=40), st.integers(1, 30))
def test_any_words_give_real_pages_or_a_question(text: str, pages: int) -> None:
    try:
        chosen = select_pages(text, pages)
    except BadInput:
        return

    assert chosen
    assert set(chosen) <= set(range(1, pages + 1))
    assert list(chosen) == sorted(set(chosen))
