"""Our captured payments and the bank's, compared both ways: every difference is found once."""

from __future__ import annotations

from datetime import timedelta

from app.domain.attention import Resolution
from app.models_orders import Order
from app.services.matching_service import Match
from app.services.scene import Ask
from tests.backend.services.sweeping import Resting, resting

__all__ = ["resting"]


async def answered(shop: Resting, kind: str, resolution: Resolution) -> None:
    item = await shop.one("SELECT id FROM attention_items WHERE kind = %s", kind)
    ask = Ask(resolution, note="seen in the dashboard")
    await shop.shop.attention.resolve(shop.shop_id, item, ask, key="answer-0001", by="user:Asha")


async def paid_at_the_bank(shop: Resting) -> tuple[Order, str]:
    """An order whose money is in both books."""
    order, pay_here = await shop.linked()
    payment = (await shop.bank.captures(pay_here))["payment_id"]
    await shop.booked(order, payment)
    return order, payment


async def test_books_that_agree_raise_no_question(resting: Resting) -> None:
    await paid_at_the_bank(resting)
    await resting.paid()  # in cash: no business of the bank
    await resting.linked()  # not paid

    assert await resting.shop.matching.match() == Match(compared=1)
    assert await resting.open_items() == []
    assert await resting.asked_of_the_bank("razorpay.payments.fetch") == 0


async def test_what_the_bank_has_and_we_lack_is_taken_in(resting: Resting) -> None:
    order, pay_here = await resting.linked()
    payment = (await resting.bank.captures(pay_here))["payment_id"]

    assert await resting.shop.matching.match() == Match(compared=1, there_only=1)
    assert (await resting.now(order)).status == "PAID"
    [row] = await resting.sql("SELECT * FROM payments WHERE rzp_payment_id = %s", payment)
    assert (row["disposition"], row["captured_by"]) == ("FULFILS", "system:list")
    assert await resting.shop.matching.match() == Match(compared=1)
    assert await resting.open_items() == []


async def test_what_we_have_and_the_bank_lacks_is_asked_once(resting: Resting) -> None:
    order = await resting.asked()
    await resting.booked(order, "pay_FAKEnowhere01")
    question = ("not_at_razorpay", "payment:pay_FAKEnowhere01", order.total_paise)

    for _ in range(3):
        assert await resting.shop.matching.match() == Match(compared=1, here_only=1)
        assert await resting.open_items() == [question]
    [item] = await resting.sql("SELECT order_id, detail FROM attention_items")
    assert item["order_id"] == order.id
    assert item["detail"] == "captured ₹56.00 here, pay_FAKEnowhere01 is not known there"

    await answered(resting, "not_at_razorpay", Resolution.BOOKED_RIGHT)
    assert await resting.shop.matching.match() == Match(compared=1, here_only=1)
    assert await resting.open_items() == []
    assert await resting.one("SELECT count(*) FROM attention_items") == 1


async def test_a_payment_that_failed_there_is_not_there(resting: Resting) -> None:
    order, pay_here = await resting.linked()
    payment = (await resting.bank.captures(pay_here, "failed"))["payment_id"]
    await resting.booked(order, payment)

    assert await resting.shop.matching.match() == Match(compared=1, here_only=1)
    assert await resting.open_items() == [
        ("not_at_razorpay", f"payment:{payment}", order.total_paise)
    ]
    assert "is failed there" in await resting.one("SELECT detail FROM attention_items")


async def test_another_amount_is_asked_once(resting: Resting) -> None:
    order, pay_here = await resting.linked()
    payment = (await resting.bank.captures(pay_here))["payment_id"]
    await resting.booked(order, payment, paise=5500)
    ours = ("wrong_amount", f"payment:{payment}", 5500)
    question = ("amount_differs", f"payment:{payment}", 5600)

    for _ in range(3):
        assert await resting.shop.matching.match() == Match(compared=1, amounts=1)
        assert await resting.open_items() == [question, ours]
    detail = await resting.one("SELECT detail FROM attention_items WHERE kind = 'amount_differs'")
    assert detail == "captured ₹55.00 INR here, ₹56.00 INR at Razorpay"

    await answered(resting, "amount_differs", Resolution.BOOKED_RIGHT)
    assert await resting.shop.matching.match() == Match(compared=1, amounts=1)
    assert await resting.open_items() == [ours]


async def test_a_difference_that_is_gone_closes_its_question(resting: Resting) -> None:
    _, payment = await paid_at_the_bank(resting)
    for kind in ("not_at_razorpay", "amount_differs", "dispute"):
        await resting.sql(
            "INSERT INTO attention_items (shop_id, kind, subject) VALUES (%s, %s, %s)",
            resting.shop_id,
            kind,
            f"payment:{payment}",
        )

    assert await resting.shop.matching.match() == Match(compared=1)
    closed = await resting.sql(
        "SELECT kind, closed_by, resolution FROM attention_items WHERE closed_at IS NOT NULL "
        "ORDER BY kind"
    )
    assert [tuple(row.values()) for row in closed] == [
        ("amount_differs", "system:match", "both books agree"),
        ("not_at_razorpay", "system:match", "both books agree"),
    ]


async def test_a_payment_begun_before_the_days_compared_is_asked_for_by_itself(
    resting: Resting,
) -> None:
    """It was captured today, but the bank lists payments by the day they were begun."""
    await resting.outside.control(
        "POST", "/clock", {"advance_seconds": timedelta(days=4).total_seconds()}
    )
    order = await resting.asked(link=False)
    reference = await resting.one("SELECT reference_id FROM payments")
    made = await resting.outside.client.post(
        f"{resting.outside.origin}/v1/payment_links",
        json={"amount": order.total_paise, "currency": "INR", "reference_id": reference},
        auth=(resting.shop.settings.razorpay_key_id, resting.shop.settings.razorpay_key_secret),
    )
    payment = (await resting.bank.captures(made.json()["short_url"]))["payment_id"]
    await resting.booked(order, payment)

    assert await resting.shop.matching.match() == Match(compared=1)
    assert await resting.asked_of_the_bank("razorpay.payments.fetch") == 1
    assert await resting.open_items() == []


async def test_a_payment_that_cannot_be_asked_for_is_unread_and_no_question(
    resting: Resting,
) -> None:
    order = await resting.asked()
    await resting.booked(order, "pay_FAKEnowhere01")
    await resting.outside.trouble("razorpay.payments.fetch", "error", times=1)

    assert await resting.shop.housekeeping.captures() == (
        "captures: 1 compared, 0 here only, 0 there only, 0 amounts differ, "
        "0 refund sums differ, 1 unread"
    )
    assert await resting.open_items() == []
    assert await resting.last_success("captures") is None


async def test_money_older_than_the_days_compared_is_left_alone(resting: Resting) -> None:
    order = await resting.asked()
    await resting.booked(order, "pay_FAKEnowhere01")
    await resting.sql("UPDATE payments SET captured_at = captured_at - interval '73 hours'")

    assert await resting.shop.matching.match() == Match()
    assert await resting.open_items() == []
