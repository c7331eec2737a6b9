"""Twilio's Content API: interactive messages, their limits, and how they look on the phone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.rest import Call, Counter, Refused, paging
from simulator.settings import Settings
from simulator.world import Button, Content, JsonObject, World

VARIABLE = re.compile(r"\{\{(\w+)\}\}")
# WhatsApp shows the richest type it knows.
RICHEST_FIRST = (
    "twilio/list-picker",
    "twilio/quick-reply",
    "twilio/call-to-action",
    "twilio/media",
    "twilio/text",
)
TYPE_FIELDS = {
    "twilio/text": {"body"},
    "twilio/media": {"body", "media"},
    "twilio/quick-reply": {"body", "actions"},
    "twilio/list-picker": {"body", "button", "items"},
    "twilio/call-to-action": {"body", "actions"},
}
ACTION_KINDS = {"URL", "PHONE_NUMBER", "COPY_CODE", "VOICE_CALL"}


class Invalid(ValueError):
    """What is wrong with a content, in one sentence."""


def checked(types: Any) -> JsonObject:
    """The `types` of a content, after every limit. Raises Invalid."""
    if not isinstance(types, dict) or not types:
        raise Invalid("types: at least one content type is required")
    for name, value in types.items():
        if name not in TYPE_FIELDS:
            raise Invalid(f"types: {name} is not a known content type")
        if not isinstance(value, dict):
            raise Invalid(f"{name}: must be an object")
        if unknown := set(value) - TYPE_FIELDS[name]:
            raise Invalid(f"{name}: unknown field {min(unknown)}")
        _text(value, "body", 1600 if name in {"twilio/text", "twilio/media"} else 1024, name)
        if name == "twilio/quick-reply":
            _replies(value.get("actions"))
        elif name == "twilio/list-picker":
            _text(value, "button", 20, name)
            _items(value.get("items"))
        elif name == "twilio/call-to-action":
            _actions(value.get("actions"))
        elif name == "twilio/media" and len(_listed(value.get("media"), 1, 1, "media")) != 1:
            raise Invalid("media: WhatsApp takes one file")
    return types


def _text(
    value: Mapping[str, Any], name: str, limit: int, where: str, *, optional: bool = False
) -> None:
    text = value.get(name)
    if text is None and optional:
        return
    if not isinstance(text, str) or not text:
        raise Invalid(f"{where}: {name} is required")
    if len(text) > limit:
        raise Invalid(f"{where}: {name} must be at most {limit} characters, got {len(text)}")


def _listed(value: Any, least: int, most: int, what: str) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise Invalid(f"{what}: between {least} and {most} are required")
    return value


def _replies(actions: Any) -> None:
    for action in _listed(actions, 1, 10, "actions"):
        if action.get("type", "QUICK_REPLY") != "QUICK_REPLY":
            raise Invalid("actions: a quick reply takes type QUICK_REPLY only")
        _text(action, "title", 20, "actions")
        _text(action, "id", 200, "actions", optional=True)
    _different(actions, "title")


def _items(items: Any) -> None:
    for item in _listed(items, 1, 10, "items"):
        _text(item, "item", 24, "items")
        _text(item, "id", 200, "items")
        _text(item, "description", 72, "items", optional=True)
    _different(items, "id")


def _actions(actions: Any) -> None:
    for action in _listed(actions, 1, 2, "actions"):
        if action.get("type") not in ACTION_KINDS:
            raise Invalid(f"actions: type must be one of {', '.join(sorted(ACTION_KINDS))}")
        _text(action, "title", 20, "actions")
        if action["type"] == "URL":
            _text(action, "url", 2000, "actions")


def _different(entries: list[Any], name: str) -> None:
    values = [entry.get(name) for entry in entries]
    if len(set(values)) != len(values):
        raise Invalid(f"every {name} must be different")


def rendered(content: Content, variables: Mapping[str, str]) -> JsonObject | None:
    """The richest type with its variables filled in; None when one has no value."""
    name = next(name for name in RICHEST_FIRST if name in content.types)
    values = {**content.variables, **variables}
    missing = False

    def fill(value: Any) -> Any:
        nonlocal missing
        if isinstance(value, str):
            missing |= any(key not in values for key in VARIABLE.findall(value))
            return VARIABLE.sub(lambda match: values.get(match[1], ""), value)
        if isinstance(value, list):
            return [fill(each) for each in value]
        if isinstance(value, dict):
            return {key: fill(each) for key, each in value.items()}
        return value

    filled = {"type": name, **fill(content.types[name])}
    return None if missing else filled


def buttons_of(shown: JsonObject) -> tuple[str, list[Button], str]:
    """Text, buttons and the title of the list."""
    buttons = []
    for action in shown.get("actions", []):
        title = action["title"]
        if action.get("type") == "URL":
            buttons.append(Button(title, title, "url", action["url"]))
        elif action.get("type", "QUICK_REPLY") == "QUICK_REPLY":
            buttons.append(Button(action.get("id") or title, title))
    buttons += [
        Button(item["id"], item["item"], "list", description=item.get("description", ""))
        for item in shown.get("items", [])
    ]
    return shown["body"], buttons, shown.get("button", "")


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def problem(status: int, code: int, message: str) -> Response:
    """Twilio's error answer."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return JSONResponse(
        {"code": code, "message": message, "more_info": more, "status": status}, status
    )


