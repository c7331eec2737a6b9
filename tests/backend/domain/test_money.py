"""Rupees in whole paise: how they are written, read and counted."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadInput
from app.domain.money import NOTHING, Money, rupees


@pytest.mark.parametrize(
    ("paise", "written", "short"),
    [
        (0, "₹0.00", "₹0"),
        (1, "₹0.01", "₹0.01"),
        (50, "₹0.50", "₹0.50"),
        (99_999, "₹999.99", "₹999.99"),
        (100_000, "₹1,000.00", "₹1,000"),
        (1_234_500, "₹12,345.00", "₹12,345"),
        (10_000_000, "₹1,00,000.00", "₹1,00,000"),
        (50_000_000, "₹5,00,000.00", "₹5,00,000"),
        (1_234_567_890, "₹1,23,45,678.90", "₹1,23,45,678.90"),
        (100_000_000_000, "₹1,00,00,00,000.00", "₹1,00,00,00,000"),
        (-123_456, "-₹1,234.56", "-₹1,234.56"),
        (-100, "-₹1.00", "-₹1"),
    ],
)
def test_amounts_are_written_as_india_writes_them(paise: int, written: str, short: str) -> None:
    assert str(Money(paise)) == written
    assert Money(paise).short == short


@given(st.integers(-(10**15), 10**15))
def test_what_is_written_is_the_amount(paise: int) -> None:
    plain = str(Money(paise)).replace("₹", "").replace(",", "")

    assert Decimal(plain) * 100 == paise


@given(st.integers(0, 10**10), st.integers(0, 10**10), st.integers(0, 500))
def test_money_counts_like_whole_numbers(one: int, other: int, times: int) -> None:
    assert Money(one) + Money(other) == Money(one + other)
    assert Money(one) - Money(other) == Money(one - other)
    assert Money(one) * times == Money(one * times)
    assert (Money(one) < Money(other)) is (one < other)
    assert (Money(one) >= Money(other)) is (one >= other)
    assert sum([Money(one), Money(other)], NOTHING) == Money(one + other)


@pytest.mark.parametrize("wrong", [2.0, True, "200", Decimal(200), None])
def test_nothing_but_a_whole_number_of_paise_is_money(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"^money is whole paise, not "):
        Money(wrong)  # type: ignore[arg-type]  # the point


def test_a_product_with_a_fraction_is_not_money() -> None:
    with pytest.raises(TypeError):
        Money(200) * 1.5  # type: ignore[operator]  # the point


@pytest.mark.parametrize(
    ("text", "paise"),
    [
        ("2", 200),
        ("2.0", 200),
        ("2.5", 250),
        ("2.50", 250),
        ("10.00", 1000),
        ("0", 0),
        ("0.01", 1),
        (" 12.30 ", 1230),
        ("007", 700),
        ("10000000000", 10**12),
    ],
)
def test_prices_that_can_be_read(text: str, paise: int) -> None:
    assert rupees(text) == Money(paise)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "two", "₹2", "2 rupees", "2,50", "1,000", "--2", "0x10", "2.5.0"),
        *("2.505", "0.001", "1.00000000000000000000000000001"),
        *("-1", "-0.01", "10000000000.01", "1e40"),
        # What a number library would read, but no price list says.
        *("1e3", "1_000", "२", "+2", "2.", ".5"),
        *("nan", "NaN", "sNaN", "inf", "Infinity", "-Infinity", "1e999999999", "1e-999999999"),
    ],
)
def test_anything_else_is_refused_and_never_rounded(text: str) -> None:
    with pytest.raises(BadInput, match=r"rupees|price this shop"):
        rupees(text)


@given(st.text(max_size=40))
def test_no_text_makes_reading_fail_in_another_way(text: str) -> None:
    try:
        amount = rupees(text)
    except BadInput:
        return
    assert 0 <= amount.paise <= 10**12


@given(st.integers(0, 10**12))
def test_a_written_price_is_read_back(paise: int) -> None:
    assert rupees(f"{paise // 100}.{paise % 100:02d}") == Money(paise)
