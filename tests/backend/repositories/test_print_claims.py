"""Twenty hands and five jobs: who gets what from the print queue."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import psycopg

from app.core.database import Database
from app.ports import Offer
from app.repositories.print_jobs import claim
from tests.backend.repositories.claims import ANYTHING, held, take
from tests.backend.repositories.rows import Rows


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
