"""Locks that must not meet: what hangs on an order may be written while the order is held."""

from __future__ import annotations

import asyncio

import pytest

from app.repositories.unit_of_work import UnitOfWork
from tests.backend.repositories.rows import Rows, until_waiting


@pytest.mark.parametrize("written", ["message", "attention item"])
async def test_words_about_an_order_do_not_wait_for_who_holds_it(
    work: UnitOfWork, rows: Rows, written: str
) -> None:
    """One holds the order and wants its payment; the other holds the payment and writes down
    something about the order. If that waited for the order, each would wait for the other."""
    customer = rows.customer()
    order = rows.order(customer=customer, status="PAID")
    payment = rows.captured(order)
    held = asyncio.Event()

    async def expects_the_payment() -> None:
        async with work("system:webhook") as tx:
            await tx.orders.lock(order)
            held.set()
            await tx.payments.lock(payment)

    async with work("system:leases") as tx:
        await tx.payments.lock(payment)
        other = asyncio.create_task(expects_the_payment())
        await held.wait()
        await until_waiting(rows)
        if written == "message":
            await tx.messages.stage(
                shop_id=rows.shop,
                customer_id=customer,
                order_id=order,
                key=f"note:{order}",
                kind="paid",
                body="Paid.",
                buttons=[],
            )
        else:
            await tx.messages.open_item(
                shop_id=rows.shop, kind="uncertain", subject=f"order:{order}", order_id=order
            )
    await other


async def test_two_who_hold_the_same_order_take_turns(work: UnitOfWork, rows: Rows) -> None:
    order = rows.order(status="PAID")
    turns: list[str] = []

    async def second() -> None:
        async with work("system:second") as tx:
            await tx.orders.lock(order)
            turns.append("second")

    async with work("system:first") as tx:
        await tx.orders.lock(order)
        waits = asyncio.create_task(second())
        await until_waiting(rows)
        turns.append("first")
    await waits
    assert turns == ["first", "second"]
