"""A shop for the tests: documents, real worker processes and a look at the paper."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf

from tests.print_worker.fake_backend import KEY, FakeBackend

ROOT = Path(__file__).resolve().parents[2]


def pdf(pages: int) -> bytes:
    """A document whose page n is n points wider than 500, so that every page is known again."""
    out = io.BytesIO()
    with pikepdf.new() as document:
        for number in range(1, pages + 1):
            document.add_blank_page(page_size=(500 + number, 700))
        document.save(out, deterministic_id=True)
    return out.getvalue()


def pages_in(path: Path) -> list[int]:
    """Which pages of ``pdf()`` a file holds."""
    with pikepdf.open(path) as document:
        return [int(page.mediabox[2]) - 500 for page in document.pages]


def in_time(what: Callable[[], Any], *, seconds: float = 15.0) -> Any:
    """Waits until it is true and gives it; what is still not true by then, to be asserted."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := what():
            return value
        time.sleep(0.02)
    return what()


class Shop:
    """One shop computer: a work folder, a virtual printer and at most a few worker processes."""

    def __init__(self, folder: Path, backend: FakeBackend) -> None:
        self.folder = folder
        self.backend = backend
        self.paper_dir = folder / "paper"
        self.log_file = folder / "worker.log"
        self.config: dict[str, Any] = {
            "backend_url": backend.url,
            "api_key": KEY,
            "poll_timeout": 1,
            "work_dir": str(folder / "work"),
            "virtual_output_dir": str(self.paper_dir),
            "log_file": str(self.log_file),
            "backend": "virtual",
            "virtual_seconds_per_page": 0.02,
            "worker_id": "pc-1",
        }
        self.processes: list[subprocess.Popen[str]] = []
        self.heartbeats_before_start = 0

    def start(self, *arguments: str, crash_at: str = "", **environ: str) -> subprocess.Popen[str]:
        """Start the worker as a shop does: ``python main.py`` in its folder."""
        config = self.folder / "config.json"
        config.write_text(json.dumps(self.config), "utf-8")
        env = {k: v for k, v in os.environ.items() if not k.startswith("PRINTWALA_")} | environ
        if crash_at:
            env["PRINTWALA_CRASH_AT"] = crash_at
        process = subprocess.Popen(
            [sys.executable, "main.py", *arguments, "--config", str(config)],
            cwd=ROOT / "print_worker",
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.heartbeats_before_start = self.backend.calls["worker_heartbeat"]
        self.processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[str], number: int = signal.SIGTERM) -> int:
        """End a worker politely and give its exit code."""
        process.send_signal(number)
        return process.wait(15)

    def kill(self, process: subprocess.Popen[str]) -> None:
        """A power cut."""
        process.kill()
        process.wait(15)

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=15)

    def log(self) -> str:
        return self.log_file.read_text("utf-8") if self.log_file.exists() else ""

    def paper(self, attempt_id: str | None = None) -> list[dict[str, Any]]:
        """The paper log, of one attempt or of all."""
        path = self.paper_dir / "paper.jsonl"
        if not path.exists():
            return []
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
        return [line for line in lines if attempt_id in (None, line["attempt_id"])]

    def most_often(self) -> int:
        """How often the most printed side of any attempt came out."""
        sides = Counter((p["attempt_id"], p["copy"], p["page"]) for p in self.paper())
        return max(sides.values(), default=0)

    def leftovers(self) -> list[str]:
        """Documents in the worker's own folder and the spooler's."""
        places = (self.folder / "work" / "jobs", self.paper_dir / ".spool")
        return [str(p) for place in places if place.exists() for p in place.rglob("*.pdf")]

    def quirk(self, name: str) -> None:
        """Switch a quirk at run time."""
        self.paper_dir.mkdir(exist_ok=True)
        (self.paper_dir / "quirk").write_text(name, "utf-8")
