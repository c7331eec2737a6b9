"""What happened elsewhere answers a question too: nothing stays on the list without an answer."""

from __future__ import annotations

from typing import Any

import pytest

from app.ports import ProviderRefund
from tests.backend.services.questions import PRICE, answer, ask
from tests.backend.services.seeds import customer_who_paid
from tests.support.outside import Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

GONE = ("system:refund", "nothing is left of the payment")
STOPPED = ("system:refund", "the print was cancelled")
OPEN = ("", "")


async def closing(shop: House, item: dict[str, Any]) -> tuple[str, str]:
    """Who closed it and how."""
    [row] = await shop.sql("SELECT * FROM attention_items WHERE id = %s", item["id"])
    return row["closed_by"] or "", row["resolution"] or ""


async def cancels(shop: House, customer: Customer) -> Any:
    order = await shop.order_of(customer)
    return await shop.api.post(f"/api/v1/dashboard/orders/{order['id']}/cancel", headers=shop.staff)


@pytest.mark.parametrize("kind", ["wrong_amount", "wrong_currency", "unknown_link"])
async def test_money_given_back_in_the_banks_dashboard_asks_nobody(
    shop: House, customer: Customer, kind: str
) -> None:
    item = await ask(shop, customer, kind)
    payment = item["subject"].removeprefix("payment:")
    for part in (1, item["amount_paise"] - 1):
        assert await closing(shop, item) == OPEN
        seen = ProviderRefund(f"rfnd_{part}{payment}", payment, part, "processed", "", None)
        await shop.inside.refunds.learn(seen)
    assert await closing(shop, item) == GONE
    # What is left to answer is that somebody went past this house.
    left = await shop.sql(
        "SELECT * FROM attention_items WHERE subject = %s AND closed_at IS NULL", item["subject"]
    )
    assert [each["kind"] for each in left] == ["external_refund"]
    assert (await answer(shop, left[0], "refund_stands", note="it was me")).status_code == 200
    assert (await shop.order_of(customer))["status"] == "PAYMENT_PENDING"


async def test_a_refund_of_the_order_answers_what_was_asked_about_its_money(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "wrong_amount")
    order = await shop.order_of(customer)
    assert (await shop.refund(order["id"], 800, key="nearly all")).status_code == 202
    assert await closing(shop, item) == OPEN
    assert (await shop.refund(order["id"], 100, key="and the last")).status_code == 202
    assert await closing(shop, item) == GONE
    await shop.quiet()
    assert await shop.attention_of(customer) == []
    assert (await shop.order_of(customer))["status"] == "PAYMENT_PENDING"


async def test_a_cancelled_order_takes_the_questions_about_all_its_money_with_it(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "wrong_amount")
    order = await shop.order_of(customer)
    cash = await shop.api.post(
        f"/api/v1/dashboard/orders/{order['id']}/cash",
        json={"amount_paise": PRICE},
        headers=shop.staff,
    )
    assert cash.status_code == 200
    assert await closing(shop, item) == OPEN
    assert (await cancels(shop, customer)).status_code == 200
    assert await closing(shop, item) == GONE
    await shop.quiet()
    assert await shop.attention_of(customer) == []
    assert sorted(row["amount_paise"] for row in await shop.refunds_of(customer)) == [PRICE, 900]


@pytest.mark.parametrize("kind", ["print_failed", "cannot_print"])
@pytest.mark.parametrize("door", ["refund", "cancel"])
async def test_a_print_whose_money_went_back_asks_nobody(
    shop: House, customer: Customer, kind: str, door: str
) -> None:
    item = await ask(shop, customer, kind)
    if door == "refund":
        order = await shop.order_of(customer)
        assert (await shop.refund(order["id"], PRICE, key=f"all-{kind}")).status_code == 202
    else:
        assert (await cancels(shop, customer)).status_code == 200
    assert await closing(shop, item) == STOPPED
    await shop.quiet()
    assert await shop.attention_of(customer) == []
    assert [job["status"] for job in await shop.jobs_of(customer)] == ["CANCELLED"]


async def test_a_print_that_fails_after_its_money_went_back_is_over(
    shop: House, customer: Customer
) -> None:
    order, _ = await customer_who_paid(shop, customer)
    [job] = await shop.jobs_of(customer)
    held = await shop.worker("slow").must_claim(job_id=job["id"])
    assert (await held.begins()).status_code == 200
    assert (await shop.refund(order["id"], PRICE, key="while it prints")).status_code == 202
    for _ in range(2):
        said = await held.reports("FAILED", error="no toner", evidence={"never_accepted": True})
        assert (said.status_code, said.json()["status"]) == (200, "CANCELLED")
    await shop.quiet()
    assert await shop.attention_of(customer) == []
    assert await customer.count("taking longer") == 0
    assert (await shop.order_of(customer))["status"] == "REFUNDED"
    assert await shop.prints(customer) == []


