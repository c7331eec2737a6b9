"""How long a paid order takes to reach the print worker, beside a raw Redis hand-over.

First part: the job's row and its order's PAID are written in one transaction as the backend
writes them; the clock starts just before its COMMIT and stops when the worker, in a process of its
own, holds the parsed claim. Once by long poll, once with the hint the backend pushes to Redis,
and in turn with both a bare LPUSH to BLMOVE. Asked: p50 ≤ 4 times the bare one's.

Second part: the clock starts before the signed webhook is posted. The whole backend lies in
between: inbox, task queue, settlement, print queue. Asked: p50 ≤ 60 ms, p95 ≤ 200 ms.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import redis

from benchmarks import stage  # isort: skip - it puts the backend on the path
from benchmarks import rows
from benchmarks.outside import Control, silent_people, simulator
from simulator.settings import FAKE_CREDENTIALS
from simulator.signing import razorpay_signature
from tests.support.processes import vendors

ROUNDS = 5
JOBS, PAYMENTS = 40, 20  # a round
WARM_UP = 10
BETWEEN_JOBS = 0.020, 0.060  # seconds, at random
BETWEEN_PAYMENTS = 0.3, 0.5  # what one leaves behind (messages, receipts) is over by then
PATIENCE = 30.0
QUEUE = "print_queue"
LOG = Path(tempfile.gettempdir()) / "printwala-handover.log"
BARE = {"async": "asyncio client", "blmove": "plain client"}
OURS = {"poll": "long poll, no Redis", "bell": "hint through Redis"}

Put = Callable[[], tuple[str, int]]


class Claimer:
    """A worker process that takes part only when asked."""

    def __init__(self, way: str, *, backend: str, redis_url: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.claimer", way],
            cwd=stage.ROOT,
            env={
                **os.environ,
                "CLAIM_BACKEND": backend,
                "CLAIM_REDIS": redis_url,
                "CLAIM_KEY": stage.WORKER_KEY,
                "CLAIM_QUEUE": QUEUE,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def take(self, put: Put, count: int, pause: tuple[float, float] = BETWEEN_JOBS) -> list[float]:
        """Seconds from each put to its claim. Nothing may be lost, doubled or mixed up."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(f"{count}\n")
        self.child.stdin.flush()
        time.sleep(0.3)  # it should be waiting when the first one comes
        begun: dict[str, int] = {}
        for _ in range(count):
            name, at = put()
            begun[name] = at
            time.sleep(random.uniform(*pause))
        spent = []
        for _ in range(count):
            job, held = self.child.stdout.readline().split()
            spent.append((int(held) - begun.pop(job)) / 1e9)
        return spent

    def close(self) -> None:
        self.child.terminate()
        self.child.communicate()


@contextlib.contextmanager
def claimers(backend: str, redis_url: str) -> Iterator[dict[str, Claimer]]:
    ways = (*BARE, "poll", "bell")
    made = {way: Claimer(way, backend=backend, redis_url=redis_url) for way in ways}
    try:
        yield made
    finally:
        for claimer in made.values():
            claimer.close()


def bare(client: Any) -> Put:
    def put() -> tuple[str, int]:
        name, at = str(uuid4()), time.monotonic_ns()
        client.lpush("raw", name)
        return name, at

    return put


class Counter:
    """Orders in advance, so that putting one in does nothing but its last transaction."""

    def __init__(self, connection: rows.Connection, client: Any) -> None:
        self._connection = connection
        self._client = client
        self._made = 0
        self.commits: list[float] = []

    def orders(self, count: int) -> list[rows.Waiting]:
        first = self._made
        self._made += count
        return [rows.waiting_order(self._connection, first + number) for number in range(count)]

    def take_back(self) -> None:
        rows.take_back(self._connection)

    def job(self, orders: list[rows.Waiting], *, hint: bool) -> Put:
        left = iter(orders)

        def put() -> tuple[str, int]:
            order = next(left)
            self._connection.execute("BEGIN")
            job = str(rows.pay(self._connection, order, "41"))
            at = time.monotonic_ns()
            self._connection.execute("COMMIT")
            self.commits.append((time.monotonic_ns() - at) / 1e9)
            if hint:
                element = json.dumps({"job_id": job, "shop_id": str(rows.SHOP)})
                with self._client.pipeline(transaction=False) as pipe:
                    pipe.lpush(QUEUE, element)
                    pipe.ltrim(QUEUE, 0, 999)
                    pipe.execute()
            return job, at

        return put


def paid_event(order: rows.Waiting, number: int) -> bytes:
    """``payment_link.paid`` as Razorpay sends it, with what a receiver may look at."""
    payment, now = f"pay_BENCH{order.link_id[6:]}", int(time.time())
    provider_order = f"order_{order.link_id[6:]}"
    money: dict[str, Any] = {"amount": rows.AMOUNT_PAISE, "currency": "INR", "created_at": now}
    link: dict[str, Any] = {
        "id": order.link_id,
        "reference_id": order.reference_id,
        "status": "paid",
    }
    link |= {"amount_paid": rows.AMOUNT_PAISE, "order_id": provider_order, "accept_partial": False}
    paid: dict[str, Any] = {
        "id": payment,
        "entity": "payment",
        "status": "captured",
        "captured": True,
    }
    paid |= {"method": "upi", "order_id": provider_order, "vpa": "customer@exampleupi"}
    bought = {"id": provider_order, "status": "paid", "receipt": order.reference_id}
    payload = {
        name: {"entity": entity | money}
        for name, entity in (("payment_link", link), ("payment", paid), ("order", bought))
    }
    event: dict[str, Any] = {
        "entity": "event",
        "account_id": "acc_FAKEacct000001",
        "created_at": now + number,
    }
    event |= {"event": "payment_link.paid", "contains": list(payload), "payload": payload}
    return json.dumps(event).encode()


