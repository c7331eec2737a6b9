"""What waits for a person: the list, one item with all it is about, and the answer to it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query

from app.api.deps import CallerDep, ShopDep, guarded, staff_only
from app.api.errors import Malformed
from app.api.schemas import ResolveIn
from app.api.views import attention_detail_view, attention_view
from app.services.scene import Ask

router = APIRouter(
    prefix="/api/v1/dashboard/attention", tags=["dashboard"], route_class=guarded(staff_only)
)


@router.get("")
async def attention(
    who: CallerDep,
    shop: ShopDep,
    kind: Annotated[str, Query(max_length=60, pattern=r"^[^\x00]*$")] = "",
    status: Annotated[str, Query(max_length=10)] = "open",
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    entries, following = await shop.attention.page(
        who.shop_id, kind=kind, status=status, cursor=cursor, limit=limit
    )
    return {"items": [attention_view(entry) for entry in entries], "next": following}


@router.get("/{item_id}")
async def item(item_id: UUID, who: CallerDep, shop: ShopDep) -> dict[str, Any]:
    detail = await shop.attention.detail(who.shop_id, item_id)
    order_id = detail.entry.known.order_id
    story = await shop.reports.story(who.shop_id, order_id) if order_id else None
    return attention_detail_view(detail, story)


@router.post("/{item_id}/resolve")
async def resolve(
    item_id: UUID,
    said: ResolveIn,
    who: CallerDep,
    shop: ShopDep,
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> dict[str, Any]:
    key = idempotency_key.strip()
    if not key:
        raise Malformed("Send an Idempotency-Key header, so that a repeated click is one answer.")
    ask = Ask(said.resolution, said.note.strip(), said.amount_paise, said.order.strip())
    return attention_view(
        await shop.attention.resolve(who.shop_id, item_id, ask, key=key, by=who.actor)
    )
