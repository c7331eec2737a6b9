"""Simulated payments by the ten thousand, each told 1 to 5 times and out of order.

Orders are rows that wait for money; the events are signed webhooks posted to the real web process
(``BACKGROUND=inline``), which settles each payment, sends its messages and gives back what it
cannot use. Among 100 payments about 5 fail first, 3 come twice, 2 with another amount and 1 in
dollars. After each batch the paid orders are marked as printed and collected. At the end every
promise of ``check-invariants`` is asked, and each payment must have found the owner it should
have. Asked: none broken.

With ``--home DIRECTORY`` the database stays there, and the same command goes on where it was
stopped: what happens in a batch follows from its number, and telling it once more is harmless.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import queue
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

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
        clock_timestamp(), 'printed', '{"spooler_completed": "yes"}'
    FROM print_jobs WHERE status = 'CLAIMED';
UPDATE print_jobs SET status = 'PRINTING' WHERE status = 'CLAIMED';
UPDATE print_jobs SET status = 'COMPLETED', finished_at = clock_timestamp()
    WHERE status = 'PRINTING';
UPDATE orders SET status = 'READY', ready_at = clock_timestamp() WHERE status = 'PAID';
UPDATE orders SET status = 'COLLECTED' WHERE status = 'READY'
"""


_BATCH = """
SELECT o.id, p.reference_id, p.plink_id FROM customers c JOIN orders o ON o.customer_id = c.id
JOIN payments p ON p.order_id = o.id AND p.reference_id IS NOT NULL
WHERE c.phone BETWEEN %s AND %s ORDER BY c.phone
"""


@dataclass(frozen=True, slots=True)
class Paying:
    order: UUID
    reference_id: str
    link_id: str
    kind: str


def happens(dice: random.Random, paying: Paying) -> list[bytes]:
    """The bodies Razorpay would send for it, each once."""
    order, kind = paying, paying.kind
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


def post_all(url: str, bodies: list[bytes]) -> None:
    """Over as many connections as Razorpay might open, by the plainest client there is: what
    posting costs is taken from the two cores that are to be measured."""
    left = queue.SimpleQueue[bytes]()
    for body in bodies:
        left.put(body)
    with ThreadPoolExecutor(CONNECTIONS) as posting:
        for done in [posting.submit(_post, urlsplit(url).netloc, left) for _ in range(CONNECTIONS)]:
            done.result()


def _post(host: str, left: queue.SimpleQueue[bytes]) -> None:
    with contextlib.closing(http.client.HTTPConnection(host, timeout=60)) as connection:
        while True:
            try:
                body = left.get_nowait()
            except queue.Empty:
                return
            headers = {
                "Content-Type": "application/json",
                "X-Razorpay-Signature": razorpay_signature(body, secret=stage.WEBHOOK_SECRET),
                "X-Razorpay-Event-Id": f"evt_{random.getrandbits(60):015x}",
            }
            connection.request("POST", "/api/webhooks/razorpay-webhook", body, headers)
            answer = connection.getresponse()
            if answer.read() and answer.status != 200:
                sys.exit(f"a webhook was answered with {answer.status}")


def begun(connection: rows.Connection, batch: int, most: int) -> list[Paying]:
    """The batch's orders, put in unless they are there already."""
    first = batch * BATCH
    kinds = random.Random(f"kinds {batch}").choices(list(KINDS), list(KINDS.values()), k=BATCH)
    numbers = range(first, min(first + BATCH, most))
    span = f"9190{numbers[0]:08d}", f"9190{numbers[-1]:08d}"
    if not connection.execute(_BATCH.encode(), span).fetchall():
        with connection.transaction():
            for number in numbers:
                rows.waiting_order(connection, number)
    found = connection.execute(_BATCH.encode(), span).fetchall()
    return [
        Paying(order, reference, link, kind)
        for (order, reference, link), kind in zip(found, kinds, strict=False)
    ]


def events(batch: int, payings: list[Paying]) -> tuple[list[bytes], list[bytes]]:
    """What is told of a batch, shuffled: with the batch itself, and with the next one."""
    dice = random.Random(f"events {batch}")
    news = [body for paying in payings for body in happens(dice, paying)]
    told = [body for body in news for _ in range(dice.randint(1, MOST_COPIES))]
    dice.shuffle(told)
    late = int(len(told) * HELD_OVER)
    return told[late:], told[:late]


def owned(connection: rows.Connection, payings: list[Paying]) -> list[str]:
    """A sentence for each order whose money did not find the owners it should have."""
    found: dict[Any, Counter[str]] = {}
    for order, disposition in connection.execute(
        "SELECT order_id, disposition FROM payments WHERE order_id = ANY(%s) "
        "AND disposition IS NOT NULL",
        ([paying.order for paying in payings],),
    ):
        found.setdefault(order, Counter())[disposition] += 1
    return [
        f"order {paying.order} ({paying.kind}): {dict(found.get(paying.order, {}))}"
        for paying in payings
        if found.get(paying.order) != OWNERS[paying.kind]
    ]


def run(url: str, database: str, count: int) -> int:
    """How many promises were broken, each with a line on the screen."""
    batches = range(-(-count // BATCH))
    posted, start = 0, time.monotonic()

    def deal_with(told: list[bytes]) -> None:
        nonlocal posted
        post_all(url, told)
        posted += len(told)
        drained(database, settle=0.0)
        connection.execute(PRINTED.encode())

    with psycopg.connect(database, autocommit=True) as connection:
        there = connection.execute("SELECT count(*) FROM orders").fetchone()
        assert there is not None
        first = max(there[0] // BATCH - 1, 0)
        late = events(first - 1, begun(connection, first - 1, count))[1] if first else []
        for batch in batches[first:]:
            payings = begun(connection, batch, count)
            now, later = events(batch, payings)
            now += late
            random.Random(batch).shuffle(now)
            deal_with(now)
            late = later
            took = time.monotonic() - start
            done = batch * BATCH + len(payings)
            print(f"{done:7} payments, {posted:8} webhooks, {took:6.0f} s", flush=True)
        deal_with(late)
        lost = [
            line for batch in batches for line in owned(connection, begun(connection, batch, count))
        ]
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
    """``python -m benchmarks.payments [payments] [--home DIRECTORY]``"""
    options = argparse.ArgumentParser()
    options.add_argument("payments", type=int, nargs="?", default=PAYMENTS)
    options.add_argument("--home", type=Path, help="keep the database there and go on with it")
    asked = options.parse_args()
    port = stage.free_port()
    sink = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "benchmarks.twilio_sink:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    with stage.postgres(asked.home) as database, stage.process(command, env={}) as outside:
        stage.wait_for(f"{sink}/health", outside)
        upgrade(database)
        with stage.backend(
            database,
            log=LOG,
            TWILIO_API_BASE_URL=sink,
            TWILIO_CONTENT_BASE_URL=sink,
            RAZORPAY_API_BASE_URL=sink,
        ) as (url, _):
            broken = run(url, database, asked.payments)
    stage.verdict(f"promises broken in {asked.payments} payments", broken, 0)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
