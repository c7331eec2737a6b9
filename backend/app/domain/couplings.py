"""How the four lifecycles hang together: what one brings about in another, decided in the same
transaction, and which statuses may stand beside each other afterwards.

``check-invariants`` asks a database for rows that stand apart; ``docs/lifecycle.md`` shows both
tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.domain.lifecycle import (
    Job,
    JobEvent,
    Order,
    OrderEvent,
    PaymentEvent,
    RefundEvent,
)


@dataclass(frozen=True, slots=True)
class Coupling:
    """``cause`` brings ``effect`` about wherever ``where`` holds. A word instead of an event stands
    for something new: ``"print job"`` for a row that is written."""

    cause: StrEnum | str
    where: str
    effect: StrEnum | str


COUPLINGS: tuple[Coupling, ...] = (
    Coupling(OrderEvent.QUOTE, "payment online", "payment"),
    Coupling(OrderEvent.CHANGE, "a link is open: a task closes it at Razorpay", PaymentEvent.CLOSE),
    Coupling(OrderEvent.CANCEL, "a link is open: a task closes it at Razorpay", PaymentEvent.CLOSE),
    Coupling(PaymentEvent.CAPTURE, "it pays the order", OrderEvent.FULFIL),
    Coupling(PaymentEvent.CAPTURE, "nobody can use it", "refund"),
    Coupling(PaymentEvent.CLOSE, "the link's time is over", OrderEvent.EXPIRE),
    Coupling(PaymentEvent.CLOSE, "cancelled at the provider", OrderEvent.CANCEL),
    Coupling(OrderEvent.FULFIL, "always", "print job"),
    Coupling(JobEvent.FINISH, "it was the last of the order", OrderEvent.PRINTED),
    Coupling("refund", "nothing of the payment is left", OrderEvent.REFUND),
    Coupling("refund", "nothing is left, the job is not on paper", JobEvent.CANCEL),
    Coupling(RefundEvent.PROCESS, "made elsewhere, nothing is left", OrderEvent.REFUND),
    Coupling("dispute", "the job waits", JobEvent.HOLD),
    Coupling("dispute that was won or closed", "no other dispute stands", JobEvent.RELEASE),
)

# Statuses the original job of an order may have; None: it has no job.
JOB_BESIDE: Mapping[Order, frozenset[Job | None]] = {
    Order.DRAFT: frozenset({None}),
    Order.PAYMENT_PENDING: frozenset({None}),
    Order.EXPIRED: frozenset({None}),
    Order.CANCELLED: frozenset({None}),
    # Cancelled: a person ordered a reprint in its place.
    Order.PAID: frozenset(Job) - {Job.COMPLETED},
    Order.READY: frozenset({Job.COMPLETED, Job.CANCELLED}),
    Order.COLLECTED: frozenset({Job.COMPLETED, Job.CANCELLED}),
    # What had reached the printer when the money went back comes to its own end.
    Order.REFUNDED: frozenset(
        {Job.CANCELLED, Job.PRINTING, Job.COMPLETED, Job.UNCERTAIN, Job.FAILED}
    ),
}

# Orders somebody paid: exactly one payment fulfils each of them, and none fulfils another.
PAID_FOR = frozenset({Order.PAID, Order.READY, Order.COLLECTED, Order.REFUNDED})


def pairs() -> list[tuple[str, str]]:
    """Allowed (order status, job status); an empty string where there is no job."""
    return sorted(
        (order.value, job.value if job else "")
        for order, jobs in JOB_BESIDE.items()
        for job in jobs
    )


def as_table() -> str:
    """``COUPLINGS`` and ``JOB_BESIDE`` as Markdown."""
    lines = ["| when | where | then |", "|---|---|---|"]
    lines += [
        f"| {_named(each.cause)} | {each.where} | {_named(each.effect)} |" for each in COUPLINGS
    ]
    lines += ["", "| order | its job may be | paid by one payment |", "|---|---|---|"]
    for order, jobs in JOB_BESIDE.items():
        beside = ", ".join(f"`{job.value}`" for job in Job if job in jobs) or "not there"
        lines.append(f"| `{order.value}` | {beside} | {'yes' if order in PAID_FOR else 'no'} |")
    return "\n".join(lines)


def _named(event: StrEnum | str) -> str:
    thing = _THINGS.get(type(event))
    return f"{thing}: {event}" if thing else f"a {event}"


_THINGS: Mapping[type, str] = {
    OrderEvent: "order",
    PaymentEvent: "payment",
    RefundEvent: "refund",
    JobEvent: "print job",
}
