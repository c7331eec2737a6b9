"""Rows about bills. A trigger refuses to change or delete one; every fact is copied into it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models import NOW, Base, time_of_birth, uuid_key


class GstSetting(Base):
    """How a shop stands towards GST; without a row it is unregistered."""

    __tablename__ = "gst_settings"
    __table_args__ = (
        CheckConstraint("mode IN ('unregistered', 'composition', 'registered')", "mode"),
        CheckConstraint("(mode = 'unregistered') = (gstin = '')", "gstin"),
        CheckConstraint("(mode = 'registered') = (rate_bp > 0)", "rate"),
        # One registered person's numbers must differ, in whichever of its shops they are given.
        Index(
            "uq_gst_settings_series",
            "gstin",
            "prefix",
            unique=True,
            postgresql_where=text("gstin <> ''"),
        ),
    )

    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"), primary_key=True)
    mode: Mapped[str] = mapped_column(server_default="unregistered")
    gstin: Mapped[str] = mapped_column(server_default="")
    rate_bp: Mapped[int] = mapped_column(server_default="0")
    sac: Mapped[str] = mapped_column(server_default="")
    name: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    prefix: Mapped[str] = mapped_column(server_default="")
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)


class BillCounter(Base):
    """The last number given in a series and financial year.

    Counted up under its row's lock in the transaction that issues the bill: a transaction that
    fails gives its number back, which no sequence does.
    """

    __tablename__ = "bill_counters"

    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"), primary_key=True)
    series: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Bill(Base):
    """``refers_to``: the receipt behind an invoice asked for later, or the bill a note is about.

    ``order_id`` is empty for the invoice of a day. ``year`` is the one the financial year begins
    in, ``day`` the shop's own calendar day.
    """

    __tablename__ = "bills"
    __table_args__ = (
        UniqueConstraint("shop_id", "series", "year", "number"),
        UniqueConstraint("shop_id", "label", name="uq_bills_label"),
        UniqueConstraint("refund_id", name="uq_bills_refund"),
        Index(
            "uq_bills_order",
            "order_id",
            unique=True,
            postgresql_where=text("refers_to IS NULL AND order_id IS NOT NULL"),
        ),
        Index("ix_bills_day", "shop_id", "day"),
        Index("ix_bills_of_order", "order_id"),
        Index("ix_bills_refers_to", "refers_to"),
        CheckConstraint("label ~ '^[A-Z0-9/-]{1,16}$'", "label"),
        CheckConstraint("number > 0", "number"),
        CheckConstraint(
            "amount_paise > 0 AND taxable_paise >= 0 AND cgst_paise >= 0 "
            "AND cgst_paise = sgst_paise "
            "AND taxable_paise + cgst_paise + sgst_paise = amount_paise",
            "amounts",
        ),
        CheckConstraint("mode = 'registered' OR cgst_paise = 0", "tax"),
        CheckConstraint(
            "kind IN ('RECEIPT', 'TAX_INVOICE', 'BILL_OF_SUPPLY', 'DAY_INVOICE', 'CREDIT_NOTE', "
            "'REFUND_RECEIPT')",
            "kind",
        ),
        CheckConstraint("(kind = 'DAY_INVOICE') = (order_id IS NULL)", "order"),
        CheckConstraint(
            "(kind IN ('CREDIT_NOTE', 'REFUND_RECEIPT')) = (refund_id IS NOT NULL)", "refund"
        ),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"))
    refund_id: Mapped[UUID | None] = mapped_column(ForeignKey("refunds.id"))
    refers_to: Mapped[UUID | None] = mapped_column(ForeignKey("bills.id"))
    kind: Mapped[str]
    mode: Mapped[str]
    series: Mapped[str]
    year: Mapped[int]
    number: Mapped[int]
    label: Mapped[str]
    day: Mapped[date]
    issued_at: Mapped[datetime] = time_of_birth()
    amount_paise: Mapped[int] = mapped_column(BigInteger)
    taxable_paise: Mapped[int] = mapped_column(BigInteger)
    cgst_paise: Mapped[int] = mapped_column(BigInteger)
    sgst_paise: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(server_default="INR")
    rate_bp: Mapped[int]
    sac: Mapped[str]
    gstin: Mapped[str]
    shop_name: Mapped[str]
    shop_address: Mapped[str]
    lines: Mapped[list[Any]]
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class BillCover(Base):
    """A small receipt and the invoice that took it up: the day's, or its own when asked for."""

    __tablename__ = "bill_covers"

    receipt_id: Mapped[UUID] = mapped_column(ForeignKey("bills.id"), primary_key=True)
    bill_id: Mapped[UUID] = mapped_column(ForeignKey("bills.id"), index=True)
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
