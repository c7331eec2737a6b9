"""The conversation as a pure function: ``step(chat, event, context) → (chat, effects)``.

A chat asks one question at a time. Everything the customer does is an event; everything that
must happen outside is an effect, carried out by the caller in the same transaction. A file that
comes while another is being ordered is held and asked about next: nothing sent is lost, and no
order changes behind a question that was already answered.
"""

from __future__ import annotations

from dataclasses import replace

from app.domain import order_text
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
    OpenOrder,
    OrderClosed,
    Outcome,
    PayAtCounter,
    PlaceOrder,
    ReviseOrder,
    Said,
    Say,
    SetStopped,
    State,
    Tapped,
    Unusable,
)
from app.domain.lifecycle import Job, Order
from app.domain.money import Money
from app.domain.order_text import Command, PaymentAnswer
from app.domain.pricing import PrintType, offered, quote
from app.domain.wording import REFUSED, Choice, Saying, Text, Value

MAX_HELD = 10
MAX_TOTAL = Money(50_000_000)  # ₹5,00,000: the largest link the provider takes by default

_LABELS = {PrintType.BW: "bw", PrintType.COLOR: "color", PrintType.BOTH: "mix"}
COPY_BUTTONS = (1, 2, 5)


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
        case FileRefused(document, reason):
            chat = _opened(chat, document)
            values = _limits(context)
            return _then_question(chat, [_say(REFUSED[reason], **values)], context)
        case Unusable():
            return _then_question(chat, [_say(Text.ERR_MEDIA)], context)
        case OrderClosed(order):
            return _next_file(chat, [], context) if order == chat.order else (chat, [])


# Files


def _opened(chat: Chat, document: str) -> Chat:
    return replace(chat, opening=tuple(d for d in chat.opening if d != document))


def _file_ready(chat: Chat, document: Doc, context: Context) -> Outcome:
    chat = _opened(chat, document.id)
    if chat.order:
        if len(chat.held) >= MAX_HELD:
            return chat, [_say(Text.TOO_MANY_FILES, doc=document.name, count=MAX_HELD)]
        chat = replace(chat, held=(*chat.held, document))
        return chat, [_say(Text.FILE_HELD, doc=document.name, pages=document.pages)]
    return _begin(chat, document, [], context)


def _begin(chat: Chat, document: Doc, effects: list[Effect], context: Context) -> Outcome:
    chat = replace(
        chat,
        state=State.AWAITING_PRINT_TYPE,
        order=context.new_order,
        document=document,
        print_type=None,
        mistakes=0,
    )
    effects = [*effects, OpenOrder(chat.order, document.id)]
    return _ask(chat, effects, context, intro=(Text.GOT_FILE,))


