"""What pages ask for: the services of this process, and who is signed in."""

from __future__ import annotations

from typing import Annotated, Protocol, cast

from fastapi import Depends, Request

from app.core.clock import Clock
from app.core.config import Settings
from app.ports import SignedIn
from app.services.attention_service import AttentionService
from app.services.bill_service import BillService
from app.services.day_service import DayService
from app.services.desk_service import DeskService
from app.services.report_service import ReportService
from app.services.staff_service import StaffService
from app.web.security import NotSignedIn, session_cookie


class Shop(Protocol):
    """The part of the composition root that pages see."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def attention(self) -> AttentionService: ...
    @property
    def desk(self) -> DeskService: ...
    @property
    def days(self) -> DayService: ...
    @property
    def bills(self) -> BillService: ...
    @property
    def reports(self) -> ReportService: ...
    @property
    def staff(self) -> StaffService: ...


def shop_of(request: Request) -> Shop:
    return cast("Shop", request.app.state.shop)


async def signed_in(request: Request) -> SignedIn:
    """The person behind the session cookie. Raises NotSignedIn."""
    found = await shop_of(request).staff.signed_in(session_cookie(request))
    if found is None:
        raise NotSignedIn
    return found


ShopDep = Annotated[Shop, Depends(shop_of)]
StaffDep = Annotated[SignedIn, Depends(signed_in)]
