"""The whole shop, opened as in production, and eyes to see what it did.

Everything is real: PostgreSQL, the application behind uvicorn with its background work, the
adapters and their wire. Only the providers at the other end are the simulator.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from psycopg.rows import dict_row

from app.bootstrap import Shop
from app.core.config import Settings, load_settings
from app.main import create_app
from simulator.server import listening, started, stop_at_once
from simulator.settings import FAKE_CREDENTIALS
from tests.support.outside import (
    PATIENCE,
    PUBLIC,
    Bank,
    Customer,
    Outside,
    simulated,
)

WORKER_KEY = "worker-key-of-the-tests"
FINISHED = {"spooler_completed": "job 1 done"}

_DUE = (
    "SELECT count(*) AS n FROM procrastinate_jobs WHERE task_name NOT LIKE 'sweep%%' AND "
    "(status = 'doing' OR (status = 'todo' AND coalesce(scheduled_at, now()) "
    "<= now() + make_interval(secs => %s)))"
)


def shop_settings(database_url: str, data_dir: Path, *, origin: str, **more: Any) -> Settings:
    """Every setting that matters, said: the machine's environment decides nothing."""
    chosen: dict[str, Any] = {
        "environment": "development",
        "database_url": database_url,
        "redis_url": "",
        "queue_name": "print_queue",
        "data_dir": data_dir,
        "storage_url": "",
        "secret_key": "a secret key of the tests, long enough",
        "worker_api_key": WORKER_KEY,
        "backend_public_url": PUBLIC,
        "twilio_api_base_url": origin,
        "twilio_content_base_url": origin,
        "razorpay_api_base_url": origin,
        "price_per_page_bw": "2.0",
        "price_per_page_color": "10.0",
        "background": "inline",
        **{name.lower(): value for name, value in FAKE_CREDENTIALS.items()},
        **more,
    }
    return load_settings(**chosen)


