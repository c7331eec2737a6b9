"""Twilio's Messages resource: create, fetch, list, delete, with the refusals of the real one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from simulator.faults import Fault, Faults
from simulator.phone import API_VERSION, Phones
from simulator.rest import Call, Counter, Refused, paging
from simulator.settings import Settings
from simulator.twilio_content import buttons_of, problem, rendered
from simulator.wire_log import WireLog
from simulator.world import Button, JsonObject, Message, World

ADDRESS = re.compile(r"whatsapp:(\+[1-9]\d{6,14}|[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128})")
HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?")  # Twilio refuses underscores in callback hosts
BODY_LIMIT = 1600
MEDIA_LIMIT = 5 * 1024 * 1024  # outbound images


def counter(settings: Settings, world: World, log: WireLog, faults: Faults) -> Counter:
    """How Twilio's routes authenticate and refuse."""

    def too_many() -> Response:
        response = problem(429, 20429, "Too Many Requests")
        response.headers["Retry-After"] = "1"
        return response

    def reject(fault: Fault) -> Response:
        code = int(fault.code or 21211)
        return problem(400, code, fault.description or f"Refused on request with {code}")

    return Counter(
        provider="twilio",
        settings=settings,
        world=world,
        log=log,
        faults=faults,
        user=settings.account_sid,
        password=settings.auth_token,
        unauthorised=lambda: problem(401, 20003, "Authenticate"),
        too_many=too_many,
        # A gateway in front of the API answers HTML: callers must not expect JSON from a failure.
        broken=lambda status: HTMLResponse(
            "<html><body>upstream unavailable</body></html>", status
        ),
        reject=reject,
        not_there=not_found,
    )


def not_found() -> Response:
    return problem(404, 20404, "The requested resource was not found")


