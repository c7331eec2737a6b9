"""Refunds at the same moment as a worker's claim, and as other words about them, many times."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import httpx2
import pytest

from app.ports import ProviderRefund
from tests.backend.services.seeds import customer_who_paid
from tests.support.outside import Bank, Customer
from tests.support.shop import Held, House

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = 8
PARTS = (100, 200)  # of 800, each asked for while a worker claims; then the rest
REST = 500


async def race(
    shop: House, number: int, order: dict[str, Any], job: Any, amount: int, round_: int
) -> tuple[httpx2.Response, Held | None]:
    """Who is asked first changes from round to round and from person to person."""
    money = shop.refund(order["id"], amount, key=f"race {number} {round_}")
    paper = shop.worker(f"pc-{number}").claims(job_id=job)
    if (number + round_) % 2:
        return await asyncio.gather(money, paper)
    held, refunded = await asyncio.gather(paper, money)
    return refunded, held


async def test_a_refund_and_a_claim_end_in_one_drawn_way(shop: House, bank: Bank) -> None:
    people = [await shop.outside.newcomer() for _ in range(PEOPLE)]
    sales = await asyncio.gather(*(customer_who_paid(shop, person) for person in people))
    jobs = [(await shop.jobs_of(person))[0]["id"] for person in people]

    async def all_race(amount: int, round_: int) -> list[tuple[httpx2.Response, Held | None]]:
        return await asyncio.gather(
            *(race(shop, n, sales[n][0], jobs[n], amount, round_) for n in range(PEOPLE))
        )

    for round_, amount in enumerate(PARTS):
        for refunded, held in await all_race(amount, round_):
            # A part of the money goes back; the paper is owed all the same.
            assert refunded.status_code == 202
            assert held is not None
            assert await held.status() == "CLAIMED"
            assert (await held.reports("QUEUED")).status_code == 200
            assert await held.status() == "QUEUED"

    for number, (refunded, held) in enumerate(await all_race(REST, len(PARTS))):
        assert refunded.status_code == 202
        if held is not None:
            assert (await held.begins()).status_code == 409
            assert (await held.reports("QUEUED")).status_code == 409
        await nothing_comes_out(shop, people[number], jobs[number], claimed=held is not None)
    await shop.quiet(timeout=60)
    for person, (_, payment) in zip(people, sales, strict=True):
        [row] = await shop.payments_of(person)
        assert (row["disposition"], row["refunded_paise"]) == ("FULFILS", 800)
        amounts = sorted(refund["amount"] for refund in await bank.refunds(payment["payment_id"]))
        assert amounts == sorted([*PARTS, REST])
        assert {row["status"] for row in await shop.refunds_of(person)} == {"PROCESSED"}
        assert await shop.attention_of(person) == []


async def nothing_comes_out(shop: House, person: Customer, job: Any, *, claimed: bool) -> None:
    moves = await shop.sql(
        "SELECT from_status, to_status FROM transitions WHERE entity = 'print_jobs' "
        "AND entity_id = %s ORDER BY id",
        job,
    )
    ways = [(row["from_status"], row["to_status"]) for row in moves]
    last = [("QUEUED", "CLAIMED"), ("CLAIMED", "CANCELLED")] if claimed else []
    back_and_forth = [("QUEUED", "CLAIMED"), ("CLAIMED", "QUEUED")] * len(PARTS)
    assert ways == [(None, "QUEUED"), *back_and_forth, *(last or [("QUEUED", "CANCELLED")])]
    assert (await shop.order_of(person))["status"] == "REFUNDED"
    assert await shop.prints(person) == []
    begun = "SELECT count(*) FROM print_attempts WHERE job_id = %s AND started_at IS NOT NULL"
    assert await shop.one(begun, job) == 0


async def test_of_the_first_words_about_a_dashboard_refund_none_is_lost(
    shop: House, customer: Customer
) -> None:
    """Whoever is second finds the refund written down, and still brings the news."""
    _, payment = await customer_who_paid(shop, customer)

    def word(refund: str, status: str) -> Any:
        return shop.inside.refunds.learn(
            ProviderRefund(refund, payment["payment_id"], 100, status, "", None)
        )

    for _ in range(8):
        refund = f"rfnd_{secrets.token_hex(7)}"
        words = (word(refund, "pending"), word(refund, "pending"), word(refund, "processed"))
        ends = await asyncio.gather(*words)
        assert [end for end, _ in ends] == ["DONE"] * 3
    await shop.quiet()
    assert [row["status"] for row in await shop.refunds_of(customer)] == ["PROCESSED"] * 8
    [row] = await shop.payments_of(customer)
    assert row["refunded_paise"] == 800
    assert await customer.count("refunded (reference") == 8
    assert await shop.attention_of(customer) == ["external_refund"]
    assert await shop.prints(customer) == []
