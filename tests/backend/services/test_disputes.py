"""What a bank's question does to paper and people: the furthest word counts, not the last one."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest

from tests.backend.services.questions import answer, ask
from tests.backend.services.seeds import crowd, customer_who_paid, ordered
from tests.support.outside import Bank, Customer, capture_event
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Job, whether the payment counts as disputed, and the question: open, or closed with what.
STANDS = ("HELD", True, "open")
# What the bank says, one after another, and the exact end of it.
WORDS = {
    "created": STANDS,
    "action_required": STANDS,
    "under_review": STANDS,
    "lost": STANDS,
    "won": ("QUEUED", False, "won"),
    "closed": ("QUEUED", False, "closed"),
    "created under_review action_required": STANDS,
    "created won": ("QUEUED", False, "won"),
    "under_review closed": ("QUEUED", False, "closed"),
    "action_required lost": STANDS,
    # Words that come late, or again.
    "won created": ("QUEUED", False, "won"),
    "created won under_review created won": ("QUEUED", False, "won"),
    "closed action_required": ("QUEUED", False, "closed"),
    "lost created lost": STANDS,
}


async def bank_says(shop: House, payment_id: str, words: str) -> None:
    for word in words.split():
        await shop.outside.control("POST", f"/payments/{payment_id}/dispute", {"event": word})
        await shop.quiet()


async def questions_of(shop: House, payment_id: str) -> list[str]:
    """Each question about the payment: what closed it, or that it is open."""
    rows = await shop.sql(
        "SELECT kind, closed_at, resolution FROM attention_items WHERE subject = %s "
        "ORDER BY opened_at",
        f"payment:{payment_id}",
    )
    assert {row["kind"] for row in rows} <= {"dispute"}
    return [row["resolution"] if row["closed_at"] else "open" for row in rows]


def dispute_event(payment_id: str, status: str) -> dict[str, Any]:
    """Of a payment that the simulated bank does not know."""
    entity: dict[str, Any] = {
        "id": payment_id.replace("pay", "disp"),
        "payment_id": payment_id,
        "amount": 800,
        "status": status,
    }
    return {"event": "payment.dispute.x", "payload": {"dispute": {"entity": entity}}}


@pytest.mark.parametrize("words", WORDS)
async def test_the_furthest_word_of_the_bank_counts(
    shop: House, customer: Customer, words: str
) -> None:
    _, payment = await customer_who_paid(shop, customer)
    await bank_says(shop, payment["payment_id"], words)

    job, disputed, question = WORDS[words]
    assert [row["status"] for row in await shop.jobs_of(customer)] == [job]
    assert [row["disputed"] for row in await shop.payments_of(customer)] == [disputed]
    assert await questions_of(shop, payment["payment_id"]) == [question]
    assert (await shop.order_of(customer))["status"] == "PAID"
    assert await shop.refunds_of(customer) == []
    assert await shop.prints(customer) == ([] if disputed else ["thesis.pdf"])


async def test_a_persons_answer_outlives_late_words_but_not_a_loss(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "dispute")
    payment_id = item["subject"].removeprefix("payment:")
    assert (await answer(shop, item, "dispute_won", note="they called")).status_code == 200
    await bank_says(shop, payment_id, "under_review created action_required won")
    assert await questions_of(shop, payment_id) == ["dispute_won"]
    assert [job["status"] for job in await shop.jobs_of(customer)] == ["QUEUED"]

    # The bank took the money after all: that is news, and a person hears of it.
    await bank_says(shop, payment_id, "lost")
    assert await questions_of(shop, payment_id) == ["dispute_won", "open"]
    assert [job["status"] for job in await shop.jobs_of(customer)] == ["HELD"]
    assert await shop.prints(customer) == []


async def test_a_loss_that_a_person_says_is_none_is_not_asked_about_again(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "dispute")
    payment_id = item["subject"].removeprefix("payment:")
    await bank_says(shop, payment_id, "lost")
    assert (await answer(shop, item, "dispute_won", note="the bank erred")).status_code == 200
    await bank_says(shop, payment_id, "lost created")
    assert await questions_of(shop, payment_id) == ["dispute_won"]
    assert await shop.prints(customer) == ["thesis.pdf"]


async def test_money_the_bank_took_stays_taken_whatever_is_told_late(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "dispute")
    payment_id = item["subject"].removeprefix("payment:")
    assert (await answer(shop, item, "taken_by_bank", note="it is gone")).status_code == 200
    await bank_says(shop, payment_id, "created under_review lost")
    assert await questions_of(shop, payment_id) == ["taken_by_bank"]
    assert (await shop.order_of(customer))["status"] == "REFUNDED"
    assert [job["status"] for job in await shop.jobs_of(customer)] == ["CANCELLED"]
    assert [row["amount_paise"] for row in await shop.refunds_of(customer)] == [800]
    assert await customer.count("refunded (reference") == 1


@pytest.mark.parametrize(
    ("words", "job", "question"),
    [("open", "HELD", "open"), ("open won", "QUEUED", "won"), ("closed", "QUEUED", "closed")],
)
async def test_a_dispute_of_a_payment_nobody_knows_yet_finds_it_when_it_is_captured(
    shop: House, customer: Customer, bank: Bank, words: str, job: str, question: str
) -> None:
    """Not even Razorpay can show the payment when it is asked about the dispute."""
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    payment_id = f"pay_{secrets.token_hex(7)}"
    for word in words.split():
        said = dispute_event(payment_id, word)
        assert (await shop.outside.razorpay_says(said)).status_code == 200
        await shop.quiet()
    captured = capture_event(payment=payment_id, amount=800, reference=order["reference_id"])
    assert (await shop.outside.razorpay_says(captured)).status_code == 200
    await shop.quiet()

    assert [row["status"] for row in await shop.jobs_of(customer)] == [job]
    assert await questions_of(shop, payment_id) == [question]
    assert await shop.attention_of(customer) == (["dispute"] if question == "open" else [])
    assert await customer.count("Your token is") == 1
    assert await shop.prints(customer) == ([] if job == "HELD" else ["thesis.pdf"])


async def test_one_of_two_disputes_that_is_won_does_not_let_go(
    shop: House, customer: Customer
) -> None:
    _, payment = await customer_who_paid(shop, customer)
    await bank_says(shop, payment["payment_id"], "created")
    other: dict[str, Any] = {
        "id": f"disp_{secrets.token_hex(7)}",
        "payment_id": payment["payment_id"],
        "amount": 800,
        "status": "open",
    }
    for status, job in (("open", "HELD"), ("won", "HELD")):
        other["status"] = status
        said = {"event": f"payment.dispute.{status}", "payload": {"dispute": {"entity": other}}}
        assert (await shop.outside.razorpay_says(said)).status_code == 200
        await shop.quiet()
        assert [row["status"] for row in await shop.jobs_of(customer)] == [job]
    await bank_says(shop, payment["payment_id"], "won")
    assert await questions_of(shop, payment["payment_id"]) == ["won"]
    assert await shop.prints(customer) == ["thesis.pdf"]


async def test_a_payment_and_its_dispute_at_the_same_moment_see_each_other(shop: House) -> None:
    people = await crowd(shop, 8)
    orders = await asyncio.gather(*(ordered(shop, person) for person in people))
    payments = [f"pay_{secrets.token_hex(7)}" for _ in people]

    async def both(number: int) -> None:
        captured = capture_event(
            payment=payments[number], amount=800, reference=orders[number]["reference_id"]
        )
        events = [captured, dispute_event(payments[number], "open")]
        answers = await asyncio.gather(
            *(shop.outside.razorpay_says(event) for event in events[:: 1 - 2 * (number % 2)])
        )
        assert [answer.status_code for answer in answers] == [200, 200]

    await asyncio.gather(*map(both, range(len(people))))
    await shop.quiet(timeout=60)
    for person, payment_id in zip(people, payments, strict=True):
        assert [row["status"] for row in await shop.jobs_of(person)] == ["HELD"]
        assert await shop.attention_of(person) == ["dispute"]
        assert await questions_of(shop, payment_id) == ["open"]
        assert await shop.prints(person) == []
