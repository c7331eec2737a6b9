"""The lifecycles together: every status has its place, every event is one of theirs."""

from __future__ import annotations

from app.domain.couplings import COUPLINGS, JOB_BESIDE, PAID_FOR, as_table, pairs
from app.domain.lifecycle import ORDER, PAYMENT, PRINT_JOB, REFUND, Job, Order


def test_every_order_says_what_its_job_may_be() -> None:
    assert set(JOB_BESIDE) == set(Order)
    assert len(pairs()) == len(set(pairs())) == 20


def test_an_order_has_a_job_exactly_when_it_was_paid() -> None:
    for order, jobs in JOB_BESIDE.items():
        assert (None not in jobs) == (order in PAID_FOR), order


def test_a_finished_job_stands_beside_no_order_that_still_waits_for_paper() -> None:
    assert {order for order, jobs in JOB_BESIDE.items() if Job.COMPLETED in jobs} == {
        Order.READY,
        Order.COLLECTED,
        Order.REFUNDED,
    }


def test_money_that_went_back_leaves_no_job_that_could_still_begin() -> None:
    assert not JOB_BESIDE[Order.REFUNDED] & {Job.QUEUED, Job.HELD, Job.CLAIMED}


def test_causes_and_effects_are_events_of_a_lifecycle() -> None:
    events = {
        event
        for table in (ORDER, PAYMENT, REFUND, PRINT_JOB)
        for row in table.values()
        for event in row
    }
    words = {"payment", "refund", "print job", "dispute", "dispute that was won or closed"}
    for coupling in COUPLINGS:
        for end in (coupling.cause, coupling.effect):
            assert end in events or end in words, coupling


def test_both_tables_are_shown() -> None:
    shown = as_table().splitlines()
    assert len(shown) == len(COUPLINGS) + len(JOB_BESIDE) + 5
    assert "| payment: capture | it pays the order | order: fulfil |" in shown
    assert "| `DRAFT` | not there | no |" in shown
