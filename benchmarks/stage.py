"""What every benchmark needs: a durable PostgreSQL, processes on free ports, honest statistics."""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from app.core.embedded_postgres import EmbeddedPostgres
from tests.support.services import (
    free_port,
    public_directory,
    redis_program,
    redis_server,
)

__all__ = ["free_port"]  # handed on; everything else is defined here

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT_SID = "AC0000000000000000000000000000fa4e"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
WEBHOOK_SECRET = "webhook-secret-of-the-benchmark"
WORKER_KEY = "worker-key-of-the-benchmark-0000"
SECRET_KEY = "secret-key-of-the-benchmark-0000"


@contextlib.contextmanager
def postgres(home: Path | None = None) -> Iterator[str]:
    """A PostgreSQL of its own with durability on, as a shop would run it; gone afterwards, unless
    it is given a home."""
    given = contextlib.nullcontext(home) if home else public_directory("bench")
    with given as folder, EmbeddedPostgres(folder) as server:
        yield server.url


@contextlib.contextmanager
def redis() -> Iterator[str]:
    program = redis_program()
    if program is None:
        sys.exit("This benchmark needs a redis-server on PATH.")
    with redis_server(program) as url:
        yield url


@contextlib.contextmanager
def process(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path = ROOT, log: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A child that is ended with SIGTERM and waited for."""
    with open(log or os.devnull, "wb") as out:
        child = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **env}, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_for(url: str, child: subprocess.Popen[bytes], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if child.poll() is not None:
            sys.exit(f"the process behind {url} ended with {child.returncode}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.05)
    sys.exit(f"{url} did not answer within {seconds:.0f} s")


@contextlib.contextmanager
def backend(
    database_url: str, *, port: int | None = None, log: Path | None = None, **settings: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The real web process; yields its address and the process."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="printwala-data-") as data:
        env = {
            "DATABASE_URL": database_url,
            "DATA_DIR": data,
            "BACKEND_PUBLIC_URL": url,
            "SECRET_KEY": SECRET_KEY,
            "WORKER_API_KEY": WORKER_KEY,
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_WHATSAPP_NUMBER": "whatsapp:+14155238886",
            "RAZORPAY_KEY_ID": "rzp_test_benchmark00000",
            "RAZORPAY_KEY_SECRET": "benchmark-key-secret",
            "RAZORPAY_WEBHOOK_SECRET": WEBHOOK_SECRET,
            **settings,
        }
        command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
        with process(command, env=env, cwd=ROOT / "backend", log=log) as child:
            wait_for(f"{url}/health", child)
            yield url, child


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def spread(values: Sequence[float]) -> str:
    """p50, p95, p99 in milliseconds from seconds."""
    shares = (0.5, 0.95, 0.99)
    return " ".join(
        f"p{share * 100:.0f} {percentile(values, share) * 1e3:7.1f} ms" for share in shares
    )


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def verdict(name: str, measured: float, bound: float, *, at_least: bool = False) -> None:
    """One line: what was measured, what was asked, and whether it holds."""
    holds = measured >= bound if at_least else measured <= bound
    sign = "≥" if at_least else "≤"
    print(f"{'ok  ' if holds else 'MISS'} {name}: {measured:.3g} (asked {sign} {bound:.3g})")
