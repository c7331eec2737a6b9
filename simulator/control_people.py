"""Control calls about people: who they are, what they do, what they see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator import samples
from simulator.control import Unusable, json_of, lever, query_number, text_of
from simulator.phone import Phones, links_in
from simulator.world import Button, Event, JsonObject, Message, Person, World

E164 = re.compile(r"\+[1-9]\d{7,14}")
CHANGEABLE = ("hidden", "old_account", "joined", "opted_out", "reads")
FIRST_ANSWER = 5.0  # seconds a control call waits for the webhook's first answer
LONGEST_WAIT = 600.0


@dataclass
class PeopleControl:
    world: World
    phones: Phones

    def routes(self) -> list[Route]:
        one = "/people/{name}"
        return [
            lever("/people", "GET", self.search),
            lever("/people", "POST", self.add),
            lever(one, "PATCH", self.change),
            lever(one + "/say", "POST", self.say),
            lever(one + "/tap", "POST", self.tap),
            lever(one + "/send", "POST", self.send),
            lever(one + "/pin", "POST", self.pin),
            lever(one + "/chat", "GET", self.chat),
            lever(one + "/wait", "GET", self.wait),
            lever("/media/{sid}", "GET", self.media),
        ]

    async def search(self, _: Request) -> Any:
        return {"people": [self.shown(person) for person in self.world.people.values()]}

    async def add(self, request: Request) -> Any:
        """{name, phone?, hidden?, ...}: without a phone, the next practice number is taken."""
        asked = await json_of(request)
        name = text_of(asked, "name").strip()
        if not name or name in self.world.people:
            raise Unusable(
                409, f"There is already somebody called {name}." if name else "A name is needed."
            )
        phone = asked.get("phone") or f"+9190001{len(self.world.people):05d}"
        if not isinstance(phone, str) or not E164.fullmatch(phone):
            raise Unusable(422, "phone must look like +919000090000.")
        if self.world.person_at(phone):
            raise Unusable(409, f"{phone} belongs to somebody else already.")
        person = self.world.add_person(name, phone)
        self._change(person, asked)
        return JSONResponse(self.shown(person), 201)

    async def change(self, request: Request) -> Any:
        """{hidden, old_account, joined, opted_out, reads}: any of them, true or false."""
        person = self.find(request)
        self._change(person, await json_of(request))
        return self.shown(person)

    def _change(self, person: Person, asked: JsonObject) -> None:
        for name in CHANGEABLE:
            if name in asked:
                if not isinstance(asked[name], bool):
                    raise Unusable(422, f"{name} must be true or false.")
                setattr(person, name, asked[name])
        self.world.touch()

    async def say(self, request: Request) -> Any:
        person, text = self.find(request), text_of(await json_of(request), "text")
        if not text.strip() or len(text) > 4096:
            raise Unusable(422, "text must have between 1 and 4096 characters.")
        return await self._outcome(await self.phones.say(person, text))

    async def tap(self, request: Request) -> Any:
        """{title or id, sid?}: the newest message that has such a button, or the message `sid`."""
        person, asked = self.find(request), await json_of(request)
        title, wanted = asked.get("title"), asked.get("id")
        if not isinstance(title or wanted, str):
            raise Unusable(422, "title or id says which button is tapped.")
        for message in reversed(person.chat):
            if message.inbound or (asked.get("sid") and asked["sid"] != message.sid):
                continue
            for button in message.buttons:
                if button.kind != "url" and _same(button, title, wanted):
                    return await self._outcome(await self.phones.tap(person, message, button))
        seen = [each.title for message in person.chat for each in message.buttons][-6:]
        raise Unusable(
            404, f"{person.name} has no button {title or wanted!r}; the last ones are {seen}."
        )

    async def send(self, request: Request) -> Any:
        """Multipart `file`s with `caption` and `content_type`, or JSON {sample, caption?}."""
        person = self.find(request)
        if request.headers.get("content-type", "").startswith("multipart/"):
            files, caption = await self._uploaded(request)
        else:
            asked = await json_of(request)
            caption, name = text_of(asked, "caption", ""), text_of(asked, "sample")
            if name not in samples.SAMPLES:
                raise Unusable(
                    404, f"There is no sample {name!r}; there are {', '.join(samples.SAMPLES)}."
                )
            files = samples.SAMPLES[name]()
        outcomes = []
        for number, (name, kind, data) in enumerate(files):
            event = await self.phones.send(
                person, data, kind, name=name, caption="" if number else caption
            )
            outcomes.append(event)
        told = [await self._outcome(event) for event in outcomes]
        return told[0] | {"sids": [each["sid"] for each in told]}

    async def _uploaded(self, request: Request) -> tuple[list[tuple[str, str, bytes]], str]:
        async with request.form(max_files=20) as form:
            kind, caption = form.get("content_type"), form.get("caption")
            files = []
            for each in form.getlist("file"):
                if isinstance(each, UploadFile):
                    declared = kind if isinstance(kind, str) and kind else each.content_type
                    name = each.filename or "file"
                    files.append((name, declared or "application/octet-stream", await each.read()))
        if not files:
            raise Unusable(422, "Send at least one part called file.")
        return files, caption if isinstance(caption, str) else ""

    async def pin(self, request: Request) -> Any:
        """{latitude, longitude, address?, label?}: a location."""
        person, asked = self.find(request), await json_of(request)
        fields = {
            name.capitalize(): str(asked[name])
            for name in ("latitude", "longitude", "address", "label")
            if asked.get(name) is not None
        }
        return await self._outcome(await self.phones.pin(person, fields))

    async def _outcome(self, event: Event | None) -> JsonObject:
        """What became of it: `status` is the backend's first answer, null while none has come."""
        if event is None:
            return {"sid": None, "event": None, "status": None, "state": "kept"}
        if event.state == "pending":
            await self.world.until(
                lambda: event if event.attempts or event.state != "pending" else None, FIRST_ANSWER
            )
        status = event.attempts[0].status if event.attempts else None
        return {"sid": event.about, "event": event.id, "status": status, "state": event.state}

    async def chat(self, request: Request) -> Any:
        person = self.find(request)
        return {
            "person": self.shown(person),
            "messages": [self.bubble(message) for message in person.chat],
        }

    async def wait(self, request: Request) -> Any:
        """Wait for a message of the shop.

        `contains` or `matches` (a pattern), from index `after`, at most `timeout` seconds.
        """
        person, query = self.find(request), request.query_params
        after, timeout = (
            int(query_number(request, "after", 0)),
            query_number(request, "timeout", 30),
        )
        try:
            pattern = re.compile(
                query.get("matches") or re.escape(query.get("contains", "")),
                re.IGNORECASE | re.DOTALL,
            )
        except re.error as error:
            raise Unusable(422, f"matches is not a pattern: {error}.") from None

        def found() -> tuple[int, Message] | None:
            for index, message in enumerate(person.chat):
                if index >= after and not message.inbound and pattern.search(searchable(message)):
                    return index, message
            return None

        hit = await self.world.until(found, min(timeout, LONGEST_WAIT))
        if hit is None:
            last = next((m.body for m in reversed(person.chat) if not m.inbound), "nothing at all")
            raise Unusable(
                408,
                f"{person.name} saw no such message in {timeout:g} s; the last one says: {last}",
            )
        return {"index": hit[0], "count": len(person.chat), "message": self.bubble(hit[1])}

    async def media(self, request: Request) -> Any:
        """The bytes of a file in a chat, for the page. Only pictures are shown in place."""
        media = self.world.media.get(request.path_params["sid"])
        if media is None:
            raise Unusable(404, "That file is gone.")
        shown = media.content_type in {"image/jpeg", "image/png", "image/webp"}
        kind = "inline" if shown else f"attachment; filename*=UTF-8''{quote(media.name)}"
        return Response(
            media.data,
            media_type=media.content_type,
            headers={
                "Content-Disposition": kind,
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            },
        )

    def find(self, request: Request) -> Person:
        person = self.world.people.get(request.path_params["name"])
        if person is None:
            raise Unusable(404, f"Nobody here is called {request.path_params['name']}.")
        return person

    def shown(self, person: Person) -> JsonObject:
        return {
            "name": person.name,
            "phone": person.phone,
            "address": person.address,
            "user_id": person.user_id,
            **{name: getattr(person, name) for name in CHANGEABLE},
            "window_open": self.world.window_open(person),
            "messages": len(person.chat),
        }

    def bubble(self, message: Message) -> JsonObject:
        """A message as the customer sees it."""
        return {
            "from": "customer" if message.inbound else "shop",
            "sid": message.sid,
            "text": message.body,
            "buttons": [_button(button) for button in message.buttons],
            "list_title": message.list_title,
            "links": links_in(message),
            "media": [
                {
                    "sid": each.sid,
                    "name": each.name,
                    "content_type": each.content_type,
                    "bytes": len(each.data),
                }
                for each in message.media
            ],
            "tapped": message.tapped,
            "status": message.status,
            "at": message.created_at,
        }


def searchable(message: Message) -> str:
    """Text, button titles and addresses, for `wait`."""
    return "\n".join([message.body, *(f"{each.title} {each.url}" for each in message.buttons)])


def _button(button: Button) -> JsonObject:
    shown: JsonObject = {"id": button.id, "title": button.title, "kind": button.kind}
    if button.url:
        shown["url"] = button.url
    if button.description:
        shown["description"] = button.description
    return shown


def _same(button: Button, title: Any, wanted: Any) -> bool:
    if wanted is not None:
        return button.id == str(wanted)
    return button.title.casefold() == str(title).casefold()
