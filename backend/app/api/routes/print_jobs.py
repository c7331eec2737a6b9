"""The print worker's calls. Workers that were not updated speak them too: only add."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.api.deps import CallerDep, ShopDep, guarded, worker_only, worker_or_staff
from app.api.schemas import ClaimIn, JobBeatIn, JobOut, PrinterIn, ReportIn
from app.api.views import job_view, row_view
from app.ports import Offer
from app.services.queue_service import Report

router = APIRouter(tags=["print jobs"])
# The prefix stands at the inner routers: figures and logs name a route by what it carries itself.
PREFIX = "/api/v1/print_jobs"
for_workers = APIRouter(prefix=PREFIX, route_class=guarded(worker_only))
for_both = APIRouter(prefix=PREFIX, route_class=guarded(worker_or_staff))


@for_workers.post("/claim", response_model=JobOut, responses={204: {"description": "no job"}})
async def claim(ask: ClaimIn, who: CallerDep, shop: ShopDep, request: Request) -> Any:
    job = await shop.printing.claim(
        who.shop_id,
        _offer(ask),
        wait=ask.wait,
        job_id=ask.job_id,
        gone=request.is_disconnected,
    )
    if job is None:
        return Response(status_code=204)
    # Written out here: a worker waits, and the framework would check the checked once more.
    body = job_view(job, shop.documents).model_dump_json()
    return Response(body, media_type="application/json")


@for_both.get("/{job_id}")
async def get(job_id: UUID, who: CallerDep, shop: ShopDep) -> JobOut:
    return job_view(row_view(await shop.printing.get(who.shop_id, job_id)), shop.documents)


@for_workers.put("/{job_id}/status")
async def report(job_id: UUID, said: ReportIn, who: CallerDep, shop: ShopDep) -> dict[str, Any]:
    answer = await shop.printing.report(
        who.shop_id,
        Report(
            job_id=job_id,
            status=said.status,
            epoch=said.epoch,
            attempt_id=said.attempt_id,
            worker_id=said.worker_id,
            error=said.error or "",
            evidence=said.evidence or {},
        ),
    )
    return {
        "id": answer.job_id,
        "status": answer.status,
        "go": answer.go,
        "valid_seconds": answer.valid_seconds,
        "lease_seconds": answer.lease_seconds,
    }


@for_workers.post("/{job_id}/heartbeat")
async def heartbeat(job_id: UUID, beat: JobBeatIn, who: CallerDep, shop: ShopDep) -> dict[str, Any]:
    answer = await shop.printing.heartbeat(who.shop_id, job_id, beat.epoch, beat.attempt_id)
    return {"id": answer.job_id, "status": answer.status, "lease_seconds": answer.lease_seconds}


@for_both.post("/{job_id}/retry")
async def retry(job_id: UUID, who: CallerDep, shop: ShopDep) -> JobOut:
    job = await shop.printing.retry(who.shop_id, job_id, by=who.actor)
    return job_view(row_view(job), shop.documents)


def _offer(ask: ClaimIn) -> Offer:
    """What this claim can print. Printers given by name only can do everything."""
    known = [printer for printer in ask.printers if isinstance(printer, PrinterIn)]
    names = [p.name if isinstance(p, PrinterIn) else p for p in ask.printers]
    papers = {paper for printer in known for paper in printer.papers}
    any_named = len(known) < len(ask.printers)
    limited = bool(known) and not any_named and all(printer.papers for printer in known)
    return Offer(
        worker_id=ask.worker_id,
        printer=names[0] if len(names) == 1 else "",
        color=not known or any_named or any(printer.color for printer in known),
        papers=tuple(sorted(papers)) if limited else None,
    )


router.include_router(for_workers)
router.include_router(for_both)
