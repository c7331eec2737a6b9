"""How far a dispute came, from its snapshot and the name of the event that carried it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.domain.disputes import STANDS, Dispute, rank, told


@pytest.mark.parametrize(
    ("status", "event", "means"),
    [
        ("open", "payment.dispute.created", Dispute.OPEN),
        ("under_review", "payment.dispute.under_review", Dispute.UNDER_REVIEW),
        ("open", "payment.dispute.action_required", Dispute.UNDER_REVIEW),
        ("closed", "payment.dispute.closed", Dispute.CLOSED),
        ("won", "payment.dispute.won", Dispute.WON),
        ("lost", "payment.dispute.lost", Dispute.LOST),
        ("", "payment.dispute.lost", Dispute.LOST),
        ("lost", "payment.dispute.created", Dispute.LOST),
        ("", "payment.dispute.tomorrow", Dispute.OPEN),
    ],
)
def test_what_an_event_says(status: str, event: str, means: Dispute) -> None:
    assert told(status, event) is means


def test_every_end_is_further_than_every_beginning_and_a_loss_is_the_furthest() -> None:
    assert all(rank(before) < rank(after) for before, after in pairwise(Dispute))
    assert set(Dispute) - STANDS == {Dispute.CLOSED, Dispute.WON}
    assert max(Dispute, key=rank) is Dispute.LOST
