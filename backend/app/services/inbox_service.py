"""The inbox: keep first, think later. A webhook is answered once its bytes are committed."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from app.core.crash import crash_here
from app.core.database import Database
from app.core.security import sha256_hex
from app.domain.errors import BadInput
from app.ports import InboundForm, PaymentDoor, StatusForm, WhatsAppDoor
from app.repositories.inbox import Incoming, Receiver
from app.repositories.unit_of_work import UnitOfWork
from app.services.razorpay_service import RazorpayService
from app.services.twilio_service import TwilioService

log = structlog.get_logger(__name__)

MESSAGE, RECEIPT, PAYMENT = "twilio", "twilio-status", "razorpay"


class InboxService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        database: Database,
        whatsapp: WhatsAppDoor,
        payments: PaymentDoor,
        twilio: TwilioService,
        razorpay: RazorpayService,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._receiver = Receiver(database.pool)
        self._whatsapp = whatsapp
        self._payments = payments
        self._twilio = twilio
        self._razorpay = razorpay

    # Keeping

    async def keep_message(self, form: InboundForm, raw: bytes) -> bool:
        """False for a copy. The lane is the person, so that turns keep their order."""
        person = form.external_user_id or form.sender
        return await self._keep(
            MESSAGE, form.message_sid, "", f"chat:{sha256_hex(person)[:32]}", raw
        )

    async def keep_receipt(self, form: StatusForm, raw: bytes) -> bool:
        return await self._keep(
            RECEIPT,
            f"{form.message_sid}:{form.status}",
            "",
            f"receipt:{form.message_sid}",
            raw,
        )

    async def keep_payment(self, body: bytes, event_id: str) -> bool:
        """Keyed on the body: the event id stands outside the signature, so anybody who holds
        one genuine body could repeat it under new ids."""
        digest = sha256_hex(body)
        return await self._keep(PAYMENT, digest, event_id[:100], f"payment:{digest[:32]}", body)

    async def _keep(self, provider: str, key: str, event_id: str, lane: str, raw: bytes) -> bool:
        crash_here("web.before_inbox_commit")
        fresh = await self._receiver.keep(Incoming(provider, key, event_id, lane, raw))
        crash_here("web.after_inbox_commit")
        return fresh

    # Thinking

    async def process(self, inbox_id: int) -> None:
        """Handles a kept webhook; handling it twice changes nothing."""
        kept = await self._receiver.get(inbox_id)
        if kept is None:
            return
        crash_here("mover.claim")
        try:
            end, why, secret = await self._handle(kept.provider, kept.raw_body)
        except BadInput as error:
            # Genuine but not readable: kept for a person, and never in the way of others.
            await self.bury(inbox_id, error.detail)
            return
        await self._receiver.finish(inbox_id, end, why, forget=secret)

    async def _handle(self, provider: str, raw: bytes) -> tuple[str, str, bool]:
        """The row's end, its reason, and whether its bytes must not be kept."""
        if provider == PAYMENT:
            return (*await self._razorpay.handle(self._payments.event(raw)), False)
        pairs: Sequence[tuple[str, str]] = self._whatsapp.reread(raw)
        if provider == RECEIPT:
            return (*await self._twilio.receipt(self._whatsapp.receipt(pairs)), False)
        return "DONE", "", await self._twilio.receive(self._whatsapp.message(pairs))

    async def bury(self, inbox_id: int, why: str) -> None:
        """No machine gets further with it: dead, and on the attention list."""
        async with self._unit_of_work("system:inbox") as tx:
            row = await tx.inbox.lock(inbox_id)
            if row is None:
                return
            tx.inbox.finish(row, "DEAD", why)
            await tx.messages.open_item(
                shop_id=await tx.shops.first_id(),
                kind="webhook_not_handled",
                subject=f"webhook:{inbox_id}",
                detail=f"{row.provider}: {why}",
            )
        log.error("webhook buried", inbox=inbox_id, why=why)
