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
        rows.bill(paid.order, issued_at=rows.one("SELECT captured_at FROM payments"))
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
    "I2": "UPDATE payments SET currency = 'USD'",
    "I7": "UPDATE orders SET updated_at = now() - interval '1 hour';"
    "UPDATE print_jobs SET updated_at = now() - interval '1 hour'",
    "I28": "UPDATE bill_counters SET last = last + 1",
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


_UNGUARDED = "ALTER TABLE bills DISABLE TRIGGER refuse_change;"
_COPY = (
    "INSERT INTO bills (shop_id, order_id, refers_to, refund_id, kind, mode, series, year, number, "
    "label, day, issued_at, amount_paise, taxable_paise, cgst_paise, sgst_paise, rate_bp, sac, "
    "gstin, shop_name, shop_address, lines) SELECT shop_id, {order}, {refers}, {refund}, {kind}, "
    "mode, {series}, year, {number}, {label}, day, {at}, {amount}, {amount}, 0, 0, rate_bp, sac, "
    "gstin, shop_name, shop_address, lines FROM bills;"
)


def copied(**facts: str) -> str:
    """SQL that issues another bill like the one there is, with its number counted."""
    chosen = {
        "order": "NULL",
        "refers": "NULL",
        "refund": "NULL",
        "kind": "'DAY_INVOICE'",
        "series": "'D'",
        "number": "1",
        "label": "'D/2627/1'",
        "at": "issued_at",
        "amount": "amount_paise",
        **facts,
    }
    counted = (
        f"INSERT INTO bill_counters SELECT id, {chosen['series']}, 2026, {chosen['number']} "
        "FROM shops ON CONFLICT (shop_id, series, year) DO UPDATE SET last = excluded.last;"
    )
    return _COPY.format(**chosen) + counted


BILLED_WRONGLY = {
    "a number was taken and not used": "UPDATE bill_counters SET last = 2",
    "a number is missing": _UNGUARDED + "UPDATE bills SET number = 2",
    "a bill nobody counted": "DELETE FROM bill_counters",
    "paid and not billed": _UNGUARDED
    + "UPDATE bills SET order_id = NULL, kind = 'DAY_INVOICE', amount_paise = 0 + amount_paise",
    "billed another amount": _UNGUARDED + "UPDATE bills SET amount_paise = 1, taxable_paise = 1",
    "a small receipt is in no invoice": _UNGUARDED
    + "UPDATE bills SET mode = 'registered', day = day - 400",
    "an invoice of nothing": copied(),
    "dated before the one before": copied(
        order="order_id",
        refers="id",
        kind="'TAX_INVOICE'",
        series="'R'",
        number="2",
        label="'R/2627/2'",
        at="issued_at - interval '1 day'",
    ),
    "credited above the bill": "INSERT INTO refunds (shop_id, payment_id, idempotency_key, "
    "amount_paise, reason, requested_by, status) SELECT shop_id, id, 'k', 5, '', 'user:a', "
    "'FAILED' FROM payments;"
    + copied(
        order="order_id",
        refers="id",
        refund="(SELECT id FROM refunds)",
        kind="'REFUND_RECEIPT'",
        series="'F'",
        label="'F/2627/1'",
        amount="amount_paise + 1",
    ),
}


@pytest.mark.parametrize("wrong", BILLED_WRONGLY)
def test_every_way_to_bill_wrongly_is_named(sound: str, wrong: str) -> None:
    with psycopg.connect(sound) as connection:  # rolled back below
        connection.execute(BILLED_WRONGLY[wrong].encode())
        broken = {
            name.split()[0]
            for name, query in invariants().items()
            if connection.execute(query.encode()).fetchall()
        }
        connection.rollback()

    assert broken == {"I28"}


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
