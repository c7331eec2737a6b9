"""Whole visits to the shop, as the customer lives them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.chat import FileCame, LastOrder, State
from app.domain.lifecycle import Job, Order
from app.domain.money import Money
from app.domain.pricing import PriceList
from app.domain.questions import page_list
from tests.backend.domain.chatting import (
    IN_EACH_STATE,
    LINK,
    NOTES,
    THESIS,
    Customer,
    choosing,
    counting,
    paying,
)


def test_hello_file_mix_two_copies_paid() -> None:
    customer = Customer()

    assert customer.says("hi").sees == ["welcome"]
    assert (customer.value("bw"), customer.value("color")) == ("₹2", "₹10")

    assert customer.sends(THESIS).sees == ["got-file+ask-print-type"]
    assert customer.buttons == ["bw", "mix", "color"]
    assert [customer.value(name) for name in customer.buttons] == ["₹12", "₹28", "₹60"]
    assert (customer.value("doc"), customer.value("pages")) == ("thesis.pdf", 6)
    assert (customer.value("colored"), customer.value("list")) == (2, "1, 4")

    assert customer.taps("mix").sees == ["ask-copies"]
    assert customer.buttons == ["copies-1", "copies-2", "copies-5"]

    assert customer.taps("copies-2").sees == []
    assert customer.causes == ["place ORDER3 BOTH 2"]
    assert customer.chat.state == "AWAITING_PAYMENT"

    customer.link_arrives(Money(5600)).pays()
    assert (customer.sees, customer.causes) == ([], [])
    assert customer.chat.state == "IDLE"

    assert customer.says("status").sees == ["status-queue"]
    assert (customer.value("token"), customer.value("ahead")) == ("41", 3)


def test_everything_typed_in_hindi() -> None:
    customer = Customer().says("नमस्ते").sends(THESIS).says("रंगीन").says("दो")

    assert customer.causes == ["place ORDER3 COLOR 2"]
    assert "err-choice" not in customer.log


def test_a_file_without_hello_is_asked_about_at_once() -> None:
    assert Customer().sends(NOTES).sees == ["got-file+ask-print-type"]


def test_a_file_without_colour_offers_no_mix() -> None:
    customer = Customer().sends(NOTES)

    assert customer.buttons == ["bw", "color"]
    assert customer.says("both").sees == ["err-choice", "ask-print-type"]
    assert customer.value("count") == 2
    assert customer.says("2").sees == ["ask-copies"]


def test_impatient_words_while_the_file_opens() -> None:
    customer = Customer().says("hi")
    customer.happens(FileCame(NOTES.id))

    assert customer.says("hello?").sees == ["still-opening"]
    assert customer.says("status").sees == ["still-opening"]


# Changing one's mind


def test_back_from_copies_asks_the_print_type_again() -> None:
    customer = counting()

    assert customer.says("back").sees == ["ask-print-type"]
    assert customer.taps("bw").sees == ["ask-copies"]
    assert customer.says("1").causes == ["place ORDER3 BW 1"]


def test_back_from_payment_closes_the_link_before_another_is_made() -> None:
    customer = paying()

    assert customer.says("back").causes == ["revise ORDER3"]
    assert customer.sees == ["ask-copies"]
    assert customer.says("3").causes == ["place ORDER3 BOTH 3"]


def test_another_print_type_at_the_copies_question_replaces_the_first() -> None:
    customer = counting()

    assert customer.says("colour").sees == ["ask-copies"]
    assert customer.says("1").causes == ["place ORDER3 COLOR 1"]


def test_a_bare_number_at_the_copies_question_is_a_number_of_copies() -> None:
    assert counting().says("3").causes == ["place ORDER3 BOTH 3"]


@pytest.mark.parametrize("state", ["AWAITING_PRINT_TYPE", "AWAITING_COPIES", "AWAITING_PAYMENT"])
@pytest.mark.parametrize("word", ["cancel", "CANCEL", "रद्द"])
def test_one_word_cancels_before_paying(state: str, word: str) -> None:
    customer = IN_EACH_STATE[state]().says(word)

    assert customer.causes == ["cancel ORDER3"]
    assert customer.sees == ["cancelled"]
    assert customer.chat.state is State.IDLE
    assert customer.says("cancel").sees == ["nothing-to-cancel"]
    assert customer.causes == []


def test_cancel_after_paying_is_refused_with_the_token() -> None:
    customer = paying().pays(token="41").says("cancel")

    assert customer.sees == ["cannot-cancel-paid"]
    assert (customer.value("token"), customer.value("total")) == ("41", "₹56")
    assert customer.causes == []


def test_buttons_below_the_link() -> None:
    for name, causes in [
        ("counter", ["counter ORDER3"]),
        ("back", ["revise ORDER3"]),
        ("cancel", ["cancel ORDER3"]),
    ]:
        customer = paying()
        assert customer.taps_old(customer.payment_buttons[name]).causes == causes


def test_the_numbers_below_the_link_work_when_buttons_cannot_be_shown() -> None:
    assert paying().says("1").causes == ["counter ORDER3"]
    assert paying().says("2").causes == ["revise ORDER3"]
    assert paying().says("3").causes == ["cancel ORDER3"]


def test_the_same_number_sent_twice_cancels_nothing() -> None:
    customer = counting().says("3").says("3")

    assert customer.log.count("place ORDER3 BOTH 3") == 1
    assert customer.causes == []
    assert customer.chat.state is State.AWAITING_PAYMENT


# Old buttons


def test_a_button_of_an_earlier_order_changes_nothing() -> None:
    customer = choosing()
    old = customer.button("color")
    customer.says("cancel").sends(NOTES)
    before = customer.chat

    assert customer.taps_old(old).sees == ["stale-button", "ask-print-type"]
    assert customer.causes == []
    assert customer.chat.order == before.order
    assert customer.chat.print_type is None


def test_a_second_tap_on_the_same_number_of_copies_orders_nothing_more() -> None:
    customer = counting()
    twice = customer.button("copies-2")
    customer.taps_old(twice).link_arrives(Money(5600))

    assert customer.taps_old(twice).sees == ["stale-button", "status-waiting-payment"]
    assert customer.causes == []
    assert customer.value("link") == LINK


def test_an_old_button_when_nothing_is_open() -> None:
    customer = choosing()
    old = customer.button("bw")

    assert customer.says("cancel").taps_old(old).sees == ["stale-button", "status-none"]


def test_a_button_cannot_choose_what_was_not_offered() -> None:
    customer = Customer().sends(NOTES)
    order = customer.chat.order

    assert customer.taps_old(f"{order}:ink:BOTH:1").sees == ["stale-button", "ask-print-type"]
    assert customer.chat.print_type is None


# Wrong answers


def test_two_wrong_answers_and_then_the_right_one() -> None:
    customer = choosing()

    assert customer.says("yes please").sees == ["err-choice", "ask-print-type"]
    assert customer.buttons == ["bw", "mix", "color"]
    assert customer.says("??").sees == ["err-choice", "ask-print-type"]
    assert customer.chat.mistakes == 2
    assert customer.taps("bw").sees == ["ask-copies"]
    assert customer.chat.mistakes == 0


@pytest.mark.parametrize(
    ("text", "sees"),
    [
        ("0", "err-copies"),
        ("101", "err-copies-many"),
        ("1000", "err-copies-many"),
        ("-1", "err-copies"),
        ("1.5", "err-copies"),
        ("2 or 3", "err-copies"),
        ("many", "err-copies"),
    ],
)
def test_copies_nobody_can_print(text: str, sees: str) -> None:
    customer = counting()

    assert customer.says(text).sees == [sees, "ask-copies"]
    assert customer.value("max") == 100
    assert customer.causes == []
    assert customer.says("100").causes == ["place ORDER3 BOTH 100"]


def test_more_than_one_payment_can_carry() -> None:
    dear = PriceList(version=1, bw=Money(200), color=Money(100_000))
    customer = Customer(prices=dear).sends(THESIS).says("colour")

    assert customer.says("84").sees == ["err-too-expensive", "ask-copies"]
    assert customer.value("total") == "₹5,04,000"
    assert customer.causes == []
    assert customer.says("83").causes == ["place ORDER2 COLOR 83"]


# Words that always work


def test_stop_and_start() -> None:
    customer = counting()

    assert customer.says("STOP").sees == ["stopped"]
    assert customer.causes == ["stop"]
    assert customer.chat.stopped
    assert customer.chat.order == "ORDER3", "opting out is not cancelling"

    assert customer.says("START").sees == ["started", "ask-copies"]
    assert customer.causes == ["start"]
    assert not customer.chat.stopped


def test_the_word_that_ends_silence_is_said_before_the_answer() -> None:
    customer = counting().says("stop")
    customer.log.clear()
    customer.says("start")

    assert customer.log[0] == "start"


@pytest.mark.parametrize("state", IN_EACH_STATE)
def test_human_calls_a_person_and_leaves_the_order_alone(state: str) -> None:
    customer = IN_EACH_STATE[state]()
    before = customer.chat

    assert customer.says("human").causes == ["call"]
    assert customer.sees == ["human"]
    assert customer.chat == before


@pytest.mark.parametrize("state", IN_EACH_STATE)
def test_help_answers_and_changes_nothing(state: str) -> None:
    customer = IN_EACH_STATE[state]()
    before = customer.chat

    assert customer.says("help").sees == ["help"]
    assert customer.chat == before


def test_delete_forgets_held_files_and_cancels_what_is_unpaid() -> None:
    customer = counting().sends(NOTES).says("delete")

    assert customer.causes == ["cancel ORDER3", "delete"]
    assert customer.sees == ["deleted"]
    assert (customer.chat.state, customer.chat.held) == (State.IDLE, ())


def test_delete_while_a_paid_order_prints_says_when() -> None:
    customer = paying().pays().says("delete")

    assert customer.causes == ["delete"]
    assert customer.sees == ["delete-later"]


@pytest.mark.parametrize(
    ("status", "job", "sees"),
    [
        (Order.PAID, Job.QUEUED, "status-queue"),
        (Order.PAID, Job.CLAIMED, "status-queue"),
        (Order.PAID, Job.PRINTING, "status-printing"),
        (Order.PAID, Job.UNCERTAIN, "status-checking"),
        (Order.PAID, Job.FAILED, "status-checking"),
        (Order.PAID, Job.HELD, "status-checking"),
        (Order.PAID, Job.COMPLETED, "status-checking"),
        (Order.PAID, None, "status-checking"),
        (Order.READY, Job.COMPLETED, "status-ready"),
        (Order.COLLECTED, Job.COMPLETED, "status-none"),
        (Order.CANCELLED, None, "status-none"),
        (Order.EXPIRED, None, "status-none"),
        (Order.REFUNDED, Job.CANCELLED, "status-none"),
    ],
)
def test_status_of_the_last_order(status: Order, job: Job | None, sees: str) -> None:
    last = LastOrder(status, job, "41", 2, Money(5600))

    assert Customer(last=last).says("status").sees == [sees]


def test_status_while_the_link_is_being_made() -> None:
    customer = counting().says("2")
    customer.context = replace(customer.context, total=Money(5600))
    assert customer.says("status").sees == ["preparing-link"]
    assert customer.value("total") == "₹56"
    customer.link_arrives(Money(5600))
    assert customer.says("status").sees == ["status-waiting-payment"]
    assert customer.value("link") == LINK


@pytest.mark.parametrize(
    ("pages", "written"),
    [
        ((), ""),
        ((4,), "4"),
        ((1, 2, 3, 7), "1-3, 7"),
        ((3, 1, 2), "1-3"),
        (tuple(range(1, 40, 2)), "1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23 …"),
    ],
)
def test_coloured_pages_in_a_chat_line(pages: tuple[int, ...], written: str) -> None:
    assert page_list(pages) == written
