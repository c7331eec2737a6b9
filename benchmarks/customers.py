"""Thirty customers at once, each through all fourteen steps, from hello to the ready message.

Real simulator, backend (``BACKGROUND=inline``), PostgreSQL and print worker with one virtual
printer of 0.01 s a page; every customer orders two copies of a six-page PDF with two colour pages.
The clock of a step starts before the customer's act is handed to the simulator and stops when the
shop's answer lies in the chat. Asked: everyone is served, and every ordered side is on paper.

Before that, alone: from a message's webhook to the reply at Twilio's door, both by the simulator's
own log.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from benchmarks import stage
from benchmarks.outside import Control, simulator
from simulator.paper import Paper
from simulator.scripted import BLACK_AND_WHITE, COPIES, MIX, PDF, READY, TOKEN
from tests.support.processes import vendors

PEOPLE = 30
PATIENCE = 240.0
ALONE = 40
SHORTEST_PAUSE = 0.4
STEPS = (
    "hello -> welcome",
    "file -> print-type question",
    "choice -> copies question",
    "copies -> link",
    "payment -> token",
    "paid -> claimed",
    "claimed -> begun",
    "begun -> on paper",
    "on paper -> ready message",
    "whole",
)


class Customer:
    """One person with a phone; ``spent`` collects seconds per step."""

    def __init__(self, client: httpx2.AsyncClient, name: str) -> None:
        self._client = client
        self._name = name
        self._seen = 0
        self.spent: dict[str, float] = {}
        self.token = ""
        self.ready_at = 0.0

    async def walk(self) -> None:
        """All steps. Raises TimeoutError or AssertionError with the step's name."""
        begun = time.monotonic()
        await self._answered("hello -> welcome", "say", r".", text="Hi")
        question = await self._answered(
            "file -> print-type question", "send", BLACK_AND_WHITE.pattern, sample=PDF.sample
        )
        choice = next(b["id"] for b in question["buttons"] if MIX.search(b["title"]))
        question = await self._answered(
            "choice -> copies question", "tap", COPIES.pattern, id=choice
        )
        asked = await self._answered("copies -> link", "say", "₹.*http", text=str(PDF.copies))
        link = await self._link(asked["links"])
        at = time.monotonic()
        await self._post(f"/links/{link}/pay", case="normal", method="upi")
        self.token = TOKEN.search((await self._heard("token", TOKEN.pattern))["text"])[1]  # type: ignore[index]
        self.spent["payment -> token"] = time.monotonic() - at
        await self._heard("ready", rf"(?=.*\b{self.token}\b).*(?:{READY.pattern})")
        self.ready_at = time.time()
        self.spent["whole"] = time.monotonic() - begun

    async def _answered(self, step: str, act: str, wanted: str, **body: Any) -> dict[str, Any]:
        at = time.monotonic()
        outcome = await self._post(f"/people/{self._name}/{act}", **body)
        assert outcome["status"] == 200, f"{step}: the backend said {outcome['status']}"
        message = await self._heard(step, wanted)
        self.spent[step] = time.monotonic() - at
        return message

    async def _heard(self, step: str, wanted: str) -> dict[str, Any]:
        answer = await self._client.get(
            f"/people/{self._name}/wait",
            params={"matches": wanted, "after": self._seen, "timeout": PATIENCE},
        )
        if answer.status_code != 200:
            raise TimeoutError(f"{self._name}, {step}: {answer.json()['detail']}")
        told = answer.json()
        self._seen = told["index"] + 1
        message: dict[str, Any] = told["message"]
        return message

    async def _link(self, carried: list[str]) -> str:
        links = (await self._client.get("/links")).json()["links"]
        found: str = next(each["id"] for each in links if each["short_url"] in carried)
        return found

    async def _post(self, path: str, **body: Any) -> Any:
        answer = await self._client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()


async def all_at_once(origin: str) -> tuple[list[Customer], list[BaseException]]:
    limits = httpx2.Limits(max_connections=PEOPLE * 2, max_keepalive_connections=PEOPLE * 2)
    async with httpx2.AsyncClient(
        base_url=f"{origin}/control", timeout=PATIENCE + 30, trust_env=False, limits=limits
    ) as client:
        customers = []
        for number in range(PEOPLE):
            name = f"customer{number}"
            (await client.post("/people", json={"name": name})).raise_for_status()
            customers.append(Customer(client, name))
        ends = await asyncio.gather(*(one.walk() for one in customers), return_exceptions=True)
    return customers, [end for end in ends if end is not None]


