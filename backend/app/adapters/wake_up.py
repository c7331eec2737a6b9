"""The Redis hint that a job is waiting. PostgreSQL is the truth; a lost hint costs seconds.

So a hint may never hold anything up: time-outs are short, failures are swallowed, and while Redis
is away only one announcement every few seconds tries again.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from app.adapters.http import Outage, loggable
from app.core.transaction_guard import refuse_inside_transaction
from app.domain.errors import ProviderUnavailable

TIMEOUT_SECONDS = 0.2
REST_SECONDS = 3.0
MAX_QUEUED = 1000  # with nobody listening the list must not grow; the claim finds every job anyway


class RedisWakeUp:
    """Pushes ``{"job_id": …, "shop_id": …}`` onto the list the print workers wait on."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        # Here, not at the top: the client costs 20 MB that houses without Redis need not spend.
        from redis.asyncio import Redis  # noqa: PLC0415 - see above
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - see above
        from redis.backoff import NoBackoff  # noqa: PLC0415 - see above
        from redis.exceptions import RedisError  # noqa: PLC0415 - see above

        self._errors = (RedisError, OSError, TimeoutError)
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._clock = clock
        self._outage = Outage("redis", clock=clock)
        self._resting_until = 0.0

    async def announce(self, queue: str, job_id: str, shop_id: str) -> None:
        """Call after the commit. Never raises for Redis' sake."""
        refuse_inside_transaction(f"redis LPUSH {queue}")
        if self._outage.down and self._clock() < self._resting_until:
            return
        hint = json.dumps({"job_id": job_id, "shop_id": shop_id})
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS * 2):
                async with self._redis.pipeline(transaction=False) as pipe:
                    pipe.lpush(queue, hint)
                    pipe.ltrim(queue, 0, MAX_QUEUED - 1)
                    await pipe.execute()
        except self._errors as error:
            self._failed(error)
        else:
            self._outage.worked()

    async def ping(self) -> None:
        """Raises ``ProviderUnavailable``; also ends the rest early once Redis answers again."""
        refuse_inside_transaction("redis PING")
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS * 2):
                await self._redis.ping()
        except self._errors as error:
            self._failed(error)
            raise ProviderUnavailable("redis", type(error).__name__) from error
        self._outage.worked()

    async def close(self) -> None:
        await self._redis.aclose()

    def _failed(self, error: BaseException) -> None:
        self._outage.failed(f"{type(error).__name__} {loggable(error)}".strip())
        self._resting_until = self._clock() + REST_SECONDS


class NoWakeUp:
    """For a house without Redis: workers hear of jobs by long polling alone."""

    # The port's signature.
    async def announce(self, queue: str, job_id: str, shop_id: str) -> None:  # noqa: ARG002
        return None

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        return None