@dataclass
class House:
    """``api`` speaks HTTP to it, ``inside`` is its composition root, ``sql`` looks at the truth."""

    settings: Settings
    api: httpx2.AsyncClient
    outside: Outside
    inside: Shop
    token: str = ""

    async def sql(self, query: str, *values: Any) -> list[dict[str, Any]]:
        async with self.inside.database.pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(query.encode(), values or None)
            return await cursor.fetchall() if cursor.description else []

    async def one(self, query: str, *values: Any) -> Any:
        """The first column of the only row."""
        rows = await self.sql(query, *values)
        assert len(rows) == 1, f"{len(rows)} rows: {rows}"
        return next(iter(rows[0].values()))

    async def quiet(self, *, within: float = 0, timeout: float = PATIENCE) -> None:
        """Until nothing is left to do: no task due, no webhook on its way.

        ``within`` also waits for tasks that try again in that many seconds.
        """
        deadline, calm = time.monotonic() + timeout, 0
        while calm < 2:
            busy = await self.one(_DUE, within) or await self.outside.pending_events()
            calm = 0 if busy else calm + 1
            if time.monotonic() > deadline:
                left = await self.sql(
                    "SELECT task_name, status, attempts, args FROM procrastinate_jobs "
                    "WHERE task_name NOT LIKE 'sweep%' AND status IN ('todo', 'doing')"
                )
                raise AssertionError(f"still busy after {timeout:.0f} s: {left}")
            await asyncio.sleep(0.03)

    async def keeps_its_promises(self) -> None:
        """What ``check-invariants`` asks, and that no task ended in an error nobody expected."""
        broken = await self.inside.reports.broken_invariants()
        assert {name: rows for name, rows in broken.items() if rows} == {}

    async def all_counts(self) -> dict[str, int]:
        """Rows of every table that a stranger might want to change, once nothing is on its way."""
        await self.quiet()
        tables = await self.sql(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
            "AND tablename NOT LIKE 'procrastinate%' AND tablename <> 'sweep_runs'"
        )
        return {
            row["tablename"]: await self.one(f'SELECT count(*) FROM "{row["tablename"]}"')
            for row in tables
        }

    async def everything(self) -> dict[str, list[str]]:
        """Every row of every table, once nothing is on its way: two of these are equal when
        nothing at all changed. What moves by itself is left out: tasks, and who was last seen."""
        rows = {}
        for table in await self.all_counts():
            listed = await self.sql(
                f"SELECT (to_jsonb(t) - 'last_used_at' - 'last_seen_at')::text AS row "
                f'FROM "{table}" t ORDER BY 1'
            )
            rows[table] = [row["row"] for row in listed]
        return rows

    # What became of one customer's orders

    async def orders_of(self, customer: Customer) -> list[dict[str, Any]]:
        return await self.sql(
            "SELECT o.* FROM orders o JOIN customers c ON c.id = o.customer_id "
            "WHERE c.address = %s OR c.external_user_id = %s ORDER BY o.created_at",
            customer.address,
            f"whatsapp:{customer.user_id}",
        )

    async def order_of(self, customer: Customer) -> dict[str, Any]:
        """The customer's newest order."""
        return (await self.orders_of(customer))[-1]

    async def jobs_of(self, customer: Customer) -> list[dict[str, Any]]:
        orders = [order["id"] for order in await self.orders_of(customer)]
        return await self.sql(
            "SELECT * FROM print_jobs WHERE order_id = ANY(%s) ORDER BY queue_number", orders
        )

    async def payments_of(self, customer: Customer) -> list[dict[str, Any]]:
        orders = [order["id"] for order in await self.orders_of(customer)]
        return await self.sql(
            "SELECT * FROM payments WHERE order_id = ANY(%s) ORDER BY created_at", orders
        )

    async def refunds_of(self, customer: Customer) -> list[dict[str, Any]]:
        orders = [order["id"] for order in await self.orders_of(customer)]
        return await self.sql(
            "SELECT * FROM refunds WHERE order_id = ANY(%s) ORDER BY created_at", orders
        )

    async def attention_of(self, customer: Customer) -> list[str]:
        """Kinds of the open items about this customer's orders."""
        orders = [order["id"] for order in await self.orders_of(customer)]
        rows = await self.sql(
            "SELECT kind FROM attention_items WHERE closed_at IS NULL AND order_id = ANY(%s) "
            "ORDER BY opened_at",
            orders,
        )
        return [row["kind"] for row in rows]

    # People and machines of the shop

    @property
    def staff(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def worker(self, name: str = "counter-pc") -> Worker:
        return Worker(self, name)

    async def prints(self, customer: Customer) -> list[str]:
        """Lets a worker print what waits of this customer; the files that came out."""
        printed = []
        for job in await self.jobs_of(customer):
            held = await self.worker().claims(job_id=job["id"])
            if held is None:
                continue
            assert (await held.begins()).status_code == 200
            assert (await held.reports("COMPLETED", evidence=FINISHED)).status_code == 200
            printed.append(
                await self.one("SELECT name FROM documents WHERE order_id = %s", job["order_id"])
            )
        return printed

    async def refund(
        self, order_id: Any, amount: int, *, key: str | None, reason: str = "asked at the counter"
    ) -> httpx2.Response:
        headers = dict(self.staff)
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.api.post(
            f"/api/v1/dashboard/orders/{order_id}/refund",
            json={"amount_paise": amount, "reason": reason},
            headers=headers,
        )


@dataclass
class Held:
    """A claimed job, with the words its worker may say about it."""

    house: House
    worker: Worker
    job: dict[str, Any]

    @property
    def path(self) -> str:
        return f"/api/v1/print_jobs/{self.job['id']}"

    async def begins(self, **more: Any) -> httpx2.Response:
        return await self.reports("PRINTING", **more)

    async def reports(self, status: str, **more: Any) -> httpx2.Response:
        said = {
            "status": status,
            "epoch": self.job["epoch"],
            "attempt_id": self.job["attempt_id"],
            "worker_id": self.worker.name,
            **more,
        }
        return await self.worker.sends("PUT", f"{self.path}/status", said)

    async def beats(self, **more: Any) -> httpx2.Response:
        return await self.house.api.post(
            f"{self.path}/heartbeat",
            json={
                "epoch": self.job["epoch"],
                "attempt_id": self.job["attempt_id"],
                "worker_id": self.worker.name,
                **more,
            },
            headers=self.worker.key,
        )

    async def status(self) -> str:
        return str(
            await self.house.one("SELECT status FROM print_jobs WHERE id = %s", self.job["id"])
        )


@dataclass
class Worker:
    house: House
    name: str

    @property
    def key(self) -> dict[str, str]:
        return {"X-API-Key": WORKER_KEY}

    async def sends(self, method: str, path: str, body: Any) -> httpx2.Response:
        """JSON as Python writes it, also where that is odd: escapes, infinity."""
        return await self.house.api.request(
            method,
            path,
            content=json.dumps(body),
            headers={**self.key, "Content-Type": "application/json"},
            timeout=40,
        )

    async def asks(self, **more: Any) -> httpx2.Response:
        body = {"worker_id": self.name, "printers": [f"{self.name} printer"], "wait": 0, **more}
        if body.get("job_id") is not None:
            body["job_id"] = str(body["job_id"])
        return await self.sends("POST", "/api/v1/print_jobs/claim", body)

    async def claims(self, **more: Any) -> Held | None:
        answer = await self.asks(**more)
        if answer.status_code == 204:
            return None
        assert answer.status_code == 200, answer.text
        return Held(self.house, self, answer.json())

    async def must_claim(self, **more: Any) -> Held:
        held = await self.claims(**more)
        assert held is not None, "there was nothing to claim"
        return held


@asynccontextmanager
async def opened(database_url: str, data_dir: Path, **settings: Any) -> AsyncIterator[House]:
    """The shop behind uvicorn on a free port, with a simulator of its own outside."""
    bound = listening(0)
    address = f"http://127.0.0.1:{bound.getsockname()[1]}"
    async with simulated(address) as outside:
        chosen = shop_settings(database_url, data_dir, origin=outside.origin, **settings)
        async with serving(chosen, bound, outside) as house:
            yield house


@asynccontextmanager
async def serving(settings: Settings, bound: Any, outside: Outside) -> AsyncIterator[House]:
    """One process of the shop, on a socket that listens already."""
    app = create_app(settings)
    address = f"http://127.0.0.1:{bound.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", access_log=False, log_config=None)
    )
    running = asyncio.create_task(server._serve([bound]))
    try:
        await started(server, running)
        async with httpx2.AsyncClient(
            base_url=address,
            timeout=20,
            trust_env=False,
            limits=httpx2.Limits(max_connections=200, max_keepalive_connections=50),
        ) as api:
            house = House(settings, api, outside, app.state.shop)
            house.token = await house.inside.staff.create_token("tests")
            yield house
    finally:
        await stop_at_once(server, running)


def bank_of(house: House) -> Bank:
    return Bank(house.outside)
