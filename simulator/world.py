"""What the outside world remembers: people, messages, links, payments, events."""

from __future__ import annotations

import asyncio
import random
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

Found = TypeVar("Found")
JsonObject = dict[str, Any]
ALNUM = string.ascii_letters + string.digits
WINDOW_SECONDS = 24 * 3600  # free text is allowed this long after the customer's last message


class Clock:
    """The simulator's own time in Unix seconds; it runs like the computer's, pushed ahead."""

    def __init__(self, start: int | None = None) -> None:
        self.offset = 0.0 if start is None else start - time.time()

    def now(self) -> int:
        return int(time.time() + self.offset)

    def advance(self, seconds: float) -> None:
        self.offset += seconds


class Ids:
    """Identifiers of the right shape; the same seed gives the same ones."""

    def __init__(self, seed: int | None) -> None:
        self._random = random.Random(seed)  # noqa: S311  shapes, not secrets

    def sid(self, prefix: str) -> str:
        """Twilio: two letters and 32 hex digits."""
        return prefix + f"{self._random.getrandbits(128):032x}"

    def rzp(self, prefix: str) -> str:
        """Razorpay: a word and 14 letters or digits."""
        return f"{prefix}_" + self.token(14)

    def token(self, length: int) -> str:
        return "".join(self._random.choices(ALNUM, k=length))

    def digits(self, length: int) -> str:
        return "".join(self._random.choices(string.digits, k=length))

    def uuid(self) -> str:
        text = f"{self._random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"


@dataclass
class Person:
    name: str
    phone: str | None
    user_id: str
    hidden: bool = False
    old_account: bool = False  # True: webhooks without ExternalUserId, as before 2026
    joined: bool = True
    opted_out: bool = False
    reads: bool = True
    last_inbound: int | None = None
    chat: list[Message] = field(default_factory=list)

    @property
    def address(self) -> str:
        """What Twilio puts into From: the number, or the user id when the number is hidden."""
        return f"whatsapp:{self.user_id if self.hidden or not self.phone else self.phone}"


@dataclass
class Button:
    id: str
    title: str
    kind: Literal["reply", "list", "url"] = "reply"
    url: str = ""
    description: str = ""


@dataclass
class Media:
    sid: str
    message_sid: str
    content_type: str
    data: bytes
    name: str
    created_at: int
    object_key: str
    tries: int = 0  # how often it was asked for, for "404 the first n times"


@dataclass
class Message:
    sid: str
    inbound: bool
    person: str | None  # None: sent to an address nobody here owns
    body: str
    sender: str
    to: str
    status: str
    created_at: int
    sent_at: int | None = None
    updated_at: int = 0
    media: list[Media] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    list_title: str = ""
    content_sid: str | None = None
    status_callback: str = ""
    error_code: int | None = None
    error_message: str | None = None
    statuses: list[str] = field(default_factory=list)
    tapped: str = ""
    deleted: bool = False


@dataclass
class Content:
    sid: str
    friendly_name: str
    language: str
    variables: dict[str, str]
    types: JsonObject
    created_at: int
    approval: str = "unsubmitted"
    category: str = ""


@dataclass
class Link:
    id: str
    amount: int
    currency: str
    created_at: int
    fields: (
        JsonObject  # description, reference_id, customer, notify, notes, callback_*, ... as sent
    )
    short_url: str
    expire_by: int  # 0: none was asked for
    status: str = "created"
    amount_paid: int = 0
    order_id: str = ""
    order_created_at: int = 0
    attempts: int = 0
    cancelled_at: int = 0
    expired_at: int = 0
    updated_at: int = 0
    notes_patched: bool = False
    payments: list[str] = field(default_factory=list)

    @property
    def reference_id(self) -> str:
        return str(self.fields.get("reference_id") or "")


@dataclass
class Payment:
    id: str
    link_id: str
    order_id: str
    amount: int
    currency: str
    method: str
    created_at: int
    contact: str
    notes: JsonObject
    description: str
    status: str = "created"
    captured_at: int = 0
    amount_refunded: int = 0
    rrn: str = ""
    card_id: str = ""
    disputed: bool = False

    @property
    def captured(self) -> bool:
        return self.status in {"captured", "refunded"}


@dataclass
class Refund:
    id: str
    payment_id: str
    amount: int
    currency: str
    created_at: int
    status: str
    speed: str
    receipt: str | None
    notes: JsonObject


@dataclass
class Dispute:
    id: str
    payment_id: str
    amount: int
    created_at: int
    status: str = "open"
    deducted: int = 0


