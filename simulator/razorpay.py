"""Razorpay's REST side: payment links, payments, orders' payments and refunds."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.bank import Bank
from simulator.faults import Fault, Faults
from simulator.razorpay_entities import (
    link_entity,
    link_payment,
    order_entity,
    payment_entity,
    refund_entity,
)
from simulator.razorpay_rules import (
    LEAST_AMOUNT,
    PATCH_FIELDS,
    check_create,
    check_notes,
    check_shared,
    error,
    is_whole,
    refuse,
)
from simulator.rest import Call, Counter, Refused
from simulator.settings import Settings
from simulator.wire_log import WireLog
from simulator.world import JsonObject, Link, Payment, Refund, World

DEFAULT_LIFE = 182 * 86400  # links without expire_by live six months
REFUND_KEY = re.compile(r"[A-Za-z0-9_-]{10,}")
REFUND_FIELDS = {"amount", "speed", "receipt", "notes"}
UNKNOWN_ID = "The id provided does not exist"


def counter(settings: Settings, world: World, log: WireLog, faults: Faults) -> Counter:
    """How Razorpay's routes authenticate and refuse."""

    def broken(status: int) -> Response:
        text = "We are facing some trouble completing your request at the moment. Please try again shortly."
        return error(status, text, code="SERVER_ERROR")

    def reject(fault: Fault) -> Response:
        text = fault.description or "an update is already in progress."
        return error(
            fault.status if fault.status != 500 else 400,
            text,
            code=str(fault.code or "BAD_REQUEST_ERROR"),
        )

    return Counter(
        provider="razorpay",
        settings=settings,
        world=world,
        log=log,
        faults=faults,
        user=settings.key_id,
        password=settings.key_secret,
        unauthorised=lambda: error(401, "The api key provided is invalid"),
        too_many=lambda: error(429, "Too many requests, please try again later."),
        broken=broken,
        reject=reject,
    )


def json_of(call: Call) -> JsonObject:
    """The JSON object sent. Raises Refused."""
    try:
        asked = call.json()
    except ValueError:
        raise refuse("The request body is not valid JSON") from None
    if not isinstance(asked, dict):
        raise refuse("The request body must be a JSON object")
    return asked


@dataclass
class LinksApi:
    settings: Settings
    world: World
    bank: Bank
    counter: Counter

    def routes(self) -> list[Route]:
        route, base = self.counter.route, "/v1/payment_links"
        return [
            route(base, "POST", "razorpay.links.create", "Asks for a payment link", self.create),
            route(base, "GET", "razorpay.links.list", "Looks for payment links", self.search),
            route(
                base + "/{id}", "GET", "razorpay.links.fetch", "Looks at a payment link", self.fetch
            ),
            route(
                base + "/{id}",
                "PATCH",
                "razorpay.links.patch",
                "Changes a payment link",
                self.patch,
            ),
            route(
                base + "/{id}/cancel",
                "POST",
                "razorpay.links.cancel",
                "Cancels a payment link",
                self.cancel,
            ),
            route(
                base + "/{id}/notify_by/{medium}",
                "POST",
                "razorpay.links.notify",
                "Has a payment link sent again",
                self.notify,
            ),
        ]

    async def create(self, call: Call) -> Response:
        asked, now = json_of(call), self.world.clock.now()
        check_create(asked, now=now)
        reference = asked.get("reference_id")
        if reference:
            self._must_be_new(reference)
        link_id = self.world.ids.rzp("plink")
        link = Link(
            id=link_id,
            amount=asked["amount"],
            currency="INR",
            created_at=now,
            fields=asked,
            short_url=f"{self.settings.origin}/l/{link_id}",
            expire_by=asked.get("expire_by", now + DEFAULT_LIFE),
            updated_at=now,
        )
        self.world.links[link.id] = link
        call.about, call.line = link.id, f"Asks for a payment link over ₹{link.amount / 100:.2f}"
        return JSONResponse(self.entity(link))

    def _must_be_new(self, reference: str) -> None:
        if any(link.reference_id == reference for link in self.world.links.values()):
            raise refuse(f"payment link creation with reference ID ({reference}) already attempted")

    async def search(self, call: Call) -> Response:
        query = call.query
        reference, payment_id = query.get("reference_id"), query.get("payment_id")
        if reference and len(reference) > 40:
            raise refuse("receipt: the length must be no more than 40.")
        found = list(self.world.links.values())[::-1]
        if reference is not None:
            found = [link for link in found if link.reference_id == reference]
        if payment_id is not None:
            payment = self.world.payments.get(payment_id)
            found = [link for link in found if payment and link.id == payment.link_id]
        count, skip = _window(query)
        if reference is None and payment_id is None:
            found = found[skip : skip + count]
        return JSONResponse({"payment_links": [self.entity(link) for link in found]})

    async def fetch(self, call: Call) -> Response:
        return JSONResponse(self.entity(self.find(call)))

    async def cancel(self, call: Call) -> Response:
        link = self.find(call)
        self.bank.expire_due()
        if link.status in {"paid", "partially_paid"}:
            raise refuse("cannot cancel or expire an already paid/partially paid link")
        if link.status != "created":
            raise refuse("cannot cancel an already cancelled/expired link")
        self.bank.cancel(link)
        return JSONResponse(self.entity(link))

    async def patch(self, call: Call) -> Response:
        link, asked = self.find(call), json_of(call)
        if set(asked) - PATCH_FIELDS:
            raise refuse("extra fields sent.")
        if link.status not in {"created", "partially_paid"}:
            raise refuse(
                f"update can only be made in created or partially paid state, this link is {link.status}"
            )
        check_shared(asked, now=self.world.clock.now())
        reference = asked.get("reference_id")
        if reference and reference != link.reference_id:
            self._must_be_new(reference)
        link.expire_by = asked.pop("expire_by", link.expire_by)
        link.notes_patched = link.notes_patched or "notes" in asked
        link.fields |= asked
        link.updated_at = self.world.clock.now()
        return JSONResponse(self.entity(link))

    async def notify(self, call: Call) -> Response:
        link = self.find(call)
        if call.path["medium"] not in {"sms", "email"}:
            raise refuse("not a valid notification medium")
        if link.status not in {"created", "partially_paid"}:
            raise refuse(f"notification cannot be sent for a link that is {link.status}")
        return JSONResponse({"success": True})

    def find(self, call: Call) -> Link:
        link = self.world.links.get(call.path["id"])
        if link is None:
            raise refuse(UNKNOWN_ID)
        call.about = link.id
        return link

    def entity(self, link: Link) -> JsonObject:
        paid = [self.world.payments[each] for each in link.payments]
        return link_entity(
            link, webhook=False, payments=[link_payment(link, each) for each in paid]
        )


