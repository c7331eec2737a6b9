"""Orders put in as the rows they would be, so that only the last step is measured."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from app.domain.money import Money
from app.domain.price_list import PriceList
from app.domain.pricing import price_of
from app.domain.print_plan import Choices, PrintType, plan

Connection = psycopg.Connection[Any]

SHOP = UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
PAGES, AMOUNT_PAISE = 6, 2400
SHA256 = "ab" * 32
_CHOSEN = Choices(PrintType.BW, 2)
CHOICES = Jsonb(_CHOSEN.as_dict())
_PRICE = price_of(plan(_CHOSEN, PAGES, ()), PriceList(1, Money(200), Money(1000)))
LINES = Jsonb([line.as_data() for line in _PRICE.lines])

_CUSTOMER = """
INSERT INTO customers (shop_id, address, phone, name, last_inbound_at)
VALUES (%s, %s, %s, 'Asha K', clock_timestamp()) RETURNING id
"""
_SESSION = """
INSERT INTO user_sessions (customer_id, shop_id, status) VALUES (%s, %s, 'IDLE')
"""
_ORDER = """
INSERT INTO orders (id, shop_id, customer_id, code, page_token, status, print_type, copies,
    total_paise, expires_at)
VALUES (%s, %s, %s, %s, %s, 'PAYMENT_PENDING', 'BW', 2, %s,
    clock_timestamp() + interval '30 minutes')
"""
_DOCUMENT = """
INSERT INTO documents (shop_id, customer_id, order_id, message_sid, media_sid, status, kind,
    storage_key, sha256, bytes, pages)
VALUES (%s, %s, %s, %s, %s, 'READY', 'PDF', %s, %s, 81234, %s) RETURNING id
"""
_QUOTE = """
INSERT INTO quotes (order_id, price_list_id, sha256, pages, color_pages, print_type, copies,
    choices, lines, amount_paise)
SELECT %s, id, %s, %s, '[]', 'BW', 2, %s, %s, %s FROM price_lists WHERE shop_id = %s
ORDER BY version DESC LIMIT 1 RETURNING id
"""
_PAYMENT = """
INSERT INTO payments (shop_id, order_id, quote_id, status, amount_paise, reference_id, plink_id,
    short_url, expires_at)
VALUES (%s, %s, %s, 'LINK_SENT', %s, %s, %s, 'https://rzp.io/i/x',
    clock_timestamp() + interval '30 minutes')
"""
_JOB = """
INSERT INTO print_jobs (shop_id, order_id, document_id, token, print_type, copies, pages,
    page_ranges, color_pages, needs_color, storage_key, sha256, bytes)
VALUES (%s, %s, %s, %s, 'BW', 2, %s, '1-6', '[]', false, %s, %s, 81234) RETURNING id
"""


@dataclass(frozen=True)
class Waiting:
    """An order that waits for its money. ``phone`` as ``+91…``."""

    id: UUID
    document: UUID
    key: str
    phone: str
    reference_id: str
    link_id: str


def waiting_order(connection: Connection, number: int) -> Waiting:
    """A customer with a ready document, a frozen quote and a payment link that was sent."""
    series = secrets.token_hex(3)
    phone, order = f"+9190{number:08d}", uuid4()
    reference, link = f"pw_{secrets.token_hex(15)}", f"plink_{series}{number:08d}"
    key = f"d/{order}"
    with connection.transaction():

        def made(statement: str, *values: Any) -> Any:
            row = connection.execute(statement.encode(), values).fetchone()
            assert row is not None
            return row[0]

        person = made(_CUSTOMER, SHOP, f"whatsapp:{phone}", phone[1:])
        connection.execute(_SESSION, (person, SHOP))
        code, token = f"{series}{number}", secrets.token_urlsafe(24)
        connection.execute(_ORDER, (order, SHOP, person, code, token, AMOUNT_PAISE))
        sid = f"{series}{number:026d}"
        document = made(_DOCUMENT, SHOP, person, order, f"MM{sid}", f"ME{sid}", key, SHA256, PAGES)
        quote = made(_QUOTE, order, SHA256, PAGES, CHOICES, LINES, AMOUNT_PAISE, SHOP)
        connection.execute("UPDATE orders SET quote_id = %s WHERE id = %s", (quote, order))
        connection.execute(_PAYMENT, (SHOP, order, quote, AMOUNT_PAISE, reference, link))
    return Waiting(order, document, key, phone, reference, link)


def pay(connection: Connection, order: Waiting, token: str) -> UUID:
    """Marks it paid and queues its job inside the caller's open transaction; the job's id."""
    connection.execute(
        "UPDATE orders SET status = 'PAID', paid_at = clock_timestamp(), token = %s WHERE id = %s",
        (token, order.id),
    )
    values = (SHOP, order.id, order.document, token, PAGES, order.key, SHA256)
    row = connection.execute(_JOB, values).fetchone()
    assert row is not None
    job: UUID = row[0]
    return job


def take_back(connection: Connection) -> None:
    """Claimed jobs leave the queue: nobody prints them, and their leases would lapse."""
    connection.execute("UPDATE print_jobs SET status = 'CANCELLED' WHERE status = 'CLAIMED'")