def rfc2822(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


@dataclass
class MessagesApi:
    """`/2010-04-01/Accounts/{sid}/Messages...`"""

    settings: Settings
    world: World
    phones: Phones
    counter: Counter

    def routes(self) -> list[Route]:
        route, base = self.counter.route, f"/{API_VERSION}/Accounts/{{account}}"
        one = base + "/Messages/{sid:str}.json"
        return [
            route(
                f"/{API_VERSION}/Accounts/{{account}}.json",
                "GET",
                "twilio.account.fetch",
                "Reads the account",
                self.account,
            ),
            route(
                base + "/Messages.json",
                "POST",
                "twilio.messages.create",
                "Shop sends a message",
                self.create,
            ),
            route(
                base + "/Messages.json",
                "GET",
                "twilio.messages.list",
                "Lists messages",
                self.search,
            ),
            route(one, "GET", "twilio.messages.fetch", "Reads a message", self.fetch),
            route(one, "POST", "twilio.messages.update", "Redacts a message", self.update),
            route(one, "DELETE", "twilio.messages.delete", "Deletes a message", self.delete),
        ]

    async def account(self, call: Call) -> Response:
        self.own(call)
        return JSONResponse(
            {
                "sid": self.settings.account_sid,
                "friendly_name": "Simulated account",
                "status": "active",
                "type": "Full",
                "owner_account_sid": self.settings.account_sid,
                "date_created": rfc2822(self.world.clock.now()),
                "date_updated": rfc2822(self.world.clock.now()),
                "uri": f"/{API_VERSION}/Accounts/{self.settings.account_sid}.json",
            }
        )

    async def create(self, call: Call) -> Response:
        self.own(call)
        form = call.form
        to, person = self._recipient(form), self.world.person_at(form.get("To", ""))
        media_urls = [value for name, value in call.pairs if name == "MediaUrl"]
        self._check(form, media_urls)
        if person is not None and person.opted_out:
            raise Refused(problem(400, 21610, "Attempt to send to unsubscribed recipient"))
        content_sid = form.get("ContentSid") or None
        body, buttons, list_title = form.get("Body", ""), list[Button](), ""
        if content_sid:
            body, buttons, list_title = self._filled(content_sid, self._variables(form))
        now = self.world.clock.now()
        message = Message(
            sid=self.world.ids.sid("MM" if media_urls or content_sid else "SM"),
            inbound=False,
            person=person.name if person else None,
            body=body,
            sender=form["From"],
            to=to,
            status="queued",
            created_at=now,
            updated_at=now,
            buttons=buttons,
            list_title=list_title,
            content_sid=content_sid,
            status_callback=form.get("StatusCallback", ""),
            statuses=["queued"],
        )
        self.world.messages[message.sid] = message
        call.about = message.sid
        call.line = f"Shop to {person.name if person else to}: {' '.join(body.split())[:70]}"
        failing = self.counter.faults.strike("twilio.messages.create", "fail_status")
        code = int(failing.code or 63024) if failing else None
        self.phones.delivery.spawn(self._bring(message, media_urls, code))
        shown = self.entity(message)
        if media_urls:
            shown["num_media"] = str(len(media_urls))
        return JSONResponse(shown, 201)

    async def _bring(self, message: Message, media_urls: list[str], code: int | None) -> None:
        for url in media_urls:
            if not await self._fetch_media(message, url):
                code = code or 63019
        await self.phones.receive(message, fail_with=code)

    async def _fetch_media(self, message: Message, url: str) -> bool:
        target = self.settings.reachable(url)
        if target is None:
            return False
        try:
            response = await self.phones.delivery.client.get(
                target, timeout=10.0, follow_redirects=True
            )
        except httpx2.HTTPError:
            return False
        if response.status_code != 200 or len(response.content) > MEDIA_LIMIT:
            return False
        kind = response.headers.get("content-type", "application/octet-stream").split(";")[0]
        self.phones.add_media(message, response.content, kind, "")
        return True

    def _recipient(self, form: dict[str, str]) -> str:
        to = form.get("To", "")
        if not to:
            raise Refused(problem(400, 21604, "A 'To' phone number is required."))
        if not ADDRESS.fullmatch(to):
            raise Refused(problem(400, 21211, f"Invalid 'To' Phone Number: {to}"))
        return to

    def _check(self, form: dict[str, str], media_urls: list[str]) -> None:
        if not form.get("From"):
            raise Refused(
                problem(400, 21603, "A 'From' phone number or MessagingServiceSid is required.")
            )
        if form["From"] != self.settings.number:
            text = "Twilio could not find a Channel with the specified From address"
            raise Refused(problem(400, 63007, text))
        if not any(form.get(name) for name in ("Body", "ContentSid", "MediaUrl")):
            raise Refused(
                problem(400, 21619, "A text message body or media urls must be specified.")
            )
        if len(form.get("Body", "")) > BODY_LIMIT:
            text = "The concatenated message body exceeds the 1600 character limit"
            raise Refused(problem(400, 21617, text))
        if len(media_urls) > 1 or any(
            urlsplit(url).scheme not in {"http", "https"} for url in media_urls
        ):
            raise Refused(
                problem(400, 21620, "Invalid media URL(s): WhatsApp takes one absolute address.")
            )
        callback = form.get("StatusCallback", "")
        if callback:
            parts = urlsplit(callback)
            if parts.scheme not in {"http", "https"} or not HOST.fullmatch(parts.netloc):
                raise Refused(
                    problem(400, 21609, f"The StatusCallback URL {callback} is not a valid url.")
                )
        validity = form.get("ValidityPeriod", "36000")
        if not validity.isdecimal() or not 1 <= int(validity) <= 36000:
            raise Refused(problem(400, 20001, "ValidityPeriod must be between 1 and 36000 seconds"))

    def _variables(self, form: dict[str, str]) -> dict[str, str]:
        wrong = Refused(problem(400, 21656, "The ContentVariables Parameter is invalid"))
        try:
            variables: Any = json.loads(form.get("ContentVariables") or "{}")
        except ValueError:
            raise wrong from None
        if not isinstance(variables, dict) or not all(
            isinstance(value, str) for value in variables.values()
        ):
            raise wrong
        return variables

    def _filled(self, content_sid: str, variables: dict[str, str]) -> tuple[str, list[Button], str]:
        content = self.world.contents.get(content_sid)
        if content is None:
            raise Refused(problem(400, 21654, f"ContentSid {content_sid} was not found"))
        shown = rendered(content, variables)
        if shown is None:
            raise Refused(
                problem(
                    400, 21656, "The ContentVariables Parameter is invalid: a variable has no value"
                )
            )
        return buttons_of(shown)

    async def fetch(self, call: Call) -> Response:
        return JSONResponse(self.entity(self.find(call)))

    async def update(self, call: Call) -> Response:
        message = self.find(call)
        if call.form.get("Body") != "":
            raise Refused(
                problem(400, 20001, "Only an empty Body is accepted: it redacts the message")
            )
        message.body = ""
        return JSONResponse(self.entity(message))

    async def delete(self, call: Call) -> Response:
        message = self.find(call)
        message.deleted = True
        for media in message.media:
            self.world.media.pop(media.sid, None)
        return Response(status_code=204)

    async def search(self, call: Call) -> Response:
        """Newest first; `To`, `From`, `DateSent`, `DateSent>`, `DateSent<`, `PageSize`, `Page`."""
        self.own(call)
        query = call.query
        size, page = paging(query, most=1000)
        found = [m for m in self.world.messages.values() if not m.deleted and _wanted(m, query)]
        found.sort(key=lambda message: message.created_at)
        found.reverse()
        shown = found[page * size : (page + 1) * size]
        base = f"/{API_VERSION}/Accounts/{self.settings.account_sid}/Messages.json"

        def uri(number: int) -> str:
            rest = "".join(
                f"&{quote(k)}={quote(v)}" for k, v in query.items() if k not in {"Page", "PageSize"}
            )
            return f"{base}?PageSize={size}&Page={number}{rest}"

        return JSONResponse(
            {
                "messages": [self.entity(message) for message in shown],
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(len(shown) - 1, 0),
                "uri": uri(page),
                "first_page_uri": uri(0),
                "previous_page_uri": uri(page - 1) if page else None,
                "next_page_uri": uri(page + 1) if len(found) > (page + 1) * size else None,
            }
        )

    def own(self, call: Call) -> None:
        if call.path.get("account") != self.settings.account_sid:
            raise Refused(not_found())

    def find(self, call: Call) -> Message:
        self.own(call)
        message = self.world.messages.get(call.path["sid"])
        if message is None or message.deleted:
            raise Refused(not_found())
        call.about = message.sid
        return message

    def entity(self, message: Message) -> JsonObject:
        uri = f"/{API_VERSION}/Accounts/{self.settings.account_sid}/Messages/{message.sid}"
        return {
            "account_sid": self.settings.account_sid,
            "api_version": API_VERSION,
            "body": message.body,
            "date_created": rfc2822(message.created_at),
            "date_sent": rfc2822(message.sent_at) if message.sent_at else None,
            "date_updated": rfc2822(message.updated_at or message.created_at),
            "direction": "inbound" if message.inbound else "outbound-api",
            "error_code": message.error_code,
            "error_message": message.error_message,
            "from": message.sender,
            "messaging_service_sid": None,
            "num_media": str(len(message.media)),
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "sid": message.sid,
            "status": message.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": message.to,
            "uri": f"{uri}.json",
        }


def _wanted(message: Message, query: dict[str, str]) -> bool:
    sent = message.sent_at or message.created_at
    if query.get("To") not in {None, "", message.to} or query.get("From") not in {
        None,
        "",
        message.sender,
    }:
        return False
    for name, value in query.items():
        if not name.startswith("DateSent") or not value:
            continue
        begin, end = _span(value)
        if name == "DateSent" and not begin <= sent < end:
            return False
        if name == "DateSent>" and sent < begin:
            return False
        if name == "DateSent<" and sent >= end:
            return False
    return True


def _span(value: str) -> tuple[int, int]:
    """A day or a moment, as the half-open span of seconds it covers."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Refused(problem(400, 20001, f"DateSent {value} is not a date")) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    begin = int(moment.timestamp())
    return begin, begin + (86400 if len(value) == 10 else 1)
