"""Whatever the conversation can say, the catalogues can render: found by walking the machine."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import cache

import pytest

from app.domain.chat import (
    Chat,
    Context,
    Doc,
    Event,
    FileCame,
    FileReady,
    FileRefused,
    LastOrder,
    OrderClosed,
    Said,
    Say,
    SheetReady,
    State,
    Tapped,
    Unusable,
)
from app.domain.conversation import step
from app.domain.errors import Refusal
from app.domain.lifecycle import Job, Order
from app.domain.money import Money
from app.domain.pricing import PriceList
from app.domain.wording import Saying, Text
from app.web.text import LANGUAGES, Catalogue

DOCUMENTS = (
    Doc("plain", "notes.pdf", 10, ()),
    Doc("mixed", "thesis.pdf", 6, (1, 4)),
    Doc("front", "front.jpg", 1, (1,), photo=True, card=True),
    Doc("back", "back.jpg", 1, (1,), photo=True, card=True),
)
# Said by services about facts that happen outside the conversation.
BY_SERVICES = {
    *(Text.SUMMARY, Text.PAY_COUNTER, Text.PAID, Text.PAY_FAILED),
    *(Text.PAY_REMINDER, Text.PAY_EXPIRED, Text.PAY_TWICE, Text.PAY_AFTER_CANCEL),
    *(Text.PAY_FILE_GONE, Text.PAY_UNCLEAR, Text.READY, Text.DELAYED),
    *(Text.REFUND_STARTED, Text.REFUNDED, Text.REFUND_FAILED, Text.PAID_BACK),
    *(Text.CREDIT_KEPT, Text.ERR_US),
}


def contexts() -> list[Context]:
    usual = Context(
        new_order="NEW",
        shop_name="Ganesh Copy Centre",
        prices=PriceList(version=1, bw=Money(200), color=Money(1000)),
        customer_name="Asha",
    )
    lasts = [
        LastOrder(status, job, "41", ahead, Money(5600))
        for status, job, ahead in (
            (Order.PAID, Job.QUEUED, 0),
            (Order.PAID, Job.QUEUED, 1),
            (Order.PAID, Job.PRINTING, 0),
            (Order.PAID, Job.UNCERTAIN, 0),
            (Order.READY, Job.COMPLETED, 0),
            (Order.EXPIRED, None, 0),
        )
    ]
    dear = PriceList(version=2, bw=Money(1_000_000), color=Money(1_000_000))
    return [
        replace(usual, customer_name=""),
        replace(usual, total=Money(5600), pay_url="https://rzp.io/i/abc"),
        replace(usual, total=Money(5600)),
        replace(usual, prices=dear),
        *(replace(usual, last=last) for last in lasts),
    ]


def events(chat: Chat) -> list[Event]:
    words = "hi 1 2 3 100 101 0 bw colour mix nonsense stop start cancel back status help price"
    said = [Said(word) for word in [*words.split(), "human", "delete", "menu"]]
    taps = [
        Tapped(f"{order}:{field}:{chat.version}")
        for order in {chat.order or "OLD", "OLD"}
        for field in (
            "ink:BW",
            "ink:BOTH",
            "copies:2",
            "copies:9999",
            "sheet:one",
            "sheet:two",
            "cancel:1",
            "back:1",
            "?:1",
        )
    ]
    files: list[Event] = [
        *(FileReady(document) for document in DOCUMENTS),
        *(FileRefused("bad", reason) for reason in Refusal),
        *(SheetReady(chat.order, sheet) for sheet in (None, DOCUMENTS[1])),
    ]
    return [*said, *taps, *files, FileCame("coming"), Unusable(), OrderClosed(chat.order)]


@cache
def sayings(depth: int = 3) -> list[Saying]:
    """Every saying on every path of that many events, each situation visited once."""
    heard: dict[tuple[object, ...], Saying] = {}
    seen: set[Chat] = set()
    waiting = deque([(Chat(), 0)])
    full = replace(Chat(), state=State.AWAITING_COPIES, order="OLD", document=DOCUMENTS[1])
    waiting.append((replace(full, held=DOCUMENTS[:1] * 10), 0))
    while waiting:
        chat, steps = waiting.popleft()
        for context in contexts():
            for event in events(chat):
                after, effects = step(chat, event, context)
                for effect in effects:
                    if isinstance(effect, Say):
                        saying = effect.saying
                        facts = tuple(sorted(saying.values))
                        labels = tuple(choice.label for choice in saying.choices)
                        heard.setdefault((saying.parts, facts, labels), saying)
                plain = replace(after, version=0, mistakes=0)
                if steps < depth and plain not in seen and len(after.held) < 3:
                    seen.add(plain)
                    waiting.append((plain, steps + 1))
    return list(heard.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_the_conversation_can_say_has_words(language: str) -> None:
    words = Catalogue()
    for saying in sayings():
        said = words.render(saying, language)
        assert said.body, saying
        assert [button for button, _ in said.buttons] == [each.id for each in saying.choices]
        assert all(0 < len(title) <= 20 for _, title in said.buttons)
        assert "{" not in said.body


def test_the_walk_met_every_sentence_that_is_not_a_service_s() -> None:
    met = {part for saying in sayings() for part in saying.parts}
    assert met == set(Text) - BY_SERVICES, "teach `events` how it comes to be said"


def test_only_questions_have_buttons() -> None:
    asked = {saying.parts[-1] for saying in sayings() if saying.choices}
    assert asked == {Text.ASK_PRINT_TYPE, Text.ASK_COPIES, Text.ID_CARD_OFFER}
