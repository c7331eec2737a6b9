"""The customers' phones: what they say, tap and send, and how the shop's messages arrive there."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import re
from dataclasses import dataclass
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from simulator.delivery import Delivery
from simulator.settings import Settings
from simulator.world import Button, Event, JsonObject, Media, Message, Person, World

API_VERSION = "2010-04-01"
URL_PATTERN = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]]")
INSTALL_SID = "XE000000000000000000000000fa4e0001"
MESSAGE_TYPES = {"image": "image", "audio": "audio", "video": "video"}


def message_type(content_type: str) -> str:
    """Twilio's `MessageType` for a file."""
    if content_type == "image/webp":
        return "sticker"
    if content_type == "text/vcard":
        return "contacts"
    return MESSAGE_TYPES.get(content_type.split("/", maxsplit=1)[0], "document")


@dataclass
class Phones:
    """Acts for the customers."""

    settings: Settings
    world: World
    delivery: Delivery

    async def say(self, person: Person, text: str) -> Event | None:
        """Send a text; None when WhatsApp kept it for itself (joining the sandbox)."""
        if not person.joined and text.lower().startswith("join "):
            self._join(person, text)
            return None
        message = self._new(person, text, prefix="SM")
        return await self._tell(person, message, {"MessageType": "text"})

    async def tap(self, person: Person, under: Message, button: Button) -> Event:
        """Tap a reply button or pick from a list."""
        message = self._new(person, button.title, prefix="SM")
        message.tapped = button.id
        extra = {"MessageType": "interactive"}
        if button.kind == "list":
            extra |= {"ListId": button.id, "ListTitle": button.title}
        else:
            extra |= {"ButtonText": button.title, "ButtonPayload": button.id}
        extra |= {
            "OriginalRepliedMessageSid": under.sid,
            "OriginalRepliedMessageSender": self.settings.number,
        }
        if button.kind == "reply":
            extra |= {"Forwarded": "false", "FrequentlyForwarded": "false"}
        return await self._tell(person, message, extra)

    async def send(
        self, person: Person, data: bytes, content_type: str, *, name: str = "", caption: str = ""
    ) -> Event:
        """Send one file. WhatsApp carries one file per message; an album is several messages."""
        message = self._new(person, caption, prefix="MM")
        media = self.add_media(message, data, content_type, name)
        extra = {
            "MessageType": message_type(content_type),
            "MediaContentType0": content_type,
            "MediaUrl0": f"{self.settings.origin}{media_path(self.settings.account_sid, media)}",
        }
        return await self._tell(person, message, extra)

    async def pin(self, person: Person, fields: dict[str, str]) -> Event:
        """Send a location: Latitude and Longitude, perhaps Address and Label."""
        message = self._new(person, "", prefix="SM")
        return await self._tell(person, message, {"MessageType": "location", **fields})

    def add_media(self, message: Message, data: bytes, content_type: str, name: str) -> Media:
        if not name:
            name = message_type(content_type) + (mimetypes.guess_extension(content_type) or "")
        sid, key = self.world.ids.sid("ME"), self.world.ids.token(24)
        media = Media(sid, message.sid, content_type, data, name, self.world.clock.now(), key)
        self.world.media[sid] = media
        message.media.append(media)
        return media

    def _new(self, person: Person, text: str, *, prefix: str) -> Message:
        now = self.world.clock.now()
        message = Message(
            sid=self.world.ids.sid(prefix),
            inbound=True,
            person=person.name,
            body=text,
            sender=person.address,
            to=self.settings.number,
            status="received",
            created_at=now,
            sent_at=now,
            updated_at=now,
        )
        person.last_inbound = now
        person.chat.append(message)
        self.world.messages[message.sid] = message
        return message

    async def _tell(self, person: Person, message: Message, extra: dict[str, str]) -> Event:
        params = inbound_fields(person, message, extra, account=self.settings.account_sid)
        event = Event(
            id=self.world.ids.sid("EV"),
            provider="twilio",
            name="inbound",
            line=f"{person.name} {_in_words(message)}",
            url=f"{self.settings.public_url}/webhook/twilio",
            body=urlencode(params).encode(),
            created_at=self.world.clock.now(),
            event_id=self.world.ids.uuid(),
            params=params,
            about=message.sid,
        )
        self.delivery.submit(event)
        self.world.touch()
        self.delivery.spawn(self._hear(person, event))
        return event

    async def _hear(self, person: Person, event: Event) -> None:
        """Do with the answer what Twilio does: TwiML and plain text go to the customer."""
        await self.world.until(lambda: event.answer, 30.0)
        if event.answer is None or event.answer[0] >= 300:
            return
        _, content_type, body = event.answer
        for text in replies(content_type, body):
            await self.receive(self._from_shop(person, text))

    def _from_shop(self, person: Person, text: str) -> Message:
        now = self.world.clock.now()
        message = Message(
            sid=self.world.ids.sid("SM"),
            inbound=False,
            person=person.name,
            body=text,
            sender=self.settings.number,
            to=person.address,
            status="queued",
            created_at=now,
            updated_at=now,
        )
        self.world.messages[message.sid] = message
        return message

    def _join(self, person: Person, text: str) -> None:
        """The sandbox answers for itself; the backend hears nothing of it."""
        person.joined = True
        self._new(person, text, prefix="SM")
        reply = self._from_shop(person, "✅ You are all set! You can now write to the shop.")
        reply.status = "delivered"
        person.chat.append(reply)
        self.world.touch()

    async def receive(self, message: Message, *, fail_with: int | None = None) -> None:
        """Bring a message of the shop to the phone, reporting every step to its status callback."""
        person = self.world.people.get(message.person or "")
        error, outcome = self._obstacle(person, message, fail_with)
        if error is None and person is not None:
            person.chat.append(message)
            self.world.touch()
        steps = ["sent", "delivered", *(["read"] if person and person.reads else [])]
        if not self.world.habits.read_receipts:
            steps = [step for step in steps if step != "read"]
        for status in [outcome] if error else steps:
            await asyncio.sleep(self.world.habits.status_seconds)
            if message.deleted:
                return
            self._step(message, status, error)

    def _step(self, message: Message, status: str, error: int | None) -> None:
        message.status = status
        message.statuses.append(status)
        message.updated_at = self.world.clock.now()
        if status == "sent":
            message.sent_at = message.updated_at
        if error:
            message.error_code, message.error_message = (
                error,
                PROBLEMS.get(error, "The message was not delivered"),
            )
        if message.status_callback:
            self.delivery.submit(self._status_event(message, status, error))
        self.world.touch()

    def _obstacle(
        self, person: Person | None, message: Message, wanted: int | None
    ) -> tuple[int | None, str]:
        """Why the message does not arrive, as Twilio's error code and final status."""
        if wanted:
            return wanted, "failed"
        if person is None:
            return 63024, "undelivered"
        if not person.joined:
            return 63015, "failed"
        content = self.world.contents.get(message.content_sid or "")
        approved = content is not None and content.approval == "approved"
        if not approved and not self.world.window_open(person):
            return 63016, "failed"
        # Three in a running conversation; up to ten only in an approved template.
        if not approved and sum(button.kind == "reply" for button in message.buttons) > 3:
            return 63021, "failed"
        return None, ""

    def _status_event(self, message: Message, status: str, error: int | None) -> Event:
        params = {
            "ApiVersion": API_VERSION,
            "MessageStatus": status,
            "SmsSid": message.sid,
            "SmsStatus": status,
            "ChannelInstallSid": INSTALL_SID,
            "To": message.to,
            "From": message.sender,
            "MessageSid": message.sid,
            "StructuredMessage": "true" if message.content_sid else "false",
            "AccountSid": self.settings.account_sid,
            "ChannelPrefix": "whatsapp",
            "ChannelToAddress": half_masked(message.to),
        }
        if status in {"delivered", "read", "undelivered"}:
            params["EventType"] = status.upper()
        if error:
            params["ErrorCode"] = str(error)
            if status == "undelivered":
                params["ChannelStatusMessage"] = PROBLEMS.get(
                    error, "The message was not delivered"
                )
        return Event(
            id=self.world.ids.sid("EV"),
            provider="twilio",
            name=f"status.{status}",
            line=f"Receipt: {status}" + (f" ({error})" if error else ""),
            url=message.status_callback,
            body=urlencode(params).encode(),
            created_at=self.world.clock.now(),
            event_id=self.world.ids.uuid(),
            params=params,
            about=message.sid,
        )


