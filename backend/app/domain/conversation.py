"""The conversation as a pure function: ``step(chat, event, context) → (chat, effects)``.

A chat asks one question at a time. Everything the customer does is an event; everything that
must happen outside is an effect, carried out by the caller in the same transaction. A file that
comes while another is being ordered is held and asked about next: nothing sent is lost, and no
order changes behind a question that was already answered.
"""

from __future__ import annotations

from dataclasses import replace

from app.domain import layouts, order_text
from app.domain.chat import (
    CallPerson,
    CancelOrder,
    Chat,
    Context,
    DeleteFiles,
    Doc,
    Effect,
    Event,
    FileCame,
    FileReady,
    FileRefused,
    Layout,
    OpenLocked,
    OpenOrder,
    OrderClosed,
    Outcome,
    PayAtCounter,
    PlaceOrder,
    ReviseOrder,
    Said,
    SetStopped,
    SheetReady,
    State,
    Tapped,
    Unusable,
)
from app.domain.errors import Refusal
from app.domain.lifecycle import Order
from app.domain.money import Money
from app.domain.order_text import Command, PaymentAnswer
from app.domain.pricing import PrintType, offered, quote
from app.domain.questions import again, ask, limits, say, shop, status, then_question
from app.domain.wording import REFUSED, Text, Value

MAX_HELD = 10
MAX_PASSWORDS = 4
PASSWORD_QUESTIONS = frozenset({Refusal.LOCKED, Refusal.WRONG_PASSWORD})
MAX_TOTAL = Money(50_000_000)  # ₹5,00,000: the largest link the provider takes by default


def step(chat: Chat, event: Event, context: Context) -> Outcome:
    """One turn. Never raises for anything a customer can send."""
    match event:
        case Said(text):
            return _said(chat, text, context)
        case Tapped():
            return _tapped(chat, event, context)
        case FileCame(document):
            opening = (*[d for d in chat.opening if d != document], document)
            state = State.AWAITING_FILE if chat.state is State.IDLE else chat.state
            return replace(chat, opening=opening, state=state), []
        case FileReady(document):
            return _file_ready(chat, document, context)
        case FileRefused(document, reason, final):
            chat = _opened(chat, document)
            asking = not (final or chat.order) and chat.locked in ("", document)
            if reason in PASSWORD_QUESTIONS and asking and chat.mistakes < MAX_PASSWORDS:
                return _ask_password(chat, document, reason)
            values = limits(context)
            return then_question(chat, [say(REFUSED[reason], **values)], context)
        case SheetReady(order, document):
            return layouts.sheet_ready(chat, order, document, context)
        case Unusable():
            return then_question(chat, [say(Text.ERR_MEDIA)], context)
        case OrderClosed(order):
            return _next_file(chat, [], context) if order == chat.order else (chat, [])


# Files


def _ask_password(chat: Chat, document: str, reason: Refusal) -> Outcome:
    wrong = reason is Refusal.WRONG_PASSWORD
    mistakes = chat.mistakes + 1 if wrong else 0
    chat = replace(chat, state=State.AWAITING_PASSWORD, locked=document, mistakes=mistakes)
    return chat, [say(Text.PASSWORD_WRONG if wrong else Text.ASK_PASSWORD)]


def _opened(chat: Chat, document: str) -> Chat:
    return replace(chat, opening=tuple(d for d in chat.opening if d != document))


def _file_ready(chat: Chat, document: Doc, context: Context) -> Outcome:
    chat = _opened(chat, document.id)
    if layouts.makes_a_pair(chat, document):
        return layouts.offer(chat, document, context)
    if chat.order:
        if len(chat.held) >= MAX_HELD:
            return chat, [say(Text.TOO_MANY_FILES, doc=document.name, count=MAX_HELD)]
        chat = replace(chat, held=(*chat.held, document))
        return chat, [say(Text.FILE_HELD, doc=document.name, pages=document.pages)]
    return _begin(chat, document, [], context)


def _begin(chat: Chat, document: Doc, effects: list[Effect], context: Context) -> Outcome:
    chat = replace(
        chat,
        state=State.AWAITING_PRINT_TYPE,
        order=context.new_order,
        document=document,
        locked="",
        print_type=None,
        mistakes=0,
    )
    effects = [*effects, OpenOrder(chat.order, document.id)]
    return ask(chat, effects, context, intro=(Text.GOT_FILE,))


