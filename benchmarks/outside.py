"""The simulator as a process, and the little a benchmark asks of it."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.stage import process, wait_for
from simulator.settings import FAKE_CREDENTIALS


@contextlib.contextmanager
def simulator(*, port: int, backend: str, paper: Path | None = None) -> Iterator[str]:
    """The outside world on ``port``; yields its address."""
    origin = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "simulator", "--port", str(port), "--backend", backend]
    command += ["--public-url", backend]
    if paper is not None:
        command += ["--paper", str(paper)]
    with process(command, env=dict(FAKE_CREDENTIALS)) as child:
        wait_for(f"{origin}/control/people", child)
        yield origin


class Control:
    """The simulator's levers. Raises what the client raises for a refused call."""

    def __init__(self, origin: str) -> None:
        self._client = httpx2.Client(base_url=f"{origin}/control", timeout=60, trust_env=False)

    def get(self, path: str, **query: Any) -> Any:
        return self._client.get(path, params=query).raise_for_status().json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self._client.post(path, json=body)
        if answer.status_code >= 300:
            sys.exit(f"the simulator refused {path} {json.dumps(body)}: {answer.text}")
        return answer.json()

    def close(self) -> None:
        self._client.close()


def silent_people(control: Control, phones: list[str]) -> None:
    """People whose 24-hour window is open although the backend never heard of their message."""
    fault = control.post("/faults", operation="twilio.webhook.inbound", kind="drop", times=None)
    for phone in phones:
        control.post("/people", name=phone, phone=phone)
        control.post(f"/people/{phone}/say", text="Hi")
    control._client.delete(f"/faults/{fault['id']}").raise_for_status()
