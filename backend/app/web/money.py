"""The money page: a day, a week or a month in figures, closing the day, the tables to take away."""

from __future__ import annotations

import calendar
import secrets
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.errors import BadInput, NotAllowed
from app.domain.money import rupees
from app.ports import SignedIn, Table
from app.services.day_service import Day
from app.web.deps import Shop, ShopDep, StaffDep
from app.web.security import PageRoute, own_form
from app.web.staff import staff_page
from app.web.text import day_and_time, full_day, one_line
from app.web.view import screen_state

router = APIRouter(prefix="/staff/money", route_class=PageRoute)

SPANS = ("day", "week", "month")
REPORTS_SHOWN = 14


@router.get("")
async def money(request: Request, shop: ShopDep, who: StaffDep) -> Response:
    query = request.query_params
    return await _page(
        request,
        shop,
        who,
        day=_read_day(query["day"]) if query.get("day") else await shop.days.today(who.shop_id),
        span=query.get("span", ""),
        compare=query.get("compare") == "1",
    )


@router.post("/close")
async def close(request: Request, shop: ShopDep, who: StaffDep) -> Response:
    form = await own_form(request, shop.settings, who)
    day, typed = _read_day(form.get("day", "")), form.get("cash", "").strip()[:20]
    note, key = form.get("note", "").strip()[:500], form.get("key", "")[:100]
    problem, status = "cash", 422
    try:
        counted = rupees(typed.replace(",", "").removeprefix("₹"))
        await shop.days.close(
            who.shop_id,
            day,
            cash_counted_paise=counted.paise,
            note=note,
            key=key or secrets.token_hex(16),
            by=f"user:{who.name}",
        )
        return RedirectResponse(f"/staff/money?day={day.isoformat()}", status_code=303)
    except BadInput as error:
        if error.code == "note_needed":
            problem = "note"
    except NotAllowed:
        problem, status = "closed", 409
    return await _page(
        request, shop, who, day=day, span="day", typed=(typed, note), problem=problem, status=status
    )


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is not a day like 2026-11-24.") from None


def _ends(day: date, span: str) -> tuple[date, date]:
    """First and last day of the span around that day; weeks begin on Monday."""
    if span == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    if span == "month":
        return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])
    return day, day


async def _page(
    request: Request,
    shop: Shop,
    who: SignedIn,
    *,
    day: date,
    span: str,
    compare: bool = False,
    typed: tuple[str, str] = ("", ""),
    problem: str = "",
    status: int = 200,
) -> Response:
    span = span if span in SPANS else "day"
    today = await shop.days.today(who.shop_id)
    if not date(2000, 1, 1) <= day <= today:
        raise BadInput("That day has not come yet, or lies too far back.")
    first, last = _ends(day, span)
    shown: Day | None = None
    if span == "day":
        shown = await _one_day(shop, who, day, compare=compare)
    found = shown.figures if shown else await shop.days.figures(who.shop_id, first, last)
    zone = await shop.days.zone(who.shop_id)

    def when(moment: Any) -> str:
        return day_and_time(moment, zone, who.language)

    reports, _ = await shop.days.reports(who.shop_id, REPORTS_SHOWN)
    return await staff_page(
        "money.html",
        request,
        shop,
        who,
        tab="money",
        every=0,
        status=status,
        span=span,
        spans=SPANS,
        day=day,
        title=full_day(first, who.language)
        + ("" if first == last else f" – {full_day(last, who.language)}"),
        earlier=first - timedelta(days=1),
        later=last + timedelta(days=1) if last < today else None,
        today=today,
        figures=found,
        orders=[
            (screen_state(name, None), count)
            for name, count in found["orders"]["by_status"].items()
        ],
        shown=shown,
        since=when(shown.starts_at) if shown else "",
        signed=(one_line(_name(shown.report.closed_by), 60), when(shown.report.closed_at))
        if shown and shown.report
        else None,
        reports=[
            (report, full_day(report.day, who.language), one_line(_name(report.closed_by), 60))
            for report in reports
        ],
        tables=[
            (table, f"/api/v1/dashboard/exports/{table}.csv?from={first}&to={last}")
            for table in Table
        ],
        key=secrets.token_hex(16),
        typed=typed,
        problem=problem,
    )


async def _one_day(shop: Shop, who: SignedIn, day: date, *, compare: bool) -> Day | None:
    """None for a day that no report can be about: before the shop's first."""
    try:
        return await shop.days.day(who.shop_id, day, compare=compare)
    except (BadInput, NotAllowed):
        return None


def _name(actor: str) -> str:
    return actor.partition(":")[2] or actor
