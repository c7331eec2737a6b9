"""Bills as values: numbers, kinds, what people type, and tax that adds up to the paisa."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import bills
from app.domain.bills import (
    HIGHEST_RATE_BP,
    SERIES,
    STATES,
    BillKind,
    Gst,
    GstMode,
    Split,
    check_sign,
    checked,
    credit,
    financial_year,
    first_bill,
    gstin_of,
    label,
    split,
)
from app.domain.errors import BadInput

AMOUNTS = st.integers(1, 10**11)
RATES = st.integers(1, HIGHEST_RATE_BP)


@given(AMOUNTS, RATES)
def test_the_parts_are_exactly_what_was_paid(amount: int, rate: int) -> None:
    parts = split(amount, rate)

    assert parts.taxable + parts.cgst + parts.sgst == amount
    assert parts.cgst == parts.sgst
    assert parts.taxable >= 0
    # Rule 35: price x half the rate / (100 + the rate), to the nearest paisa.
    exact = Fraction(amount * rate, 2 * (10_000 + rate))
    assert abs(parts.cgst - exact) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("amount", "rate", "taxable", "half"),
    [
        (11_800, 1800, 10_000, 900),
        (80_00, 1800, 67_80, 610),
        (1, 1800, 1, 0),
        (7, 1800, 5, 1),  # 0.534 of a paisa
        (10_500, 500, 10_000, 250),
        (4_010, 50, 3_990, 10),  # 9.975
        (402, 100, 398, 2),  # 1.99
        (404, 200, 396, 4),  # 3.96
        (101, 200, 99, 1),  # 0.99
        (200, 0, 200, 0),
    ],
)
def test_known_splits(amount: int, rate: int, taxable: int, half: int) -> None:
    assert split(amount, rate) == Split(amount, half, half)
    assert split(amount, rate).taxable == taxable


def test_half_a_paisa_goes_up() -> None:
    # 51 x 2 % / 2 / 1.02 is exactly 0.5.
    assert split(51, 200).cgst == 1
    assert split(50, 200).cgst == 0


@given(AMOUNTS, RATES)
def test_paying_more_never_carries_less_tax(amount: int, rate: int) -> None:
    assert split(amount + 1, rate).cgst >= split(amount, rate).cgst


@given(
    st.lists(st.integers(1, 50_000), min_size=1, max_size=12),
    st.sampled_from([0, *range(25, 4001, 25)]),
)
def test_notes_over_a_whole_bill_add_up_to_the_bill(parts: list[int], rate: int) -> None:
    whole = split(sum(parts), rate)
    before = Split(0, 0, 0)
    for part in parts:
        note = credit(part, rate, before=before)
        assert note.taxable >= 0
        assert note.cgst >= 0
        assert note.taxable + note.cgst + note.sgst == part
        before = Split(before.amount + part, before.cgst + note.cgst, before.sgst + note.sgst)
        assert before.cgst <= whole.cgst

    assert before.amount == whole.amount
    if min(parts) >= 4:  # of one or two paise hardly any can be tax
        assert (before.cgst, before.sgst) == (whole.cgst, whole.sgst)


def test_a_composition_shop_and_an_unregistered_one_carry_no_tax() -> None:
    assert split(12_345, 0) == Split(12_345, 0, 0)


# Numbers


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2027, 3, 31), 2026),
        (date(2027, 4, 1), 2027),
        (date(2026, 12, 31), 2026),
        (date(2027, 1, 1), 2026),
        (date(2028, 2, 29), 2027),
    ],
)
def test_the_financial_year_begins_in_april(day: date, year: int) -> None:
    assert financial_year(day) == year


def test_a_label_reads_like_a_bill_number() -> None:
    assert label("T", 2026, 41) == "T/2627/41"
    assert label("R", 2099, 1) == "R/9900/1"
    assert label("ABC" + "T", 2026, 999_999) == "ABCT/2627/999999"


@given(st.sampled_from([*SERIES.values()]), st.integers(2000, 2098), st.integers(1, 999_999_999))
def test_labels_keep_to_the_rule(series: str, year: int, number: int) -> None:
    said = label(series, year, number)
    assert len(said) <= 16
    assert re.fullmatch("[A-Z0-9/-]+", said)


def test_each_kind_has_its_own_series() -> None:
    assert set(SERIES) == set(BillKind)
    assert len(set(SERIES.values())) == len(SERIES)


@pytest.mark.parametrize(
    ("mode", "amount", "kind"),
    [
        (GstMode.UNREGISTERED, 1_00, BillKind.RECEIPT),
        (GstMode.UNREGISTERED, 5_000_00, BillKind.RECEIPT),
        (GstMode.COMPOSITION, 1_00, BillKind.BILL_OF_SUPPLY),
        (GstMode.REGISTERED, 199_99, BillKind.RECEIPT),
        (GstMode.REGISTERED, 200_00, BillKind.TAX_INVOICE),
    ],
)
def test_what_an_order_gets(mode: GstMode, amount: int, kind: BillKind) -> None:
    assert first_bill(mode, amount) is kind


# What people type

# Published registrations.
REAL = ["27AAPFU0939F1ZV", "29AAACH7409R1ZX", "32AADCK5978M1Z0"]


@pytest.mark.parametrize("number", REAL)
def test_real_gstins_are_taken(number: str) -> None:
    assert gstin_of(f" {number.lower()} ") == number


@pytest.mark.parametrize("number", REAL)
def test_one_wrong_character_is_noticed(number: str) -> None:
    for place, sign in enumerate(number):
        for other in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            wrong = number[:place] + other + number[place + 1 :]
            if other == sign:
                continue
            with pytest.raises(BadInput):
                gstin_of(wrong)


@pytest.mark.parametrize(
    "number", ["", "27", "27AAPFU0939F1Z", "27AAPFU0939F1ZVV", "२७AAPFU0939F1ZV"]
)
def test_what_is_no_gstin(number: str) -> None:
    with pytest.raises(BadInput, match="is not a GSTIN like"):
        gstin_of(number)


def test_a_state_nobody_has_is_refused() -> None:
    first = "98AAPFU0939F1Z"
    with pytest.raises(BadInput, match="no state's code"):
        gstin_of(first + check_sign(first))
    assert len(STATES) == 36
    assert (bills.second_tax("27"), bills.second_tax("04")) == ("SGST", "UTGST")


@pytest.mark.parametrize(
    ("text", "bp"), [("18", 1800), ("18%", 1800), ("2.5", 250), ("0.25 %", 25)]
)
def test_rates(text: str, bp: int) -> None:
    assert bills.rate_of(text) == bp


@pytest.mark.parametrize("text", ["", "0", "-18", "41", "18.005", "1e1", "eighteen", "18,5", "१८"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(BadInput, match="is not a rate"):
        bills.rate_of(text)


@pytest.mark.parametrize("text", ["", "98", "998912 1", "1234", "99891", "9989123"])
def test_what_is_no_sac(text: str) -> None:
    with pytest.raises(BadInput, match="is not a service code"):
        bills.sac_of(text)
    assert [bills.sac_of(code) for code in ("9989", " 998595")] == ["9989", "998595"]


@pytest.mark.parametrize(
    ("gst", "why"),
    [
        (Gst(gstin=REAL[0]), "not registered has neither"),
        (Gst(GstMode.REGISTERED, rate_bp=1800), "has a GSTIN"),
        (Gst(GstMode.COMPOSITION), "has a GSTIN"),
        (Gst(GstMode.COMPOSITION, REAL[0], rate_bp=100), "collects no tax"),
        (Gst(GstMode.REGISTERED, REAL[0]), "at a rate"),
    ],
)
def test_what_does_not_fit_together(gst: Gst, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        checked(gst)


@pytest.mark.parametrize("text", ["ABCD", "a-b", "/", "é"])
def test_what_is_no_prefix(text: str) -> None:
    with pytest.raises(BadInput, match="is not a prefix"):
        bills.prefix_of(text)
    assert bills.prefix_of(" kt1 ") == "KT1"


def test_what_is_no_mode() -> None:
    with pytest.raises(BadInput, match="none of unregistered, composition, registered"):
        bills.mode_of("gst")
