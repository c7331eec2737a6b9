"""Money on its way back: asked for once, sent once, followed to the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.backend.services.seeds import crowd, customer_who_paid, paid
from tests.support.outside import TROUBLES, Bank, Customer
from tests.support.shop import FINISHED, House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_refund_before_paper_stops_the_job(
    shop: House, customer: Customer, bank: Bank
) -> None:
    order, payment = await customer_who_paid(shop, customer)
    answer = await shop.refund(order["id"], 800, key="click-000001")
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["amount_paise"]) == ("REQUESTED", 800)
    assert (await shop.jobs_of(customer))[0]["status"] == "CANCELLED"
    assert (await shop.order_of(customer))["status"] == "REFUNDED"
    together = await shop.sql(
        "SELECT DISTINCT xmin::text FROM orders WHERE id = %s UNION "
        "SELECT xmin::text FROM print_jobs WHERE order_id = %s",
        order["id"],
        order["id"],
    )
    assert len(together) == 1, "the order and its job did not move in one transaction"

    await customer.hears("refunded (reference")
    await shop.quiet()
    assert [refund["amount"] for refund in await bank.refunds(payment["payment_id"])] == [800]
    assert [refund["status"] for refund in await shop.refunds_of(customer)] == ["PROCESSED"]
    assert await shop.prints(customer) == []
    assert await customer.count("is going back") == 1
    assert await customer.count("refunded (reference") == 1


async def test_a_repeated_click_is_one_refund(shop: House, customer: Customer, bank: Bank) -> None:
    order, payment = await customer_who_paid(shop, customer)
    answers = await asyncio.gather(
        *(shop.refund(order["id"], 300, key="click-000002") for _ in range(8))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = await shop.refund(order["id"], 301, key="click-000002")
    assert (other.status_code, other.json()["error"]) == (409, "key_reused")
    await shop.quiet()
    assert [refund["amount"] for refund in await bank.refunds(payment["payment_id"])] == [300]
    # A part is back; the paper is still to come.
    assert (await shop.order_of(customer))["status"] == "PAID"
    assert await shop.prints(customer) == ["thesis.pdf"]


async def test_what_a_refund_needs(shop: House, customer: Customer, bank: Bank) -> None:
    order, payment = await customer_who_paid(shop, customer)
    refused = {
        "no key": (await shop.refund(order["id"], 100, key=None), 400),
        "empty key": (await shop.refund(order["id"], 100, key=""), 400),
        "nothing": (await shop.refund(order["id"], 0, key="k-1"), 422),
        "negative": (await shop.refund(order["id"], -1, key="k-2"), 422),
        "too much": (await shop.refund(order["id"], 801, key="k-3"), 409),
        "unknown order": (
            await shop.refund("0" * 8 + "-0000-4000-8000-" + "0" * 12, 1, key="k"),
            404,
        ),
    }
    for why, (answer, status) in refused.items():
        assert answer.status_code == status, why
        assert set(answer.json()) == {"error", "detail"}, why
    await shop.quiet()
    assert await shop.refunds_of(customer) == []
    assert await bank.refunds(payment["payment_id"]) == []


async def test_refunds_stop_at_what_was_paid(shop: House, customer: Customer, bank: Bank) -> None:
    order, payment = await customer_who_paid(shop, customer)
    answers = await asyncio.gather(
        *(shop.refund(order["id"], 300, key=f"part-{number}") for number in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [202, 202, 409, 409, 409]
    await shop.quiet()
    assert [refund["amount"] for refund in await bank.refunds(payment["payment_id"])] == [300, 300]
    assert (await shop.payments_of(customer))[0]["refunded_paise"] == 600
    assert (await shop.refund(order["id"], 200, key="rest")).status_code == 202
    assert (await shop.order_of(customer))["status"] == "REFUNDED"


@pytest.mark.parametrize(("kind", "more"), TROUBLES)
async def test_a_lost_answer_is_not_a_second_refund(
    shop: House, customer: Customer, bank: Bank, kind: str, more: dict[str, Any]
) -> None:
    order, payment = await customer_who_paid(shop, customer)
    await shop.outside.trouble("razorpay.refunds.create", kind, **more)
    assert (await shop.refund(order["id"], 800, key=f"lost-{kind}")).status_code == 202
    await customer.hears("refunded (reference")
    await shop.quiet(within=20)

    assert [refund["amount"] for refund in await bank.refunds(payment["payment_id"])] == [800]
    assert [refund["status"] for refund in await shop.refunds_of(customer)] == ["PROCESSED"]
    assert await shop.attention_of(customer) == []


async def test_a_refused_refund_is_a_question_for_staff(
    shop: House, customer: Customer, bank: Bank
) -> None:
    order, payment = await customer_who_paid(shop, customer)
    await shop.outside.control("POST", "/settings", {"balance_paise": 0})
    assert (await shop.refund(order["id"], 800, key="no balance")).status_code == 202
    await shop.quiet(within=5)

    assert [refund["status"] for refund in await shop.refunds_of(customer)] == ["FAILED"]
    assert await bank.refunds(payment["payment_id"]) == []
    assert (await shop.payments_of(customer))[0]["refunded_paise"] == 0
    assert await shop.attention_of(customer) == ["refund_failed"]
    assert await customer.count("refunded (reference") == 0
    assert await customer.count("came back from the bank") == 1


async def test_a_refund_the_bank_sends_back_is_a_question_for_staff(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await shop.outside.control("POST", "/settings", {"refund_status": "pending"})
    order, payment = await customer_who_paid(shop, customer)
    assert (await shop.refund(order["id"], 800, key="comes back")).status_code == 202
    await shop.quiet()
    assert [refund["status"] for refund in await shop.refunds_of(customer)] == ["IN_TRANSIT"]
    [sent] = await bank.refunds(payment["payment_id"])
    await shop.outside.control("POST", f"/refunds/{sent['id']}/settle", {"status": "failed"})
    await shop.quiet()

    assert [refund["status"] for refund in await shop.refunds_of(customer)] == ["FAILED"]
    assert await shop.attention_of(customer) == ["refund_failed"]
    assert await customer.count("refunded (reference") == 0
    assert await customer.count("came back from the bank") == 1


async def test_a_refund_made_in_the_providers_dashboard_is_seen(
    shop: House, customer: Customer, bank: Bank
) -> None:
    order, payment = await customer_who_paid(shop, customer)
    answer = await shop.outside.client.post(
        f"{shop.outside.origin}/v1/payments/{payment['payment_id']}/refund",
        json={"amount": 500},
        auth=(shop.settings.razorpay_key_id, shop.settings.razorpay_key_secret),
    )
    assert answer.status_code == 200
    await shop.quiet()
    await shop.quiet()
    [refund] = await shop.refunds_of(customer)
    assert (refund["amount_paise"], refund["requested_by"]) == (500, "external")
    assert refund["rzp_refund_id"] == answer.json()["id"]
    assert (await shop.payments_of(customer))[0]["refunded_paise"] == 500
    assert await shop.attention_of(customer) == ["external_refund"]
    assert (await shop.refund(order["id"], 301, key="over the rest")).status_code == 409
    assert (await shop.refund(order["id"], 300, key="all the rest")).status_code == 202


async def test_a_whole_refund_in_the_dashboard_stops_the_paper(
    shop: House, customer: Customer, bank: Bank
) -> None:
    _, payment = await customer_who_paid(shop, customer)
    answer = await shop.outside.client.post(
        f"{shop.outside.origin}/v1/payments/{payment['payment_id']}/refund",
        json={"amount": 800},
        auth=(shop.settings.razorpay_key_id, shop.settings.razorpay_key_secret),
    )
    assert answer.status_code == 200
    await shop.quiet()
    await shop.quiet()
    assert await shop.prints(customer) == []
    assert (await shop.order_of(customer))["status"] == "REFUNDED"
    assert (await shop.jobs_of(customer))[0]["status"] == "CANCELLED"


async def test_a_dispute_is_put_before_staff_and_holds_the_paper(
    shop: House, customer: Customer
) -> None:
    _, payment = await customer_who_paid(shop, customer)
    [job] = await shop.jobs_of(customer)
    held = await shop.worker("holds-it").must_claim(job_id=job["id"])
    await shop.outside.control(
        "POST", f"/payments/{payment['payment_id']}/dispute", {"event": "created"}
    )
    await shop.quiet()
    for word in ("PRINTING", "QUEUED"):
        assert (await held.reports(word)).status_code == 409
        assert await held.status() == "HELD"
    assert await shop.attention_of(customer) == ["dispute"]
    assert (await shop.payments_of(customer))[0]["disputed"] is True
    assert await shop.prints(customer) == []
    assert await shop.refunds_of(customer) == []

    await shop.outside.control(
        "POST", f"/payments/{payment['payment_id']}/dispute", {"event": "won"}
    )
    await shop.quiet()
    assert await shop.prints(customer) == ["thesis.pdf"]


async def test_cancelling_and_beginning_have_one_winner(shop: House) -> None:
    """The order is cancelled by staff while a worker asks for permission: never both."""
    people = await crowd(shop, 8)
    orders = await asyncio.gather(*(paid(shop, person) for person in people))
    held = [
        await shop.worker(f"pc-{n}").must_claim(job_id=o["job_id"]) for n, o in enumerate(orders)
    ]

    async def cancel(order: dict[str, Any]) -> int:
        answer = await shop.api.post(
            f"/api/v1/dashboard/orders/{order['id']}/cancel", headers=shop.staff
        )
        return answer.status_code

    async def race(number: int) -> tuple[int, int]:
        if number % 2:
            begun, cancelled = await asyncio.gather(held[number].begins(), cancel(orders[number]))
        else:
            cancelled, begun = await asyncio.gather(cancel(orders[number]), held[number].begins())
        return begun.status_code, cancelled

    results = await asyncio.gather(*map(race, range(len(people))))
    assert set(results) <= {(200, 409), (409, 200)}
    for person, (begun, _) in zip(people, results, strict=True):
        [job] = await shop.jobs_of(person)
        refunds = await shop.refunds_of(person)
        expected = ("PRINTING", 0) if begun == 200 else ("CANCELLED", 1)
        assert (job["status"], len(refunds)) == expected
    for number, (begun, _) in enumerate(results):
        if begun == 200:
            await held[number].reports("COMPLETED", evidence=FINISHED)


async def test_a_refund_and_a_begin_leave_no_cancelled_job_on_paper(shop: House) -> None:
    """A person may refund what prints already; then the job is not called cancelled."""
    people = await crowd(shop, 8)
    orders = await asyncio.gather(*(paid(shop, person) for person in people))
    held = [
        await shop.worker(f"pc-{n}").must_claim(job_id=o["job_id"]) for n, o in enumerate(orders)
    ]

    async def race(number: int) -> Any:
        moves = (
            held[number].begins(),
            shop.refund(orders[number]["id"], 800, key=f"race-{orders[number]['id']}"),
        )
        return await asyncio.gather(*moves)

    for person, (begun, refunded) in zip(
        people, await asyncio.gather(*map(race, range(len(people)))), strict=True
    ):
        assert refunded.status_code == 202
        [job] = await shop.jobs_of(person)
        assert job["status"] == ("PRINTING" if begun.status_code == 200 else "CANCELLED")
        assert begun.status_code in (200, 409)
    for one in held:
        if await one.status() == "PRINTING":
            await one.reports("COMPLETED", evidence=FINISHED)


@pytest.mark.parametrize("end", ["processed", "failed"])
async def test_a_refund_the_bank_sits_on_is_put_before_staff(
    shop: House, customer: Customer, bank: Bank, end: str
) -> None:
    await shop.outside.control("POST", "/settings", {"refund_status": "pending"})
    order, _ = await customer_who_paid(shop, customer)
    assert (await shop.refund(order["id"], 800, key=f"slow, {end}")).status_code == 202
    await shop.quiet()
    await shop.inside.housekeeping.refunds()
    assert await shop.attention_of(customer) == []

    await shop.sql(
        "UPDATE refunds SET created_at = created_at - interval '11 days' WHERE order_id = %s",
        order["id"],
    )
    for _ in range(2):
        await shop.inside.housekeeping.refunds()
        assert await shop.attention_of(customer) == ["refund_stuck"]
    [refund] = await shop.refunds_of(customer)
    assert refund["status"] == "IN_TRANSIT"
    settle = f"/refunds/{refund['rzp_refund_id']}/settle"
    await shop.outside.control("POST", settle, {"status": end})
    await shop.quiet()
    left = [] if end == "processed" else ["refund_failed"]
    assert await shop.attention_of(customer) == left
