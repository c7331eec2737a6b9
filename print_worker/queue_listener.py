"""Where the next job comes from: a Redis list as a bell, or a long question to the backend."""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from typing import Any

from print_worker.backend_client import BackendClient
from print_worker.clock import uptime
from print_worker.job import Job
from print_worker.link import Link
from print_worker.stop import Stop

log = logging.getLogger("print_worker")

POLL_SECONDS = 5.0
"""With Redis the backend is still asked this often, so a lost bell costs no more."""
SHORTEST_ROUND = 0.5
"""A long question answered at once with "nothing" is not repeated faster than this."""


class Bell:
    """Hands every ring to every printer; whether a job fits is decided by the claim."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._hints: dict[str, deque[str]] = {}
        self._idle = 0

    def wait(self, who: str, seconds: float) -> str | None:
        """The next hint for this printer, "" for a ring without a job id, None if none came."""
        with self._changed:
            mine = self._hints.setdefault(who, deque(maxlen=100))
            self._idle += 1
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: mine, timeout=seconds)
            finally:
                self._idle -= 1
            return mine.popleft() if mine else None

    def ring(self, job_id: str) -> None:
        """A job may be waiting."""
        with self._changed:
            for mine in self._hints.values():
                mine.append(job_id)
            self._changed.notify_all()

    def anyone_idle(self, seconds: float) -> bool:
        """Wait until some printer listens: a busy worker must not eat another one's rings."""
        with self._changed:
            return self._changed.wait_for(lambda: self._idle > 0, timeout=seconds)


class QueueListener:
    """Blocks on the Redis list and rings the bell; one thread."""

    def __init__(
        self, redis_url: str, queue_name: str, *, poll_timeout: int, bell: Bell, stop: Stop
    ) -> None:
        # Here, not at the top: the client costs 20 MB that shops without Redis need not spend.
        import redis  # noqa: PLC0415 - see above

        self._errors: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        self._redis = redis.Redis.from_url(
            redis_url, socket_connect_timeout=2, socket_timeout=poll_timeout + 5, retry=None
        )
        self._queue = queue_name
        self._poll_timeout = poll_timeout
        self._bell = bell
        self._stop = stop
        self.link = Link("Redis")

    def run(self) -> None:
        """Listen until the process ends; without Redis the claims go on by themselves."""
        while not self._stop.asked:
            if not self._bell.anyone_idle(1.0):
                continue
            try:
                element: Any = self._redis.brpop([self._queue], timeout=self._poll_timeout)
            except self._errors as error:
                self.link.failed(type(error).__name__)
                self._bell.ring("")  # nobody should go on waiting for this bell
                self._stop.wait(2.0)
                continue
            self.link.answered()
            if element is not None:
                self._bell.ring(job_id_in(element[1]))


def job_id_in(element: bytes | str) -> str:
    """The job id of a list element, or "" when the element is not what it should be."""
    try:
        job_id = json.loads(element)["job_id"]
    except (ValueError, TypeError, KeyError):
        return ""
    return job_id if isinstance(job_id, str) else ""


class JobSource:
    """Gives one printer its next job, or None after a while without any."""

    def __init__(
        self,
        backend: BackendClient,
        *,
        poll_timeout: int,
        stop: Stop,
        bell: Bell | None = None,
        redis: Link | None = None,
    ) -> None:
        self._backend = backend
        self._poll_timeout = poll_timeout
        self._stop = stop
        self._bell = bell
        self._redis = redis

    def next(self, printer: dict[str, Any]) -> Job | None:
        """Raises what the backend client raises."""
        if self._bell is None or (self._redis is not None and not self._redis.up):
            return self._ask_patiently(printer)
        job = self._backend.claim([printer], wait=0)
        if job is not None:
            return job
        hint = self._bell.wait(str(printer["name"]), POLL_SECONDS)
        if not hint or self._stop.asked:
            return None
        return self._backend.claim([printer], wait=0, job_id=hint)

    def _ask_patiently(self, printer: dict[str, Any]) -> Job | None:
        asked_at = uptime()
        job = self._backend.claim([printer], wait=self._poll_timeout)
        if job is None:
            self._stop.wait(max(0.0, SHORTEST_ROUND - (uptime() - asked_at)))
        return job
