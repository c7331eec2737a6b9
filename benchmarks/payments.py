"""Simulated payments by the ten thousand, each told 1 to 5 times and out of order.

Orders are rows that wait for money; the events are signed webhooks posted to the real web process
(``BACKGROUND=inline``), which settles each payment, sends its messages and gives back what it
cannot use. Among 100 payments about 5 fail first, 3 come twice, 2 with another amount and 1 in
dollars. After each batch the paid orders are marked as printed. At the end every promise of
``check-invariants`` is asked, and each payment must have found the owner it should have.
Asked: none broken.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from benchmarks import stage  # isort: skip - it puts the backend on the path
from app.core.database import upgrade
from benchmarks import rows
from benchmarks.memory import drained
from simulator.signing import razorpay_signature

PAYMENTS = 100_000
BATCH = 1000
CONNECTIONS = 16
MOST_COPIES = 5
HELD_OVER = 0.1  # of a batch's events come with the next batch only
LOG = Path(tempfile.gettempdir()) / "printwala-payments.log"
KINDS = {"plain": 89, "failed first": 5, "twice": 3, "wrong amount": 2, "dollars": 1}
OWNERS = {
    "plain": Counter(FULFILS=1),
    "failed first": Counter(FULFILS=1),
    "twice": Counter(FULFILS=1, REFUND=1),
    "wrong amount": Counter(ATTENTION=1),
    "dollars": Counter(ATTENTION=1),
}
# Only drawn arrows: a trigger watches each of them.
PRINTED = """
UPDATE print_jobs SET status = 'CLAIMED', epoch = epoch + 1, attempt_id = gen_random_uuid()
    WHERE status = 'QUEUED';
INSERT INTO print_attempts (id, shop_id, job_id, epoch, worker_id, sha256, copies, started_at,
    finished_at, outcome, evidence)
    SELECT attempt_id, shop_id, id, epoch, 'benchmark', sha256, copies, clock_timestamp(),
        clock_timestamp(), 'completed', '{"spooler_completed": "yes"}'
    FROM print_jobs WHERE status = 'CLAIMED';
UPDATE print_jobs SET status = 'PRINTING' WHERE status = 'CLAIMED';
UPDATE print_jobs SET status = 'COMPLETED', finished_at = clock_timestamp()
    WHERE status = 'PRINTING';