def _next_file(chat: Chat, effects: list[Effect], context: Context) -> Outcome:
    """The order is out of the chat's hands; a held file is asked about now."""
    held = chat.held
    chat = replace(
        chat, state=State.IDLE, order="", document=None, print_type=None, mistakes=0, held=held[1:]
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
        case State.AWAITING_PRINT_TYPE if document is not None:
            choices = offered(document.pages, document.color_pages)
            chosen = order_text.print_type(text, choices)
            if chosen is not None:
                return _chose_print_type(chat, chosen, context)
            return _again(chat, [_say(Text.ERR_CHOICE, count=len(choices))], context)
        case State.AWAITING_COPIES if document is not None:
            number = order_text.copies(text)
            if number is not None:
                return _chose_copies(chat, number, context)
            earlier = order_text.print_type(text, offered(document.pages, document.color_pages))
            if earlier is not None and not text.strip().isdecimal():
                return _chose_print_type(chat, earlier, context)
            return _again(chat, [_say(Text.ERR_COPIES, max=context.max_copies)], context)
        case State.AWAITING_PAYMENT:
            return _instead_of_paying(chat, text, context)
        case _ if chat.opening:
            return chat, [_say(Text.STILL_OPENING)]
        case State.AWAITING_FILE:
            return chat, [_say(Text.SEND_A_FILE, **_shop(context))]
        case _:
            return _welcome(chat, context)


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
            return chat, _status(chat, context)


def _command(chat: Chat, command: Command, context: Context) -> Outcome:
    match command:
        case Command.STOP:
            return replace(chat, stopped=True), [_say(Text.STOPPED), SetStopped(True)]
        case Command.START if chat.stopped:
            chat = replace(chat, stopped=False)
            return _then_question(chat, [SetStopped(False), _say(Text.STARTED)], context)
        case Command.CANCEL:
            return _cancel(chat, context)
        case Command.BACK:
            return _back(chat, context)
        case Command.STATUS:
            return chat, _status(chat, context)
        case Command.HELP:
            return chat, [_say(Text.HELP)]
        case Command.PRICE:
            return _then_question(chat, [_say(Text.PRICES, **_shop(context))], context)
        case Command.HUMAN:
            return chat, [_say(Text.HUMAN), CallPerson()]
        case Command.DELETE:
            return _delete(chat, context)
        case _:
            if chat.order:
                return _then_question(chat, [], context)
            return _welcome(chat, context)


def _welcome(chat: Chat, context: Context) -> Outcome:
    state = State.AWAITING_FILE if chat.state is State.IDLE else chat.state
    return replace(chat, state=state, mistakes=0), [_say(Text.WELCOME, **_shop(context))]


def _cancel(chat: Chat, context: Context) -> Outcome:
    if chat.order:
        effects: list[Effect] = [CancelOrder(chat.order), _say(Text.CANCELLED)]
        return _next_file(chat, effects, context)
    last = context.last
    if last is not None and last.status is Order.PAID:
        values: dict[str, Value] = {"token": last.token, "total": last.total.short}
        return chat, [_say(Text.CANNOT_CANCEL_PAID, **values)]
    return chat, [_say(Text.NOTHING_TO_CANCEL)]


def _back(chat: Chat, context: Context) -> Outcome:
    match chat.state:
        case State.AWAITING_COPIES:
            chat = replace(chat, state=State.AWAITING_PRINT_TYPE, print_type=None, mistakes=0)
            return _ask(chat, [], context)
        case State.AWAITING_PAYMENT:
            chat = replace(chat, state=State.AWAITING_COPIES, mistakes=0)
            return _ask(chat, [ReviseOrder(chat.order)], context)
        case _:
            return _then_question(chat, [_say(Text.NOTHING_TO_GO_BACK)], context)


def _delete(chat: Chat, context: Context) -> Outcome:
    effects: list[Effect] = [CancelOrder(chat.order)] if chat.order else []
    last = context.last
    waiting = last is not None and last.status is Order.PAID
    effects += [DeleteFiles(), _say(Text.DELETE_LATER if waiting else Text.DELETED)]
    chat = replace(chat, held=(), opening=())
    return _next_file(chat, effects, context)


def _status(chat: Chat, context: Context) -> list[Effect]:
    if chat.state is State.AWAITING_PAYMENT and context.total is not None:
        if not context.pay_url:
            return [_say(Text.PREPARING_LINK, total=context.total.short)]
        return [_say(Text.STATUS_WAITING_PAYMENT, total=context.total.short, link=context.pay_url)]
    if chat.document is not None:
        return [_say(Text.STATUS_DRAFT, doc=chat.document.name), *_question(chat, context)]
    if chat.opening:
        return [_say(Text.STILL_OPENING)]
    last = context.last
    if last is None:
        return [_say(Text.STATUS_NONE)]
    if last.status is Order.READY:
        return [_say(Text.STATUS_READY, token=last.token)]
    if last.status is Order.PAID:
        if last.job is Job.PRINTING:
            return [_say(Text.STATUS_PRINTING, token=last.token)]
        if last.job in (Job.QUEUED, Job.CLAIMED):
            return [_say(Text.STATUS_QUEUE, token=last.token, ahead=last.ahead)]
        return [_say(Text.STATUS_CHECKING, token=last.token)]
    return [_say(Text.STATUS_NONE)]


# Taps


def _tapped(chat: Chat, tap: Tapped, context: Context) -> Outcome:
    order, _, rest = tap.id.partition(":")
    field, _, rest = rest.partition(":")
    value = rest.partition(":")[0]
    if order != chat.order or not chat.order:
        if not tap.id and tap.title:
            return _said(chat, tap.title, context)
        return _then_question(chat, [_say(Text.STALE_BUTTON)], context, status=True)
    document = chat.document
    in_draft = chat.state in (State.AWAITING_PRINT_TYPE, State.AWAITING_COPIES)
    match field:
        case "ink" if in_draft and document is not None:
            if value in offered(document.pages, document.color_pages):
                return _chose_print_type(chat, PrintType(value), context)
        case "copies" if chat.state is State.AWAITING_COPIES and value.isdecimal():
            return _chose_copies(chat, int(value[:9]), context)
        case "cancel":
            return _cancel(chat, context)
        case "back":
            return _back(chat, context)
        case "counter" if chat.state is State.AWAITING_PAYMENT:
            return chat, [PayAtCounter(chat.order)]
    return _then_question(chat, [_say(Text.STALE_BUTTON)], context, status=True)


# Choices


def _chose_print_type(chat: Chat, chosen: PrintType, context: Context) -> Outcome:
    chat = replace(chat, state=State.AWAITING_COPIES, print_type=chosen, mistakes=0)
    return _ask(chat, [], context)


def _chose_copies(chat: Chat, copies: int, context: Context) -> Outcome:
    document, print_type = chat.document, chat.print_type
    if document is None or print_type is None:
        return _then_question(chat, [], context)
    if not 1 <= copies <= context.max_copies:
        many = Text.ERR_COPIES_MANY if copies > context.max_copies else Text.ERR_COPIES
        return _again(chat, [_say(many, max=context.max_copies)], context)
    total = quote(
        print_type,
        pages=document.pages,
        color_pages=document.color_pages,
        copies=copies,
        prices=context.prices,
    ).total
    if total > MAX_TOTAL:
        return _again(chat, [_say(Text.ERR_TOO_EXPENSIVE, total=total.short)], context)
    chat = replace(chat, state=State.AWAITING_PAYMENT, mistakes=0, version=chat.version + 1)
    return chat, [PlaceOrder(chat.order, print_type, copies)]


# Questions


def _ask(
    chat: Chat, effects: list[Effect], context: Context, intro: tuple[Text, ...] = ()
) -> Outcome:
    chat = replace(chat, version=chat.version + 1)
    return chat, [*effects, *_question(chat, context, intro)]


def _again(chat: Chat, effects: list[Effect], context: Context) -> Outcome:
    """Not understood: the reason, then the same question in the same message order."""
    chat = replace(chat, mistakes=chat.mistakes + 1)
    return _ask(chat, effects, context)


def _then_question(
    chat: Chat, effects: list[Effect], context: Context, *, status: bool = False
) -> Outcome:
    """Say something, then where we are now: the open question, if there is one."""
    if chat.state in (State.AWAITING_PRINT_TYPE, State.AWAITING_COPIES):
        return _ask(chat, effects, context)
    if status or chat.state is State.AWAITING_PAYMENT:
        return chat, [*effects, *_status(chat, context)]
    return chat, effects


def _question(chat: Chat, context: Context, intro: tuple[Text, ...] = ()) -> list[Effect]:
    document = chat.document
    if document is None:
        return []
    if chat.state is State.AWAITING_PRINT_TYPE:
        choices = offered(document.pages, document.color_pages)
        values: dict[str, Value] = {
            "doc": document.name,
            "pages": document.pages,
            "colored": len(document.color_pages),
            "list": page_list(document.color_pages),
        }
        for choice in choices:
            values[_LABELS[choice]] = quote(
                choice,
                pages=document.pages,
                color_pages=document.color_pages,
                copies=1,
                prices=context.prices,
            ).total.short
        buttons = tuple(
            Choice(_LABELS[choice], f"{chat.order}:ink:{choice.value}:{chat.version}")
            for choice in choices
        )
        return [Say(Saying((*intro, Text.ASK_PRINT_TYPE), values, buttons))]
    if chat.state is State.AWAITING_COPIES:
        buttons = tuple(
            Choice(f"copies-{number}", f"{chat.order}:copies:{number}:{chat.version}")
            for number in COPY_BUTTONS
            if number <= context.max_copies
        )
        return [Say(Saying((Text.ASK_COPIES,), {"max": context.max_copies}, buttons))]
    return []


def page_list(pages: tuple[int, ...], limit: int = 12) -> str:
    """1, 2, 3, 7 → "1-3, 7": short enough for a chat line."""
    runs: list[list[int]] = []
    for page in sorted(pages):
        if runs and page == runs[-1][1] + 1:
            runs[-1][1] = page
        else:
            runs.append([page, page])
    shown = [str(a) if a == b else f"{a}-{b}" for a, b in runs[:limit]]
    return ", ".join(shown) + (" …" if len(runs) > limit else "")


def _say(text: Text, **values: Value) -> Say:
    return Say(Saying((text,), values))


def _shop(context: Context) -> dict[str, Value]:
    return {
        "name": context.customer_name or "there",
        "shop": context.shop_name,
        "bw": context.prices.bw.short,
        "color": context.prices.color.short,
    }


def _limits(context: Context) -> dict[str, Value]:
    return {"max_mb": context.max_mb, "max_pages": context.max_pages, "accepts": context.accepts}
