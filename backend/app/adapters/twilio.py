"""Twilio's REST interface for WhatsApp, spoken without its SDK.

The SDK has no time-outs by default and its asynchronous client repeats POSTs, which would send a
customer the same message twice. Five endpoints are needed; they are below. Sources: Twilio's
Message, Media and Content references.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx2

from app.adapters.http import TimeOuts, Wire
from app.adapters.twilio_forms import API_VERSION, MEDIA_SID, MESSAGE_SID
from app.adapters.twilio_media import MediaFetcher
from app.domain.errors import BadInput, ProviderRejected, ProviderUnavailable, ProviderUncertain
from app.ports import ContentText, InboundMessage, MediaRef, Outgoing, SentMessage

PROVIDER = "twilio"
MAX_QUICK_REPLIES = 3  # WhatsApp shows no more inside a session without an approved template
MAX_LIST_ROWS = 10
PAGE_SIZE = 100
MAX_PAGES = 200
_VARIABLE = re.compile(r"\{\{(\d{1,2})\}\}")


class TwilioMessenger:
    """Sends and looks up WhatsApp messages; fetches and deletes attachments.

    ``from_number`` is the shop's sender as Twilio writes it; an empty ``status_callback_url`` asks
    for no delivery receipts.
    """

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        from_number: str,
        api_base_url: str,
        content_base_url: str,
        status_callback_url: str = "",
        transport: httpx2.AsyncBaseTransport | None = None,
        time_outs: TimeOuts | None = None,
        media_seconds: float = 60.0,
    ) -> None:
        auth = (account_sid, auth_token)
        self._from = from_number
        self._status_callback_url = status_callback_url
        self._account = f"/{API_VERSION}/Accounts/{account_sid}"
        self._api = Wire(
            PROVIDER,
            api_base_url,
            auth=auth,
            error_text=_error_text,
            time_outs=time_outs,
            transport=transport,
        )
        self._content = Wire(
            PROVIDER,
            content_base_url,
            auth=auth,
            error_text=_error_text,
            time_outs=time_outs,
            transport=transport,
        )
        self._media = MediaFetcher(
            api_base_url, auth=auth, transport=transport, seconds=media_seconds, time_outs=time_outs
        )

    async def close(self) -> None:
        for part in (self._api, self._content, self._media):
            await part.close()

    async def send(self, message: Outgoing) -> SentMessage:
        """Hands the message over; success means accepted, delivery is reported by callback.

        Twilio has no idempotency key here: after ``ProviderUncertain`` ask ``find_sent`` first.
        """
        form = {"To": _recipient(message.to), "From": self._from}
        if message.content_sid:
            form["ContentSid"] = message.content_sid
            if message.variables:
                form["ContentVariables"] = json.dumps(
                    dict(message.variables), ensure_ascii=False, separators=(",", ":")
                )
        else:
            if message.body:
                form["Body"] = message.body
            if message.media_url:
                form["MediaUrl"] = message.media_url
        if self._status_callback_url:
            form["StatusCallback"] = self._status_callback_url
        answer = await self._api.post(f"{self._account}/Messages.json", form=form)
        if not isinstance(answer.data, dict) or not _text(answer.data, "sid"):
            raise ProviderUncertain(PROVIDER, f"HTTP {answer.status} without a message sid")
        return _sent(answer.data)

    async def create_content(self, content: ContentText) -> str:
        answer = await self._content.post("/v1/Content", body=content_body(content))
        sid = _text(answer.data, "sid") if isinstance(answer.data, dict) else ""
        if not sid:
            raise ProviderUncertain(PROVIDER, f"HTTP {answer.status} without a content sid")
        return sid

    async def find_sent(self, to: str, *, since: datetime) -> Sequence[SentMessage]:
        """Not filtered by ``DateSent``: a message still in Twilio's queue has none.

        Twilio's times have whole seconds, so ``since`` counts from the start of its second.
        """
        floor = since.replace(microsecond=0)
        params = {"To": _recipient(to), "From": self._from, "PageSize": str(PAGE_SIZE)}
        found = []
        async for page in self._pages(f"{self._account}/Messages.json", "messages", params):
            young = [row for row in page if not _older(row, floor)]
            found += [_sent(row) for row in young if _text(row, "direction") != "inbound"]
            if not young:
                break
        return [message for message in found if message.sid]

    async def list_inbound(self, *, since: datetime) -> Sequence[InboundMessage]:
        """``DateSent`` is asked for by day, the form every account accepts; the rest is here."""
        floor = since.replace(microsecond=0)
        day = since.astimezone(UTC).date().isoformat()
        params = {"To": self._from, "DateSent>": day, "PageSize": str(PAGE_SIZE)}
        found = []
        async for page in self._pages(f"{self._account}/Messages.json", "messages", params):
            young = [row for row in page if not _older(row, floor)]
            found += [
                _inbound(row)
                for row in young
                if _text(row, "direction") == "inbound" and MESSAGE_SID.fullmatch(_text(row, "sid"))
            ]
            # The newest come first: after a page of old ones only older ones follow.
            if not young:
                break
        return found

    async def list_media(self, message_sid: str) -> Sequence[tuple[MediaRef, str]]:
        path = f"{self._message_path(message_sid)}/Media.json"
        return [
            (MediaRef(message_sid, _text(row, "sid")), _text(row, "content_type"))
            async for page in self._pages(path, "media_list", {"PageSize": str(PAGE_SIZE)})
            for row in page
            if MEDIA_SID.fullmatch(_text(row, "sid"))
        ]

    async def fetch_media(self, media: MediaRef, into: Path, *, max_bytes: int) -> None:
        await self._media.fetch(self._media_path(media), into, max_bytes=max_bytes)

    async def delete_media(self, media: MediaRef) -> None:
        """Idempotent: what is already gone counts as deleted."""
        try:
            await self._api.delete(f"{self._media_path(media)}.json")
        except ProviderRejected as error:
            if error.status not in (404, 410):
                raise

    async def ping(self) -> None:
        await self._api.get(f"{self._account}.json")

    def _message_path(self, message_sid: str) -> str:
        if not MESSAGE_SID.fullmatch(message_sid):
            raise BadInput("A message sid is SM or MM followed by 32 hexadecimal digits.")
        return f"{self._account}/Messages/{message_sid}"

    def _media_path(self, media: MediaRef) -> str:
        if not MEDIA_SID.fullmatch(media.media_sid):
            raise BadInput("A media sid is ME followed by 32 hexadecimal digits.")
        return f"{self._message_path(media.message_sid)}/Media/{media.media_sid}"

    async def _pages(
        self, path: str, key: str, params: Mapping[str, str] | None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """The rows of each page in turn; the next page must lie in our own account.

        A list that does not end is an error: half of it would pass for all of it, and a message
        that was sent would be sent again.
        """
        for _ in range(MAX_PAGES):
            data = (await self._api.get(path, params=params)).data
            answer: dict[str, Any] = data if isinstance(data, dict) else {}
            rows = answer.get(key)
            yield [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            following = answer.get("next_page_uri")
            if not isinstance(following, str) or not following.startswith(f"{self._account}/"):
                return
            path, params = following, None
        raise ProviderUnavailable(
            PROVIDER,
            f"more than {MAX_PAGES * PAGE_SIZE} rows in {key}: look in Twilio's console why, "
            "nothing was concluded from the part that was read",
        )


def content_body(content: ContentText) -> dict[str, Any]:
    """The JSON Twilio stores: the richest form that fits, and the numbered text beside it."""
    buttons = content.buttons
    if len(buttons) > MAX_LIST_ROWS:
        raise BadInput(
            f"A list has at most {MAX_LIST_ROWS} rows, {content.name} has {len(buttons)}."
        )
    types: dict[str, Any] = {}
    if 0 < len(buttons) <= MAX_QUICK_REPLIES:
        types["twilio/quick-reply"] = {
            "body": content.body,
            "actions": [{"type": "QUICK_REPLY", "title": b.title, "id": b.id} for b in buttons],
        }
    elif buttons:
        types["twilio/list-picker"] = {
            "body": content.body,
            "button": content.list_label,
            "items": [{"item": b.title, "id": b.id} for b in buttons],
        }
    if content.fallback or not types:
        types["twilio/text"] = {"body": content.fallback or content.body}
    # Twilio wants a sample for every variable; nobody but a template reviewer ever sees it.
    names = sorted(set(_VARIABLE.findall(content.body + content.fallback)), key=int)
    return {
        "friendly_name": content.name,
        "language": content.language,
        "variables": {name: name for name in names},
        "types": types,
    }


def _recipient(to: str) -> str:
    return to if to.startswith("whatsapp:") else f"whatsapp:{to}"


def _error_text(data: Any) -> tuple[str, str]:
    """Code and words; newer endpoints answer in RFC 9457 form with ``detail`` and ``title``."""
    if not isinstance(data, dict):
        return "", ""
    code = data.get("code")
    words = data.get("message") or data.get("detail") or data.get("title") or ""
    return ("" if code is None else str(code)[:40]), str(words)


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _when(row: Mapping[str, Any], key: str) -> datetime | None:
    """RFC 2822 as the 2010 interface writes it; None for anything else."""
    try:
        moment = parsedate_to_datetime(_text(row, key))
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _older(row: Mapping[str, Any], floor: datetime) -> bool:
    created = _when(row, "date_created")
    return created is not None and created < floor


def _count(row: Mapping[str, Any], key: str) -> int:
    """Twilio counts in strings."""
    value = str(row.get(key) or 0)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0


def _sent(row: Mapping[str, Any]) -> SentMessage:
    return SentMessage(
        sid=_text(row, "sid"),
        to=_text(row, "to"),
        body=_text(row, "body"),
        status=_text(row, "status"),
        created_at=_when(row, "date_created"),
    )


def _inbound(row: Mapping[str, Any]) -> InboundMessage:
    return InboundMessage(
        sid=_text(row, "sid"),
        from_=_text(row, "from"),
        to=_text(row, "to"),
        body=_text(row, "body"),
        media_count=_count(row, "num_media"),
        created_at=_when(row, "date_created"),
    )
