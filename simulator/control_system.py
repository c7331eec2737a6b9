"""Control calls about the simulator itself: faults, clock, habits, log, dump, printer, reset."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from simulator.bank import Bank
from simulator.control import Unusable, json_of, lever, number_of, query_number, text_of
from simulator.control_money import event_shown
from simulator.faults import CALL_KINDS, WEBHOOK_KINDS, WEBHOOKS, Faults
from simulator.paper import Paper
from simulator.wire_log import WireLog
from simulator.world import Habits, JsonObject, Message, World

PAPER_LOOK = 0.4  # seconds between looks at the printer's folder while a page waits for news


@dataclass
class SystemControl:
    world: World
    bank: Bank
    faults: Faults
    log: WireLog
    paper: Paper

    def routes(self) -> list[Route]:
        return [
            lever("/faults", "GET", self.faults_listed),
            lever("/faults", "POST", self.fault),
            lever("/faults", "DELETE", self.faults_off),
            lever("/faults/{id}", "DELETE", self.fault_off),
            lever("/clock", "GET", self.clock),
            lever("/clock", "POST", self.move_clock),
            lever("/settings", "GET", self.habits),
            lever("/settings", "POST", self.change_habits),
            lever("/webhooks/enable", "POST", self.enable_webhooks),
            lever("/log", "GET", self.rows),
            lever("/world", "GET", self.dump),
            lever("/changes", "GET", self.changes),
            lever("/paper", "GET", self.sheets),
            lever("/printer/quirk", "POST", self.quirk),
            lever("/reset", "POST", self.reset),
        ]

    async def faults_listed(self, _: Request) -> Any:
        return {
            "faults": self.faults.listed(),
            "kinds": CALL_KINDS | WEBHOOK_KINDS,
            "operations": [*sorted(self.faults.calls), *WEBHOOKS],
        }

    async def fault(self, request: Request) -> Any:
        """{operation, kind, times?, status?, seconds?, copies?, code?, description?}.

        `times` null: until removed.
        """
        asked = await json_of(request)
        operation, kind = text_of(asked, "operation"), text_of(asked, "kind")
        options = {
            name: value
            for name, value in asked.items()
            if name not in {"operation", "kind", "id", "hits"}
        }
        try:
            return JSONResponse(asdict(self.faults.add(operation, kind, **options)), 201)
        except ValueError as error:
            raise Unusable(422, str(error)) from None

    async def faults_off(self, _: Request) -> Any:
        self.faults.remove()
        return {"faults": []}

    async def fault_off(self, request: Request) -> Any:
        self.faults.remove(request.path_params["id"])
        return {"faults": self.faults.listed()}

    async def clock(self, _: Request) -> Any:
        return {"now": self.world.clock.now(), "ahead_seconds": round(self.world.clock.offset)}

    async def move_clock(self, request: Request) -> Any:
        """{advance_seconds}: the providers' own time; links whose time is over expire at once."""
        seconds = number_of(await json_of(request), "advance_seconds")
        if seconds < 0:
            raise Unusable(422, "advance_seconds must not be negative: time goes forward.")
        self.world.clock.advance(seconds)
        expired = self.bank.expire_due()
        self.world.touch()
        return {"now": self.world.clock.now(), "expired_links": expired}

    async def habits(self, _: Request) -> Any:
        return self._habits_shown()

    def _habits_shown(self) -> JsonObject:
        return asdict(self.world.habits) | {"webhook_enabled": self.world.webhook_enabled}

    async def change_habits(self, request: Request) -> Any:
        """Any of the settings that GET shows; wrong names and types are refused."""
        asked, known = await json_of(request), {each.name for each in fields(Habits)}
        for name, value in asked.items():
            if name not in known:
                raise Unusable(
                    422, f"There is no setting {name!r}; there are {', '.join(sorted(known))}."
                )
            now = getattr(self.world.habits, name)
            if now is not None and value is not None and not _fits(now, value):
                raise Unusable(422, f"{name} must be of the kind {type(now).__name__}.")
        if asked.get("refund_status", "processed") not in {"processed", "pending"}:
            raise Unusable(422, "refund_status must be processed or pending.")
        for name, value in asked.items():
            setattr(self.world.habits, name, value)
        return self._habits_shown()

    async def enable_webhooks(self, _: Request) -> Any:
        """Switch the Razorpay endpoint on again after too many failures disabled it."""
        self.world.webhook_enabled, self.world.webhook_failures = True, 0
        return {"webhook_enabled": True}

    async def rows(self, request: Request) -> Any:
        return {"rows": self.log.after(int(query_number(request, "after", 0)))}

    async def dump(self, _: Request) -> Any:
        """Everything, for invariant checks: both directions of messages, all money, all events."""
        world = self.world
        return {
            "now": world.clock.now(),
            "people": [
                {"name": p.name, "address": p.address, "user_id": p.user_id}
                for p in world.people.values()
            ],
            "messages": [message_shown(message) for message in world.messages.values()],
            "contents": [asdict(content) for content in world.contents.values()],
            "links": [_link(asdict(link)) for link in world.links.values()],
            "payments": [asdict(payment) for payment in world.payments.values()],
            "refunds": [asdict(refund) for refund in world.refunds.values()],
            "disputes": [asdict(dispute) for dispute in world.disputes.values()],
            "events": [event_shown(event) for event in world.events.values()],
            "media": [
                {"sid": m.sid, "message_sid": m.message_sid, "bytes": len(m.data)}
                for m in world.media.values()
            ],
        }

    async def changes(self, request: Request) -> Any:
        """Long poll for the page: returns when world or paper differ from what it names."""
        seen = int(query_number(request, "revision", -1)), request.query_params.get("paper", "")
        left = min(query_number(request, "timeout", 20), 30.0)
        while (
            (self.world.revision, self.paper.mark()) == seen and left > 0 and not self.world.closing
        ):
            await self.world.changed(min(PAPER_LOOK, left))
            left -= PAPER_LOOK
        return {"revision": self.world.revision, "paper": self.paper.mark()}

    async def sheets(self, _: Request) -> Any:
        return self.paper.shown()

    async def quirk(self, request: Request) -> Any:
        """{quirk}: the virtual printer's next mood; empty mends it."""
        try:
            self.paper.set_quirk(text_of(await json_of(request), "quirk"))
        except ValueError as error:
            raise Unusable(422, str(error)) from None
        except OSError as error:
            raise Unusable(
                409, f"The printer's folder cannot be written: {error.strerror}."
            ) from None
        self.world.touch()
        return self.paper.shown()

    async def reset(self, _: Request) -> Any:
        """Forget all but the three people; deliveries under way stop, faults go."""
        self.bank.delivery.forget()
        self.faults.remove()
        self.world.reset()
        self.log.clear()
        return {"reset": True}


def message_shown(message: Message) -> JsonObject:
    return {
        "sid": message.sid,
        "direction": "inbound" if message.inbound else "outbound",
        "person": message.person,
        "body": message.body,
        "from": message.sender,
        "to": message.to,
        "status": message.status,
        "statuses": message.statuses,
        "error_code": message.error_code,
        "content_sid": message.content_sid,
        "buttons": [{"id": each.id, "title": each.title} for each in message.buttons],
        "media": [
            {"sid": each.sid, "content_type": each.content_type, "bytes": len(each.data)}
            for each in message.media
        ],
        "created_at": message.created_at,
        "deleted": message.deleted,
    }


def _link(link: JsonObject) -> JsonObject:
    """A link with the reference where checks look for it."""
    return link | {"reference_id": link["fields"].get("reference_id", "")}


def _fits(now: Any, value: Any) -> bool:
    if isinstance(now, bool) or isinstance(value, bool):
        return isinstance(now, bool) and isinstance(value, bool)
    if isinstance(now, int | float):
        return isinstance(value, int | float)
    return isinstance(value, type(now))