def _next_file(chat: Chat, effects: list[Effect], context: Context) -> Outcome:
    """The order is out of the chat's hands; a held file is asked about now."""
    held = chat.held
    chat = replace(
        chat,
        state=State.IDLE,
        order="",
        document=None,
        locked="",
        print_type=None,
        mistakes=0,
        held=held[1:],
    )
    if held:
        return _begin(chat, held[0], effects, context)
    return chat, effects


# Words


def _said(chat: Chat, text: str, context: Context) -> Outcome:
    asked = order_text.command(text)
    if asked is not None:
        return _command(chat, asked, context)
    document = chat.document
    match chat.state:
        case State.AWAITING_LAYOUT:
            return layouts.said(chat, text, context)
        case State.AWAITING_PRINT_TYPE if document is not None:
            return _said_print_type(chat, document, text, context)
        case State.AWAITING_COPIES if document is not None:
            number = order_text.copies(text)
            if number is not None:
                return _chose_copies(chat, number, context)
            earlier = order_text.print_type(text, offered(document.pages, document.color_pages))
            if earlier is not None and not text.strip().isdecimal():
                return _chose_print_type(chat, earlier, context)
            return again(chat, [say(Text.ERR_COPIES, max=context.max_copies)], context)
        case State.AWAITING_PASSWORD:
            opening = (*chat.opening, chat.locked)
            locked, password = chat.locked, text.strip()
            chat = replace(chat, state=State.AWAITING_FILE, locked="", opening=opening)
            return chat, [say(Text.STILL_OPENING), OpenLocked(locked, password)]
        case State.AWAITING_PAYMENT:
            return _instead_of_paying(chat, text, context)
        case _ if chat.opening:
            return chat, [say(Text.STILL_OPENING)]
        case State.AWAITING_FILE:
            return chat, [say(Text.SEND_A_FILE, **shop(context))]
        case _:
            return _welcome(chat, context)


def _said_print_type(chat: Chat, document: Doc, text: str, context: Context) -> Outcome:
    if document.photo and order_text.wants_passport_photos(text):
        return layouts.make(chat, Layout.PASSPORT, context)
    choices = offered(document.pages, document.color_pages)
    chosen = order_text.print_type(text, choices)
    if chosen is not None:
        return _chose_print_type(chat, chosen, context)
    return again(chat, [say(Text.ERR_CHOICE, count=len(choices))], context)


def _instead_of_paying(chat: Chat, text: str, context: Context) -> Outcome:
    """The buttons below the link, typed; anything else is answered with where we are."""
    match order_text.payment_answer(text, asked=bool(context.pay_url)):
        case PaymentAnswer.COUNTER:
            return chat, [PayAtCounter(chat.order)]
        case PaymentAnswer.BACK:
            return _back(chat, context)
        case PaymentAnswer.CANCEL:
            return _cancel(chat, context)
        case None:
            return chat, status(chat, context)


def _command(chat: Chat, command: Command, context: Context) -> Outcome:
    match command:
        case Command.STOP:
            return replace(chat, stopped=True), [say(Text.STOPPED), SetStopped(True)]
        case Command.START if chat.stopped:
            chat = replace(chat, stopped=False)
            return then_question(chat, [SetStopped(False), say(Text.STARTED)], context)
        case Command.CANCEL:
            return _cancel(chat, context)
        case Command.BACK:
            return _back(chat, context)
        case Command.STATUS:
            return chat, status(chat, context)
        case Command.HELP:
            return chat, [say(Text.HELP)]
        case Command.PRICE:
            return then_question(chat, [say(Text.PRICES, **shop(context))], context)
        case Command.HUMAN:
            return chat, [say(Text.HUMAN), CallPerson()]
        case Command.DELETE:
            return _delete(chat, context)
        case _:
            if chat.order:
                return then_question(chat, [], context, always=True)
            return _welcome(chat, context)


