"""Keeps the leases of the jobs in hand alive and knows which are lost."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from print_worker.backend_client import BackendClient, BackendError, StaleClaim, WrongKey
from print_worker.clock import Clock
from print_worker.job import Job
from print_worker.stop import Stop

log = logging.getLogger("print_worker")

HEARTBEAT_SECONDS = 20.0


@dataclass
class Lease:
    """Our right to one job, measured by elapsed time only."""

    job: Job
    clock: Clock = field(repr=False)
    until: float = 0.0
    next_beat: float = 0.0
    lost: bool = False

    def renew(self, seconds: float, *, asked_at: float) -> None:
        """The backend granted so many seconds; they count from the question, not the answer."""
        self.until = max(self.until, asked_at + seconds)
        self.next_beat = asked_at + min(HEARTBEAT_SECONDS, seconds / 3)

    @property
    def over(self) -> bool:
        """The backend said so, or the time is up as far as we can know."""
        return self.lost or self.clock() >= self.until


class Leases:
    """All jobs in hand; one thread sends their heartbeats."""

    def __init__(self, backend: BackendClient, stop: Stop, clock: Clock) -> None:
        self._backend = backend
        self._stop = stop
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Lease] = {}

    def hold(self, job: Job, *, taken_up: bool = False) -> Lease:
        """Start keeping a job that was claimed just now, or is taken up after a restart."""
        lease = Lease(job, self._clock)
        lease.renew(job.lease_seconds, asked_at=self._clock())
        if taken_up:
            lease.next_beat = self._clock()  # nobody knows how much of the lease is left
        with self._lock:
            return self._held.setdefault(job.attempt_id, lease)

    def drop(self, attempt_id: str) -> None:
        """Nothing more is to be kept for this attempt."""
        with self._lock:
            self._held.pop(attempt_id, None)

    def beat(self, lease: Lease) -> None:
        """One heartbeat now. Raises StaleClaim, Unreachable, WrongKey or Refused."""
        asked_at = self._clock()
        try:
            lease.renew(self._backend.heartbeat(lease.job), asked_at=asked_at)
        except StaleClaim:
            lease.lost = True
            self.drop(lease.job.attempt_id)
            raise
        except BackendError:
            lease.next_beat = self._clock() + 2.0
            raise

    def run(self) -> None:
        """Send heartbeats as they fall due until the process ends."""
        while not self._stop.ended.wait(0.25):
            now = self._clock()
            with self._lock:
                due = [lease for lease in self._held.values() if lease.next_beat <= now]
            for lease in due:
                try:
                    self.beat(lease)
                except StaleClaim:
                    log.warning("Job %s is no longer this worker's.", lease.job.id)
                except WrongKey:
                    self._stop.wrong_key()
                except BackendError:
                    continue
