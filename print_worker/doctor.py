"""Looks at everything the worker needs; one line each, with what to do if it is not well."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from print_worker import agent
from print_worker.backend_client import BackendClient, BackendError, Unreachable, WrongKey
from print_worker.instance_lock import AlreadyRunning, InstanceLock
from print_worker.journal import unsent_on_disk
from print_worker.settings import Settings

CLOCK_SECONDS = 300
FREE_BYTES = 500_000_000


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``fix`` says what to do when it is not well."""

    what: str
    well: bool
    seen: str
    fix: str = ""

    def line(self) -> str:
        """As the shop reads it."""
        if self.well:
            return f"ok    {self.what}: {self.seen}"
        return f"FAIL  {self.what}: {self.seen}. {self.fix}"


def examine(settings: Settings, say: Callable[[str], object]) -> bool:
    """Say one line per finding; True when all is well. Changes nothing, prints nothing."""
    well = True
    for finding in _findings(settings):
        say(finding.line())
        well = well and finding.well
    return well


def _findings(settings: Settings) -> list[Finding]:
    try:
        agent.prepare(settings.work_dir)
    except OSError as error:
        return [
            Finding("disk", False, f"the work folder cannot be made ({error})", "Set work_dir.")
        ]
    backend = BackendClient(
        settings.backend_url, api_key=settings.api_key, worker_id=agent.worker_id(settings)
    )
    try:
        findings = _backend(settings, backend)
    finally:
        backend.close()
    for printer in agent.printers_of(settings):
        state = printer.state()
        findings.append(
            Finding(
                f"printer {printer.name}",
                state.ready,
                f"{printer.backend}, ready"
                if state.ready
                else f"{printer.backend}, {', '.join(state.reasons) or state.message}",
                "Go to the printer: paper, cable, power, jam.",
            )
        )
    return [*findings, _disk(settings), _queue(settings), _reports(settings), _instance(settings)]


def _backend(settings: Settings, backend: BackendClient) -> list[Finding]:
    try:
        answer = backend.probe()
    except Unreachable as error:
        fix = "Check backend_url, the internet connection and that the backend runs."
        return [Finding("backend", False, f"{settings.backend_url} does not answer: {error}", fix)]
    reached = answer.status_code in (200, 503)
    findings = [
        Finding(
            "backend",
            reached,
            f"{settings.backend_url} answers with {answer.status_code}",
            "That is no printwala backend: check backend_url.",
        ),
        _clock(answer.headers.get("date", "")),
    ]
    fix = "Put the backend's WORKER_API_KEY into api_key."
    try:
        backend.check_key()
    except WrongKey:
        findings.append(Finding("key", False, "the backend does not accept it", fix))
    except BackendError as error:
        findings.append(Finding("key", False, f"could not be checked ({error})", "Try again."))
    else:
        findings.append(Finding("key", True, "accepted"))
    return findings


def _clock(date: str) -> Finding:
    try:
        away = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return Finding("clock", True, "the backend did not say its time; not compared")
    return Finding(
        "clock",
        abs(away) <= CLOCK_SECONDS,
        f"{away:+.0f} s against the backend",
        "Switch on automatic time in the system settings.",
    )


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.work_dir).free
    return Finding(
        "disk", free >= FREE_BYTES, f"{free // 1_000_000} MB free", "Make room on this disk."
    )


def _queue(settings: Settings) -> Finding:
    if not settings.redis_url:
        return Finding("queue", True, f"asks the backend, up to {settings.poll_timeout} s a time")
    # Here, not at the top: see queue_listener.
    import redis  # noqa: PLC0415 - see above

    client = redis.Redis.from_url(
        settings.redis_url, socket_connect_timeout=2, socket_timeout=2, retry=None
    )
    try:
        waiting = client.llen(settings.queue_name)
    except (redis.RedisError, OSError) as error:
        fix = "Check redis_url; printing goes on without it, a few seconds later."
        return Finding("queue", False, f"Redis does not answer ({type(error).__name__})", fix)
    finally:
        client.close()
    return Finding("queue", True, f"Redis answers, {waiting} wake-ups wait in the list")


def _reports(settings: Settings) -> Finding:
    try:
        count = unsent_on_disk(settings.work_dir)
    except sqlite3.Error as error:
        return Finding("reports", False, f"the journal cannot be read ({error})", "Ask for help.")
    fix = "They go out by themselves once the worker runs and the backend answers."
    return Finding("reports", count == 0, f"{count} not delivered yet", fix)


def _instance(settings: Settings) -> Finding:
    try:
        with InstanceLock(settings.work_dir):
            return Finding("worker", True, "not running now; start it with: python main.py")
    except AlreadyRunning:
        return Finding("worker", True, "running")
