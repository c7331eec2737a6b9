"""The world outside the shop, on the simulator: people with phones, a bank, and misfortunes."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pikepdf
from pikepdf import Dictionary, Name

from simulator.server import running
from simulator.settings import FAKE_CREDENTIALS, settings_of
from simulator.signing import razorpay_signature, twilio_signature

PUBLIC = "https://shop.example.test"
PATIENCE = 15.0
PAGE = (595, 842)  # A4 in points
# What can become of a call to a provider: done or not, with or without an answer.
TROUBLES: list[tuple[str, dict[str, Any]]] = [
    ("answer_lost", {}),
    ("error_after", {"status": 502}),
    ("error", {"status": 502}),
    ("rate_limit", {}),
    ("refused", {}),
    ("timeout", {"seconds": 0.2}),
]
_names = itertools.count(1)


def pdf_of(pages: int, *, seed: str = "", size: tuple[int, int] = PAGE) -> bytes:
    """A small black and white PDF; ``seed`` makes otherwise equal files differ."""
    with pikepdf.new() as document:
        font = document.make_indirect(
            Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        )
        for number in range(1, pages + 1):
            page = document.add_blank_page(page_size=size)
            words = f"page {number} of {pages} {seed}".encode("ascii", "replace")
            page.Contents = document.make_stream(b"BT /F1 24 Tf 72 720 Td (" + words + b") Tj ET")
            page.Resources = Dictionary(Font=Dictionary(F1=font))
        kept = io.BytesIO()
        document.save(kept)
        return kept.getvalue()


@dataclass
class Outside:
    """``control`` pulls the simulator's levers; ``deliver`` posts webhooks as the providers do."""

    origin: str
    backend: str
    client: httpx2.AsyncClient

    async def control(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        response = await self.client.request(
            method, f"{self.origin}/control{path}", json=body, **more
        )
        assert response.status_code < 300, f"{path}: {response.text}"
        return response.json()

    async def trouble(self, operation: str, kind: str, **more: Any) -> None:
        await self.control("POST", "/faults", {"operation": operation, "kind": kind, **more})

    async def calm(self) -> None:
        """No faults, and the habits tests begin with."""
        await self.control("DELETE", "/faults")
        await self.control(
            "POST",
            "/settings",
            {
                "status_seconds": 0.02,
                "refund_status": "processed",
                "refund_seconds": 0.05,
                "balance_paise": 100_000_000,
                "payment_authorized": False,
                "order_paid": True,
                "razorpay_disable_after": 100_000,
            },
        )
        await self.control("POST", "/webhooks/enable")

    async def pending_events(self) -> int:
        events = (await self.control("GET", "/events"))["events"]
        return sum(event["state"] == "pending" for event in events)

    async def asked(self, operation: str) -> list[Any]:
        """Calls of this kind that reached the provider."""
        rows = (await self.control("GET", "/log"))["rows"]
        return [row for row in rows if row["operation"] == operation]

    # Webhooks by hand

    async def razorpay_says(
        self, event: Any, *, signature: str | None = None, event_id: str = "evt_by_hand"
    ) -> httpx2.Response:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        if signature is None:
            signature = razorpay_signature(body, secret=FAKE_CREDENTIALS["RAZORPAY_WEBHOOK_SECRET"])
        return await self.client.post(
            f"{self.backend}/api/webhooks/razorpay-webhook",
            content=body,
            headers={
                "Content-Type": "application/json",
                "X-Razorpay-Signature": signature,
                "x-razorpay-event-id": event_id,
            },
        )

    async def twilio_says(
        self,
        form: dict[str, str],
        path: str = "/webhook/twilio",
        *,
        signature: str | None = None,
    ) -> httpx2.Response:
        if signature is None:
            signature = twilio_signature(
                f"{PUBLIC}{path}", form, token=FAKE_CREDENTIALS["TWILIO_AUTH_TOKEN"]
            )
        return await self.client.post(
            f"{self.backend}{path}", data=form, headers={"X-Twilio-Signature": signature}
        )

    # People

    async def newcomer(self, name: str = "", **flags: Any) -> Customer:
        number = next(_names)
        name = name or f"Guest {number}"
        person = await self.control(
            "POST", "/people", {"name": name, "phone": f"+9190001{number:05d}", **flags}
        )
        return Customer(self, name, person["phone"] or "", person["user_id"], person["address"])


@dataclass
class Customer:
    outside: Outside
    name: str
    phone: str
    user_id: str
    address: str

    async def says(self, text: str) -> Any:
        return await self.outside.control("POST", f"/people/{self.name}/say", {"text": text})

    async def taps(self, title: str = "", **which: Any) -> Any:
        body = {"title": title, **which} if title else which
        return await self.outside.control("POST", f"/people/{self.name}/tap", body)

    async def sends(
        self, data: bytes, *, name: str = "thesis.pdf", kind: str = "application/pdf"
    ) -> Any:
        return await self.outside.control(
            "POST",
            f"/people/{self.name}/send",
            None,
            files={"file": (name, data, kind)},
            data={"caption": name},
        )

    async def hears(self, words: str, *, after: int = 0, timeout: float = PATIENCE) -> Any:
        """The first message of the shop with these words; the test ends without it."""
        return (
            await self.outside.control(
                "GET",
                f"/people/{self.name}/wait",
                params={"contains": words, "after": after, "timeout": timeout},
            )
        )["message"]

    async def replies(self, text: str, words: str) -> Any:
        """Writes, and reads the answer that has these words."""
        known = len(await self.chat())
        await self.says(text)
        return await self.hears(words, after=known)

    async def chat(self) -> list[Any]:
        return list((await self.outside.control("GET", f"/people/{self.name}/chat"))["messages"])

    async def saw(self) -> list[str]:
        """Texts from the shop, in order."""
        return [m["text"] for m in await self.chat() if m["from"] == "shop"]

    async def count(self, words: str) -> int:
        return sum(words in text for text in await self.saw())

    async def wants(
        self, name: str = "thesis.pdf", *, pages: int = 2, copies: int = 2, how: str = "bw"
    ) -> str:
        """Sends a file and answers both questions; the address where to pay."""
        known = len(await self.chat())
        await self.sends(pdf_of(pages, seed=f"{name} {self.name}"), name=name)
        await self.hears("How should I print it", after=known)
        await self.says(how)
        await self.hears("How many copies", after=known)
        await self.says(str(copies))
        message = await self.hears("Pay here", after=known)
        return str(message["links"][0])


@dataclass
class Bank:
    outside: Outside

    async def link(self, short_url: str) -> Any:
        links = (await self.outside.control("GET", "/links"))["links"]
        return next(link for link in links if link["short_url"] == short_url)

    async def captures(self, short_url: str, case: str = "normal", **more: Any) -> Any:
        link = await self.link(short_url)
        return await self.outside.control(
            "POST", f"/links/{link['id']}/pay", {"case": case, **more}
        )

    async def expires(self, short_url: str) -> Any:
        link = await self.link(short_url)
        return await self.outside.control("POST", f"/links/{link['id']}/expire")

    async def holds_back(self, short_url: str, case: str = "no_webhook") -> list[str]:
        """Pays, but nothing is delivered: the events that would say so."""
        paid = await self.captures(short_url, case)
        return [str(event["id"]) for event in paid["events"]]

    async def delivers(self, event: str, **how: Any) -> list[int]:
        """Sends an event (again); the shop's answers."""
        sent = await self.outside.control("POST", f"/events/{event}/deliver", how)
        return list(sent["answers"])

    async def refunds(self, payment_id: str) -> list[Any]:
        found = (await self.outside.control("GET", "/refunds"))["refunds"]
        return [refund for refund in found if refund["payment_id"] == payment_id]

    async def payments(self, short_url: str) -> list[Any]:
        link = await self.link(short_url)
        found = (await self.outside.control("GET", "/payments"))["payments"]
        return [payment for payment in found if payment["id"] in link["payment_ids"]]


@asynccontextmanager
async def simulated(backend: str) -> AsyncIterator[Outside]:
    """The simulator on a free port, speaking to the shop at ``backend``."""
    wanted = settings_of(port=0, backend=backend, public_url=PUBLIC, environ={})
    async with (
        running(wanted) as real,
        httpx2.AsyncClient(
            timeout=40,
            trust_env=False,
            limits=httpx2.Limits(max_connections=200, max_keepalive_connections=50),
        ) as client,
    ):
        outside = Outside(real.origin, backend, client)
        await outside.calm()
        yield outside


def capture_event(
    *,
    payment: str,
    amount: int,
    currency: str = "INR",
    name: str = "payment.captured",
    status: str = "captured",
    link: str = "",
    order: str = "",
    reference: str = "",
) -> dict[str, Any]:
    """A ``payment.*`` event of the real shape, for payments the simulator would not make."""
    entity = {
        "id": payment,
        "entity": "payment",
        "amount": amount,
        "currency": currency,
        "status": status,
        "captured": status == "captured",
        "method": "upi",
        "order_id": order,
        "description": f"#{link.removeprefix('plink_')}" if link else "",
        "amount_refunded": 0,
        "refund_status": None,
        "notes": {"order_ref": reference} if reference else [],
    }
    return {
        "entity": "event",
        "account_id": "acc_FAKEacct000001",
        "event": name,
        "contains": ["payment"],
        "payload": {"payment": {"entity": entity}},
        "created_at": 1795334400,
    }
