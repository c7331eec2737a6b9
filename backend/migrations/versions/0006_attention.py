"""How each item of the attention list was resolved, and by whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "attention_resolutions",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("shop_id", sa.UUID(), nullable=False),
        sa.Column("item_id", sa.UUID(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("amount_paise", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("payment_id", sa.UUID(), nullable=True),
        sa.Column("refund_id", sa.UUID(), nullable=True),
        sa.Column("job_id", sa.UUID(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["shop_id"], ["shops.id"], name=op.f("fk_attention_resolutions_shop_id")
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["attention_items.id"], name=op.f("fk_attention_resolutions_item_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_attention_resolutions_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_attention_resolutions_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refunds.id"], name=op.f("fk_attention_resolutions_refund_id")
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["print_jobs.id"], name=op.f("fk_attention_resolutions_job_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attention_resolutions")),
        sa.UniqueConstraint("item_id", name=op.f("uq_attention_resolutions_item_id")),
        sa.UniqueConstraint(
            "shop_id", "idempotency_key", name=op.f("uq_attention_resolutions_shop_id")
        ),
    )
    op.create_index(
        op.f("ix_attention_resolutions_order_id"), "attention_resolutions", ["order_id"]
    )
    op.create_index(
        op.f("ix_attention_resolutions_payment_id"), "attention_resolutions", ["payment_id"]
    )
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON attention_resolutions "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
