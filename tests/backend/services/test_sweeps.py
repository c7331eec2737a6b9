"""Sweeps that cannot read something: nothing starves behind it, and no success is claimed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from tests.backend.services.sweeping import Resting, resting

__all__ = ["resting"]

BAD = 51  # more than one run takes


async def unknown_links(shop: Resting) -> None:
    """Links that the bank says it never made: looked at before any other."""
    await shop.asked(link=False)
    await shop.sql(
        "INSERT INTO payments (shop_id, order_id, quote_id, status, amount_paise, reference_id, "
        "plink_id, link_made_at, expires_at, next_look_at) SELECT shop_id, order_id, quote_id, "
        "'CLOSED', amount_paise, 'bad' || n, 'plink_BAD' || n, now(), now() + interval '1 hour', "
        "now() - interval '1 hour' FROM payments, generate_series(1, %s) n",
        BAD,
    )


async def test_links_that_cannot_be_read_starve_nobody(resting: Resting) -> None:
    await unknown_links(resting)
    order, pay_here = await resting.linked()
    paid = await resting.bank.captures(pay_here)
    await resting.sql(
        "UPDATE payments SET next_look_at = now() - interval '1 second' WHERE order_id = %s",
        order.id,
    )
    sweep = resting.shop.housekeeping.payments

    assert await sweep() == "payments: 0 read, 50 unread"
    assert (await resting.now(order)).status == "PAYMENT_PENDING"
    assert await sweep() == "payments: 1 read, 1 unread, 1 paid"

    [payment] = await resting.sql("SELECT * FROM payments WHERE order_id = %s", order.id)
    assert (payment["status"], payment["disposition"]) == ("CAPTURED", "FULFILS")
    assert (payment["rzp_payment_id"], payment["next_look_at"]) == (paid["payment_id"], None)
    assert (await resting.now(order)).status == "PAID"
    # Each was asked once and waits for its own next moment, not for the next run.
    assert await resting.asked_of_the_bank("razorpay.links.fetch") == BAD + 1
    assert await sweep() == "payments: 0 read, 0 unread"
    assert await resting.asked_of_the_bank("razorpay.links.fetch") == BAD + 1


async def test_a_link_that_trips_us_starves_nobody(
    resting: Resting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours about one of them, the first in the row."""
    links = resting.shop.links
    trips, _ = await resting.linked()
    order, pay_here = await resting.linked()
    await resting.bank.captures(pay_here)
    await resting.sql("UPDATE payments SET next_look_at = now() - interval '1 second'")
    await resting.sql(
        "UPDATE payments SET next_look_at = now() - interval '1 hour' WHERE order_id = %s", trips.id
    )
    bad = await resting.one("SELECT id FROM payments WHERE order_id = %s", trips.id)
    look = links.look

    async def tripping(payment_id: UUID, *, door: str) -> str:
        if payment_id == bad:
            raise RuntimeError("not foreseen")
        return await look(payment_id, door=door)

    monkeypatch.setattr(links, "look", tripping)
    assert await resting.shop.housekeeping.payments() == "payments: 1 read, 1 unread, 1 paid"
    assert (await resting.now(order)).status == "PAID"
    assert (await resting.now(trips)).status == "PAYMENT_PENDING"
    assert await resting.shop.housekeeping.payments() == "payments: 0 read, 0 unread"


