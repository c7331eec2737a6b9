"""Every status in the house and every arrow between two of them. Nothing else moves a status.

The database carries the same arrows (``allowed_transitions``) and refuses others; a test keeps
the two equal, and ``docs/lifecycle.md`` is drawn from these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from app.domain.errors import IllegalMove


class Order(StrEnum):
    DRAFT = "DRAFT"
    PAYMENT_PENDING = "PAYMENT_PENDING"
    PAID = "PAID"
    READY = "READY"
    COLLECTED = "COLLECTED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REFUNDED = "REFUNDED"


class OrderEvent(StrEnum):
    QUOTE = "quote"
    CHANGE = "change"
    FULFIL = "fulfil"
    CANCEL = "cancel"
    EXPIRE = "expire"
    PRINTED = "printed"
    COLLECT = "collect"
    UNCOLLECT = "uncollect"
    REFUND = "refund"


ORDER: Mapping[Order, Mapping[OrderEvent, Order]] = {
    Order.DRAFT: {
        OrderEvent.QUOTE: Order.PAYMENT_PENDING,
        # The customer went back to change something and paid the old link meanwhile.
        OrderEvent.FULFIL: Order.PAID,
        OrderEvent.CANCEL: Order.CANCELLED,
        OrderEvent.EXPIRE: Order.EXPIRED,
    },
    Order.PAYMENT_PENDING: {
        OrderEvent.CHANGE: Order.DRAFT,
        OrderEvent.FULFIL: Order.PAID,
        OrderEvent.CANCEL: Order.CANCELLED,
        OrderEvent.EXPIRE: Order.EXPIRED,
    },
    Order.PAID: {OrderEvent.PRINTED: Order.READY, OrderEvent.REFUND: Order.REFUNDED},
    Order.READY: {OrderEvent.COLLECT: Order.COLLECTED, OrderEvent.REFUND: Order.REFUNDED},
    Order.COLLECTED: {OrderEvent.UNCOLLECT: Order.READY, OrderEvent.REFUND: Order.REFUNDED},
    # Money that comes late for a file that is still here is honoured at the frozen quote.
    Order.EXPIRED: {OrderEvent.FULFIL: Order.PAID},
    Order.CANCELLED: {},
    Order.REFUNDED: {},
}

OPEN_ORDERS = frozenset({Order.DRAFT, Order.PAYMENT_PENDING})


class Payment(StrEnum):
    INITIATED = "INITIATED"
    LINK_SENT = "LINK_SENT"
    CAPTURED = "CAPTURED"
    CLOSED = "CLOSED"
    FAILED = "FAILED"


class PaymentEvent(StrEnum):
    LINK = "link"
    CAPTURE = "capture"
    CLOSE = "close"
    FAIL = "fail"


PAYMENT: Mapping[Payment, Mapping[PaymentEvent, Payment]] = {
    Payment.INITIATED: {
        PaymentEvent.LINK: Payment.LINK_SENT,
        PaymentEvent.CAPTURE: Payment.CAPTURED,
        PaymentEvent.CLOSE: Payment.CLOSED,
        PaymentEvent.FAIL: Payment.FAILED,
    },
    Payment.LINK_SENT: {
        PaymentEvent.CAPTURE: Payment.CAPTURED,
        PaymentEvent.CLOSE: Payment.CLOSED,
    },
    # A closed link can still bring money: banks settle late.
    Payment.CLOSED: {PaymentEvent.CAPTURE: Payment.CAPTURED},
    Payment.FAILED: {PaymentEvent.CAPTURE: Payment.CAPTURED},
    Payment.CAPTURED: {},
}


class Refund(StrEnum):
    REQUESTED = "REQUESTED"
    IN_TRANSIT = "IN_TRANSIT"
    PROCESSED = "PROCESSED"
    FAILED = "FAILED"


class RefundEvent(StrEnum):
    ACCEPT = "accept"
    PROCESS = "process"
    FAIL = "fail"
    TRY_AGAIN = "try_again"


REFUND: Mapping[Refund, Mapping[RefundEvent, Refund]] = {
    Refund.REQUESTED: {
        RefundEvent.ACCEPT: Refund.IN_TRANSIT,
        RefundEvent.PROCESS: Refund.PROCESSED,
        RefundEvent.FAIL: Refund.FAILED,
    },
    Refund.IN_TRANSIT: {RefundEvent.PROCESS: Refund.PROCESSED, RefundEvent.FAIL: Refund.FAILED},
    # Razorpay may report a failure after "processed": the bank sent the money back.
    Refund.PROCESSED: {RefundEvent.FAIL: Refund.FAILED},
    Refund.FAILED: {RefundEvent.TRY_AGAIN: Refund.REQUESTED, RefundEvent.PROCESS: Refund.PROCESSED},
}


class Job(StrEnum):
    QUEUED = "QUEUED"
    HELD = "HELD"
    CLAIMED = "CLAIMED"
    PRINTING = "PRINTING"
    COMPLETED = "COMPLETED"
    UNCERTAIN = "UNCERTAIN"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class JobEvent(StrEnum):
    CLAIM = "claim"
    HOLD = "hold"
    RELEASE = "release"
    START = "start"
    FINISH = "finish"
    FAIL = "fail"
    LOSE = "lose"
    LEASE_LAPSED = "lease_lapsed"
    RETRY = "retry"
    CANCEL = "cancel"
    REPLACE = "replace"


PRINT_JOB: Mapping[Job, Mapping[JobEvent, Job]] = {
    Job.QUEUED: {
        JobEvent.CLAIM: Job.CLAIMED,
        JobEvent.HOLD: Job.HELD,
        JobEvent.CANCEL: Job.CANCELLED,
        JobEvent.FAIL: Job.FAILED,
    },
    Job.HELD: {JobEvent.RELEASE: Job.QUEUED, JobEvent.CANCEL: Job.CANCELLED},
    Job.CLAIMED: {
        JobEvent.START: Job.PRINTING,
        JobEvent.RELEASE: Job.QUEUED,
        JobEvent.LEASE_LAPSED: Job.QUEUED,  # nothing was handed over yet
        JobEvent.FAIL: Job.FAILED,
        JobEvent.CANCEL: Job.CANCELLED,
    },
    Job.PRINTING: {
        JobEvent.FINISH: Job.COMPLETED,
        JobEvent.LOSE: Job.UNCERTAIN,
        JobEvent.LEASE_LAPSED: Job.UNCERTAIN,  # may be on paper: ask a person
        JobEvent.FAIL: Job.FAILED,  # only with proof that the spooler never took it
    },
    Job.UNCERTAIN: {
        JobEvent.FINISH: Job.COMPLETED,  # late proof, or a person saw the paper
        JobEvent.FAIL: Job.FAILED,  # a person says nothing came out
        JobEvent.REPLACE: Job.CANCELLED,  # a person ordered a reprint instead
    },
    Job.FAILED: {JobEvent.RETRY: Job.QUEUED, JobEvent.CANCEL: Job.CANCELLED},
    Job.COMPLETED: {},
    Job.CANCELLED: {},
}

# Money may be given back and the job stopped while nothing has reached a spooler.
NOT_ON_PAPER = frozenset({Job.QUEUED, Job.HELD, Job.CLAIMED, Job.FAILED})

# What may lie on paper only a person moves on; a machine only with proof of completion.
PERSON_ONLY = frozenset({(Job.UNCERTAIN, Job.FAILED), (Job.UNCERTAIN, Job.CANCELLED)})

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def advance(table: Mapping[S, Mapping[E, S]], status: S, event: E) -> S:
    """The status after ``event``. Raises IllegalMove, and nothing changes, without an arrow."""
    try:
        return table[status][event]
    except KeyError:
        raise IllegalMove(status, event) from None


def arrows() -> set[tuple[str, str, str]]:
    """All drawn arrows as ``(table, from, to)``: what the database is given to hold."""
    # Any, because each table has its own enums and a Mapping's key type is invariant.
    tables: dict[str, Mapping[Any, Mapping[Any, StrEnum]]] = {
        "orders": ORDER,
        "payments": PAYMENT,
        "refunds": REFUND,
        "print_jobs": PRINT_JOB,
    }
    return {
        (name, before.value, after.value)
        for name, table in tables.items()
        for before, row in table.items()
        for after in row.values()
    }


def as_mermaid(table: Mapping[S, Mapping[E, S]]) -> str:
    """The table as a Mermaid state diagram."""
    moves = [
        f"  {before.value} --> {after.value}: {event.value}"
        for before, row in table.items()
        for event, after in row.items()
    ]
    return "\n".join(["stateDiagram-v2", *moves])
