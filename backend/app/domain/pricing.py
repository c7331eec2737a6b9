"""What an order costs: copies x the sum of page rates, then the smallest bill.

Guarantee: the lines of a quote add up to its total, all in paise; the same price list and
choices always give the same quote.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from app.domain.errors import BadInput
from app.domain.money import NOTHING, Money


class PrintType(StrEnum):
    BW = "BW"
    COLOR = "COLOR"
    BOTH = "BOTH"  # shown as "Mix": pages with colour in colour, the others black & white


class Ink(StrEnum):
    BW = "bw"
    COLOR = "color"


@dataclass(frozen=True, slots=True)
class PriceList:
    """Rates per printed page. ``version`` is kept in every quote made from it."""

    version: int
    bw: Money
    color: Money
    minimum: Money = NOTHING


@dataclass(frozen=True, slots=True)
class Line:
    """``pages`` of one copy in one ink; ``ink`` is None for the difference to the minimum."""

    ink: Ink | None
    pages: int
    copies: int
    rate: Money
    amount: Money


@dataclass(frozen=True, slots=True)
class Quote:
    print_type: PrintType
    copies: int
    lines: tuple[Line, ...]
    total: Money
    price_list_version: int


def inked(print_type: PrintType, pages: int, color_pages: Collection[int]) -> tuple[int, int]:
    """Black & white and colour pages of one copy."""
    colored = len(set(color_pages))
    match print_type:
        case PrintType.BW:
            return pages, 0
        case PrintType.COLOR:
            return 0, pages
        case PrintType.BOTH:
            return pages - colored, colored
        case _:
            assert_never(print_type)


def offered(pages: int, color_pages: Collection[int]) -> tuple[PrintType, ...]:
    """The choices worth offering: a mix only where some pages carry colour and some do not."""
    colored = len(set(color_pages))
    if 0 < colored < pages:
        return PrintType.BW, PrintType.BOTH, PrintType.COLOR
    return PrintType.BW, PrintType.COLOR


def quote(
    print_type: PrintType,
    *,
    pages: int,
    color_pages: Collection[int],
    copies: int,
    prices: PriceList,
) -> Quote:
    """Raises BadInput for page or copy counts nobody can print."""
    if pages < 1 or copies < 1:
        raise BadInput("a print order has at least one page and one copy")
    if any(not 1 <= page <= pages for page in color_pages):
        raise BadInput("a colour page lies outside the document")
    bw, color = inked(print_type, pages, color_pages)
    lines = [
        Line(ink, count, copies, rate, rate * (count * copies))
        for ink, count, rate in ((Ink.BW, bw, prices.bw), (Ink.COLOR, color, prices.color))
        if count
    ]
    total = sum((line.amount for line in lines), NOTHING)
    if total < prices.minimum:
        rest = prices.minimum - total
        lines.append(Line(None, 0, 1, rest, rest))
        total = prices.minimum
    return Quote(print_type, copies, tuple(lines), total, prices.version)
