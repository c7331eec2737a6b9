"""Is it alive, what is it, how much has it done."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app import __version__
from app.api.deps import ShopDep, guarded, worker_or_staff

router = APIRouter(tags=["health"])
measured = APIRouter(route_class=guarded(worker_or_staff))


@router.get("/", response_model=None)
async def root(request: Request) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/staff", status_code=303)
    return JSONResponse({"service": "printwala", "version": __version__, "docs": "/docs"})


@router.get("/health")
async def health(shop: ShopDep) -> JSONResponse:
    checks = await shop.health.checks()
    overall = shop.health.overall(checks)
    body: dict[str, Any] = {
        "status": overall,
        "version": __version__,
        "checks": {
            name: {"status": check.status, "reason": check.reason, **check.facts}
            for name, check in checks.items()
        },
    }
    return JSONResponse(body, status_code=503 if overall == "down" else 200)


@measured.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


router.include_router(measured)
