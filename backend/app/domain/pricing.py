"""What an order costs: copies x the sum of the rates of its printed faces, then the smallest bill.

Guarantee: the lines of a quote add up to its total, all in paise; the same price list and plan
always give the same quote; a blank back costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app.domain.money import NOTHING, Money
from app.domain.print_plan import Choices, Ink, Plan, PrintType, plan

__all__ = [
    "Ink",
    "Line",
    "PriceList",
    "PrintType",
    "Quote",
    "inked",
    "offered",
    "price_of",
    "quote",
]


@dataclass(frozen=True, slots=True)
class PriceList:
    """Rates per printed face. ``version`` is kept in every quote made from it."""

    version: int
    bw: Money
    color: Money
    minimum: Money = NOTHING


@dataclass(frozen=True, slots=True)
class Line:
    """``pages``: printed faces of one copy in one ink; no ink: the difference to the minimum."""

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
    """Black & white and colour pages of one copy of a document printed as it is."""
    made = plan(Choices(print_type), pages, color_pages)
    return made.count(Ink.BW), made.count(Ink.COLOR)


def offered(pages: int, color_pages: Collection[int]) -> tuple[PrintType, ...]:
    """The choices worth offering: a mix only where some pages carry colour and some do not."""
    colored = len(set(color_pages))
    if 0 < colored < pages:
        return PrintType.BW, PrintType.BOTH, PrintType.COLOR
    return PrintType.BW, PrintType.COLOR


def price_of(made: Plan, prices: PriceList) -> Quote:
    """Prices what the plan prints: every inked face of every copy, once."""
    copies = made.choices.copies
    lines = [
        Line(ink, count, copies, rate, rate * (count * copies))
        for ink, rate in ((Ink.BW, prices.bw), (Ink.COLOR, prices.color))
        if (count := made.count(ink))
    ]
    total = sum((line.amount for line in lines), NOTHING)
    if total < prices.minimum:
        rest = prices.minimum - total
        lines.append(Line(None, 0, 1, rest, rest))
        total = prices.minimum
    return Quote(made.choices.print_type, copies, tuple(lines), total, prices.version)


def quote(
    print_type: PrintType,
    *,
    pages: int,
    color_pages: Collection[int],
    copies: int,
    prices: PriceList,
) -> Quote:
    """The price of a document printed as it is.

    Raises BadInput for page or copy counts nobody can print.
    """
    return price_of(plan(Choices(print_type, copies), pages, color_pages), prices)
