"""Which answers are possible, decided from facts alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.attention import (
    KINDS,
    NOTHING_LEFT,
    UNLISTED,
    UNLISTED_MONEY,
    About,
    Facts,
    Resolution,
    kind_of,
    offered,
    refusal,
)
from app.domain.lifecycle import Job, Order, Refund
from app.domain.money import Capture, Disposition, Standing, dispose

PAID_WRONG = Facts(
    order=Order.PAYMENT_PENDING,
    has_payment=True,
    left_paise=900,
    untouched=True,
    quoted=True,
    same_currency=True,
    file_here=True,
)
LOST = Facts(order=Order.PAID, job=Job.UNCERTAIN, left_paise=800, has_payment=True, file_here=True)
CAME_BACK = Facts(
    order=Order.REFUNDED, refund=Refund.FAILED, refund_paise=800, left_paise=800, has_payment=True
)


@pytest.mark.parametrize("order", [Order.DRAFT, Order.PAYMENT_PENDING, Order.EXPIRED])
def test_an_order_that_waits_can_be_printed_for_what_came(order: Order) -> None:
    assert refusal(Resolution.PRINT_IT, replace(PAID_WRONG, order=order)) == ""


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"order": Order.CANCELLED}, "CANCELLED cannot be printed"),
        ({"order": Order.PAID}, "PAID cannot be printed"),
        ({"order": None}, "unknown cannot be printed"),
        ({"quoted": False}, "never priced"),
        ({"paid_by_another": True}, "Another payment"),
        ({"file_here": False}, "file of this order is gone"),
        ({"disputed": True}, "bank still asks"),
        ({"same_currency": False}, "another currency"),
        ({"untouched": False}, "went back already"),
    ],
)
def test_what_keeps_an_order_from_being_printed(changed: dict[str, Any], says: str) -> None:
    assert says in refusal(Resolution.PRINT_IT, replace(PAID_WRONG, **changed))


def test_money_that_is_gone_or_asked_about_is_not_refunded() -> None:
    assert refusal(Resolution.REFUND, PAID_WRONG) == ""
    assert "Nothing is left" in refusal(Resolution.REFUND, replace(PAID_WRONG, left_paise=0))
    assert "bank still asks" in refusal(Resolution.REFUND, replace(PAID_WRONG, disputed=True))


def test_no_refund_is_begun_of_money_the_bank_asks_about() -> None:
    came_back = replace(CAME_BACK, disputed=True)
    assert "bank still asks" in refusal(Resolution.TRY_AGAIN, came_back)
    lost = replace(LOST, disputed=True)
    assert "bank still asks" in refusal(Resolution.NOTHING_CAME_OUT_REFUND, lost)
    assert refusal(Resolution.NOTHING_CAME_OUT_REFUND, replace(lost, left_paise=0)) == ""
    # A print that is tried again is no refund.
    assert refusal(Resolution.TRY_AGAIN, replace(lost, job=Job.FAILED)) == ""


# How things can stand while a question of a kind is open; what is not here closes it as a fact.
_MONEY = Facts(has_payment=True, quoted=True, same_currency=True)
_LEFT = [
    replace(_MONEY, order=order, left_paise=left, disputed=disputed, untouched=left == 800)
    for order in (None, *Order)
    for left in (1, 800)
    for disputed in (False, True)
]
_ANY = [*_LEFT, *(replace(facts, left_paise=0) for facts in _LEFT), Facts()]
_PAPER = {
    # Its money is here, and its file: a print without file is refunded, a disputed one can wait.
    "print_failed": [
        replace(facts, order=Order.PAID, job=Job.FAILED, file_here=facts.disputed)
        for facts in _LEFT
    ],
    "did_it_print": [replace(facts, job=Job.UNCERTAIN) for facts in _ANY],
}


@pytest.mark.parametrize("name", KINDS)
def test_an_open_question_always_has_an_answer(name: str) -> None:
    if name == "refund_failed":
        standings = [replace(each, refund=Refund.FAILED, refund_paise=500) for each in _LEFT]
    else:
        standings = _PAPER.get(name, _LEFT if name in NOTHING_LEFT else _ANY)
    for facts in standings:
        assert offered(KINDS[name], facts), facts


def test_a_lost_print_is_answered_once() -> None:
    kind = KINDS["did_it_print"]
    assert offered(kind, LOST) == kind.resolutions
    assert offered(kind, replace(LOST, job=Job.COMPLETED)) == ()
    # Without its file it cannot be printed again, but it may have printed.
    assert offered(kind, replace(LOST, file_here=False)) == (
        Resolution.IT_PRINTED,
        Resolution.NOTHING_CAME_OUT_REFUND,
    )
    refunded = replace(LOST, order=Order.REFUNDED, left_paise=0)
    assert Resolution.PRINT_AGAIN not in offered(kind, refunded)


def test_a_refund_that_arrived_after_all_is_not_paid_a_second_time() -> None:
    kind = KINDS["refund_failed"]
    assert offered(kind, CAME_BACK) == kind.resolutions
    assert offered(kind, replace(CAME_BACK, refund=Refund.PROCESSED)) == ()
    assert offered(kind, replace(CAME_BACK, left_paise=0)) == ()
    # What is left beside what went back another way can only stay.
    assert offered(kind, replace(CAME_BACK, left_paise=799)) == (Resolution.KEEP_AS_CREDIT,)


def test_a_failed_print_is_tried_again_while_its_order_is_paid() -> None:
    kind = KINDS["print_failed"]
    failed = replace(LOST, job=Job.FAILED)
    assert offered(kind, failed) == (Resolution.TRY_AGAIN, Resolution.REFUND)
    assert offered(kind, replace(failed, order=Order.REFUNDED)) == (Resolution.REFUND,)


def test_a_kind_nobody_listed_can_only_be_looked_at() -> None:
    assert kind_of("something_new", subject="order:1") is UNLISTED
    assert UNLISTED.resolutions == (Resolution.SEEN,)


@pytest.mark.parametrize("subject", ["payment:pay_1", "refund:1"])
def test_money_of_a_kind_nobody_listed_is_not_just_looked_at(subject: str) -> None:
    assert kind_of("something_new", subject=subject) is UNLISTED_MONEY
    assert kind_of("wants_a_person", subject=subject) is KINDS["wants_a_person"]
    assert Resolution.SEEN not in UNLISTED_MONEY.resolutions


def test_whatever_a_capture_is_put_on_the_list_for_is_a_question_about_money() -> None:
    standings = [
        Standing(status, 400, "INR", fulfilled, here, disputed)
        for status in Order
        for fulfilled in (False, True)
        for here in (False, True)
        for disputed in (False, True)
    ]
    captures = [Capture(400, "INR"), Capture(399, "INR"), Capture(400, "USD")]
    rulings = [dispose(capture, each) for capture in captures for each in (None, *standings)]
    asked = {each.why.value for each in rulings if each.disposition is Disposition.ATTENTION}

    assert asked == {"unknown_link", "disputed", "wrong_currency", "wrong_amount"}
    assert {KINDS[why].about for why in asked} == {About.MONEY}


def test_every_kind_says_what_it_asks_and_has_each_answer_once() -> None:
    for name, kind in KINDS.items():
        assert kind.asks.endswith("."), name
        assert len(set(kind.resolutions)) == len(kind.resolutions) > 0, name
        assert kind.about is not About.MONEY or Resolution.SEEN not in kind.resolutions, name
