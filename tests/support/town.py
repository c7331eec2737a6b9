"""A whole town of real processes: databases, backends, background, the world outside, workers.

The test plays the service manager: it kills, and starts again what died.
"""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import pikepdf
import psycopg
import pypdfium2
from pikepdf import Dictionary, Name
from psycopg.rows import dict_row

from app.core.embedded_postgres import EmbeddedPostgres
from tests.support.processes import (
    PYTHON,
    ROOT,
    Program,
    clean_environment,
    left_over,
    vendors,
)
from tests.support.services import free_port

PATIENCE = 20.0
KEY = "town-worker-key-0123456789abcdef"


def pdf_of(pages: int, *, words: str) -> bytes:
    """A black and white PDF that says ``<words> page <n>`` on each page."""
    kept = io.BytesIO()
    with pikepdf.new() as document:
        font = document.make_indirect(
            Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        )
        for number in range(1, pages + 1):
            page = document.add_blank_page(page_size=(595, 842))
            line = f"BT /F1 24 Tf 72 720 Td ({words} page {number}) Tj ET"
            page.Contents = document.make_stream(line.encode("ascii"))
            page.Resources = Dictionary(Font=Dictionary(F1=font))
        document.save(kept)
    return kept.getvalue()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the town is made of. An empty ``database_url`` is the embedded PostgreSQL."""

    database_url: str = ""
    redis_url: str = ""
    queue_name: str = "print_queue"
    backends: int = 1
    inline: bool = True
    seconds_per_page: float = 0.02
    public_port: int = 0
    """Where the providers and customers reach it; 0 is the first backend itself."""
    worker_port: int = 0
    """Where the worker reaches it; 0 is the public port."""


class Town:
    """``with Town(folder, Plan(...)) as town``: everything runs and answers; at the end nothing
    is left. ``folder`` must be one that others may pass through (`public_directory`)."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.mark = f"town-{secrets.token_hex(6)}"
        self.paper = Paper(folder / "paper")
        (folder / "paper").mkdir()
        self.ports = [free_port() for _ in range(plan.backends)]
        self.url = f"http://127.0.0.1:{plan.public_port or self.ports[0]}"
        simulator_port = free_port()
        self.outside = f"http://127.0.0.1:{simulator_port}"
        self.client = httpx2.Client(timeout=180, trust_env=False)
        self.simulator = self._program(
            "simulator",
            [
                *(PYTHON, "-m", "simulator", "--port", str(simulator_port)),
                *("--backend", self.url, "--paper", str(folder / "paper")),
            ],
            ROOT,
        )
        serve = [PYTHON, "-m", "app.cli", "serve", "--port"]
        self.backends = [
            self._program(f"backend-{number}", [*serve, str(port)], ROOT / "backend")
            for number, port in enumerate(self.ports, 1)
        ]
        self.background = self._program(
            "background", [PYTHON, "-m", "app.cli", "background"], ROOT / "backend"
        )
        self.worker = self._program(
            "worker", [PYTHON, str(ROOT / "print_worker" / "main.py")], ROOT / "print_worker"
        )
        self.bank = Bank(self)

    def _program(self, name: str, command: list[str], cwd: Path) -> Program:
        return Program(
            name, command, cwd=cwd, env=self.environment(), log=self.folder / f"{name}.log"
        )

    def environment(self) -> dict[str, str]:
        """The settings of every process of this town, in one."""
        plan, folder = self.plan, self.folder
        return clean_environment(
            **vendors(self.outside),
            ENVIRONMENT="development",
            DATABASE_URL=plan.database_url,
            REDIS_URL=plan.redis_url,
            QUEUE_NAME=plan.queue_name,
            BACKGROUND="inline" if plan.inline else "off",
            BACKEND_PUBLIC_URL=self.url,
            DATA_DIR=str(folder / "data"),
            WORKER_API_KEY=KEY,
            PRINTWALA_BACKEND_URL=f"http://127.0.0.1:{plan.worker_port}"
            if plan.worker_port
            else self.url,
            PRINTWALA_API_KEY=KEY,
            PRINTWALA_REDIS_URL=plan.redis_url,
            PRINTWALA_QUEUE_NAME=plan.queue_name,
            PRINTWALA_BACKEND="virtual",
            PRINTWALA_VIRTUAL_OUTPUT_DIR=str(folder / "paper"),
            PRINTWALA_VIRTUAL_SECONDS_PER_PAGE=str(plan.seconds_per_page),
            PRINTWALA_WORK_DIR=str(folder / "worker"),
            PRINTWALA_WORKER_ID="pc-1",
            PRINTWALA_LOG_FILE=str(folder / "print_worker.log"),
            PRINTWALA_TOWN=self.mark,
        )

    # Life

    @property
    def programs(self) -> list[Program]:
        """Everything that should run, the outside world last."""
        background = [] if self.plan.inline else [self.background]
        return [self.worker, *background, *self.backends, self.simulator]

    def __enter__(self) -> Self:
        try:
            for program in reversed(self.programs):
                program.start()
            self.ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stayed = self.close()
        if error is None:
            assert stayed == [], "processes stayed behind"

    def ready(self) -> None:
        """Until every process answers."""
        self.simulator.answers(f"{self.outside}/")
        for program, port in zip(self.backends, self.ports, strict=True):
            program.answers(f"http://127.0.0.1:{port}/health")
        if not self.plan.inline:
            self.background.waits_for("Background tasks are running")

    def start_what_died(self) -> list[str]:
        """What a service manager does; the names of those that had ended."""
        dead = [program for program in self.programs if not program.running]
        for program in dead:
            program.start()
        self.ready()
        return [program.name for program in dead]

    def close(self) -> list[str]:
        """Ends everything; what stayed although it was asked to go."""
        users = [program for program in self.programs if program is not self.simulator]
        for program in users:
            program.asks_to_stop()
        for program in (*users, self.simulator):
            if program.started:
                program.stop(seconds=20)
        self.client.close()
        deadline = time.monotonic() + 5
        while (stayed := left_over(self.mark)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return stayed

    # Looking

    def sql(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a statement on the town's database."""
        with psycopg.connect(
            self.database_url, autocommit=True, row_factory=dict_row, connect_timeout=5
        ) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    @property
    def database_url(self) -> str:
        return self.plan.database_url

    def cli(self, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs ``python -m app.cli`` with the town's settings."""
        return subprocess.run(
            [PYTHON, "-m", "app.cli", *arguments],
            cwd=ROOT / "backend",
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def broken_promises(self) -> list[str]:
        """Lines of ``check-invariants`` that are not ok."""
        asked = self.cli("check-invariants")
        lines = [line for line in asked.stdout.splitlines() if line.startswith("I")]
        assert len(lines) > 10, f"check-invariants said {asked.stdout!r} {asked.stderr!r}"
        return [line for line in lines if not line.endswith(": ok")]

    def order_of(self, customer: Customer) -> dict[str, Any]:
        """The customer's newest order, with its original job's ``job`` id and ``job_status``."""
        rows = self.sql(
            "SELECT o.*, j.id AS job, j.status AS job_status, j.epoch FROM orders o "
            "JOIN customers c ON c.id = o.customer_id "
            "LEFT JOIN print_jobs j ON j.order_id = o.id AND j.kind = 'ORIGINAL' "
            "WHERE c.address LIKE %s ORDER BY o.created_at DESC LIMIT 1",
            f"%{customer.phone}",
        )
        return rows[0] if rows else {}

    def control(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """A lever of the simulator."""
        answer = self.client.request(method, f"{self.outside}/control{path}", json=body, **more)
        assert answer.status_code < 300, f"{path}: {answer.text}"
        return answer.json()

    def customer(self, name: str, number: int) -> Customer:
        """Somebody new, with a practice number of their own."""
        phone = f"+9190002{number:05d}"
        self.control("POST", "/people", {"name": name, "phone": phone})
        return Customer(self, name, phone)


class Embedded(Town):
    """A town on the embedded PostgreSQL, whose address is asked of the place where it lies."""

    @property
    def database_url(self) -> str:
        server = EmbeddedPostgres(self.folder / "data")
        lines = (server.cluster / "postmaster.pid").read_text("utf-8").splitlines()
        kept = json.loads((server.home / "secrets.json").read_text("utf-8"))
        return f"postgresql://printwala:{kept['printwala']}@127.0.0.1:{lines[3]}/printwala"


@dataclass
class Customer:
    """One person with a phone."""

    town: Town
    name: str
    phone: str
    seen: int = 0

    def _do(self, what: str, body: Any) -> Any:
        return self.town.control("POST", f"/people/{self.name}/{what}", body)

    def says(self, text: str) -> Any:
        return self._do("say", {"text": text})

    def taps(self, title: str) -> Any:
        return self._do("tap", {"title": title})

    def sends(self, data: bytes, *, name: str = "thesis.pdf", kind: str = "application/pdf") -> Any:
        return self.town.control(
            "POST",
            f"/people/{self.name}/send",
            None,
            files={"file": (name, data, kind)},
            data={"caption": name},
        )

    def hears(self, words: str, *, seconds: float = PATIENCE) -> Any:
        """The next message of the shop with these words, after the last one heard."""
        answer = self.town.control(
            "GET",
            f"/people/{self.name}/wait",
            params={"contains": words, "after": self.seen, "timeout": seconds},
        )
        self.seen = answer["index"] + 1
        return answer["message"]

    def saw(self) -> list[str]:
        """Everything the shop said, in order."""
        chat = self.town.control("GET", f"/people/{self.name}/chat")["messages"]
        return [message["text"] for message in chat if message["from"] == "shop"]

    def count(self, words: str) -> int:
        return sum(words in text for text in self.saw())

    def is_asked_to_pay(self, *, pages: int = 2, copies: int = 1, words: str = "") -> str:
        """Sends a document and answers the questions; the address where to pay."""
        self.sends(pdf_of(pages, words=words or self.name))
        self.hears("How should I print it")
        self.says("bw")
        self.hears("How many copies")
        self.says(str(copies))
        return self.hears_the_link()

    def hears_the_link(self, *, seconds: float = PATIENCE) -> str:
        return str(self.hears("Pay here", seconds=seconds)["links"][0])


@dataclass
class Bank:
    """Where customers pay."""

    town: Town

    def link(self, short_url: str) -> Any:
        links = self.town.control("GET", "/links")["links"]
        return next(link for link in links if link["short_url"] == short_url)

    def pays(self, short_url: str, case: str = "normal", **more: Any) -> Any:
        link = self.link(short_url)
        return self.town.control("POST", f"/links/{link['id']}/pay", {"case": case, **more})

    def refunds(self) -> list[Any]:
        return list(self.town.control("GET", "/refunds")["refunds"])


@dataclass(frozen=True)
class Paper:
    """What came out of the virtual printer."""

    folder: Path

    def sides(self, job_id: object = None) -> list[dict[str, Any]]:
        """One row per printed side, of one job or of all."""
        log = self.folder / "paper.jsonl"
        if not log.exists():
            return []
        rows = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line]
        return [row for row in rows if job_id is None or row["job_id"] == str(job_id)]

    def repeated(self) -> list[tuple[str, int, int]]:
        """(job, copy, page) that came out more than once, in whatever attempt."""
        sides = Counter((row["job_id"], row["copy"], row["page"]) for row in self.sides())
        return [side for side, times in sides.items() if times > 1]

    def words(self, job_id: object) -> list[str]:
        """The text on every printed page of a job, copy by copy."""
        found = []
        for attempt in dict.fromkeys(row["attempt_id"] for row in self.sides(job_id)):
            for copy in sorted((self.folder / attempt).glob("copy-*.pdf")):
                with contextlib.closing(pypdfium2.PdfDocument(copy)) as document:
                    found += [page.get_textpage().get_text_bounded().strip() for page in document]
        return found


def at_rest(town: Town) -> bool:
    """No webhook, message, task, claim or file in hand."""
    return not town.sql(
        "SELECT 1 FROM webhook_logs WHERE status = 'NEW' "
        "UNION ALL SELECT 1 FROM messages WHERE direction = 'OUT' AND status = 'STAGED' "
        "UNION ALL SELECT 1 FROM documents WHERE status = 'FETCHING' "
        "UNION ALL SELECT 1 FROM print_jobs WHERE status IN ('QUEUED', 'CLAIMED', 'PRINTING') "
        "UNION ALL SELECT 1 FROM refunds WHERE status IN ('REQUESTED', 'IN_TRANSIT') "
        "UNION ALL SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing') "
        "  AND task_name NOT LIKE 'sweep%%'"
    )
