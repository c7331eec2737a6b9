"""What the end of a business day leaves behind."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models import Base, time_of_birth, uuid_key


class DayReport(Base):
    """A closed day. A trigger refuses every change.

    It covers the money that moved after ``starts_at`` up to ``ends_at``; the next report begins
    where this one ends, so that no rupee is in two reports or in none.
    """

    __tablename__ = "day_reports"
    __table_args__ = (
        UniqueConstraint("shop_id", "day"),
        UniqueConstraint("shop_id", "number", name="uq_day_reports_number"),
        UniqueConstraint("shop_id", "idempotency_key", name="uq_day_reports_key"),
        CheckConstraint("starts_at < ends_at", "span"),
        CheckConstraint("cash_counted_paise >= 0", "counted"),
        CheckConstraint("cash_counted_paise = cash_expected_paise OR note <> ''", "difference"),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    day: Mapped[date] = mapped_column(Date)
    number: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    cash_expected_paise: Mapped[int] = mapped_column(BigInteger)
    cash_counted_paise: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[str]
    figures: Mapped[dict[str, Any]]
    idempotency_key: Mapped[str]
    body_sha256: Mapped[str]
    closed_by: Mapped[str]
    closed_at: Mapped[datetime] = time_of_birth()
