"""Closed days, and price lists with rates by paper and sides."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

SQL = Path(__file__).resolve().parents[1] / "sql"


def upgrade() -> None:
    op.add_column(
        "price_lists",
        sa.Column(
            "rates",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
    )
    op.add_column("price_lists", sa.Column("made_by", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "day_reports",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("shop_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cash_expected_paise", sa.BigInteger(), nullable=False),
        sa.Column("cash_counted_paise", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.Text(), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column(
            "closed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_day_reports_span")),
        sa.CheckConstraint("cash_counted_paise >= 0", name=op.f("ck_day_reports_counted")),
        sa.CheckConstraint(
            "cash_counted_paise = cash_expected_paise OR note <> ''",
            name=op.f("ck_day_reports_difference"),
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_day_reports_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_reports")),
        sa.UniqueConstraint("shop_id", "day", name=op.f("uq_day_reports_shop_id")),
        sa.UniqueConstraint("shop_id", "number", name="uq_day_reports_number"),
        sa.UniqueConstraint("shop_id", "idempotency_key", name="uq_day_reports_key"),
    )
    op.create_index(
        "ix_payments_export",
        "payments",
        ["shop_id", "captured_at", "id"],
        unique=False,
        postgresql_where=sa.text("captured_at IS NOT NULL"),
    )
    op.create_index(
        "ix_print_attempts_export",
        "print_attempts",
        ["shop_id", "finished_at", "id"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index("ix_refunds_export", "refunds", ["shop_id", "created_at", "id"], unique=False)
    script = (SQL / "0007_days.sql").read_text(encoding="utf-8")
    op.execute(sa.text(script.replace(":", "\\:")))
