"""Orders and people in numbers, made by the same use cases but without every step on the wire."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.domain.chat import Doc, Event, FileReady, Said
from app.models_orders import Order
from app.ports import Limits
from app.services.capture_service import Seen
from tests.support.outside import PAGE, PATIENCE, Customer, pdf_of
from tests.support.shop import House, bank_of


async def ordered(
    house: House,
    customer: Customer,
    *,
    name: str = "thesis.pdf",
    pages: int = 2,
    copies: int = 2,
    how: str = "bw",
    colored: tuple[int, ...] = (),
    choices: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An order that waits for money, by the same use cases but without the wire: for crowds.

    The customer must have written before, as everybody must. ``choices`` are further ones of the
    print plan that the chat does not ask for, and come with a file that has to be made.
    """
    shop = house.inside
    data, digest = await _print_ready(house, pages)
    key = f"{secrets.token_hex(16)}.pdf"
    path = Path(house.settings.data_dir) / key
    path.write_bytes(data)
    await shop.store.put(key, path)
    path.unlink()
    async with shop.unit_of_work("system:test") as tx:
        shop_id, [row] = (
            await tx.shops.first_id(),
            await house.sql(
                "SELECT * FROM customers WHERE address = %s OR external_user_id = %s",
                customer.address,
                customer.user_id,
            ),
        )
        who = await tx.customers.get(row["id"])
        await tx.customers.lock_chat(who)
        made = await tx.documents.arrived(
            shop_id=shop_id,
            customer_id=who.id,
            message_sid=f"MM{secrets.token_hex(16)}",
            media_sid=f"ME{secrets.token_hex(16)}",
            declared_type="application/pdf",
            name=name,
        )
        assert made is not None
        document = await tx.documents.lock(made)
        assert document is not None
        document.status, document.kind, document.pages = "READY", "pdf", pages
        document.sha256, document.bytes = digest, len(data)
        document.color_pages, document.storage_key = list(colored), key
        document.page_sizes = [PAGE]
        await tx.session.flush()
        ready = Doc(str(document.id), name, pages, colored)
        events: tuple[Event, ...] = (FileReady(ready), Said(how), Said(str(copies)))
        for number, event in enumerate(events):
            await shop.twilio._sessions.turn(tx, who, event, key=f"seed:{made}:{number}")
        if choices:
            order = await tx.session.scalar(select(Order).where(Order.id == document.order_id))
            assert order is not None
            assert order.choices is not None
            order.choices = {**order.choices, **choices}
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline:
        # What is printed is made before it is priced, and the price before the link.
        orders = await house.sql(
            "SELECT o.*, p.reference_id FROM orders o JOIN documents d ON d.order_id = o.id "
            "JOIN payments p ON p.order_id = o.id WHERE d.id = %s",
            made,
        )
        if orders:
            return orders[0]
        await asyncio.sleep(0.05)
    raise AssertionError("the order was never priced")


_prepared: dict[int, tuple[bytes, str]] = {}


async def _print_ready(house: House, pages: int) -> tuple[bytes, str]:
    """A file as the intake leaves it, with its hash; made once for each number of pages."""
    if pages not in _prepared:
        with tempfile.TemporaryDirectory(dir=house.settings.data_dir) as folder:
            source = Path(folder) / "source"
            source.write_bytes(pdf_of(pages))
            limits = Limits(max_bytes=1_000_000, max_pages=500)
            made = await house.inside.preparer.prepare(source, Path(folder), limits=limits)
            _prepared[pages] = made.path.read_bytes(), made.sha256
    return _prepared[pages]


async def paid(house: House, customer: Customer, **wishes: Any) -> dict[str, Any]:
    """Like ``ordered``, and the money is here."""
    order = await ordered(house, customer, **wishes)
    await house.inside.captures.settle(
        Seen(
            payment_id=f"pay_{secrets.token_hex(7)}",
            amount_paise=order["total_paise"],
            currency="INR",
            method="upi",
            reference_id=order["reference_id"],
        ),
        door="webhook",
    )
    [row] = await house.sql(
        "SELECT o.*, j.id AS job_id FROM orders o JOIN print_jobs j ON j.order_id = o.id "
        "WHERE o.id = %s",
        order["id"],
    )
    return row


async def customer_who_paid(
    house: House, customer: Customer, **wishes: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A real payment at the bank: the order, and the payment as the bank knows it."""
    await customer.replies("Hi", "Print Shop")
    await ordered(house, customer, **wishes)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    payment = await bank_of(house).captures(pay_here)
    await customer.hears("Your token is")
    await house.quiet()
    return await house.order_of(customer), payment


async def crowd(house: House, size: int) -> list[Customer]:
    """So many people who have said hello."""
    people = [await house.outside.newcomer() for _ in range(size)]
    await asyncio.gather(*(person.says("Hi") for person in people))
    await house.quiet(timeout=40)
    return people
