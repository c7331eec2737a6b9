"""The simulator as one ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx2
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from simulator import razorpay, twilio
from simulator.bank import Bank
from simulator.control_money import MoneyControl
from simulator.control_people import PeopleControl
from simulator.control_system import SystemControl
from simulator.delivery import Delivery
from simulator.faults import Faults
from simulator.pages import STATIC, Pages, SafePages
from simulator.paper import Paper
from simulator.phone import Phones
from simulator.razorpay_payments import PaymentsApi
from simulator.settings import Settings
from simulator.twilio_content import ContentApi
from simulator.twilio_media import MediaApi
from simulator.wire_log import WireLog
from simulator.world import World


def create_app(settings: Settings, *, client: httpx2.AsyncClient | None = None) -> Starlette:
    """The outside world.

    `client` carries the webhooks; a test may hand in one that ends in the backend itself.
    """
    world = World(seed=settings.seed, start_time=settings.start_time)
    log, faults, paper = WireLog(settings.secrets), Faults(), Paper(settings.paper)
    own_client = client is None
    client = client or httpx2.AsyncClient(
        limits=httpx2.Limits(max_connections=100), trust_env=False
    )
    delivery = Delivery(settings, world, log, faults, client)
    phones, bank = Phones(settings, world, delivery), Bank(settings, world, delivery)
    messages = twilio.MessagesApi(
        settings, world, phones, twilio.counter(settings, world, log, faults)
    )
    links = razorpay.LinksApi(settings, world, bank, razorpay.counter(settings, world, log, faults))
    routes = [
        *MediaApi(messages).routes(),
        *messages.routes(),
        *ContentApi(settings, world, messages.counter).routes(),
        *links.routes(),
        *PaymentsApi(settings, world, bank, links.counter).routes(),
        *PeopleControl(world, phones).routes(),
        *MoneyControl(world, bank).routes(),
        *SystemControl(world, bank, faults, log, paper).routes(),
        *Pages(settings, world, paper).routes(),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        clock = asyncio.create_task(bank.watch_the_clock())
        yield
        clock.cancel()
        with suppress(asyncio.CancelledError):
            await clock
        await delivery.close()
        if own_client:
            await client.aclose()

    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.world = world
    app.add_middleware(SafePages, settings=settings)
    return app
