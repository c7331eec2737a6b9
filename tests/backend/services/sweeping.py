"""A shop whose background rests, with a bank: a sweep runs when a test says so, and only then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row

from app.models_orders import Order
from app.services.capture_service import Seen
from simulator.settings import FAKE_CREDENTIALS, base_urls
from tests.backend.web.counter import Counter, opened
from tests.support.outside import Bank, Outside, simulated


@dataclass
class Resting(Counter):
    outside: Outside = None  # type: ignore[assignment]  # dataclasses: after fields with defaults

    @property
    def bank(self) -> Bank:
        return Bank(self.outside)

    async def sql(self, query: str, *values: Any) -> list[dict[str, Any]]:
        async with self.shop.database.pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(query.encode(), values or None)
            return await cursor.fetchall() if cursor.description else []

    async def one(self, query: str, *values: Any) -> Any:
        [row] = await self.sql(query, *values)
        return next(iter(row.values()))

    async def linked(self, **choices: Any) -> tuple[Order, str]:
        """An order whose link is at the bank, and where to pay it."""
        order = await self.asked(link=False, **choices)
        payment = await self.one("SELECT id FROM payments WHERE order_id = %s", order.id)
        await self.shop.links.make_link(payment)
        return order, str(
            await self.one("SELECT short_url FROM payments WHERE order_id = %s", order.id)
        )

    async def booked(self, order: Order, payment_id: str, *, paise: int = 0) -> None:
        """The money of an order as if a webhook had told of it."""
        await self.shop.captures.settle(
            Seen(
                payment_id=payment_id,
                amount_paise=paise or order.total_paise or 0,
                currency="INR",
                method="upi",
                reference_id=await self.one(
                    "SELECT reference_id FROM payments WHERE order_id = %s AND quote_id = %s",
                    order.id,
                    order.quote_id,
                ),
            ),
            door="webhook",
        )

    async def is_due(self, table: str) -> None:
        await self.sql(f"UPDATE {table} SET next_look_at = clock_timestamp() - interval '1 minute'")

    async def asked_of_the_bank(self, operation: str) -> int:
        return len(await self.outside.asked(operation))

    async def open_items(self) -> list[tuple[str, str, int]]:
        """What staff are asked about payments."""
        rows = await self.sql(
            "SELECT kind, subject, amount_paise FROM attention_items WHERE closed_at IS NULL "
            "AND subject LIKE 'payment:%%' ORDER BY kind, subject"
        )
        return [(row["kind"], row["subject"], row["amount_paise"]) for row in rows]

    async def last_success(self, sweep: str) -> Any:
        """As ``/health`` shows it."""
        return (await self.shop.health.checks())["sweeps"].facts.get(sweep)


@pytest.fixture
async def resting(database_url: str, tmp_path: Path) -> AsyncIterator[Resting]:
    async with simulated("http://127.0.0.1:9") as outside:
        await outside.trouble("*.webhook.*", "drop", times=None)
        given = {**FAKE_CREDENTIALS, **base_urls(outside.origin)}
        keys = {name.lower(): value for name, value in given.items()}
        async with opened(database_url, tmp_path, **keys) as counter:
            yield Resting(counter.shop, counter.app, outside=outside)
            broken = await counter.shop.reports.broken_invariants()
            assert {name: rows for name, rows in broken.items() if rows} == {}
