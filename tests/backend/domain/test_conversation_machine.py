"""Any events in any order: what must hold in every conversation there can be."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.domain.chat import (
    CancelOrder,
    Chat,
    Context,
    DeleteFiles,
    Doc,
    Event,
    FileCame,
    FileReady,
    FileRefused,
    LastOrder,
    OpenLocked,
    OpenOrder,
    OrderClosed,
    PayAtCounter,
    PlaceOrder,
    ReviseOrder,
    Said,
    Say,
    State,
    Tapped,
    Unusable,
)
from app.domain.conversation import MAX_HELD, MAX_TOTAL, step
from app.domain.errors import Refusal
from app.domain.lifecycle import Job, Order
from app.domain.money import Money
from app.domain.order_text import Command, PaymentAnswer
from app.domain.pricing import PriceList, offered, quote

PRICES = PriceList(version=1, bw=Money(200), color=Money(1000))
ASKING = {State.AWAITING_PRINT_TYPE, State.AWAITING_COPIES, State.AWAITING_PAYMENT}

words = st.one_of(
    st.sampled_from([command.value for command in Command]),
    st.sampled_from(["bw", "both", "colour", "1", "2", "3", "7", "0", "101", "दो", "रंगीन", "cash"]),
    st.sampled_from(["hello", "cancel my order", "??", "", "   ", "\x00", "😀"]),
    st.text(max_size=12),
)
last_orders = st.none() | st.builds(
    LastOrder,
    st.sampled_from([s for s in Order if s not in {Order.DRAFT, Order.PAYMENT_PENDING}]),
    st.none() | st.sampled_from(Job),
    st.just("41"),
    st.integers(0, 9),
    st.builds(Money, st.integers(0, 10**6)),
)


@st.composite
def page_facts(draw: st.DrawFn) -> tuple[int, tuple[int, ...]]:
    pages = draw(st.integers(1, 500))
    return pages, tuple(sorted(draw(st.sets(st.integers(1, pages), max_size=3))))


class Conversation(RuleBasedStateMachine):
    """The chat beside a model of what has been opened, placed and promised."""

    def __init__(self) -> None:
        super().__init__()
        self.chat = Chat()
        self.turns = 0
        self.coming: list[str] = []  # files being fetched
        self.waiting: list[str] = []  # files ready and not asked about yet
        self.orders: set[str] = set()
        self.open = ""
        self.placed = False
        self.buttons: list[str] = []
        self.last: LastOrder | None = None
        self.link = ""

    # What can happen

    @rule(text=words)
    def says(self, text: str) -> None:
        self.happens(Said(text), inbound=True)

    @rule(number=st.integers(0, 10**6), title=st.sampled_from(["", "bw", "status"]))
    def taps_a_button_seen_before(self, number: int, title: str) -> None:
        button = self.buttons[number % len(self.buttons)] if self.buttons else ""
        self.happens(Tapped(button, title), inbound=True)

    @rule(
        field=st.sampled_from(["ink", "copies", "cancel", "back", "counter", "", "x"]),
        value=st.sampled_from(["BW", "BOTH", "COLOR", "1", "0", "101", "²", "٣", "9" * 400, ""]),
    )
    def taps_a_forged_button(self, field: str, value: str) -> None:
        self.happens(Tapped(f"{self.open}:{field}:{value}:0"), inbound=True)

    @rule(tap=st.text(max_size=20), title=st.text(max_size=8))
    def taps_nonsense(self, tap: str, title: str) -> None:
        self.happens(Tapped(tap, title), inbound=True)

    @rule()
    def sends_a_sticker(self) -> None:
        self.happens(Unusable(), inbound=True)

    @rule()
    def sends_a_file(self) -> None:
        self.coming.append(f"doc{self.turns}")
        self.happens(FileCame(self.coming[-1]))

    @precondition(lambda self: self.coming)
    @rule(which=st.integers(0, 99), facts=page_facts())
    def a_file_is_ready(self, which: int, facts: tuple[int, tuple[int, ...]]) -> None:
        document = Doc(self.coming.pop(which % len(self.coming)), "notes.pdf", *facts)
        held_before = len(self.chat.held)
        refused = bool(self.open) and held_before >= MAX_HELD
        if not refused:
            self.waiting.append(document.id)
        says = self.happens(FileReady(document), inbound=True)
        assert refused is (says == ["too-many-files"])

    @precondition(lambda self: self.coming)
    @rule(which=st.integers(0, 99), reason=st.sampled_from(Refusal))
    def a_file_is_refused(self, which: int, reason: Refusal) -> None:
        document = self.coming.pop(which % len(self.coming))
        self.happens(FileRefused(document, reason), inbound=True)

    @precondition(lambda self: self.open)
    @rule()
    def the_order_is_paid_or_expires(self) -> None:
        order, self.open, self.placed = self.open, "", False
        next_one = bool(self.waiting)
        says = self.happens(OrderClosed(order))
        assert says == (["got-file+ask-print-type"] if next_one else [])

    @rule()
    def an_older_order_is_closed(self) -> None:
        before = self.chat
        assert self.happens(OrderClosed("AN OLDER ONE")) == []
        assert self.chat == before

    @rule(last=last_orders, link=st.sampled_from(["", "https://rzp.io/i/abc"]))
    def time_passes(self, last: LastOrder | None, link: str) -> None:
        self.last, self.link = last, link

    # What must hold

    def happens(self, event: Event, *, inbound: bool = False) -> list[str]:
        self.turns += 1
        before = self.chat
        context = Context(
            new_order=f"ORDER{self.turns}",
            shop_name="Ganesh Copy Centre",
            prices=PRICES,
            total=Money(2400) if self.placed else None,
            pay_url=self.link if self.placed else "",
            last=self.last,
        )
        self.chat, effects = step(before, event, context)
        says = []
        for effect in effects:
            match effect:
                case OpenOrder(order, document):
                    assert not self.open, "one open order at a time"
                    assert order not in self.orders, "a code is opened once"
                    assert document == self.waiting.pop(0), "files are asked about in order"
                    self.open, self.placed = order, False
                    self.orders.add(order)
                case PlaceOrder(order, print_type, copies):
                    assert order == self.open
                    assert not self.placed
                    assert before.state is State.AWAITING_COPIES, "both questions were answered"
                    assert before.document is not None
                    assert print_type is before.print_type
                    facts = before.document.pages, before.document.color_pages
                    assert print_type in offered(*facts)
                    assert 1 <= copies <= context.max_copies
                    price = quote(
                        print_type,
                        pages=facts[0],
                        color_pages=facts[1],
                        copies=copies,
                        prices=PRICES,
                    )
                    assert price.total <= MAX_TOTAL
                    self.placed = True
                case ReviseOrder(order):
                    assert order == self.open
                    assert self.placed
                    self.placed = False
                case CancelOrder(order):
                    assert order == self.open
                    self.open, self.placed = "", False
                case PayAtCounter(order):
                    assert order == self.open
                    assert self.placed
                case OpenLocked(document):
                    self.coming.append(document)
                case DeleteFiles():
                    self.waiting.clear()
                case Say(saying):
                    says.append("+".join(part.value for part in saying.parts))
                    self.buttons += [choice.id for choice in saying.choices]
                    self.buttons += [f"{self.open}:{answer}:1:0" for answer in PaymentAnswer]
                    assert all(c.id.startswith(f"{self.open}:") for c in saying.choices)
                case _:
                    pass
        answered = says or any(isinstance(e, PlaceOrder | PayAtCounter) for e in effects)
        assert answered or not inbound, "who writes is answered"
        assert len(says) <= 2, "no more than two messages a turn"
        assert self.chat.version >= before.version
        return says

    @invariant()
    def the_chat_and_the_orders_agree(self) -> None:
        assert self.chat.order == self.open
        assert (self.chat.state in ASKING) is bool(self.open)
        assert (self.chat.document is not None) is bool(self.open)
        assert (self.chat.state is State.AWAITING_PAYMENT) is self.placed
        if self.chat.state is State.AWAITING_COPIES:
            assert self.chat.print_type is not None

    @invariant()
    def no_file_is_lost(self) -> None:
        assert [document.id for document in self.chat.held] == self.waiting
        assert len(self.waiting) <= MAX_HELD
        assert not self.waiting or self.open, "a file waits only behind an order"
        assert set(self.chat.opening) <= set(self.coming)


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
