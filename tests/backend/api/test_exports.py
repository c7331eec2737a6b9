"""Tables for a spreadsheet: whole, in the shop's own time, and harmless whatever people wrote."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.backend.services.seeds import customer_who_paid, ordered
from tests.support.outside import Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXPORTS = "/api/v1/dashboard/exports"
NAUGHTY = [
    "=1+1",
    "+91 98123 42582",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    '"=1',
    "  =cmd|' /C calc'!A0",
    "＝1",
    "\u200b=1",
    'a","b"\r\n"c',
    "सुनीता 😀 \u202egnp.exe",
    "<script>alert(1)</script>",
    "'; DROP TABLE orders; --",
    "undefined",
    "Ｔｈｅ quick",
    "̖͔",
]


async def reads(shop: House, table: str, **query: str) -> list[dict[str, str]]:
    day = datetime.now(UTC).date()
    span = {"from": str(day - timedelta(days=1)), "to": str(day + timedelta(days=1)), **query}
    answer = await shop.api.get(f"{EXPORTS}/{table}.csv", params=span, headers=shop.staff)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="{table}-{span["from"]}-{span["to"]}.csv"'
    )
    assert answer.content.startswith(b"\xef\xbb\xbf")
    text = answer.content.decode("utf-8-sig")
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


async def test_one_order_in_all_four_tables(shop: House, customer: Customer) -> None:
    order, _ = await customer_who_paid(shop, customer, pages=3, copies=2)
    [payment] = await shop.payments_of(customer)
    assert await shop.prints(customer)
    await shop.refund(order["id"], 350, key=str(uuid4()), reason="=two pages too light")
    await shop.quiet()

    def mine(rows: list[dict[str, str]]) -> dict[str, str]:
        [row] = [row for row in rows if row["order"] == order["code"]]
        return row

    row = mine(await reads(shop, "orders"))
    assert (row["total_rupees"], row["copies"], row["status"]) == ("12.00", "2", "READY")
    digits = customer.phone.lstrip("+")
    assert digits not in str(row)
    assert row["phone"] == f"••••{digits[-4:]}"
    at = datetime.fromisoformat(row["at"])
    wall = datetime.fromisoformat(row["local_time"])
    assert wall - at.replace(tzinfo=None) == timedelta(hours=5, minutes=30)
    row = mine(await reads(shop, "payments"))
    assert (row["payment"], row["captured_rupees"], row["owner"]) == (
        payment["rzp_payment_id"],
        "12.00",
        "FULFILS",
    )
    row = mine(await reads(shop, "refunds"))
    assert (row["amount_rupees"], row["reason"]) == ("3.50", "'=two pages too light")
    row = mine(await reads(shop, "sheets"))
    assert (row["sheets"], row["bw_faces"], row["color_faces"]) == ("6", "6", "0")


async def test_hostile_names_stay_text_in_their_own_cell(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    for name in NAUGHTY:
        await shop.sql("UPDATE customers SET name = %s WHERE id = %s", name, order["customer_id"])
        await shop.sql("UPDATE documents SET name = %s WHERE order_id = %s", name, order["id"])
        rows = await reads(shop, "orders")
        [row] = [row for row in rows if row["order"] == order["code"]]
        for cell in (row["customer"], row["file"]):
            assert cell in (name, f"'{name}")
            assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r")
        assert all(None not in row for row in rows), "no cell spilled over"


async def test_nobody_reads_another_shops_tables(shop: House, customer: Customer) -> None:
    order, _ = await customer_who_paid(shop, customer)
    assert (await shop.refund(order["id"], 100, key="a part")).status_code == 202
    await shop.quiet()
    assert await shop.prints(customer) == ["thesis.pdf"]
    other = await shop.one("INSERT INTO shops (code, name) VALUES ('two', 'Two') RETURNING id")
    exports = ("orders", "payments", "refunds", "sheets")
    tables = ("orders", "payments", "refunds", "print_jobs", "print_attempts")
    for table in tables:
        await shop.sql(f"UPDATE {table} SET shop_id = %s WHERE true", other)
    try:
        for export in exports:
            assert await reads(shop, export) == []
    finally:
        mine = shop.settings.default_shop_id
        for table in tables:
            await shop.sql(f"UPDATE {table} SET shop_id = %s WHERE true", mine)
        await shop.sql("DELETE FROM shops WHERE id = %s", other)
    for export in exports:
        assert order["code"] in str(await reads(shop, export)), export


async def test_every_row_once_over_the_borders_of_pages(
    shop: House, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.export_service.PAGE", 2)
    await customer.replies("Hi", "Print Shop")
    for _ in range(3):
        found = await ordered(shop, customer)
        await shop.api.post(f"/api/v1/dashboard/orders/{found['id']}/cancel", headers=shop.staff)
    # A whole page at one moment: the id decides.
    await shop.sql("UPDATE orders SET created_at = (SELECT max(created_at) FROM orders)")
    codes = [row["order"] for row in await reads(shop, "orders")]

    assert len(codes) == len(set(codes)) == await shop.one("SELECT count(*) FROM orders")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from": "2026-01-01"},
        {"from": "yesterday", "to": "2026-01-01"},
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"from": "2025-01-01", "to": "2026-01-02"},
        {"from": "0001-01-01", "to": "0001-01-02"},
        {"from": "9999-12-31", "to": "9999-12-31"},
    ],
)
async def test_spans_nobody_can_have(shop: House, query: dict[str, Any]) -> None:
    answer = await shop.api.get(f"{EXPORTS}/orders.csv", params=query, headers=shop.staff)
    assert answer.status_code == 422, answer.text
    assert set(answer.json()) == {"error", "detail"}


async def test_a_leap_year_is_a_span_and_other_tables_are_not(shop: House) -> None:
    year = {"from": "2024-01-01", "to": "2024-12-31"}
    assert await reads(shop, "refunds", **year) == []
    for wrong in ("customers", "ORDERS", "orders%00"):
        answer = await shop.api.get(f"{EXPORTS}/{wrong}.csv", params=year, headers=shop.staff)
        assert answer.status_code in (404, 422), wrong
    assert (await shop.api.get(f"{EXPORTS}/orders.csv", params=year)).status_code == 401
    worker = await shop.api.get(f"{EXPORTS}/orders.csv", params=year, headers=shop.worker().key)
    assert worker.status_code == 403