class Bank:
    """Posts signed webhooks; ``put`` names the order, and ``jobs`` which job it became."""

    def __init__(self, backend: str, connection: rows.Connection) -> None:
        self._client = httpx2.Client(base_url=backend, trust_env=False, timeout=30)
        self._connection = connection
        self.answered: list[float] = []

    def capture(self, orders: list[rows.Waiting]) -> Put:
        left = enumerate(orders)

        def put() -> tuple[str, int]:
            number, order = next(left)
            body = paid_event(order, number)
            secret = FAKE_CREDENTIALS["RAZORPAY_WEBHOOK_SECRET"]
            headers = {
                "Content-Type": "application/json",
                "X-Razorpay-Event-Id": f"evt_{order.link_id[6:]}",
                "X-Razorpay-Signature": razorpay_signature(body, secret=secret),
            }
            at = time.monotonic_ns()
            self._client.post(
                "/api/webhooks/razorpay-webhook", content=body, headers=headers
            ).raise_for_status()
            self.answered.append((time.monotonic_ns() - at) / 1e9)
            return self._job_of(order), at

        return put

    def _job_of(self, order: rows.Waiting) -> str:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            time.sleep(0.1)  # well after the claim, so that asking is not in its way
            found = self._connection.execute(
                "SELECT id FROM print_jobs WHERE order_id = %s", (order.id,)
            ).fetchone()
            if found is not None:
                return str(found[0])
        sys.exit(f"order {order.id} was paid and has no job after {PATIENCE:.0f} s")


def committed(workers: dict[str, Claimer], counter: Counter, client: Any) -> None:
    """Job committed to claim held, in turn with the bare hand-over."""
    rounds: list[dict[str, list[float]]] = []
    for round_number in range(ROUNDS + 1):
        count = JOBS if round_number else WARM_UP
        took = {}
        for way, worker in workers.items():
            if way in BARE:
                put = bare(client)
            else:
                put = counter.job(counter.orders(count), hint=way == "bell")
            took[way] = worker.take(put, count)
        counter.take_back()
        if round_number:
            rounds.append(took)
    print(f"job committed -> claim held, {ROUNDS} rounds of {JOBS} each, in turn")
    for way, name in {**{w: f"LPUSH to BLMOVE, {n}" for w, n in BARE.items()}, **OURS}.items():
        print(f"  {name:32} {stage.spread([one for took in rounds for one in took[way]])}")
    print(f"  {'(the COMMIT alone)':32} {stage.spread(counter.commits)}")
    for way, name in OURS.items():
        for base, client_name in BARE.items():
            ratios = [stage.median(took[way]) / stage.median(took[base]) for took in rounds]
            what = f"{name}, p50 as a multiple of BLMOVE's by the {client_name}"
            stage.verdict(what, stage.median(ratios), 4.0)


def paid(workers: dict[str, Claimer], counter: Counter, bank: Bank, control: Control) -> None:
    """Signed webhook posted to claim held."""
    spent: dict[str, list[float]] = {way: [] for way in OURS}
    for round_number in range(ROUNDS + 1):
        for way, values in spent.items():
            orders = counter.orders(PAYMENTS if round_number else WARM_UP)
            silent_people(control, [order.phone for order in orders])
            took = workers[way].take(bank.capture(orders), len(orders), BETWEEN_PAYMENTS)
            counter.take_back()
            if round_number:
                values += took
    print(f"signed webhook posted -> claim held, {ROUNDS} rounds of {PAYMENTS} each, in turn")
    print(f"  {'(the webhook its own answer)':32} {stage.spread(bank.answered)}")
    for way, name in OURS.items():
        print(f"  {name:32} {stage.spread(spent[way])}")
        p50, p95 = (stage.percentile(spent[way], share) * 1e3 for share in (0.5, 0.95))
        stage.verdict(f"{name}, p50 in ms", p50, 60)
        stage.verdict(f"{name}, p95 in ms", p95, 200)


def main() -> None:
    port, outside = stage.free_port(), stage.free_port()
    origin = f"http://127.0.0.1:{outside}"
    with (
        stage.postgres() as database,
        stage.redis() as redis_url,
        simulator(port=outside, backend=f"http://127.0.0.1:{port}"),
        stage.backend(
            database, port=port, log=LOG, REDIS_URL=redis_url, QUEUE_NAME=QUEUE, **vendors(origin)
        ) as (url, _),
        psycopg.connect(database, autocommit=True) as connection,
        claimers(url, redis_url) as workers,
    ):
        client = redis.Redis.from_url(redis_url)
        counter, control = Counter(connection, client), Control(origin)
        committed(workers, counter, client)
        paid(workers, counter, Bank(url, connection), control)
        control.close()
        client.close()


if __name__ == "__main__":
    main()
