"""One route of a provider: Basic auth, misfortune, the handler, and a line in the wire log."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.faults import Fault, Faults
from simulator.settings import Settings
from simulator.wire_log import WireLog
from simulator.world import World

CALL_FAULTS = (
    "error",
    "error_after",
    "slow",
    "timeout",
    "answer_lost",
    "refused",
    "rate_limit",
    "reject",
    "media_404",
)


class Refused(Exception):
    """The provider says no; carries the answer it gives."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass
class Call:
    """A request from the backend, read once."""

    request: Request
    body: bytes
    line: str  # plain words for the wire log; a handler may make them better
    about: str = ""
    _form: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> dict[str, str]:
        return dict(self.request.path_params)

    @property
    def query(self) -> dict[str, str]:
        return dict(self.request.query_params)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Form fields in order, repeated ones included."""
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def form(self) -> dict[str, str]:
        return dict(self.pairs)

    def json(self) -> Any:
        """The body as JSON; an empty body is an empty object. Raises ValueError."""
        return json.loads(self.body) if self.body.strip() else {}

    def header(self, name: str) -> str:
        return self.request.headers.get(name, "")


Handler = Callable[[Call], Awaitable[Response]]


def paging(query: dict[str, str], *, most: int) -> tuple[int, int]:
    """`PageSize` and `Page` of a Twilio list; what is no number counts as not given."""
    size, page = query.get("PageSize", ""), query.get("Page", "")
    return (
        min(max(int(size), 1), most) if size.isdecimal() else 50,
        int(page) if page.isdecimal() else 0,
    )


@dataclass
class Counter:
    """Where a provider's routes are made: who may call, how it refuses, what is written down."""

    provider: Literal["twilio", "razorpay"]
    settings: Settings
    world: World
    log: WireLog
    faults: Faults
    user: str
    password: str
    unauthorised: Callable[[], Response]
    too_many: Callable[[], Response]
    broken: Callable[[int], Response]
    reject: Callable[[Fault], Response]
    not_there: Callable[[], Response] | None = None

    def route(self, path: str, method: str, operation: str, line: str, handler: Handler) -> Route:
        """A route that runs `handler` after Basic auth, under the faults for `operation`."""
        self.faults.calls.add(operation)

        async def endpoint(request: Request) -> Response:
            begun = time.monotonic()
            call = Call(request, await request.body(), line)
            response, lost = await self._answer(call, operation, handler)
            self.log.add(
                direction="in",
                provider=self.provider,
                operation=operation,
                line=call.line,
                method=method,
                path=str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
                status=None if lost else response.status_code,
                seconds=time.monotonic() - begun,
                headers=dict(request.headers),
                body=call.body,
                answer=bytes(response.body),
                about=call.about,
            )
            self.world.touch()
            if lost:
                hang_up(request)
            return response

        return Route(path, endpoint, methods=[method])

    async def _answer(self, call: Call, operation: str, handler: Handler) -> tuple[Response, bool]:
        if not self._known(call):
            return self.unauthorised(), False
        fault = self.faults.strike(operation, *CALL_FAULTS)
        kind = fault.kind if fault else ""
        if fault:
            call.line += f" (fault: {kind})"
            instead = await self._instead(fault)
            if instead is not None:
                return instead, kind in {"timeout", "refused"}
        try:
            response = await handler(call)
        except Refused as refusal:
            response = refusal.response
        if fault and kind == "error_after":
            return self.broken(fault.status), False
        return response, kind == "answer_lost"

    async def _instead(self, fault: Fault) -> Response | None:
        """The answer of a call that is not done at all; None when it is done all the same."""
        if fault.kind == "slow":
            await asyncio.sleep(5.0 if fault.seconds is None else fault.seconds)
        if fault.kind == "timeout":
            await asyncio.sleep(60.0 if fault.seconds is None else fault.seconds)
        answers: dict[str, Callable[[], Response]] = {
            "timeout": lambda: self.broken(504),
            "refused": lambda: self.broken(503),
            "error": lambda: self.broken(fault.status),
            "rate_limit": self.too_many,
            "reject": lambda: self.reject(fault),
        }
        if self.not_there is not None:
            answers["media_404"] = self.not_there
        answer = answers.get(fault.kind)
        return answer() if answer else None

    def _known(self, call: Call) -> bool:
        expected = base64.b64encode(f"{self.user}:{self.password}".encode())
        scheme, _, given = call.header("authorization").partition(" ")
        return scheme.lower() == "basic" and hmac.compare_digest(given.strip().encode(), expected)


def hang_up(request: Request) -> None:
    """Drop the connection without a byte, as a broken network does.

    `simulator.server` puts the transport into the request's state; elsewhere the call fails,
    which the client sees as a broken exchange as well.
    """
    transport = request.scope.get("state", {}).get("transport")
    if transport is None:
        raise ConnectionResetError("the answer was lost on purpose")
    transport.abort()
