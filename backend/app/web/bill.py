"""The printable bill: the customer's under the order's own address, staff's behind the sign-in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.bills import STATES, BillKind, GstMode, second_tax
from app.domain.errors import NotFound
from app.models_bills import Bill
from app.services.bill_service import OrderBills, order_bills
from app.services.report_service import OrderStory
from app.web.customer import no_such_order, readable
from app.web.deps import Shop, ShopDep, StaffDep
from app.web.render import page
from app.web.security import PageRoute, own_form
from app.web.text import day_and_time, full_date, one_line

router = APIRouter(route_class=PageRoute)

_SIGNED = frozenset({BillKind.TAX_INVOICE, BillKind.BILL_OF_SUPPLY, BillKind.DAY_INVOICE})
_NOTES = frozenset({BillKind.CREDIT_NOTE, BillKind.REFUND_RECEIPT})


@router.get("/o/{token}/bill")
async def customers_bill(token: str, request: Request, shop: ShopDep) -> Response:
    story = await _story(shop, token)
    billed = order_bills(story.bills) if story else None
    if story is None or billed is None:
        return no_such_order(request)
    return _page(
        billed,
        story.customer.language or story.shop.language,
        story.shop.timezone,
        back=f"/o/{token}",
        ask=f"/o/{token}/bill",
    )


@router.post("/o/{token}/bill")
async def customer_asks(token: str, request: Request, shop: ShopDep) -> Response:
    """Whoever knows the order's address may ask: there is no session that could be misused."""
    story = await _story(shop, token)
    if story is None:
        return no_such_order(request)
    await shop.bills.ask_invoice(story.order.shop_id, story.order.id, by="system:customer")
    return RedirectResponse(f"/o/{token}/bill", status_code=303)


async def _story(shop: Shop, token: str) -> OrderStory | None:
    if not readable(token):
        return None
    try:
        return await shop.reports.customer_page(token)
    except NotFound:
        return None


@router.get("/staff/orders/{order_id}/bill")
async def staff_bill(order_id: UUID, shop: ShopDep, who: StaffDep) -> Response:
    story = await shop.reports.story(who.shop_id, order_id)
    billed = await shop.bills.of_order(who.shop_id, order_id)
    return _page(
        billed,
        who.language,
        story.shop.timezone,
        back=f"/staff/orders/{order_id}",
        ask=f"/staff/orders/{order_id}/bill" if who.role != "viewer" else "",
        csrf=who.csrf,
    )


@router.post("/staff/orders/{order_id}/bill")
async def staff_asks(order_id: UUID, request: Request, shop: ShopDep, who: StaffDep) -> Response:
    await own_form(request, shop.settings, who)
    await shop.bills.ask_invoice(who.shop_id, order_id, by=f"user:{who.name}")
    return RedirectResponse(f"/staff/orders/{order_id}/bill", status_code=303)


@router.get("/staff/bills/{bill_id}")
async def any_bill(bill_id: UUID, shop: ShopDep, who: StaffDep) -> Response:
    """Also the invoice of a day, which belongs to no single order."""
    bill = await shop.bills.one(who.shop_id, bill_id)
    back = f"/staff/orders/{bill.order_id}" if bill.order_id else ""
    return page(
        "bill.html", who.language, sheets=[_sheet(bill, who.language)], back=back, ask="", csrf=""
    )


def _page(
    billed: OrderBills, language: str, zone: str, *, back: str, ask: str, csrf: str = ""
) -> Response:
    bill, taken_up = billed.bill, billed.taken_up
    waits = bill.kind == BillKind.RECEIPT and bill.mode == GstMode.REGISTERED and not taken_up
    first = {
        **_sheet(bill, language),
        "paid_at": day_and_time(bill.issued_at, zone, language)
        if bill.kind != BillKind.TAX_INVOICE or not bill.refers_to
        else "",
        "waits": waits,
        "taken_up": taken_up.label if taken_up else "",
        "taken_up_day": full_date(taken_up.day, language) if taken_up else "",
    }
    notes = [_sheet(note, language) for note in billed.notes]
    return page(
        "bill.html",
        language,
        sheets=[first, *notes],
        back=back,
        ask=ask if waits else "",
        csrf=csrf,
    )


def _sheet(bill: Bill, language: str) -> dict[str, Any]:
    """One bill as the template lays it out. Everything on it comes from the bill's own row."""
    kind, mode, state = BillKind(bill.kind), GstMode(bill.mode), bill.gstin[:2]
    facts = bill.facts
    taxed = mode is GstMode.REGISTERED and kind is not BillKind.RECEIPT
    about_day = facts.get("about_day", "")
    return {
        "kind": kind.value.lower().replace("_", "-"),
        "composition": mode is GstMode.COMPOSITION and kind is BillKind.BILL_OF_SUPPLY,
        "shop": one_line(bill.shop_name, 80),
        "address": [one_line(line, 100) for line in bill.shop_address.split("\n") if line.strip()],
        "gstin": bill.gstin,
        "label": bill.label,
        "day": full_date(bill.day, language),
        "about": facts.get("about", ""),
        "about_day": full_date(date.fromisoformat(about_day), language) if about_day else "",
        "order": facts.get("order", ""),
        "token": facts.get("token", "") if kind not in _NOTES else "",
        "paid_at": "",
        "method": facts.get("method", ""),
        "reference": facts.get("reference", ""),
        "supply": f"{STATES[state]} ({state})" if taxed else "",
        "sac": bill.sac if mode is not GstMode.UNREGISTERED else "",
        "lines": bill.lines,
        "tax": _tax(bill, state) if taxed else [],
        "taxable": bill.taxable_paise,
        "half_rate": f"{bill.rate_bp / 200:g}",
        "total": _total(kind),
        "amount": bill.amount_paise,
        "signed": kind in _SIGNED or kind is BillKind.CREDIT_NOTE,
        "waits": False,
        "taken_up": "",
    }


def _tax(bill: Bill, state: str) -> Sequence[tuple[str, int]]:
    return [("CGST", bill.cgst_paise), (second_tax(state), bill.sgst_paise)]


def _total(kind: BillKind) -> str:
    if kind in _NOTES:
        return "bill-given-back"
    return "bill-total-day" if kind is BillKind.DAY_INVOICE else "bill-total"
