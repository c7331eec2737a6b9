"""Order, payment, shop: whoever makes a bill locks in this order, so nobody waits in a ring."""

from __future__ import annotations

import asyncio

from tests.backend.services.books import BW, Books, books, tail

__all__ = ["books"]


async def test_who_asks_for_an_invoice_waits_for_the_order_before_the_shop(books: Books) -> None:
    await books.registers()
    order = await books.small()
    async with books.shop.unit_of_work("user:Ganesh") as tx:
        await tx.orders.lock(order.id)
        asking = asyncio.create_task(
            books.bills.ask_invoice(books.shop_id, order.id, by="system:customer")
        )
        await books.somebody_waits()
        await tx.bills.lock(books.shop_id)

    assert tail(await asking) == "T/1"


async def test_news_of_a_refund_waits_for_the_order_before_the_payment(books: Books) -> None:
    await books.registers()
    order = await books.asked(pages=59, copies=2, **BW)
    await books.online(order, "pay_news")
    refund = await books.refund(order, 1000, "light")
    async with books.shop.unit_of_work("user:Ganesh") as tx:
        await tx.orders.lock(order.id)
        news = asyncio.create_task(books.arrives(refund, "pay_news"))
        await books.somebody_waits()
        await tx.payments.lock(refund.payment_id)
    await news

    [note] = (await books.bills.of_order(books.shop_id, order.id)).notes
    assert note.amount_paise == 1000
