"""What an order costs: in examples a customer can check, and in laws for all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadInput
from app.domain.money import Money
from app.domain.pricing import Ink, Line, PriceList, PrintType, Quote, offered, quote
from app.domain.print_plan import Choices, plan

PRICES = PriceList(version=7, bw=Money(200), color=Money(1000))
BW, COLOR, BOTH = PrintType.BW, PrintType.COLOR, PrintType.BOTH


def price(print_type: PrintType, pages: int, colored: tuple[int, ...], copies: int) -> Quote:
    return quote(print_type, pages=pages, color_pages=colored, copies=copies, prices=PRICES)


@pytest.mark.parametrize(
    ("print_type", "copies", "total"),
    [(BW, 1, 1200), (BOTH, 1, 2800), (COLOR, 1, 6000), (BOTH, 2, 5600), (BW, 100, 120_000)],
)
def test_six_pages_with_colour_on_two(print_type: PrintType, copies: int, total: int) -> None:
    assert price(print_type, 6, (1, 4), copies).total == Money(total)


def test_a_mix_names_both_inks_with_their_rates() -> None:
    assert price(BOTH, 6, (1, 4), 2) == Quote(
        BOTH,
        2,
        (
            Line(Ink.BW, 4, 2, Money(200), Money(1600)),
            Line(Ink.COLOR, 2, 2, Money(1000), Money(4000)),
        ),
        Money(5600),
    )


def test_a_small_bill_is_filled_up_to_the_minimum_in_a_line_of_its_own() -> None:
    shop = PriceList(version=1, bw=Money(200), color=Money(1000), minimum=Money(500))

    small = quote(BW, pages=1, color_pages=(), copies=1, prices=shop)
    enough = quote(BW, pages=5, color_pages=(), copies=1, prices=shop)

    assert small.total == Money(500)
    assert small.lines[-1] == Line(None, 0, 1, Money(300), Money(300))
    assert enough.total == Money(1000)
    assert [line.ink for line in enough.lines] == [Ink.BW]


@pytest.mark.parametrize(
    ("pages", "copies", "colored"),
    [(0, 1, ()), (-1, 1, ()), (1, 0, ()), (1, -5, ()), (3, 1, (4,)), (3, 1, (0,)), (3, 1, (-1,))],
)
def test_what_nobody_can_print_has_no_price(
    pages: int, copies: int, colored: tuple[int, ...]
) -> None:
    with pytest.raises(BadInput, match=r"at least one page|outside the document"):
        price(BW, pages, colored, copies)


@pytest.mark.parametrize(
    ("pages", "colored", "choices"),
    [
        (6, (), (BW, COLOR)),
        (6, (1, 2, 3, 4, 5, 6), (BW, COLOR)),
        (6, (4,), (BW, BOTH, COLOR)),
        (1, (1,), (BW, COLOR)),
        (2, (1, 1), (BW, BOTH, COLOR)),
    ],
)
def test_a_mix_is_offered_only_where_there_is_something_to_mix(
    pages: int, colored: tuple[int, ...], choices: tuple[PrintType, ...]
) -> None:
    assert offered(pages, colored) == choices


# Laws


@st.composite
def documents(draw: st.DrawFn) -> tuple[int, tuple[int, ...]]:
    pages = draw(st.integers(1, 500))
    colored = draw(st.sets(st.integers(1, pages), max_size=40))
    return pages, tuple(sorted(colored))


def price_lists() -> st.SearchStrategy[PriceList]:
    paise = st.integers(0, 5000)
    return st.builds(
        lambda version, bw, more, minimum: PriceList(
            version, Money(bw), Money(bw + more), Money(minimum)
        ),
        st.integers(1, 99),
        paise,
        paise,
        paise,
    )


types, copy_counts = st.sampled_from(PrintType), st.integers(1, 100)


@given(types, documents(), copy_counts, price_lists())
def test_the_lines_add_up_to_the_total(
    print_type: PrintType, document: tuple[int, tuple[int, ...]], copies: int, prices: PriceList
) -> None:
    pages, colored = document
    made = quote(print_type, pages=pages, color_pages=colored, copies=copies, prices=prices)
    faces = plan(Choices(print_type), pages, colored)
    bw, color = faces.count(Ink.BW), faces.count(Ink.COLOR)

    assert sum(line.amount.paise for line in made.lines) == made.total.paise
    assert all(
        line.amount == line.rate * (line.pages * line.copies) for line in made.lines if line.ink
    )
    assert sum(line.pages for line in made.lines) == pages == bw + color
    assert made.total >= prices.minimum
    assert made.total.paise == max(
        prices.minimum.paise, copies * (bw * prices.bw.paise + color * prices.color.paise)
    )


@given(types, documents(), copy_counts, price_lists())
def test_more_never_costs_less(
    print_type: PrintType, document: tuple[int, tuple[int, ...]], copies: int, prices: PriceList
) -> None:
    pages, colored = document
    made = quote(print_type, pages=pages, color_pages=colored, copies=copies, prices=prices).total
    longer = quote(
        print_type, pages=pages + 1, color_pages=colored, copies=copies, prices=prices
    ).total
    more = quote(
        print_type, pages=pages, color_pages=colored, copies=copies + 1, prices=prices
    ).total

    assert longer >= made
    assert more >= made


@given(documents(), copy_counts, price_lists())
def test_a_mix_lies_between_black_and_white_and_colour(
    document: tuple[int, tuple[int, ...]], copies: int, prices: PriceList
) -> None:
    pages, colored = document
    bw, both, color = (
        quote(kind, pages=pages, color_pages=colored, copies=copies, prices=prices).total
        for kind in (BW, BOTH, COLOR)
    )

    assert bw <= both <= color


@given(types, documents(), copy_counts, price_lists())
def test_the_same_wishes_always_give_the_same_quote(
    print_type: PrintType, document: tuple[int, tuple[int, ...]], copies: int, prices: PriceList
) -> None:
    pages, colored = document
    one = quote(print_type, pages=pages, color_pages=colored, copies=copies, prices=prices)
    other = quote(
        print_type, pages=pages, color_pages=colored[::-1] * 2, copies=copies, prices=prices
    )

    assert one == other
