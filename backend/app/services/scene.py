"""What an answer to an attention item works on, and what it reports back."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.domain.attention import Facts
from app.models import AttentionItem, Customer
from app.models_orders import Order, Payment, PrintJob, Refund


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person said: one of the named resolutions, and what it needs."""

    resolution: str
    note: str = ""
    amount_paise: int | None = None
    order: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything an item is about, locked in the house's order: chat, order, payment, refund,
    job, and the item last."""

    item: AttentionItem
    ask: Ask
    by: str
    facts: Facts
    customer: Customer | None
    order: Order | None
    payment: Payment | None
    refund: Refund | None
    job: PrintJob | None

    @property
    def key(self) -> str:
        """An item moves money once."""
        return f"item:{self.item.id}"


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it. ``amount_paise`` is what was sent back, or stays with the shop."""

    amount_paise: int | None = None
    refund_id: UUID | None = None
    job_id: UUID | None = None
