"""Bills, their numbers and how a shop stands towards GST. Rows are added, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.bills import SERIES, BillKind, Gst, GstMode, Split, financial_year, label
from app.models import NOW, Shop
from app.models_bills import Bill, BillCover, GstSetting

_NOTES = (BillKind.CREDIT_NOTE.value, BillKind.REFUND_RECEIPT.value)


class Bills:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # The shop's standing

    async def gst(self, shop_id: UUID) -> Gst:
        row = await self._session.get(GstSetting, shop_id, populate_existing=True)
        if row is None:
            return Gst()
        return Gst(
            mode=GstMode(row.mode),
            gstin=row.gstin,
            rate_bp=row.rate_bp,
            sac=row.sac,
            name=row.name,
            address=row.address,
            prefix=row.prefix,
        )

    async def shared(self, gst: Gst, *, besides: UUID) -> bool:
        """Whether another shop gives numbers under this GSTIN and prefix already."""
        found = await self._session.scalar(
            select(GstSetting.shop_id).where(
                GstSetting.gstin == gst.gstin,
                GstSetting.prefix == gst.prefix,
                GstSetting.gstin != "",
                GstSetting.shop_id != besides,
            )
        )
        return found is not None

    async def set_gst(self, shop_id: UUID, gst: Gst) -> None:
        values = {
            "mode": gst.mode.value,
            "gstin": gst.gstin,
            "rate_bp": gst.rate_bp,
            "sac": gst.sac,
            "name": gst.name,
            "address": gst.address,
            "prefix": gst.prefix,
            "updated_at": NOW,
        }
        await self._session.execute(
            insert(GstSetting)
            .values(shop_id=shop_id, **values)
            .on_conflict_do_update(index_elements=["shop_id"], set_=values)
        )

    async def lock(self, shop_id: UUID) -> Shop:
        """The shop, so that one bill is made at a time: their dates rise with their numbers.

        Taken late, after the order; fulfilling one holds it already for its token. A refund in
        cash still locks the jobs of its order after it.
        """
        return await self._session.get_one(Shop, shop_id, with_for_update={"key_share": True})

    # Issuing

    async def issue(
        self,
        kind: BillKind,
        *,
        shop_id: UUID,
        gst: Gst,
        parts: Split,
        day: date,
        at: datetime,
        lines: Sequence[Any],
        facts: dict[str, Any],
        order_id: UUID | None = None,
        refund_id: UUID | None = None,
        refers_to: UUID | None = None,
    ) -> Bill:
        """The next bill of its series. ``gst.name`` is the name printed on it."""
        series, year = gst.prefix + SERIES[kind], financial_year(day)
        number = await self._next(shop_id, series, year)
        bill = Bill(
            shop_id=shop_id,
            order_id=order_id,
            refund_id=refund_id,
            refers_to=refers_to,
            kind=kind.value,
            mode=gst.mode.value,
            series=series,
            year=year,
            number=number,
            label=label(series, year, number),
            day=day,
            issued_at=at,
            amount_paise=parts.amount,
            taxable_paise=parts.taxable,
            cgst_paise=parts.cgst,
            sgst_paise=parts.sgst,
            rate_bp=gst.rate_bp,
            sac=gst.sac,
            gstin=gst.gstin,
            shop_name=gst.name,
            shop_address=gst.address,
            lines=list(lines),
            facts=facts,
        )
        self._session.add(bill)
        await self._session.flush()
        return bill

    async def _next(self, shop_id: UUID, series: str, year: int) -> int:
        result = await self._session.execute(
            text(
                "INSERT INTO bill_counters AS c (shop_id, series, year, last) "
                "VALUES (:shop, :series, :year, 1) ON CONFLICT (shop_id, series, year) "
                "DO UPDATE SET last = c.last + 1 RETURNING last"
            ),
            {"shop": shop_id, "series": series, "year": year},
        )
        return int(result.scalar_one())

    async def cover(self, receipts: Sequence[Bill], bill: Bill) -> None:
        await self._session.execute(
            insert(BillCover),
            [
                {"receipt_id": receipt.id, "bill_id": bill.id, "shop_id": bill.shop_id}
                for receipt in receipts
            ],
        )

    # Looking

    async def of_order(self, order_id: UUID) -> list[Bill]:
        """Everything issued for an order, oldest first; the invoice of its day stands last."""
        rows = await self._session.scalars(
            select(Bill).where(Bill.order_id == order_id).order_by(Bill.issued_at, Bill.number)
        )
        own = list(rows)
        if not own:
            return []
        rows = await self._session.scalars(
            select(Bill)
            .join(BillCover, BillCover.bill_id == Bill.id)
            .where(BillCover.receipt_id.in_([bill.id for bill in own]), Bill.order_id.is_(None))
        )
        return own + list(rows)

    async def of_shop(self, shop_id: UUID, bill_id: UUID) -> Bill | None:
        found: Bill | None = await self._session.scalar(
            select(Bill).where(Bill.id == bill_id, Bill.shop_id == shop_id)
        )
        return found

    async def of_days(
        self, shop_id: UUID, first: date, last: date, *, after: UUID | None, limit: int
    ) -> list[Bill]:
        """By day, and by number within a series; ``after`` is the last bill already seen."""
        query = select(Bill).where(Bill.shop_id == shop_id, Bill.day.between(first, last))
        if after is not None:
            query = query.where(
                text(
                    "(bills.day, bills.series, bills.number) > (SELECT s.day, s.series, s.number "
                    "FROM bills s WHERE s.id = :after AND s.shop_id = :shop)"
                ).bindparams(after=after, shop=shop_id)
            )
        rows = await self._session.scalars(
            query.order_by(Bill.day, Bill.series, Bill.number).limit(limit)
        )
        return list(rows)

    async def uncovered(self, shop_id: UUID, day: date) -> list[Bill]:
        """Small receipts of a registered shop that no invoice has taken up."""
        rows = await self._session.scalars(
            select(Bill)
            .where(
                Bill.shop_id == shop_id,
                Bill.day == day,
                Bill.kind == BillKind.RECEIPT.value,
                Bill.mode == GstMode.REGISTERED.value,
                ~select(BillCover).where(BillCover.receipt_id == Bill.id).exists(),
            )
            .order_by(Bill.year, Bill.series, Bill.number)
        )
        return list(rows)

    async def days_to_close(self) -> list[tuple[UUID, date]]:
        """Days that are over by the shop's own clock and still have small receipts uncovered."""
        rows = await self._session.execute(
            text(
                "SELECT DISTINCT b.shop_id, b.day FROM bills b JOIN shops s ON s.id = b.shop_id "
                "WHERE b.kind = 'RECEIPT' AND b.mode = 'registered' "
                "AND b.day < (clock_timestamp() AT TIME ZONE s.timezone)::date "
                "AND NOT EXISTS (SELECT 1 FROM bill_covers c WHERE c.receipt_id = b.id) "
                "ORDER BY b.day"
            )
        )
        return [(row.shop_id, row.day) for row in rows]

    # Money that went back

    async def given_back(self, payment_id: UUID) -> int:
        result = await self._session.execute(
            text(
                "SELECT coalesce(sum(amount_paise), 0) FROM refunds "
                "WHERE payment_id = :payment AND status = 'PROCESSED'"
            ),
            {"payment": payment_id},
        )
        return int(result.scalar_one())

    async def noted(self, *, order_id: UUID | None = None, bill_id: UUID | None = None) -> Split:
        """What the notes about an order, or about a bill, credit together."""
        result = await self._session.execute(
            text(
                "SELECT coalesce(sum(amount_paise), 0), coalesce(sum(cgst_paise), 0), "
                "coalesce(sum(sgst_paise), 0) FROM bills WHERE kind = ANY(:notes) "
                "AND (order_id = :order OR refers_to = :bill)"
            ),
            {"notes": list(_NOTES), "order": order_id, "bill": bill_id},
        )
        return Split(*map(int, result.one()))

    async def unnoted(self) -> list[tuple[UUID, UUID]]:
        """Refunds of billed money that arrived lately and have no note: (refund, order)."""
        rows = await self._session.execute(
            text(
                "SELECT r.id, p.order_id FROM refunds r JOIN payments p ON p.id = r.payment_id "
                "JOIN bills b ON b.order_id = p.order_id AND b.refers_to IS NULL "
                "WHERE r.status = 'PROCESSED' AND p.disposition = 'FULFILS' "
                "AND r.updated_at > clock_timestamp() - interval '30 days' "
                "AND NOT EXISTS (SELECT 1 FROM bills n WHERE n.refund_id = r.id) "
                "ORDER BY r.updated_at LIMIT 1000"
            )
        )
        return [(row.id, row.order_id) for row in rows]
