"""The shapes of the JSON, in and out. Others rely on them: they change after an issue agreed."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from app.domain.print_plan import Ink, Paper

Name = Annotated[str, Field(min_length=1, max_length=120)]

# PostgreSQL keeps neither NUL nor half a surrogate pair, and JSON there knows no infinity.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DEEPEST = 40


def storable(value: Any, *, depth: int = 0) -> Any:
    """What a caller sent, as the database can keep it: a report must not fail on a character
    that some printer driver put into its evidence. Raises ValueError when nested too deeply."""
    if depth > _DEEPEST:
        raise ValueError(f"nested more than {_DEEPEST} deep")
    match value:
        case str():
            return _UNSTORABLE.sub("\ufffd", value)
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {
                storable(key, depth=depth + 1): storable(item, depth=depth + 1)
                for key, item in value.items()
            }
        case list():
            return [storable(item, depth=depth + 1) for item in value]
        case _:
            return value


class In(BaseModel):
    """Unknown fields are ignored: an older worker may meet a newer server and the reverse."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, data: Any) -> Any:
        return storable(data)


class PrinterIn(In):
    name: Name
    backend: str = Field("", max_length=40)
    color: bool = True
    duplex: bool = False
    papers: list[str] = Field(default_factory=list, max_length=40)
    state: str = Field("unknown", max_length=40)
    reasons: list[str] = Field(default_factory=list, max_length=20)


class ClaimIn(In):
    worker_id: Name
    printers: list[PrinterIn | Name] = Field(default_factory=list, max_length=50)
    wait: float = Field(0, ge=0, le=30)
    job_id: UUID | None = None


class ReportIn(In):
    status: str = Field(min_length=1, max_length=20)
    epoch: int = Field(ge=0, lt=2**62)
    attempt_id: UUID
    worker_id: str = Field("", max_length=120)
    error: str | None = Field(None, max_length=2000)
    evidence: dict[str, Any] | None = None


class JobBeatIn(In):
    epoch: int = Field(ge=0, lt=2**62)
    attempt_id: UUID
    worker_id: str = Field("", max_length=120)


class WorkerBeatIn(In):
    worker_id: Name
    version: str = Field("", max_length=40)
    printers: list[PrinterIn] = Field(default_factory=list, max_length=50)
    unsent_reports: int = Field(0, ge=0, lt=2**31)


class RefundIn(In):
    amount_paise: Annotated[int, Field(strict=True, lt=2**53)]
    reason: str = Field(min_length=1, max_length=500)


class CashIn(In):
    amount_paise: Annotated[int, Field(strict=True, lt=2**53)]


class ResolveIn(In):
    resolution: str = Field(min_length=1, max_length=40)
    note: str = Field("", max_length=500)
    amount_paise: Annotated[int, Field(strict=True, lt=2**53)] | None = None
    order: str = Field("", max_length=40)


class CloseIn(In):
    cash_counted_paise: Annotated[int, Field(strict=True, ge=0, lt=2**53)]
    note: str = Field("", max_length=500)


class FileOut(BaseModel):
    url: str
    sha256: str
    bytes: int
    pages: int
    name: str


class SettingsOut(BaseModel):
    print_type: Literal["BW", "COLOR", "BOTH"]
    copies: int
    pages: str
    color_pages: list[int]
    sides: str
    paper: str
    collate: bool


class JobOut(BaseModel):
    id: UUID
    order_id: UUID
    shop_id: UUID
    token: str
    status: str
    epoch: int
    lease_seconds: int
    attempt_id: UUID | None
    retry_count: int
    printer_name: str
    created_at: datetime
    error: str
    file: FileOut
    settings: SettingsOut


class RefundOut(BaseModel):
    id: UUID
    order_id: UUID | None
    payment_id: UUID
    amount_paise: int
    status: str
    reason: str
    requested_by: str
    rzp_refund_id: str | None
    created_at: datetime


Paise = Annotated[int, Field(strict=True, ge=0, lt=2**53)]


class SlabIn(In):
    model_config = ConfigDict(extra="forbid")

    beyond: Annotated[int, Field(strict=True, ge=1, lt=2**31)]
    rate_paise: Paise


class RateIn(In):
    model_config = ConfigDict(extra="forbid")

    ink: Ink
    paper: Paper = Paper.A4
    two_sided: bool = False
    rate_paise: Paise
    slabs: list[SlabIn] = Field(default_factory=list, max_length=20)


class PriceListIn(In):
    """``starts_at`` in the future plans a change; without it the list holds from now."""

    # A misspelt price must not become the default of another.
    model_config = ConfigDict(extra="forbid")

    bw_paise: Paise
    color_paise: Paise
    minimum_paise: Paise = 0
    rates: list[RateIn] = Field(default_factory=list, max_length=40)
    starts_at: AwareDatetime | None = None


class PriceListOut(BaseModel):
    id: UUID
    version: int
    bw_paise: int
    color_paise: int
    minimum_paise: int
    rates: list[dict[str, Any]]
    starts_at: datetime
    made_by: str
    in_force: bool
