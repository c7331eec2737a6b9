"""Control calls about money: pay a link in every awkward way, settle refunds, open disputes."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from simulator.bank import Bank
from simulator.control import Unusable, json_of, lever, number_of, text_of
from simulator.faults import DISPUTE_EVENTS
from simulator.razorpay_entities import link_entity
from simulator.world import Event, JsonObject, Link, Payment, World

METHODS = ("upi", "card", "netbanking")
CASES = {
    "normal": "Paid; the webhooks come at once",
    "webhook_twice": "Every webhook comes twice",
    "no_webhook": "Paid, but no webhook ever comes",
    "webhook_late": "The webhooks come after some seconds",
    "events_reordered": "The webhooks come in the wrong order",
    "twice": "Paid twice, from two tabs",
    "failed": "The payment fails; the link stays open",
    "failed_then_captured": "Reported as failed first, then captured",
    "amount_differs": "Another amount than asked for arrives",
    "partial": "A half is paid; the next time, the rest",
    "late": "The money arrives after the link has expired",
    "tab_closed": "Paid, but the browser never returns to the shop",
}
LATE_SECONDS = 30.0
REORDER_SECONDS = 0.15  # enough for each webhook to be answered before the next one leaves


@dataclass
class MoneyControl:
    world: World
    bank: Bank

    def routes(self) -> list[Route]:
        return [
            lever("/links", "GET", self.links),
            lever("/links/{id}", "GET", self.link),
            lever("/links/{id}/pay", "POST", self.pay),
            lever("/links/{id}/expire", "POST", self.expire),
            lever("/payments", "GET", self.payments),
            lever("/payments/{id}/dispute", "POST", self.dispute),
            lever("/refunds", "GET", self.refunds),
            lever("/refunds/{id}/settle", "POST", self.settle),
            lever("/events", "GET", self.events),
            lever("/events/{id}/deliver", "POST", self.deliver),
        ]

    async def links(self, _: Request) -> Any:
        return {"links": [self.shown(link) for link in self.world.links.values()]}

    async def link(self, request: Request) -> Any:
        return self.shown(self.find(request))

    async def pay(self, request: Request) -> Any:
        """{case, method, seconds?, delta?}: answers {payment_id, status, events, callback_url}."""
        link, asked = self.find(request), await json_of(request)
        case, method = text_of(asked, "case", "normal"), text_of(asked, "method", "upi")
        if case not in CASES:
            raise Unusable(422, f"There is no case {case!r}; there are {', '.join(CASES)}.")
        if method not in METHODS:
            raise Unusable(422, f"method must be one of {', '.join(METHODS)}.")
        if case == "late":
            if link.status in {"paid", "partially_paid"}:
                raise Unusable(409, f"This link is {link.status} already.")
            if link.status == "created":
                payment = self.bank.attempt(link, method)
                self.bank.expire(link)
                return self._paid(link, payment, self.bank.capture(link, payment))
        elif link.status != "created" and (case, link.status) != ("partial", "partially_paid"):
            raise Unusable(409, f"This link is {link.status}; only the case late pays it still.")
        if case == "failed":
            payment = self.bank.attempt(link, method)
            events = [self.bank.fail(payment)]
            self._tell(events)
            return self._answer(link, payment, events, back=False)
        if case == "amount_differs":
            amount = link.amount + int(number_of(asked, "delta", -100))
            if amount < 1:
                raise Unusable(422, "delta leaves nothing to pay.")
            payment = self.bank.attempt(link, method, amount=amount)
            return self._paid(link, payment, self.bank.capture(link, payment))
        if case == "partial":
            left = link.amount - link.amount_paid
            amount = left if link.amount_paid else max(1, left // 2)
            payment = self.bank.attempt(link, method, amount=amount)
            return self._paid(link, payment, self.bank.capture(link, payment, part=True))
        payment = self.bank.attempt(link, method)
        first = [self.bank.fail(payment)] if case == "failed_then_captured" else []
        events = first + self.bank.capture(link, payment)
        if case == "twice":
            second = self.bank.attempt(link, method)
            events += self.bank.capture(link, second)
            self._tell(events)
            return self._answer(link, payment, events) | {"second_payment_id": second.id}
        return self._deliver_as(
            case, link, payment, events, number_of(asked, "seconds", LATE_SECONDS)
        )

    def _deliver_as(
        self, case: str, link: Link, payment: Payment, events: list[Event], seconds: float
    ) -> JsonObject:
        if case == "no_webhook":
            for event in events:
                self.bank.delivery.keep(event)
        elif case == "webhook_late":
            self._tell(events, delay=seconds)
        elif case == "webhook_twice":
            self._tell(events, copies=2)
        elif case in {"events_reordered", "failed_then_captured"}:
            order = events[::-1] if case == "events_reordered" else events
            for number, event in enumerate(order):
                self.bank.delivery.submit(event, delay=number * REORDER_SECONDS)
        else:
            self._tell(events)
        return self._answer(link, payment, events, back=case != "tab_closed")

    def _paid(self, link: Link, payment: Payment, events: list[Event]) -> JsonObject:
        self._tell(events)
        return self._answer(link, payment, events)

    def _tell(self, events: list[Event], *, delay: float = 0.0, copies: int = 1) -> None:
        for event in events:
            self.bank.delivery.submit(event, delay=delay, copies=copies)

    def _answer(
        self, link: Link, payment: Payment, events: list[Event], *, back: bool = True
    ) -> JsonObject:
        return {
            "payment_id": payment.id,
            "link_id": link.id,
            "order_id": link.order_id,
            "amount": payment.amount,
            "status": payment.status,
            "link_status": link.status,
            "events": [{"id": event.id, "name": event.name} for event in events],
            "callback_url": self.bank.callback_url(link, payment) if back else None,
        }

    async def expire(self, request: Request) -> Any:
        """Let a link expire now, whatever the clock says."""
        link = self.find(request)
        if link.status != "created":
            raise Unusable(409, f"This link is {link.status}.")
        self.bank.expire(link)
        return self.shown(link)

    async def payments(self, _: Request) -> Any:
        return {"payments": [asdict(payment) for payment in self.world.payments.values()]}

    async def dispute(self, request: Request) -> Any:
        """{event}: created, under_review, action_required, won, lost or closed."""
        payment = self.world.payments.get(request.path_params["id"])
        if payment is None or not payment.captured:
            raise Unusable(404, "There is no captured payment with that id.")
        event = text_of(await json_of(request), "event", "created")
        if event not in DISPUTE_EVENTS:
            raise Unusable(422, f"event must be one of {', '.join(DISPUTE_EVENTS)}.")
        dispute, told = self.bank.dispute(payment, event)
        return asdict(dispute) | {"event": told.id}

    async def refunds(self, _: Request) -> Any:
        return {"refunds": [asdict(refund) for refund in self.world.refunds.values()]}

    async def settle(self, request: Request) -> Any:
        refund = self.world.refunds.get(request.path_params["id"])
        if refund is None:
            raise Unusable(404, "There is no refund with that id.")
        status = text_of(await json_of(request), "status", "processed")
        if status not in {"processed", "failed"}:
            raise Unusable(422, "status must be processed or failed.")
        event = self.bank.settle(refund, status)
        return asdict(refund) | {"event": event.id}

    async def events(self, _: Request) -> Any:
        return {"events": [event_shown(event) for event in self.world.events.values()]}

    async def deliver(self, request: Request) -> Any:
        """{copies, mutate_signature, new_event_id, delay_seconds}: send an event again."""
        event = self.world.events.get(request.path_params["id"])
        if event is None:
            raise Unusable(404, "There is no event with that id.")
        asked = await json_of(request)
        copies, delay = int(number_of(asked, "copies", 1)), number_of(asked, "delay_seconds", 0)
        if not 1 <= copies <= 100 or not 0 <= delay <= 3600:
            raise Unusable(422, "copies goes from 1 to 100, delay_seconds up to 3600.")
        if asked.get("new_event_id"):
            event.event_id = (
                self.world.ids.token(14) if event.provider == "razorpay" else self.world.ids.uuid()
            )
        answers: list[int | None] = []

        async def again() -> None:
            await asyncio.sleep(delay)
            for _ in range(copies):
                attempt = await self.bank.delivery.post(
                    event, spoil=bool(asked.get("mutate_signature"))
                )
                answers.append(attempt.status)
                if attempt.status is not None and attempt.status < 300:
                    event.state = "delivered"
            self.world.touch()

        if delay:
            self.bank.delivery.spawn(again())
        else:
            await again()
        return event_shown(event) | {"answers": answers}

    def find(self, request: Request) -> Link:
        self.bank.expire_due()
        link = self.world.links.get(request.path_params["id"])
        if link is None:
            raise Unusable(404, "There is no payment link with that id.")
        return link

    def shown(self, link: Link) -> JsonObject:
        return link_entity(link, webhook=True) | {"payment_ids": link.payments}


def event_shown(event: Event) -> JsonObject:
    return {
        "id": event.id,
        "provider": event.provider,
        "name": event.name,
        "event_id": event.event_id,
        "about": event.about,
        "state": event.state,
        "attempts": [asdict(attempt) for attempt in event.attempts],
        "created_at": event.created_at,
    }
