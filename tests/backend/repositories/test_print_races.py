"""Beginning to print against everything that may happen meanwhile, over real connections."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import psycopg
import pytest

from app.core.database import Database, UniqueViolation
from app.domain.errors import IllegalMove
from app.domain.lifecycle import Job, JobEvent, OrderEvent
from app.ports import LEASE_SECONDS, Offer
from app.repositories.print_jobs import begin
from app.repositories.unit_of_work import UnitOfWork
from tests.backend.repositories.claims import Held, held, lapse, lengthen, start
from tests.backend.repositories.rows import PaidOrder, Rows, until_waiting

# Beginning


async def test_permission_is_given_once_and_asked_again_harmlessly(
    database: Database, rows: Rows
) -> None:
    rows.paid_order()
    own = await held(database, rows)

    assert await start(database, rows, own, spool_ref="spool-7")
    first = rows.one("SELECT started_at FROM print_attempts WHERE id = %s", own.attempt)
    assert await start(database, rows, own, also="this")

    kept = rows.one("SELECT * FROM print_attempts WHERE id = %s", own.attempt)
    assert kept["started_at"] == first
    assert kept["spool_ref"] == "spool-7"
    assert kept["evidence"] == {"spool_ref": "spool-7", "also": "this"}
    assert [t[2] for t in rows.transitions(own.job)] == ["QUEUED", "CLAIMED", "PRINTING"]


@pytest.mark.parametrize("wrong", ["epoch", "attempt", "shop"])
async def test_a_stale_claim_may_not_print(database: Database, rows: Rows, wrong: str) -> None:
    rows.paid_order()
    own = await held(database, rows)
    stale = Held(
        own.job,
        own.epoch - (wrong == "epoch"),
        uuid4() if wrong == "attempt" else own.attempt,
    )
    with Rows(rows.url) as other:
        assert not await start(database, other if wrong == "shop" else rows, stale)

    assert rows.status("print_jobs", own.job) == "CLAIMED"
    assert rows.one("SELECT started_at FROM print_attempts WHERE id = %s", own.attempt) is None


async def test_nothing_is_begun_after_the_lease(database: Database, rows: Rows) -> None:
    rows.paid_order()
    own = await held(database, rows)
    lapse(rows, own.job)

    assert not await start(database, rows, own)
    assert await lengthen(database, rows, own) is None
    assert rows.status("print_jobs", own.job) == "CLAIMED"


async def test_a_lease_can_be_lengthened_while_it_lives(database: Database, rows: Rows) -> None:
    rows.paid_order()
    own = await held(database, rows)
    rows.run(
        "UPDATE print_jobs SET lease_until = clock_timestamp() + interval '2 s' WHERE id = %s",
        own.job,
    )

    assert await lengthen(database, rows, own) == "CLAIMED"
    left = rows.one(
        "SELECT extract(epoch FROM lease_until - clock_timestamp())::float FROM print_jobs "
        "WHERE id = %s",
        own.job,
    )
    assert LEASE_SECONDS - 5 < left <= LEASE_SECONDS
    assert await start(database, rows, own)
    assert await lengthen(database, rows, own) == "PRINTING"


@pytest.mark.parametrize("status", ["REFUNDED", "READY"])
async def test_an_order_that_is_no_longer_to_be_printed(
    database: Database, rows: Rows, status: str
) -> None:
    paid = rows.paid_order()
    own = await held(database, rows)
    rows.set_status("orders", paid.order, status)

    assert not await start(database, rows, own)


async def test_a_reprint_of_a_ready_order_may_begin(database: Database, rows: Rows) -> None:
    paid = rows.paid_order(status="COMPLETED")
    rows.set_status("orders", paid.order, "READY")
    again = rows.job(paid.order, paid.document, kind="REPRINT", authorised_by="user:asha")

    own = await held(database, rows)

    assert own.job == again
    assert await start(database, rows, own)


async def test_one_printer_begins_one_job_at_a_time(database: Database, rows: Rows) -> None:
    for _ in range(4):
        rows.paid_order()
    own = [await held(database, rows) for _ in range(4)]

    began = await asyncio.gather(
        *(start(database, rows, each) for each in own), return_exceptions=True
    )

    assert began.count(True) == 1
    assert [type(e) for e in began if e is not True] == [UniqueViolation] * 3
    assert sorted(rows.status("print_jobs", each.job) for each in own) == [
        *["CLAIMED"] * 3,
        "PRINTING",
    ]


async def test_two_printers_of_one_worker_begin_together(database: Database, rows: Rows) -> None:
    for _ in range(2):
        rows.paid_order()
    front = await held(database, rows, Offer("pc-1", "Front", color=True, papers=None))
    back = await held(database, rows, Offer("pc-1", "Back", color=True, papers=None))

    began = await asyncio.gather(start(database, rows, front), start(database, rows, back))

    assert list(began) == [True, True]


# Begin against cancel


async def cancel(work: UnitOfWork, paid: PaidOrder) -> str:
    """Money given back and the job stopped, as one transaction."""
    async with work("user:asha") as tx:
        order = await tx.orders.lock(paid.order)
        (job,) = await tx.print_jobs.lock_of_order(paid.order)
        assert order is not None
        try:
            await tx.print_jobs.move(job, JobEvent.CANCEL)
        except IllegalMove:
            return "too late"
        await tx.orders.move(order, OrderEvent.REFUND)
    return "cancelled"


async def test_begin_and_cancel_never_both_win(
    database: Database, rows: Rows, work: UnitOfWork
) -> None:
    for number in range(12):
        paid = rows.paid_order()
        own = await held(database, rows, Offer("pc-1", f"P{number}", color=True, papers=None))
        calls = [start(database, rows, own), cancel(work, paid)]
        if number % 2:
            calls.reverse()
        outcome = set(await asyncio.gather(*calls))
        ending = rows.status("print_jobs", own.job), rows.status("orders", paid.order)
        started = rows.one("SELECT started_at FROM print_attempts WHERE id = %s", own.attempt)

        assert (outcome, ending, started is None) in [
            ({True, "too late"}, ("PRINTING", "PAID"), False),
            ({False, "cancelled"}, ("CANCELLED", "REFUNDED"), True),
        ]


async def test_a_begin_that_waits_for_a_cancel_is_refused(
    database: Database, rows: Rows, work: UnitOfWork
) -> None:
    paid = rows.paid_order()
    own = await held(database, rows)
    async with work("user:asha") as tx:
        (job,) = await tx.print_jobs.lock_of_order(paid.order)
        waiting = asyncio.create_task(start(database, rows, own))
        await until_waiting(rows)
        await tx.print_jobs.move(job, JobEvent.CANCEL)

    assert await waiting is False


async def test_a_cancel_that_waits_for_a_begin_comes_too_late(
    database: Database, rows: Rows, work: UnitOfWork
) -> None:
    paid = rows.paid_order()
    own = await held(database, rows)
    async with database.pool.connection() as connection, connection.transaction():
        begun = await begin(
            connection,
            shop_id=rows.shop,
            job_id=own.job,
            epoch=own.epoch,
            attempt_id=own.attempt,
            actor="worker:pc-1",
            evidence={},
        )
        waiting = asyncio.create_task(cancel(work, paid))
        await until_waiting(rows)

    assert begun
    assert await waiting == "too late"


# Leases that are over


async def test_lapsed_leases_are_found_and_those_in_hand_are_skipped(
    database: Database, rows: Rows, work: UnitOfWork
) -> None:
    for _ in range(4):
        rows.paid_order()
    alive, over, printing, busy = [
        await held(database, rows, Offer("pc-1", f"P{n}", color=True, papers=None))
        for n in range(4)
    ]
    assert await start(database, rows, printing)
    for each in (over, printing, busy):
        lapse(rows, each.job)

    with psycopg.connect(rows.url) as hand:
        hand.execute("SELECT 1 FROM print_jobs WHERE id = %s FOR UPDATE", (busy.job,))
        async with work("system:leases") as tx:
            found = [job for job in await tx.print_jobs.lapsed() if job.shop_id == rows.shop]
            assert {job.id for job in found} == {over.job, printing.job}
            moved = {job.id: await tx.print_jobs.move(job, JobEvent.LEASE_LAPSED) for job in found}

    assert moved == {over.job: Job.QUEUED, printing.job: Job.UNCERTAIN}
    assert rows.status("print_jobs", alive.job) == "CLAIMED"
    assert rows.one("SELECT lease_until FROM print_jobs WHERE id = %s", over.job) is None

    again = await held(database, rows)
    assert (again.job, again.epoch) == (over.job, over.epoch + 1)
    assert not await start(database, rows, over), "the old claim is fenced off"


async def test_a_file_is_given_only_under_a_live_lease(
    database: Database, rows: Rows, work: UnitOfWork
) -> None:
    rows.paid_order(storage_key="only/this.pdf")
    other = uuid4()

    async def allowed(shop: UUID, key: str) -> bool:
        async with work("worker:pc-1") as tx:
            return await tx.print_jobs.leased_file(shop, key)

    assert not await allowed(rows.shop, "only/this.pdf")
    own = await held(database, rows)
    assert await allowed(rows.shop, "only/this.pdf")
    assert not await allowed(rows.shop, "another.pdf")
    assert not await allowed(other, "only/this.pdf")
    lapse(rows, own.job)
    assert not await allowed(rows.shop, "only/this.pdf")