@dataclass
class ContentApi:
    """`/v1/Content`"""

    settings: Settings
    world: World
    counter: Counter

    def routes(self) -> list[Route]:
        route, base = self.counter.route, "/v1/Content"
        return [
            route(base, "POST", "twilio.contents.create", "Shop prepares buttons", self.create),
            route(base, "GET", "twilio.contents.list", "Lists prepared buttons", self.search),
            route(
                base + "/{sid}",
                "GET",
                "twilio.contents.fetch",
                "Reads prepared buttons",
                self.fetch,
            ),
            route(
                base + "/{sid}",
                "DELETE",
                "twilio.contents.delete",
                "Deletes prepared buttons",
                self.delete,
            ),
            route(
                base + "/{sid}/ApprovalRequests/whatsapp",
                "POST",
                "twilio.contents.approve",
                "Asks WhatsApp to approve a template",
                self.approve,
            ),
            route(
                base + "/{sid}/ApprovalRequests",
                "GET",
                "twilio.contents.approval",
                "Reads a template's approval",
                self.approval,
            ),
        ]

    async def create(self, call: Call) -> Response:
        try:
            asked = call.json()
            if not isinstance(asked, dict):
                raise Invalid("the body must be a JSON object")
            if not isinstance(asked.get("language"), str) or not asked["language"]:
                raise Invalid("language is required")
            variables = asked.get("variables") or {}
            if not all(isinstance(value, str) for value in variables.values()):
                raise Invalid("variables: keys and values must be strings")
            types = checked(asked.get("types"))
        except (ValueError, AttributeError) as error:
            why = (
                str(error)
                if isinstance(error, Invalid)
                else "the body is not valid JSON of the documented shape"
            )
            raise Refused(problem(400, 20001, f"Invalid content: {why}")) from None
        content = Content(
            sid=self.world.ids.sid("HX"),
            friendly_name=str(asked.get("friendly_name") or ""),
            language=asked["language"],
            variables=variables,
            types=json.loads(json.dumps(types)),
            created_at=self.world.clock.now(),
        )
        self.world.contents[content.sid] = content
        call.line = f"Shop prepares buttons: {content.friendly_name or content.sid}"
        return JSONResponse(self.entity(content), 201)

    async def search(self, call: Call) -> Response:
        size, page = paging(call.query, most=500)
        everything = [self.entity(content) for content in self.world.contents.values()]
        url = f"{self.settings.origin}/v1/Content?PageSize={size}&Page="
        more = len(everything) > (page + 1) * size
        return JSONResponse(
            {
                "contents": everything[page * size : (page + 1) * size],
                "meta": {
                    "page": page,
                    "page_size": size,
                    "first_page_url": f"{url}0",
                    "previous_page_url": f"{url}{page - 1}" if page else None,
                    "url": f"{url}{page}",
                    "next_page_url": f"{url}{page + 1}" if more else None,
                    "key": "contents",
                },
            }
        )

    async def fetch(self, call: Call) -> Response:
        return JSONResponse(self.entity(self._find(call)))

    async def delete(self, call: Call) -> Response:
        del self.world.contents[self._find(call).sid]
        return Response(status_code=204)

    async def approve(self, call: Call) -> Response:
        """Approved at once, except what WhatsApp never approves."""
        content = self._find(call)
        if "twilio/list-picker" in content.types:
            raise Refused(
                problem(400, 20001, "list-picker can only be used in a session, not approved")
            )
        asked = call.json()
        content.approval, content.category = "approved", str(asked.get("category") or "UTILITY")
        return JSONResponse({**self._approval(content), "status": "received"}, 201)

    async def approval(self, call: Call) -> Response:
        content = self._find(call)
        return JSONResponse(
            {
                "sid": content.sid,
                "account_sid": self.settings.account_sid,
                "url": f"{self.settings.origin}/v1/Content/{content.sid}/ApprovalRequests",
                "whatsapp": self._approval(content),
            }
        )

    def _approval(self, content: Content) -> JsonObject:
        return {
            "type": "whatsapp",
            "name": content.friendly_name,
            "category": content.category,
            "content_type": next(iter(content.types)),
            "status": content.approval,
            "rejection_reason": "",
            "allow_category_change": True,
        }

    def _find(self, call: Call) -> Content:
        content = self.world.contents.get(call.path["sid"])
        if content is None:
            raise Refused(problem(404, 20404, "The requested resource was not found"))
        return content

    def entity(self, content: Content) -> JsonObject:
        url = f"{self.settings.origin}/v1/Content/{content.sid}"
        return {
            "account_sid": self.settings.account_sid,
            "date_created": _iso(content.created_at),
            "date_updated": _iso(content.created_at),
            "friendly_name": content.friendly_name,
            "language": content.language,
            "links": {
                "approval_create": f"{url}/ApprovalRequests/whatsapp",
                "approval_fetch": f"{url}/ApprovalRequests",
            },
            "sid": content.sid,
            "types": content.types,
            "url": url,
            "variables": content.variables,
        }
