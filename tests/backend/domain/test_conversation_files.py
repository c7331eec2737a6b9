"""Files that come while an order is open, locked ones, and photos laid out on a sheet."""

from __future__ import annotations

import pytest

from app.domain.chat import Doc, SheetReady, State
from app.domain.conversation import MAX_HELD, MAX_PASSWORDS, PASSWORD_QUESTIONS
from app.domain.errors import Refusal
from app.domain.money import Money
from tests.backend.domain.chatting import (
    BACK,
    FRONT,
    NOTES,
    PHOTO,
    THESIS,
    Customer,
    choosing,
    counting,
)


def test_files_that_come_meanwhile_wait_their_turn() -> None:
    customer = choosing()

    assert customer.sends(NOTES).sees == ["file-held"]
    assert customer.sends(PHOTO).sees == ["file-held"]
    assert customer.chat.order == "ORDER3"

    customer.says("bw").says("1").link_arrives(Money(1200)).pays()
    assert customer.sees == ["got-file+ask-print-type"]
    assert customer.value("doc") == "notes.pdf"

    customer.says("cancel")
    assert customer.sees == ["cancelled", "got-file+ask-print-type"]
    assert customer.value("doc") == "photo.jpg"

    customer.expires()
    assert customer.sees == []
    assert customer.chat.state is State.IDLE
    opened = [line for line in customer.log if line.startswith("open")]
    assert [line.split()[2] for line in opened] == [THESIS.id, NOTES.id, PHOTO.id]
    assert len({line.split()[1] for line in opened}) == 3


def test_too_many_files_are_said_not_to_be_taken() -> None:
    customer = choosing()
    for number in range(MAX_HELD):
        customer.sends(Doc(f"doc-{number}", f"{number}.pdf", 1, ()))
        assert customer.sees == ["file-held"]

    assert customer.sends(NOTES).sees == ["too-many-files"]
    assert customer.value("count") == MAX_HELD
    assert NOTES not in customer.chat.held


def test_a_refused_file_does_not_disturb_the_order() -> None:
    customer = counting().sends_broken(NOTES, Refusal.LOCKED)

    assert customer.sees == ["refused-locked", "ask-copies"]
    assert customer.says("1").causes == ["place ORDER3 BOTH 1"]


@pytest.mark.parametrize("reason", sorted(set(Refusal) - PASSWORD_QUESTIONS))
def test_a_refusal_says_why_and_the_next_file_is_welcome(reason: Refusal) -> None:
    customer = Customer().says("hi").sends_broken(NOTES, reason)

    assert len(customer.sees) == 1
    assert customer.sees[0].startswith("refused-")
    assert (customer.value("max_mb"), customer.value("max_pages")) == (32, 500)
    assert customer.sends(THESIS).sees == ["got-file+ask-print-type"]


def test_a_locked_file_is_opened_with_its_password() -> None:
    customer = Customer().says("hi").sends_broken(NOTES, Refusal.LOCKED)
    assert customer.sees == ["ask-password"]

    customer.says("Secret 7")
    assert customer.sees == ["still-opening"]
    assert customer.causes == [f"open {NOTES.id} Secret 7"]
    assert customer.sends(NOTES).sees == ["got-file+ask-print-type"]


def test_a_wrong_password_is_asked_for_again_but_not_for_ever() -> None:
    customer = Customer().sends_broken(NOTES, Refusal.LOCKED)
    for _ in range(MAX_PASSWORDS):
        customer.says("wrong").sends_broken(NOTES, Refusal.WRONG_PASSWORD)
        assert customer.sees[-1] == "password-wrong"

    customer.says("wrong").sends_broken(NOTES, Refusal.WRONG_PASSWORD)
    assert customer.sees[-1] == "refused-wrong-password"
    assert customer.chat.locked == ""


def test_cancel_and_another_file_end_the_question_for_a_password() -> None:
    assert Customer().sends_broken(NOTES, Refusal.LOCKED).says("cancel").sees == ["cancelled"]
    asked = Customer().sends_broken(NOTES, Refusal.LOCKED)
    assert asked.sends(THESIS).sees == ["got-file+ask-print-type"]
    assert asked.chat.locked == ""


def test_both_sides_of_a_card_go_on_one_page() -> None:
    customer = Customer().sends(FRONT).sends(BACK)
    assert customer.sees == ["id-card-offer"]

    customer.taps("one")
    assert customer.sees == ["making-sheet"]
    assert customer.says("hello").sees == ["still-opening"]
    sheet = Doc("doc-sheet", "ID card", 1, (1,))
    customer.happens(SheetReady(customer.chat.order, sheet))
    assert customer.sees == ["got-file+ask-print-type"]
    assert (customer.chat.document, customer.chat.held) == (sheet, ())
    assert customer.says("1").says("1").causes == [f"place {customer.chat.order} BW 1"]


def test_two_pages_stay_two_orders() -> None:
    customer = Customer().sends(FRONT).sends(BACK).says("two pages")

    assert customer.sees == ["ask-print-type"]
    assert customer.chat.held == (BACK,)
    assert customer.chat.document == FRONT


def test_a_sheet_that_fails_leaves_the_photos_as_they_are() -> None:
    customer = Customer().sends(FRONT).sends(BACK).taps("one")
    customer.happens(SheetReady(customer.chat.order, None))

    assert customer.sees == ["sheet-failed", "ask-print-type"]
    assert (customer.chat.document, customer.chat.held) == (FRONT, (BACK,))


def test_a_sheet_for_a_cancelled_order_changes_nothing() -> None:
    customer = Customer().sends(FRONT).sends(BACK).taps("one")
    order = customer.chat.order
    customer.says("cancel")
    before = customer.chat
    customer.happens(SheetReady(order, Doc("doc-sheet", "ID card", 1, (1,))))

    assert customer.sees == []
    assert customer.chat.document == before.document == BACK
    assert customer.says("hello").sees[0] == "err-choice"


def test_a_photo_becomes_a_sheet_of_passport_photos() -> None:
    face = Doc("doc-face", "me.jpg", 1, (1,), photo=True)
    customer = Customer().sends(face).says("passport size please")

    assert customer.causes == [f"sheet {customer.chat.order} passport doc-face"]
    sheet = Doc("doc-sheet", "8 passport photos", 1, (1,))
    customer.happens(SheetReady(customer.chat.order, sheet))
    assert customer.chat.document == sheet
    assert Customer().sends(THESIS).says("passport").sees[0] == "err-choice"
