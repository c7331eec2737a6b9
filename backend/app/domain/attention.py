"""What only a person can decide: every kind of question, and the closed list of answers to it.

An answer is a *resolution*: it does something, to money or to paper, and closes the item. A
question about money is never closed by a mere note; each of its answers names the new owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.domain.lifecycle import ORDER, Job, Order, OrderEvent, Refund


class About(StrEnum):
    MONEY = "money"
    PAPER = "paper"
    OTHER = "other"


class Resolution(StrEnum):
    REFUND = "refund"
    PRINT_IT = "print_it"
    KEEP_AS_CREDIT = "keep_as_credit"
    MATCHED_BY_HAND = "matched_by_hand"
    PAID_BACK_BY_HAND = "paid_back_by_hand"
    TRY_AGAIN = "try_again"
    REFUND_STANDS = "refund_stands"
    BOOKED_RIGHT = "booked_right"
    DISPUTE_WON = "dispute_won"
    TAKEN_BY_BANK = "taken_by_bank"
    IT_PRINTED = "it_printed"
    NOTHING_CAME_OUT_PRINT = "nothing_came_out_print"
    NOTHING_CAME_OUT_REFUND = "nothing_came_out_refund"
    PRINT_AGAIN = "print_again"
    SEEN = "seen"


# Answers that are somebody's word: what stands behind them is written down.
NEEDS_NOTE = frozenset(
    {
        *(Resolution.REFUND, Resolution.KEEP_AS_CREDIT, Resolution.MATCHED_BY_HAND),
        *(Resolution.PAID_BACK_BY_HAND, Resolution.REFUND_STANDS, Resolution.TAKEN_BY_BANK),
        *(Resolution.PRINT_AGAIN, Resolution.SEEN, Resolution.BOOKED_RIGHT),
    }
)
# After these the shop keeps money that no order of ours was printed for.
KEEPS_MONEY = frozenset({Resolution.KEEP_AS_CREDIT, Resolution.MATCHED_BY_HAND})


@dataclass(frozen=True, slots=True)
class Kind:
    """``asks`` is what staff read; the catalogues say the same in their languages."""

    about: About
    asks: str
    resolutions: tuple[Resolution, ...]


_R = Resolution

KINDS: Mapping[str, Kind] = {
    "wrong_amount": Kind(
        About.MONEY,
        "The amount paid is not the amount quoted. Refund it, print it all the same, or keep it "
        "as credit if the customer agrees.",
        (_R.REFUND, _R.PRINT_IT, _R.KEEP_AS_CREDIT),
    ),
    "wrong_currency": Kind(
        About.MONEY,
        "The payment came in another currency than quoted. Refund it, or keep it as credit if the "
        "customer agrees.",
        (_R.REFUND, _R.KEEP_AS_CREDIT),
    ),
    "unknown_link": Kind(
        About.MONEY,
        "A payment came that no order asked for. Find out whose it is, or refund it.",
        (_R.REFUND, _R.MATCHED_BY_HAND, _R.KEEP_AS_CREDIT),
    ),
    "disputed": Kind(
        About.MONEY,
        "Money came for a payment the bank asks about. Nothing prints until you decide.",
        (_R.REFUND, _R.PRINT_IT, _R.TAKEN_BY_BANK, _R.KEEP_AS_CREDIT),
    ),
    "dispute": Kind(
        About.MONEY,
        "The bank asks about this payment. Answer in the Razorpay dashboard before the date "
        "there, then say here how it ended.",
        (_R.DISPUTE_WON, _R.TAKEN_BY_BANK),
    ),
    "refund_failed": Kind(
        About.MONEY,
        "The bank did not take the refund; the money is still with you. Try again, or pay it back "
        "by hand.",
        (_R.TRY_AGAIN, _R.PAID_BACK_BY_HAND, _R.KEEP_AS_CREDIT),
    ),
    "refund_stuck": Kind(
        About.MONEY,
        "The bank has not confirmed this refund. Look at it in the Razorpay dashboard and at your "
        "balance there.",
        (_R.REFUND_STANDS,),
    ),
    "external_refund": Kind(
        About.MONEY,
        "Somebody refunded this in the Razorpay dashboard. Check that the order fits.",
        (_R.REFUND_STANDS, _R.REFUND),
    ),
    "refunded_too_much": Kind(
        About.MONEY,
        "Refunds made outside are larger than the payment. Check it in the Razorpay dashboard.",
        (_R.REFUND_STANDS,),
    ),
    "not_at_razorpay": Kind(
        About.MONEY,
        "We have this payment as received, but Razorpay does not. Look for it in the Razorpay "
        "dashboard and say which of the two is right.",
        (_R.BOOKED_RIGHT, _R.TAKEN_BY_BANK),
    ),
    "amount_differs": Kind(
        About.MONEY,
        "Razorpay has another amount for this payment than we have. Compare both, and refund it "
        "or say that ours is right.",
        (_R.BOOKED_RIGHT, _R.REFUND),
    ),
    "did_it_print": Kind(
        About.PAPER,
        "The shop PC lost sight of this print. Look in the tray before you decide.",
        (
            _R.IT_PRINTED,
            _R.PRINT_AGAIN,
            _R.NOTHING_CAME_OUT_PRINT,
            _R.NOTHING_CAME_OUT_REFUND,
        ),
    ),
    "print_failed": Kind(
        About.PAPER,
        "Nothing reached the paper. Look at the printer, then try again or refund.",
        (_R.TRY_AGAIN, _R.REFUND),
    ),
    "cannot_print": Kind(
        About.PAPER,
        "The shop PC gave this print back again and again. Check the printer and its paper.",
        (_R.SEEN, _R.REFUND),
    ),
    "not_moving": Kind(
        About.PAPER,
        "Check that the shop PC is on and its printer is ready.",
        (_R.SEEN, _R.REFUND),
    ),
    "file_missing": Kind(
        About.PAPER,
        "The file of this order is not in the storage any more. Ask the customer to send it "
        "again, or refund it.",
        (_R.REFUND, _R.SEEN),
    ),
    "file_not_made": Kind(
        About.OTHER,
        "Something failed on our side before payment. The order was closed and the customer was "
        "told; help them if they write.",
        (_R.SEEN,),
    ),
    "file_not_deleted": Kind(
        About.OTHER,
        "A file is past its time, but the storage does not let it go. Look at the disk or bucket; "
        "we keep trying.",
        (_R.SEEN,),
    ),
    "no_payment_link": Kind(
        About.OTHER,
        "Razorpay did not make a link. The customer was asked to pay at the counter.",
        (_R.SEEN,),
    ),
    "message_not_delivered": Kind(
        About.OTHER,
        "The customer did not get our message. Call them if they need to know.",
        (_R.SEEN,),
    ),
    "wants_a_person": Kind(
        About.OTHER,
        "The customer asked for someone from the shop. Answer them in WhatsApp.",
        (_R.SEEN,),
    ),
    "webhook_not_handled": Kind(
        About.OTHER,
        "Something arrived that we could not work on. It is kept; tell whoever looks after the "
        "system.",
        (_R.SEEN,),
    ),
}
# About a payment, and answered by the fact that all of it went back.
NOTHING_LEFT = frozenset({"wrong_amount", "wrong_currency", "unknown_link"})
# Newer kinds than this table. About money none is closed by having been looked at.
UNLISTED = Kind(About.OTHER, "Something happened that only a person can decide.", (_R.SEEN,))
UNLISTED_MONEY = Kind(
    About.MONEY,
    "Something happened to this money that only a person can decide. Look at it in the Razorpay "
    "dashboard.",
    (_R.REFUND, _R.KEEP_AS_CREDIT, _R.REFUND_STANDS),
)


def kind_of(name: str, *, subject: str) -> Kind:
    """What an item asks; ``subject`` as "payment:…", "refund:…", "order:…" and so on."""
    unlisted = UNLISTED_MONEY if subject.startswith(("payment:", "refund:")) else UNLISTED
    return KINDS.get(name, unlisted)


@dataclass(frozen=True, slots=True)
class Facts:
    """What an item is about, as it stands under the locks. ``left_paise`` can still go back."""

    order: Order | None = None
    job: Job | None = None
    refund: Refund | None = None
    refund_paise: int = 0
    has_payment: bool = False
    left_paise: int = 0
    untouched: bool = False
    quoted: bool = False
    same_currency: bool = False
    disputed: bool = False
    paid_by_another: bool = False
    file_here: bool = False


_BANK_ASKS = "The bank still asks about this payment and lets nobody refund it meanwhile."


def refusal(resolution: Resolution, facts: Facts) -> str:
    """Why this answer is not possible now, as a sentence; empty when it is."""
    match resolution:
        case Resolution.REFUND | Resolution.KEEP_AS_CREDIT if facts.left_paise < 1:
            return "Nothing is left of this payment."
        case Resolution.REFUND if facts.disputed:
            return _BANK_ASKS
        case Resolution.NOTHING_CAME_OUT_REFUND if facts.disputed and facts.left_paise:
            return _BANK_ASKS
        case Resolution.TRY_AGAIN if facts.refund is not None and facts.disputed:
            return _BANK_ASKS
        case Resolution.KEEP_AS_CREDIT | Resolution.TRY_AGAIN | Resolution.PAID_BACK_BY_HAND if (
            facts.refund is not None
        ):
            return _about_refund(resolution, facts)
        case Resolution.MATCHED_BY_HAND if facts.left_paise < 1:
            return "Nothing is left of this payment."
        case Resolution.PRINT_IT:
            return _printable(facts)
        case Resolution.TRY_AGAIN:
            return _still(facts, Job.FAILED) or _payable(facts)
        case Resolution.IT_PRINTED | Resolution.NOTHING_CAME_OUT_REFUND:
            return _still(facts, Job.UNCERTAIN)
        case Resolution.NOTHING_CAME_OUT_PRINT | Resolution.PRINT_AGAIN:
            return _still(facts, Job.UNCERTAIN) or _payable(facts)
        case _:
            return ""


def offered(kind: Kind, facts: Facts) -> tuple[Resolution, ...]:
    return tuple(each for each in kind.resolutions if not refusal(each, facts))


def _about_refund(resolution: Resolution, facts: Facts) -> str:
    if facts.refund is not Refund.FAILED:
        return f"The refund is {facts.refund}, not failed, any more."
    whole = resolution is not Resolution.KEEP_AS_CREDIT
    if whole and facts.left_paise < facts.refund_paise:
        return "Less than this refund is left of the payment; it went back another way."
    return ""


def _printable(facts: Facts) -> str:
    if facts.order is None or OrderEvent.FULFIL not in ORDER[facts.order]:
        return f"An order that is {facts.order or 'unknown'} cannot be printed any more."
    if not facts.quoted:
        return "This order was never priced."
    if facts.paid_by_another:
        return "Another payment pays this order already."
    if not facts.file_here:
        return "The file of this order is gone."
    if facts.disputed:
        return "The bank still asks about this payment."
    if not facts.same_currency:
        return "The payment came in another currency than the price."
    if not facts.untouched:
        return "Some of this payment went back already."
    return ""


def _still(facts: Facts, status: Job) -> str:
    return "" if facts.job is status else f"The print is {facts.job}, not {status}, any more."


def _payable(facts: Facts) -> str:
    """Whether paper may still be made for the order."""
    if facts.order is not Order.PAID:
        return f"An order that is {facts.order} is not printed."
    return "" if facts.file_here else "The file of this order is gone."