@dataclass
class Attempt:
    at: float
    status: int | None
    error: str = ""


@dataclass
class Event:
    """One thing a provider tells the backend, with every attempt to tell it."""

    id: str
    provider: Literal["twilio", "razorpay"]
    name: str
    line: str
    url: str  # the address that is signed
    body: bytes
    created_at: int
    event_id: str = ""  # Razorpay's id header, Twilio's idempotency token
    params: dict[str, str] = field(default_factory=dict)
    about: str = ""  # message sid or payment link id, to group rows
    state: str = "pending"  # pending, delivered, dropped, gave_up
    attempts: list[Attempt] = field(default_factory=list)
    answer: tuple[int, str, bytes] | None = None  # status, content type and body of the last answer


@dataclass
class Habits:
    """What the control API may change while running. Seconds are real ones."""

    status_seconds: float = 0.05
    read_receipts: bool = True
    refund_status: str = "processed"
    refund_seconds: float = 0.0
    balance_paise: int | None = None
    payment_authorized: bool = False
    order_paid: bool = True
    razorpay_backoff: list[float] = field(default_factory=lambda: [0.5, 1, 2, 4, 8, 15, 30])
    razorpay_retry_seconds: float = 600.0
    razorpay_disable_after: int | None = None
    twilio_retry_count: int = 1
    twilio_retry_policy: str = (
        "ct"  # ct, 4xx, 5xx, rt, all; Twilio's default repeats connection failures only
    )


class World:
    """The state. Handlers change it and call `touch`; long polls wait for `changed`."""

    def __init__(self, *, seed: int | None = None, start_time: int | None = None) -> None:
        self._start = start_time
        # Outlives a reset: the backend remembers ids, and one used twice would count as a repeat.
        self.ids = Ids(seed)
        self.revision = 0
        self._waiting: asyncio.Event | None = None
        self.closing = False
        self.reset()

    def reset(self) -> None:
        """Forget everything but the three people."""
        self.clock = Clock(self._start)
        self.habits = Habits()
        self.people: dict[str, Person] = {}
        self.messages: dict[str, Message] = {}
        self.media: dict[str, Media] = {}
        self.contents: dict[str, Content] = {}
        self.links: dict[str, Link] = {}
        self.references: dict[str, str] = {}  # reference_id of a link -> its id
        self.orders: dict[str, str] = {}  # order id -> id of its link
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self.refund_keys: dict[str, tuple[bytes, str | None]] = {}
        self.disputes: dict[str, Dispute] = {}
        self.events: dict[str, Event] = {}
        self.webhook_enabled = True
        self.webhook_failures = 0
        for name, phone in (
            ("Asha", "+919000090000"),
            ("Ravi", "+919000090001"),
            ("सुनीता", "+919000090002"),
        ):
            self.add_person(name, phone)
        self.touch()

    def add_person(self, name: str, phone: str | None, *, hidden: bool = False) -> Person:
        """A new customer. Hidden: WhatsApp shows a user id instead of the number."""
        user_id = f"IN.{1000000000000001 + len(self.people)}"
        person = Person(name, phone, user_id, hidden=hidden)
        self.people[name] = person
        self.touch()
        return person

    def person_at(self, address: str) -> Person | None:
        """Who owns a `whatsapp:` address, by number or by user id."""
        bare = address.removeprefix("whatsapp:")
        return next((p for p in self.people.values() if bare in {p.phone, p.user_id}), None)

    def window_open(self, person: Person) -> bool:
        last = person.last_inbound
        return last is not None and self.clock.now() - last < WINDOW_SECONDS

    def order(self, order_id: str) -> Link | None:
        """The link an order belongs to."""
        return self.links.get(self.orders.get(order_id, ""))

    def touch(self) -> None:
        """Something changed: wake everybody who waits."""
        self.revision += 1
        if self._waiting is not None:
            self._waiting.set()
            self._waiting = None

    async def changed(self, timeout: float) -> None:
        """Return at the next change or after `timeout` seconds."""
        if self._waiting is None:
            self._waiting = asyncio.Event()
        try:
            await asyncio.wait_for(self._waiting.wait(), timeout)
        except TimeoutError:
            return

    async def until(self, found: Callable[[], Found | None], timeout: float) -> Found | None:
        """The first result of `found` that is not None, looked for again at every change."""
        deadline = time.monotonic() + timeout
        while (result := found()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or self.closing:
                return None
            await self.changed(min(left, 5.0))
        return result
