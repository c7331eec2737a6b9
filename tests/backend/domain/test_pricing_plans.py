"""The price follows the paper: printed faces times copies, nothing for what stays blank."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.money import Money
from app.domain.pricing import Ink, Line, PriceList, price_of, quote
from app.domain.print_plan import Choices, PrintType, Sides, plan
from tests.backend.domain.test_pricing import copy_counts, documents, price_lists, types
from tests.backend.domain.test_print_plan import wishes

PRICES = PriceList(version=1, bw=Money(200), color=Money(1000))


def test_four_on_a_side_cost_one_face() -> None:
    made = price_of(plan(Choices(PrintType.BOTH, copies=2, per_sheet=4), 10, (9,)), PRICES)

    assert made.lines == (
        Line(Ink.BW, 2, 2, Money(200), Money(800)),
        Line(Ink.COLOR, 1, 2, Money(1000), Money(2000)),
    )
    assert made.total == Money(2800)


def test_blank_backs_are_free() -> None:
    both_sides = plan(Choices(PrintType.BW, copies=10, sides=Sides.LONG_EDGE), 3, ())

    assert len(both_sides.faces) == 4
    assert price_of(both_sides, PRICES).total == Money(3 * 10 * 200)


@given(wishes(), price_lists())
def test_every_printed_face_of_every_copy_is_paid_once(
    wish: tuple[Choices, int, list[int]], prices: PriceList
) -> None:
    made = plan(*wish)
    rates = {Ink.BW: prices.bw.paise, Ink.COLOR: prices.color.paise, None: 0}
    out = sum(
        rates[face.ink]
        for _, sheet in made.stack()
        for face in (sheet.front, sheet.back)
        if face is not None
    )

    assert price_of(made, prices).total.paise == max(out, prices.minimum.paise)


@given(wishes(), price_lists())
def test_a_mix_lies_between_on_every_plan(
    wish: tuple[Choices, int, list[int]], prices: PriceList
) -> None:
    choices, pages, colored = wish
    bw, both, color = (
        price_of(
            plan(Choices.read({**choices.as_dict(), "print_type": kind}), pages, colored), prices
        ).total
        for kind in (PrintType.BW, PrintType.BOTH, PrintType.COLOR)
    )

    assert bw <= both <= color


@given(types, documents(), copy_counts, price_lists(), st.sampled_from(Sides))
def test_both_sides_cost_what_one_side_costs_where_no_rate_says_otherwise(
    print_type: PrintType,
    document: tuple[int, tuple[int, ...]],
    copies: int,
    prices: PriceList,
    sides: Sides,
) -> None:
    pages, colored = document
    made = plan(Choices(print_type, copies, sides=sides), pages, colored)

    one_side = quote(print_type, pages=pages, color_pages=colored, copies=copies, prices=prices)
    assert price_of(made, prices).total == one_side.total
