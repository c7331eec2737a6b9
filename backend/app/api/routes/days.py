"""Business days: their figures, closing them, and the tables behind them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from app.api.deps import CallerDep, ShopDep, guarded, staff_only
from app.api.errors import Malformed
from app.api.schemas import CloseIn
from app.api.tables import as_csv
from app.models_days import DayReport
from app.ports import Table
from app.services.day_service import Day

router = APIRouter(prefix="/api/v1/dashboard", tags=["days"], route_class=guarded(staff_only))


@router.get("/days")
async def closed_days(
    who: CallerDep,
    shop: ShopDep,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=400)] = 50,
) -> dict[str, Any]:
    reports, following = await shop.days.reports(who.shop_id, limit, cursor)
    return {"items": [_report(report) for report in reports], "next": following}


@router.get("/days/{day}")
async def one_day(day: date, who: CallerDep, shop: ShopDep) -> dict[str, Any]:
    return _day(await shop.days.day(who.shop_id, day))


@router.post("/days/{day}/close", status_code=201)
async def close(
    day: date,
    counted: CloseIn,
    who: CallerDep,
    shop: ShopDep,
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> dict[str, Any]:
    if not idempotency_key.strip():
        raise Malformed("Send an Idempotency-Key header, so that a repeated click is one report.")
    report = await shop.days.close(
        who.shop_id,
        day,
        cash_counted_paise=counted.cash_counted_paise,
        note=counted.note,
        key=idempotency_key.strip(),
        by=who.actor,
    )
    return _report(report)


@router.get("/exports/{table}.csv", response_class=StreamingResponse)
async def export(
    table: Table,
    who: CallerDep,
    shop: ShopDep,
    first: Annotated[date, Query(alias="from")],
    last: Annotated[date, Query(alias="to")],
) -> StreamingResponse:
    pages = await shop.exports.pages(table, who.shop_id, first, last)
    name = f"{table}-{first.isoformat()}-{last.isoformat()}.csv"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(
        as_csv(table, pages), media_type="text/csv; charset=utf-8", headers=headers
    )


def _report(report: DayReport) -> dict[str, Any]:
    return {
        "id": report.id,
        "date": report.day,
        "status": "closed",
        "number": report.number,
        "starts_at": report.starts_at,
        "ends_at": report.ends_at,
        "cash_expected_paise": report.cash_expected_paise,
        "cash_counted_paise": report.cash_counted_paise,
        "cash_difference_paise": report.cash_counted_paise - report.cash_expected_paise,
        "note": report.note,
        "closed_by": report.closed_by,
        "closed_at": report.closed_at,
        "figures": report.figures,
    }


def _day(day: Day) -> dict[str, Any]:
    if day.status == "closed" and day.report is not None:
        return _report(day.report)
    return {
        "date": day.day,
        "status": day.status,
        "covered_by": day.report.number if day.report is not None else None,
        "starts_at": day.starts_at,
        "ends_at": day.ends_at,
        "cash_expected_paise": day.figures["cash_expected_paise"],
        "figures": day.figures,
    }
