"""The worker API over real HTTP, with epochs, leases and a way to break every single answer."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

KEY = "wk_test_0123456789abcdef"
SIGNATURE = "sig=SECRETSIGNATURE"


@dataclass
class FakeJob:
    """One print job as the backend knows it."""

    id: str
    document: bytes
    settings: dict[str, Any]
    file_pages: int
    token: str = "41"
    status: str = "QUEUED"
    epoch: int = 0
    attempt_id: str = ""
    attempts: list[str] = field(default_factory=list)
    worker_id: str = ""
    lease_until: float = 0.0
    begun: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    evidence: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    error: str = ""
    promised_sha256: str = ""
    printer: str = ""
    """Only the printer of this name may claim it."""

    def move(self, status: str) -> None:
        self.status = status
        self.history.append(status)

    def proof(self, key: str) -> list[Any]:
        """Every value of one evidence key, in order of arrival."""
        return [seen[key] for _, seen in self.evidence if key in seen]


Fault = str
"""``before``: cut before anything happens; ``after``: do it, then cut; or a status like ``503``."""


class FakeBackend:
    """A strict backend on a free port. ``faults[call]`` is a list, one taken per such call.

    Calls are named claim, begin, spooled, completed, failed, uncertain, released, heartbeat,
    worker_heartbeat and file.
    """

    def __init__(self, *, lease_seconds: float = 90.0, valid_seconds: float = 20.0) -> None:
        self.lease_seconds = lease_seconds
        self.valid_seconds = valid_seconds
        self.key = KEY
        self.jobs: dict[str, FakeJob] = {}
        self.calls: Counter[str] = Counter()
        self.faults: dict[str, list[Fault]] = {}
        self.away = False
        self.workers: dict[str, dict[str, Any]] = {}
        self.hosts_seen: set[str] = set()
        self.bodies: list[tuple[str, dict[str, Any]]] = []
        self.file_bytes: Callable[[FakeJob], bytes] = lambda job: job.document
        self.on_call: dict[str, Callable[[], None]] = {}
        self.delay_answers: dict[str, float] = {}
        self.lock = threading.Condition(threading.RLock())
        backend = self

        class Handler(_Handler):
            world = backend

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        with self.lock:
            self.away = True
            self.lock.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, document: bytes, *, pages: int, **settings: Any) -> FakeJob:
        """Queue a job; ``printer`` binds it to one printer."""
        printer = settings.pop("printer", "")
        token = settings.pop("token", "41")
        full = {
            "print_type": "BW",
            "copies": 1,
            "pages": f"1-{pages}",
            "color_pages": [],
            "sides": "one-sided",
            "paper": "A4",
            "collate": True,
            **settings,
        }
        job = FakeJob(str(uuid.uuid4()), document, full, pages, token=token, printer=printer)
        with self.lock:
            self.jobs[job.id] = job
            self.lock.notify_all()
        return job

    def sweep(self) -> None:
        """What the lease sweep does: claimed goes back, printing becomes uncertain."""
        for job in self.jobs.values():
            if job.status in ("CLAIMED", "PRINTING") and time.monotonic() > job.lease_until:
                job.move("QUEUED" if job.status == "CLAIMED" else "UNCERTAIN")

    def lapse(self) -> None:
        """Let every lease end now, as if ninety seconds had gone by."""
        with self.lock:
            for job in self.jobs.values():
                job.lease_until = 0.0
            self.sweep()
            self.lock.notify_all()

    def claim(self, body: dict[str, Any]) -> dict[str, Any] | None:
        printer = body["printers"][0]
        deadline = time.monotonic() + body["wait"]
        while True:
            self.sweep()
            for job in self.jobs.values():
                wanted = body.get("job_id") in (None, job.id)
                bound = job.printer in ("", printer["name"])
                if job.status == "QUEUED" and wanted and bound:
                    return self._claimed(job, body["worker_id"])
            left = deadline - time.monotonic()
            if left <= 0 or self.away:
                return None
            self.lock.wait(min(left, 0.25))

    def _claimed(self, job: FakeJob, worker_id: str) -> dict[str, Any]:
        job.epoch += 1
        job.attempt_id = str(uuid.uuid4())
        job.attempts.append(job.attempt_id)
        job.worker_id = worker_id
        job.lease_until = time.monotonic() + self.lease_seconds
        job.move("CLAIMED")
        digest = job.promised_sha256 or hashlib.sha256(job.document).hexdigest()
        return {
            "id": job.id,
            "order_id": str(uuid.uuid4()),
            "shop_id": str(uuid.uuid4()),
            "token": job.token,
            "status": "CLAIMED",
            "epoch": job.epoch,
            "lease_seconds": self.lease_seconds,
            "attempt_id": job.attempt_id,
            "retry_count": 0,
            "printer_name": "",
            "created_at": "2026-11-22T09:00:00Z",
            "file": {
                # The public name: the worker must go to its own backend_url instead.
                "url": f"https://public.invalid/files/{job.id}.pdf?{SIGNATURE}",
                "sha256": digest,
                "bytes": len(job.document),
                "pages": job.file_pages,
                "name": f"token-{job.token}.pdf",
            },
            "settings": job.settings,
        }

    def status_call(self, body: dict[str, Any]) -> str:
        """The name a status report goes by in ``calls`` and ``faults``."""
        names = {"QUEUED": "released", "PRINTING": "begin"}
        if body["status"] == "PRINTING" and "evidence" in body:
            return "spooled"
        status = str(body["status"])
        return names.get(status, status.lower())

    def report(self, job: FakeJob, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.sweep()
        if body.get("evidence"):
            job.evidence.append((body["attempt_id"], body["evidence"]))
        status = body["status"]
        mine = body["attempt_id"] == job.attempt_id and body["epoch"] == job.epoch
        if mine and status == job.status and status not in ("PRINTING", "QUEUED"):
            return 200, {"id": job.id, "status": status}
        live = mine and job.status in ("CLAIMED", "PRINTING")
        if not live:
            late_proof = mine and job.status == "UNCERTAIN" and status == "COMPLETED"
            if late_proof and body["evidence"].get("spooler_completed"):
                job.move("COMPLETED")
                return 200, {"id": job.id, "status": "COMPLETED"}
            return 409, {"error": "stale_claim", "detail": "This claim is over."}
        if status == "PRINTING":
            if job.status == "CLAIMED":
                job.move("PRINTING")
                job.begun.append(job.attempt_id)
            job.lease_until = time.monotonic() + self.lease_seconds
            go = {"go": True, "valid_seconds": self.valid_seconds}
            return 200, {
                "id": job.id,
                "status": "PRINTING",
                "lease_seconds": self.lease_seconds,
                **go,
            }
        if status == "QUEUED" and job.status != "CLAIMED":
            return 409, {"error": "stale_claim", "detail": "It may be on paper already."}
        unproven = not body.get("evidence", {}).get("never_accepted")
        if status == "FAILED" and job.status == "PRINTING" and unproven:
            return 409, {"error": "stale_claim", "detail": "It may be on paper already."}
        job.error = body.get("error", "")
        job.move(status)
        return 200, {"id": job.id, "status": job.status}

    def heartbeat(self, job: FakeJob, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.sweep()
        mine = body["attempt_id"] == job.attempt_id and body["epoch"] == job.epoch
        if not mine or job.status not in ("CLAIMED", "PRINTING"):
            return 409, {"error": "stale_claim", "detail": "This claim is over."}
        job.lease_until = time.monotonic() + self.lease_seconds
        return 200, {"lease_seconds": self.lease_seconds, "status": job.status}


_REPORT = {"status", "epoch", "attempt_id", "worker_id", "error", "evidence"}
_KEYS = {
    "claim": {"worker_id", "printers", "wait", "job_id"},
    "heartbeat": {"epoch", "attempt_id", "worker_id"},
    "worker_heartbeat": {"worker_id", "version", "printers", "unsent_reports"},
    "file": set(),
}
_PRINTER = {"name", "color", "duplex", "papers", "state"}


def _unknown_keys(call: str, body: dict[str, Any]) -> set[str]:
    """What a strict backend would refuse in this body."""
    allowed = _PRINTER | {"backend", "reasons"} if call == "worker_heartbeat" else _PRINTER
    inside = {key for printer in body.get("printers", ()) for key in printer}
    return (set(body) - _KEYS.get(call, _REPORT)) | (inside - allowed)


class _Handler(BaseHTTPRequestHandler):
    world: FakeBackend
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base names it so
        return

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        self._serve(self._body())

    def do_PUT(self) -> None:
        self._serve(self._body())

    def _body(self) -> dict[str, Any]:
        length = int(self.headers.get("Content-Length", "0"))
        data: dict[str, Any] = json.loads(self.rfile.read(length) or b"{}")
        return data

    def _serve(self, body: dict[str, Any]) -> None:
        world, path = self.world, urlsplit(self.path).path
        if path == "/health":
            self._answer(200, {"status": "ok", "checks": {}})
            return
        call, job = self._which(path, body)
        with world.lock:
            world.calls[call] += 1
            world.hosts_seen.add(self.headers["Host"])
            world.bodies.append((call, body))
            fault = (world.faults.get(call) or [""]).pop(0)
        if call in world.on_call:
            world.on_call[call]()
        if unknown := _unknown_keys(call, body):
            self._answer(422, {"error": "invalid", "detail": f"Unknown: {unknown}."})
            return
        if world.away or fault == "before":
            self._cut()
            return
        if fault.startswith("foreign"):
            self._answer(int(fault.removeprefix("foreign")), ["a page of somebody else"])
            return
        if fault.isdigit():
            self._answer(int(fault), {"error": "internal", "detail": "Injected."})
            return
        if self.headers.get("X-API-Key") != world.key:
            self._answer(401, {"error": "unauthorized", "detail": "No such key."})
            return
        status, answer = self._handle(call, job, body)
        time.sleep(world.delay_answers.get(call, 0.0))
        if fault == "after" or world.away:
            self._cut()
        elif isinstance(answer, bytes):
            self._bytes(answer, cut=fault)
        else:
            self._answer(status, answer)

    def _which(self, path: str, body: dict[str, Any]) -> tuple[str, FakeJob | None]:
        world = self.world
        if path == "/api/v1/print_jobs/claim":
            return "claim", None
        if path == "/api/v1/workers/heartbeat":
            return "worker_heartbeat", None
        if match := re.fullmatch(r"/files/([^/]+)\.pdf", path):
            return "file", world.jobs.get(match[1])
        if match := re.fullmatch(r"/api/v1/print_jobs/([^/]+)/(status|heartbeat)", path):
            job = world.jobs.get(match[1])
            return ("heartbeat" if match[2] == "heartbeat" else world.status_call(body)), job
        return "unknown", None

    def _handle(
        self, call: str, job: FakeJob | None, body: dict[str, Any]
    ) -> tuple[int, dict[str, Any] | bytes | None]:
        world = self.world
        with world.lock:
            if call == "claim":
                claimed = world.claim(body)
                return (200, claimed) if claimed else (204, None)
            if call == "worker_heartbeat":
                world.workers[body["worker_id"]] = body
                return 200, {"status": "ok"}
            if job is None:
                return 404, {"error": "not_found", "detail": "No such thing."}
            if call == "file":
                world.sweep()
                if job.status not in ("CLAIMED", "PRINTING"):
                    return 404, {"error": "not_found", "detail": "No such thing."}
                return 200, world.file_bytes(job)
            if call == "heartbeat":
                return world.heartbeat(job, body)
            return world.report(job, body)

    def _answer(self, status: int, data: Any) -> None:
        payload = b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _bytes(self, data: bytes, *, cut: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/pdf")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if cut.startswith("half"):
            self.wfile.write(data[: len(data) // 2])
            self._cut()
            return
        self.wfile.write(data)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.close()
