"""Bills: how a shop stands towards GST, the counters of its series, and what was issued."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

_GUARD = (
    "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
)


def upgrade() -> None:
    op.create_table(
        "gst_settings",
        sa.Column("shop_id", sa.UUID(), nullable=False),
        sa.Column("mode", sa.Text(), server_default="unregistered", nullable=False),
        sa.Column("gstin", sa.Text(), server_default="", nullable=False),
        sa.Column("rate_bp", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sac", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("prefix", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "mode IN ('unregistered', 'composition', 'registered')",
            name=op.f("ck_gst_settings_mode"),
        ),
        sa.CheckConstraint(
            "(mode = 'unregistered') = (gstin = '')", name=op.f("ck_gst_settings_gstin")
        ),
        sa.CheckConstraint(
            "(mode = 'registered') = (rate_bp > 0)", name=op.f("ck_gst_settings_rate")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_gst_settings_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_gst_settings")),
    )
    op.create_index(
        "uq_gst_settings_series",
        "gst_settings",
        ["gstin", "prefix"],
        unique=True,
        postgresql_where=sa.text("gstin <> ''"),
    )
    op.create_table(
        "bill_counters",
        sa.Column("shop_id", sa.UUID(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_bill_counters_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "series", "year", name=op.f("pk_bill_counters")),
    )
    _bills()
    op.create_table(
        "bill_covers",
        sa.Column("receipt_id", sa.UUID(), nullable=False),
        sa.Column("bill_id", sa.UUID(), nullable=False),
        sa.Column("shop_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_bill_covers_bill_id")),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["bills.id"], name=op.f("fk_bill_covers_receipt_id")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_bill_covers_shop_id")),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_bill_covers")),
    )
    op.create_index(op.f("ix_bill_covers_bill_id"), "bill_covers", ["bill_id"], unique=False)
    for table in ("bills", "bill_covers"):
        op.execute(_GUARD.format(table=table))


def _bills() -> None:
    op.create_table(
        "bills",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("shop_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("refund_id", sa.UUID(), nullable=True),
        sa.Column("refers_to", sa.UUID(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "issued_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("amount_paise", sa.BigInteger(), nullable=False),
        sa.Column("taxable_paise", sa.BigInteger(), nullable=False),
        sa.Column("cgst_paise", sa.BigInteger(), nullable=False),
        sa.Column("sgst_paise", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), server_default="INR", nullable=False),
        sa.Column("rate_bp", sa.Integer(), nullable=False),
        sa.Column("sac", sa.Text(), nullable=False),
        sa.Column("gstin", sa.Text(), nullable=False),
        sa.Column("shop_name", sa.Text(), nullable=False),
        sa.Column("shop_address", sa.Text(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "facts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.CheckConstraint("label ~ '^[A-Z0-9/-]{1,16}$'", name=op.f("ck_bills_label")),
        sa.CheckConstraint("number > 0", name=op.f("ck_bills_number")),
        sa.CheckConstraint(
            "amount_paise > 0 AND taxable_paise >= 0 AND cgst_paise >= 0 "
            "AND cgst_paise = sgst_paise "
            "AND taxable_paise + cgst_paise + sgst_paise = amount_paise",
            name=op.f("ck_bills_amounts"),
        ),
        sa.CheckConstraint("mode = 'registered' OR cgst_paise = 0", name=op.f("ck_bills_tax")),
        sa.CheckConstraint(
            "kind IN ('RECEIPT', 'TAX_INVOICE', 'BILL_OF_SUPPLY', 'DAY_INVOICE', 'CREDIT_NOTE', "
            "'REFUND_RECEIPT')",
            name=op.f("ck_bills_kind"),
        ),
        sa.CheckConstraint(
            "(kind = 'DAY_INVOICE') = (order_id IS NULL)", name=op.f("ck_bills_order")
        ),
        sa.CheckConstraint(
            "(kind IN ('CREDIT_NOTE', 'REFUND_RECEIPT')) = (refund_id IS NOT NULL)",
            name=op.f("ck_bills_refund"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_bills_order_id")),
        sa.ForeignKeyConstraint(["refers_to"], ["bills.id"], name=op.f("fk_bills_refers_to")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_bills_refund_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_bills_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bills")),
        sa.UniqueConstraint("refund_id", name="uq_bills_refund"),
        sa.UniqueConstraint("shop_id", "label", name="uq_bills_label"),
        sa.UniqueConstraint("shop_id", "series", "year", "number", name=op.f("uq_bills_shop_id")),
    )
    op.create_index("ix_bills_day", "bills", ["shop_id", "day"], unique=False)
    op.create_index("ix_bills_of_order", "bills", ["order_id"], unique=False)
    op.create_index("ix_bills_refers_to", "bills", ["refers_to"], unique=False)
    op.create_index(
        "uq_bills_order",
        "bills",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("refers_to IS NULL AND order_id IS NOT NULL"),
    )
