"""A shop's price lists: seen, added to, never changed; and whether old quotes still hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.domain.errors import BadInput
from app.domain.price_list import PriceList, check
from app.domain.pricing import holds
from app.models import PriceListRow
from app.repositories.unit_of_work import Transaction, UnitOfWork


class PriceService:
    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work

    async def versions(self, shop_id: UUID) -> tuple[Sequence[PriceListRow], UUID]:
        """All versions, newest first, and the id of the one in force."""
        async with self._unit_of_work("system:read") as tx:
            in_force, _ = await tx.shops.prices(shop_id)
            return await tx.shops.price_lists(shop_id), in_force

    async def in_force(self, shop_id: UUID) -> PriceList:
        async with self._unit_of_work("system:read") as tx:
            _, prices = await tx.shops.prices(shop_id)
            return prices

    async def add(
        self, shop_id: UUID, prices: PriceList, *, starts_at: datetime | None, by: str
    ) -> PriceListRow:
        """A version that holds from ``starts_at``, or from now. Quotes already given keep theirs.

        Raises BadInput for prices that break a law of ``domain.price_list``, or a start that is
        over: what was quoted since would have been quoted wrongly.
        """
        check(prices)
        async with self._unit_of_work(by) as tx:
            if starts_at is not None and starts_at < await tx.now():
                raise BadInput("A price list starts now or later, never in the past.")
            row = await tx.shops.add_prices(shop_id, prices, made_by=by, starts_at=starts_at)
            await tx.messages.audit(
                shop_id=shop_id,
                actor=by,
                action="price_list.add",
                subject=f"price_list:{row.version}",
                data={
                    "bw_paise": row.bw_paise,
                    "color_paise": row.color_paise,
                    "minimum_paise": row.minimum_paise,
                    "rates": row.rates,
                    "starts_at": row.starts_at.isoformat(),
                },
            )
        return row


async def wrong_quotes(tx: Transaction) -> list[str]:
    """Quotes whose own price list does not give their lines and amount once more."""
    lists: dict[UUID, PriceList] = {}
    wrong = []
    async for quote_id, price_list_id, stored in tx.shops.frozen_quotes():
        if price_list_id not in lists:
            lists[price_list_id] = await tx.shops.price_list(price_list_id)
        try:
            sound = holds(stored, lists[price_list_id])
        except BadInput:
            sound = False
        if not sound:
            wrong.append(f"{quote_id} {stored.amount_paise}")
    return wrong
