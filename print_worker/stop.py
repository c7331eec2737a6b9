"""How the worker ends: on request with a short grace for running paper, or on a wrong key."""

from __future__ import annotations

import threading

from print_worker.clock import Clock

GRACE_SECONDS = 5.0


class Stopping(Exception):
    """The worker is ending; leave what is journaled to the next start."""


class Stop:
    """Shared by all threads. ``ended`` is set when the process is about to go."""

    def __init__(self, clock: Clock, *, grace: float = GRACE_SECONDS) -> None:
        self._clock = clock
        self._grace = grace
        self._asked = threading.Event()
        self._until = 0.0
        self.ended = threading.Event()
        self.key_refused = False
        self.failed = False
        """An unforeseen error ended the work."""

    @property
    def asked(self) -> bool:
        """Somebody wants the worker to end: begin nothing new."""
        return self._asked.is_set()

    @property
    def grace_over(self) -> bool:
        """Running paper has had its time."""
        return self.asked and self._clock() >= self._until

    def ask(self) -> None:
        """End soon; only the first call starts the grace."""
        if not self.asked:
            self._until = self._clock() + self._grace
            self._asked.set()

    def wrong_key(self) -> None:
        """The backend refused the key: end, and say why."""
        self.key_refused = True
        self.ask()

    def wait(self, seconds: float) -> bool:
        """Sleep, but wake up when asked to end; True if so."""
        return self._asked.wait(seconds)

    def check(self) -> None:
        """Raise Stopping when asked to end."""
        if self.asked:
            raise Stopping
