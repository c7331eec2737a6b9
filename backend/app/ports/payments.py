"""Payment links, captures and refunds at the provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """``expire_by`` must be at least 15 minutes ahead on Razorpay's clock."""

    reference_id: str
    amount_paise: int
    currency: str
    description: str
    expire_by: datetime
    notes: Mapping[str, str]
    callback_url: str
    customer_name: str = ""
    customer_contact: str = ""


@dataclass(frozen=True, slots=True)
class LinkPayment:
    """A captured payment as listed on a link."""

    payment_id: str
    amount_paise: int
    method: str


@dataclass(frozen=True, slots=True)
class PaymentLink:
    """``status``: created, partially_paid, paid, cancelled or expired."""

    id: str
    reference_id: str
    status: str
    amount_paise: int
    currency: str
    short_url: str
    order_id: str
    payments: tuple[LinkPayment, ...]
    expire_by: datetime | None


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """``status``: created, authorized, captured, refunded or failed.

    ``reference_id`` and ``link_id`` are filled from notes, description or the link when known.
    """

    id: str
    status: str
    amount_paise: int
    currency: str
    order_id: str
    method: str
    amount_refunded_paise: int
    reference_id: str
    link_id: str
    created_at: datetime | None

    @property
    def was_captured(self) -> bool:
        """The money came, whether or not it went back since."""
        return self.status in ("captured", "refunded")


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """``status``: pending, processed or failed."""

    id: str
    payment_id: str
    amount_paise: int
    status: str
    receipt: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class GatewayDispute:
    """``status``: open, under_review, won, lost or closed; ``phase``: chargeback, fraud, …"""

    id: str
    payment_id: str
    amount_paise: int
    currency: str
    status: str
    phase: str
    reason_code: str
    respond_by: datetime | None


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """What one webhook speaks about. All four are None for an event this shop does not know."""

    event: str
    payment: ProviderPayment | None = None
    link: PaymentLink | None = None
    refund: ProviderRefund | None = None
    dispute: GatewayDispute | None = None


class PaymentDoor(Protocol):
    """Razorpay's webhooks and the payer's return: who may come in, and what they say."""

    def admit(self, body: bytes, *, signature: str | None) -> None:
        """Raises ``NotConfigured`` or ``BadSignature``."""
        ...

    def event(self, body: bytes) -> GatewayEvent:
        """Raises ``BadInput``."""
        ...

    def returned(self, query: Mapping[str, str]) -> bool:
        """Whether a payer's return is genuine. It chooses a page, it pays nothing."""
        ...


class PaymentGateway(Protocol):
    """Razorpay. Raises the ``ProviderError`` family."""

    async def create_link(self, request: LinkRequest) -> PaymentLink: ...

    async def find_links(self, reference_id: str) -> Sequence[PaymentLink]: ...

    async def fetch_link(self, link_id: str) -> PaymentLink: ...

    async def cancel_link(self, link_id: str) -> PaymentLink:
        """Only a link nobody has paid can be cancelled; otherwise ``ProviderRejected``."""
        ...

    async def fetch_payment(self, payment_id: str) -> ProviderPayment: ...

    async def list_payments(self, *, since: datetime, until: datetime) -> Sequence[ProviderPayment]:
        """Every payment created in the span, page by page."""
        ...

    async def refund(
        self,
        payment_id: str,
        *,
        amount_paise: int,
        key: str,
        receipt: str,
        notes: Mapping[str, str],
    ) -> ProviderRefund:
        """``key`` travels as ``X-Refund-Idempotency``: the same key and body is one refund."""
        ...

    async def fetch_refund(self, refund_id: str) -> ProviderRefund: ...

    async def payment_refunds(self, payment_id: str) -> Sequence[ProviderRefund]: ...

    async def ping(self) -> None: ...
