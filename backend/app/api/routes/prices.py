"""The shop's price lists: what holds, what held, what will hold."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from app.api.deps import CallerDep, ShopDep, guarded, owner_only
from app.api.schemas import PriceListIn, PriceListOut
from app.domain.money import Money
from app.domain.price_list import PriceList, read_rates
from app.models import PriceListRow

router = APIRouter(prefix="/api/v1/dashboard", tags=["prices"], route_class=guarded(owner_only))


@router.get("/price-lists")
async def price_lists(who: CallerDep, shop: ShopDep) -> dict[str, Any]:
    rows, in_force = await shop.prices.versions(who.shop_id)
    return {"items": [_view(row, in_force=row.id == in_force) for row in rows], "next": None}


@router.post("/price-lists", status_code=201)
async def add(wanted: PriceListIn, who: CallerDep, shop: ShopDep) -> PriceListOut:
    prices = PriceList(
        version=0,
        bw=Money(wanted.bw_paise),
        color=Money(wanted.color_paise),
        minimum=Money(wanted.minimum_paise),
        rates=read_rates([rate.model_dump() for rate in wanted.rates]),
    )
    row = await shop.prices.add(who.shop_id, prices, starts_at=wanted.starts_at, by=who.actor)
    return _view(row, in_force=wanted.starts_at is None)


def _view(row: PriceListRow, *, in_force: bool) -> PriceListOut:
    return PriceListOut(
        id=row.id,
        version=row.version,
        bw_paise=row.bw_paise,
        color_paise=row.color_paise,
        minimum_paise=row.minimum_paise,
        rates=row.rates,
        starts_at=row.starts_at,
        made_by=row.made_by,
        in_force=in_force,
    )
