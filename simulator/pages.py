"""The two pages: the three columns at `/`, and the payment page at `/l/{id}`."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator import samples
from simulator.control_money import CASES
from simulator.paper import Paper
from simulator.settings import Settings
from simulator.world import World

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
STATIC = Path(__file__).parent / "static"
THUMBNAIL, READABLE = 240, 1000  # pixels of a side's width


class SafePages:
    """Pages can load nothing from elsewhere; our files are asked for again when they changed."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
            f" connect-src 'self'; form-action 'self' {settings.public_url} {settings.backend};"
            " frame-ancestors 'none'; base-uri 'none'"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                if headers.get("content-type", "").startswith("text/html"):
                    headers["Content-Security-Policy"] = self._policy
                    headers["Referrer-Policy"] = "no-referrer"
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-cache"
            await send(message)

        await self._app(scope, receive, with_headers)


@dataclass
class Pages:
    settings: Settings
    world: World
    paper: Paper

    def routes(self) -> list[Route]:
        return [
            Route("/", self.index),
            Route("/l/{id}", self.pay),
            Route("/favicon.ico", self.icon),
            Route("/page/facts", self.facts),
            Route("/paper/{attempt}/{copy:int}/{index:int}.png", self.side),
        ]

    async def index(self, _: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def pay(self, request: Request) -> Response:
        known = request.path_params["id"] in self.world.links
        return FileResponse(STATIC / "pay.html", 200 if known else 404)

    async def icon(self, _: Request) -> Response:
        return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")

    async def facts(self, _: Request) -> Response:
        """What the pages' scripts need to know once."""
        return JSONResponse(
            {
                "shop": self.settings.shop_name,
                "backend": self.settings.public_url,
                "cases": CASES,
                "samples": list(samples.SAMPLES),
                "password": samples.LOCK,
            }
        )

    async def side(self, request: Request) -> Response:
        """A side of paper as PNG; `?wide=1` for reading it."""
        asked = request.path_params
        width = READABLE if "wide" in request.query_params else THUMBNAIL
        picture = self.paper.picture(asked["attempt"], asked["copy"], asked["index"], width=width)
        if picture is None:
            # On paper already, but its file is not closed yet: a single dot says "ask again".
            waiting = self.paper.emitted(asked["attempt"], asked["copy"]) > asked["index"]
            answer = Response(DOT, media_type="image/png") if waiting else Response(status_code=404)
            answer.headers["Cache-Control"] = "no-store"
            return answer
        return Response(picture, media_type="image/png", headers={"Cache-Control": "no-cache"})
