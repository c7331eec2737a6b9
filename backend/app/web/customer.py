"""The customer's own page: where the order is, what it costs, the receipt. No login, no cookie."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.errors import NotFound
from app.domain.lifecycle import Order, Payment, Refund
from app.services.bill_service import order_bills
from app.services.report_service import OrderStory
from app.web.deps import ShopDep
from app.web.etag import unless_unchanged
from app.web.render import page, visitor_language
from app.web.security import PageRoute
from app.web.text import day_and_time, one_line
from app.web.view import TONES, screen_state, wishes

router = APIRouter(route_class=PageRoute)

OPEN_SECONDS = 5
# Nothing moves until the customer or the shop does.
SLOW_SECONDS = 30
_SLOW = {"ready", "draft"}
_FINAL = {"collected", "cancelled", "expired", "refunded"}
# How many of Paid, In queue, Printing, Ready are behind us; the next one is being done.
_STEPS = {
    "queued": 1,
    "hold": 1,
    "printing": 2,
    "check": 2,
    "failed": 2,
    "ready": 4,
    "collected": 4,
}


def readable(token: str) -> bool:
    """Whether this could be a page token at all; the database is not asked for anything else."""
    return token.isascii() and token.isprintable() and len(token) <= 100


@router.get("/o/{token}")
async def order_page(token: str, request: Request, shop: ShopDep) -> Response:
    if not readable(token):
        return no_such_order(request)
    try:
        story = await shop.reports.customer_page(token)
    except NotFound:
        return no_such_order(request)
    returned = request.query_params.get("p") == "1"
    state = screen_state(story.order.status, story.jobs[-1].status if story.jobs else None)
    if state == "draft" and story.order.choices is not None:
        state = "preparing"
    refresh = request.query_params.get("part") == "live"
    zone, language = story.shop.timezone, story.customer.language or story.shop.language
    paid = next((p for p in story.payments if p.disposition == "FULFILS"), None)
    number = shop.settings.twilio_whatsapp_number.removeprefix("whatsapp:+")
    shown = page(
        "customer.html",
        language,
        layout="bare.html" if refresh else "public.html",
        story=story,
        state=state,
        tone=TONES[state],
        steps=_STEPS.get(state, 0),
        note=_note(story, state, returned=returned),
        pay_url=_pay_url(story, returned=returned),
        paid=paid,
        returning=_returning(story),
        given_back=[r for r in story.refunds if r.status == Refund.PROCESSED],
        bill=f"/o/{token}/bill" if story.bills else "",
        bill_label=billed.bill.label if (billed := order_bills(story.bills)) else "",
        names=[one_line(d.name, 80) for d in story.documents if d.name],
        wishes=wishes(story.quote.choices) if story.quote else [],
        colored=len(story.quote.color_pages) if story.quote else 0,
        paid_at=day_and_time(story.order.paid_at, zone, language) if story.order.paid_at else "",
        made_at=day_and_time(story.order.created_at, zone, language),
        until=day_and_time(story.order.expires_at, zone, language)
        if story.order.expires_at
        else "",
        hours=shop.settings.document_retention_hours,
        chat=f"https://wa.me/{number}" if number.isdigit() else "",
        url=f"/o/{token}?part=live" + ("&p=1" if returned else ""),
        every=0 if state in _FINAL else SLOW_SECONDS if state in _SLOW else OPEN_SECONDS,
    )
    return unless_unchanged(request, shown)


@router.get("/o/{rest:path}")
async def no_page(request: Request) -> Response:
    return no_such_order(request)


def no_such_order(request: Request) -> Response:
    return page(
        "error.html", visitor_language(request), status=404, problem="error-no-order", staff=False
    )


def _pay_url(story: OrderStory, *, returned: bool) -> str:
    """The address to pay at, while there is something to pay; not to somebody who just did."""
    if story.order.status != Order.PAYMENT_PENDING or returned:
        return ""
    links = [p.short_url for p in story.payments if p.status == Payment.LINK_SENT]
    return next((url for url in links if urlsplit(url).scheme in ("http", "https")), "")


def _returning(story: OrderStory) -> list[int]:
    """Amounts on their way back, in paise."""
    moving = (Refund.REQUESTED, Refund.IN_TRANSIT)
    return [refund.amount_paise for refund in story.refunds if refund.status in moving]


def _note(story: OrderStory, state: str, *, returned: bool) -> str:
    """What to say about money first: to somebody who comes back from paying, or tried before."""
    if story.order.token:
        return "received" if returned and state not in _FINAL else ""
    captured = any(p.status == Payment.CAPTURED for p in story.payments)
    if captured:
        return "unclear"
    if state == "waiting":
        if returned:
            # The bank may be slow; asking to pay again now could take the money twice.
            return "confirming"
        return "failed" if any(p.failures for p in story.payments) else ""
    return "not-through" if returned and state in ("cancelled", "expired") else ""
