"""Rupees as whole paise, and the rule that gives every captured rupee an owner."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import total_ordering

from app.domain.errors import BadInput
from app.domain.lifecycle import Order

# Written out, because number libraries also read 1e3, 1_000 and "nan", and round at 28 digits.
_RUPEES = re.compile(r"(?P<whole>[0-9]+)(?:\.(?P<part>[0-9]+))?")
_HIGHEST = 10**12


def _grouped(rupees: int) -> str:
    """12345678 → '1,23,45,678': three digits, then pairs, as India writes numbers."""
    digits = str(rupees)
    head, tail = digits[:-3], digits[-3:]
    pairs: list[str] = []
    while head:
        pairs.insert(0, head[-2:])
        head = head[:-2]
    return ",".join([*pairs, tail])


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An amount in paise. ``str`` gives ``₹1,234.50``; ``short`` drops the paise when zero."""

    paise: int

    def __post_init__(self) -> None:
        if type(self.paise) is not int:
            raise TypeError(f"money is whole paise, not {type(self.paise).__name__}")

    def __add__(self, other: Money) -> Money:
        return Money(self.paise + other.paise)

    def __sub__(self, other: Money) -> Money:
        return Money(self.paise - other.paise)

    def __mul__(self, times: int) -> Money:
        return Money(self.paise * times)

    def __lt__(self, other: Money) -> bool:
        return self.paise < other.paise

    def __str__(self) -> str:
        sign = "-" if self.paise < 0 else ""
        rupees, paise = divmod(abs(self.paise), 100)
        return f"{sign}₹{_grouped(rupees)}.{paise:02d}"

    @property
    def short(self) -> str:
        text = str(self)
        return text[:-3] if self.paise % 100 == 0 else text


NOTHING = Money(0)
LEAST_ONLINE = Money(100)  # Razorpay sends nothing back below one rupee, not even a rest


def rupees(text: str) -> Money:
    """Reads ``"2"``, ``"2.5"`` or ``"10.00"``. Raises BadInput for anything else, so that a
    price is never rounded on its way in."""
    written = _RUPEES.fullmatch(text.strip())
    if written is None:
        raise BadInput(f"{text!r} is not an amount in rupees like 2.50")
    whole, part = written["whole"], written["part"] or ""
    if len(part) > 2:
        raise BadInput(f"{text!r} has more than two decimals; give rupees like 2.50")
    # Digits are counted first: no price list needs a number that takes long to read.
    paise = int(whole + part.ljust(2, "0")) if len(whole) <= 12 else _HIGHEST + 1
    if paise > _HIGHEST:
        raise BadInput(f"{text!r} is not a price this shop can charge")
    return Money(paise)


class Disposition(StrEnum):
    """Who owns a captured payment. There is no fourth."""

    FULFILS = "FULFILS"
    REFUND = "REFUND"
    ATTENTION = "ATTENTION"


class Why(StrEnum):
    """The reason beside a disposition; staff and customer read a sentence for each."""

    PAID = "paid"
    REVIVED = "paid_after_expiry"
    UNKNOWN_LINK = "unknown_link"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    PAID_TWICE = "paid_twice"
    AFTER_CANCEL = "paid_after_cancel"
    AFTER_REFUND = "paid_after_refund"
    FILE_GONE = "file_gone"
    DISPUTED = "disputed"


@dataclass(frozen=True, slots=True)
class Capture:
    """Money the provider says it holds for us."""

    amount_paise: int
    currency: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The order a capture belongs to, as it stands under its lock.

    ``quoted_paise`` is the frozen quote behind the link that was paid, not the order's newest.
    """

    status: Order
    quoted_paise: int
    currency: str
    fulfilled: bool
    file_available: bool
    disputed: bool = False


@dataclass(frozen=True, slots=True)
class Ruling:
    disposition: Disposition
    why: Why


def dispose(capture: Capture, standing: Standing | None) -> Ruling:
    """Decides for a capture seen the first time. Pure, so that every row can be tested."""
    if standing is None:
        return Ruling(Disposition.ATTENTION, Why.UNKNOWN_LINK)
    if standing.disputed:
        return Ruling(Disposition.ATTENTION, Why.DISPUTED)
    if capture.currency != standing.currency:
        return Ruling(Disposition.ATTENTION, Why.WRONG_CURRENCY)
    if capture.amount_paise != standing.quoted_paise:
        return Ruling(Disposition.ATTENTION, Why.WRONG_AMOUNT)
    if standing.fulfilled:
        return Ruling(Disposition.REFUND, Why.PAID_TWICE)
    match standing.status:
        case Order.CANCELLED:
            return Ruling(Disposition.REFUND, Why.AFTER_CANCEL)
        case Order.REFUNDED:
            return Ruling(Disposition.REFUND, Why.AFTER_REFUND)
        case Order.DRAFT | Order.PAYMENT_PENDING | Order.EXPIRED:
            if not standing.file_available:
                return Ruling(Disposition.REFUND, Why.FILE_GONE)
            late = standing.status is Order.EXPIRED
            return Ruling(Disposition.FULFILS, Why.REVIVED if late else Why.PAID)
        case Order.PAID | Order.READY | Order.COLLECTED:
            # Paid without a fulfilling payment: cash at the counter was taken first.
            return Ruling(Disposition.REFUND, Why.PAID_TWICE)