def alone(control: Control) -> list[float]:
    """Seconds from a lone message's webhook to the request that hands the reply to Twilio."""
    control.post("/people", name="alone")
    spent = []
    for number in range(ALONE + 3):
        before = max((row["id"] for row in control.get("/log")["rows"]), default=0)
        seen = len(control.get("/people/alone/chat")["messages"])
        control.post("/people/alone/say", text="Hi" if number % 2 else "help")
        control.get("/people/alone/wait", after=seen, timeout=30)
        time.sleep(SHORTEST_PAUSE)
        rows = control.get("/log", after=before)["rows"]
        begun = {row["operation"]: row["at"] - row["milliseconds"] / 1e3 for row in reversed(rows)}
        if number >= 3:
            spent.append(begun["twilio.messages.create"] - begun["twilio.webhook.inbound"])
    return spent


@contextlib.contextmanager
def worker(backend: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The real print worker with a virtual printer."""
    env = {
        "PRINTWALA_BACKEND_URL": backend,
        "PRINTWALA_API_KEY": stage.WORKER_KEY,
        "PRINTWALA_BACKEND": "virtual",
        "PRINTWALA_VIRTUAL_SECONDS_PER_PAGE": "0.01",
        "PRINTWALA_VIRTUAL_OUTPUT_DIR": str(folder / "paper"),
        "PRINTWALA_WORK_DIR": str(folder / "worker"),
        "PRINTWALA_LOG_FILE": str(folder / "worker.log"),
    }
    command = [sys.executable, str(stage.ROOT / "print_worker" / "main.py")]
    with stage.process(command, env=env) as child:
        yield child


def from_rows(database: str, customers: list[Customer]) -> None:
    """What only the database saw: paid, claimed, begun, on paper."""
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT o.token, extract(epoch FROM o.paid_at)::float8, "
            "extract(epoch FROM min(a.claimed_at))::float8, "
            "extract(epoch FROM max(a.started_at))::float8, "
            "extract(epoch FROM max(a.finished_at))::float8 FROM orders o "
            "JOIN print_jobs j ON j.order_id = o.id JOIN print_attempts a ON a.job_id = j.id "
            "GROUP BY o.id"
        ).fetchall()
    times = {token: seen for token, *seen in rows}
    for customer in customers:
        if customer.token in times and customer.ready_at:
            paid, claimed, begun, printed = times[customer.token]
            customer.spent["paid -> claimed"] = claimed - paid
            customer.spent["claimed -> begun"] = begun - claimed
            customer.spent["begun -> on paper"] = printed - begun
            customer.spent["on paper -> ready message"] = customer.ready_at - printed


def table(customers: list[Customer]) -> None:
    collected = defaultdict(list)
    for customer in customers:
        for step, seconds in customer.spent.items():
            collected[step].append(seconds)
    print(f"{PEOPLE} customers at once{'p50 s':>23}{'p95 s':>8}{'served':>8}")
    for step in STEPS:
        values = collected[step]
        if values:
            p50, p95 = (stage.percentile(values, share) for share in (0.5, 0.95))
            print(f"  {step:32} {p50:8.2f} {p95:7.2f} {len(values):7}")


def main() -> int:
    port, outside = stage.free_port(), stage.free_port()
    url, origin = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{outside}"
    with (
        tempfile.TemporaryDirectory(prefix="printwala-customers-") as name,
        stage.postgres() as database,
        simulator(port=outside, backend=url, paper=Path(name) / "paper"),
        stage.backend(database, port=port, log=None, **vendors(origin)),
        worker(url, Path(name)),
    ):
        control = Control(origin)
        control.post("/settings", status_seconds=0)
        print(f"message in -> reply at Twilio, alone: {stage.spread(alone(control))}")
        begun = time.monotonic()
        customers, troubles = asyncio.run(all_at_once(origin))
        took = time.monotonic() - begun
        from_rows(database, customers)
        table(customers)
        print(f"  all {PEOPLE} in {took:.1f} s")
        control.close()
        sides = Paper(Path(name) / "paper").sides()
    for trouble in troubles:
        print(f"  not served: {trouble!r}")
    wanted = PEOPLE * PDF.pages * PDF.copies
    stage.verdict("customers served", PEOPLE - len(troubles), PEOPLE, at_least=True)
    stage.verdict("sides on paper", len(sides), wanted, at_least=True)
    return 1 if troubles or len(sides) != wanted else 0


if __name__ == "__main__":
    sys.exit(main())
