"""What a chat is: its state, what can happen to it (events) and what it causes (effects)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.errors import Refusal
from app.domain.lifecycle import Job, Order
from app.domain.money import Money
from app.domain.pricing import PriceList, PrintType
from app.domain.wording import Saying


class State(StrEnum):
    IDLE = "IDLE"
    AWAITING_FILE = "AWAITING_FILE"
    AWAITING_PASSWORD = "AWAITING_PASSWORD"  # noqa: S105 - a state, not a secret
    AWAITING_LAYOUT = "AWAITING_LAYOUT"
    AWAITING_PRINT_TYPE = "AWAITING_PRINT_TYPE"
    AWAITING_COPIES = "AWAITING_COPIES"
    AWAITING_PAYMENT = "AWAITING_PAYMENT"


@dataclass(frozen=True, slots=True)
class Doc:
    """A print-ready document. ``name`` is the customer's label, untrusted.

    ``photo``: made of one photograph; ``card``: a card can be seen in it.
    """

    id: str
    name: str
    pages: int
    color_pages: tuple[int, ...]
    photo: bool = False
    card: bool = False


@dataclass(frozen=True, slots=True)
class Chat:
    """``order`` is the order being asked about; ``version`` counts the questions asked;
    ``locked`` is the document whose password was asked for."""

    state: State = State.IDLE
    order: str = ""
    document: Doc | None = None
    print_type: PrintType | None = None
    held: tuple[Doc, ...] = ()
    opening: tuple[str, ...] = ()
    locked: str = ""
    mistakes: int = 0
    version: int = 0
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class LastOrder:
    """The newest order that is no longer being asked about, for STATUS and CANCEL."""

    status: Order
    job: Job | None
    token: str
    ahead: int
    total: Money


@dataclass(frozen=True, slots=True)
class Context:
    """Facts gathered before deciding. ``new_order`` is a fresh order code to use if needed."""

    new_order: str
    shop_name: str
    prices: PriceList
    customer_name: str = ""
    max_copies: int = 100
    max_pages: int = 500
    max_mb: int = 32
    total: Money | None = None
    pay_url: str = ""
    last: LastOrder | None = None
    accepts: str = "PDF, Word, photo"


# Events


@dataclass(frozen=True, slots=True)
class Said:
    text: str


@dataclass(frozen=True, slots=True)
class Tapped:
    """``id`` is ``<order>:<field>:<value>:<version>``; ``title`` what the button said."""

    id: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class FileCame:
    """A file is being fetched and made print-ready under this id."""

    document: str


@dataclass(frozen=True, slots=True)
class FileReady:
    document: Doc


@dataclass(frozen=True, slots=True)
class FileRefused:
    """``final``: a password would not help either."""

    document: str
    reason: Refusal
    final: bool = False


@dataclass(frozen=True, slots=True)
class SheetReady:
    """The sheet asked for by ``MakeSheet``; None when these photos cannot be laid out."""

    order: str
    document: Doc | None


@dataclass(frozen=True, slots=True)
class Unusable:
    """A message we cannot print: voice, video, sticker, location, contact."""


@dataclass(frozen=True, slots=True)
class OrderClosed:
    """The order being asked about left our hands: paid, expired, cancelled or refunded."""

    order: str


Event = Said | Tapped | FileCame | FileReady | FileRefused | SheetReady | Unusable | OrderClosed

# Effects


@dataclass(frozen=True, slots=True)
class Say:
    saying: Saying


@dataclass(frozen=True, slots=True)
class OpenOrder:
    order: str
    document: str


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Freeze the quote and make the payment link."""

    order: str
    print_type: PrintType
    copies: int


@dataclass(frozen=True, slots=True)
class ReviseOrder:
    """Back to the draft: the link is closed before another is made."""

    order: str


@dataclass(frozen=True, slots=True)
class CancelOrder:
    order: str


@dataclass(frozen=True, slots=True)
class PayAtCounter:
    order: str


@dataclass(frozen=True, slots=True)
class OpenLocked:
    """Try once to open the document. The password is used in memory and kept nowhere."""

    document: str
    password: str = field(repr=False)


class Layout(StrEnum):
    ID_CARD = "id_card"
    PASSPORT = "passport"


@dataclass(frozen=True, slots=True)
class MakeSheet:
    """Lay the photos out on one sheet, which takes the place of the order's document."""

    order: str
    layout: Layout
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallPerson:
    pass


@dataclass(frozen=True, slots=True)
class DeleteFiles:
    """Every file of this customer that no paid order still needs."""


@dataclass(frozen=True, slots=True)
class SetStopped:
    stopped: bool


Effect = (
    Say
    | OpenOrder
    | PlaceOrder
    | ReviseOrder
    | CancelOrder
    | PayAtCounter
    | OpenLocked
    | MakeSheet
    | CallPerson
    | DeleteFiles
    | SetStopped
)
Outcome = tuple[Chat, list[Effect]]
