"""Rows for tests, written straight into PostgreSQL over a connection of their own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

SHA = "ab" * 32


@dataclass(frozen=True, slots=True)
class PaidOrder:
    """An order that waits to be printed."""

    order: UUID
    document: UUID
    job: UUID


class Rows:
    """One shop; every maker returns the id of the new row."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection: psycopg.Connection[dict[str, Any]] = psycopg.connect(
            url, autocommit=True, row_factory=dict_row
        )
        self.shop = self.insert("shops", code=secrets.token_hex(4), name="Ganesh Copy Centre")
        self.prices = self.insert(
            "price_lists", shop_id=self.shop, version=1, bw_paise=200, color_paise=1000
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    # Speaking SQL

    def all(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return self.connection.execute(sql.encode(), values).fetchall()

    def one(self, sql: str, *values: object) -> Any:
        (row,) = self.all(sql, *values)
        return next(iter(row.values())) if len(row) == 1 else row

    def run(self, sql: str, *values: object) -> int:
        """Returns how many rows were touched."""
        return self.connection.execute(sql.encode(), values).rowcount

    def run_as(self, actor: str, sql: str, *values: object) -> None:
        with self.connection.transaction():
            self.connection.execute("SELECT set_config('printwala.actor', %s, true)", (actor,))
            self.connection.execute(sql.encode(), values)

    def insert(self, table: str, **values: object) -> Any:
        columns = ", ".join(values)
        marks = ", ".join("%s" for _ in values)
        kept = [Jsonb(v) if isinstance(v, list | dict) else v for v in values.values()]
        sql = f"INSERT INTO {table} ({columns}) VALUES ({marks}) RETURNING id"
        return self.one(sql, *kept)

    def set_status(self, table: str, row: UUID, *statuses: str, actor: str = "user:asha") -> None:
        for status in statuses:
            self.run_as(actor, f"UPDATE {table} SET status = %s WHERE id = %s", status, row)

    # People and files

    def customer(self, **more: object) -> UUID:
        number = "91" + "".join(secrets.choice("0123456789") for _ in range(10))
        made: UUID = self.insert(
            "customers",
            shop_id=self.shop,
            **{"address": f"whatsapp:+{number}", "phone": number, "name": "Asha", **more},
        )
        return made

    def document(self, customer: UUID, **more: object) -> UUID:
        made: UUID = self.insert(
            "documents",
            shop_id=self.shop,
            customer_id=customer,
            **{
                "message_sid": f"MM{secrets.token_hex(16)}",
                "media_sid": f"ME{secrets.token_hex(16)}",
                "status": "READY",
                "pages": 2,
                "sha256": SHA,
                "storage_key": f"{secrets.token_hex(8)}.pdf",
                **more,
            },
        )
        return made

    # Orders and money

    def order(self, *, customer: UUID | None = None, status: str = "DRAFT", **more: object) -> UUID:
        made: UUID = self.insert(
            "orders",
            shop_id=self.shop,
            customer_id=customer or self.customer(),
            code=secrets.token_hex(3).upper(),
            page_token=secrets.token_hex(16),
            status=status,
            **more,
        )
        return made

    def quote(self, order: UUID, paise: int = 2400) -> UUID:
        made: UUID = self.insert(
            "quotes",
            order_id=order,
            price_list_id=self.prices,
            sha256=SHA,
            pages=2,
            color_pages=[],
            print_type="BW",
            copies=6,
            lines=[{"amount_paise": paise}],
            amount_paise=paise,
        )
        return made

    def payment(self, order: UUID | None, **more: object) -> UUID:
        made: UUID = self.insert(
            "payments", shop_id=self.shop, order_id=order, **{"amount_paise": 2400, **more}
        )
        return made

    def captured(
        self, order: UUID | None, *, paise: int = 2400, disposition: str = "FULFILS"
    ) -> UUID:
        return self.payment(
            order,
            status="CAPTURED",
            amount_paise=paise,
            captured_paise=paise,
            disposition=disposition,
            rzp_payment_id=f"pay_{secrets.token_hex(7)}",
        )

    def refund(self, payment: UUID, paise: int = 100, **more: object) -> UUID:
        made: UUID = self.insert(
            "refunds",
            shop_id=self.shop,
            payment_id=payment,
            **{
                "idempotency_key": secrets.token_hex(8),
                "amount_paise": paise,
                "reason": "too light",
                "requested_by": "user:asha",
                **more,
            },
        )
        return made

    def bill(self, order: UUID, paise: int = 2400, **more: object) -> UUID:
        """The next plain receipt, with its number counted."""
        number = self.one(
            "INSERT INTO bill_counters AS c VALUES (%s, 'R', 2026, 1) "
            "ON CONFLICT (shop_id, series, year) DO UPDATE SET last = c.last + 1 RETURNING last",
            self.shop,
        )
        made: UUID = self.insert(
            "bills",
            shop_id=self.shop,
            order_id=order,
            **{
                "kind": "RECEIPT",
                "mode": "unregistered",
                "series": "R",
                "year": 2026,
                "number": number,
                "label": f"R/2627/{number}",
                "day": date(2026, 11, 24),
                "amount_paise": paise,
                "taxable_paise": paise,
                "cgst_paise": 0,
                "sgst_paise": 0,
                "rate_bp": 0,
                "sac": "",
                "gstin": "",
                "shop_name": "Ganesh Copy Centre",
                "shop_address": "",
                "lines": [],
                **more,
            },
        )
        return made

    # Paper

    def job(self, order: UUID, document: UUID, **more: object) -> UUID:
        made: UUID = self.insert(
            "print_jobs",
            shop_id=self.shop,
            order_id=order,
            document_id=document,
            **{
                "token": "41",
                "print_type": "BW",
                "copies": 1,
                "pages": 2,
                "page_ranges": "1-2",
                "color_pages": [],
                "needs_color": False,
                "storage_key": "ab/cd.pdf",
                "sha256": SHA,
                "bytes": 1000,
                **more,
            },
        )
        return made

    def paid_order(self, **job: object) -> PaidOrder:
        customer = self.customer()
        order = self.order(customer=customer, status="PAID", token="41")
        document = self.document(customer, order_id=order)
        return PaidOrder(order, document, self.job(order, document, **job))

    # Looking

    def status(self, table: str, row: UUID) -> str:
        return str(self.one(f"SELECT status FROM {table} WHERE id = %s", row))

    def transitions(self, row: UUID) -> Sequence[tuple[object, ...]]:
        found = self.all(
            "SELECT entity, from_status, to_status, actor, epoch FROM transitions "
            "WHERE entity_id = %s ORDER BY id",
            row,
        )
        return [tuple(line.values()) for line in found]

    def tasks(self, name: str) -> list[dict[str, Any]]:
        return self.all(
            "SELECT lock, queueing_lock, queue_name, args, scheduled_at, status "
            "FROM procrastinate_jobs WHERE task_name = %s ORDER BY id",
            name,
        )


async def until_waiting(rows: Rows) -> None:
    """Until another connection waits for a lock."""
    for _ in range(400):
        if rows.one(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock'"
        ):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody came to wait")