@dataclass
class PaymentsApi:
    settings: Settings
    world: World
    bank: Bank
    counter: Counter

    def routes(self) -> list[Route]:
        route, base = self.counter.route, "/v1/payments"
        one = base + "/{id}"
        return [
            route(base, "GET", "razorpay.payments.list", "Lists payments", self.search),
            route(one, "GET", "razorpay.payments.fetch", "Looks at a payment", self.fetch),
            route(
                one + "/capture",
                "POST",
                "razorpay.payments.capture",
                "Captures a payment",
                self.capture,
            ),
            route(
                one + "/refund", "POST", "razorpay.refunds.create", "Asks for a refund", self.refund
            ),
            route(
                one + "/refunds",
                "GET",
                "razorpay.refunds.list",
                "Lists a payment's refunds",
                self.refunds_of,
            ),
            route(
                one + "/refunds/{refund}",
                "GET",
                "razorpay.refunds.fetch",
                "Looks at a refund",
                self.refund_of,
            ),
            route("/v1/refunds", "GET", "razorpay.refunds.list", "Lists refunds", self.refunds),
            route(
                "/v1/refunds/{refund}",
                "GET",
                "razorpay.refunds.fetch",
                "Looks at a refund",
                self.refund_of,
            ),
            route(
                "/v1/orders/{order}",
                "GET",
                "razorpay.orders.fetch",
                "Looks at an order",
                self.order,
            ),
            route(
                "/v1/orders/{order}/payments",
                "GET",
                "razorpay.orders.payments",
                "Lists the attempts to pay an order",
                self.order_payments,
            ),
        ]

    async def search(self, call: Call) -> Response:
        """Newest first; `from` and `to` in Unix seconds, `count` up to 100, `skip`."""
        found = _between(list(self.world.payments.values()), call.query)
        return collection([payment_entity(payment) for payment in found])

    async def fetch(self, call: Call) -> Response:
        return JSONResponse(payment_entity(self.find(call)))

    async def capture(self, call: Call) -> Response:
        payment = self.find(call)
        if payment.captured:
            raise refuse("This payment has already been captured")
        raise refuse("The payment must be authorized before it can be captured")

    async def order(self, call: Call) -> Response:
        return JSONResponse(order_entity(self._link_of_order(call)))

    async def order_payments(self, call: Call) -> Response:
        link = self._link_of_order(call)
        found = [each for each in self.world.payments.values() if each.order_id == link.order_id]
        return collection([payment_entity(payment) for payment in found])

    async def refunds(self, call: Call) -> Response:
        found = _between(list(self.world.refunds.values()), call.query)
        return collection([refund_entity(refund) for refund in found])

    async def refunds_of(self, call: Call) -> Response:
        payment = self.find(call)
        found = [
            refund for refund in self.world.refunds.values() if refund.payment_id == payment.id
        ]
        return collection([refund_entity(refund) for refund in found[::-1]])

    async def refund_of(self, call: Call) -> Response:
        refund = self.world.refunds.get(call.path["refund"])
        if refund is None or call.path.get("id", refund.payment_id) != refund.payment_id:
            raise refuse(UNKNOWN_ID, source=True)
        return JSONResponse(refund_entity(refund))

    async def refund(self, call: Call) -> Response:
        """Idempotent by `X-Refund-Idempotency`: same key and body, same refund; 409 while the first one runs."""
        payment, asked = self.find(call), json_of(call)
        call.line = f"Asks for a refund of ₹{_rupees(asked, payment)}"
        key = call.header("x-refund-idempotency")
        if not key:
            return JSONResponse(refund_entity(await self._refund(payment, asked)))
        if not REFUND_KEY.fullmatch(key):
            raise refuse(
                "The idempotency key must be 10 or more of letters, digits, - and _", source=True
            )
        seen = self.world.refund_keys.get(key)
        if seen is not None:
            body, refund_id = seen
            if body != payment.id.encode() + call.body:
                text = "Different request with the same idempotency key has already been processed."
                raise refuse(text, source=True)
            if refund_id is None:
                raise Refused(error(409, "Request is already in progress", source=True))
            return JSONResponse(refund_entity(self.world.refunds[refund_id]))
        self.world.refund_keys[key] = (payment.id.encode() + call.body, None)
        try:
            refund = await self._refund(payment, asked)
        except BaseException:
            # A refusal leaves no trace: the same key may be tried again.
            self.world.refund_keys.pop(key, None)
            raise
        self.world.refund_keys[key] = (payment.id.encode() + call.body, refund.id)
        return JSONResponse(refund_entity(refund))

    async def _refund(self, payment: Payment, asked: JsonObject) -> Refund:
        if self.world.habits.refund_seconds:
            await asyncio.sleep(self.world.habits.refund_seconds)
        self._check_refund(payment, asked)
        return self.bank.refund(payment, asked)

    def _check_refund(self, payment: Payment, asked: JsonObject) -> None:
        if unknown := sorted(set(asked) - REFUND_FIELDS):
            raise refuse(f"{unknown[0]} is/are not required and should not be sent", source=True)
        if payment.amount_refunded >= payment.amount:
            raise refuse("The payment has been fully refunded already.", source=True)
        if payment.status != "captured":
            raise refuse(
                "The payment status should be captured for action to be taken", source=True
            )
        if payment.disputed:
            raise refuse("The refund is blocked due to ongoing dispute on the payment", source=True)
        amount: Any = asked.get("amount", payment.amount - payment.amount_refunded)
        if not is_whole(amount) or amount == 0:
            raise refuse("The amount field is required and must be an integer.", source=True)
        if amount < LEAST_AMOUNT:
            raise refuse("The amount must be atleast INR 1.00", source=True)
        if amount > payment.amount - payment.amount_refunded:
            raise refuse("The total refund amount is greater than amount captured", source=True)
        if asked.get("speed", "normal") not in {"normal", "optimum"}:
            raise refuse("speed should be normal or optimum", source=True)
        receipt = asked.get("receipt")
        if receipt is not None and any(
            each.receipt == receipt for each in self.world.refunds.values()
        ):
            raise refuse("The receipt has already been used for another refund", source=True)
        check_notes(asked.get("notes"), source=True, value_limit=512)
        balance = self.world.habits.balance_paise
        if balance is not None and amount > balance:
            text = "Your account does not have enough balance to carry out the refund operation."
            raise refuse(text, source=True)

    def find(self, call: Call) -> Payment:
        payment = self.world.payments.get(call.path["id"])
        if payment is None:
            raise refuse(UNKNOWN_ID)
        call.about = payment.link_id
        return payment

    def _link_of_order(self, call: Call) -> Link:
        link = self.world.order(call.path["order"])
        if link is None:
            raise refuse(UNKNOWN_ID)
        call.about = link.id
        return link


def collection(items: list[JsonObject]) -> Response:
    return JSONResponse({"entity": "collection", "count": len(items), "items": items})


def _window(query: dict[str, str]) -> tuple[int, int]:
    try:
        count, skip = int(query.get("count", "10")), int(query.get("skip", "0"))
    except ValueError:
        raise refuse("count and skip must be integers.") from None
    if not 1 <= count <= 100:
        raise refuse("The count must be between 1 and 100.")
    if skip < 0:
        raise refuse("The skip must be at least 0.")
    return count, skip


def _between(found: list[Any], query: dict[str, str]) -> list[Any]:
    count, skip = _window(query)
    try:
        begin, end = int(query.get("from", "0")), int(query.get("to", "99999999999"))
    except ValueError:
        raise refuse("from and to must be Unix timestamps.") from None
    found = [each for each in found if begin <= each.created_at <= end]
    return found[::-1][skip : skip + count]


def _rupees(asked: JsonObject, payment: Payment) -> str:
    amount = asked.get("amount", payment.amount - payment.amount_refunded)
    return f"{amount / 100:.2f}" if is_whole(amount) else "?"
