"""What an order costs: copies x the sum of the rates of its printed faces, then the smallest bill.

Guarantee: the lines of a quote add up to its total, all in paise; the same price list and plan
always give the same quote; more never costs less; a blank back costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.money import NOTHING, Money
from app.domain.price_list import PriceList, is_two_sided
from app.domain.print_plan import Choices, Ink, Paper, Plan, PrintType, Sides, plan

__all__ = [
    "Ink",
    "Line",
    "PriceList",
    "PrintType",
    "Quote",
    "offered",
    "price_of",
    "quote",
]


@dataclass(frozen=True, slots=True)
class Line:
    """``pages``: printed faces of one copy in one ink; no ink: the difference to the minimum.

    Where a slab begins inside the order, ``pages`` are faces of all copies and ``copies`` is 1.
    """

    ink: Ink | None
    pages: int
    copies: int
    rate: Money
    amount: Money
    paper: Paper = Paper.A4
    two_sided: bool = False

    def as_data(self) -> dict[str, Any]:
        """Plain values, as a quote keeps them."""
        return {
            "ink": self.ink.value if self.ink else None,
            "pages": self.pages,
            "copies": self.copies,
            "rate_paise": self.rate.paise,
            "amount_paise": self.amount.paise,
            "paper": self.paper.value,
            "two_sided": self.two_sided,
        }


@dataclass(frozen=True, slots=True)
class Quote:
    print_type: PrintType
    copies: int
    lines: tuple[Line, ...]
    total: Money


def offered(pages: int, color_pages: Collection[int]) -> tuple[PrintType, ...]:
    """The choices worth offering: a mix only where some pages carry colour and some do not."""
    colored = len(set(color_pages))
    if 0 < colored < pages:
        return PrintType.BW, PrintType.BOTH, PrintType.COLOR
    return PrintType.BW, PrintType.COLOR


def price_of(made: Plan, prices: PriceList) -> Quote:
    """Prices what the plan prints: every inked face of every copy, once."""
    choices = made.choices
    counts = {ink: made.count(ink) for ink in Ink}
    lines = _lines(counts, choices.copies, choices.paper, choices.sides, prices)
    total = sum((line.amount for line in lines), NOTHING)
    return Quote(choices.print_type, choices.copies, tuple(lines), total)


def _lines(
    counts: Mapping[Ink, int], copies: int, paper: Paper, sides: Sides, prices: PriceList
) -> list[Line]:
    two_sided = is_two_sided(sides)
    lines: list[Line] = []
    for ink in (Ink.BW, Ink.COLOR):
        faces = counts[ink] * copies
        parts = list(prices.rate(ink, paper, two_sided=two_sided).parts(faces))
        for part, rate in parts:
            pages, times = (counts[ink], copies) if len(parts) == 1 else (part, 1)
            lines.append(Line(ink, pages, times, rate, rate * part, paper, two_sided))
    rest = prices.minimum - sum((line.amount for line in lines), NOTHING)
    if rest > NOTHING:
        lines.append(Line(None, 0, 1, rest, rest, paper, two_sided))
    return lines


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


@dataclass(frozen=True, slots=True)
class Frozen:
    """A stored quote: the file it is for, what was chosen, what was asked for it.

    ``pages`` are those of the file that is printed, a blank back between two copies included.
    """

    print_type: PrintType
    copies: int
    pages: int
    color_pages: Sequence[int]
    choices: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    amount_paise: int


def holds(stored: Frozen, prices: PriceList) -> bool:
    """Whether that price list gives a stored quote its lines and its amount once more."""
    choices = Choices.read(
        {"print_type": stored.print_type, "copies": stored.copies, **stored.choices}
    )
    if (choices.print_type, choices.copies) != (stored.print_type, stored.copies):
        return False
    inked_faces = [stored.pages]
    if is_two_sided(choices.sides) and stored.copies > 1 and stored.pages % 2 == 0:
        inked_faces.append(stored.pages - 1)
    for faces in inked_faces:
        color = {PrintType.BW: 0, PrintType.COLOR: faces, PrintType.BOTH: len(stored.color_pages)}
        counts = {Ink.COLOR: color[stored.print_type], Ink.BW: faces - color[stored.print_type]}
        lines = _lines(counts, stored.copies, choices.paper, choices.sides, prices)
        total = sum(line.amount.paise for line in lines)
        # Quotes frozen before lines named paper and sides lack those two.
        said = [{**line.as_data(), **kept} for line, kept in zip(lines, stored.lines, strict=False)]
        same = len(lines) == len(stored.lines) and said == [line.as_data() for line in lines]
        if same and total == stored.amount_paise:
            return True
    return False
