"""Real servers on free local ports, for the failures that a pretended transport cannot have."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Recorder:
    """``answer`` decides the response; every request is kept in ``seen``."""

    url: str
    answer: Answer
    seen: list[Seen] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        headers = dict(request.headers)
        self.seen.append(Seen(request.method, target, headers, await request.body()))
        await (await self.answer(request))(scope, receive, send)


class _QuietServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the signals belong to pytest


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Recorder]:
    """A Starlette-style application under uvicorn, in this event loop."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        recorder = Recorder(f"http://127.0.0.1:{listener.getsockname()[1]}", answer)
        config = uvicorn.Config(
            recorder, lifespan="off", log_config=None, access_log=False, ws="none"
        )
        server = _QuietServer(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await server.ready.wait()
        try:
            yield recorder
        finally:
            server.force_exit = True
            server.should_exit = True
            await task


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """The head and body of one request, so that the client has finished sending."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.split(b":")[1]))
    return head


@asynccontextmanager
async def speaking(*parts: bytes | float) -> AsyncIterator[str]:
    """A server that reads one request, says ``parts`` (numbers are pauses), then hangs up."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await read_request(reader)
            for part in parts:
                if isinstance(part, bytes):
                    writer.write(part)
                    await writer.drain()
                else:
                    await asyncio.sleep(part)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.sleep(0)


def closed_port() -> str:
    """An address nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
