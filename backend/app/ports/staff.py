"""Who stands at the counter, and the tables they may take away."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live staff session."""

    shop_id: UUID
    user_id: UUID
    name: str
    role: str
    language: str
    csrf: str


class Table(StrEnum):
    """Long tables for spreadsheets."""

    ORDERS = "orders"
    PAYMENTS = "payments"
    REFUNDS = "refunds"
    SHEETS = "sheets"
