"""What the bot can say: message ids with their values. The sentences live in the catalogues
(``web/locale/<language>/bot.ftl``); nothing else in the house writes to a customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.errors import Refusal


class Text(StrEnum):
    """Message ids of the catalogue. A test holds the two lists equal."""

    WELCOME = "welcome"
    GOT_FILE = "got-file"
    ASK_PRINT_TYPE = "ask-print-type"
    ASK_COPIES = "ask-copies"
    PREPARING_LINK = "preparing-link"
    SUMMARY = "summary"
    PAY_COUNTER = "pay-counter"
    PAID = "paid"
    PAY_FAILED = "pay-failed"
    PAY_REMINDER = "pay-reminder"
    PAY_EXPIRED = "pay-expired"
    PAY_TWICE = "pay-twice"
    PAY_AFTER_CANCEL = "pay-after-cancel"
    PAY_FILE_GONE = "pay-file-gone"
    PAY_UNCLEAR = "pay-unclear"
    READY = "ready"
    DELAYED = "delayed"
    REFUND_STARTED = "refund-started"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund-failed"
    PAID_BACK = "paid-back"
    CREDIT_KEPT = "credit-kept"
    STATUS_NONE = "status-none"
    STATUS_DRAFT = "status-draft"
    STATUS_WAITING_PAYMENT = "status-waiting-payment"
    STATUS_QUEUE = "status-queue"
    STATUS_PRINTING = "status-printing"
    STATUS_CHECKING = "status-checking"
    STATUS_READY = "status-ready"
    HELP = "help"
    PRICES = "prices"
    CANCELLED = "cancelled"
    NOTHING_TO_CANCEL = "nothing-to-cancel"
    CANNOT_CANCEL_PAID = "cannot-cancel-paid"
    NOTHING_TO_GO_BACK = "nothing-to-go-back"
    HUMAN = "human"
    DELETED = "deleted"
    DELETE_LATER = "delete-later"
    STOPPED = "stopped"
    STARTED = "started"
    FILE_HELD = "file-held"
    ID_CARD_OFFER = "id-card-offer"
    MAKING_SHEET = "making-sheet"
    SHEET_FAILED = "sheet-failed"
    TOO_MANY_FILES = "too-many-files"
    STILL_OPENING = "still-opening"
    ASK_PASSWORD = "ask-password"  # noqa: S105 - a message id
    PASSWORD_WRONG = "password-wrong"  # noqa: S105 - a message id
    SEND_A_FILE = "send-a-file"
    STALE_BUTTON = "stale-button"
    ERR_CHOICE = "err-choice"
    ERR_COPIES = "err-copies"
    ERR_COPIES_MANY = "err-copies-many"
    ERR_TOO_EXPENSIVE = "err-too-expensive"
    ERR_MEDIA = "err-media"
    ERR_US = "err-us"
    REFUSED_UNSUPPORTED = "refused-unsupported"
    REFUSED_TOO_BIG = "refused-too-big"
    REFUSED_TOO_MANY_PAGES = "refused-too-many-pages"
    REFUSED_PAGE_TOO_LARGE = "refused-page-too-large"
    REFUSED_TOO_COMPLEX = "refused-too-complex"
    REFUSED_EMPTY = "refused-empty"
    REFUSED_BROKEN = "refused-broken"
    REFUSED_LOCKED = "refused-locked"
    REFUSED_WRONG_PASSWORD = "refused-wrong-password"  # noqa: S105 - a message id
    REFUSED_FORM_ONLY = "refused-form-only"
    REFUSED_PAGE_COUNT = "refused-page-count"
    REFUSED_MACROS = "refused-macros"
    REFUSED_NO_CONVERTER = "refused-no-converter"
    REFUSED_CONVERTER = "refused-converter"
    REFUSED_NOT_FETCHED = "refused-not-fetched"


REFUSED: Mapping[Refusal, Text] = {
    Refusal.UNSUPPORTED: Text.REFUSED_UNSUPPORTED,
    Refusal.TOO_BIG: Text.REFUSED_TOO_BIG,
    Refusal.TOO_MANY_PAGES: Text.REFUSED_TOO_MANY_PAGES,
    Refusal.PAGE_TOO_LARGE: Text.REFUSED_PAGE_TOO_LARGE,
    Refusal.TOO_COMPLEX: Text.REFUSED_TOO_COMPLEX,
    Refusal.EMPTY: Text.REFUSED_EMPTY,
    Refusal.BROKEN: Text.REFUSED_BROKEN,
    Refusal.LOCKED: Text.REFUSED_LOCKED,
    Refusal.WRONG_PASSWORD: Text.REFUSED_WRONG_PASSWORD,
    Refusal.FORM_ONLY: Text.REFUSED_FORM_ONLY,
    Refusal.PAGE_COUNT_UNSURE: Text.REFUSED_PAGE_COUNT,
    Refusal.MACROS: Text.REFUSED_MACROS,
    Refusal.CONVERTER_MISSING: Text.REFUSED_NO_CONVERTER,
    Refusal.CONVERTER_FAILED: Text.REFUSED_CONVERTER,
    Refusal.NOT_FETCHED: Text.REFUSED_NOT_FETCHED,
}

Value = str | int


@dataclass(frozen=True, slots=True)
class Choice:
    """A button: ``label`` names the catalogue's attribute for its title, ``id`` comes back."""

    label: str
    id: str


@dataclass(frozen=True, slots=True)
class Saying:
    """One message to a customer: paragraphs in order, then the buttons of the last one."""

    parts: tuple[Text, ...]
    values: Mapping[str, Value] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """The words in one language: ``buttons`` are ``(id, title ≤ 20 characters)``."""

    body: str
    buttons: tuple[tuple[str, str], ...]