UPDATE orders SET status = 'READY', ready_at = clock_timestamp() WHERE status = 'PAID'
"""


@dataclass(frozen=True, slots=True)
class Paying:
    order: rows.Waiting
    kind: str


def happens(dice: random.Random, paying: Paying) -> list[bytes]:
    """The bodies Razorpay would send for it, each once."""
    order, kind = paying.order, paying.kind
    amount = rows.AMOUNT_PAISE + (dice.choice((-100, -1, 1, 5000)) if kind == "wrong amount" else 0)
    currency = "USD" if kind == "dollars" else "INR"

    def payment(status: str) -> dict[str, Any]:
        return {
            "id": f"pay_{dice.getrandbits(60):014x}"[:18],
            "entity": "payment",
            "amount": amount,
            "currency": currency,
            "status": status,
            "captured": status == "captured",
            "method": "upi",
            "order_id": f"order_{order.link_id[6:]}",
            "description": f"#{order.link_id[6:]}",
            "notes": {"order_ref": order.reference_id},
            "created_at": 1795334400,
        }

    link = {
        "id": order.link_id,
        "reference_id": order.reference_id,
        "status": "paid",
        "amount": rows.AMOUNT_PAISE,
        "amount_paid": amount,
        "currency": currency,
        "order_id": f"order_{order.link_id[6:]}",
    }
    bought = {"id": link["order_id"], "status": "paid", "receipt": order.reference_id}
    money = payment("captured")
    told = [
        ("payment.captured", {"payment": money}),
        ("order.paid", {"payment": money, "order": bought}),
        ("payment_link.paid", {"payment_link": link, "order": bought, "payment": money}),
    ]
    if kind == "failed first":
        told.append(("payment.failed", {"payment": {**money, "status": "failed"}}))
    if kind == "twice":
        told.append(("payment.captured", {"payment": payment("captured")}))
    return [
        json.dumps(
            {
                "entity": "event",
                "account_id": "acc_FAKEacct000001",
                "event": name,
                "contains": list(entities),
                "payload": {key: {"entity": entity} for key, entity in entities.items()},
                "created_at": 1795334400,
            }
        ).encode()
        for name, entities in told
    ]


async def post_all(base: str, bodies: list[bytes]) -> None:
    left = iter(bodies)
    async with httpx2.AsyncClient(base_url=base, trust_env=False, timeout=60) as client:

        async def post() -> None:
            for body in left:
                headers = {
                    "Content-Type": "application/json",
                    "X-Razorpay-Signature": razorpay_signature(body, secret=stage.WEBHOOK_SECRET),
                    "x-razorpay-event-id": f"evt_{random.getrandbits(60):015x}",
                }
                answer = await client.post(
                    "/api/webhooks/razorpay-webhook", content=body, headers=headers
                )
                answer.raise_for_status()

        await asyncio.gather(*(post() for _ in range(CONNECTIONS)))


def orders(
    connection: rows.Connection, dice: random.Random, first: int, count: int
) -> list[Paying]:
    kinds = dice.choices(list(KINDS), list(KINDS.values()), k=count)
    with connection.transaction():
        return [
            Paying(rows.waiting_order(connection, first + number), kind)
            for number, kind in enumerate(kinds)
        ]


def owned(connection: rows.Connection, payings: list[Paying]) -> list[str]:
    """A sentence for each order whose money did not find the owners it should have."""
    found: dict[Any, Counter[str]] = {}
    for order, disposition in connection.execute(
        "SELECT order_id, disposition FROM payments WHERE disposition IS NOT NULL"
    ):
        found.setdefault(order, Counter())[disposition] += 1
    return [
        f"order {paying.order.id} ({paying.kind}): {dict(found.get(paying.order.id, {}))}"
        for paying in payings
        if found.get(paying.order.id) != OWNERS[paying.kind]
    ]


def run(url: str, database: str, count: int) -> int:
    """How many promises were broken, each with a line on the screen."""
    dice = random.Random(20261124)
    payings: list[Paying] = []
    held: list[bytes] = []
    posted, begun = 0, time.monotonic()
    with psycopg.connect(database, autocommit=True) as connection:
        for first in range(0, count, BATCH):
            batch = orders(connection, dice, first, min(BATCH, count - first))
            payings += batch
            news = [body for paying in batch for body in happens(dice, paying)]
            told = held + [body for body in news for _ in range(dice.randint(1, MOST_COPIES))]
            dice.shuffle(told)
            last = first + BATCH >= count
            kept = 0 if last else int(len(told) * HELD_OVER)
            held, told = told[:kept], told[kept:]
            asyncio.run(post_all(url, told))
            posted += len(told)
            drained(database, settle=0.0)
            connection.execute(PRINTED.encode())
            took = time.monotonic() - begun
            print(f"{len(payings):7} payments, {posted:8} webhooks, {took:6.0f} s", flush=True)
        lost = owned(connection, payings)
    for line in lost[:10]:
        print(line)
    command = [sys.executable, "-m", "app.cli", "check-invariants"]
    asked = subprocess.run(
        command,
        cwd=stage.ROOT / "backend",
        env={**os.environ, "DATABASE_URL": database, "DATA_DIR": tempfile.gettempdir()},
        capture_output=True,
        text=True,
        check=False,
    )
    broken = [line for line in asked.stdout.splitlines() if not line.endswith(": ok")]
    print("\n".join(broken) or f"every promise holds ({len(asked.stdout.splitlines())} asked)")
    return len(lost) + len(broken) + (asked.returncode != 0)


def main() -> None:
    """``python -m benchmarks.payments [payments]``"""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PAYMENTS
    port = stage.free_port()
    sink = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "benchmarks.twilio_sink:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    with stage.postgres() as database, stage.process(command, env={}) as outside:
        stage.wait_for(f"{sink}/health", outside)
        upgrade(database)
        with stage.backend(
            database,
            log=LOG,
            TWILIO_API_BASE_URL=sink,
            TWILIO_CONTENT_BASE_URL=sink,
            RAZORPAY_API_BASE_URL=sink,
        ) as (url, _):
            broken = run(url, database, count)
    stage.verdict(f"promises broken in {count} payments", broken, 0)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
