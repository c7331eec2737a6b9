"""A Twilio that takes everything, and a Razorpay that gives all money back, both without memory: a
load of thousands needs no more."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def message(request: Request) -> JSONResponse:
    if request.method == "GET":
        return JSONResponse({"messages": [], "next_page_uri": None})
    to = dict(parse_qsl((await request.body()).decode())).get("To", "")
    shown = {"sid": f"SM{uuid4().hex}", "status": "queued", "to": to, "body": ""}
    return JSONResponse(shown | {"date_created": "Sun, 22 Nov 2026 09:00:00 +0000"}, 201)


async def content(_: Request) -> JSONResponse:
    return JSONResponse({"sid": f"HX{uuid4().hex}"}, 201)


async def refund(request: Request) -> JSONResponse:
    asked = json.loads(await request.body())
    shown: dict[str, object] = {
        "id": f"rfnd_{uuid4().hex[:14]}",
        "entity": "refund",
        "status": "processed",
    }
    shown |= {"payment_id": request.path_params["id"], "currency": "INR", "created_at": 1795334400}
    return JSONResponse(shown | {"amount": asked["amount"], "receipt": asked["receipt"]})


async def health(_: Request) -> JSONResponse:
    return JSONResponse({})


app = Starlette(
    routes=[
        Route("/2010-04-01/Accounts/{sid}/Messages.json", message, methods=["GET", "POST"]),
        Route("/v1/Content", content, methods=["POST"]),
        Route("/v1/payments/{id}/refund", refund, methods=["POST"]),
        Route("/health", health),
    ]
)
