"""The two pages: the three columns at `/`, and the payment page at `/l/{id}`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from simulator import samples
from simulator.control_money import CASES
from simulator.paper import Paper
from simulator.settings import Settings
from simulator.world import World

STATIC = Path(__file__).parent / "static"
THUMBNAIL = 220  # pixels
HOSTS = {"127.0.0.1", "localhost", "[::1]"}


class SafePages(BaseHTTPMiddleware):
    """Answers only to this computer's names, and sends pages that can load nothing from elsewhere."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        super().__init__(app)
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
            f" connect-src 'self'; form-action 'self' {settings.public_url} {settings.backend};"
            " frame-ancestors 'none'; base-uri 'none'"
        )

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        if response.headers.get("content-type", "").startswith("text/html"):
            response.headers["Content-Security-Policy"] = self._policy
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


@dataclass
class Pages:
    settings: Settings
    world: World
    paper: Paper

    def routes(self) -> list[Route]:
        return [
            Route("/", self.index),
            Route("/l/{id}", self.pay),
            Route("/page/facts", self.facts),
            Route("/paper/{attempt}/{copy:int}/{index:int}.png", self.side),
        ]

    async def index(self, request: Request) -> Response:
        return _page("index.html")

    async def pay(self, request: Request) -> Response:
        known = request.path_params["id"] in self.world.links
        return _page("pay.html", 200 if known else 404)

    async def facts(self, request: Request) -> Response:
        """What the pages' scripts need to know once."""
        return JSONResponse(
            {
                "shop": self.settings.shop_name,
                "backend": self.settings.public_url,
                "cases": CASES,
                "samples": list(samples.SAMPLES),
                "password": samples.PASSWORD,
            }
        )

    async def side(self, request: Request) -> Response:
        """A side of paper as PNG; `?wide=1` for reading it."""
        wanted = request.path_params
        width = 900 if "wide" in request.query_params else THUMBNAIL
        picture = self.paper.picture(
            wanted["attempt"], wanted["copy"], wanted["index"], width=width
        )
        if picture is None:
            return Response(status_code=404)
        return Response(
            picture, media_type="image/png", headers={"Cache-Control": "private, max-age=60"}
        )


def _page(name: str, status: int = 200) -> Response:
    """A page from the static folder; addresses of its own files carry a hash, so caches never show old ones."""
    text = (STATIC / name).read_text("utf-8")
    for asset in STATIC.iterdir():
        if asset.suffix in {".css", ".js"}:
            mark = hashlib.sha256(asset.read_bytes()).hexdigest()[:8]
            text = text.replace(f"/static/{asset.name}", f"/static/{asset.name}?v={mark}")
    return HTMLResponse(text, status)
