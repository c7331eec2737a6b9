"""A proxy for the worker's and the vendors' calls, that takes turns between backends and can lose
answers: the call is carried out, and the caller never learns it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self

HEAD_END = b"\r\n\r\n"


@dataclass
class Cut:
    """Answers of calls whose ``METHOD /path`` begins with ``call`` are lost ``times`` times, if
    request or answer contain ``words``.

    ``half`` lets the first half of the answer through.
    """

    call: str
    words: bytes
    times: int
    half: bool

    def fits(self, call: str, content: bytes) -> bool:
        return bool(self.times) and call.startswith(self.call) and self.words in content


class Proxy:
    """HTTP/1.1 between one port and several others, one upstream connection for each request.

    It runs in a thread of its own. ``passed`` counts requests by upstream port.
    """

    def __init__(self, port: int, upstreams: list[int]) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.passed: Counter[int] = Counter()
        self.lost: list[str] = []
        self._upstreams = upstreams
        self._turn = 0
        self._cuts: list[Cut] = []
        self._slow: list[tuple[str, bytes, float]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._stopped: asyncio.Event

    def lose_answers(
        self, call: str, words: str = "", *, times: int = 1, half: bool = False
    ) -> None:
        """Arms a cut for ``POST /api/v1/print_jobs/claim`` and the like."""
        self._cuts.append(Cut(call, words.encode(), times, half))

    def slows(self, call: str, words: str, seconds: float) -> None:
        """The next such request is passed on only after so many seconds."""
        self._slow.append((call, words.encode(), seconds))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the proxy did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        connections: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            try:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    await self._connection(reader, writer)
            finally:
                connections.discard(task)
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

        server = await asyncio.start_server(accept, "127.0.0.1", self.port)
        self._ready.set()
        await self._stopped.wait()
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head, body = await _message(reader)
            except asyncio.IncompleteReadError:
                return
            call = " ".join(head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2])
            for slow in [one for one in self._slow if call.startswith(one[0]) and one[1] in body]:
                self._slow.remove(slow)
                await asyncio.sleep(slow[2])
            answer = await self._forward(head, body)
            cut = next((one for one in self._cuts if one.fits(call, body + answer)), None)
            if cut is not None:
                cut.times -= 1
                self.lost.append(call)
                if cut.half:
                    writer.write(answer[: len(answer) // 2])
                    await writer.drain()
                writer.transport.abort()
                return
            writer.write(answer)
            await writer.drain()

    async def _forward(self, head: bytes, body: bytes) -> bytes:
        """The whole answer of the upstream whose turn it is; the next one when it is down."""
        for _ in self._upstreams:
            port = self._upstreams[self._turn % len(self._upstreams)]
            self._turn += 1
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            try:
                writer.write(_closing(head) + body)
                await writer.drain()
                answer = await reader.read()
            finally:
                writer.close()
            if not answer:
                raise ConnectionResetError(f"{port} went away")
            self.passed[port] += 1
            return answer
        raise ConnectionRefusedError("no backend listens")


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of one request."""
    head = await reader.readuntil(HEAD_END)
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
        assert name.strip().lower() != b"transfer-encoding", "requests here have a length"
    return head, await reader.readexactly(length)


def _closing(head: bytes) -> bytes:
    """The head with ``Connection: close``, so that the answer's end is the connection's end."""
    lines = [
        line
        for line in head.removesuffix(HEAD_END).split(b"\r\n")
        if not line.lower().startswith(b"connection:")
    ]
    return b"\r\n".join([*lines, b"Connection: close"]) + HEAD_END
