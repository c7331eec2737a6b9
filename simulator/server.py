"""The simulator behind uvicorn: one port for the APIs, one for files, connections to be cut."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator.app import create_app
from simulator.settings import Settings


class CuttableProtocol(H11Protocol):
    """Hands the connection to the application, so that it can be cut on purpose."""

    # asyncio hands over a Transport; its base class says BaseTransport.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class Server(uvicorn.Server):
    """Lets pages that wait for news go at once when the simulator stops."""

    application: Starlette

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.application.state.world.closing = True
        self.application.state.world.touch()
        await super().shutdown(sockets)


def listening(port: int) -> socket.socket:
    """A socket on this computer only. Raises OSError when the port is taken."""
    # With its protocol named: asyncio switches Nagle's delay off for no other kind of socket, and
    # each answer on a connection that is kept open would wait 40 ms for an acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    bound.listen(512)
    bound.setblocking(False)
    return bound


def prepare(
    settings: Settings, *, media_port: int = 0
) -> tuple[Server, list[socket.socket], Settings]:
    """Bind both ports and build the server; port 0 picks a free one, told in the settings."""
    sockets = [listening(settings.port), listening(media_port)]
    port = sockets[0].getsockname()[1]
    origin = settings.origin if settings.port else f"http://127.0.0.1:{port}"
    settings = replace(
        settings,
        port=port,
        origin=origin,
        media_origin=f"http://127.0.0.1:{sockets[1].getsockname()[1]}",
    )
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = Server(config)
    server.application = app
    return server, sockets, settings


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Settings]:
    """The simulator inside the running event loop; yields settings with the real addresses."""
    server, sockets, settings = prepare(settings)
    task = asyncio.create_task(server._serve(sockets))
    try:
        await started(server, task)
        yield settings
    finally:
        server.application.state.world.closing = True
        server.application.state.world.touch()
        await stop_at_once(server, task)


async def started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    """Wait until a server answers; raises what stopped it from doing so."""
    while not server.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)


async def stop_at_once(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    """End a server without uvicorn's own waits; its lifespan still ends properly."""
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()
    await server.lifespan.shutdown()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
