"""Everything a browser sees: the customer's page, the staff pages and their static files."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from app.web import bill, customer, decisions, money, staff
from app.web.assets import ASSETS

router = APIRouter(include_in_schema=False)

# A changed file has another address, so a browser may keep each forever.
_FOREVER = "public, max-age=31536000, immutable"


@router.get("/static/{name}")
async def static(name: str, request: Request) -> Response:
    asset = ASSETS.get(name)
    if asset is None:
        return PlainTextResponse("There is no such file.", status_code=404)
    current = request.query_params.get("v") == asset.version
    headers = {
        "Cache-Control": _FOREVER if current else "no-cache",
        "ETag": f'"{asset.version}"',
        "X-Content-Type-Options": "nosniff",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


# Before the two that answer everything below /o and /staff.
router.include_router(bill.router)
router.include_router(customer.router)
router.include_router(decisions.router)
router.include_router(money.router)  # before the frame's "no such page"
router.include_router(staff.router)
