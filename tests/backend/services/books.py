"""The counter of a shop and its bills, for stories about them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.bills import GstMode, financial_year
from app.domain.print_plan import PrintType
from app.models_bills import Bill
from app.models_orders import Order, Refund
from app.ports import ProviderRefund
from app.services.bill_service import BillService
from app.services.capture_service import Seen
from tests.backend.web.counter import Counter, opened

GSTIN = "27AAPFU0939F1ZV"
BW: dict[str, Any] = {"print_type": PrintType.BW, "colored": ()}


@dataclass
class Books(Counter):
    """The counter, and what its bills say."""

    @property
    def bills(self) -> BillService:
        return self.shop.bills

    async def registers(self, **more: Any) -> None:
        given = {"mode": GstMode.REGISTERED, "gstin": GSTIN, **more}
        await self.bills.set_gst(self.shop_id, by="user:Ganesh", **given)

    async def small(self) -> Order:
        """₹56 in cash."""
        return await self.paid()

    async def large(self) -> Order:
        """₹236 in cash: 118 pages at ₹2."""
        return await self.paid(pages=59, copies=2, **BW)

    async def online(self, order: Order, payment: str) -> None:
        async with self.shop.unit_of_work("system:test") as tx:
            link = next(p for p in await tx.payments.of_order(order.id) if p.reference_id)
        paid = Seen(payment, link.amount_paise, "INR", "upi", reference_id=link.reference_id or "")
        await self.shop.captures.settle(paid, door="webhook")

    async def refund(self, order: Order, amount: int, key: str) -> Refund:
        return await self.shop.refunds.request(
            self.shop_id, order.id, amount_paise=amount, reason="light", key=key, by="user:Ganesh"
        )

    async def arrives(self, refund: Refund, payment: str) -> None:
        """The provider says that a refund went through."""
        await self.shop.refunds.learn(_seen(refund, payment, "processed"))

    async def came_back(self, refund: Refund, payment: str) -> None:
        """The provider, asked about a refund that had gone through, says that it failed."""
        seen = _seen(refund, payment, "failed")
        assert await self.shop.refunds._facts.apply(refund.id, seen, asked_at="PROCESSED")

    async def all(self) -> list[Bill]:
        year = financial_year(date.today())  # noqa: DTZ011 - wide enough for any zone
        return await self.between(date(year, 1, 1), date(year + 1, 1, 1) + timedelta(days=34))

    async def between(self, first: date, last: date) -> list[Bill]:
        found, more = await self.bills.of_days(self.shop_id, first, last)
        assert more is None
        return found

    async def closes(self, day: date) -> list[Bill]:
        async with self.shop.unit_of_work("system:test") as tx:
            return await self.bills.close_day(tx, self.shop_id, day)

    async def lives_in(self, zone: str) -> None:
        async with self.shop.unit_of_work("system:test") as tx:
            (await tx.bills.lock(self.shop_id)).timezone = zone

    async def somebody_waits(self) -> None:
        """Until a connection waits for a lock of another."""
        for _ in range(600):
            async with self.shop.database.pool.connection() as connection:
                cursor = await connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                    "AND datname = current_database()"
                )
                if (await cursor.fetchone() or (0,))[0]:
                    return
            await asyncio.sleep(0.02)
        raise AssertionError("nobody came to wait")

    async def kept(self) -> None:
        broken = await self.shop.reports.broken_invariants()
        assert {name: rows for name, rows in broken.items() if rows} == {}


def tail(bill: Bill) -> str:
    """``T/…/1`` without the year the test happens to run in."""
    series, _, number = bill.label.split("/")
    return f"{series}/{number}"


def parts(bill: Bill) -> tuple[int, int, int, int]:
    return bill.amount_paise, bill.taxable_paise, bill.cgst_paise, bill.sgst_paise


@pytest.fixture
async def books(database_url: str, tmp_path: Path) -> AsyncIterator[Books]:
    async with opened(database_url, tmp_path) as counter:
        found = Books(counter.shop, counter.app)
        # It is about noon, so that no day ends in the middle of a story.
        await found.lives_in(f"Etc/GMT{datetime.now(UTC).hour - 12:+d}")
        yield found
        await found.kept()


def _seen(refund: Refund, payment: str, status: str) -> ProviderRefund:
    return ProviderRefund(
        id=f"rfnd_{refund.id.hex[:14]}",
        payment_id=payment,
        amount_paise=refund.amount_paise,
        status=status,
        receipt=f"r-{refund.id}",
        created_at=None,
    )