async def test_a_failure_that_is_told_again_does_not_stop_the_second_try(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "print_failed")
    [job] = await shop.jobs_of(customer)
    assert (await answer(shop, item, "try_again")).status_code == 200
    late = {
        "status": "FAILED",
        "epoch": job["epoch"],
        "attempt_id": str(job["attempt_id"]),
        "evidence": {"never_accepted": True},
    }
    said = await shop.worker("late").sends("PUT", f"/api/v1/print_jobs/{job['id']}/status", late)
    assert (said.status_code, said.json()["status"]) == (200, "QUEUED")
    assert await shop.attention_of(customer) == []
    assert await shop.prints(customer) == ["thesis.pdf"]


async def test_what_is_left_beside_a_failed_refund_can_be_kept(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "refund_failed")
    order = await shop.order_of(customer)
    assert (await shop.refund(order["id"], 300, key="a part")).status_code == 202
    await shop.quiet()
    for too_much in ("try_again", "paid_back_by_hand"):
        refused = await answer(shop, item, too_much, note="all of it")
        assert (refused.status_code, refused.json()["error"]) == (409, "not_possible")
    kept = await answer(shop, item, "keep_as_credit", note="next time")
    assert (kept.status_code, kept.json()["decided"]["amount_paise"]) == (200, PRICE - 300)
    assert await shop.attention_of(customer) == []


# Money the bank asks about


@pytest.mark.parametrize("door", ["refund", "a part", "cancel"])
async def test_disputed_money_is_not_promised_to_the_customer(
    shop: House, customer: Customer, door: str
) -> None:
    item = await ask(shop, customer, "dispute")
    order = await shop.order_of(customer)
    if door == "cancel":
        refused = await cancels(shop, customer)
    else:
        refused = await shop.refund(
            order["id"], PRICE if door == "refund" else 100, key=f"asked {door}"
        )
    assert (refused.status_code, refused.json()["error"]) == (409, "disputed")
    assert "bank asks about this payment" in refused.json()["detail"]
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "PAID"
    assert [job["status"] for job in await shop.jobs_of(customer)] == ["HELD"]
    assert await shop.refunds_of(customer) == []
    assert await customer.count("is going back") == 0

    path = f"/payments/{item['subject'].removeprefix('payment:')}/dispute"
    await shop.outside.control("POST", path, {"event": "won"})
    await shop.quiet()
    assert (await cancels(shop, customer)).status_code == 200
    await shop.quiet()
    assert [row["status"] for row in await shop.refunds_of(customer)] == ["PROCESSED"]


async def test_disputed_money_of_a_print_that_never_came_out_waits_for_the_bank(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "did_it_print")
    order = await shop.order_of(customer)
    await shop.sql("UPDATE payments SET disputed = true WHERE order_id = %s", order["id"])
    refused = await answer(shop, item, "nothing_came_out_refund", note="the tray is empty")
    assert (refused.status_code, refused.json()["error"]) == (409, "not_possible")
    assert [job["status"] for job in await shop.jobs_of(customer)] == ["UNCERTAIN"]
    assert await shop.refunds_of(customer) == []
    await shop.sql("UPDATE payments SET disputed = false WHERE order_id = %s", order["id"])
    assert (await answer(shop, item, "nothing_came_out_refund")).status_code == 200
    await shop.quiet()
    assert [row["status"] for row in await shop.refunds_of(customer)] == ["PROCESSED"]


async def test_a_failed_refund_is_not_tried_again_while_the_bank_asks(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "refund_failed")
    order = await shop.order_of(customer)
    await shop.sql("UPDATE payments SET disputed = true WHERE order_id = %s", order["id"])
    refused = await answer(shop, item, "try_again")
    assert (refused.status_code, refused.json()["error"]) == (409, "not_possible")
    assert await customer.count("is going back") == 1  # of the first try
    assert (await answer(shop, item, "paid_back_by_hand", note="in cash")).status_code == 200
    assert await shop.attention_of(customer) == []


@pytest.mark.parametrize(
    ("kind", "door"),
    [
        ("print_failed", "try_again"),
        ("print_failed", "retry"),
        ("did_it_print", "nothing_came_out_print"),
        ("did_it_print", "print_again"),
    ],
)
async def test_a_second_try_waits_until_the_bank_is_done(
    shop: House, customer: Customer, kind: str, door: str
) -> None:
    item = await ask(shop, customer, kind)
    [payment] = [row for row in await shop.payments_of(customer) if row["status"] == "CAPTURED"]
    path = f"/payments/{payment['rzp_payment_id']}/dispute"
    await shop.outside.control("POST", path, {"event": "created"})
    await shop.quiet()
    if door == "retry":
        [job] = await shop.jobs_of(customer)
        again = await shop.api.post(f"/api/v1/print_jobs/{job['id']}/retry", headers=shop.staff)
        assert (again.status_code, again.json()["status"]) == (200, "HELD")
    else:
        again = await answer(shop, item, door, note="it was the toner")
        assert again.status_code == 200, again.text
    assert (await shop.jobs_of(customer))[-1]["status"] == "HELD"
    assert await shop.prints(customer) == []

    await shop.outside.control("POST", path, {"event": "won"})
    await shop.quiet()
    assert await shop.prints(customer) == ["thesis.pdf"]
