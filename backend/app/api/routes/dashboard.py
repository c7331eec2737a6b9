"""Staff and scripts: figures, lists, one order, and what a person may do with it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query

from app.api.deps import CallerDep, ShopDep, guarded, staff_only
from app.api.errors import Malformed
from app.api.schemas import CashIn, RefundIn, RefundOut
from app.api.views import (
    bill_view,
    job_view,
    order_bills_view,
    order_line,
    refund_view,
    story_view,
)
from app.domain.lifecycle import Job

router = APIRouter(prefix="/api/v1/dashboard", tags=["dashboard"], route_class=guarded(staff_only))

Cursor = Annotated[str, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/stats")
async def stats(
    who: CallerDep,
    shop: ShopDep,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
) -> dict[str, Any]:
    return await shop.reports.stats(who.shop_id, first, last)


@router.get("/orders")
async def orders(
    who: CallerDep,
    shop: ShopDep,
    status: Annotated[str, Query(max_length=200)] = "",
    phone: Annotated[str, Query(max_length=40)] = "",
    q: Annotated[str, Query(max_length=100, pattern=r"^[^\x00]*$")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> dict[str, Any]:
    rows, following = await shop.reports.orders(
        who.shop_id, status=status, phone=phone, words=q, cursor=cursor, limit=limit
    )
    return {"items": [order_line(row) for row in rows], "next": following}


@router.get("/orders/{order_id}")
async def order(order_id: UUID, who: CallerDep, shop: ShopDep) -> dict[str, Any]:
    return story_view(await shop.reports.story(who.shop_id, order_id))


@router.get("/orders/{order_id}/bill")
async def bill(order_id: UUID, who: CallerDep, shop: ShopDep) -> dict[str, Any]:
    return order_bills_view(await shop.bills.of_order(who.shop_id, order_id))


@router.post("/orders/{order_id}/invoice")
async def invoice(order_id: UUID, who: CallerDep, shop: ShopDep) -> dict[str, Any]:
    return bill_view(await shop.bills.ask_invoice(who.shop_id, order_id, by=who.actor))


@router.get("/bills")
async def bills(
    who: CallerDep,
    shop: ShopDep,
    first: Annotated[date, Query(alias="from")],
    last: Annotated[date, Query(alias="to")],
    cursor: Cursor = "",
    limit: Limit = 200,
) -> dict[str, Any]:
    found, following = await shop.bills.of_days(
        who.shop_id, first, last, cursor=cursor, limit=limit
    )
    return {"items": [bill_view(one) for one in found], "next": following}


@router.get("/pending-jobs")
async def pending_jobs(
    who: CallerDep, shop: ShopDep, cursor: Cursor = "", limit: Limit = 200
) -> dict[str, Any]:
    waiting = (Job.QUEUED, Job.HELD, Job.CLAIMED, Job.PRINTING)
    rows, following = await shop.reports.jobs(who.shop_id, *waiting, cursor=cursor, limit=limit)
    return {"items": [job_view(row, shop.documents) for row in rows], "next": following}


@router.get("/failed-jobs")
async def failed_jobs(
    who: CallerDep, shop: ShopDep, cursor: Cursor = "", limit: Limit = 200
) -> dict[str, Any]:
    failed = (Job.FAILED, Job.UNCERTAIN)
    rows, following = await shop.reports.jobs(who.shop_id, *failed, cursor=cursor, limit=limit)
    return {"items": [job_view(row, shop.documents) for row in rows], "next": following}


@router.post("/orders/{order_id}/refund", status_code=202)
async def refund(
    order_id: UUID,
    ask: RefundIn,
    who: CallerDep,
    shop: ShopDep,
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> RefundOut:
    if not idempotency_key.strip():
        raise Malformed("Send an Idempotency-Key header, so that a repeated click is one refund.")
    return refund_view(
        await shop.refunds.request(
            who.shop_id,
            order_id,
            amount_paise=ask.amount_paise,
            reason=ask.reason,
            key=idempotency_key.strip(),
            by=who.actor,
        )
    )


@router.post("/orders/{order_id}/cancel")
async def cancel(order_id: UUID, who: CallerDep, shop: ShopDep) -> dict[str, Any]:
    done = await shop.desk.cancel(who.shop_id, order_id, by=who.actor)
    return {"id": done.id, "status": done.status}


@router.post("/orders/{order_id}/cash")
async def cash(order_id: UUID, took: CashIn, who: CallerDep, shop: ShopDep) -> dict[str, Any]:
    paid = await shop.desk.take_cash(
        who.shop_id, order_id, amount_paise=took.amount_paise, by=who.actor
    )
    return {"id": paid.id, "status": paid.status, "token": paid.token}