PROBLEMS = {
    63015: "The recipient has not joined the sandbox",
    63016: "The 24-hour window is closed and the message is no approved template",
    63019: "The media file could not be fetched",
    63021: "The content is not valid for this channel",
    63024: "Recipient is not reachable on WhatsApp",
}


def inbound_fields(
    person: Person, message: Message, extra: dict[str, str], *, account: str
) -> dict[str, str]:
    """The form of an inbound message, in the order seen in captures."""
    context: JsonObject = {"ProfileName": person.name}
    if not person.hidden and person.phone:
        context["WaId"] = person.phone.lstrip("+")
    if "ButtonText" in extra:
        context["ButtonText"] = extra["ButtonText"]
    channel = {"type": "whatsapp", "data": {"context": context}}
    fields = {
        "SmsMessageSid": message.sid,
        "NumMedia": str(len(message.media)),
        "ProfileName": person.name,
        "MessageType": extra["MessageType"],
        "SmsSid": message.sid,
        "WaId": context.get("WaId", ""),
        "SmsStatus": "received",
        "Body": message.body,
        "To": message.to,
        "NumSegments": "1",
        "ReferralNumMedia": "0",
        "MessageSid": message.sid,
        "AccountSid": account,
        "ChannelMetadata": json.dumps(channel, separators=(",", ":"), ensure_ascii=False),
        "From": message.sender,
        "ApiVersion": API_VERSION,
        "ExternalUserId": f"whatsapp:{person.user_id}",
    } | extra
    if not fields["WaId"]:
        del fields["WaId"]
    if person.old_account and not person.hidden:
        del fields["ExternalUserId"]
    return fields


def media_path(account: str, media: Media) -> str:
    return f"/{API_VERSION}/Accounts/{account}/Messages/{media.message_sid}/Media/{media.sid}"


def half_masked(address: str) -> str:
    """`ChannelToAddress`: the last four characters hidden."""
    return address.removeprefix("whatsapp:")[:-4] + "XXXX"


def links_in(message: Message) -> list[str]:
    """Every address a customer could open from this message."""
    found = URL_PATTERN.findall(message.body)
    found += [button.url for button in message.buttons if button.kind == "url"]
    return list(dict.fromkeys(found))


def replies(content_type: str, body: bytes) -> list[str]:
    """The messages that the answer to a webhook sends to the customer."""
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    if kind == "text/plain":
        return [text] if (text := body.decode("utf-8", "replace").strip()) else []
    if kind not in {"text/xml", "application/xml"} or not body.strip():
        return []
    try:
        root = ET.fromstring(body)  # noqa: S314  written by the shop on this computer
    except ET.ParseError:
        return []
    return ["".join(node.itertext()).strip() for node in root.iter("Message")]


def _in_words(message: Message) -> str:
    if message.media:
        return f"sends {message.media[0].name}"
    if message.tapped:
        return f"taps “{message.body}”"
    return f"says “{message.body[:60]}”"
