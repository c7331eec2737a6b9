"""The worker's side of a hand-over, in a process of its own.

``blmove``, ``async``, ``poll`` or ``bell``; a line with a number on stdin asks for that many
hand-overs, each answered by ``<id> <monotonic nanoseconds>`` at the moment the worker holds it.
``poll`` and ``bell`` are the print worker's own parts; they hold a claim and do nothing with it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvloop

from print_worker.backend_client import BackendClient
from print_worker.clock import uptime
from print_worker.queue_listener import Bell, JobSource, QueueListener
from print_worker.stop import Stop

PRINTER = {"name": "Front", "color": True, "duplex": True, "papers": ["A4"], "state": "idle"}


def raw() -> Iterator[str]:
    """The baseline: nothing but a list, the reliable way."""
    import redis  # noqa: PLC0415 - as in the worker, only those that use it pay for it

    client: Any = redis.Redis.from_url(os.environ["CLAIM_REDIS"])
    while True:
        element = client.blmove("raw", "raw:held", 5, "RIGHT", "LEFT")
        if element is not None:
            yield element.decode()
            client.lrem("raw:held", 1, element)


def raw_async() -> Iterator[str]:
    """The same by the asyncio client, which most queue libraries stand on."""
    from redis.asyncio import Redis  # noqa: PLC0415 - the other claimers do without its 20 MB

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        client: Any = Redis.from_url(os.environ["CLAIM_REDIS"])
        while True:
            element = runner.run(client.blmove("raw", "raw:held", 5, "RIGHT", "LEFT"))
            if element is not None:
                yield element.decode()
                runner.run(client.lrem("raw:held", 1, element))


def claims(*, bell: bool) -> Iterator[str]:
    stop = Stop(uptime)
    backend = BackendClient(
        os.environ["CLAIM_BACKEND"], api_key=os.environ["CLAIM_KEY"], worker_id="bench"
    )
    if bell:
        ring = Bell()
        url, queue = os.environ["CLAIM_REDIS"], os.environ["CLAIM_QUEUE"]
        listener = QueueListener(url, queue, poll_timeout=5, bell=ring, stop=stop)
        threading.Thread(target=listener.run, daemon=True).start()
        source = JobSource(backend, poll_timeout=20, stop=stop, bell=ring, redis=listener.link)
    else:
        source = JobSource(backend, poll_timeout=20, stop=stop)
    while True:
        job = source.next(PRINTER)
        if job is not None:
            yield job.id


WAYS: dict[str, Callable[[], Iterator[str]]] = {
    "blmove": raw,
    "async": raw_async,
    "poll": lambda: claims(bell=False),
    "bell": lambda: claims(bell=True),
}


def main() -> None:
    held = WAYS[sys.argv[1]]()
    for line in sys.stdin:
        for _ in range(int(line)):
            name, at = next(held), time.monotonic_ns()
            print(name, at, flush=True)


if __name__ == "__main__":
    main()
