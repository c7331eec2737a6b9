"""Real processes for tests: started as a service manager would, killed as a power cut would."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import psutil

from simulator.settings import FAKE_CREDENTIALS, base_urls

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
# What a developer may have set for a real shop must not reach the one under test.
OURS = re.compile(
    r"PRINTWALA_|TWILIO_|RAZORPAY_|PRICE_|DATABASE_URL$|REDIS_URL$|QUEUE_NAME$|SECRET_KEY$|"
    r"WORKER_API_KEY$|BACKEND_|DEFAULT_SHOP_ID$|ENVIRONMENT$|DATA_DIR$|STORAGE_URL$|BACKGROUND$|"
    r"SHOP_NAME$|PAYMENT_LINK_|DOCUMENT_RETENTION_|MAX_|LOG_FORMAT$|DOCS_ENABLED$"
)
START_SECONDS = 60.0
STOP_SECONDS = 10.0


def eventually(
    what: Callable[[], Any], *, seconds: float = 15.0, pause: float = 0.05, why: str = ""
) -> Any:
    """Waits until it is true and gives it; the test ends with ``why`` when it does not come."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {why or what}"
        time.sleep(pause)
    return value


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without any setting of the product, and ``more``."""
    kept = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    kept |= {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    kept |= {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}
    return kept | more


def vendors(simulator: str) -> dict[str, str]:
    """What a backend is told, so that the simulator is its Twilio and its Razorpay."""
    return {**FAKE_CREDENTIALS, **base_urls(simulator)}


class Program:
    """A command line that can be started, killed and started again; its words go to a file."""

    def __init__(
        self, name: str, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.env = dict(env)
        self.log = log
        self.cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None
        self._said_before = 0

    def start(self, **environ: str) -> None:
        """Starts it, with ``environ`` for this life only."""
        assert not self.running, f"{self.name} runs already"
        self._said_before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env=self.env | environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def started(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def family(self) -> list[psutil.Process]:
        """The process and everything below it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            mother = psutil.Process(self.pid)
            return [mother, *mother.children(recursive=True)]
        return []

    def said(self) -> str:
        """Its words in this life."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as words:
            words.seek(self._said_before)
            return words.read().decode("utf-8", "replace")

    def ended(self, *, seconds: float) -> int:
        """Waits for its end; the exit code, negative for a signal."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} still runs after {seconds:g} s:\n{self.tail()}"
            ) from None

    def waits_for(self, words: str, *, seconds: float = START_SECONDS) -> None:
        """Until it has said this."""
        eventually(
            lambda: words in self.said() or self._not_dead(),
            seconds=seconds,
            why=f"{self.name} did not say {words!r}:\n{self.tail()}",
        )

    def answers(self, url: str, *, seconds: float = START_SECONDS) -> None:
        """Until the address gives 200."""
        with httpx2.Client(timeout=3, trust_env=False) as client:
            eventually(
                lambda: _is_ok(client, url) or self._not_dead(),
                seconds=seconds,
                why=f"{self.name} does not answer {url}:\n{self.tail()}",
            )

    def _not_dead(self) -> bool:
        assert self.running, f"{self.name} ended with {self._code()}:\n{self.tail()}"
        return False

    def _code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """A power cut."""
        if self.running:
            os.kill(self.pid, signal.SIGKILL)
        self.ended(seconds=STOP_SECONDS)

    def asks_to_stop(self, number: int = signal.SIGTERM) -> None:
        """Without waiting for it."""
        if self.running:
            os.kill(self.pid, number)

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = STOP_SECONDS) -> int:
        """Asks it to end; its exit code."""
        self.asks_to_stop(number)
        return self.ended(seconds=seconds)

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.said().splitlines()[-lines:])


def _is_ok(client: httpx2.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == 200
    except httpx2.TransportError:
        return False


def left_over(mark: str) -> list[str]:
    """Command lines of processes that carry ``mark`` as a value in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if mark in process.environ().values() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()) or process.name())
    return found
