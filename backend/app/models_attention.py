"""How people decided what only people can decide."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models import Base, time_of_birth, uuid_key


class AttentionResolution(Base):
    """One answer to one item, with everything it did. Never changed, never deleted.

    For ``keep_as_credit`` and ``matched_by_hand`` this row is what owns the payment's rupees:
    ``amount_paise`` of them stay with the shop.
    """

    __tablename__ = "attention_resolutions"
    __table_args__ = (
        UniqueConstraint("item_id"),
        UniqueConstraint("shop_id", "idempotency_key"),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    item_id: Mapped[UUID] = mapped_column(ForeignKey("attention_items.id"))
    idempotency_key: Mapped[str]
    body_sha256: Mapped[str]
    resolution: Mapped[str]
    note: Mapped[str]
    amount_paise: Mapped[int | None] = mapped_column(BigInteger)
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"), index=True)
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payments.id"), index=True)
    refund_id: Mapped[UUID | None] = mapped_column(ForeignKey("refunds.id"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("print_jobs.id"))
    decided_by: Mapped[str]
    decided_at: Mapped[datetime] = time_of_birth()
