"""What the use cases need from the outside world, as shapes. Adapters fill them in.

No dictionary crosses this line: providers' data becomes the dataclasses below, providers'
failures become one of the three ``ProviderError`` kinds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from app.domain.documents import Kind
from app.domain.wording import Rendered, Saying


@dataclass(frozen=True, slots=True)
class Button:
    """A reply button: ``id`` comes back when it is tapped, ``title`` is at most 20 characters."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class ContentText:
    """A text with up to three quick replies, or up to ten list rows, to be stored at Twilio.

    ``buttons`` of length 1-3 become ``twilio/quick-reply``; 4-10 become ``twilio/list-picker``
    with ``list_label`` as the opening button (≤ 20). ``fallback`` is the numbered plain text.
    """

    name: str
    language: str
    body: str
    buttons: tuple[Button, ...]
    fallback: str
    list_label: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One WhatsApp message. Either ``body`` or ``content_sid`` (with ``variables``) is set."""

    to: str
    body: str = ""
    content_sid: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    media_url: str = ""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What Twilio knows of a message. ``body`` may be empty for content messages."""

    sid: str
    to: str
    body: str
    status: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message listed by Twilio's REST interface, for the sweep that finds missed webhooks."""

    sid: str
    from_: str
    to: str
    body: str
    media_count: int
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class MediaRef:
    """Where an attachment lies at Twilio; the URL is always built from these, never taken."""

    message_sid: str
    media_sid: str


@dataclass(frozen=True, slots=True)
class InboundMedia:
    """An attachment; ``content_type`` is what the sender's device claims."""

    ref: MediaRef
    content_type: str


@dataclass(frozen=True, slots=True)
class InboundForm:
    """One message from a customer. Texts are clean: no NUL, no surrogates, bounded length.

    ``sender`` is ``whatsapp:+E164`` or, when the phone is hidden, ``whatsapp:CC.id``; ``choice``
    is the id of a tapped button or list row, "" otherwise; ``profile_name`` is untrusted.
    """

    message_sid: str
    account_sid: str
    sender: str
    recipient: str
    body: str
    media: tuple[InboundMedia, ...] = ()
    choice: str = ""
    choice_title: str = ""
    replied_to: str = ""
    profile_name: str = ""
    wa_id: str = ""
    external_user_id: str = ""
    message_type: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class StatusForm:
    """A delivery receipt. ``error_code`` is digits, or a word from old accounts, or ""."""

    message_sid: str
    account_sid: str
    status: str
    error_code: str


class WhatsAppDoor(Protocol):
    """Twilio's webhooks: who may come in, and what they say."""

    def admit(
        self, raw: bytes, *, path: str, query: str, signature: str | None, scheme: str | None
    ) -> Sequence[tuple[str, str]]:
        """The decoded form of a genuine request. Raises ``NotConfigured``, ``BadSignature``."""
        ...

    def message(self, pairs: Sequence[tuple[str, str]]) -> InboundForm:
        """Raises ``BadInput``."""
        ...

    def receipt(self, pairs: Sequence[tuple[str, str]]) -> StatusForm:
        """Raises ``BadInput``."""
        ...

    def reread(self, raw: bytes) -> Sequence[tuple[str, str]]:
        """The form of a request that was admitted and kept earlier."""
        ...


class Messenger(Protocol):
    """Twilio WhatsApp. Raises the ``ProviderError`` family."""

    async def send(self, message: Outgoing) -> SentMessage: ...

    async def create_content(self, content: ContentText) -> str:
        """Stores a content and returns its ``HX…`` sid."""
        ...

    async def find_sent(self, to: str, *, since: datetime) -> Sequence[SentMessage]:
        """Messages sent to ``to`` since then, newest first: the look before a repeat."""
        ...

    async def list_inbound(self, *, since: datetime) -> Sequence[InboundMessage]: ...

    async def list_media(self, message_sid: str) -> Sequence[tuple[MediaRef, str]]:
        """The attachments of an inbound message with their declared content types."""
        ...

    async def fetch_media(self, media: MediaRef, into: Path, *, max_bytes: int) -> None:
        """Streams the bytes to ``into``. Raises ``ProviderUnavailable`` while Twilio says 404
        (it may be early), ``ProviderRejected`` for 401/403/410, and ``DocumentRefused(TOO_BIG)``
        once more than ``max_bytes`` have arrived."""
        ...

    async def delete_media(self, media: MediaRef) -> None: ...

    async def ping(self) -> None:
        """Reads the account resource; raises when credentials or network are wrong."""
        ...


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
    amount_paid_paise: int
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
    error_description: str = ""


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
    account_id: str
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


class FileLinks(Protocol):
    """Addresses of files that open for a few minutes."""

    def sign(self, path: str, *, expires_at: datetime) -> str: ...

    def genuine(self, path: str, query: Mapping[str, str], *, now: datetime) -> bool: ...


class Words(Protocol):
    """The catalogues: what the bot says, in a language."""

    def render(self, saying: Saying, language: str) -> Rendered: ...


class PaymentGateway(Protocol):
    """Razorpay. Raises the ``ProviderError`` family."""

    async def create_link(self, request: LinkRequest) -> PaymentLink: ...

    async def find_links(self, reference_id: str) -> Sequence[PaymentLink]: ...

    async def fetch_link(self, link_id: str) -> PaymentLink: ...

    async def cancel_link(self, link_id: str) -> PaymentLink:
        """Only a link nobody has paid can be cancelled; otherwise ``ProviderRejected``."""
        ...

    async def fetch_payment(self, payment_id: str) -> ProviderPayment: ...

    async def order_payments(self, order_id: str) -> Sequence[ProviderPayment]: ...

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


class FileStore(Protocol):
    """Private bytes under random keys (``ab/cdef….pdf``); never a customer's name."""

    async def put(self, key: str, source: Path) -> None:
        """Writes whole or not at all."""
        ...

    async def read(self, key: str) -> bytes:
        """Raises ``NotFound``."""
        ...

    def stream(self, key: str) -> AsyncIterator[bytes]: ...

    async def size(self, key: str) -> int | None:
        """Bytes, or None when there is no such object."""
        ...

    async def delete(self, key: str) -> None:
        """Idempotent; afterwards ``size`` is None."""
        ...

    def keys(self, prefix: str = "") -> AsyncIterator[str]: ...

    async def ping(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a customer's file; see the settings of the same names."""

    max_bytes: int
    max_pages: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """The print-ready PDF: these bytes are priced, previewed and printed.

    ``color_pages`` are 1-based page numbers that carry colour.
    """

    path: Path
    kind: Kind
    sha256: str
    bytes: int
    pages: int
    color_pages: tuple[int, ...]
    page_sizes_pt: tuple[tuple[float, float], ...] = ()
    previews: tuple[Path, ...] = ()


class DocumentPreparer(Protocol):
    """Turns a stranger's file into one print-ready PDF, in limited child processes."""

    async def prepare(
        self, source: Path, workdir: Path, *, limits: Limits, password: str | None = None
    ) -> Prepared:
        """Raises ``DocumentRefused`` with a reason from the closed list."""
        ...

    def missing(self) -> Mapping[str, str]:
        """Programs that are not on this machine: name → what that means, in one sentence."""
        ...


class WakeUp(Protocol):
    """A hint to print workers that a job is waiting. Losing one costs a few seconds."""

    async def announce(self, queue: str, job_id: str, shop_id: str) -> None: ...

    async def ping(self) -> None: ...

    async def close(self) -> None: ...
