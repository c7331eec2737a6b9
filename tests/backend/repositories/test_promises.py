"""The promises about money and paper: kept by clean rows, and each one named when it is broken."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text

from app.domain.attention import KEEPS_MONEY
from app.repositories import couplings
from app.repositories.reports import invariants
from app.repositories.unit_of_work import UnitOfWork
from tests.backend.repositories.rows import Rows


@pytest.fixture(scope="module")
def sound(module_database_url: str) -> str:
    """A database in which one order is paid and waits for its paper."""
    with Rows(module_database_url) as rows:
        paid = rows.paid_order()
        quote = rows.quote(paid.order)
        rows.captured(paid.order)
        rows.run("UPDATE payments SET quote_id = %s, captured_at = now()", quote)
        rows.run("UPDATE orders SET quote_id = %s", quote)
    return module_database_url


async def test_a_sound_database_breaks_no_promise(work: UnitOfWork, sound: str) -> None:
    async with work("system:doctor") as tx:
        broken = await tx.reports.broken_invariants()

    assert broken == {name: [] for name in (*invariants(), couplings.NAME)}
    assert len(broken) >= 15


def test_the_promise_about_owners_knows_the_answers_that_keep_money() -> None:
    i1 = next(sql for name, sql in invariants().items() if name.startswith("I1 "))
    listed = i1.partition("s.resolution IN (")[2].partition(")")[0]
    assert set(listed.replace("'", "").split(", ")) == set(KEEPS_MONEY)


VIOLATIONS = {
    "I1": "UPDATE payments SET disposition = 'REFUND'",
    "I2": "UPDATE payments SET captured_paise = captured_paise + 1",
    "I7": "UPDATE orders SET updated_at = now() - interval '1 hour';"
    "UPDATE print_jobs SET updated_at = now() - interval '1 hour'",
    "I8": "INSERT INTO webhook_logs (provider, dedup_key, lane, raw_body, status)"
    " VALUES ('x', 'y', 'z', '', 'DEAD')",
    "I15": "INSERT INTO refunds (shop_id, payment_id, idempotency_key, amount_paise, reason,"
    " requested_by) SELECT shop_id, id, 'k', 5, '', 'user:a' FROM payments",
    "I19": "UPDATE print_jobs SET updated_at = now() - interval '8 days'; UPDATE documents"
    " SET order_id = NULL, delete_after = now() - interval '1 hour'",
    "I29": "UPDATE print_jobs SET status = 'CLAIMED'; UPDATE print_jobs SET status = 'PRINTING';"
    "UPDATE print_jobs SET status = 'COMPLETED'",
    "I3": "INSERT INTO print_attempts (shop_id, job_id, epoch, worker_id, sha256, copies,"
    " started_at) SELECT shop_id, id, 1, 'pc', sha256, 6, now() - interval '1 day' FROM print_jobs",
}


@pytest.mark.parametrize("promise", VIOLATIONS)
def test_a_broken_promise_is_named_and_no_other(sound: str, promise: str) -> None:
    with psycopg.connect(sound) as connection:  # rolled back below
        connection.execute(VIOLATIONS[promise].encode())
        broken = {
            name.split()[0]
            for name, query in invariants().items()
            if connection.execute(query.encode()).fetchall()
        }
        connection.rollback()

    assert broken == {promise}


APART = {
    "ready before its job is": "UPDATE orders SET status = 'READY'",
    "a job nobody paid for": "UPDATE payments SET disposition = 'REFUND'",
    "refunded and still to be printed": "UPDATE orders SET status = 'REFUNDED'",
}


@pytest.mark.parametrize("how", APART)
async def test_statuses_that_may_not_stand_together_are_named(
    work: UnitOfWork, sound: str, how: str
) -> None:
    class Undo(Exception):
        pass

    async def look() -> list[str]:
        async with work("system:doctor") as tx:
            [order] = (await tx.session.execute(text("SELECT id FROM orders"))).scalars()
            await tx.session.execute(text(APART[how]))
            found = await couplings.apart(tx.session)
            assert [line.split()[0] for line in found] == [str(order)]
            raise Undo

    with pytest.raises(Undo):
        await look()
