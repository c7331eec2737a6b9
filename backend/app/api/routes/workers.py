"""Workers say that they are alive, and how their printers are."""

from __future__ import annotations

from fastapi import APIRouter

from app.api.deps import CallerDep, ShopDep, guarded, worker_only
from app.api.schemas import WorkerBeatIn

router = APIRouter(prefix="/api/v1/workers", tags=["workers"], route_class=guarded(worker_only))


@router.post("/heartbeat")
async def heartbeat(beat: WorkerBeatIn, who: CallerDep, shop: ShopDep) -> dict[str, str]:
    await shop.staff.heartbeat(
        who.shop_id,
        beat.worker_id,
        version=beat.version,
        unsent_reports=beat.unsent_reports,
        printers=[printer.model_dump() for printer in beat.printers],
    )
    return {"status": "ok"}
