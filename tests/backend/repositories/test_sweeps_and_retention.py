"""What the sweeps find: files whose time is over, work whose task is gone, refunds in flight."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from app.repositories.unit_of_work import UnitOfWork
from tests.backend.repositories.rows import Rows

PAST, AHEAD = "now() - interval '1 minute'", "now() + interval '1 hour'"


def due_in(rows: Rows, document: object, when: str) -> None:
    rows.run(f"UPDATE documents SET delete_after = {when} WHERE id = %s", document)


async def found_due(work: UnitOfWork, rows: Rows) -> set[object]:
    """Sweeps look at every shop; what belongs to other tests is passed over."""
    async with work("system:retention") as tx:
        return {row.id for row in await tx.documents.due(limit=1000) if row.shop_id == rows.shop}


@pytest.mark.parametrize(
    ("status", "goes"),
    [
        (None, True),
        ("DRAFT", False),
        ("PAYMENT_PENDING", False),
        ("PAID", False),
        ("READY", True),
        ("COLLECTED", True),
        ("CANCELLED", True),
        ("EXPIRED", True),
        ("REFUNDED", True),
    ],
)
async def test_a_file_past_its_time_goes_unless_it_is_still_owed(
    work: UnitOfWork, rows: Rows, status: str | None, goes: bool
) -> None:
    customer = rows.customer()
    order = rows.order(customer=customer, status=status) if status else None
    document = rows.document(customer, order_id=order)
    young = rows.document(customer, order_id=order)
    due_in(rows, document, PAST)
    due_in(rows, young, AHEAD)

    assert await found_due(work, rows) == ({document} if goes else set())


async def test_what_another_sweep_holds_or_has_deleted_is_left(
    work: UnitOfWork, rows: Rows
) -> None:
    customer = rows.customer()
    held, gone, free = (rows.document(customer) for _ in range(3))
    for document in (held, gone, free):
        due_in(rows, document, PAST)
    rows.run("UPDATE documents SET deleted_at = now(), status = 'DELETED' WHERE id = %s", gone)

    with psycopg.connect(rows.url) as other:
        other.execute("SELECT 1 FROM documents WHERE id = %s FOR UPDATE", (held,))
        assert await found_due(work, rows) == {free}


async def test_delete_spares_only_what_a_paid_order_still_needs(
    work: UnitOfWork, rows: Rows
) -> None:
    customer, other = rows.customer(), rows.customer()
    loose = rows.document(customer)
    order = rows.order(customer=customer, status="PAID")
    paid = rows.document(customer, order_id=order)
    ready = rows.document(customer, order_id=rows.order(customer=customer, status="READY"))
    strangers = rows.document(other)
    for document in (loose, paid, ready, strangers):
        due_in(rows, document, AHEAD)

    async with work("system:turn") as tx:
        await tx.documents.forget(customer)
    assert await found_due(work, rows) == {loose, ready}

    rows.run("UPDATE orders SET status = 'READY' WHERE id = %s", order)
    async with work("system:printed") as tx:
        await tx.documents.keep_for(order, hours=24)
    assert await found_due(work, rows) == {loose, ready, paid}, "printed, and not wanted any more"


async def test_the_time_to_keep_is_counted_from_now(work: UnitOfWork, rows: Rows) -> None:
    customer = rows.customer()
    order = rows.order(customer=customer, status="CANCELLED")
    document = rows.document(customer, order_id=order)

    async with work("system:turn") as tx:
        await tx.documents.keep_for(order, hours=24)

    left = rows.one(
        "SELECT extract(epoch FROM delete_after - now())::int FROM documents WHERE id = %s",
        document,
    )
    assert 24 * 3600 - 30 < left <= 24 * 3600


# Tasks


def made(rows: Rows) -> list[dict[str, Any]]:
    return [t for t in rows.tasks("make_link") if t["args"] == {"payment_id": str(rows.shop)}]


async def test_a_task_commits_with_its_cause_or_not_at_all(work: UnitOfWork, rows: Rows) -> None:
    followed: list[str] = []

    async def follow() -> None:
        followed.append("told")

    with pytest.raises(ZeroDivisionError):
        async with work("system:turn") as tx:
            await tx.defer("make_link", lane="order:1", payment_id=str(rows.shop))
            tx.after_commit.append(follow)
            raise ZeroDivisionError
    assert made(rows) == []
    assert followed == []

    async with work("system:turn") as tx:
        await tx.defer("make_link", lane="order:1", payment_id=str(rows.shop))
        tx.after_commit.append(follow)
        assert made(rows) == []
        assert followed == []
    (task,) = made(rows)
    assert (task["lock"], task["args"], task["status"]) == (
        "order:1",
        {"payment_id": str(rows.shop)},
        "todo",
    )
    assert followed == ["told"]


async def test_a_task_wanted_once_waits_once_and_breaks_nothing(
    work: UnitOfWork, rows: Rows
) -> None:
    async with work("system:turn") as tx:
        for _ in range(3):
            await tx.defer("sweep_documents", once="asked", timestamp=0)
        await tx.defer("sweep_documents", once="another", timestamp=0)

    tasks = rows.tasks("sweep_documents")
    assert [task["queueing_lock"] for task in tasks] == ["asked", "another"]


async def test_work_whose_task_is_gone_is_found_and_nothing_else(
    work: UnitOfWork, rows: Rows
) -> None:
    customer = rows.customer()
    order = rows.order(customer=customer, status="PAYMENT_PENDING")
    lost_link, safe_link = rows.payment(order), rows.payment(order)
    lost_file = rows.document(customer, status="FETCHING")
    safe_file = rows.document(customer, status="FETCHING")
    message = {"shop_id": rows.shop, "customer_id": customer, "direction": "OUT", "body": "x"}
    lost_word = rows.insert("messages", status="STAGED", **message)
    safe_word = rows.insert("messages", status="STAGED", **message)
    payment = rows.captured(None, disposition="REFUND")
    lost_refund, safe_refund = rows.refund(payment), rows.refund(payment)
    async with work("system:turn") as tx:
        await tx.defer("make_link", payment_id=str(safe_link))
        await tx.defer("prepare_document", document_id=str(safe_file))
        await tx.defer("send_message", message_id=safe_word)
        await tx.defer("issue_refund", refund_id=str(safe_refund))

    mine = {lost_file, safe_file, lost_refund, safe_refund}

    async def found(age: int) -> tuple[object, ...]:
        async with work("system:sweep") as tx:
            return (
                [
                    each
                    for each in await tx.payments.unlinked(older_than_seconds=age)
                    if order in each
                ],
                mine & set(await tx.documents.unfinished(older_than_seconds=age)),
                [
                    each
                    for each in await tx.messages.unsent(older_than_seconds=age)
                    if customer in each
                ],
                mine & set(await tx.refunds.due()),
            )

    assert await found(60) == ([], set(), [], set())
    for table, column in (
        ("payments", "created_at"),
        ("documents", "tried_at"),
        ("messages", "staged_at"),
        ("refunds", "created_at"),
    ):
        rows.run(f"UPDATE {table} SET {column} = now() - interval '2 minutes'")
    assert await found(60) == (
        [(lost_link, order)],
        {lost_file},
        [(lost_word, customer)],
        {lost_refund},
    )


@pytest.mark.parametrize(
    ("status", "looks", "due"),
    [
        ("REQUESTED", "now() - interval '1 s'", True),
        ("IN_TRANSIT", "now() - interval '1 s'", True),
        ("IN_TRANSIT", "now() + interval '1 h'", False),
        ("PROCESSED", "now() - interval '1 s'", False),
        ("FAILED", "now() - interval '1 s'", False),
    ],
)
async def test_refunds_in_flight_are_looked_at_when_it_is_time(
    work: UnitOfWork, rows: Rows, status: str, looks: str, due: bool
) -> None:
    refund = rows.refund(rows.captured(None, disposition="REFUND"), status=status)
    rows.run(f"UPDATE refunds SET next_look_at = {looks} WHERE id = %s", refund)

    async with work("system:sweep") as tx:
        assert (refund in await tx.refunds.due()) is due


@pytest.mark.parametrize(
    ("status", "days", "stuck"),
    [
        ("REQUESTED", 0, False),
        ("REQUESTED", 2, True),
        ("IN_TRANSIT", 9, False),
        ("IN_TRANSIT", 11, True),
        ("PROCESSED", 99, False),
        ("FAILED", 99, False),
    ],
)
async def test_a_refund_that_takes_too_long_is_asked_about_once(
    work: UnitOfWork, rows: Rows, status: str, days: int, stuck: bool
) -> None:
    refund = rows.refund(rows.captured(None, disposition="REFUND"), status=status)
    rows.run(
        f"UPDATE refunds SET created_at = now() - interval '{days} days' WHERE id = %s", refund
    )

    async def found() -> bool:
        async with work("system:sweep") as tx:
            late = await tx.refunds.stuck(unsent_days=1, unsettled_days=10)
        return refund in {row.id for row in late}

    assert await found() is stuck
    item = rows.insert(
        "attention_items", shop_id=rows.shop, kind="refund_stuck", subject=f"refund:{refund}"
    )
    assert not await found()
    rows.run(
        "UPDATE attention_items SET closed_at = now(), closed_by = 'user:asha' WHERE id = %s", item
    )
    assert not await found()
