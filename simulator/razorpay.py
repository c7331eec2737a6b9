"""Razorpay's REST side: payment links. Payments and refunds are in ``razorpay_payments``."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.bank import Bank
from simulator.faults import Fault, Faults
from simulator.razorpay_entities import (
    link_entity,
    link_payment,
)
from simulator.razorpay_rules import (
    PATCH_FIELDS,
    check_create,
    check_shared,
    error,
    refuse,
)
from simulator.rest import Call, Counter
from simulator.settings import Settings
from simulator.wire_log import WireLog
from simulator.world import JsonObject, Link, World

UNKNOWN_ID = "The id provided does not exist"


def counter(settings: Settings, world: World, log: WireLog, faults: Faults) -> Counter:
    """How Razorpay's routes authenticate and refuse."""

    def broken(status: int) -> Response:
        text = (
            "We are facing some trouble completing your request at the moment."
            " Please try again shortly."
        )
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


def window(query: dict[str, str]) -> tuple[int, int]:
    try:
        count, skip = int(query.get("count", "10")), int(query.get("skip", "0"))
    except ValueError:
        raise refuse("count and skip must be integers.") from None
    if not 1 <= count <= 100:
        raise refuse("The count must be between 1 and 100.")
    if skip < 0:
        raise refuse("The skip must be at least 0.")
    return count, skip


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
            expire_by=asked.get("expire_by", 0),
            updated_at=now,
        )
        self.world.links[link.id] = link
        if reference:
            self.world.references[reference] = link.id
        call.about, call.line = link.id, f"Asks for a payment link over ₹{link.amount / 100:.2f}"
        return JSONResponse(self.entity(link))

    def _must_be_new(self, reference: str) -> None:
        if reference in self.world.references:
            raise refuse(f"payment link creation with reference ID ({reference}) already attempted")

    async def search(self, call: Call) -> Response:
        query = call.query
        reference, payment_id = query.get("reference_id"), query.get("payment_id")
        if reference and len(reference) > 40:
            raise refuse("receipt: the length must be no more than 40.")
        found = list(self.world.links.values())[::-1]
        if reference is not None:
            known = self.world.references.get(reference)
            found = [self.world.links[known]] if known else []
        if payment_id is not None:
            payment = self.world.payments.get(payment_id)
            found = [link for link in found if payment and link.id == payment.link_id]
        count, skip = window(query)
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
                "update can only be made in created or partially paid state,"
                f" this link is {link.status}"
            )
        check_shared(asked, now=self.world.clock.now())
        reference = asked.get("reference_id")
        if reference and reference != link.reference_id:
            self._must_be_new(reference)
            self.world.references.pop(link.reference_id, None)
            self.world.references[reference] = link.id
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
