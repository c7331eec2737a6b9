"""Brings one job's document to a private folder and proves it is the one that was paid for."""

from __future__ import annotations

import errno
import hashlib
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

import pikepdf

from print_worker.backend_client import BackendClient, StaleClaim, Unreachable
from print_worker.crash import crash_here
from print_worker.job import Job
from print_worker.leases import Lease, Leases
from print_worker.stop import Stop

log = logging.getLogger("print_worker")

TRIES = 4
PAUSES = (0.5, 1.0, 2.0)
SPARE_BYTES = 50_000_000
"""Free space that must remain after a document was stored and spooled."""


class BadDocument(Exception):
    """The document cannot be had as it was paid for, however often we try."""


class DiskFull(Exception):
    """No room on this computer; somebody has to make some."""


class FileDownloader:
    """Downloads into ``<work_dir>/jobs/<attempt id>/`` which only this account may read."""

    def __init__(self, backend: BackendClient, leases: Leases, work_dir: Path, stop: Stop) -> None:
        self._backend = backend
        self._leases = leases
        self._folder = work_dir / "jobs"
        self._stop = stop
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def fetch(self, job: Job, lease: Lease) -> Path:
        """The verified document.

        Raises BadDocument, DiskFull, StaleClaim when the lease ends meanwhile, Stopping.
        """
        path = self._folder / job.attempt_id / "document.pdf"
        if path.exists() and _sha256(path) == job.sha256:  # left by the process before us
            return path
        self._make_room(job)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        problem, tries = "", 0
        while tries < TRIES:
            self._stop.check()
            if lease.over:
                raise StaleClaim("the lease ended during the download")
            try:
                problem = self._try(job, path)
            except Unreachable:
                if not self._backend.link.up:
                    self._stop.wait(1.0)  # an outage is no reason to give the job up
                    continue
                problem = "the file never arrived whole"
            except StaleClaim:
                self._still_ours(lease)
                problem = "the backend no longer has the file"
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise DiskFull from None
                raise
            if not problem:
                self._check_pages(job, path)
                return path
            tries += 1
            log.warning("Job %s, try %d of %d: %s.", job.id, tries, TRIES, problem)
            if tries < TRIES:
                self._stop.wait(PAUSES[tries - 1])
        raise BadDocument(f"{problem} ({TRIES} tries)")

    def clean(self, attempt_id: str) -> None:
        """Remove the document of an attempt."""
        shutil.rmtree(self._folder / attempt_id, ignore_errors=True)

    def clean_all_but(self, attempt_ids: Iterable[str]) -> None:
        """After a restart: remove documents nobody will ask for."""
        keep = set(attempt_ids)
        for folder in self._folder.iterdir():
            if folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)

    def _try(self, job: Job, path: Path) -> str:
        """What is wrong with the bytes that came, or nothing."""
        digest, size = hashlib.sha256(), 0
        with self._backend.open_file(job.file_url) as pieces, path.open("wb") as out:
            for piece in pieces:
                out.write(piece)
                digest.update(piece)
                size += len(piece)
                if size > job.bytes:
                    return f"the file is longer than the {job.bytes} bytes promised"
                out.flush()
                crash_here("worker.mid_download")
                self._stop.check()
        if size != job.bytes:
            return f"{size} of {job.bytes} bytes came"
        return "" if digest.hexdigest() == job.sha256 else "the file is not the one that was paid"

    def _still_ours(self, lease: Lease) -> None:
        """A missing file and a lost lease look alike; the heartbeat tells them apart."""
        try:
            self._leases.beat(lease)
        except Unreachable:
            return

    def _make_room(self, job: Job) -> None:
        if shutil.disk_usage(self._folder).free < 3 * job.bytes + SPARE_BYTES:
            raise DiskFull

    def _check_pages(self, job: Job, path: Path) -> None:
        try:
            with pikepdf.open(path) as document:
                pages = len(document.pages)
        except pikepdf.PdfError:
            raise BadDocument("the file is not a readable PDF") from None
        if pages != job.file_pages:
            raise BadDocument(f"the file has {pages} pages, {job.file_pages} were paid for")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
