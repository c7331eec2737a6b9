"""A payer's bank asks for money back: how far it came, whatever order its words arrive in.

Source: Razorpay's dispute entity. ``closed`` ends an inquiry about fraud once it was answered or
the money was given back (a refund that is told by an event of its own): nothing is deducted, as
for ``won``. Only ``lost`` takes money.
"""

from __future__ import annotations

from enum import StrEnum


class Dispute(StrEnum):
    """From the first word to the furthest. Of two ends, the one that took money counts."""

    OPEN = "OPEN"
    UNDER_REVIEW = "UNDER_REVIEW"
    CLOSED = "CLOSED"
    WON = "WON"
    LOST = "LOST"


# The money may leave, or has left: nothing of its order is begun until a person or the bank says.
STANDS = frozenset({Dispute.OPEN, Dispute.UNDER_REVIEW, Dispute.LOST})

_TOLD = {
    "under_review": Dispute.UNDER_REVIEW,
    "action_required": Dispute.UNDER_REVIEW,
    "closed": Dispute.CLOSED,
    "won": Dispute.WON,
    "lost": Dispute.LOST,
}


def rank(status: Dispute) -> int:
    return list(Dispute).index(status)


def told(status: str, event: str) -> Dispute:
    """What one event says, by its snapshot and its name: ``action_required`` is only in the name,
    its snapshot says open. What nobody knows yet is a dispute that has just begun."""
    words = (status, event.rpartition(".")[2])
    return max((_TOLD.get(word, Dispute.OPEN) for word in words), key=rank)
