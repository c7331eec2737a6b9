"""A hint that is lost costs seconds; a hint that hangs would cost orders."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.adapters.wake_up import MAX_QUEUED, NoWakeUp, RedisWakeUp
from app.core.transaction_guard import inside_transaction
from app.domain.errors import ProviderUnavailable
from app.ports import WakeUp

JOB, SHOP = "6f0c1a54-0000-4000-8000-000000000001", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def little_redis(port: int = 0) -> AsyncIterator[tuple[int, list[list[bytes]]]]:
    """Enough of a Redis to count what reaches it; the real one is asked further down."""
    heard: list[list[bytes]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readline():
                words = []
                for _ in range(int(head[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2])
                heard.append(words)
                writer.write(b"+PONG\r\n" if words[0] == b"PING" else b"+OK\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


async def test_the_hint_is_exactly_what_the_worker_expects() -> None:
    async with little_redis() as (port, heard):
        wake_up: WakeUp = RedisWakeUp(f"redis://127.0.0.1:{port}/0")
        await wake_up.announce("print_queue", JOB, SHOP)
        await wake_up.close()

    hints = [words for words in heard if words[0] in (b"LPUSH", b"LTRIM")]
    assert hints == [
        [b"LPUSH", b"print_queue", f'{{"job_id": "{JOB}", "shop_id": "{SHOP}"}}'.encode()],
        [b"LTRIM", b"print_queue", b"0", str(MAX_QUEUED - 1).encode()],
    ]


async def test_a_silent_redis_holds_nobody_up(deaf_port: int) -> None:
    wake_up = RedisWakeUp(f"redis://127.0.0.1:{deaf_port}/0")
    started = asyncio.get_running_loop().time()

    await wake_up.announce("q", JOB, SHOP)
    for _ in range(50):
        await wake_up.announce("q", JOB, SHOP)

    # Each of them asking would take ten seconds and more.
    assert asyncio.get_running_loop().time() - started < 5
    with pytest.raises(ProviderUnavailable):
        await wake_up.ping()
    await wake_up.close()


async def test_an_outage_is_said_once_and_its_end_once() -> None:
    clock = Clock()
    async with little_redis() as (port, _):
        pass
    wake_up = RedisWakeUp(f"redis://127.0.0.1:{port}/0", clock=clock)
    with capture_logs() as lines:
        for _ in range(5):
            await wake_up.announce("q", JOB, SHOP)
            clock.now += 1
        async with little_redis(port) as (_, heard):
            await wake_up.announce("q", JOB, SHOP)
            missed = list(heard)
            clock.now += 10
            await wake_up.announce("q", JOB, SHOP)
            await wake_up.ping()
            await wake_up.close()

    assert missed == []  # still resting
    assert [line["event"] for line in lines] == ["unreachable", "reachable again"]
    assert [words[0] for words in heard if words[0] in (b"LPUSH", b"PING")] == [b"LPUSH", b"PING"]


async def test_not_inside_a_transaction() -> None:
    wake_up = RedisWakeUp("redis://127.0.0.1:1/0")
    with inside_transaction(), pytest.raises(RuntimeError, match="defer a task"):
        await wake_up.announce("q", JOB, SHOP)
    await wake_up.close()


async def test_the_list_stays_short_in_a_real_redis(redis_url: str) -> None:
    wake_up = RedisWakeUp(redis_url)
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        await redis.delete("wake_up_test")
        for n in range(MAX_QUEUED + 5):
            await wake_up.announce("wake_up_test", f"job-{n}", SHOP)
        assert await redis.llen("wake_up_test") == MAX_QUEUED
        oldest = await redis.brpop(["wake_up_test"], timeout=1)
        await redis.delete("wake_up_test")
    await wake_up.close()

    assert oldest is not None
    assert json.loads(oldest[1]) == {"job_id": "job-5", "shop_id": SHOP}


async def test_a_house_without_redis() -> None:
    wake_up: WakeUp = NoWakeUp()
    await wake_up.announce("q", JOB, SHOP)
    await wake_up.ping()
    await wake_up.close()
