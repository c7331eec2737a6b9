"""WhatsApp: what a customer's message does, how ours go out, and where they got to."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from app.core.crash import crash_here
from app.domain import order_text
from app.domain.chat import Event, FileCame, OpenLocked, Said, Tapped, Unusable
from app.domain.errors import ProviderRejected
from app.domain.wording import Text
from app.models import Customer, Message
from app.ports import (
    Button,
    ContentText,
    InboundForm,
    InboundMedia,
    Messenger,
    Outgoing,
    SentMessage,
    StatusForm,
)
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.document_service import DocumentService
from app.services.session_service import SessionService

log = structlog.get_logger(__name__)

# Twilio's codes for a content WhatsApp will not show; the same words go as numbered text.
# Source: Twilio's error dictionary (63021, 63030, 21654, 21655, 21656); 21654: it has not got it.
CONTENT_GONE = "21654"
CONTENT_TROUBLE = frozenset({CONTENT_GONE, "21655", "21656", "63021", "63030"})
OPTED_OUT = "21610"
WINDOW_CLOSED = "63016"
CATCH_UP = timedelta(hours=6)
WEBHOOK_PATIENCE = timedelta(seconds=90)
CLOCK_SLACK = timedelta(seconds=30)
PRINTABLE_EXCEPTIONS = ("audio/", "video/", "text/vcard", "text/x-vcard")


class TwilioService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        messenger: Messenger | None,
        sessions: SessionService,
        documents: DocumentService,
        *,
        default_shop_id: UUID,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._messenger = messenger
        self._sessions = sessions
        self._documents = documents
        self._default_shop_id = default_shop_id

    # In

    async def receive(self, form: InboundForm) -> bool:
        """Applies a customer's message once, in one transaction.

        True when the message was a password: it is kept nowhere, and the caller wipes its copy.
        """
        unlock: OpenLocked | None = None
        async with self._unit_of_work("system:message") as tx:
            customer = await tx.customers.resolve(
                self._default_shop_id,
                external_user_id=form.external_user_id,
                address=form.sender,
                phone=form.wa_id,
                name=form.profile_name,
            )
            await tx.customers.lock_chat(customer)
            fresh = await tx.messages.received(
                shop_id=customer.shop_id,
                customer_id=customer.id,
                sid=form.message_sid,
                kind=form.message_type or ("media" if form.media else "text"),
                body=form.body,
            )
            if not fresh:
                return await tx.messages.was_secret(form.message_sid)
            await tx.customers.wrote(customer.id)
            for number, event in enumerate(await self._events(tx, customer, form)):
                effects = await self._sessions.turn(
                    tx, customer, event, key=f"in:{form.message_sid}:{number}"
                )
                unlock = next((e for e in effects if isinstance(e, OpenLocked)), unlock)
            if unlock is not None:
                await tx.messages.hide(form.message_sid)
        if unlock is not None:
            await self._documents.prepare(UUID(unlock.document), password=unlock.password)
        return unlock is not None

    async def _events(self, tx: Transaction, customer: Customer, form: InboundForm) -> list[Event]:
        if form.media:
            return await self._media(tx, customer, form)
        if form.choice:
            return [Tapped(form.choice, form.choice_title or form.body)]
        if form.latitude is not None:
            return [Unusable()]
        if form.body.strip():
            return [Said(form.body)]
        return []  # a reaction or something newer than we know: nothing to answer

    async def _media(self, tx: Transaction, customer: Customer, form: InboundForm) -> list[Event]:
        events: list[Event] = []
        for media in form.media:
            if media.content_type.lower().startswith(PRINTABLE_EXCEPTIONS):
                events.append(Unusable())
                continue
            label = form.body.strip() if order_text.looks_like_a_file_name(form.body) else ""
            document = await tx.documents.arrived(
                shop_id=customer.shop_id,
                customer_id=customer.id,
                message_sid=media.ref.message_sid,
                media_sid=media.ref.media_sid,
                declared_type=media.content_type,
                name=label[:80],
            )
            if document is not None:
                await tx.defer("prepare_document", queue="documents", document_id=str(document))
                events.append(FileCame(str(document)))
        return events

    async def catch_up(self) -> tuple[int, int]:
        """Messages whose webhook never came: listed at Twilio, applied by the same code.

        How many were compared, and how many only Twilio had.
        """
        if self._messenger is None:
            return 0, 0
        async with self._unit_of_work("system:sweep") as tx:
            now = await tx.now()
        listed = await self._messenger.list_inbound(since=now - CATCH_UP)
        async with self._unit_of_work("system:sweep") as tx:
            known = await tx.messages.known_sids([message.sid for message in listed])
        missed = [
            message
            for message in reversed(listed)
            if message.sid not in known
            # Younger ones may have their webhook on the way.
            and (message.created_at is None or message.created_at < now - WEBHOOK_PATIENCE)
        ]
        for message in missed:
            media = await self._messenger.list_media(message.sid) if message.media_count else ()
            await self.receive(
                InboundForm(
                    message_sid=message.sid,
                    account_sid="",
                    sender=message.from_,
                    recipient=message.to,
                    body=message.body,
                    media=tuple(InboundMedia(ref, declared) for ref, declared in media),
                )
            )
        return len(listed), len(missed)

    # Out

    async def send(self, message_id: int) -> None:
        """Hands one staged message to Twilio, at most once more than needed.

        Twilio knows no idempotency key, so a try that may have gone through is looked up before
        it is repeated. Raises ``ProviderUnavailable`` or ``ProviderUncertain`` to be tried again.
        """
        if self._messenger is None:
            return
        async with self._unit_of_work("system:send") as tx:
            message = await tx.messages.lock(message_id)
            if message is None or message.status != "STAGED":
                return
            customer = await tx.customers.get(message.customer_id)
            if not await tx.customers.window_open(customer.id):
                await self._undeliverable(
                    tx, message, WINDOW_CLOSED, "the 24-hour window is closed"
                )
                return
            tried_before = message.attempts > 0
            since = await tx.messages.trying(message_id)
        to = customer.external_user_id or customer.address
        if tried_before:
            earlier = await self._find(message, to, since)
            if earlier is not None:
                await self._sent(message_id, earlier)
                return
        crash_here("mover.before_send")
        try:
            sent = await self._hand_over(message, to, language=customer.language or "en")
        except ProviderRejected as error:
            await self._rejected(message_id, error)
            return
        crash_here("mover.after_send_before_mark")
        await self._sent(message_id, sent)

    async def _hand_over(self, message: Message, to: str, *, language: str) -> SentMessage:
        messenger = self._messenger
        assert messenger is not None
        if not message.buttons:
            return await messenger.send(Outgoing(to=to, body=message.body[:1600]))
        content, variables = as_content(message, language)
        key = hashlib.sha256(repr(content).encode()).hexdigest()
        async with self._unit_of_work("system:send") as tx:
            known = await tx.messages.content_sid(key)
        # One that Twilio has lost is made again at once; only then is text the better choice.
        for sid in (known, None) if known else (None,):
            try:
                sid = sid or await self._make_content(messenger, key, content)
                return await messenger.send(Outgoing(to=to, content_sid=sid, variables=variables))
            except ProviderRejected as error:
                if error.provider_code not in CONTENT_TROUBLE:
                    raise
                log.warning("buttons refused", code=error.provider_code)
                if sid is not None:
                    async with self._unit_of_work("system:send") as tx:
                        await tx.messages.forget_content(sid)
                if error.provider_code != CONTENT_GONE:
                    break
        return await messenger.send(Outgoing(to=to, body=as_numbered_text(message)))

    async def _make_content(self, messenger: Messenger, key: str, content: ContentText) -> str:
        sid = await messenger.create_content(content)
        async with self._unit_of_work("system:send") as tx:
            await tx.messages.remember_content(key, sid, content.name)
        return sid

    async def _find(self, message: Message, to: str, since: datetime) -> SentMessage | None:
        """A message like this one that reached Twilio since the first try and is not known yet.

        Content messages come back without a dependable body, so with buttons any unknown
        message since then counts: one notice too few is better than a link twice.
        """
        assert self._messenger is not None
        for sent in await self._messenger.find_sent(to, since=since - CLOCK_SLACK):
            same = sent.body.strip() == message.body.strip() if sent.body else True
            if sent.created_at is not None and sent.created_at < since - CLOCK_SLACK:
                continue
            async with self._unit_of_work("system:send") as tx:
                taken = await tx.messages.sid_taken(sent.sid)
            if not taken and (same or bool(message.buttons)):
                return sent
        return None

    async def _sent(self, message_id: int, sent: SentMessage) -> None:
        async with self._unit_of_work("system:send") as tx:
            message = await tx.messages.lock(message_id)
            if message is None or message.status != "STAGED":
                return
            message.sid = sent.sid
            message.status = sent.status or "queued"
            message.sent_at = await tx.now()

    async def _rejected(self, message_id: int, error: ProviderRejected) -> None:
        async with self._unit_of_work("system:send") as tx:
            message = await tx.messages.lock(message_id)
            if message is None:
                return
            if error.provider_code == OPTED_OUT:
                (await tx.customers.get(message.customer_id)).stopped = True
            await self._undeliverable(tx, message, error.provider_code, str(error.reason))

    async def gave_up_sending(self, message_id: int, why: str) -> None:
        async with self._unit_of_work("system:send") as tx:
            message = await tx.messages.lock(message_id)
            if message is not None and message.status == "STAGED":
                await self._undeliverable(tx, message, "unreachable", why)

    async def _undeliverable(self, tx: Transaction, message: Message, code: str, why: str) -> None:
        message.status, message.error_code = "failed", code[:40]
        await tx.messages.open_item(
            shop_id=message.shop_id,
            kind="message_not_delivered",
            subject=f"message:{message.id}",
            order_id=message.order_id,
            detail=f"{message.kind}: {why}",
        )

    # Receipts

    async def receipt(self, form: StatusForm) -> tuple[str, str]:
        """Moves a message forward; failures of ones that matter go to the attention list."""
        async with self._unit_of_work("system:receipt") as tx:
            message = await tx.messages.receipt(form.message_sid, form.status, form.error_code)
            if message is None:
                return "IGNORED", "an older receipt, or a message that is not ours"
            if form.status in ("failed", "undelivered"):
                if form.error_code in CONTENT_TROUBLE and message.buttons:
                    message.status, message.sid, message.body = (
                        "STAGED",
                        None,
                        as_numbered_text(message),
                    )
                    message.buttons = []
                    message.attempts = 0
                    await tx.defer(
                        "send_message", lane=f"send:{message.customer_id}", message_id=message.id
                    )
                else:
                    await self._undeliverable(tx, message, form.error_code, "not delivered")
        return "DONE", ""


def as_content(message: Message, language: str) -> tuple[ContentText, dict[str, str]]:
    """The message as a content skeleton and its variables.

    Lines, titles and ids are all variables, so one content per shape and language is made once
    and serves for ever, whatever prices and order codes it carries. Variables may not contain
    line breaks (Twilio error 21656), hence one for each line.
    """
    variables: dict[str, str] = {}

    def variable(value: str) -> str:
        variables[str(len(variables) + 1)] = value
        return "{{" + str(len(variables)) + "}}"

    lines = [variable(line.strip()) if line.strip() else "" for line in message.body.split("\n")]
    buttons = tuple(
        Button(id=variable(button["id"]), title=variable(button["title"]))
        for button in message.buttons
    )
    body = "\n".join(lines)
    return (
        ContentText(
            name=f"printwala_{len(buttons)}_buttons_{len(lines)}_lines",
            language=language,
            body=body,
            buttons=buttons,
            fallback=body
            + "".join(
                f"\n{mark} {button.title}"
                for mark, button in zip(_marks(message), buttons, strict=True)
            ),
            list_label="Choose",
        ),
        variables,
    )


def _marks(message: Message) -> list[str]:
    """What stands before each choice. Where the answer is itself a number, a number in front
    would be taken for it: "3. 5 copies" answered with 3 would be three copies."""
    if message.kind.endswith(Text.ASK_COPIES):
        return ["•"] * len(message.buttons)
    return [f"{number}." for number in range(1, len(message.buttons) + 1)]


def as_numbered_text(message: Message) -> str:
    """The same question for a phone that shows no buttons: answer with the number or the word."""
    numbered = "\n".join(
        f"{mark} {button['title']}"
        for mark, button in zip(_marks(message), message.buttons, strict=True)
    )
    return f"{message.body}\n\n{numbered}"[:1600] if numbered else message.body[:1600]
