"""What routes ask for: the services of this process, and who is calling.

Credentials are checked before a body is read; each kind opens its own doors only.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, Protocol, cast

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from app.api.errors import Forbidden, TooLarge, Unauthorized
from app.core.clock import Clock
from app.core.config import Settings
from app.core.security import same
from app.ports import PaymentDoor, WhatsAppDoor
from app.services.attention_service import AttentionService
from app.services.bill_service import BillService
from app.services.day_service import DayService
from app.services.desk_service import DeskService
from app.services.document_service import DocumentService
from app.services.export_service import ExportService
from app.services.health_service import HealthService
from app.services.inbox_service import InboxService
from app.services.link_service import LinkService
from app.services.price_service import PriceService
from app.services.queue_service import QueueService
from app.services.refund_service import RefundService
from app.services.report_service import ReportService
from app.services.staff_service import Principal, StaffService

_BEARER = re.compile(r"Bearer\s+(\S+)", re.IGNORECASE)
STAFF_COOKIES = ("__Host-staff", "staff")


class UseCases(Protocol):
    """The part of the composition root that routes see."""

    settings: Settings
    clock: Clock
    whatsapp: WhatsAppDoor
    payments: PaymentDoor
    inbox: InboxService
    links: LinkService
    refunds: RefundService
    printing: QueueService
    documents: DocumentService
    desk: DeskService
    attention: AttentionService
    days: DayService
    exports: ExportService
    prices: PriceService
    bills: BillService
    reports: ReportService
    staff: StaffService
    health: HealthService


def shop_of(request: Request) -> UseCases:
    return cast("UseCases", request.app.state.shop)


ShopDep = Annotated[UseCases, Depends(shop_of)]


async def bounded_body(request: Request, limit: int) -> bytes:
    """The raw body, refused as soon as it is longer than ``limit`` bytes."""
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"The body is longer than {limit} bytes.")
        parts.append(chunk)
    return b"".join(parts)


async def _worker(request: Request, key: str | None) -> Principal | None:
    return await shop_of(request).staff.worker(key) if key else None


async def _person(request: Request) -> Principal | None:
    """A script's token, or a signed-in browser."""
    staff = shop_of(request).staff
    if given := _BEARER.fullmatch(request.headers.get("authorization", "")):
        return await staff.script(given.group(1))
    for name in STAFF_COOKIES:
        if session := await staff.signed_in(request.cookies.get(name, "")):
            unsafe = request.method not in ("GET", "HEAD")
            if unsafe and not same(request.headers.get("x-csrf", ""), session.csrf):
                raise Forbidden("The form has expired; load the page again.")
            return Principal(session.shop_id, f"user:{session.name}", session.role)
    return None


Check = Callable[[Request], Awaitable[Principal]]


async def worker_only(request: Request) -> Principal:
    key = request.headers.get("x-api-key")
    if found := await _worker(request, key):
        return found
    if key is None and await _person(request):
        raise Forbidden("This call takes a worker key in X-API-Key, not a staff credential.")
    raise Unauthorized("Send the worker key in the header X-API-Key.")


async def staff_only(request: Request) -> Principal:
    if found := await _person(request):
        if found.role == "viewer" and request.method not in ("GET", "HEAD"):
            raise Forbidden("A viewer may look, not change.")
        return found
    if await _worker(request, request.headers.get("x-api-key")):
        raise Forbidden("This call takes a staff token, not a worker key.")
    raise Unauthorized("Send a token: Authorization: Bearer <token>.")


async def owner_only(request: Request) -> Principal:
    """The owner, or a script's token; everybody of the staff may look."""
    found = await staff_only(request)
    if found.role != "owner" and request.method not in ("GET", "HEAD"):
        raise Forbidden("Only the owner may change this.")
    return found


async def worker_or_staff(request: Request) -> Principal:
    found = await _worker(request, request.headers.get("x-api-key")) or await _person(request)
    if found:
        return found
    raise Unauthorized("Send a worker key in X-API-Key or a token in Authorization.")


def guarded(check: Check) -> type[APIRoute]:
    """A route class that knows its caller before it reads a byte of the body.

    FastAPI reads bodies before it solves dependencies, so a dependency would come too late.
    """

    class Guarded(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            inner = super().get_route_handler()

            async def handler(request: Request) -> Response:
                request.state.principal = await check(request)
                return await inner(request)

            return handler

    return Guarded


def caller(request: Request) -> Principal:
    return cast("Principal", request.state.principal)


async def worker_if_any(request: Request) -> Principal | None:
    return await _worker(request, request.headers.get("x-api-key"))


CallerDep = Annotated[Principal, Depends(caller)]
MaybeWorkerDep = Annotated[Principal | None, Depends(worker_if_any)]
