"""Razorpay's rarer events: one nobody here knows, and one that sets the owner a deadline."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.support.outside import Customer
from tests.support.shop import House
from tests.wire.golden import golden

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_event_this_shop_does_not_know_is_kept_as_ignored_and_changes_nothing(
    shop: House, customer: Customer
) -> None:
    event = golden("razorpay", "webhook_unknown_event")["request"]["body"]
    await customer.wants()
    await shop.quiet()
    before = await shop.all_counts()
    order = await shop.order_of(customer)
    said = await customer.saw()

    answers = [(await shop.outside.razorpay_says(event)).status_code for _ in range(2)]
    await shop.quiet()

    assert answers == [200, 200]
    assert await shop.sql(
        "SELECT status, reason FROM webhook_logs "
        "WHERE convert_from(raw_body, 'UTF8') LIKE '%future.event%'"
    ) == [{"status": "IGNORED", "reason": "future.event changes nothing here"}]
    after = await shop.all_counts()
    assert after.pop("webhook_logs") == before.pop("webhook_logs") + 1
    assert after == before
    assert await shop.order_of(customer) == order
    assert await customer.saw() == said


@pytest.mark.parametrize(
    ("respond_by", "deadline"), [(1795939200, ", answer by 29 Nov 2026"), (None, ""), (0, "")]
)
async def test_a_chargeback_tells_until_when_it_can_be_answered(
    shop: House, respond_by: int | None, deadline: str
) -> None:
    event = deepcopy(golden("razorpay", "webhook_dispute_created")["request"]["body"])
    dispute = event["payload"]["dispute"]["entity"]
    dispute |= {
        "id": f"disp_FAKEdeadline{respond_by}",
        "respond_by": respond_by,
        "payment_id": f"pay_FAKEdisputed{respond_by}",
    }

    assert (await shop.outside.razorpay_says(event)).status_code == 200
    await shop.quiet()

    assert (
        await shop.one(
            "SELECT detail FROM attention_items WHERE kind = 'dispute' AND subject = %s",
            f"payment:{dispute['payment_id']}",
        )
        == f"chargeback open, reason {dispute['reason_code']}{deadline}"
    )
