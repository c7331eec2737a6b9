"""Razorpay's door, and the payer's way back."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse

from app.api.deps import ShopDep, bounded_body, shop_of
from app.api.errors import Malformed
from app.domain.errors import BadInput

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])

LIMIT = 1024 * 1024


@router.post("/razorpay-webhook")
async def payment_event(request: Request) -> JSONResponse:
    shop, body = shop_of(request), await bounded_body(request, LIMIT)
    shop.payments.admit(body, signature=request.headers.get("x-razorpay-signature"))
    try:
        shop.payments.event(body)
    except BadInput as error:
        raise Malformed(error.detail) from None
    await shop.inbox.keep_payment(body, request.headers.get("x-razorpay-event-id", ""))
    return JSONResponse({"status": "kept"})


@router.get("/razorpay-callback", status_code=303, response_class=RedirectResponse)
async def payer_returned(request: Request, shop: ShopDep) -> RedirectResponse:
    """Chooses a page and nothing else: only the provider's own data marks an order paid."""
    query = dict(request.query_params)
    token = await shop.links.returned(query) if shop.payments.returned(query) else None
    base = shop.settings.backend_public_url
    return RedirectResponse(f"{base}/o/{token}?p=1" if token else f"{base}/o/-", status_code=303)
