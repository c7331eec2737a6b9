"""Everything the worker says to the backend, and the few things the backend can answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from print_worker import VERSION
from print_worker.job import BadJob, Job
from print_worker.link import Link

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0


class BackendError(Exception):
    """No call succeeded as hoped; one of the four below."""


class Unreachable(BackendError):
    """No usable answer: the call may or may not have had its effect. Ask again, it is harmless."""


class StaleClaim(BackendError):
    """The job is no longer this worker's: its lease is over, it was cancelled, or it is unknown."""


class WrongKey(BackendError):
    """The backend does not accept the worker key; nothing will work until a person changes it."""


class Refused(BackendError):
    """The backend understood the call and will never accept it."""


@dataclass(frozen=True)
class Go:
    """Permission to hand the job to the spooler, valid for some seconds after the question."""

    valid_seconds: float
    lease_seconds: float


class BackendClient:
    """The worker API over HTTPS; usable from several threads. Raises BackendError only."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str,
        worker_id: str,
        answer_seconds: float = ANSWER_SECONDS,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.worker_id = worker_id
        self.link = Link("The backend")
        self._base = base_url.rstrip("/")
        self._answer_seconds = answer_seconds
        self._http = httpx2.Client(
            headers={"X-API-Key": api_key, "User-Agent": f"printwala-worker/{VERSION}"},
            follow_redirects=False,
            transport=transport,
        )

    def close(self) -> None:
        """Drop every connection."""
        self._http.close()

    def claim(
        self, printers: list[dict[str, Any]], *, wait: int, job_id: str | None = None
    ) -> Job | None:
        """Ask for a job these printers can do, waiting up to ``wait`` seconds for one."""
        body: dict[str, Any] = {"worker_id": self.worker_id, "printers": printers, "wait": wait}
        if job_id is not None:
            body["job_id"] = job_id
        answer = self._call("POST", "/api/v1/print_jobs/claim", body, patience=wait)
        if answer is None:
            return None
        try:
            return Job.read(answer)
        except BadJob as error:
            raise Refused(f"the claimed job cannot be used: {error}") from None

    def begin(self, job: Job) -> Go:
        """Ask for permission to print; asking again is harmless."""
        body = {"status": "PRINTING", "epoch": job.epoch, "attempt_id": job.attempt_id}
        answer = self.report(job.id, body)
        if answer.get("go") is False:
            raise StaleClaim("the backend does not let this job print")
        try:
            return Go(float(answer["valid_seconds"]), float(answer["lease_seconds"]))
        except (KeyError, TypeError, ValueError):
            raise self._useless("it gave no valid_seconds") from None

    def report(self, job_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send one status report; repeating it is harmless."""
        path = f"/api/v1/print_jobs/{job_id}/status"
        return self._call("PUT", path, {**body, "worker_id": self.worker_id}) or {}

    def heartbeat(self, job: Job) -> float:
        """Keep the lease; gives the seconds it is good for from the moment of the question."""
        body = {"epoch": job.epoch, "attempt_id": job.attempt_id, "worker_id": self.worker_id}
        answer = self._call("POST", f"/api/v1/print_jobs/{job.id}/heartbeat", body) or {}
        try:
            return float(answer["lease_seconds"])
        except (KeyError, TypeError, ValueError):
            raise self._useless("it gave no lease_seconds") from None

    def worker_heartbeat(
        self, *, version: str, printers: list[dict[str, Any]], unsent_reports: int
    ) -> None:
        """Tell the staff board that this worker and its printers are there."""
        body = {
            "worker_id": self.worker_id,
            "version": version,
            "printers": printers,
            "unsent_reports": unsent_reports,
        }
        self._call("POST", "/api/v1/workers/heartbeat", body)

    @contextmanager
    def open_file(self, file_url: str) -> Iterator[Iterator[bytes]]:
        """The file's bytes in pieces. The address is taken from the job, the host from us."""
        try:
            with self._http.stream(
                "GET", self._file_address(file_url), timeout=self._timeout()
            ) as answer:
                self.link.answered()
                if answer.status_code != 200:
                    answer.read()
                    self._judge(answer)
                    raise self._useless(f"status {answer.status_code} for a file")
                yield answer.iter_bytes(65_536)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            self.link.failed(_in_words(error))
            raise Unreachable(_in_words(error)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            # A file cut short says little about the backend; the next call will tell.
            raise Unreachable(_in_words(error)) from None

    def probe(self) -> httpx2.Response:
        """GET /health, for the doctor."""
        try:
            return self._http.get(f"{self._base}/health", timeout=self._timeout())
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unreachable(_in_words(error)) from None

    def check_key(self) -> None:
        """Return if the key is accepted, without changing anything; WrongKey otherwise."""
        nobody = "00000000-0000-0000-0000-000000000000"
        body = {"epoch": 0, "attempt_id": nobody, "worker_id": self.worker_id}
        try:
            self._call("POST", f"/api/v1/print_jobs/{nobody}/heartbeat", body)
        except (StaleClaim, Refused):
            return

    def _call(
        self, method: str, path: str, body: dict[str, Any], *, patience: float = 0.0
    ) -> dict[str, Any] | None:
        try:
            answer = self._http.request(
                method, self._base + path, json=body, timeout=self._timeout(patience)
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            self.link.failed(_in_words(error))
            raise Unreachable(_in_words(error)) from None
        self._judge(answer)
        if answer.status_code == 204:
            self.link.answered()
            return None
        data = _object(answer)
        if answer.status_code != 200 or data is None:
            raise self._useless(f"status {answer.status_code} with an unexpected body")
        self.link.answered()
        return data

    def _judge(self, answer: httpx2.Response) -> None:
        """Turn a refusal into its error; a tunnel's or proxy's own page is no refusal."""
        status, error = answer.status_code, (_object(answer) or {}).get("error")
        if status == 401 or (status == 403 and error):
            raise WrongKey(f"status {status}")
        if not 400 <= status < 500 or status in (408, 429) or not isinstance(error, str):
            if status not in (200, 204):
                raise self._useless(f"status {status}")
            return
        self.link.answered()
        if status == 404 or (status == 409 and error == "stale_claim"):
            raise StaleClaim(error)
        if status == 409 and error == "printer_busy":
            # How the printer's last job ended is still on its way to the backend: ask again.
            raise Unreachable(error)
        raise Refused(f"status {status}: {error[:60]}")

    def _useless(self, why: str) -> Unreachable:
        self.link.failed(why)
        return Unreachable(why)

    def _timeout(self, patience: float = 0.0) -> httpx2.Timeout:
        return httpx2.Timeout(self._answer_seconds + patience, connect=CONNECT_SECONDS)

    def _file_address(self, file_url: str) -> str:
        parts = urlsplit(file_url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        prefix = urlsplit(self._base).path
        if prefix and path.startswith(prefix + "/"):
            path = path[len(prefix) :]
        return self._base + path


def _object(answer: httpx2.Response) -> dict[str, Any] | None:
    try:
        data = json.loads(answer.content)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _in_words(error: Exception) -> str:
    """What went wrong without the address, which may carry a signature."""
    if isinstance(error, httpx2.TimeoutException):
        return "no answer in time"
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not accepted; check this computer's date and time"
    return type(error).__name__ if "://" in text or not text else text[:120]
