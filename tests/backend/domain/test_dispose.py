"""Who owns a captured rupee: the whole table, worked out here a second time."""

from __future__ import annotations

from itertools import product

import pytest

from app.domain.lifecycle import Order
from app.domain.money import Capture, Disposition, Ruling, Standing, Why, dispose

FULFILS, REFUND, ATTENTION = Disposition.FULFILS, Disposition.REFUND, Disposition.ATTENTION

# What happens to money that is right, undisputed, and the first for its order.
WITH_FILE = {
    "DRAFT": (FULFILS, "paid"),  # went back to change something, then paid the old link
    "PAYMENT_PENDING": (FULFILS, "paid"),
    "EXPIRED": (FULFILS, "paid_after_expiry"),
    "CANCELLED": (REFUND, "paid_after_cancel"),
    "REFUNDED": (REFUND, "paid_after_refund"),
    "PAID": (REFUND, "paid_twice"),  # cash was taken first
    "READY": (REFUND, "paid_twice"),
    "COLLECTED": (REFUND, "paid_twice"),
}
WITHOUT_FILE = WITH_FILE | dict.fromkeys(
    ("DRAFT", "PAYMENT_PENDING", "EXPIRED"), (REFUND, "file_gone")
)

AMOUNTS = {"exact": 2400, "one paisa less": 2399, "one paisa more": 2401, "a part": 100}
EVERYTHING = list(
    product(Order, (False, True), (False, True), AMOUNTS, ("INR", "USD"), (False, True))
)


def expected(
    status: Order, fulfilled: bool, file: bool, amount: str, currency: str, disputed: bool
) -> tuple[Disposition, str]:
    if disputed:
        return ATTENTION, "disputed"
    if currency != "INR":
        return ATTENTION, "wrong_currency"
    if amount != "exact":
        return ATTENTION, "wrong_amount"
    if fulfilled:
        return REFUND, "paid_twice"
    return (WITH_FILE if file else WITHOUT_FILE)[status.value]


@pytest.mark.parametrize("status", Order)
def test_every_combination_has_the_owner_it_should_have(status: Order) -> None:
    wrong = []
    rows = [row for row in EVERYTHING if row[0] is status]
    for row in rows:
        _, fulfilled, file, amount, currency, disputed = row
        ruling = dispose(
            Capture(AMOUNTS[amount], currency),
            Standing(status, 2400, "INR", fulfilled, file, disputed),
        )
        if ruling != Ruling(*_named(expected(*row))):
            wrong.append((row, ruling))

    assert len(rows) == 2 * 2 * 4 * 2 * 2
    assert wrong == []


def _named(row: tuple[Disposition, str]) -> tuple[Disposition, Why]:
    return row[0], Why(row[1])


def test_money_of_an_unknown_link_goes_to_a_person() -> None:
    assert dispose(Capture(2400, "INR"), None) == Ruling(ATTENTION, Why.UNKNOWN_LINK)


def test_money_prints_only_when_everything_fits() -> None:
    prints = {
        row
        for row in EVERYTHING
        if dispose(
            Capture(AMOUNTS[row[3]], row[4]), Standing(row[0], 2400, "INR", row[1], row[2], row[5])
        ).disposition
        is FULFILS
    }

    assert prints == {
        (status, False, True, "exact", "INR", False)
        for status in (Order.DRAFT, Order.PAYMENT_PENDING, Order.EXPIRED)
    }


def test_the_reasons_of_this_table_are_all_reasons_there_are() -> None:
    given = {expected(*row)[1] for row in EVERYTHING} | {"unknown_link"}

    assert given == {why.value for why in Why}
