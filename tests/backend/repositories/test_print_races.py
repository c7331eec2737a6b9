"""The print queue under real concurrency: separate connections, tasks and threads."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from app.core.database import Database, UniqueViolation
from app.domain.errors import IllegalMove
from app.domain.lifecycle import Job, JobEvent, OrderEvent
from app.repositories.print_jobs import LEASE_SECONDS, Offer, begin, claim, extend
from app.repositories.unit_of_work import UnitOfWork
from tests.backend.repositories.rows import PaidOrder, Rows, until_waiting

ANYTHING = Offer("pc-1", "Front", color=True, papers=None)


@dataclass(frozen=True, slots=True)
class Held:
    """A claim as the worker knows it."""

    job: UUID
    epoch: int
    attempt: UUID


async def take(
    database: Database, rows: Rows, offer: Offer = ANYTHING, job: UUID | None = None
) -> dict[str, Any] | None:
    async with database.pool.connection() as connection:
        return await claim(connection, rows.shop, offer, job)


async def held(database: Database, rows: Rows, offer: Offer = ANYTHING) -> Held:
    got = await take(database, rows, offer)
    assert got is not None
    return Held(got["id"], got["epoch"], got["attempt_id"])


async def start(database: Database, rows: Rows, own: Held, **evidence: object) -> bool:
    async with database.pool.connection() as connection:
        return await begin(
            connection,
            shop_id=rows.shop,
            job_id=own.job,
            epoch=own.epoch,
            attempt_id=own.attempt,
            actor="worker:pc-1",
            evidence=dict(evidence),
        )


async def lengthen(database: Database, rows: Rows, own: Held) -> str | None:
    async with database.pool.connection() as connection:
        return await extend(
            connection,
            shop_id=rows.shop,
            job_id=own.job,
            epoch=own.epoch,
            attempt_id=own.attempt,
        )


def lapse(rows: Rows, job: UUID) -> None:
    rows.run(
        "UPDATE print_jobs SET lease_until = clock_timestamp() - interval '1 second' WHERE id = %s",
        job,
    )


# Claiming


async def test_twenty_workers_and_five_jobs(database: Database, rows: Rows) -> None:
    jobs = [rows.paid_order().job for _ in range(5)]

    offers = [Offer(f"pc-{number}", "Front", color=True, papers=None) for number in range(20)]
    got = await asyncio.gather(*(take(database, rows, offer) for offer in offers))

    won = [row for row in got if row is not None]
    assert sorted(row["id"] for row in won) == sorted(jobs)
    assert len({row["worker_id"] for row in won}) == 5
    assert {row["epoch"] for row in won} == {1}
    attempts = rows.all("SELECT id, job_id FROM print_attempts WHERE shop_id = %s", rows.shop)
    assert {(row["attempt_id"], row["id"]) for row in won} == {
        (row["id"], row["job_id"]) for row in attempts
    }


def test_the_same_from_twenty_threads(rows: Rows) -> None:
    jobs = [rows.paid_order().job for _ in range(5)]

    def work(number: int) -> UUID | None:
        async def one() -> UUID | None:
            connection = await psycopg.AsyncConnection.connect(rows.url, autocommit=True)
            async with connection:
                offer = Offer(f"pc-{number}", "Front", color=True, papers=None)
                got = await claim(connection, rows.shop, offer, None)
                return None if got is None else got["id"]

        return asyncio.run(one())

    with ThreadPoolExecutor(20) as threads:
        got = [job for job in threads.map(work, range(20)) if job is not None]

    assert sorted(got) == sorted(jobs)


async def test_first_paid_first_printed(database: Database, rows: Rows) -> None:
    jobs = [rows.paid_order().job for _ in range(4)]

    assert [(await held(database, rows)).job for _ in jobs] == jobs
    assert await take(database, rows) is None


async def test_a_black_and_white_printer_passes_colour_by(database: Database, rows: Rows) -> None:
    colored = rows.paid_order(needs_color=True, print_type="COLOR").job
    plain = rows.paid_order().job
    plain_printer = Offer("pc-1", "Laser", color=False, papers=("A4",))

    assert (await held(database, rows, plain_printer)).job == plain
    assert await take(database, rows, plain_printer) is None
    assert (await held(database, rows)).job == colored


async def test_only_paper_that_is_loaded(database: Database, rows: Rows) -> None:
    rows.paid_order(paper="A3")

    assert await take(database, rows, Offer("pc-1", "Front", color=True, papers=("A4",))) is None
    assert await take(database, rows, Offer("pc-1", "Front", color=True, papers=())) is None
    assert await take(database, rows, Offer("pc-1", "Big", color=True, papers=("A4", "A3")))


async def test_one_named_job_and_no_other(database: Database, rows: Rows) -> None:
    rows.paid_order()
    second = rows.paid_order().job

    got = await take(database, rows, ANYTHING, second)

    assert got is not None
    assert got["id"] == second
    assert await take(database, rows, ANYTHING, second) is None
    assert await take(database, rows, ANYTHING, uuid4()) is None


async def test_another_shop_gets_nothing(database: Database, rows: Rows) -> None:
    job = rows.paid_order().job
    with Rows(rows.url) as other:
        assert await take(database, other) is None
        assert await take(database, other, ANYTHING, job) is None

    assert rows.status("print_jobs", job) == "QUEUED"


async def test_a_claim_names_its_worker_in_the_history(database: Database, rows: Rows) -> None:
    job = rows.paid_order().job
    await take(database, rows)

    assert rows.transitions(job)[-1] == ("print_jobs", "QUEUED", "CLAIMED", "worker:pc-1", 1)


async def test_a_claim_skips_a_job_somebody_is_working_on(database: Database, rows: Rows) -> None:
    first, second = rows.paid_order().job, rows.paid_order().job
    with psycopg.connect(rows.url) as busy:
        busy.execute("SELECT 1 FROM print_jobs WHERE id = %s FOR UPDATE", (first,))
        assert (await held(database, rows)).job == second

    assert rows.status("print_jobs", first) == "QUEUED"


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
    endings = set()
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
        endings.add(ending)

    assert endings


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
