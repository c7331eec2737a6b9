"""Every state and everything that can happen in it. ``#`` is the order being asked about."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args

import pytest
from _pytest.mark import ParameterSet

from app.domain.chat import (
    Event,
    FileCame,
    FileReady,
    FileRefused,
    OrderClosed,
    Said,
    SheetReady,
    State,
    Tapped,
    Unusable,
)
from app.domain.errors import Refusal
from tests.backend.domain.chatting import IN_EACH_STATE, NOTES, SHEET, Customer

WORDS = ["hello", "1", "bw", "101"]
COMMANDS = [
    *("menu", "status", "cancel", "back", "help"),
    *("price", "human", "delete", "stop", "start"),
]

EVENTS: dict[str, Callable[[str], Event]] = {
    # mypy sees no defaults in a lambda that stands for a Callable.
    **{word: lambda _, word=word: Said(word) for word in [*WORDS, *COMMANDS]},  # type: ignore[misc]
    "tap ink": lambda order: Tapped(f"{order}:ink:BW:1"),
    "tap copies": lambda order: Tapped(f"{order}:copies:5:1"),
    "tap counter": lambda order: Tapped(f"{order}:counter:1:0"),
    "tap back": lambda order: Tapped(f"{order}:back:1:0"),
    "tap cancel": lambda order: Tapped(f"{order}:cancel:1:0"),
    "tap nonsense": lambda order: Tapped(f"{order}:shoes:9:0"),
    "tap of another order": lambda _: Tapped("OLD:ink:BW:1"),
    "tap without id": lambda _: Tapped("", "status"),
    "file came": lambda _: FileCame(NOTES.id),
    "file ready": lambda _: FileReady(NOTES),
    "file refused": lambda _: FileRefused(NOTES.id, Refusal.LOCKED),
    "sheet ready": lambda order: SheetReady(order, SHEET),
    "no sheet": lambda order: SheetReady(order, None),
    "other sheet ready": lambda _: SheetReady("OLD", SHEET),
    "sticker": lambda _: Unusable(),
    "order closed": OrderClosed,
    "other order closed": lambda _: OrderClosed("OLD"),
}

NOT_THE_CUSTOMER = {
    *("file came", "order closed", "other order closed"),
    *("sheet ready", "no sheet", "other sheet ready"),
}

# Written out they would not fit into a line.
SHORT = {"NEXT": "got-file+ask-print-type", "BOTH-SIDES": "doc-front doc-back"}

TABLE: dict[str, str] = {
    "IDLE": """
        hello                -> AWAITING_FILE       : welcome
        menu                 -> AWAITING_FILE       : welcome
        status               -> IDLE                : status-none
        cancel               -> IDLE                : nothing-to-cancel
        back                 -> IDLE                : nothing-to-go-back
        help                 -> IDLE                : help
        price                -> IDLE                : prices
        human                -> IDLE                : human, call
        delete               -> IDLE                : delete, deleted
        stop                 -> IDLE                : stopped, stop
        start                -> AWAITING_FILE       : welcome
        1                    -> AWAITING_FILE       : welcome
        bw                   -> AWAITING_FILE       : welcome
        101                  -> AWAITING_FILE       : welcome
        tap ink              -> IDLE                : stale-button, status-none
        tap copies           -> IDLE                : stale-button, status-none
        tap counter          -> IDLE                : stale-button, status-none
        tap back             -> IDLE                : stale-button, status-none
        tap cancel           -> IDLE                : stale-button, status-none
        tap nonsense         -> IDLE                : stale-button, status-none
        tap of another order -> IDLE                : stale-button, status-none
        tap without id       -> IDLE                : status-none
        file came            -> AWAITING_FILE       :
        file ready           -> AWAITING_PRINT_TYPE : open NEW doc-notes, got-file+ask-print-type
        file refused         -> AWAITING_PASSWORD   : ask-password
        sheet ready          -> IDLE                :
        no sheet             -> IDLE                :
        other sheet ready    -> IDLE                :
        sticker              -> IDLE                : err-media
        order closed         -> IDLE                :
        other order closed   -> IDLE                :
    """,
    "AWAITING_FILE": """
        hello                -> AWAITING_FILE       : send-a-file
        menu                 -> AWAITING_FILE       : welcome
        status               -> AWAITING_FILE       : status-none
        cancel               -> AWAITING_FILE       : nothing-to-cancel
        back                 -> AWAITING_FILE       : nothing-to-go-back
        help                 -> AWAITING_FILE       : help
        price                -> AWAITING_FILE       : prices
        human                -> AWAITING_FILE       : human, call
        delete               -> IDLE                : delete, deleted
        stop                 -> AWAITING_FILE       : stopped, stop
        start                -> AWAITING_FILE       : welcome
        1                    -> AWAITING_FILE       : send-a-file
        bw                   -> AWAITING_FILE       : send-a-file
        101                  -> AWAITING_FILE       : send-a-file
        tap ink              -> AWAITING_FILE       : stale-button, status-none
        tap copies           -> AWAITING_FILE       : stale-button, status-none
        tap counter          -> AWAITING_FILE       : stale-button, status-none
        tap back             -> AWAITING_FILE       : stale-button, status-none
        tap cancel           -> AWAITING_FILE       : stale-button, status-none
        tap nonsense         -> AWAITING_FILE       : stale-button, status-none
        tap of another order -> AWAITING_FILE       : stale-button, status-none
        tap without id       -> AWAITING_FILE       : status-none
        file came            -> AWAITING_FILE       :
        file ready           -> AWAITING_PRINT_TYPE : open NEW doc-notes, got-file+ask-print-type
        file refused         -> AWAITING_PASSWORD   : ask-password
        sheet ready          -> AWAITING_FILE       :
        no sheet             -> AWAITING_FILE       :
        other sheet ready    -> AWAITING_FILE       :
        sticker              -> AWAITING_FILE       : err-media
        order closed         -> IDLE                :
        other order closed   -> AWAITING_FILE       :
    """,
    "AWAITING_PASSWORD": """
        hello                -> AWAITING_FILE       : still-opening, open doc-notes hello
        menu                 -> AWAITING_PASSWORD   : welcome
        status               -> AWAITING_PASSWORD   : ask-password
        cancel               -> IDLE                : cancelled
        back                 -> AWAITING_PASSWORD   : nothing-to-go-back
        help                 -> AWAITING_PASSWORD   : help
        price                -> AWAITING_PASSWORD   : prices
        human                -> AWAITING_PASSWORD   : human, call
        delete               -> IDLE                : delete, deleted
        stop                 -> AWAITING_PASSWORD   : stopped, stop
        start                -> AWAITING_PASSWORD   : welcome
        1                    -> AWAITING_FILE       : still-opening, open doc-notes 1
        bw                   -> AWAITING_FILE       : still-opening, open doc-notes bw
        101                  -> AWAITING_FILE       : still-opening, open doc-notes 101
        tap ink              -> AWAITING_PASSWORD   : stale-button, ask-password
        tap copies           -> AWAITING_PASSWORD   : stale-button, ask-password
        tap counter          -> AWAITING_PASSWORD   : stale-button, ask-password
        tap back             -> AWAITING_PASSWORD   : stale-button, ask-password
        tap cancel           -> AWAITING_PASSWORD   : stale-button, ask-password
        tap nonsense         -> AWAITING_PASSWORD   : stale-button, ask-password
        tap of another order -> AWAITING_PASSWORD   : stale-button, ask-password
        tap without id       -> AWAITING_PASSWORD   : ask-password
        file came            -> AWAITING_PASSWORD   :
        file ready           -> AWAITING_PRINT_TYPE : open NEW doc-notes, got-file+ask-print-type
        file refused         -> AWAITING_PASSWORD   : ask-password
        sheet ready          -> AWAITING_PASSWORD   :
        no sheet             -> AWAITING_PASSWORD   :
        other sheet ready    -> AWAITING_PASSWORD   :
        sticker              -> AWAITING_PASSWORD   : err-media
        order closed         -> IDLE                :
        other order closed   -> AWAITING_PASSWORD   :
    """,
    "AWAITING_LAYOUT": """
        hello                -> AWAITING_LAYOUT     : err-choice, id-card-offer
        menu                 -> AWAITING_LAYOUT     : id-card-offer
        status               -> AWAITING_LAYOUT     : status-draft, id-card-offer
        cancel               -> AWAITING_PRINT_TYPE : cancel #, cancelled, open NEW doc-back, NEXT
        back                 -> AWAITING_LAYOUT     : nothing-to-go-back, id-card-offer
        help                 -> AWAITING_LAYOUT     : help
        price                -> AWAITING_LAYOUT     : prices, id-card-offer
        human                -> AWAITING_LAYOUT     : human, call
        delete               -> IDLE                : cancel #, delete, deleted
        stop                 -> AWAITING_LAYOUT     : stopped, stop
        start                -> AWAITING_LAYOUT     : id-card-offer
        1                    -> AWAITING_LAYOUT     : making-sheet, sheet # id_card BOTH-SIDES
        bw                   -> AWAITING_LAYOUT     : err-choice, id-card-offer
        101                  -> AWAITING_LAYOUT     : err-choice, id-card-offer
        tap ink              -> AWAITING_LAYOUT     : stale-button, id-card-offer
        tap copies           -> AWAITING_LAYOUT     : stale-button, id-card-offer
        tap counter          -> AWAITING_LAYOUT     : stale-button, id-card-offer
        tap back             -> AWAITING_LAYOUT     : nothing-to-go-back, id-card-offer
        tap cancel           -> AWAITING_PRINT_TYPE : cancel #, cancelled, open NEW doc-back, NEXT
        tap nonsense         -> AWAITING_LAYOUT     : stale-button, id-card-offer
        tap of another order -> AWAITING_LAYOUT     : stale-button, id-card-offer
        tap without id       -> AWAITING_LAYOUT     : status-draft, id-card-offer
        file came            -> AWAITING_LAYOUT     :
        file ready           -> AWAITING_LAYOUT     : file-held
        file refused         -> AWAITING_LAYOUT     : refused-locked, id-card-offer
        sheet ready          -> AWAITING_LAYOUT     :
        no sheet             -> AWAITING_LAYOUT     :
        other sheet ready    -> AWAITING_LAYOUT     :
        sticker              -> AWAITING_LAYOUT     : err-media, id-card-offer
        order closed         -> AWAITING_PRINT_TYPE : open NEW doc-back, got-file+ask-print-type
        other order closed   -> AWAITING_LAYOUT     :
    """,
    "AWAITING_LAYOUT, sheet asked for": """
        hello                -> AWAITING_LAYOUT     : still-opening
        menu                 -> AWAITING_LAYOUT     : making-sheet
        status               -> AWAITING_LAYOUT     : making-sheet
        cancel               -> AWAITING_PRINT_TYPE : cancel #, cancelled, open NEW doc-back, NEXT
        back                 -> AWAITING_LAYOUT     : nothing-to-go-back
        help                 -> AWAITING_LAYOUT     : help
        price                -> AWAITING_LAYOUT     : prices
        human                -> AWAITING_LAYOUT     : human, call
        delete               -> IDLE                : cancel #, delete, deleted
        stop                 -> AWAITING_LAYOUT     : stopped, stop
        start                -> AWAITING_LAYOUT     : making-sheet
        1                    -> AWAITING_LAYOUT     : still-opening
        bw                   -> AWAITING_LAYOUT     : still-opening
        101                  -> AWAITING_LAYOUT     : still-opening
        tap ink              -> AWAITING_LAYOUT     : stale-button, making-sheet
        tap copies           -> AWAITING_LAYOUT     : stale-button, making-sheet
        tap counter          -> AWAITING_LAYOUT     : stale-button, making-sheet
        tap back             -> AWAITING_LAYOUT     : nothing-to-go-back
        tap cancel           -> AWAITING_PRINT_TYPE : cancel #, cancelled, open NEW doc-back, NEXT
        tap nonsense         -> AWAITING_LAYOUT     : stale-button, making-sheet
        tap of another order -> AWAITING_LAYOUT     : stale-button, making-sheet
        tap without id       -> AWAITING_LAYOUT     : making-sheet
        file came            -> AWAITING_LAYOUT     :
        file ready           -> AWAITING_LAYOUT     : file-held
        file refused         -> AWAITING_LAYOUT     : refused-locked
        sheet ready          -> AWAITING_PRINT_TYPE : NEXT
        no sheet             -> AWAITING_PRINT_TYPE : sheet-failed, ask-print-type
        other sheet ready    -> AWAITING_LAYOUT     :
        sticker              -> AWAITING_LAYOUT     : err-media
        order closed         -> AWAITING_PRINT_TYPE : open NEW doc-back, NEXT
        other order closed   -> AWAITING_LAYOUT     :
    """,
    "AWAITING_PRINT_TYPE": """
        hello                -> AWAITING_PRINT_TYPE : err-choice, ask-print-type
        menu                 -> AWAITING_PRINT_TYPE : ask-print-type
        status               -> AWAITING_PRINT_TYPE : status-draft, ask-print-type
        cancel               -> IDLE                : cancel #, cancelled
        back                 -> AWAITING_PRINT_TYPE : nothing-to-go-back, ask-print-type
        help                 -> AWAITING_PRINT_TYPE : help
        price                -> AWAITING_PRINT_TYPE : prices, ask-print-type
        human                -> AWAITING_PRINT_TYPE : human, call
        delete               -> IDLE                : cancel #, delete, deleted
        stop                 -> AWAITING_PRINT_TYPE : stopped, stop
        start                -> AWAITING_PRINT_TYPE : ask-print-type
        1                    -> AWAITING_COPIES     : ask-copies
        bw                   -> AWAITING_COPIES     : ask-copies
        101                  -> AWAITING_PRINT_TYPE : err-choice, ask-print-type
        tap ink              -> AWAITING_COPIES     : ask-copies
        tap copies           -> AWAITING_PRINT_TYPE : stale-button, ask-print-type
        tap counter          -> AWAITING_PRINT_TYPE : stale-button, ask-print-type
        tap back             -> AWAITING_PRINT_TYPE : nothing-to-go-back, ask-print-type
        tap cancel           -> IDLE                : cancel #, cancelled
        tap nonsense         -> AWAITING_PRINT_TYPE : stale-button, ask-print-type
        tap of another order -> AWAITING_PRINT_TYPE : stale-button, ask-print-type
        tap without id       -> AWAITING_PRINT_TYPE : status-draft, ask-print-type
        file came            -> AWAITING_PRINT_TYPE :
        file ready           -> AWAITING_PRINT_TYPE : file-held
        file refused         -> AWAITING_PRINT_TYPE : refused-locked, ask-print-type
        sheet ready          -> AWAITING_PRINT_TYPE :
        no sheet             -> AWAITING_PRINT_TYPE :
        other sheet ready    -> AWAITING_PRINT_TYPE :
        sticker              -> AWAITING_PRINT_TYPE : err-media, ask-print-type
        order closed         -> IDLE                :
        other order closed   -> AWAITING_PRINT_TYPE :
    """,
    "AWAITING_COPIES": """
        hello                -> AWAITING_COPIES     : err-copies, ask-copies
        menu                 -> AWAITING_COPIES     : ask-copies
        status               -> AWAITING_COPIES     : status-draft, ask-copies
        cancel               -> IDLE                : cancel #, cancelled
        back                 -> AWAITING_PRINT_TYPE : ask-print-type
        help                 -> AWAITING_COPIES     : help
        price                -> AWAITING_COPIES     : prices, ask-copies
        human                -> AWAITING_COPIES     : human, call
        delete               -> IDLE                : cancel #, delete, deleted
        stop                 -> AWAITING_COPIES     : stopped, stop
        start                -> AWAITING_COPIES     : ask-copies
        1                    -> AWAITING_PAYMENT    : place # BOTH 1
        bw                   -> AWAITING_COPIES     : ask-copies
        101                  -> AWAITING_COPIES     : err-copies-many, ask-copies
        tap ink              -> AWAITING_COPIES     : ask-copies
        tap copies           -> AWAITING_PAYMENT    : place # BOTH 5
        tap counter          -> AWAITING_COPIES     : stale-button, ask-copies
        tap back             -> AWAITING_PRINT_TYPE : ask-print-type
        tap cancel           -> IDLE                : cancel #, cancelled
        tap nonsense         -> AWAITING_COPIES     : stale-button, ask-copies
        tap of another order -> AWAITING_COPIES     : stale-button, ask-copies
        tap without id       -> AWAITING_COPIES     : status-draft, ask-copies
        file came            -> AWAITING_COPIES     :
        file ready           -> AWAITING_COPIES     : file-held
        file refused         -> AWAITING_COPIES     : refused-locked, ask-copies
        sheet ready          -> AWAITING_COPIES     :
        no sheet             -> AWAITING_COPIES     :
        other sheet ready    -> AWAITING_COPIES     :
        sticker              -> AWAITING_COPIES     : err-media, ask-copies
        order closed         -> IDLE                :
        other order closed   -> AWAITING_COPIES     :
    """,
    "AWAITING_PAYMENT": """
        hello                -> AWAITING_PAYMENT    : status-waiting-payment
        menu                 -> AWAITING_PAYMENT    : status-waiting-payment
        status               -> AWAITING_PAYMENT    : status-waiting-payment
        cancel               -> IDLE                : cancel #, cancelled
        back                 -> AWAITING_COPIES     : revise #, ask-copies
        help                 -> AWAITING_PAYMENT    : help
        price                -> AWAITING_PAYMENT    : prices, status-waiting-payment
        human                -> AWAITING_PAYMENT    : human, call
        delete               -> IDLE                : cancel #, delete, deleted
        stop                 -> AWAITING_PAYMENT    : stopped, stop
        start                -> AWAITING_PAYMENT    : status-waiting-payment
        1                    -> AWAITING_PAYMENT    : counter #
        bw                   -> AWAITING_PAYMENT    : status-waiting-payment
        101                  -> AWAITING_PAYMENT    : status-waiting-payment
        tap ink              -> AWAITING_PAYMENT    : stale-button, status-waiting-payment
        tap copies           -> AWAITING_PAYMENT    : stale-button, status-waiting-payment
        tap counter          -> AWAITING_PAYMENT    : counter #
        tap back             -> AWAITING_COPIES     : revise #, ask-copies
        tap cancel           -> IDLE                : cancel #, cancelled
        tap nonsense         -> AWAITING_PAYMENT    : stale-button, status-waiting-payment
        tap of another order -> AWAITING_PAYMENT    : stale-button, status-waiting-payment
        tap without id       -> AWAITING_PAYMENT    : status-waiting-payment
        file came            -> AWAITING_PAYMENT    :
        file ready           -> AWAITING_PAYMENT    : file-held
        file refused         -> AWAITING_PAYMENT    : refused-locked, status-waiting-payment
        sheet ready          -> AWAITING_PAYMENT    :
        no sheet             -> AWAITING_PAYMENT    :
        other sheet ready    -> AWAITING_PAYMENT    :
        sticker              -> AWAITING_PAYMENT    : err-media, status-waiting-payment
        order closed         -> IDLE                :
        other order closed   -> AWAITING_PAYMENT    :
    """,
}


def rows() -> list[ParameterSet]:
    made = []
    for state, table in TABLE.items():
        for line in table.strip().splitlines():
            found = re.fullmatch(r"\s*(.+?)\s*-> (\w+)\s*:\s?(.*)", line)
            assert found is not None, line
            event, after, effects = found.groups()
            for short, long in SHORT.items():
                effects = effects.replace(short, long)
            made.append(pytest.param(state, event, after, effects, id=f"{state}-{event}"))
    return made


@pytest.mark.parametrize(("state", "event", "after", "effects"), rows())
def test_one_turn(state: str, event: str, after: str, effects: str) -> None:
    customer = IN_EACH_STATE[state]()
    assert customer.chat.state.value == state.partition(",")[0]
    order = customer.chat.order
    customer.log.clear()

    customer.happens(EVENTS[event](order))

    caused = ", ".join(customer.log).replace(order or "no order", "#")
    assert re.sub(r"ORDER\d+", "NEW", caused) == effects
    assert customer.chat.state.value == after
    assert (customer.chat.order == "") is (after in {"IDLE", "AWAITING_FILE", "AWAITING_PASSWORD"})


def test_the_table_is_whole() -> None:
    written = {
        (state, line.split("->")[0].strip())
        for state, table in TABLE.items()
        for line in table.strip().splitlines()
    }

    assert written == {(state, event) for state in IN_EACH_STATE for event in EVENTS}
    assert {state.partition(",")[0] for state in IN_EACH_STATE} == {state.value for state in State}


def test_every_kind_of_event_is_in_the_table() -> None:
    assert {type(make("NEW")) for make in EVENTS.values()} == set(get_args(Event))


@pytest.mark.parametrize("make", IN_EACH_STATE.values(), ids=IN_EACH_STATE)
def test_a_customer_who_writes_or_taps_is_always_answered(make: Callable[[], Customer]) -> None:
    silent = []
    for name, event in EVENTS.items():
        customer = make()
        customer.happens(event(customer.chat.order))
        answered = customer.sees or any(c.startswith(("place", "counter")) for c in customer.causes)
        if not answered and name not in NOT_THE_CUSTOMER:
            silent.append(name)

    assert silent == []