async def test_refunds_that_cannot_be_read_starve_nobody(resting: Resting) -> None:
    await resting.outside.control("POST", "/settings", {"refund_status": "pending"})
    order, pay_here = await resting.linked()
    paid = await resting.bank.captures(pay_here)
    await resting.booked(order, paid["payment_id"])
    refund = await resting.shop.refunds.request(
        resting.shop_id, order.id, amount_paise=2000, reason="light", key="k", by="user:Asha"
    )
    await resting.shop.refunds.issue(refund.id)
    await resting.sql("DELETE FROM procrastinate_jobs WHERE task_name = 'issue_refund'")
    await resting.sql(
        "INSERT INTO refunds (shop_id, payment_id, idempotency_key, amount_paise, status, reason, "
        "requested_by, rzp_refund_id, next_look_at) SELECT shop_id, id, 'bad' || n, 1, "
        "'IN_TRANSIT', 'light', 'user:Asha', 'rfnd_BAD' || n, now() - interval '1 hour' "
        "FROM payments, generate_series(1, %s) n WHERE rzp_payment_id = %s",
        BAD,
        paid["payment_id"],
    )
    [sent] = await resting.bank.refunds(paid["payment_id"])
    await resting.outside.control("POST", f"/refunds/{sent['id']}/settle", {"status": "processed"})
    await resting.sql(
        "UPDATE refunds SET next_look_at = now() - interval '1 minute' WHERE id = %s", refund.id
    )
    sweep = resting.shop.housekeeping.refunds

    assert await sweep() == "refunds: 0 read, 50 unread, 0 put on the list"
    assert await sweep() == "refunds: 1 read, 1 unread, 0 put on the list"
    assert await resting.one("SELECT status FROM refunds WHERE id = %s", refund.id) == "PROCESSED"
    assert await sweep() == "refunds: 0 read, 0 unread, 0 put on the list"
    assert await resting.asked_of_the_bank("razorpay.refunds.fetch") == BAD + 1

    await resting.sql("UPDATE refunds SET status = 'FAILED' WHERE status = 'IN_TRANSIT'")
    await resting.sql("UPDATE payments SET refunded_paise = 2000 WHERE refunded_paise > 0")


@pytest.mark.parametrize("sweep", ["payments", "refunds", "captures", "messages"])
async def test_what_could_not_be_read_is_no_success(resting: Resting, sweep: str) -> None:
    run = getattr(resting.shop.housekeeping, sweep)
    order, pay_here = await resting.linked()
    if sweep == "refunds":
        await resting.outside.control("POST", "/settings", {"refund_status": "pending"})
        paid = await resting.bank.captures(pay_here)
        await resting.booked(order, paid["payment_id"])
        refund = await resting.shop.refunds.request(
            resting.shop_id, order.id, amount_paise=100, reason="light", key="k", by="user:Asha"
        )
        await resting.shop.refunds.issue(refund.id)
        await resting.sql("DELETE FROM procrastinate_jobs WHERE task_name = 'issue_refund'")
    for operation in ("razorpay.links.fetch", "razorpay.refunds.fetch", "razorpay.payments.list"):
        await resting.outside.trouble(operation, "error", times=1)
    await resting.outside.trouble("twilio.messages.list", "error", times=1)
    await resting.is_due("refunds" if sweep == "refunds" else "payments")

    assert "unread" in await run() or sweep in ("captures", "messages")
    assert await resting.last_success(sweep) is None

    if sweep in ("payments", "refunds"):
        # Nothing is due meanwhile, and what was put off is still unread.
        assert (await run()).startswith(f"{sweep}: 0 read, 0 unread")
        assert await resting.last_success(sweep) is None
        await resting.is_due("refunds" if sweep == "refunds" else "payments")
    before = await resting.one("SELECT clock_timestamp()")
    await run()
    after = await resting.one("SELECT clock_timestamp()")
    assert before < datetime.fromisoformat(await resting.last_success(sweep)) < after


async def test_a_failure_does_not_take_back_an_earlier_success(resting: Resting) -> None:
    await resting.linked()
    await resting.shop.housekeeping.payments()
    success = await resting.last_success("payments")
    await resting.outside.trouble("razorpay.links.fetch", "refused", times=None)
    for _ in range(2):
        await resting.is_due("payments")
        assert await resting.shop.housekeeping.payments() == "payments: 0 read, 1 unread"
    await resting.shop.housekeeping.payments()
    assert await resting.last_success("payments") == success
