"""Resident memory of the backend after 10,000 webhooks beside a bare FastAPI process after as many
requests; then the print worker at rest.

Every second webhook is a customer's message, answered by the bot (``BACKGROUND=inline``) to a
Twilio that only says yes; the others are delivery receipts. Memory is read when all of it has been
processed. Asked: ≤ 2 times the bare process, growth from 5,000 to 10,000 ≤ 5 %; worker ≤ 60 MB
and ≤ 0.5 % of a core.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import psycopg

from benchmarks import stage  # isort: skip - it puts the backend on the path
from app.core.database import upgrade
from benchmarks.customers import worker
from simulator.signing import twilio_signature

WEBHOOKS, PARTS = 10_000, 4
LOG = Path(tempfile.gettempdir()) / "printwala-memory.log"
CONNECTIONS = 8
PEOPLE = 500
SETTLE_SECONDS = 5.0
DRAIN_SECONDS = 900.0
IDLE_SECONDS = 20.0
WORDS = ("Hi", "help", "price", "status")

Request = tuple[str, str, dict[str, str]]  # path, body, headers


def webhooks(base: str, first: int, count: int) -> Iterator[Request]:
    for number in range(first, first + count):
        turn, receipt = divmod(number, 2)
        sid, phone = f"SM{turn:032x}", f"+9198{turn % PEOPLE:08d}"
        form = {"AccountSid": stage.ACCOUNT_SID, "ApiVersion": "2010-04-01", "MessageSid": sid}
        form |= {"SmsSid": sid, "SmsMessageSid": sid}
        if receipt:
            path = "/webhook/twilio/status"
            form |= {"MessageStatus": "delivered", "SmsStatus": "delivered"}
            form |= {"From": "whatsapp:+14155238886", "To": f"whatsapp:{phone}"}
        else:
            path = "/webhook/twilio"
            form |= {"From": f"whatsapp:{phone}", "To": "whatsapp:+14155238886", "WaId": phone[1:]}
            form |= {"Body": WORDS[turn // PEOPLE % len(WORDS)], "NumMedia": "0"}
            form |= {"ProfileName": "Asha K", "MessageType": "text", "SmsStatus": "received"}
        signature = twilio_signature(base + path, form, token=stage.AUTH_TOKEN)
        headers = {"X-Twilio-Signature": signature}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        yield path, urlencode(form), headers


async def post_all(base: str, first: int, count: int) -> None:
    left = webhooks(base, first, count)
    async with httpx2.AsyncClient(base_url=base, trust_env=False, timeout=60) as client:

        async def post() -> None:
            for path, body, headers in left:
                answer = await client.post(path, content=body, headers=headers)
                answer.raise_for_status()

        await asyncio.gather(*(post() for _ in range(CONNECTIONS)))


def drained(database: str, *, settle: float = SETTLE_SECONDS) -> None:
    """Waits until nothing kept is unprocessed and no task is left, and ``settle`` seconds more."""
    end = time.monotonic() + DRAIN_SECONDS
    with psycopg.connect(database, autocommit=True) as connection:
        while time.monotonic() < end:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM webhook_logs WHERE status = 'NEW') + (SELECT count(*)"
                " FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
                " AND task_name NOT LIKE 'sweep%')"
            ).fetchone()
            assert row is not None
            if row[0] == 0:
                time.sleep(settle)
                return
            time.sleep(0.5)
    sys.exit(f"the backend still had work after {DRAIN_SECONDS:.0f} s")


def resident(pid: int) -> float:
    """MB (2**20 bytes) as the kernel counts them."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    sys.exit("This benchmark reads /proc and runs on Linux only.")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def bare(count: int) -> float:
    port = stage.free_port()
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "benchmarks.bare_fastapi:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    with stage.process(command, env={}) as child:
        stage.wait_for(f"{base}/health", child)
        asyncio.run(post_all(base, 0, count))
        time.sleep(1.0)
        return resident(child.pid)


def said(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM messages WHERE sid LIKE 'SM%'").fetchone()
    assert row is not None
    return int(row[0])


def main() -> None:
    """``python -m benchmarks.memory [webhooks]``"""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else WEBHOOKS
    base = bare(count)
    port = stage.free_port()
    sink = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "benchmarks.twilio_sink:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    vendor = {"TWILIO_API_BASE_URL": sink, "TWILIO_CONTENT_BASE_URL": sink}
    vendor["RAZORPAY_API_BASE_URL"] = sink
    with (
        tempfile.TemporaryDirectory(prefix="printwala-memory-") as name,
        stage.postgres() as database,
        stage.process(command, env={}) as twilio,
    ):
        stage.wait_for(f"{sink}/health", twilio)
        upgrade(database)  # every start but the first finds its tables there
        with stage.backend(database, port=None, log=LOG, **vendor) as (url, child):
            at_start = resident(child.pid)
            begun = time.monotonic()
            sizes = []
            print(f"bare FastAPI after {count} requests      {base:7.1f} MB")
            print(f"backend after its start              {at_start:7.1f} MB", flush=True)
            for part in range(PARTS):
                asyncio.run(post_all(url, part * count // PARTS, count // PARTS))
                drained(database)
                sizes.append(resident(child.pid))
                done = (part + 1) * count // PARTS
                took = time.monotonic() - begun
                print(
                    f"backend after {done:6} webhooks         {sizes[-1]:7.1f} MB"
                    f"   ({said(database)} messages answered, {took:.0f} s)",
                    flush=True,
                )
            growth = (sizes[-1] / sizes[PARTS // 2 - 1] - 1) * 100
            stage.verdict("backend, multiple of bare FastAPI", sizes[-1] / base, 2.0)
            stage.verdict("growth from half to whole, %", growth, 5.0)
            with worker(url, Path(name)) as printing:
                time.sleep(8.0)
                before = cpu_seconds(printing.pid)
                time.sleep(IDLE_SECONDS)
                share = (cpu_seconds(printing.pid) - before) / IDLE_SECONDS * 100
                stage.verdict("print worker at rest, MB", resident(printing.pid), 60)
                stage.verdict("print worker at rest, % of a core", share, 0.5)


if __name__ == "__main__":
    main()
