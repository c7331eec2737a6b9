"""The promises about money and paper: kept by clean rows, and each one named when it is broken."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text

from app.domain.attention import KEEPS_MONEY
from app.repositories import couplings
from app.repositories.reports import invariants
from app.repositories.unit_of_work import UnitOfWork
from tests.backend.repositories.broken_promises import BILLED_WRONGLY, KEPT, VIOLATIONS
from tests.backend.repositories.rows import Rows


@pytest.fixture(scope="module")
def sound(module_database_url: str) -> str:
    """A database in which one order is paid and waits for its paper."""
    with Rows(module_database_url) as rows:
        paid = rows.paid_order()
        quote = rows.quote(paid.order)
        rows.captured(paid.order)
        rows.run(
            "UPDATE payments SET quote_id = %s, captured_at = now(), reference_id = 'pw_1', "
            "plink_id = 'plink_FAKE0000000001', rzp_payment_id = 'pay_FAKE0000000001'",
            quote,
        )
        rows.run("UPDATE orders SET quote_id = %s", quote)
        rows.bill(paid.order, issued_at=rows.one("SELECT captured_at FROM payments"))
    return module_database_url


async def test_a_sound_database_breaks_no_promise(work: UnitOfWork, sound: str) -> None:
    async with work("system:doctor") as tx:
        found = await tx.reports.broken_invariants()

    assert found == {name: [] for name in (*invariants(), couplings.NAME)}
    assert len(found) >= 18


def test_the_promise_about_owners_knows_the_answers_that_keep_money() -> None:
    i1 = next(sql for name, sql in invariants().items() if name.startswith("I1 "))
    listed = i1.partition("s.resolution IN (")[2].partition(")")[0]
    assert set(listed.replace("'", "").split(", ")) == set(KEEPS_MONEY)


def broken(url: str, sql: str) -> set[str]:
    """The promises that do not hold after this, which is taken back."""
    with psycopg.connect(url) as connection:
        connection.execute(sql.encode())
        found = {
            name.split()[0]
            for name, query in invariants().items()
            if connection.execute(query.encode()).fetchall()
        }
        connection.rollback()
    return found


@pytest.mark.parametrize("what", VIOLATIONS)
def test_a_broken_promise_is_named_and_no_other(sound: str, what: str) -> None:
    promise, sql = VIOLATIONS[what]
    assert broken(sound, sql) == {promise}


@pytest.mark.parametrize("what", KEPT)
def test_a_kept_promise_is_no_alarm(sound: str, what: str) -> None:
    assert broken(sound, KEPT[what]) == set()


def test_every_promise_is_broken_once_here() -> None:
    assert {promise for promise, _ in VIOLATIONS.values()} == {
        name.split()[0] for name in invariants()
    }


@pytest.mark.parametrize("wrong", BILLED_WRONGLY)
def test_every_way_to_bill_wrongly_is_named(sound: str, wrong: str) -> None:
    assert broken(sound, BILLED_WRONGLY[wrong]) == {"I28"}


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
