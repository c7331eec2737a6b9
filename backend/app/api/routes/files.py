"""Customers' files leave the house here, and only here."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.api.deps import MaybeWorkerDep, ShopDep

router = APIRouter(tags=["files"])


@router.get("/files/{path:path}", response_class=Response)
async def file(path: str, request: Request, worker: MaybeWorkerDep, shop: ShopDep) -> Response:
    """A signed link, or a worker's key with a live lease; 404 for anything else."""
    content = await shop.documents.open_file(
        path, dict(request.query_params), worker_shop=worker.shop_id if worker else None
    )
    return Response(
        content,
        media_type="application/pdf" if path.endswith(".pdf") else "application/octet-stream",
        headers={
            "Content-Disposition": 'attachment; filename="document.pdf"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )
