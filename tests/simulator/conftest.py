"""The simulator on free ports, and a shop that writes down what it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.server import listening, running, started, stop_at_once
from simulator.settings import Settings, settings_of

PUBLIC = "https://shop.example.test"
TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'


@dataclass
class Heard:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Shop:
    """A backend that answers as told and remembers what it heard."""

    address: str = ""
    heard: list[Heard] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)  # the next answers; afterwards 200
    answer: tuple[str, bytes] = ("text/xml", TWIML)
    slow: float = 0.0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, request: Request) -> Response:
        body = await request.body()
        if request.method == "POST":
            self.news.set()
            self.heard.append(Heard(request.url.path, dict(request.headers), body))
            if self.slow:
                await asyncio.sleep(self.slow)
        status = self.statuses.pop(0) if self.statuses else 200
        return Response(self.answer[1], status, media_type=self.answer[0])

    def at(self, path: str) -> list[Heard]:
        return [each for each in self.heard if each.path == path]

    def events(self) -> list[str]:
        return [each.json["event"] for each in self.at("/api/webhooks/razorpay-webhook")]

    async def hears(self, count: int, path: str = "", *, timeout: float = 5.0) -> list[Heard]:
        """Wait until that many requests came in on a path."""
        async with asyncio.timeout(timeout):
            while len(found := self.at(path) if path else self.heard) < count:
                self.news.clear()
                await self.news.wait()
        return found


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    told = Shop()
    app = Starlette(routes=[Route("/{path:path}", told.listen, methods=["GET", "POST"])])
    bound = listening(0)
    told.address = f"http://127.0.0.1:{bound.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    task = asyncio.create_task(server._serve([bound]))
    await started(server, task)
    yield told
    await stop_at_once(server, task)


@pytest.fixture
def paper_folder(tmp_path: Any) -> Any:
    return tmp_path / "paper"


@pytest.fixture
async def settings(shop: Shop, paper_folder: Any) -> AsyncIterator[Settings]:
    wanted = settings_of(
        port=0, backend=shop.address, public_url=PUBLIC, seed=7, paper=paper_folder, environ={}
    )
    async with running(wanted) as real:
        yield real


@dataclass
class Outside:
    """The simulator as a test uses it: `control` pulls levers, the others are the wire."""

    settings: Settings
    plain: httpx2.AsyncClient
    twilio: httpx2.AsyncClient
    razorpay: httpx2.AsyncClient

    async def control(self, method: str, path: str, body: Any = None, **kwargs: Any) -> Any:
        response = await self.plain.request(method, f"/control{path}", json=body, **kwargs)
        assert response.status_code < 300, response.text
        return response.json()

    async def say(self, text: str, name: str = "Asha") -> Any:
        return await self.control("POST", f"/people/{name}/say", {"text": text})

    async def send_message(self, **fields: str) -> httpx2.Response:
        form = {"To": "whatsapp:+919000090000", "From": self.settings.number, **fields}
        return await self.twilio.post(f"{self.base}/Messages.json", data=form)

    @property
    def base(self) -> str:
        return f"/2010-04-01/Accounts/{self.settings.account_sid}"

    async def chat(self, name: str = "Asha") -> list[Any]:
        return list((await self.control("GET", f"/people/{name}/chat"))["messages"])

    async def link(self, amount: int = 4800, **fields: Any) -> Any:
        asked = {"amount": amount, "currency": "INR", **fields}
        response = await self.razorpay.post("/v1/payment_links", json=asked)
        assert response.status_code == 200, response.text
        return response.json()

    async def pay(self, link_id: str, case: str = "normal", **fields: Any) -> Any:
        return await self.control("POST", f"/links/{link_id}/pay", {"case": case, **fields})


@pytest.fixture
async def outside(settings: Settings) -> AsyncIterator[Outside]:
    def client(auth: tuple[str, str] | None) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=settings.origin, auth=auth, timeout=20, trust_env=False)

    async with (
        client(None) as plain,
        client((settings.account_sid, settings.auth_token)) as twilio,
        client((settings.key_id, settings.key_secret)) as razorpay,
    ):
        yield Outside(settings, plain, twilio, razorpay)
