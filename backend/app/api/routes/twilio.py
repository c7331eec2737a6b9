"""WhatsApp's two doors. Verify the bytes, keep them, answer: thinking happens later."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.api.deps import bounded_body, shop_of
from app.api.errors import Malformed
from app.domain.errors import BadInput

router = APIRouter(tags=["webhooks"])

LIMIT = 64 * 1024
# An empty answer: a word in it would be sent to the customer.
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


@router.post("/webhook/twilio", response_class=Response)
async def message(request: Request) -> Response:
    shop, raw = shop_of(request), await bounded_body(request, LIMIT)
    try:
        pairs = _admitted(request, raw)
        form = shop.whatsapp.message(pairs)
    except BadInput as error:
        raise Malformed(error.detail) from None
    await shop.inbox.keep_message(form, raw)
    return Response(EMPTY, media_type="text/xml")


@router.post("/webhook/twilio/status", response_class=Response)
async def receipt(request: Request) -> Response:
    shop, raw = shop_of(request), await bounded_body(request, LIMIT)
    try:
        form = shop.whatsapp.receipt(_admitted(request, raw))
    except BadInput as error:
        raise Malformed(error.detail) from None
    await shop.inbox.keep_receipt(form, raw)
    return Response(EMPTY, media_type="text/xml")


def _admitted(request: Request, raw: bytes) -> list[tuple[str, str]]:
    headers = request.headers
    return list(
        shop_of(request).whatsapp.admit(
            raw,
            path=request.url.path,
            query=request.url.query,
            signature=headers.get("x-twilio-signature"),
            scheme=headers.get("x-twilio-webhooks-signature-settings"),
        )
    )
