"""The four status tables: every pair of status and event is an arrow drawn here, or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from app.domain.errors import IllegalMove, NotAllowed
from app.domain.lifecycle import (
    NOT_ON_PAPER,
    OPEN_ORDERS,
    ORDER,
    PAYMENT,
    PERSON_ONLY,
    PRINT_JOB,
    REFUND,
    Job,
    JobEvent,
    Order,
    OrderEvent,
    Payment,
    PaymentEvent,
    Refund,
    RefundEvent,
    advance,
    arrows,
    as_mermaid,
)

# Any, because each table has its own enums and a Mapping's key type is invariant.
Table = Mapping[Any, Mapping[Any, StrEnum]]

# Drawn a second time, by hand, as "status event next".
DRAWN: dict[str, str] = {
    "orders": """
        DRAFT quote PAYMENT_PENDING
        DRAFT fulfil PAID
        DRAFT cancel CANCELLED
        DRAFT expire EXPIRED
        PAYMENT_PENDING change DRAFT
        PAYMENT_PENDING fulfil PAID
        PAYMENT_PENDING cancel CANCELLED
        PAYMENT_PENDING expire EXPIRED
        PAID printed READY
        PAID refund REFUNDED
        READY collect COLLECTED
        READY refund REFUNDED
        COLLECTED uncollect READY
        COLLECTED refund REFUNDED
        EXPIRED fulfil PAID
    """,
    "payments": """
        INITIATED link LINK_SENT
        INITIATED capture CAPTURED
        INITIATED close CLOSED
        INITIATED fail FAILED
        LINK_SENT capture CAPTURED
        LINK_SENT close CLOSED
        CLOSED capture CAPTURED
        FAILED capture CAPTURED
    """,
    "refunds": """
        REQUESTED accept IN_TRANSIT
        REQUESTED process PROCESSED
        REQUESTED fail FAILED
        IN_TRANSIT process PROCESSED
        IN_TRANSIT fail FAILED
        PROCESSED fail FAILED
        FAILED try_again REQUESTED
        FAILED process PROCESSED
    """,
    "print_jobs": """
        QUEUED claim CLAIMED
        QUEUED hold HELD
        QUEUED cancel CANCELLED
        QUEUED fail FAILED
        HELD release QUEUED
        HELD cancel CANCELLED
        CLAIMED start PRINTING
        CLAIMED release QUEUED
        CLAIMED lease_lapsed QUEUED
        CLAIMED fail FAILED
        CLAIMED cancel CANCELLED
        PRINTING finish COMPLETED
        PRINTING lose UNCERTAIN
        PRINTING lease_lapsed UNCERTAIN
        PRINTING fail FAILED
        UNCERTAIN finish COMPLETED
        UNCERTAIN fail FAILED
        UNCERTAIN replace CANCELLED
        FAILED retry QUEUED
        FAILED cancel CANCELLED
    """,
}
TABLES: dict[str, tuple[Table, type[StrEnum], type[StrEnum]]] = {
    "orders": (ORDER, Order, OrderEvent),
    "payments": (PAYMENT, Payment, PaymentEvent),
    "refunds": (REFUND, Refund, RefundEvent),
    "print_jobs": (PRINT_JOB, Job, JobEvent),
}


def drawn(name: str) -> dict[tuple[str, str], str]:
    lines = (line.split() for line in DRAWN[name].strip().splitlines())
    return {(status, event): after for status, event, after in lines}


EVERY_PAIR = [
    pytest.param(name, status, event, id=f"{name}-{status}-{event}")
    for name, (_, statuses, events) in TABLES.items()
    for status, event in product(statuses, events)
]


@pytest.mark.parametrize(("name", "status", "event"), EVERY_PAIR)
def test_an_event_follows_its_arrow_or_is_refused(
    name: str, status: StrEnum, event: StrEnum
) -> None:
    table, statuses, _ = TABLES[name]
    after = drawn(name).get((status.value, event.value))

    if after is None:
        with pytest.raises(IllegalMove, match=rf"^{event} is not possible while {status}$") as no:
            advance(table, status, event)
        assert (no.value.status, no.value.event) == (status, event)
        assert no.value.detail == (
            "This has moved on meanwhile. Load the page again to see how it stands."
        )
        assert isinstance(no.value, NotAllowed)
    else:
        assert advance(table, status, event) is statuses(after)


@pytest.mark.parametrize("name", TABLES)
def test_every_status_has_a_row_even_when_nothing_leads_away(name: str) -> None:
    table, statuses, _ = TABLES[name]

    assert set(table) == set(statuses)


def test_the_ends_are_ends() -> None:
    ends = {
        name: {status.value for status, row in table.items() if not row}
        for name, (table, _, _) in TABLES.items()
    }

    assert ends == {
        "orders": {"CANCELLED", "REFUNDED"},
        "payments": {"CAPTURED"},
        "refunds": set(),  # banks send money back after "processed"
        "print_jobs": {"COMPLETED", "CANCELLED"},
    }


@pytest.mark.parametrize("name", TABLES)
def test_every_status_can_be_reached_from_the_first(name: str) -> None:
    table, statuses, _ = TABLES[name]
    reached = {next(iter(statuses))}
    while more := {after for status in reached for after in table[status].values()} - reached:
        reached |= more

    assert reached == set(statuses)


def test_arrows_are_the_tables_without_the_events() -> None:
    assert arrows() == {
        (name, status, after) for name in TABLES for (status, _), after in drawn(name).items()
    }


def test_captured_money_is_never_downgraded() -> None:
    assert [arrow for arrow in arrows() if arrow[:2] == ("payments", "CAPTURED")] == []


def test_paper_that_may_exist_goes_back_to_the_queue_by_no_arrow() -> None:
    leads_to_queue = {status for status, row in PRINT_JOB.items() if Job.QUEUED in row.values()}

    assert leads_to_queue == {Job.HELD, Job.CLAIMED, Job.FAILED}
    assert leads_to_queue <= NOT_ON_PAPER
    assert not NOT_ON_PAPER & {Job.PRINTING, Job.UNCERTAIN, Job.COMPLETED}


def test_what_only_a_person_decides_is_drawn_and_leaves_uncertain() -> None:
    drawn_pairs = {(Job(before), Job(after)) for t, before, after in arrows() if t == "print_jobs"}

    assert drawn_pairs >= PERSON_ONLY
    assert {before for before, _ in PERSON_ONLY} == {Job.UNCERTAIN}
    assert set(PRINT_JOB[Job.UNCERTAIN].values()) == {
        Job.COMPLETED,
        *(after for _, after in PERSON_ONLY),
    }


def test_open_orders_are_those_that_can_still_be_cancelled() -> None:
    assert {s for s, row in ORDER.items() if OrderEvent.CANCEL in row} == OPEN_ORDERS


@pytest.mark.parametrize("name", TABLES)
def test_the_diagram_shows_every_arrow_once(name: str) -> None:
    head, *lines = as_mermaid(TABLES[name][0]).splitlines()
    shown = [re.fullmatch(r"  (\w+) --> (\w+): (\w+)", line) for line in lines]

    assert head == "stateDiagram-v2"
    assert sorted((m[1], m[3], m[2]) for m in shown if m) == sorted(
        (status, event, after) for (status, event), after in drawn(name).items()
    )
