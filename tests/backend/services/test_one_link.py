"""At most one payable link for an order, and the truth about how long it works."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.domain.errors import ProviderError, ProviderUnavailable
from app.domain.print_plan import PrintType
from app.models_orders import Order
from tests.backend.services.sweeping import Resting, resting
from tests.backend.web.counter import a_link

__all__ = ["resting"]

PLAIN: dict[str, Any] = {"print_type": PrintType.COLOR}  # printed as the file is


async def changed(shop: Resting, order: Order, *, copies: int) -> UUID:
    """The customer goes back and answers anew; the task that closes the old link is lost.

    The intent to be paid again.
    """
    orders = shop.shop.desk._orders
    async with shop.shop.unit_of_work("system:test") as tx:
        row = await tx.orders.lock(order.id)
        assert row is not None
        await orders.revise(tx, row)
        await orders.place(tx, row, PrintType.COLOR, copies)
        [intent] = [p for p in await tx.payments.of_order(order.id) if p.quote_id == row.quote_id]
        return intent.id


async def link_calls(shop: Resting) -> list[tuple[str, str]]:
    """What was asked about links at the bank, in order, and about which."""
    rows = (await shop.outside.control("GET", "/log"))["rows"]
    asked = [row for row in rows if row["operation"].startswith("razorpay.links.")]
    done = {"razorpay.links.create": "created", "razorpay.links.cancel": "cancelled"}
    return [
        (
            done[row["operation"]] if row["status"] == 200 else "refused",
            row["about"] or row["path"].split("/")[3],
        )
        for row in asked
        if row["operation"] in done
    ]


async def statuses(shop: Resting) -> list[str]:
    rows = await shop.sql("SELECT status FROM payments ORDER BY created_at")
    return [row["status"] for row in rows]


async def link_ids(shop: Resting) -> list[str]:
    return [link["id"] for link in (await shop.outside.control("GET", "/links"))["links"]]


async def test_the_old_link_is_cancelled_before_the_new_one_is_made(resting: Resting) -> None:
    order, _ = await resting.linked(**PLAIN)
    intent = await changed(resting, order, copies=3)
    await resting.shop.links.make_link(intent)

    old, new = await link_ids(resting)
    assert await link_calls(resting) == [("created", old), ("cancelled", old), ("created", new)]
    assert await statuses(resting) == ["CLOSED", "LINK_SENT"]


async def test_while_the_old_link_stays_open_no_new_one_is_made(resting: Resting) -> None:
    order, _ = await resting.linked(**PLAIN)
    intent = await changed(resting, order, copies=3)
    await resting.outside.trouble("razorpay.links.cancel", "reject", description="not today")

    with pytest.raises(ProviderUnavailable, match="still open"):
        await resting.shop.links.make_link(intent)
    [old] = await link_ids(resting)
    assert await link_calls(resting) == [("created", old), ("refused", old)]
    assert await statuses(resting) == ["LINK_SENT", "INITIATED"]

    await resting.shop.links.make_link(intent)
    old, new = await link_ids(resting)
    assert (await link_calls(resting))[2:] == [("cancelled", old), ("created", new)]
    assert await statuses(resting) == ["CLOSED", "LINK_SENT"]


async def test_when_the_old_link_turns_out_paid_no_new_one_is_made(resting: Resting) -> None:
    order, pay_here = await resting.linked(**PLAIN)
    intent = await changed(resting, order, copies=3)
    await resting.bank.captures(pay_here)

    for _ in range(2):
        await resting.shop.links.make_link(intent)

    [old] = await link_ids(resting)
    assert await link_calls(resting) == [("created", old), ("refused", old)]
    assert await statuses(resting) == ["CAPTURED", "CLOSED"]
    paid = await resting.now(order)
    assert (paid.status, paid.copies, paid.total_paise) == ("PAID", 2, order.total_paise)
    assert await resting.one("SELECT count(*) FROM print_jobs") == 1
    assert await resting.one("SELECT count(*) FROM messages WHERE body LIKE '%%Pay here%%'") == 1


@pytest.mark.parametrize(
    ("left", "told", "works"),
    [
        # Razorpay was away for longer than the order had: a link lives 15 minutes at least.
        ("-3 minutes", "works for 16 minutes.", timedelta(minutes=16)),
        ("2 minutes", "works for 16 minutes.", timedelta(minutes=16)),
        ("20 minutes", "works for 20 minutes.", timedelta(minutes=20)),
        ("26 hours", "works for 1,560 minutes.", timedelta(hours=26)),
    ],
)
async def test_the_time_a_link_works_is_told_as_it_is(
    resting: Resting, left: str, told: str, works: timedelta
) -> None:
    order = await resting.asked(link=False)
    for table, key in (("payments", "order_id"), ("orders", "id")):
        await resting.sql(
            f"UPDATE {table} SET expires_at = now() + %s::interval WHERE {key} = %s", left, order.id
        )
    intent = await resting.one("SELECT id FROM payments WHERE order_id = %s", order.id)
    before = await resting.one("SELECT clock_timestamp()")
    await resting.shop.links.make_link(intent)

    assert told in await resting.one("SELECT body FROM messages WHERE body LIKE '%%Pay here%%'")
    [link] = (await resting.outside.control("GET", "/links"))["links"]
    ends = (await resting.now(order)).expires_at
    assert ends is not None
    assert ends == await resting.one("SELECT expires_at FROM payments WHERE id = %s", intent)
    assert ends == datetime.fromtimestamp(link["expire_by"], ends.tzinfo)
    assert abs(ends - before - works) < timedelta(seconds=10)
    await resting.shop.housekeeping.orders()
    assert (await resting.now(order)).status == "PAYMENT_PENDING"


async def test_a_link_that_ended_before_it_could_be_sent_is_not_sent(resting: Resting) -> None:
    """The answer to its making was lost, and Razorpay stayed away until it was over."""
    order = await resting.asked(link=False)
    intent = await resting.one("SELECT id FROM payments WHERE order_id = %s", order.id)
    await resting.outside.trouble("razorpay.links.create", "answer_lost")
    with pytest.raises(ProviderError):
        await resting.shop.links.make_link(intent)
    [link] = (await resting.outside.control("GET", "/links"))["links"]
    await resting.bank.expires(link["short_url"])

    await resting.shop.links.make_link(intent)
    assert await statuses(resting) == ["CLOSED"]
    assert (await resting.now(order)).status == "EXPIRED"
    assert await resting.one("SELECT count(*) FROM messages WHERE body LIKE '%%Pay here%%'") == 0
    assert len(await link_ids(resting)) == 1


async def test_a_link_that_was_paid_before_it_was_stored_is_not_looked_at(
    resting: Resting,
) -> None:
    order = await resting.asked(link=False)
    await resting.booked(order, "pay_FAKEquicker01")
    intent = await resting.one("SELECT id FROM payments WHERE order_id = %s", order.id)
    await resting.shop.links._link_made(intent, a_link(99, order.total_paise or 0))

    [payment] = await resting.sql("SELECT plink_id, status, next_look_at FROM payments")
    assert tuple(payment.values()) == ("plink_99", "CAPTURED", None)
