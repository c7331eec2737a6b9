"""Levers of the simulator as HTTP: the page's buttons and the tests use the same calls."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.world import JsonObject

Lever = Callable[[Request], Awaitable[Any]]


class Unusable(Exception):
    """A control call that cannot be done; the sentence says why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def lever(path: str, method: str, act: Lever) -> Route:
    """A control route: `act` returns JSON, or raises Unusable."""

    async def endpoint(request: Request) -> Response:
        # Other pages in the same browser may not pull levers: they cannot send JSON unasked,
        # and a form post carries an Origin of its own.
        origin = request.headers.get("origin")
        if method != "GET" and origin and origin != f"{request.url.scheme}://{request.url.netloc}":
            return JSONResponse(
                {"error": "foreign_origin", "detail": "Only the simulator's own page may do that."},
                403,
            )
        try:
            answer = await act(request)
        except Unusable as no:
            name = {404: "not_found", 408: "nothing_came", 409: "not_possible"}.get(
                no.status, "invalid"
            )
            return JSONResponse({"error": name, "detail": no.detail}, no.status)
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    return Route(f"/control{path}", endpoint, methods=[method])


async def json_of(request: Request) -> JsonObject:
    """The JSON object sent; nothing counts as an empty one."""
    body = await request.body()
    if not body.strip():
        return {}
    try:
        asked = json.loads(body)
    except ValueError:
        raise Unusable(422, "The body is not JSON.") from None
    if not isinstance(asked, dict):
        raise Unusable(422, "The body must be a JSON object.")
    return asked


def text_of(asked: JsonObject, name: str, default: str | None = None) -> str:
    value = asked.get(name, default)
    if not isinstance(value, str):
        raise Unusable(422, f"{name} must be a text.")
    return value


def number_of(asked: JsonObject, name: str, default: float | None = None) -> float:
    value = asked.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable(422, f"{name} must be a number.")
    return value


def query_number(request: Request, name: str, default: float) -> float:
    try:
        return float(request.query_params.get(name, default))
    except ValueError:
        raise Unusable(422, f"{name} must be a number.") from None
