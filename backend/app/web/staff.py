"""The staff pages: queue, orders, one order's story, what needs a person, signing in and out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.attention import NEEDS_NOTE, Resolution
from app.domain.errors import NotAllowed, NotFound
from app.domain.lifecycle import Order
from app.ports import SignedIn
from app.web.deps import Shop, ShopDep, StaffDep, signed_in
from app.web.etag import unless_unchanged
from app.web.render import page, visitor_language
from app.web.security import (
    PageRoute,
    end_session,
    form_of,
    is_refresh,
    own_form,
    own_path,
    require_own_origin,
    session_cookie,
    set_session,
)
from app.web.story import story_page
from app.web.text import LANGUAGES, day_and_time
from app.web.view import age, card

router = APIRouter(prefix="/staff", route_class=PageRoute)

PAGE_SIZE = 50
# What a page says once, after a tap; its refreshes do not say it again.
ONCE = ("part", "done", "cash", "answered")
FILTERS = {
    "all": "",
    "waiting": "PAYMENT_PENDING",
    "paid": "PAID",
    "ready": "READY",
    "collected": "COLLECTED",
    "refunded": "REFUNDED",
    "closed": "CANCELLED,EXPIRED",
}


# Signing in and out


@router.get("/login")
async def login_page(request: Request, shop: ShopDep) -> Response:
    back = own_path(request.query_params.get("next", "/staff"))
    if await shop.staff.signed_in(session_cookie(request)):
        return RedirectResponse(back, status_code=303)
    return _login(request, shop, back=back)


@router.post("/login")
async def login(request: Request, shop: ShopDep) -> Response:
    require_own_origin(request, shop.settings)
    form = await form_of(request)
    name, back = form.get("name", "")[:200], own_path(form.get("next", "/staff"))
    session = await shop.staff.sign_in(name, form.get("password", "")[:1000])
    if session is None:
        return _login(request, shop, back=back, name=name, wrong=True)
    response = RedirectResponse(back, status_code=303)
    set_session(response, request, shop.settings, session[0])
    return response


def _login(
    request: Request, shop: Shop, *, back: str, name: str = "", wrong: bool = False
) -> Response:
    asked = request.query_params.get("lang", "")
    return page(
        "login.html",
        asked if asked in LANGUAGES else visitor_language(request),
        status=401 if wrong else 200,
        shop_name=shop.settings.shop_name,
        back=back,
        name=name,
        wrong=wrong,
    )


@router.post("/sign-out")
async def sign_out(request: Request, shop: ShopDep, who: StaffDep) -> Response:
    await own_form(request, shop.settings, who, to_change=False)
    await shop.staff.sign_out(session_cookie(request))
    response = RedirectResponse("/staff/login", status_code=303)
    end_session(response)
    return response


# Looking


@router.get("")
async def queue(request: Request, shop: ShopDep, who: StaffDep) -> Response:
    query = request.query_params
    return await queue_page(
        request,
        shop,
        who,
        handed_over=await _handed_over(shop, who, query.get("done", "")),
        taken=await _taken(shop, who, query.get("cash", "")),
    )


@router.get("/orders")
async def orders(request: Request, shop: ShopDep, who: StaffDep) -> Response:
    query = request.query_params
    show = query.get("show", "all") if query.get("show") in FILTERS else "all"
    words = query.get("q", "").replace("\x00", "").strip()[:100]
    cursor = query.get("cursor", "")[:200]
    # Tokens have at most three digits; longer numbers are the end of a phone number.
    is_phone = len(words) > 3 and words.lstrip("+").isdecimal()
    rows, following = await shop.reports.orders(
        who.shop_id,
        status=FILTERS[show],
        phone=words if is_phone else "",
        words="" if is_phone else words,
        cursor=cursor,
        limit=PAGE_SIZE,
    )
    now, zone = shop.clock.now(), await shop.days.zone(who.shop_id)
    older = {"show": show, "q": words, "cursor": following}
    return await staff_page(
        "orders.html",
        request,
        shop,
        who,
        tab="orders",
        cards=[(card(row, now), day_and_time(row["created_at"], zone)) for row in rows],
        filters=list(FILTERS),
        show=show,
        words=words,
        older=f"/staff/orders?{urlencode(older)}" if following else "",
        every=0 if cursor else 10,
    )


@router.get("/orders/{order_id}")
async def order(order_id: UUID, request: Request, shop: ShopDep, who: StaffDep) -> Response:
    story = await shop.reports.story(who.shop_id, order_id)
    shown = story_page(story, shop.clock.now(), who.language)
    return await staff_page("order.html", request, shop, who, tab="orders", every=5, **shown)


@router.get("/attention")
async def attention(request: Request, shop: ShopDep, who: StaffDep) -> Response:
    answered = request.query_params.get("answered", "")
    return await attention_page(
        request, shop, who, answered=answered if answered in set(Resolution) else ""
    )


async def attention_page(
    request: Request,
    shop: Shop,
    who: SignedIn,
    *,
    answered: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    """``answered`` is what was just done, ``problem`` the text of why it was not."""
    query = request.query_params
    entries, following = await shop.attention.page(
        who.shop_id,
        cursor=query.get("cursor", "")[:200],
        first=_uuid(query.get("item", "")),
        limit=PAGE_SIZE,
    )
    return await staff_page(
        "attention.html",
        request,
        shop,
        who,
        tab="attention",
        status=status,
        entries={entry.item.id: entry for entry in entries},
        needs_note=NEEDS_NOTE,
        later=f"/staff/attention?{urlencode({'cursor': following})}" if following else "",
        answered=answered,
        problem=problem,
        every=5,
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


# Handing over


@router.post("/orders/{order_id}/collect")
async def collect(order_id: UUID, request: Request, shop: ShopDep, who: StaffDep) -> Response:
    await own_form(request, shop.settings, who)
    return await _collect(request, shop, who, order_id, undo=False)


@router.post("/orders/{order_id}/uncollect")
async def uncollect(order_id: UUID, request: Request, shop: ShopDep, who: StaffDep) -> Response:
    await own_form(request, shop.settings, who)
    return await _collect(request, shop, who, order_id, undo=True)


async def _collect(
    request: Request, shop: Shop, who: SignedIn, order_id: UUID, *, undo: bool
) -> Response:
    try:
        await shop.desk.collect(who.shop_id, order_id, by=f"user:{who.name}", undo=undo)
    except NotAllowed:
        # A colleague's tap was faster: show how things are now.
        story = await shop.reports.story(who.shop_id, order_id)
        label = story.order.token or story.order.code
        return await queue_page(request, shop, who, changed=label, status=409)
    return RedirectResponse("/staff" if undo else f"/staff?done={order_id}", status_code=303)


async def _handed_over(shop: Shop, who: SignedIn, order_id: str) -> tuple[str, str] | None:
    """(order id, token) of the order just handed over, while that can be undone."""
    try:
        story = await shop.reports.story(who.shop_id, UUID(order_id))
    except (ValueError, NotFound):
        return None
    if story.order.status != Order.COLLECTED:
        return None
    return str(story.order.id), story.order.token


async def _taken(shop: Shop, who: SignedIn, order_id: str) -> tuple[str, int] | None:
    """(token, paise) of the order that was just paid in cash."""
    try:
        story = await shop.reports.story(who.shop_id, UUID(order_id))
    except (ValueError, NotFound):
        return None
    cash = [paid.captured_paise for paid in story.payments if paid.method == "cash"]
    return (story.order.token, cash[-1]) if cash and story.order.token else None


async def queue_page(
    request: Request,
    shop: Shop,
    who: SignedIn,
    *,
    handed_over: tuple[str, str] | None = None,
    taken: tuple[str, int] | None = None,
    changed: str = "",
    wrong: tuple[str, int] | None = None,
    status: int = 200,
) -> Response:
    """``changed`` names an order that is not as the tap thought; ``wrong`` is (name, paise) of one
    that costs another amount than was taken."""
    return await staff_page(
        "queue.html",
        request,
        shop,
        who,
        tab="queue",
        status=status,
        handed_over=handed_over,
        taken=taken,
        changed=changed,
        wrong=wrong,
        every=4,
    )


async def staff_page(
    template: str,
    request: Request,
    shop: Shop,
    who: SignedIn,
    *,
    tab: str,
    every: int,
    status: int = 200,
    **values: Any,
) -> Response:
    """A page inside the frame that every staff page shares, or only its moving parts."""
    board, now = await shop.reports.board(who.shop_id), shop.clock.now()
    columns = {
        name: [card(row, now) for row in column.rows] for name, column in board.columns.items()
    }
    known = {shown.id: shown for column in columns.values() for shown in column}
    query = [(k, v) for k, v in request.query_params.multi_items() if k not in ONCE]
    response = page(
        template,
        who.language,
        status=status,
        layout="bare.html" if is_refresh(request) else "staff.html",
        shop_name=shop.settings.shop_name,
        who=who,
        board=board,
        columns=columns,
        totals={name: column.total for name, column in board.columns.items()},
        # Where the orders of a column are listed whole, the newest first.
        lists={"to-print": "paid", "printing": "paid", "ready": "ready", "waiting": "waiting"},
        needs=[
            (item, known.get(item.order_id) if item.order_id else None, age(item.opened_at, now))
            for item in board.attention
        ],
        printers=board.printers,
        url=f"/staff{'' if tab == 'queue' else request.url.path.removeprefix('/staff')}"
        f"?{urlencode([*query, ('part', 'live')])}",
        tab=tab,
        every=every,
        **values,
    )
    return unless_unchanged(request, response)


@router.get("/{rest:path}", dependencies=[Depends(signed_in)])
async def no_page() -> Response:
    raise NotFound("There is no such page.")
