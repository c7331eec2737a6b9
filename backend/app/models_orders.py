"""Rows about money and paper: orders, quotes, payments, refunds, print jobs and their attempts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.models import NOW, Base, time_of_birth, uuid_key


class Order(Base):
    """``code`` is for people and buttons, ``page_token`` for the customer's page; both random.

    ``token`` is the number called at the counter, given when the order is paid.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("shop_id", "code"),
        # A customer answers questions about one order at a time.
        Index(
            "uq_orders_open",
            "customer_id",
            unique=True,
            postgresql_where=text("status IN ('DRAFT', 'PAYMENT_PENDING')"),
        ),
        Index("ix_orders_shop_status", "shop_id", "status"),
        Index("ix_orders_listing", "shop_id", "created_at", "id"),
        CheckConstraint("copies IS NULL OR copies > 0", "copies"),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), index=True)
    code: Mapped[str]
    page_token: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(server_default="DRAFT")
    print_type: Mapped[str | None]
    copies: Mapped[int | None]
    choices: Mapped[dict[str, Any] | None]
    quote_id: Mapped[UUID | None] = mapped_column(ForeignKey("quotes.id", use_alter=True))
    total_paise: Mapped[int | None] = mapped_column(BigInteger)
    pay_at_counter: Mapped[bool] = mapped_column(server_default=text("false"))
    token: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = time_of_birth()
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)
    expires_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]


class PrintFile(Base):
    """A print-ready file made for an order's choices; its page i is face i of one copy."""

    __tablename__ = "print_files"

    id: Mapped[UUID] = uuid_key()
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    storage_key: Mapped[str]
    sha256: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    pages: Mapped[int]
    color_pages: Mapped[list[Any]]
    preview_keys: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    created_at: Mapped[datetime] = time_of_birth()
    deleted_at: Mapped[datetime | None]


class QuoteRow(Base):
    """A frozen price for the bytes in ``sha256``. A trigger refuses every UPDATE.

    ``pages`` and ``color_pages`` are those of the file that will be printed: the document itself,
    or the print-ready file made from it.
    """

    __tablename__ = "quotes"
    __table_args__ = (CheckConstraint("amount_paise > 0", "amount"),)

    id: Mapped[UUID] = uuid_key()
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    price_list_id: Mapped[UUID] = mapped_column(ForeignKey("price_lists.id"))
    print_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("print_files.id"))
    sha256: Mapped[str]
    pages: Mapped[int]
    color_pages: Mapped[list[Any]]
    print_type: Mapped[str]
    copies: Mapped[int]
    choices: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    lines: Mapped[list[Any]]
    amount_paise: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(server_default="INR")
    created_at: Mapped[datetime] = time_of_birth()


class Payment(Base):
    """One attempt to be paid, or money that came on its own. Never deleted.

    ``refunded_paise`` counts refunds asked for and not failed; the CHECK below makes it
    impossible to promise back more than was captured.
    """

    __tablename__ = "payments"
    __table_args__ = (
        Index(
            "uq_payments_fulfils",
            "order_id",
            unique=True,
            postgresql_where=text("disposition = 'FULFILS'"),
        ),
        Index(
            "uq_payments_link",
            "plink_id",
            unique=True,
            postgresql_where=text("reference_id IS NOT NULL AND plink_id IS NOT NULL"),
        ),
        Index(
            "ix_payments_export",
            "shop_id",
            "captured_at",
            "id",
            postgresql_where=text("captured_at IS NOT NULL"),
        ),
        Index("ix_payments_due", "next_look_at", postgresql_where=text("next_look_at IS NOT NULL")),
        CheckConstraint("amount_paise > 0", "amount"),
        CheckConstraint("refunded_paise BETWEEN 0 AND captured_paise", "refunds_within_capture"),
        CheckConstraint(
            "(status = 'CAPTURED') = (disposition IS NOT NULL)", "captured_has_an_owner"
        ),
        CheckConstraint(
            "disposition IS NULL OR disposition IN ('FULFILS', 'REFUND', 'ATTENTION')",
            "disposition",
        ),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"), index=True)
    quote_id: Mapped[UUID | None] = mapped_column(ForeignKey("quotes.id"))
    method: Mapped[str] = mapped_column(server_default="razorpay")
    status: Mapped[str] = mapped_column(server_default="INITIATED")
    amount_paise: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(server_default="INR")
    reference_id: Mapped[str | None] = mapped_column(unique=True)
    plink_id: Mapped[str | None]
    short_url: Mapped[str] = mapped_column(server_default="")
    provider_order_id: Mapped[str] = mapped_column(server_default="", index=True)
    expires_at: Mapped[datetime | None]
    next_look_at: Mapped[datetime | None]
    link_made_at: Mapped[datetime | None]
    rzp_payment_id: Mapped[str | None] = mapped_column(unique=True)
    captured_paise: Mapped[int] = mapped_column(BigInteger, server_default="0")
    captured_at: Mapped[datetime | None]
    captured_by: Mapped[str] = mapped_column(server_default="")
    disposition: Mapped[str | None]
    why: Mapped[str] = mapped_column(server_default="")
    refunded_paise: Mapped[int] = mapped_column(BigInteger, server_default="0")
    disputed: Mapped[bool] = mapped_column(server_default=text("false"))
    failures: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = time_of_birth()
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)


