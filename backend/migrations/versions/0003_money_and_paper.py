"""Payments and refunds, print jobs and their attempts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "print_jobs",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("queue_number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("document_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="ORIGINAL", nullable=False),
        sa.Column("status", sa.Text(), server_default="QUEUED", nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("print_type", sa.Text(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("page_ranges", sa.Text(), nullable=False),
        sa.Column("color_pages", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sides", sa.Text(), server_default="one-sided", nullable=False),
        sa.Column("paper", sa.Text(), server_default="A4", nullable=False),
        sa.Column("collate", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("needs_color", sa.Boolean(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempt_id", sa.UUID(), nullable=True),
        sa.Column("worker_id", sa.Text(), server_default="", nullable=False),
        sa.Column("printer_name", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("authorised_by", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('ORIGINAL', 'REPRINT')", name=op.f("ck_print_jobs_kind")),
        sa.CheckConstraint("copies > 0 AND pages > 0", name=op.f("ck_print_jobs_counts")),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_print_jobs_document_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_print_jobs_order_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_print_jobs_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_jobs")),
    )
    op.create_index(
        "ix_print_jobs_leases",
        "print_jobs",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status IN ('CLAIMED', 'PRINTING')"),
    )
    op.create_index(op.f("ix_print_jobs_order_id"), "print_jobs", ["order_id"], unique=False)
    op.create_index(
        "ix_print_jobs_queue",
        "print_jobs",
        ["shop_id", "queue_number"],
        unique=False,
        postgresql_where=sa.text("status = 'QUEUED'"),
    )
    op.create_index(
        "uq_print_jobs_original",
        "print_jobs",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'ORIGINAL'"),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("shop_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("quote_id", sa.UUID(), nullable=True),
        sa.Column("method", sa.Text(), server_default="razorpay", nullable=False),
        sa.Column("status", sa.Text(), server_default="INITIATED", nullable=False),
        sa.Column("amount_paise", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), server_default="INR", nullable=False),
        sa.Column("reference_id", sa.Text(), nullable=True),
        sa.Column("plink_id", sa.Text(), nullable=True),
        sa.Column("short_url", sa.Text(), server_default="", nullable=False),
        sa.Column("provider_order_id", sa.Text(), server_default="", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("link_made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rzp_payment_id", sa.Text(), nullable=True),
        sa.Column("captured_paise", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("captured_by", sa.Text(), server_default="", nullable=False),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("refunded_paise", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("disputed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(status = 'CAPTURED') = (disposition IS NOT NULL)",
            name=op.f("ck_payments_captured_has_an_owner"),
        ),
        sa.CheckConstraint(
            "disposition IS NULL OR disposition IN ('FULFILS', 'REFUND', 'ATTENTION')",
            name=op.f("ck_payments_disposition"),
        ),
        sa.CheckConstraint("amount_paise > 0", name=op.f("ck_payments_amount")),
        sa.CheckConstraint(
            "refunded_paise BETWEEN 0 AND captured_paise",
            name=op.f("ck_payments_refunds_within_capture"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_payments_order_id")),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.id"], name=op.f("fk_payments_quote_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_payments_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("reference_id", name=op.f("uq_payments_reference_id")),
        sa.UniqueConstraint("rzp_payment_id", name=op.f("uq_payments_rzp_payment_id")),
    )
    op.create_index(
        "ix_payments_due",
        "payments",
        ["next_look_at"],
        unique=False,
        postgresql_where=sa.text("next_look_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_payments_order_id"), "payments", ["order_id"], unique=False)
    op.create_index(
        op.f("ix_payments_provider_order_id"), "payments", ["provider_order_id"], unique=False
    )
    op.create_index(
        "uq_payments_fulfils",
        "payments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("disposition = 'FULFILS'"),
    )
    op.create_index(
        "uq_payments_link",
        "payments",
        ["plink_id"],
        unique=True,
        postgresql_where=sa.text("reference_id IS NOT NULL AND plink_id IS NOT NULL"),
    )
    op.create_table(
        "print_attempts",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("shop_id", sa.UUID(), nullable=False),
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("worker_id", sa.Text(), nullable=False),
        sa.Column("printer_name", sa.Text(), server_default="", nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column(
            "claimed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("spool_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "evidence",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["print_jobs.id"], name=op.f("fk_print_attempts_job_id")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_print_attempts_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_attempts")),
        sa.UniqueConstraint("job_id", "epoch", name=op.f("uq_print_attempts_job_id")),
    )
    op.create_index(
        "uq_print_attempts_live",
        "print_attempts",
        ["shop_id", "worker_id", "printer_name"],
        unique=True,
        postgresql_where=sa.text(
            "started_at IS NOT NULL AND finished_at IS NULL AND printer_name <> ''"
        ),
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("shop_id", sa.UUID(), nullable=False),
        sa.Column("payment_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.Text(), server_default="", nullable=False),
        sa.Column("amount_paise", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="REQUESTED", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("rzp_refund_id", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("amount_paise > 0", name=op.f("ck_refunds_amount")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_refunds_order_id")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_refunds_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("rzp_refund_id", name=op.f("uq_refunds_rzp_refund_id")),
        sa.UniqueConstraint("shop_id", "idempotency_key", name=op.f("uq_refunds_shop_id")),
    )
    op.create_index(op.f("ix_refunds_order_id"), "refunds", ["order_id"], unique=False)
    op.create_index(op.f("ix_refunds_payment_id"), "refunds", ["payment_id"], unique=False)
    op.create_table(
        "disputes",
        sa.Column("rzp_dispute_id", sa.Text(), nullable=False),
        sa.Column("rzp_payment_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("answered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status IN ('OPEN', 'UNDER_REVIEW', 'CLOSED', 'WON', 'LOST')",
            name=op.f("ck_disputes_status"),
        ),
        sa.PrimaryKeyConstraint("rzp_dispute_id", name=op.f("pk_disputes")),
    )
    op.create_index(
        op.f("ix_disputes_rzp_payment_id"), "disputes", ["rzp_payment_id"], unique=False
    )
