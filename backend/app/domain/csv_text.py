"""Rows of a table as a spreadsheet may open them: nothing a stranger wrote becomes a formula."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime

from app.domain.money import Money

# Told to be UTF-8: without it Excel reads Hindi names in the old code page of the PC.
BOM = "\ufeff"
_FORMULA = frozenset("=+-@")
_HARMFUL = frozenset("\t\r\n")

Cell = str | int | Money | datetime | None


def line(cells: Iterable[Cell]) -> str:
    """One record after RFC 4180, every cell in quotes."""
    return ",".join(f'"{_text(cell)}"' for cell in cells) + "\r\n"


def local(moment: datetime | None) -> str:
    """``2026-11-24 20:00:00``: as the clock on the shop's wall showed it."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case int():
            return str(cell)
        case Money():
            sign, (rupees, paise) = "-" if cell.paise < 0 else "", divmod(abs(cell.paise), 100)
            return f"{sign}{rupees}.{paise:02d}"
        case datetime():
            return cell.isoformat(timespec="seconds")
        case str():
            return guarded(cell).replace('"', '""')


def guarded(text: str) -> str:
    """With an apostrophe in front when a spreadsheet might compute it.

    Spreadsheets look past spaces, quotes and signs nobody sees, and take full-width signs for
    their plain ones.
    """
    if not text or (text[0] not in _HARMFUL and text[0].isalnum()):
        return text
    if text[0] in _HARMFUL:
        return f"'{text}"
    first = next((sign for sign in text if not _passed_over(sign)), "")
    return f"'{text}" if unicodedata.normalize("NFKC", first)[:1] in _FORMULA else text


def _passed_over(sign: str) -> bool:
    return sign in "\"'`´‘’“”" or sign.isspace() or unicodedata.category(sign)[0] in "CMZ"
