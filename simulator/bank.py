"""What happens to money: attempts, captures, refunds, disputes, expiry, and their events."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from simulator.delivery import Delivery
from simulator.razorpay_entities import (
    ACCOUNT_ID,
    bare,
    dispute_payload,
    link_entity,
    order_entity,
    order_in_link_event,
    payment_entity,
    refund_entity,
)
from simulator.settings import Settings
from simulator.signing import callback_signature
from simulator.world import Dispute, Event, JsonObject, Link, Payment, Refund, World

WEBHOOK_PATH = "/api/webhooks/razorpay-webhook"
EXPIRED_AFTER = 12  # seconds by which `expired_at` trails `expire_by` (11 to 24 in the samples)
IN_WORDS = {
    "payment_link.paid": "Payment link paid",
    "payment_link.partially_paid": "Payment link paid in part",
    "payment_link.cancelled": "Payment link cancelled",
    "payment_link.expired": "Payment link expired",
    "payment.authorized": "Payment authorised",
    "payment.captured": "Payment captured",
    "payment.failed": "Payment failed",
    "order.paid": "Order paid",
    "refund.created": "Refund created",
    "refund.processed": "Refund handed to the bank",
    "refund.failed": "Refund failed",
}


@dataclass
class Bank:
    settings: Settings
    world: World
    delivery: Delivery

    # --- attempts and captures ---

    def attempt(self, link: Link, method: str, *, amount: int | None = None) -> Payment:
        """A payer starts to pay: the first time, the link gets its order."""
        ids, now = self.world.ids, self.world.clock.now()
        if not link.order_id:
            link.order_id, link.order_created_at = ids.rzp("order"), now
            link.updated_at = now
            self.world.orders[link.order_id] = link.id
        link.attempts += 1
        customer = link.fields.get("customer") or {}
        payment = Payment(
            id=ids.rzp("pay"),
            link_id=link.id,
            order_id=link.order_id,
            amount=link.amount if amount is None else amount,
            currency=link.currency,
            method=method,
            created_at=now,
            contact=customer.get("contact") or "+919000090000",
            notes=link.fields.get("notes") or {},
            description=f"#{bare(link.id)}",
            rrn=ids.digits(12),
            card_id=ids.rzp("card") if method == "card" else "",
        )
        self.world.payments[payment.id] = payment
        self.world.touch()
        return payment

    def fail(self, payment: Payment) -> Event:
        payment.status = "failed"
        return self.payment_event("payment.failed", payment)

    def capture(self, link: Link, payment: Payment, *, part: bool = False) -> list[Event]:
        """Money arrives. The events of a capture, in the order in which they come about.

        ``part``: an instalment; the link is paid once its parts come to its amount.
        """
        habits, first = self.world.habits, link.status != "paid"
        now = self.world.clock.now()
        payment.status, payment.captured_at = "captured", now
        link.payments.append(payment.id)
        events = []
        if habits.payment_authorized:
            events.append(self.payment_event("payment.authorized", payment, status="authorized"))
        events.append(self.payment_event("payment.captured", payment))
        if first:
            link.amount_paid += payment.amount
            link.updated_at = now
            link.status = "partially_paid" if part and link.amount_paid < link.amount else "paid"
            if habits.order_paid and link.status == "paid":
                payload = {"payment": payment_entity(payment), "order": order_entity(link)}
                events.append(self.event("order.paid", payload, now=now, about=link.id))
            events.append(self.link_event(f"payment_link.{link.status}", link, payment))
        if habits.balance_paise is not None:
            habits.balance_paise += payment.amount
        self.world.touch()
        return events

    # --- links ---

    def cancel(self, link: Link) -> Event:
        link.status, link.cancelled_at = "cancelled", self.world.clock.now()
        event = self.link_event("payment_link.cancelled", link)
        self.delivery.submit(event)
        return event

    def expire(self, link: Link, *, moment: int | None = None) -> Event:
        link.status = "expired"
        link.expired_at = (self.world.clock.now() if moment is None else moment) + EXPIRED_AFTER
        event = self.link_event("payment_link.expired", link)
        self.delivery.submit(event)
        return event

    def expire_due(self) -> int:
        """Expire every link whose time is over; how many."""
        now = self.world.clock.now()
        due = [
            link
            for link in self.world.links.values()
            if link.status == "created" and 0 < link.expire_by <= now
        ]
        for link in due:
            self.expire(link, moment=link.expire_by)
        return len(due)

    async def watch_the_clock(self) -> None:
        """Runs as long as the simulator does."""
        while True:
            await asyncio.sleep(0.25)
            self.expire_due()

    def callback_url(self, link: Link, payment: Payment) -> str | None:
        """Where the payer's browser is sent afterwards, signed with the key secret."""
        base = link.fields.get("callback_url")
        if not base:
            return None
        query = {
            "razorpay_payment_id": payment.id,
            "razorpay_payment_link_id": link.id,
            "razorpay_payment_link_reference_id": link.reference_id,
            "razorpay_payment_link_status": link.status,
            "razorpay_signature": callback_signature(
                link_id=link.id,
                reference_id=link.reference_id,
                status=link.status,
                payment_id=payment.id,
                key_secret=self.settings.key_secret,
            ),
        }
        parts = urlsplit(base)
        return urlunsplit(
            parts._replace(query="&".join(filter(None, [parts.query, urlencode(query)])))
        )

    # --- refunds and disputes ---

    def refund(self, payment: Payment, asked: JsonObject) -> Refund:
        """A refund that passed every check; its events go out at once."""
        amount = asked.get("amount", payment.amount - payment.amount_refunded)
        refund = Refund(
            id=self.world.ids.rzp("rfnd"),
            payment_id=payment.id,
            amount=amount,
            currency=payment.currency,
            created_at=self.world.clock.now(),
            status="pending",
            speed=asked.get("speed", "normal"),
            receipt=asked.get("receipt"),
            notes=asked.get("notes") or {},
        )
        self.world.refunds[refund.id] = refund
        payment.amount_refunded += amount
        if payment.amount_refunded >= payment.amount:
            payment.status = "refunded"
        if self.world.habits.balance_paise is not None:
            self.world.habits.balance_paise -= amount
        processed = self.world.habits.refund_status == "processed"
        refund.status = "processed" if processed else "pending"
        self.delivery.submit(self.refund_event("refund.created", refund))
        if processed:
            self.delivery.submit(self.refund_event("refund.processed", refund))
        return refund

    def settle(self, refund: Refund, status: str) -> Event:
        """The bank decides: `processed` or `failed`; a failed refund leaves the money here."""
        payment = self.world.payments[refund.payment_id]
        if status == "failed" and refund.status != "failed":
            payment.amount_refunded -= refund.amount
            payment.status = "captured"
            if self.world.habits.balance_paise is not None:
                self.world.habits.balance_paise += refund.amount
        refund.status = status
        event = self.refund_event(f"refund.{status}", refund)
        self.delivery.submit(event)
        return event

    def dispute(self, payment: Payment, event: str) -> tuple[Dispute, Event]:
        """Open a dispute or move it on; `event` is the last word of the event's name."""
        dispute = next(
            (d for d in self.world.disputes.values() if d.payment_id == payment.id), None
        )
        if dispute is None:
            now = self.world.clock.now()
            dispute = Dispute(self.world.ids.rzp("disp"), payment.id, payment.amount, now)
            self.world.disputes[dispute.id] = dispute
        dispute.status = event if event in {"under_review", "won", "lost", "closed"} else "open"
        dispute.deducted = dispute.amount if event == "lost" else 0
        payment.disputed = dispute.status in {"open", "under_review"}
        name = f"payment.dispute.{event}"
        told = self._event(
            name,
            dispute_payload(dispute, payment, event=name),
            ["payment", "dispute"],
            now=self.world.clock.now(),
            line=f"Dispute: {event.replace('_', ' ')}",
            about=payment.link_id,
        )
        self.delivery.submit(told)
        return dispute, told

    # --- events ---

    def payment_event(self, name: str, payment: Payment, *, status: str = "") -> Event:
        # Card events carry the newer field set in the samples, other methods the older one.
        entity = payment_entity(payment, status=status, newer=payment.method == "card")
        return self.event(
            name, {"payment": entity}, now=self.world.clock.now(), about=payment.link_id
        )

    def link_event(self, name: str, link: Link, payment: Payment | None = None) -> Event:
        """Its envelope carries the link's creation time, like the vendor's samples."""
        payload = {"payment_link": link_entity(link, webhook=True)}
        if payment is not None:
            payload["order"] = order_in_link_event(link, payment, key_id=self.settings.key_id)
            payload["payment"] = payment_entity(payment, newer=True)
        return self.event(name, payload, now=link.created_at, about=link.id)

    def refund_event(self, name: str, refund: Refund) -> Event:
        payment = self.world.payments[refund.payment_id]
        payload = {
            "refund": refund_entity(refund),
            # The samples show `captured` even after a full refund.
            "payment": payment_entity(payment, status="captured"),
        }
        return self.event(name, payload, now=self.world.clock.now(), about=payment.link_id)

    def event(self, name: str, entities: dict[str, JsonObject], *, now: int, about: str) -> Event:
        payload = {key: {"entity": entity} for key, entity in entities.items()}
        line = IN_WORDS.get(name, name)
        return self._event(name, payload, list(entities), now=now, line=line, about=about)

    def _event(
        self,
        name: str,
        payload: JsonObject,
        contains: list[str],
        *,
        now: int,
        line: str,
        about: str,
    ) -> Event:
        body: dict[str, Any] = {
            "account_id": ACCOUNT_ID,
            "contains": contains,
            "created_at": now,
            "entity": "event",
            "event": name,
            "payload": payload,
        }
        return Event(
            id=self.world.ids.sid("EV"),
            provider="razorpay",
            name=name,
            line=line,
            url=f"{self.settings.public_url}{WEBHOOK_PATH}",
            body=json.dumps(body, separators=(",", ":")).encode(),
            created_at=self.world.clock.now(),
            event_id=self.world.ids.token(14),
            about=about,
        )
