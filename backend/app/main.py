"""``uvicorn app.main:app``: the web process."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from types import FrameType

from fastapi import FastAPI

from app import __version__
from app.api.errors import install_errors
from app.api.observe import Observed
from app.api.routes import (
    attention,
    dashboard,
    days,
    files,
    health,
    prices,
    print_jobs,
    twilio,
    webhooks,
    workers,
)
from app.bootstrap import Premises
from app.core.config import BadSettings, Settings, load_settings
from app.core.logging import configure_logging
from app.web import pages


@contextmanager
def _first_word_of_stopping(close_doors: Callable[[], None]) -> Iterator[None]:
    """Calls ``close_doors`` on SIGTERM and Ctrl-C, before the server begins to wait for requests.

    Workers hold a claim open for up to 30 seconds; they are answered at once instead.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def stopping(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(close_doors)
        earlier = before[signal.Signals(number)]
        if callable(earlier):
            earlier(number, frame)

    for number in before:
        signal.signal(number, stopping)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; nothing is opened before its lifespan starts. Raises BadSettings."""
    settings = settings or load_settings()
    configure_logging(console=settings.console_logs)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                shop = await stack.enter_async_context(
                    Premises(settings, background=settings.background == "inline")
                )
            except Exception as error:
                app.state.did_not_open = error  # uvicorn only logs it, `serve` has to say it
                raise
            app.state.shop = shop
            # What was imported lives as long as the process; without this the collector walks
            # over all of it again and again, and requests wait for it.
            gc.collect()
            gc.freeze()
            with _first_word_of_stopping(shop.printing.close_doors):
                yield

    app = FastAPI(
        title="printwala",
        version=__version__,
        lifespan=lifespan,
        docs_url="/docs" if settings.show_docs else None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.show_docs else None,
    )
    install_errors(app)
    app.add_middleware(Observed)
    parts = (twilio, webhooks, print_jobs, workers, dashboard, attention, days, prices)
    for part in (*parts, files, health):
        app.include_router(part.router)
    app.include_router(pages.router)
    return app


def _app_or_exit() -> FastAPI:
    try:
        return create_app()
    except BadSettings as error:
        sys.stderr.write(f"printwala does not start: {error.detail}\n")
        raise SystemExit(2) from None


app = _app_or_exit()
