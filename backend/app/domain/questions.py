"""What the bot asks and how it says where things stand. Pure: values in, sayings out."""

from __future__ import annotations

from dataclasses import replace

from app.domain.chat import Chat, Context, Effect, Outcome, Say, State
from app.domain.lifecycle import Job, Order
from app.domain.pricing import PrintType, offered, quote
from app.domain.print_plan import runs
from app.domain.wording import Choice, Saying, Text, Value

_LABELS = {PrintType.BW: "bw", PrintType.COLOR: "color", PrintType.BOTH: "mix"}
ASKING = frozenset({State.AWAITING_LAYOUT, State.AWAITING_PRINT_TYPE, State.AWAITING_COPIES})
COPY_BUTTONS = (1, 2, 5)


def ask(
    chat: Chat, effects: list[Effect], context: Context, intro: tuple[Text, ...] = ()
) -> Outcome:
    chat = replace(chat, version=chat.version + 1)
    return chat, [*effects, *question(chat, context, intro)]


def again(chat: Chat, effects: list[Effect], context: Context) -> Outcome:
    """Not understood: the reason, then the same question in the same message order."""
    chat = replace(chat, mistakes=chat.mistakes + 1)
    return ask(chat, effects, context)


def then_question(
    chat: Chat, effects: list[Effect], context: Context, *, always: bool = False
) -> Outcome:
    """Say something, then where we are now: the open question, if there is one."""
    if chat.state in ASKING and not (chat.state is State.AWAITING_LAYOUT and chat.opening):
        return ask(chat, effects, context)
    if always or chat.state is State.AWAITING_PAYMENT:
        return chat, [*effects, *status(chat, context)]
    return chat, effects


def question(chat: Chat, context: Context, intro: tuple[Text, ...] = ()) -> list[Effect]:
    document = chat.document
    if document is None:
        return []
    if chat.state is State.AWAITING_LAYOUT and not chat.opening:
        sides = tuple(
            Choice(label, f"{chat.order}:sheet:{label}:{chat.version}") for label in ("one", "two")
        )
        return [Say(Saying((Text.ID_CARD_OFFER,), {}, sides))]
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
    shown = runs(pages)
    return ", ".join(shown[:limit]) + (" …" if len(shown) > limit else "")


def say(text: Text, **values: Value) -> Say:
    return Say(Saying((text,), values))


def shop(context: Context) -> dict[str, Value]:
    return {
        "name": context.customer_name or "there",
        "shop": context.shop_name,
        "bw": context.prices.bw.short,
        "color": context.prices.color.short,
    }


def limits(context: Context) -> dict[str, Value]:
    return {"max_mb": context.max_mb, "max_pages": context.max_pages, "accepts": context.accepts}


def status(chat: Chat, context: Context) -> list[Effect]:
    if chat.state is State.AWAITING_PAYMENT and context.total is not None:
        if not context.pay_url:
            return [say(Text.PREPARING_LINK, total=context.total.short)]
        return [say(Text.STATUS_WAITING_PAYMENT, total=context.total.short, link=context.pay_url)]
    if chat.state is State.AWAITING_LAYOUT and chat.opening:
        return [say(Text.MAKING_SHEET)]
    if chat.document is not None:
        return [say(Text.STATUS_DRAFT, doc=chat.document.name), *question(chat, context)]
    if chat.state is State.AWAITING_PASSWORD:
        return [say(Text.ASK_PASSWORD)]
    if chat.opening:
        return [say(Text.STILL_OPENING)]
    last = context.last
    if last is None:
        return [say(Text.STATUS_NONE)]
    if last.status is Order.READY:
        return [say(Text.STATUS_READY, token=last.token)]
    if last.status is Order.PAID:
        if last.job is Job.PRINTING:
            return [say(Text.STATUS_PRINTING, token=last.token)]
        if last.job in (Job.QUEUED, Job.CLAIMED):
            return [say(Text.STATUS_QUEUE, token=last.token, ahead=last.ahead)]
        return [say(Text.STATUS_CHECKING, token=last.token)]
    return [say(Text.STATUS_NONE)]
