"""What the database refuses, whoever asks: the triggers, tried with every pair of statuses."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from uuid import UUID

import psycopg
import pytest

from app.domain.lifecycle import Job, Order, Payment, Refund, arrows
from tests.backend.repositories.rows import Rows

REFUSED = psycopg.errors.CheckViolation

MAKERS: dict[str, Callable[[Rows, str], UUID]] = {
    "orders": lambda rows, status: rows.order(status=status),
    "payments": lambda rows, status: (
        rows.captured(None, disposition="ATTENTION")
        if status == "CAPTURED"
        else rows.payment(None, status=status)
    ),
    "refunds": lambda rows, status: rows.refund(
        rows.captured(None, disposition="ATTENTION"), status=status
    ),
    "print_jobs": lambda rows, status: rows.paid_order(status=status).job,
}
STATUSES = {"orders": Order, "payments": Payment, "refunds": Refund, "print_jobs": Job}


def move(rows: Rows, table: str, row: UUID, after: str, actor: str) -> None:
    owner = ""
    if table == "payments":  # or a constraint would speak before the trigger
        disposition = "'ATTENTION'" if after == "CAPTURED" else "NULL"
        owner = f", disposition = {disposition}"
    rows.run_as(actor, f"UPDATE {table} SET status = %s{owner} WHERE id = %s", after, row)


@pytest.mark.parametrize("table", STATUSES)
def test_only_drawn_arrows_can_be_taken(rows: Rows, table: str) -> None:
    taken, wrong = set(), []
    for before, after in product(STATUSES[table], repeat=2):
        if before is after:
            continue
        row = MAKERS[table](rows, before)
        try:
            move(rows, table, row, after, "user:asha")
        except REFUSED as refused:
            if rows.status(table, row) != before or len(rows.transitions(row)) != 1:
                wrong.append((before, after))
            # Whether one is refused is what is asked of each pair.
            said = str(refused)
            assert f"{table} may not go from {before} to {after}" in said
        else:
            taken.add((table, before.value, after.value))

    assert taken == {arrow for arrow in arrows() if arrow[0] == table}
    assert wrong == []


@pytest.mark.parametrize("actor", ["worker:pc-1", "system:sweep", "", "User:asha", "xuser:asha"])
@pytest.mark.parametrize("after", ["FAILED", "CANCELLED"])
def test_only_a_person_says_that_nothing_came_out(rows: Rows, actor: str, after: str) -> None:
    job = rows.paid_order(status="UNCERTAIN").job

    with pytest.raises(REFUSED, match="is for a person to decide"):
        move(rows, "print_jobs", job, after, actor)
    assert rows.status("print_jobs", job) == "UNCERTAIN"

    move(rows, "print_jobs", job, after, "user:asha")
    assert rows.status("print_jobs", job) == after


def test_late_proof_of_completion_needs_no_person(rows: Rows) -> None:
    job = rows.paid_order(status="UNCERTAIN").job

    move(rows, "print_jobs", job, "COMPLETED", "worker:pc-1")

    assert rows.transitions(job)[-1][1:4] == ("UNCERTAIN", "COMPLETED", "worker:pc-1")


def test_every_step_is_written_down_with_its_actor_and_epoch(rows: Rows) -> None:
    paid = rows.paid_order()
    rows.run_as(
        "worker:pc-1",
        "UPDATE print_jobs SET status = 'CLAIMED', epoch = epoch + 1 WHERE id = %s",
        paid.job,
    )
    rows.set_status("print_jobs", paid.job, "PRINTING", actor="worker:pc-1")
    rows.set_status("print_jobs", paid.job, "UNCERTAIN", actor="system:leases")
    rows.run("UPDATE print_jobs SET error = 'no answer' WHERE id = %s", paid.job)

    assert rows.transitions(paid.job) == [
        ("print_jobs", None, "QUEUED", "", 0),
        ("print_jobs", "QUEUED", "CLAIMED", "worker:pc-1", 1),
        ("print_jobs", "CLAIMED", "PRINTING", "worker:pc-1", 1),
        ("print_jobs", "PRINTING", "UNCERTAIN", "system:leases", 1),
    ]
    assert rows.transitions(paid.order) == [("orders", None, "PAID", "", None)]


def test_the_actor_of_one_transaction_does_not_stay_for_the_next(rows: Rows) -> None:
    order = rows.order()
    rows.set_status("orders", order, "CANCELLED", actor="user:asha")
    other = rows.order()

    assert rows.transitions(order)[-1][3] == "user:asha"
    assert rows.transitions(other)[-1][3] == ""


@pytest.mark.parametrize(
    ("table", "column", "deletable"),
    [
        ("quotes", "amount_paise", True),
        ("price_lists", "bw_paise", True),
        ("audit_log", "reason", False),
        ("transitions", "actor", False),
        ("bills", "shop_name", False),
    ],
)
def test_history_is_not_edited(rows: Rows, table: str, column: str, deletable: bool) -> None:
    order = rows.order()
    rows.quote(order)
    rows.bill(order)
    rows.insert("audit_log", shop_id=rows.shop, actor="user:asha", action="refund", subject="x")
    before = rows.all(f"SELECT * FROM {table} ORDER BY id")

    with pytest.raises(REFUSED, match=f"{table} rows are never changed"):
        rows.run(f"UPDATE {table} SET {column} = {column}")
    if not deletable:
        with pytest.raises(REFUSED, match=f"{table} rows are never changed"):
            rows.run(f"DELETE FROM {table}")

    assert before
    assert rows.all(f"SELECT * FROM {table} ORDER BY id") == before


def test_a_quote_and_the_prices_behind_it_cannot_be_thrown_away(rows: Rows) -> None:
    order = rows.order()
    rows.payment(order, quote_id=rows.quote(order))

    for table in ("quotes", "price_lists"):
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            rows.run(f"DELETE FROM {table}")


def test_a_waiting_job_rings_its_shop(rows: Rows) -> None:
    with psycopg.connect(rows.url, autocommit=True) as ear:
        ear.execute("LISTEN print_jobs")
        paid = rows.paid_order(status="CLAIMED")
        held = rows.paid_order(status="HELD")
        rows.run("UPDATE print_jobs SET error = 'x' WHERE id = %s", paid.job)
        quiet = [n.payload for n in ear.notifies(timeout=0.2)]
        rows.paid_order()
        rows.set_status("print_jobs", paid.job, "QUEUED")
        rows.set_status("print_jobs", held.job, "QUEUED")
        heard = [n.payload for n in ear.notifies(timeout=2, stop_after=3)]

    assert quiet == []
    assert heard == [str(rows.shop)] * 3
