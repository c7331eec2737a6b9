"""One line in the log when something outside goes away, and one when it is back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from print_worker.clock import Clock, uptime

log = logging.getLogger("print_worker")


class Link:
    """Whether something outside answers; speaks only when that changes."""

    def __init__(self, what: str, *, clock: Clock = uptime) -> None:
        self._what = what
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self.on_return: Callable[[], None] = lambda: None

    @property
    def up(self) -> bool:
        """False from the first failure until the next success."""
        return self._since is None

    def failed(self, why: object) -> None:
        """A call got no usable answer."""
        with self._lock:
            if self._since is not None:
                return
            self._since = self._clock()
        log.warning("%s does not answer (%s). The worker keeps trying.", self._what, why)

    def answered(self) -> None:
        """A call got an answer, whatever it said."""
        with self._lock:
            if self._since is None:
                return
            seconds, self._since = self._clock() - self._since, None
        log.warning("%s answers again after %.0f s.", self._what, seconds)
        self.on_return()
