"""A shop just clever enough for the scripted customer: wire in, wire out, paper in a folder."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pikepdf
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.settings import Settings

QUESTION = ("B&W ₹12", "Colour ₹60", "Mix (both) ₹28")


@dataclass
class PretendShop:
    """Point it at the simulator with `open`. `spoils` names what it gets wrong; without
    `converts` it says that it has no LibreOffice."""

    paper: Path
    spoils: str = ""
    converts: bool = True
    settings: Settings | None = None
    twilio: httpx2.AsyncClient | None = None
    razorpay: httpx2.AsyncClient | None = None
    chats: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    token: int = 40
    charged: int = 0
    work: set[asyncio.Task[None]] = field(default_factory=set)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/webhook/twilio", self.message, methods=["POST"]),
                Route("/webhook/twilio/status", self.fine, methods=["POST"]),
                Route("/api/webhooks/razorpay-webhook", self.money, methods=["POST"]),
                Route("/{rest:path}", self.fine),
            ]
        )

    def open(self, settings: Settings) -> None:
        self.settings = settings
        self.twilio = httpx2.AsyncClient(
            base_url=settings.origin, auth=(settings.account_sid, settings.auth_token)
        )
        self.razorpay = httpx2.AsyncClient(
            base_url=settings.origin, auth=(settings.key_id, settings.key_secret)
        )

    async def close(self) -> None:
        await asyncio.gather(*self.work, return_exceptions=True)
        for client in (self.twilio, self.razorpay):
            if client:
                await client.aclose()

    async def health(self, _: Request) -> Response:
        fine = "ok" if self.converts else "degraded"
        return JSONResponse({"status": fine, "checks": {"converter": {"status": fine}}})

    async def fine(self, _: Request) -> Response:
        return Response(status_code=200)

    async def message(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        self.later(self.answer(form))
        return Response("<Response/>", media_type="text/xml")

    def later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.work.add(task)
        task.add_done_callback(self.work.discard)

    async def say(self, to: str, text: str, buttons: tuple[str, ...] = ()) -> None:
        assert self.twilio
        assert self.settings
        form = {"To": to, "From": self.settings.number, "StatusCallback": self.callback}
        if buttons:
            actions = [{"type": "QUICK_REPLY", "title": each, "id": each} for each in buttons]
            types = {"twilio/quick-reply": {"body": text, "actions": actions}}
            made = await self.twilio.post("/v1/Content", json={"language": "en", "types": types})
            form["ContentSid"] = made.json()["sid"]
        else:
            form["Body"] = text
        path = f"/2010-04-01/Accounts/{self.settings.account_sid}/Messages.json"
        answer = await self.twilio.post(path, data=form)
        assert answer.status_code == 201, answer.text

    @property
    def callback(self) -> str:
        assert self.settings
        return f"{self.settings.public_url}/webhook/twilio/status"

    async def answer(self, form: dict[str, str]) -> None:
        who, text = form["From"], form.get("ButtonPayload") or form["Body"]
        chat = self.chats.setdefault(who, {})
        if form["NumMedia"] != "0":
            chat["file"] = await self.fetch(form["MediaUrl0"])
            pages = len(pikepdf.open(io.BytesIO(chat["file"])).pages)
            await self.say(
                who,
                f"📄 *Your file* — {pages} pages.\n🎨 Colour on pages 1, 4. How should I print it?",
                QUESTION,
            )
        elif "file" in chat and "ink" not in chat:
            chat["ink"] = text.lower()
            buttons = ("1 copy", "2 copies", "5 copies")
            await self.say(who, "How many copies? Tap, or type 1–100.", buttons)
        elif "ink" in chat:
            chat["copies"] = int(text.split()[0])
            await self.charge(who, chat)
        else:
            name = form["ProfileName"]
            await self.say(
                who,
                f"👋 Hi {name}! This is *Ganesh Copy Centre*.\nSend me a PDF, Word file or photo"
                " and I'll print it.\nB&W ₹2 · Colour ₹10 per page.",
            )

    async def fetch(self, url: str) -> bytes:
        assert self.twilio
        first = await self.twilio.get(url)
        async with httpx2.AsyncClient() as plain:
            data = (await plain.get(first.headers["location"])).content
        return data if data.startswith(b"%PDF") else one_page()

    async def charge(self, who: str, chat: dict[str, Any]) -> None:
        assert self.razorpay
        assert self.settings
        self.charged += 1
        reference = f"po_{self.charged}"
        asked = {
            "amount": 5600,
            "reference_id": reference,
            "description": "6 pages × 2, mix",
            "callback_url": f"{self.settings.public_url}/api/webhooks/razorpay-callback",
            "callback_method": "get",
        }
        link = (await self.razorpay.post("/v1/payment_links", json=asked)).json()
        self.orders[reference] = {"who": who, **chat}
        chat.clear()
        await self.say(
            who, f"🧾 6 pages × 2 · Mix · both sides\nTotal: *₹56*\n\nPay here: {link['short_url']}"
        )

    async def money(self, request: Request) -> Response:
        event = await request.json()
        if event["event"] == "payment_link.paid":
            reference = event["payload"]["payment_link"]["entity"]["reference_id"]
            self.later(self.print(self.orders.pop(reference)))
        return Response(status_code=503 if self.spoils == "webhook" else 200)

    async def print(self, order: dict[str, Any]) -> None:
        self.token += 1
        who, token = order["who"], str(self.token)
        await self.say(who, f"✅ ₹56 received. Your token is *{token}*. You're next.")
        folder = self.paper / f"attempt-{token}"
        folder.mkdir(parents=True)
        sha = hashlib.sha256(order["file"]).hexdigest()
        pages = len(pikepdf.open(io.BytesIO(order["file"])).pages)
        for copy in range(1, order["copies"] + 1):
            (folder / f"copy-{copy}.pdf").write_bytes(order["file"])
            for page in range(1, pages + 1):
                if self.spoils == "paper" and page == 3:
                    return
                colour = (
                    self.spoils == "ink"
                    or "colour" in order["ink"]
                    or ("mix" in order["ink"] and page in {1, 4})
                )
                line = {
                    "at": "2026-11-22T09:00:00Z",
                    "job_id": "job",
                    "attempt_id": folder.name,
                    "token": token,
                    "copy": copy,
                    "page": page,
                    "color": colour,
                    "sheet": (page + 1) // 2,
                    "face": "front" if page % 2 else "back",
                    "sha256": sha,
                }
                with (self.paper / "paper.jsonl").open("a") as journal:
                    journal.write(json.dumps(line) + "\n")
                await asyncio.sleep(0.03)
        await self.say(who, f"🖨️ *Ready!* Show token *{token}* at the counter.")


def one_page() -> bytes:
    document, out = pikepdf.new(), io.BytesIO()
    document.add_blank_page()
    document.save(out)
    return out.getvalue()
