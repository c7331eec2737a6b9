"""Exported cells: read back as they were written, and never a formula."""

from __future__ import annotations

import csv
import io
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.csv_text import guarded, line, local
from app.domain.money import Money

HARMFUL = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\tx",
    "  =cmd|' /C calc'!A0",
    '"=1+1',
    "'=1+1",
    '" = 1',
    "“=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "\u200b=1",
    "\ufeff=1",
    "\u202e=1",
    "\u00a0=1",
    "\x0b=1",
    '=HYPERLINK("http://evil.example","click")',
    "-2+3+cmd|' /C calc'!D2",
]


@pytest.mark.parametrize("text", HARMFUL)
def test_what_a_spreadsheet_would_compute_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    ["", "Asha", "सुनीता पाटील", "a=b", "notes.pdf", "3-4", "(1)", "#1", "/etc", "😀", "A+", '"x"'],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text


# PostgreSQL keeps neither NUL nor halves of surrogate pairs.
stored = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(st.lists(stored, min_size=1, max_size=5))
def test_any_text_is_read_back_as_it_was_written(cells: list[str]) -> None:
    written = line(cells)

    assert written.endswith("\r\n")
    [read] = csv.reader(io.StringIO(written, newline=""), strict=True)
    assert read == [guarded(cell) for cell in cells]
    assert all(seen in (cell, f"'{cell}") for seen, cell in zip(read, cells, strict=True))


@given(stored)
def test_nothing_begins_like_a_formula(text: str) -> None:
    seen = guarded(text)

    assert seen[:1] not in ("=", "+", "-", "@", "\t", "\r")
    plain = unicodedata.normalize("NFKC", seen).lstrip()
    assert plain[:1] not in ("=", "+", "-", "@")


def test_amounts_and_moments() -> None:
    moment = datetime(2026, 11, 24, 14, 30, 5, 999, tzinfo=UTC)

    assert line([Money(123456), Money(5), Money(-5), 7, None, moment, local(moment)]) == (
        '"1234.56","0.05","-0.05","7","","2026-11-24T14:30:05+00:00","2026-11-24 14:30:05"\r\n'
    )
