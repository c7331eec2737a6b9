"""What staff decide on the pages: the answer to a question, cash for an order that waits."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.errors import BadInput, NotAllowed, NotFound
from app.domain.money import rupees
from app.services.scene import Ask
from app.web.deps import ShopDep, StaffDep
from app.web.security import PageRoute, own_form
from app.web.staff import attention_page, queue_page
from app.web.text import t

router = APIRouter(prefix="/staff", route_class=PageRoute)

NOTE_LIMIT = 500


@router.post("/attention/{item_id}/resolve")
async def resolve(item_id: UUID, request: Request, shop: ShopDep, who: StaffDep) -> Response:
    form = await own_form(request, shop.settings, who)
    amount, order = form.get("amount", "").strip(), form.get("order", "").strip()[:40]
    await shop.attention.detail(who.shop_id, item_id)  # an item that is not here is no page
    try:
        ask = Ask(
            form.get("resolution", ""),
            form.get("note", "").strip()[:NOTE_LIMIT],
            rupees(amount).paise if amount else None,
            order,
        )
        # A form is sent once: its second click finds its own first answer.
        await shop.attention.resolve(
            who.shop_id, item_id, ask, key=f"page:{item_id}", by=f"user:{who.name}"
        )
    except NotAllowed as error:
        over = error.code in ("item_closed", "key_reused")
        problem = t("answer-closed" if over else "answer-refused", who.language)
        return await attention_page(request, shop, who, problem=problem, status=409)
    except (BadInput, NotFound):
        problem = t("answer-input", who.language)
        return await attention_page(request, shop, who, problem=problem, status=422)
    return RedirectResponse(f"/staff/attention?answered={ask.resolution}", status_code=303)


@router.post("/orders/{order_id}/cash")
async def cash(order_id: UUID, request: Request, shop: ShopDep, who: StaffDep) -> Response:
    form = await own_form(request, shop.settings, who)
    order = (await shop.reports.story(who.shop_id, order_id)).order
    label = order.token or order.code
    try:
        await shop.desk.take_cash(
            who.shop_id,
            order_id,
            amount_paise=rupees(form.get("amount", "")).paise,
            by=f"user:{who.name}",
        )
    except NotAllowed:
        # The second click, or the customer paid online meanwhile: show how things are now.
        return await queue_page(request, shop, who, changed=label, status=409)
    except BadInput:
        wrong = (label, order.total_paise or 0)
        return await queue_page(request, shop, who, wrong=wrong, status=422)
    return RedirectResponse(f"/staff?cash={order_id}", status_code=303)
