"""A year of orders as CSV: how long, and how little of it lies in memory; the figures of a day.

python -m benchmarks.exports [rows]
"""

from __future__ import annotations

import asyncio
import sys
import time
import tracemalloc
from datetime import date, timedelta
from uuid import UUID

from app.api.tables import as_csv
from app.core.database import Database, upgrade
from app.ports import Table
from app.repositories.unit_of_work import UnitOfWork
from app.services.export_service import ExportService
from benchmarks.stage import postgres

SHOP = UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
_ROWS = """
INSERT INTO shops (id, code, name) VALUES ('{shop}', 'main', 'Bench');
INSERT INTO customers (shop_id, address, phone, name)
    SELECT '{shop}', 'whatsapp:+9190' || lpad(n::text, 8, '0'), '9190' || lpad(n::text, 8, '0'),
        '=Asha ' || n FROM generate_series(1, 1000) n;
INSERT INTO orders (shop_id, customer_id, code, page_token, status, print_type, copies,
        total_paise, created_at)
    SELECT c.shop_id, c.id, md5(c.id::text || n), md5(n || c.id::text), 'CANCELLED', 'BW', 2, 2400,
        timestamptz '2025-01-02' + n * interval '5 minutes' + row_number() over () * interval '1 s'
    FROM customers c, generate_series(1, {each}) n;
INSERT INTO payments (shop_id, order_id, status, disposition, amount_paise, captured_paise,
        captured_at, rzp_payment_id)
    SELECT shop_id, id, 'CAPTURED', 'ATTENTION', 2400, 2400, created_at, 'pay_' || code FROM orders;
ANALYZE;
"""


async def _never(*_: object, **__: object) -> None:
    raise AssertionError("an export defers nothing")


async def _measure(url: str, rows: int) -> None:
    database = Database(url)
    await database.open()
    async with database.pool.connection() as connection:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute(_ROWS.format(shop=SHOP, each=rows // 1000).encode())
    service = ExportService(UnitOfWork(database, _never))
    for table in (Table.ORDERS, Table.PAYMENTS):
        took = await _read(service, table)
        tracemalloc.start()
        await _read(service, table)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(
            f"{table}: {took[0]} rows, {took[1] / 1e6:.1f} MB in {took[2]:.1f} s, "
            f"peak {peak / 1e6:.1f} MB"
        )
    async with UnitOfWork(database, _never)("system:read") as tx:
        now, began = await tx.now(), time.perf_counter()
        await tx.days.figures(SHOP, now - timedelta(days=1), now)
        every = time.perf_counter() - began
        began = time.perf_counter()
        await tx.days.figures(SHOP, now, now + timedelta(days=1))
        none = time.perf_counter() - began
    print(
        f"figures of a day with {rows} payments: {every * 1000:.0f} ms, with none {none * 1000:.0f}"
    )
    await database.close()


async def _read(service: ExportService, table: Table) -> tuple[int, int, float]:
    began, lines, size = time.perf_counter(), -1, 0
    async for chunk in as_csv(table, await service.pages(table, SHOP, FIRST, LAST)):
        lines, size = lines + chunk.count(b"\r\n"), size + len(chunk)
    return lines, size, time.perf_counter() - began


if __name__ == "__main__":
    with postgres() as address:
        upgrade(address)
        asyncio.run(_measure(address, int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