def _welcome(chat: Chat, context: Context) -> Outcome:
    state = State.AWAITING_FILE if chat.state is State.IDLE else chat.state
    return replace(chat, state=state, mistakes=0), [say(Text.WELCOME, **shop(context))]


def _cancel(chat: Chat, context: Context) -> Outcome:
    if chat.order:
        effects: list[Effect] = [CancelOrder(chat.order), say(Text.CANCELLED)]
        return _next_file(chat, effects, context)
    if chat.state is State.AWAITING_PASSWORD:
        return _next_file(replace(chat, locked=""), [say(Text.CANCELLED)], context)
    last = context.last
    if last is not None and last.status is Order.PAID:
        values: dict[str, Value] = {"token": last.token, "total": last.total.short}
        return chat, [say(Text.CANNOT_CANCEL_PAID, **values)]
    return chat, [say(Text.NOTHING_TO_CANCEL)]


def _back(chat: Chat, context: Context) -> Outcome:
    match chat.state:
        case State.AWAITING_COPIES:
            chat = replace(chat, state=State.AWAITING_PRINT_TYPE, print_type=None, mistakes=0)
            return ask(chat, [], context)
        case State.AWAITING_PAYMENT:
            chat = replace(chat, state=State.AWAITING_COPIES, mistakes=0)
            return ask(chat, [ReviseOrder(chat.order)], context)
        case _:
            return then_question(chat, [say(Text.NOTHING_TO_GO_BACK)], context)


def _delete(chat: Chat, context: Context) -> Outcome:
    effects: list[Effect] = [CancelOrder(chat.order)] if chat.order else []
    last = context.last
    waiting = last is not None and last.status is Order.PAID
    effects += [DeleteFiles(), say(Text.DELETE_LATER if waiting else Text.DELETED)]
    chat = replace(chat, held=(), opening=(), locked="")
    return _next_file(chat, effects, context)


# Taps


def _tapped(chat: Chat, tap: Tapped, context: Context) -> Outcome:
    order, _, rest = tap.id.partition(":")
    field, _, rest = rest.partition(":")
    value = rest.partition(":")[0]
    if order != chat.order or not chat.order:
        if not tap.id and tap.title:
            return _said(chat, tap.title, context)
        return then_question(chat, [say(Text.STALE_BUTTON)], context, always=True)
    document = chat.document
    in_draft = chat.state in (State.AWAITING_PRINT_TYPE, State.AWAITING_COPIES)
    match field:
        case "ink" if in_draft and document is not None:
            if value in offered(document.pages, document.color_pages):
                return _chose_print_type(chat, PrintType(value), context)
        case "copies" if chat.state is State.AWAITING_COPIES and value.isdecimal():
            return _chose_copies(chat, int(value[:9]), context)
        case "sheet" if chat.state is State.AWAITING_LAYOUT:
            return layouts.chose(chat, value, context)
        case "cancel":
            return _cancel(chat, context)
        case "back":
            return _back(chat, context)
        case "counter" if chat.state is State.AWAITING_PAYMENT:
            return chat, [PayAtCounter(chat.order)]
    return then_question(chat, [say(Text.STALE_BUTTON)], context, always=True)


# Choices


def _chose_print_type(chat: Chat, chosen: PrintType, context: Context) -> Outcome:
    chat = replace(chat, state=State.AWAITING_COPIES, print_type=chosen, mistakes=0)
    return ask(chat, [], context)


def _chose_copies(chat: Chat, copies: int, context: Context) -> Outcome:
    document, print_type = chat.document, chat.print_type
    if document is None or print_type is None:
        return then_question(chat, [], context)
    if not 1 <= copies <= context.max_copies:
        many = Text.ERR_COPIES_MANY if copies > context.max_copies else Text.ERR_COPIES
        return again(chat, [say(many, max=context.max_copies)], context)
    total = quote(
        print_type,
        pages=document.pages,
        color_pages=document.color_pages,
        copies=copies,
        prices=context.prices,
    ).total
    if total > MAX_TOTAL:
        return again(chat, [say(Text.ERR_TOO_EXPENSIVE, total=total.short)], context)
    chat = replace(chat, state=State.AWAITING_PAYMENT, mistakes=0, version=chat.version + 1)
    return chat, [PlaceOrder(chat.order, print_type, copies)]
