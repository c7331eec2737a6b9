"""``uvicorn app.main:app``: the web process."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import __version__
from app.api.errors import install_errors
from app.api.observe import Observed
from app.api.routes import dashboard, files, health, print_jobs, twilio, webhooks, workers
from app.bootstrap import Premises
from app.core.config import BadSettings, Settings, load_settings
from app.core.logging import configure_logging
from app.web import pages


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; nothing is opened before its lifespan starts. Raises BadSettings."""
    settings = settings or load_settings()
    configure_logging(console=settings.console_logs)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Premises(settings, background=settings.background == "inline") as shop:
            app.state.shop = shop
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
    for part in (twilio, webhooks, print_jobs, workers, dashboard, files, health):
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
