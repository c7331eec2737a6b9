"""Shops, their prices and their token counter."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.money import Money
from app.domain.pricing import PriceList
from app.models import PriceListRow, Shop

HIGHEST_TOKEN = 999


class Shops:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, shop_id: UUID) -> Shop:
        return await self._session.get_one(Shop, shop_id)

    async def by_code(self, code: str) -> Shop | None:
        found: Shop | None = await self._session.scalar(select(Shop).where(Shop.code == code))
        return found

    async def first_id(self) -> UUID:
        """The oldest shop: whose list gets what belongs to no shop."""
        found: UUID = (
            await self._session.execute(select(Shop.id).order_by(Shop.created_at).limit(1))
        ).scalar_one()
        return found

    async def ensure(self, shop_id: UUID, *, code: str, name: str, bw: Money, color: Money) -> None:
        """The default shop exists, and its price list is the one of the settings.

        Changed settings add a version; quotes already given keep theirs.
        """
        await self._session.execute(
            insert(Shop).values(id=shop_id, code=code, name=name).on_conflict_do_nothing()
        )
        shop = await self._session.get_one(Shop, shop_id, with_for_update=True)
        newest = await self._newest(shop.id)
        if newest is None or (newest.bw_paise, newest.color_paise) != (bw.paise, color.paise):
            self._session.add(
                PriceListRow(
                    shop_id=shop.id,
                    version=1 if newest is None else newest.version + 1,
                    bw_paise=bw.paise,
                    color_paise=color.paise,
                    minimum_paise=0 if newest is None else newest.minimum_paise,
                )
            )

    async def prices(self, shop_id: UUID) -> tuple[UUID, PriceList]:
        """The list in force now, with its row's id."""
        row = await self._newest(shop_id)
        assert row is not None, "ensure() made one at start"
        return row.id, PriceList(
            version=row.version,
            bw=Money(row.bw_paise),
            color=Money(row.color_paise),
            minimum=Money(row.minimum_paise),
        )

    async def _newest(self, shop_id: UUID) -> PriceListRow | None:
        row: PriceListRow | None = await self._session.scalar(
            select(PriceListRow)
            .where(PriceListRow.shop_id == shop_id)
            .where(PriceListRow.starts_at <= text("clock_timestamp()"))
            .order_by(PriceListRow.version.desc())
            .limit(1)
        )
        return row

    async def next_token(self, shop_id: UUID) -> str:
        """The next number of the shop's business day, skipping those still on the shelf.

        A shop that calls more than ``HIGHEST_TOKEN`` in a day meets old numbers again.
        """
        token = ""
        for _ in range(HIGHEST_TOKEN):
            result = await self._session.execute(
                text(
                    "UPDATE shops SET token_last = CASE WHEN token_day = today.day "
                    "  THEN token_last % :highest + 1 ELSE 1 END, token_day = today.day "
                    "FROM (SELECT to_char(clock_timestamp() AT TIME ZONE s.timezone, 'YYYY-MM-DD') "
                    "  AS day FROM shops s WHERE s.id = :shop) today "
                    "WHERE shops.id = :shop RETURNING token_last"
                ),
                {"shop": shop_id, "highest": HIGHEST_TOKEN},
            )
            token = str(result.scalar_one())
            taken = await self._session.execute(
                text(
                    "SELECT 1 FROM orders WHERE shop_id = :shop AND token = :token "
                    "AND status IN ('PAID', 'READY') "
                    "AND paid_at > clock_timestamp() - interval '24 hours'"
                ),
                {"shop": shop_id, "token": token},
            )
            if taken.first() is None:
                break
        return token
