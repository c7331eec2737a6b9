"""A shop with real services on a real database, and orders brought to where a test needs them."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import uvicorn
from fastapi import FastAPI

from app.api.errors import install_errors
from app.bootstrap import Premises, Shop
from app.core.config import load_settings
from app.core.security import new_code
from app.domain.print_plan import Choices, Paper, PrintType, plan
from app.models_orders import Order
from app.ports import Offer, PaymentLink
from app.repositories.orders import Printable
from app.services.queue_service import Report
from app.web import pages

OWNER, PASSWORD = "Ganesh", "registration marks"
PAY_URL = "https://rzp.io/i/practice"


@dataclass
class Counter:
    """The shop's counter: people order, staff sign in, prints come out."""

    shop: Shop
    app: FastAPI
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def shop_id(self) -> UUID:
        return UUID(self.shop.settings.default_shop_id)

    async def asked(
        self,
        name: str = "Asha",
        document: str = "DBMS unit 2.pdf",
        *,
        phone: str = "919812342582",
        pages: int = 6,
        colored: tuple[int, ...] = (1, 4),
        print_type: PrintType = PrintType.BOTH,
        copies: int = 2,
        language: str = "en",
        link: bool = True,
        priced: bool = True,
    ) -> Order:
        """An order that waits for its money, with a payment link unless ``link`` is False.

        Not ``priced``: it still waits for the file that will be printed.
        """
        number = next(self.numbers)
        async with self.shop.unit_of_work("system:test") as tx:
            customer = await tx.customers.resolve(
                self.shop_id,
                external_user_id="",
                address=f"whatsapp:+{phone}{number}",
                phone=phone,
                name=name,
            )
            customer.language = language
            found = await tx.documents.arrived(
                shop_id=self.shop_id,
                customer_id=customer.id,
                message_sid=f"MM{number:032}",
                media_sid=f"ME{number:032}",
                declared_type="application/pdf",
                name=document,
            )
            assert found is not None
            row = await tx.documents.lock(found)
            assert row is not None
            row.status, row.kind, row.pages, row.bytes = "READY", "pdf", pages, 81_234
            row.sha256 = hashlib.sha256(document.encode()).hexdigest()
            row.color_pages, row.storage_key = list(colored), f"aa/{number}.pdf"
            row.page_sizes = [Paper.A4.size_pt]
            await tx.session.flush()
            await tx.messages.received(
                shop_id=self.shop_id,
                customer_id=customer.id,
                sid=f"SM{number:032}",
                body="Hi",
                kind="text",
            )
            orders = self.shop.desk._orders
            order = await orders.open(
                tx,
                shop_id=self.shop_id,
                customer_id=customer.id,
                code=new_code(),
                document_id=row.id,
            )
            await orders.place(tx, order, print_type, copies)
            if order.choices is not None and priced:
                made = plan(Choices.read(order.choices), pages, colored)
                file = Printable(None, row.sha256, len(made.faces), made.color_faces)
                await orders.price(tx, order, made, file)
            payments = await tx.payments.of_order(order.id)
        for payment in payments if link else ():
            await self.shop.links._link_made(payment.id, a_link(number, payment.amount_paise))
        return await self.now(order)

    async def paid(self, *args: Any, **choices: Any) -> Order:
        order = await self.asked(*args, **choices)
        await self.shop.desk.take_cash(
            self.shop_id, order.id, amount_paise=order.total_paise or 0, by=f"user:{OWNER}"
        )
        return await self.now(order)

    async def at_the_printer(self, *args: Any, **choices: Any) -> tuple[Order, Report]:
        """A print on its way, and the report its worker would send when it is done."""
        order = await self.paid(*args, **choices)
        async with self.shop.unit_of_work("system:test") as tx:
            mine = (await tx.orders.jobs(order.id))[0]
        number = next(self.numbers)
        offer = Offer(worker_id=f"pc{number}", printer=f"HP {number}", color=True, papers=None)
        job = await self.shop.printing.claim(self.shop_id, offer, wait=0, job_id=mine.id)
        assert job is not None
        facts: dict[str, Any] = {
            "job_id": job["id"],
            "epoch": job["epoch"],
            "attempt_id": job["attempt_id"],
        }
        await self.shop.printing.report(self.shop_id, Report(status="PRINTING", **facts))
        proof = {"spooler_completed": "job 1 done"}
        return await self.now(order), Report(status="COMPLETED", evidence=proof, **facts)

    async def ready(self, *args: Any, **choices: Any) -> Order:
        order, done = await self.at_the_printer(*args, **choices)
        await self.shop.printing.report(self.shop_id, done)
        return await self.now(order)

    async def lost(self, *args: Any, **choices: Any) -> Order:
        """A print nobody knows the end of: a person is asked."""
        order, done = await self.at_the_printer(*args, **choices)
        facts: dict[str, Any] = {
            "job_id": done.job_id,
            "epoch": done.epoch,
            "attempt_id": done.attempt_id,
        }
        report = Report(status="UNCERTAIN", error="the shop PC lost power", **facts)
        await self.shop.printing.report(self.shop_id, report)
        return await self.now(order)

    async def now(self, order: Order) -> Order:
        async with self.shop.unit_of_work("system:test") as tx:
            found = await tx.orders.get(order.id)
        assert found is not None
        return found

    async def hire(self, name: str = OWNER, *, role: str = "owner", language: str = "en") -> None:
        await self.shop.staff.add_user(name, PASSWORD, role=role)
        async with self.shop.unit_of_work("system:test") as tx:
            user = await tx.staff.user(self.shop_id, name)
            assert user is not None
            user.language = language

    def browser(self) -> httpx2.AsyncClient:
        """A browser with its own cookies that follows no redirect by itself."""
        transport = httpx2.ASGITransport(app=self.app)
        return httpx2.AsyncClient(
            transport=transport, base_url="http://shop.test", headers={"Accept": "text/html"}
        )

    @asynccontextmanager
    async def signed_in(self, name: str = OWNER) -> AsyncIterator[httpx2.AsyncClient]:
        async with self.browser() as browser:
            form = {"name": name, "password": PASSWORD}
            answer = await browser.post("/staff/login", data=form)
            assert answer.status_code == 303, answer.text
            yield browser

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """The same pages behind a real server on a free port."""
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(self.app, log_level="warning", lifespan="off", access_log=False)
        )

        running = asyncio.create_task(server._serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


def csrf_of(page: httpx2.Response) -> str:
    """The token that the page's forms carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found, page.text
    return found.group(1)


def a_link(number: int, amount_paise: int) -> PaymentLink:
    return PaymentLink(
        id=f"plink_{number}",
        reference_id=f"ref_{number}",
        status="created",
        amount_paise=amount_paise,
        currency="INR",
        short_url=PAY_URL,
        order_id=f"order_{number}",
        payments=(),
        expire_by=None,
    )


@asynccontextmanager
async def opened(database_url: str, data_dir: Path, **settings: Any) -> AsyncIterator[Counter]:
    chosen: dict[str, Any] = {
        "environment": "development",
        "database_url": database_url,
        "redis_url": "",
        "data_dir": data_dir,
        "shop_name": "Ganesh Copy Centre",
        "secret_key": "a secret key of the tests, long enough",
        "worker_api_key": "a worker key of the tests",
        "backend_public_url": "http://shop.test",
        "twilio_account_sid": "AC" + "0" * 32,
        "twilio_auth_token": "a token of the tests",
        "twilio_whatsapp_number": "whatsapp:+14155238886",
        "razorpay_key_id": "rzp_test_practice",
        "razorpay_key_secret": "a secret of the tests",
        **settings,
    }
    async with Premises(load_settings(**chosen), background=False) as shop:
        app = FastAPI()
        install_errors(app)
        app.state.shop = shop
        app.include_router(pages.router)
        yield Counter(shop, app)
