"""The xerox counter's sheets in the chat: both sides of a card on one page, passport photos."""

from __future__ import annotations

from dataclasses import replace

from app.domain import order_text
from app.domain.chat import Chat, Context, Doc, Layout, MakeSheet, Outcome, State
from app.domain.questions import again, ask, say, status
from app.domain.wording import Text

_ONE = frozenset({"1", "one", "both", "yes", "haan", "हाँ", "एक", "दोनों"})
_TWO = frozenset({"2", "two", "no", "separate", "nahi", "नहीं", "दो", "अलग"})


def makes_a_pair(chat: Chat, document: Doc) -> bool:
    """The order's photo and this one look like the two sides of a card."""
    first = chat.document
    return (
        chat.state is State.AWAITING_PRINT_TYPE
        and first is not None
        and first.card
        and document.card
        and not chat.held
    )


def offer(chat: Chat, document: Doc, context: Context) -> Outcome:
    return ask(replace(chat, state=State.AWAITING_LAYOUT, held=(document,)), [], context)


def said(chat: Chat, text: str, context: Context) -> Outcome:
    if chat.opening:
        return chat, [say(Text.STILL_OPENING)]
    read = set(order_text.words(text))
    if read & _ONE and not read & _TWO:
        return chose(chat, "one", context)
    if read & _TWO and not read & _ONE:
        return chose(chat, "two", context)
    return again(chat, [say(Text.ERR_CHOICE, count=2)], context)


def chose(chat: Chat, value: str, context: Context) -> Outcome:
    if chat.opening:
        return chat, [say(Text.STILL_OPENING)]
    if value == "one":
        return make(chat, Layout.ID_CARD, context)
    # Two orders, then: the second photo is asked about after the first.
    return ask(replace(chat, state=State.AWAITING_PRINT_TYPE), [], context)


def make(chat: Chat, layout: Layout, context: Context) -> Outcome:
    """The photos go to the table; the order waits for its sheet."""
    document = chat.document
    if document is None:
        return chat, status(chat, context)
    back = (chat.held[0].id,) if layout is Layout.ID_CARD else ()
    making = f"{layout} {chat.order}"
    chat = replace(chat, state=State.AWAITING_LAYOUT, opening=(*chat.opening, making))
    return chat, [say(Text.MAKING_SHEET), MakeSheet(chat.order, layout, (document.id, *back))]


def sheet_ready(chat: Chat, order: str, document: Doc | None, context: Context) -> Outcome:
    """The sheet takes the photo's place. For an order that is over it comes too late."""
    marks = {f"{layout} {order}": layout for layout in Layout}
    asked = [marks[name] for name in chat.opening if name in marks]
    chat = replace(chat, opening=tuple(name for name in chat.opening if name not in marks))
    if chat.order != order or not asked:
        return chat, []
    chat = replace(chat, state=State.AWAITING_PRINT_TYPE, mistakes=0)
    if document is None:
        return ask(chat, [say(Text.SHEET_FAILED)], context)
    used = 1 if asked[0] is Layout.ID_CARD else 0
    chat = replace(chat, document=document, held=chat.held[used:])
    return ask(chat, [], context, intro=(Text.GOT_FILE,))
