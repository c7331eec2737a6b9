"""Money that arrives, however often and in whatever order: each rupee gets one owner."""

from __future__ import annotations

import asyncio
from itertools import permutations

import pytest

from tests.support.outside import Bank, Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_order_is_paid_printed_and_told_once(
    shop: House, customer: Customer, bank: Bank
) -> None:
    pay_here = await customer.wants("thesis.pdf", pages=3, copies=2)
    await bank.captures(pay_here)
    await customer.hears("Your token is")
    await shop.quiet()

    assert await shop.prints(customer) == ["thesis.pdf"]
    await customer.hears("Ready!")
    await shop.quiet()

    order = await shop.order_of(customer)
    assert (order["status"], order["total_paise"]) == ("READY", 1200)
    assert await customer.count("Your token is") == 1
    assert await customer.count("Ready!") == 1
    assert await shop.refunds_of(customer) == []
    assert await shop.attention_of(customer) == []
