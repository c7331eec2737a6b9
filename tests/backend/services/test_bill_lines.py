"""What stands on a bill adds up to what was paid, whatever staff accepted."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.bills import GstMode
from app.models_orders import Order
from app.services.capture_service import Seen
from app.services.scene import Ask
from tests.backend.services.books import BW, GSTIN, Books, books

__all__ = ["books"]

LARGE: dict[str, Any] = {"pages": 59, "copies": 2, **BW}


async def printed_all_the_same(books: Books, paise: int, **choices: Any) -> Order:
    """An order that another amount came for, and staff print it."""
    order = await books.asked(**choices)
    async with books.shop.unit_of_work("system:test") as tx:
        [link] = await tx.payments.of_order(order.id)
    payment = f"pay_{order.code}"
    seen = Seen(payment, paise, "INR", "upi", reference_id=link.reference_id or "")
    await books.shop.captures.settle(seen, door="webhook")
    [[entry], _] = await books.shop.attention.page(books.shop_id, kind="wrong_amount")
    await books.shop.attention.resolve(
        books.shop_id, entry.item.id, Ask("print_it"), key=payment, by="user:Ganesh"
    )
    return order


@pytest.mark.parametrize("mode", GstMode)
@pytest.mark.parametrize("difference", [900, 0, -900])
@pytest.mark.parametrize("choices", [{}, LARGE], ids=["small", "large"])
async def test_the_lines_of_a_bill_add_up_to_what_was_paid(
    books: Books, mode: GstMode, difference: int, choices: dict[str, Any]
) -> None:
    if mode is not GstMode.UNREGISTERED:
        await books.bills.set_gst(books.shop_id, by="user:Ganesh", mode=mode, gstin=GSTIN)
    if difference:
        price = 23600 if choices else 5600
        order = await printed_all_the_same(books, price + difference, **choices)
    else:
        order = await books.paid(**choices)
        price = order.total_paise or 0
    bills = [(await books.bills.of_order(books.shop_id, order.id)).bill]
    if mode is GstMode.REGISTERED and not choices:
        bills.append(await books.bills.ask_invoice(books.shop_id, order.id, by="user:Ganesh"))

    for bill in bills:
        assert bill.amount_paise == price + difference
        assert sum(line["amount_paise"] for line in bill.lines) == bill.amount_paise
        told = [line["amount_paise"] for line in bill.lines if line.get("difference")]
        assert told == ([difference] if difference else [])


async def test_the_page_says_what_differs_from_the_price(books: Books) -> None:
    order = await printed_all_the_same(books, 4700)
    async with books.browser() as browser:
        page = await browser.get(f"/o/{order.page_token}/bill")
    assert "Difference between the price and what was paid" in page.text
    for amount in ("-₹9.00", "₹47.00"):
        assert amount in page.text
    assert "Up to the smallest bill" not in page.text
