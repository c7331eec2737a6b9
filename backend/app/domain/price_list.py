"""A shop's prices: the rate of a printed face by ink, paper and sides, and cheaper slabs.

A slab's rate is for the faces beyond its bound only, so that more never costs less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from app.domain.errors import BadInput
from app.domain.money import NOTHING, Money
from app.domain.print_plan import Ink, Paper, Sides

DEAREST_FACE = Money(1_000_000)
MOST_SLABS = 10
MOST_FACES = 1_000_000


@dataclass(frozen=True, slots=True)
class Slab:
    """Faces beyond the first ``beyond`` of an order cost ``rate`` each."""

    beyond: int
    rate: Money


@dataclass(frozen=True, slots=True)
class Rate:
    """What faces of one ink cost on one paper, printed on one side of the sheet or on both."""

    ink: Ink
    paper: Paper
    two_sided: bool
    first: Money
    slabs: tuple[Slab, ...] = ()

    def parts(self, faces: int) -> Iterator[tuple[int, Money]]:
        """How many of that many faces cost how much each, dearest first."""
        steps = [Slab(0, self.first), *self.slabs]
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            end = faces if following is None else min(faces, following.beyond)
            if end > step.beyond:
                yield end - step.beyond, step.rate

    @property
    def lowest(self) -> Money:
        return min([self.first, *(slab.rate for slab in self.slabs)])


@dataclass(frozen=True, slots=True)
class PriceList:
    """``bw`` and ``color`` are the rates on A4, one side; ``version`` stands in every quote.

    What ``rates`` do not name costs what comes nearest: the same paper on one side, then A4
    printed alike, then A4 on one side.
    """

    version: int
    bw: Money
    color: Money
    minimum: Money = NOTHING
    rates: tuple[Rate, ...] = ()

    def rate(self, ink: Ink, paper: Paper, *, two_sided: bool) -> Rate:
        named = {(rate.paper, rate.two_sided): rate for rate in self.rates if rate.ink is ink}
        for where in ((paper, two_sided), (paper, False), (Paper.A4, two_sided), (Paper.A4, False)):
            if where in named:
                return named[where]
        return Rate(ink, Paper.A4, False, self.bw if ink is Ink.BW else self.color)

    def rates_as_data(self) -> list[dict[str, Any]]:
        """Plain values for a JSON column; ``read_rates`` takes them back."""
        return [
            {
                "ink": rate.ink.value,
                "paper": rate.paper.value,
                "two_sided": rate.two_sided,
                "rate_paise": rate.first.paise,
                "slabs": [
                    {"beyond": slab.beyond, "rate_paise": slab.rate.paise} for slab in rate.slabs
                ],
            }
            for rate in self.rates
        ]


def is_two_sided(sides: Sides) -> bool:
    return sides is not Sides.ONE


def read_rates(stored: Sequence[Mapping[str, Any]]) -> tuple[Rate, ...]:
    """Raises BadInput for anything ``rates_as_data`` would not have written."""
    try:
        return tuple(
            Rate(
                Ink(row["ink"]),
                Paper(row["paper"]),
                bool(row["two_sided"]),
                Money(row["rate_paise"]),
                tuple(
                    Slab(int(slab["beyond"]), Money(slab["rate_paise"]))
                    for slab in row.get("slabs", ())
                ),
            )
            for row in stored
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"these rates cannot be read: {error}") from None


def check(prices: PriceList) -> None:
    """What a list must keep to before it is added. Raises BadInput with the sentence to show.

    Two laws hang on it: more faces never cost less, and colour never costs less than black & white.
    """
    if not NOTHING <= prices.minimum <= DEAREST_FACE:
        raise BadInput(f"The smallest bill is between {NOTHING} and {DEAREST_FACE}.")
    bases = {Ink.BW: prices.bw, Ink.COLOR: prices.color}
    named = [(rate.ink, rate.paper, rate.two_sided) for rate in prices.rates]
    if len(named) != len(set(named)):
        raise BadInput("A rate is named once for each ink, paper and side.")
    every = [Rate(ink, Paper.A4, False, base) for ink, base in bases.items()]
    for rate in [*every, *prices.rates]:
        _check_rate(rate)
        if (rate.paper, rate.two_sided) == (Paper.A4, False) and rate.first != bases[rate.ink]:
            raise BadInput("The rate of A4 on one side is bw_paise or color_paise: give the same.")
    for paper, two_sided in product(Paper, (False, True)):
        color = prices.rate(Ink.COLOR, paper, two_sided=two_sided)
        bw = prices.rate(Ink.BW, paper, two_sided=two_sided)
        if color.lowest < bw.first:
            raise BadInput(
                f"Colour may not cost less than black & white: on {paper} a colour face goes down "
                f"to {color.lowest}, a black & white one costs {bw.first}."
            )


def _check_rate(rate: Rate) -> None:
    if len(rate.slabs) > MOST_SLABS:
        raise BadInput(f"A rate has at most {MOST_SLABS} slabs.")
    dearer = Slab(0, rate.first)
    if not Money(1) <= rate.first <= DEAREST_FACE:
        raise BadInput(f"A face costs between {Money(1)} and {DEAREST_FACE}.")
    for slab in rate.slabs:
        if not dearer.beyond < slab.beyond <= MOST_FACES:
            raise BadInput(f"Slabs begin at rising numbers of faces, up to {MOST_FACES}.")
        if not Money(1) <= slab.rate < dearer.rate:
            raise BadInput("Each slab is cheaper than the one before it, and not free.")
        dearer = slab
