"""Razorpay's REST side of money that moved: payments, orders' payments, refunds."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.bank import Bank
from simulator.razorpay import UNKNOWN_ID, json_of, window
from simulator.razorpay_entities import order_entity, payment_entity, refund_entity
from simulator.razorpay_rules import LEAST_AMOUNT, check_notes, error, is_whole, refuse
from simulator.rest import Call, Counter, Refused
from simulator.settings import Settings
from simulator.world import JsonObject, Link, Payment, Refund, World

REFUND_KEY = re.compile(r"[A-Za-z0-9_-]{10,}")
REFUND_FIELDS = {"amount", "speed", "receipt", "notes"}


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
            raise refuse(UNKNOWN_ID)
        return JSONResponse(refund_entity(refund))

    async def refund(self, call: Call) -> Response:
        """Idempotent by `X-Refund-Idempotency`: same key and body, same refund.

        409 while the first one runs, 400 for the same key with another body.
        """
        payment, asked = self.find(call), json_of(call)
        call.line = f"Asks for a refund of ₹{_rupees(asked, payment)}"
        key = call.header("x-refund-idempotency")
        if not key:
            return JSONResponse(refund_entity(await self._refund(payment, asked)))
        if not REFUND_KEY.fullmatch(key):
            raise refuse("The idempotency key must be 10 or more of letters, digits, - and _")
        seen = self.world.refund_keys.get(key)
        if seen is not None:
            body, refund_id = seen
            if body != payment.id.encode() + call.body:
                text = "Different request with the same idempotency key has already been processed."
                raise refuse(text)
            if refund_id is None:
                raise Refused(error(409, "Request is already in progress"))
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
            raise refuse(f"{unknown[0]} is/are not required and should not be sent")
        if payment.amount_refunded >= payment.amount:
            raise refuse("The payment has been fully refunded already.")
        if payment.status != "captured":
            raise refuse("The payment status should be captured for action to be taken")
        if payment.disputed:
            raise refuse("The refund is blocked due to ongoing dispute on the payment")
        amount: Any = asked.get("amount", payment.amount - payment.amount_refunded)
        if not is_whole(amount) or amount == 0:
            raise refuse("The amount field is required and must be an integer.")
        if amount < LEAST_AMOUNT:
            raise refuse("The amount must be atleast INR 1.00")
        if amount > payment.amount - payment.amount_refunded:
            raise refuse("The total refund amount is greater than amount captured")
        if asked.get("speed", "normal") not in {"normal", "optimum"}:
            raise refuse("speed should be normal or optimum")
        receipt = asked.get("receipt")
        if receipt is not None and any(
            each.receipt == receipt for each in self.world.refunds.values()
        ):
            raise refuse("The receipt has already been used for another refund")
        check_notes(asked.get("notes"), value_limit=512)
        balance = self.world.habits.balance_paise
        if balance is not None and amount > balance:
            text = "Your account does not have enough balance to carry out the refund operation."
            raise refuse(text)

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


def _between(found: list[Any], query: dict[str, str]) -> list[Any]:
    count, skip = window(query)
    try:
        begin, end = int(query.get("from", "0")), int(query.get("to", "99999999999"))
    except ValueError:
        raise refuse("from and to must be Unix timestamps.") from None
    found = [each for each in found if begin <= each.created_at <= end]
    return found[::-1][skip : skip + count]


def _rupees(asked: JsonObject, payment: Payment) -> str:
    amount = asked.get("amount", payment.amount - payment.amount_refunded)
    return f"{amount / 100:.2f}" if is_whole(amount) else "?"
