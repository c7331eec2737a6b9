"""``python -m app.cli reconcile`` on books with a difference of every sort: what each line says."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.backend.services.sweeping import Resting, resting
from tests.support.processes import PYTHON, ROOT, clean_environment, vendors

__all__ = ["resting"]


async def reconciled(shop: Resting) -> dict[str, str]:
    """What the command says, by sweep."""
    settings = shop.shop.settings
    command = await asyncio.create_subprocess_exec(
        *(PYTHON, "-m", "app.cli", "reconcile"),
        cwd=ROOT / "backend",
        env=clean_environment(
            **vendors(shop.outside.origin),
            ENVIRONMENT="development",
            DATABASE_URL=settings.database_url,
            REDIS_URL="",
            DATA_DIR=str(settings.data_dir),
            BACKEND_PUBLIC_URL=settings.backend_public_url,
        ),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await command.communicate()
    assert command.returncode == 0
    return dict(line.split(": ", 1) for line in said.decode().splitlines())


async def refunded_in_the_dashboard(shop: Resting, payment_id: str, amount: int) -> None:
    keys: Any = (shop.shop.settings.razorpay_key_id, shop.shop.settings.razorpay_key_secret)
    answer = await shop.outside.client.post(
        f"{shop.outside.origin}/v1/payments/{payment_id}/refund", json={"amount": amount}, auth=keys
    )
    assert answer.status_code == 200


async def test_reconcile_says_what_it_compared_and_found(resting: Resting) -> None:
    unheard_of, pay_here = await resting.linked()
    await resting.bank.captures(pay_here)
    here_only = await resting.asked()
    await resting.booked(here_only, "pay_FAKEnowhere01")
    other_amount, pay_here = await resting.linked()
    amount = (await resting.bank.captures(pay_here))["payment_id"]
    await resting.booked(other_amount, amount, paise=5500)
    refunded, pay_here = await resting.linked()
    refund = (await resting.bank.captures(pay_here))["payment_id"]
    await resting.booked(refunded, refund)
    await refunded_in_the_dashboard(resting, refund, 1000)
    for n in (1, 2):
        waits, _ = await resting.linked()
        await resting.sql(
            "UPDATE payments SET next_look_at = now(), plink_id = CASE WHEN %s = 1 THEN plink_id "
            "ELSE 'plink_BAD' END WHERE order_id = %s",
            n,
            waits.id,
        )
    late = await resting.asked()
    await resting.sql("UPDATE orders SET expires_at = now() WHERE id = %s", late.id)

    said = await reconciled(resting)

    assert said["payments"] == "1 read, 1 unread, 1 created"
    assert said["captures"] == (
        "4 compared, 1 here only, 1 there only, 1 amounts differ, 1 refund sums differ, 0 unread"
    )
    assert said["refunds"] == "0 read, 0 unread, 0 put on the list"
    assert said["orders"] == "1 expired, 0 reminded, 0 put on the list"
    assert said["messages"] == "0 compared, 0 there only"
    assert (await resting.now(unheard_of)).status == "PAID"
    assert (await resting.now(late)).status == "EXPIRED"
    assert await resting.one("SELECT sum(refunded_paise)::int FROM payments") == 1000
    assert await resting.open_items() == [
        ("amount_differs", f"payment:{amount}", 5600),
        ("external_refund", f"payment:{refund}", 1000),
        ("not_at_razorpay", "payment:pay_FAKEnowhere01", 5600),
        ("wrong_amount", f"payment:{amount}", 5500),
    ]

    again = await reconciled(resting)
    assert again["payments"] == "0 read, 0 unread"
    assert again["captures"] == (
        "4 compared, 1 here only, 0 there only, 1 amounts differ, 0 refund sums differ, 0 unread"
    )
    assert again["orders"] == "0 expired, 0 reminded, 0 put on the list"
    assert len(await resting.open_items()) == 4
