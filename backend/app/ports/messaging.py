"""WhatsApp: what comes in, what goes out, and in which words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

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


class Words(Protocol):
    """The catalogues: what the bot says, in a language."""

    def render(self, saying: Saying, language: str) -> Rendered: ...
