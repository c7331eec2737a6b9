"""Rates by paper and sides, and slabs: the laws hold for every list that may be added."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadInput
from app.domain.money import Money
from app.domain.price_list import PriceList, Rate, Slab, check, read_rates
from app.domain.pricing import Frozen, Line, Quote, holds, price_of, quote
from app.domain.print_plan import Choices, Ink, Paper, Plan, PrintType, Sides, plan
from tests.backend.domain.test_print_plan import wishes

BW, COLOR, BOTH = PrintType.BW, PrintType.COLOR, PrintType.BOTH
SLABS = (Slab(100, Money(150)), Slab(500, Money(100)))
SHOP = PriceList(
    version=3,
    bw=Money(200),
    color=Money(1000),
    minimum=Money(500),
    rates=(
        Rate(Ink.BW, Paper.A4, False, Money(200), SLABS),
        Rate(Ink.BW, Paper.A4, True, Money(160)),
        Rate(Ink.BW, Paper.A3, False, Money(500)),
        Rate(Ink.COLOR, Paper.A3, False, Money(2500)),
    ),
)


ELEVEN = tuple(Slab(number, Money(99 - number)) for number in range(1, 12))


def price(choices: Choices, pages: int, colored: tuple[int, ...] = ()) -> Quote:
    return price_of(plan(choices, pages, colored), SHOP)


def test_a_slab_is_for_the_faces_beyond_it_and_a_line_of_its_own() -> None:
    made = price(Choices(BW, copies=2), 300)

    assert made.lines == (
        Line(Ink.BW, 100, 1, Money(200), Money(20_000)),
        Line(Ink.BW, 400, 1, Money(150), Money(60_000)),
        Line(Ink.BW, 100, 1, Money(100), Money(10_000)),
    )
    assert made.total == Money(90_000)


@pytest.mark.parametrize(("pages", "total"), [(99, 19_800), (100, 20_000), (101, 20_150)])
def test_at_the_edge_of_a_slab(pages: int, total: int) -> None:
    assert price(Choices(BW), pages).total == Money(total)


@pytest.mark.parametrize(
    ("choices", "rate"),
    [
        (Choices(BW, sides=Sides.LONG_EDGE), 160),
        (Choices(BW, sides=Sides.SHORT_EDGE), 160),
        (Choices(COLOR, sides=Sides.LONG_EDGE), 1000),
        (Choices(BW, paper=Paper.A3), 500),
        # A3 on both sides is not named: it costs what A3 on one side costs, not what A4 does.
        (Choices(BW, paper=Paper.A3, sides=Sides.LONG_EDGE), 500),
        (Choices(BW, paper=Paper.LEGAL), 200),
        (Choices(BW, paper=Paper.LEGAL, sides=Sides.LONG_EDGE), 160),
        (Choices(COLOR, paper=Paper.A3), 2500),
    ],
)
def test_the_rate_is_that_of_the_paper_and_its_sides(choices: Choices, rate: int) -> None:
    [line] = price(choices, 10).lines

    assert line.rate == Money(rate)
    assert (line.paper, line.two_sided) == (choices.paper, choices.sides is not Sides.ONE)


def test_without_rates_a_list_prices_as_ever() -> None:
    plain = PriceList(version=1, bw=Money(200), color=Money(1000))

    made = quote(BOTH, pages=6, color_pages=(1, 4), copies=2, prices=plain)

    assert [(line.pages, line.copies, line.amount.paise) for line in made.lines] == [
        (4, 2, 1600),
        (2, 2, 4000),
    ]


# What may not be added


def bw_rate(**more: Any) -> Rate:
    return replace(Rate(Ink.BW, Paper.A3, False, Money(300)), **more)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (replace(SHOP, bw=Money(0), rates=()), "A face costs between"),
        (replace(SHOP, bw=Money(-200), rates=()), "A face costs between"),
        (replace(SHOP, minimum=Money(-1)), "smallest bill"),
        (replace(SHOP, minimum=Money(10**9)), "smallest bill"),
        (replace(SHOP, color=Money(10**9)), "A face costs between"),
        (replace(SHOP, bw=Money(1200), rates=()), "Colour may not cost less"),
        (replace(SHOP, rates=(bw_rate(first=Money(1100)),)), "Colour may not cost less"),
        (replace(SHOP, rates=(bw_rate(), bw_rate())), "named once"),
        (replace(SHOP, rates=(bw_rate(paper=Paper.A4),)), "give the same"),
        (replace(SHOP, rates=(bw_rate(slabs=(Slab(0, Money(1)),)),)), "rising"),
        (replace(SHOP, rates=(bw_rate(slabs=(Slab(9, Money(2)), Slab(9, Money(1)))),)), "rising"),
        (replace(SHOP, rates=(bw_rate(slabs=(Slab(9, Money(300)),)),)), "cheaper"),
        (replace(SHOP, rates=(bw_rate(slabs=(Slab(9, Money(0)),)),)), "not free"),
        (
            replace(SHOP, rates=(bw_rate(slabs=ELEVEN),)),
            "at most 10",
        ),
        (
            replace(
                SHOP,
                rates=(Rate(Ink.COLOR, Paper.A4, False, Money(1000), (Slab(50, Money(199)),)),),
            ),
            "Colour may not cost less",
        ),
    ],
)
def test_a_list_that_breaks_a_law_is_refused_with_a_sentence(
    wrong: PriceList, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        check(wrong)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"ink": "gold", "paper": "A4", "two_sided": False, "rate_paise": 1},
        {"ink": "bw", "paper": "A0", "two_sided": False, "rate_paise": 1},
        {"ink": "bw", "paper": "A4", "two_sided": False, "rate_paise": 1.5},
        {"ink": "bw", "paper": "A4", "two_sided": False, "rate_paise": "1"},
        {"ink": "bw", "paper": "A4", "two_sided": False, "rate_paise": 1, "slabs": [{}]},
        {"ink": "bw", "paper": "A4", "two_sided": False, "rate_paise": 1, "slabs": 7},
    ],
)
def test_rates_nobody_can_read(row: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_rates([row])


# Laws, for every list that ``check`` lets through


@st.composite
def lists(draw: st.DrawFn) -> PriceList:
    """Black & white below a line, colour above it: what ``check`` asks for."""
    line = draw(st.integers(1, 3000))

    def steps(low: int, high: int) -> tuple[Money, tuple[Slab, ...]]:
        rates = sorted(draw(st.sets(st.integers(low, high), min_size=1, max_size=4)), reverse=True)
        count = len(rates) - 1
        bounds = draw(st.lists(st.integers(1, 400), min_size=count, max_size=count, unique=True))
        slabs = zip(sorted(bounds), rates[1:], strict=True)
        return Money(rates[0]), tuple(Slab(beyond, Money(rate)) for beyond, rate in slabs)

    rates = []
    bases = {Ink.BW: Money(draw(st.integers(1, line))), Ink.COLOR: Money(line + 500)}
    for ink, low, high in ((Ink.BW, 1, line), (Ink.COLOR, line, line + 3000)):
        for paper, two_sided in draw(
            st.sets(st.tuples(st.sampled_from(Paper), st.booleans()), max_size=4)
        ):
            first, slabs = steps(low, high)
            if (paper, two_sided) == (Paper.A4, False):
                bases[ink] = first
            rates.append(Rate(ink, paper, two_sided, first, slabs))
    minimum = Money(draw(st.integers(0, 5000)))
    return PriceList(9, bases[Ink.BW], bases[Ink.COLOR], minimum, tuple(rates))


def frozen(made: Plan, cost: Quote) -> Frozen:
    return Frozen(
        print_type=made.choices.print_type,
        copies=made.choices.copies,
        pages=len(made.faces),
        color_pages=made.color_faces,
        choices=made.choices.as_dict(),
        lines=[line.as_data() for line in cost.lines],
        amount_paise=cost.total.paise,
    )


@given(wishes(), lists())
def test_lines_add_up_and_count_every_inked_face_once(
    wish: tuple[Choices, int, list[int]], prices: PriceList
) -> None:
    check(prices)
    made = plan(*wish)
    cost = price_of(made, prices)

    assert sum(line.amount.paise for line in cost.lines) == cost.total.paise
    assert cost.total >= prices.minimum
    for ink in Ink:
        mine = [line for line in cost.lines if line.ink is ink]
        assert sum(line.pages * line.copies for line in mine) == (
            made.count(ink) * made.choices.copies
        )
        assert all(line.amount == line.rate * (line.pages * line.copies) for line in mine)


@given(wishes(), lists(), st.booleans())
def test_more_pages_or_copies_never_cost_less(
    wish: tuple[Choices, int, list[int]], prices: PriceList, colored: bool
) -> None:
    choices, pages, color_pages = wish
    whole = replace(choices, pages=None)
    cost = price_of(plan(whole, pages, color_pages), prices).total
    longer = [*color_pages, *([pages + 1] if colored else [])]

    assert price_of(plan(whole, pages + 1, longer), prices).total >= cost
    more = replace(whole, copies=whole.copies + 1)
    assert price_of(plan(more, pages, color_pages), prices).total >= cost


@given(wishes(), lists())
def test_a_mix_costs_between_black_and_white_and_colour(
    wish: tuple[Choices, int, list[int]], prices: PriceList
) -> None:
    choices, pages, colored = wish
    bw, both, color = (
        price_of(plan(replace(choices, print_type=kind), pages, colored), prices).total
        for kind in (BW, BOTH, COLOR)
    )

    assert bw <= both <= color


@given(lists())
def test_a_list_is_read_back_as_it_was_written(prices: PriceList) -> None:
    assert read_rates(prices.rates_as_data()) == prices.rates


@given(wishes(), lists(), st.integers(-500, 500).filter(bool))
def test_a_stored_quote_holds_and_a_changed_one_does_not(
    wish: tuple[Choices, int, list[int]], prices: PriceList, off: int
) -> None:
    made = plan(*wish)
    stored = frozen(made, price_of(made, prices))
    last = stored.lines[-1]

    assert holds(stored, prices)
    assert not holds(replace(stored, amount_paise=stored.amount_paise + off), prices)
    wrong = [*stored.lines[:-1], {**last, "amount_paise": last["amount_paise"] + off}]
    assert not holds(replace(stored, lines=wrong), prices)
    assert not holds(replace(stored, copies=stored.copies + 1), prices)
    assert not holds(replace(stored, lines=[*stored.lines, last]), prices)


def test_a_quote_from_before_lines_named_their_paper_still_holds() -> None:
    plain = PriceList(version=1, bw=Money(200), color=Money(1000))
    line = {"ink": "bw", "pages": 2, "copies": 6, "rate_paise": 200, "amount_paise": 2400}
    old = Frozen(BW, 6, 2, [], {}, [line], 2400)

    assert holds(old, plain)
    assert not holds(old, replace(plain, bw=Money(201)))
    assert not holds(replace(old, pages=3), plain)
