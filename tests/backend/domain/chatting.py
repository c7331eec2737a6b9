"""A customer with a phone, so that tests of the conversation read as what happens in the shop."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

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
    LastOrder,
    MakeSheet,
    OpenLocked,
    OpenOrder,
    OrderClosed,
    PayAtCounter,
    PlaceOrder,
    ReviseOrder,
    Said,
    Say,
    SetStopped,
    Tapped,
    Unusable,
)
from app.domain.conversation import step
from app.domain.errors import Refusal
from app.domain.lifecycle import Job, Order
from app.domain.money import Money
from app.domain.pricing import PriceList
from app.domain.wording import Saying

PRICES = PriceList(version=1, bw=Money(200), color=Money(1000))
THESIS = Doc("doc-thesis", "thesis.pdf", 6, (1, 4))
NOTES = Doc("doc-notes", "notes.pdf", 10, ())
PHOTO = Doc("doc-photo", "photo.jpg", 1, (1,))
LINK = "https://rzp.io/i/abc"


class Customer:
    """Plays one chat. ``heard`` and ``done`` hold what the last event caused, ``log`` all of it."""

    def __init__(self, *, prices: PriceList = PRICES, last: LastOrder | None = None) -> None:
        self.chat = Chat()
        self.context = Context(
            new_order="", shop_name="Ganesh Copy Centre", prices=prices, last=last
        )
        self.turns = 0
        self.heard: list[Saying] = []
        self.done: list[Effect] = []
        self.log: list[str] = []

    # What the customer does

    def says(self, text: str) -> Self:
        return self.happens(Said(text))

    def taps(self, label: str) -> Self:
        """The button of the newest message that has one with this label."""
        return self.happens(Tapped(self.button(label), label))

    def taps_old(self, button: str) -> Self:
        return self.happens(Tapped(button, "an old title"))

    def sends(self, document: Doc) -> Self:
        return self.happens(FileCame(document.id)).happens(FileReady(document))

    def sends_broken(self, document: Doc, reason: Refusal) -> Self:
        return self.happens(FileCame(document.id)).happens(FileRefused(document.id, reason))

    def sends_a_sticker(self) -> Self:
        return self.happens(Unusable())

    # What happens elsewhere

    def pays(self, token: str = "41") -> Self:
        """The order being asked about is paid; it is the last one from now on."""
        paid = self.chat.order
        total = self.context.total or Money(0)
        last = LastOrder(Order.PAID, Job.QUEUED, token, 3, total)
        self.context = replace(self.context, last=last, total=None, pay_url="")
        return self.happens(OrderClosed(paid))

    def expires(self) -> Self:
        return self.happens(OrderClosed(self.chat.order))

    def link_arrives(self, total: Money) -> Self:
        self.context = replace(self.context, total=total, pay_url=LINK)
        return self

    def happens(self, event: Event) -> Self:
        self.turns += 1
        self.context = replace(self.context, new_order=f"ORDER{self.turns}")
        self.chat, effects = step(self.chat, event, self.context)
        self.heard = [effect.saying for effect in effects if isinstance(effect, Say)]
        self.done = [effect for effect in effects if not isinstance(effect, Say)]
        self.log += [written(effect) for effect in effects]
        if any(isinstance(effect, PlaceOrder) for effect in effects):
            self._buttons_of_the_summary()
        return self

    # What can be seen

    @property
    def sees(self) -> list[str]:
        """The messages of the last event, each as its parts joined by "+"."""
        return ["+".join(part.value for part in saying.parts) for saying in self.heard]

    @property
    def causes(self) -> list[str]:
        return [written(effect) for effect in self.done]

    def button(self, label: str) -> str:
        return next(c.id for saying in self.heard for c in saying.choices if c.label == label)

    @property
    def buttons(self) -> list[str]:
        return [choice.label for saying in self.heard for choice in saying.choices]

    def value(self, name: str) -> object:
        return next(s.values[name] for s in self.heard if name in s.values)

    def _buttons_of_the_summary(self) -> None:
        """The summary is said by another part of the house; its buttons come back to this one."""
        self.payment_buttons = {
            name: f"{self.chat.order}:{name}:1:0" for name in ("counter", "back", "cancel")
        }


def written(effect: Effect) -> str:
    """An effect in a few letters."""
    match effect:
        case Say(saying):
            return "+".join(part.value for part in saying.parts)
        case OpenOrder(order, document):
            return f"open {order} {document}"
        case PlaceOrder(order, print_type, copies):
            return f"place {order} {print_type} {copies}"
        case ReviseOrder(order):
            return f"revise {order}"
        case CancelOrder(order):
            return f"cancel {order}"
        case PayAtCounter(order):
            return f"counter {order}"
        case OpenLocked(document, password):
            return f"open {document} {password}"
        case MakeSheet(order, layout, documents):
            return f"sheet {order} {layout} {' '.join(documents)}"
        case CallPerson():
            return "call"
        case DeleteFiles():
            return "delete"
        case SetStopped(stopped):
            return "stop" if stopped else "start"


# One customer in each state, and where two of them differ within a state, one each


def idle() -> Customer:
    return Customer()


def sending() -> Customer:
    return Customer().says("hi")


FRONT = Doc("doc-front", "front.jpg", 1, (1,), photo=True, card=True)
BACK = Doc("doc-back", "back.jpg", 1, (1,), photo=True, card=True)
SHEET = Doc("doc-sheet", "sheet.pdf", 1, (1,))


def pairing() -> Customer:
    return Customer().sends(FRONT).sends(BACK)


def laying_out() -> Customer:
    return pairing().taps("one")


def choosing() -> Customer:
    return Customer().says("hi").sends(THESIS)


def counting() -> Customer:
    return choosing().taps("mix")


def paying() -> Customer:
    return counting().says("2").link_arrives(Money(5600))


def unlocking() -> Customer:
    return Customer().says("hi").sends_broken(NOTES, Refusal.LOCKED)


IN_EACH_STATE = {
    "IDLE": idle,
    "AWAITING_FILE": sending,
    "AWAITING_PASSWORD": unlocking,
    "AWAITING_LAYOUT": pairing,
    "AWAITING_LAYOUT, sheet asked for": laying_out,
    "AWAITING_PRINT_TYPE": choosing,
    "AWAITING_COPIES": counting,
    "AWAITING_PAYMENT": paying,
}
