"""Shops, their prices and their token counter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.money import NOTHING, Money
from app.domain.price_list import PriceList, read_rates
from app.domain.pricing import Frozen
from app.domain.print_plan import PrintType
from app.models import NOW, PriceListRow, Shop
from app.models_orders import QuoteRow

HIGHEST_TOKEN = 999
# Steps from the last number given, round the circle, to the first that nobody waits with.
_NEXT_NUMBER = """
WITH counter AS (
    SELECT day, CASE WHEN token_day = day THEN token_last ELSE 0 END AS last
    FROM shops s, to_char(clock_timestamp() AT TIME ZONE s.timezone, 'YYYY-MM-DD') AS day
    WHERE s.id = :shop
), taken AS MATERIALIZED (
    SELECT DISTINCT token FROM orders
    WHERE shop_id = :shop AND status IN ('PAID', 'READY') AND token IS NOT NULL
      AND paid_at > clock_timestamp() - interval '24 hours'
), free AS (
    SELECT min(step) AS step FROM counter, generate_series(1, :highest) AS step
    WHERE ((last + step - 1) % :highest + 1)::text NOT IN (SELECT token FROM taken)
)
UPDATE shops
SET token_day = day, token_last = (last + coalesce(step, 1) - 1) % :highest + 1
FROM counter, free WHERE shops.id = :shop
RETURNING token_last
"""


class Shops:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, shop_id: UUID) -> Shop:
        return await self._session.get_one(Shop, shop_id)

    async def first_id(self) -> UUID:
        """The oldest shop: whose list gets what belongs to no shop."""
        found: UUID = (
            await self._session.execute(select(Shop.id).order_by(Shop.created_at).limit(1))
        ).scalar_one()
        return found

    async def ensure(self, shop_id: UUID, *, code: str, name: str, bw: Money, color: Money) -> None:
        """The default shop exists, and has the price list of the settings until a person makes one.

        Changed settings add a version; quotes already given keep theirs.
        """
        await self._session.execute(
            insert(Shop).values(id=shop_id, code=code, name=name).on_conflict_do_nothing()
        )
        await self._session.get_one(Shop, shop_id, with_for_update=True)
        lists = await self.price_lists(shop_id)
        if any(row.made_by for row in lists):
            return
        if not lists or (lists[0].bw_paise, lists[0].color_paise) != (bw.paise, color.paise):
            minimum = Money(lists[0].minimum_paise) if lists else NOTHING
            await self.add_prices(shop_id, PriceList(0, bw, color, minimum), made_by="")

    async def add_prices(
        self, shop_id: UUID, prices: PriceList, *, made_by: str, starts_at: datetime | None = None
    ) -> PriceListRow:
        """A new version, in force from now or from then on; the shop's lock numbers them."""
        await self._session.get_one(Shop, shop_id, with_for_update=True)
        lists = await self.price_lists(shop_id)
        row = PriceListRow(
            shop_id=shop_id,
            version=lists[0].version + 1 if lists else 1,
            bw_paise=prices.bw.paise,
            color_paise=prices.color.paise,
            minimum_paise=prices.minimum.paise,
            rates=prices.rates_as_data(),
            made_by=made_by,
            starts_at=starts_at or NOW,
        )
        self._session.add(row)
        await self._session.flush()
        await self._session.refresh(row)
        return row

    async def price_lists(self, shop_id: UUID) -> list[PriceListRow]:
        """All versions, newest first."""
        rows = await self._session.scalars(
            select(PriceListRow)
            .where(PriceListRow.shop_id == shop_id)
            .order_by(PriceListRow.version.desc())
        )
        return list(rows)

    async def prices(self, shop_id: UUID) -> tuple[UUID, PriceList]:
        """The list in force now by the database's clock, with its row's id: of those that have
        begun the one that began last."""
        row = await self._session.scalar(
            select(PriceListRow)
            .where(PriceListRow.shop_id == shop_id)
            .where(PriceListRow.starts_at <= text("clock_timestamp()"))
            .order_by(PriceListRow.starts_at.desc(), PriceListRow.version.desc())
            .limit(1)
        )
        assert row is not None, "ensure() made one at start"
        return row.id, price_list(row)

    async def frozen_quotes(self) -> AsyncIterator[tuple[UUID, UUID, Frozen]]:
        """Every quote of every shop, with the id of its price list, one by one."""
        rows = await self._session.stream_scalars(select(QuoteRow).execution_options(yield_per=500))
        async for row in rows:
            yield (
                row.id,
                row.price_list_id,
                Frozen(
                    print_type=PrintType(row.print_type),
                    copies=row.copies,
                    pages=row.pages,
                    color_pages=row.color_pages,
                    choices=row.choices,
                    lines=row.lines,
                    amount_paise=row.amount_paise,
                ),
            )

    async def price_list(self, price_list_id: UUID) -> PriceList:
        return price_list(await self._session.get_one(PriceListRow, price_list_id))

    async def next_token(self, shop_id: UUID) -> str:
        """The next number of the shop's business day, skipping those still on the shelf.

        A shop with more than ``HIGHEST_TOKEN`` orders on the shelf gives numbers a second time.
        """
        shop = {"shop": shop_id, "highest": HIGHEST_TOKEN}
        # First the lock: only what is read after it knows the number the one before has taken. The
        # lock of an UPDATE and no stronger one, or it would wait for every new row of this shop.
        lock = "SELECT 1 FROM shops WHERE id = :shop FOR NO KEY UPDATE"
        await self._session.execute(text(lock), shop)
        number = await self._session.scalar(text(_NEXT_NUMBER), shop)
        return str(number)


def price_list(row: PriceListRow) -> PriceList:
    return PriceList(
        version=row.version,
        bw=Money(row.bw_paise),
        color=Money(row.color_paise),
        minimum=Money(row.minimum_paise),
        rates=read_rates(row.rates),
    )