class Refund(Base):
    """Money on its way back. The row and its key exist before the provider hears of it."""

    __tablename__ = "refunds"
    __table_args__ = (
        UniqueConstraint("shop_id", "idempotency_key"),
        Index("ix_refunds_export", "shop_id", "created_at", "id"),
        CheckConstraint("amount_paise > 0", "amount"),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), index=True)
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"), index=True)
    idempotency_key: Mapped[str]
    body_sha256: Mapped[str] = mapped_column(server_default="")
    amount_paise: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(server_default="REQUESTED")
    reason: Mapped[str]
    requested_by: Mapped[str]
    rzp_refund_id: Mapped[str | None] = mapped_column(unique=True)
    error: Mapped[str] = mapped_column(server_default="")
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_look_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = time_of_birth()
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)


class Dispute(Base):
    """A bank's question about a payment, at the furthest it was told to be. It may be heard of
    before its payment, so it names that by the provider's id. ``answered``: a person ended it."""

    __tablename__ = "disputes"
    __table_args__ = (
        CheckConstraint("status IN ('OPEN', 'UNDER_REVIEW', 'CLOSED', 'WON', 'LOST')", "status"),
    )

    rzp_dispute_id: Mapped[str] = mapped_column(primary_key=True)
    rzp_payment_id: Mapped[str] = mapped_column(index=True)
    status: Mapped[str]
    answered: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = time_of_birth()
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)


class PrintJob(Base):
    """``epoch`` is the fence: it rises with every claim, and older ones can change nothing."""

    __tablename__ = "print_jobs"
    __table_args__ = (
        Index(
            "uq_print_jobs_original",
            "order_id",
            unique=True,
            postgresql_where=text("kind = 'ORIGINAL'"),
        ),
        Index(
            "ix_print_jobs_queue",
            "shop_id",
            "queue_number",
            postgresql_where=text("status = 'QUEUED'"),
        ),
        Index(
            "ix_print_jobs_leases",
            "lease_until",
            postgresql_where=text("status IN ('CLAIMED', 'PRINTING')"),
        ),
        CheckConstraint("kind IN ('ORIGINAL', 'REPRINT')", "kind"),
        CheckConstraint("copies > 0 AND pages > 0", "counts"),
    )

    id: Mapped[UUID] = uuid_key()
    queue_number: Mapped[int] = mapped_column(BigInteger, Identity())
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id"))
    kind: Mapped[str] = mapped_column(server_default="ORIGINAL")
    status: Mapped[str] = mapped_column(server_default="QUEUED")
    token: Mapped[str]
    print_type: Mapped[str]
    copies: Mapped[int]
    pages: Mapped[int]
    page_ranges: Mapped[str]
    color_pages: Mapped[list[Any]]
    sides: Mapped[str] = mapped_column(server_default="one-sided")
    paper: Mapped[str] = mapped_column(server_default="A4")
    collate: Mapped[bool] = mapped_column(server_default=text("true"))
    needs_color: Mapped[bool]
    storage_key: Mapped[str]
    sha256: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int] = mapped_column(BigInteger, server_default="0")
    attempt_id: Mapped[UUID | None]
    worker_id: Mapped[str] = mapped_column(server_default="")
    printer_name: Mapped[str] = mapped_column(server_default="")
    lease_until: Mapped[datetime | None]
    retry_count: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    authorised_by: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = time_of_birth()
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)
    finished_at: Mapped[datetime | None]


class PrintAttempt(Base):
    """One claim of a job. ``started_at`` is set when handing over to a spooler is permitted."""

    __tablename__ = "print_attempts"
    __table_args__ = (
        UniqueConstraint("job_id", "epoch"),
        Index(
            "ix_print_attempts_export",
            "shop_id",
            "finished_at",
            "id",
            postgresql_where=text("finished_at IS NOT NULL"),
        ),
        Index(
            "uq_print_attempts_live",
            "shop_id",
            "worker_id",
            "printer_name",
            unique=True,
            postgresql_where=text(
                "started_at IS NOT NULL AND finished_at IS NULL AND printer_name <> ''"
            ),
        ),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    job_id: Mapped[UUID] = mapped_column(ForeignKey("print_jobs.id"))
    epoch: Mapped[int] = mapped_column(BigInteger)
    worker_id: Mapped[str]
    printer_name: Mapped[str] = mapped_column(server_default="")
    sha256: Mapped[str]
    copies: Mapped[int]
    claimed_at: Mapped[datetime] = time_of_birth()
    started_at: Mapped[datetime | None]
    spool_ref: Mapped[str] = mapped_column(server_default="")
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(server_default="")
    evidence: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class Worker(Base):
    """A shop PC. ``key_sha256`` is empty while it uses the shop's shared ``WORKER_API_KEY``."""

    __tablename__ = "workers"
    __table_args__ = (UniqueConstraint("shop_id", "worker_id"),)

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    worker_id: Mapped[str]
    version: Mapped[str] = mapped_column(server_default="")
    key_sha256: Mapped[str | None] = mapped_column(unique=True)
    unsent_reports: Mapped[int] = mapped_column(server_default="0")
    last_seen_at: Mapped[datetime] = time_of_birth()
    revoked_at: Mapped[datetime | None]


class Printer(Base):
    """A printer as its worker last described it."""

    __tablename__ = "printers"
    __table_args__ = (UniqueConstraint("shop_id", "worker_id", "name"),)

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    worker_id: Mapped[str]
    name: Mapped[str]
    backend: Mapped[str] = mapped_column(server_default="")
    color: Mapped[bool] = mapped_column(server_default=text("true"))
    duplex: Mapped[bool] = mapped_column(server_default=text("false"))
    papers: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    state: Mapped[str] = mapped_column(server_default="unknown")
    reasons: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)
