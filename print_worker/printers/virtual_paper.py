"""The virtual printer's output tray: a log line per page side and a PDF per copy."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pikepdf

from print_worker.printers import durable
from print_worker.printers.layout import Side
from print_worker.printers.virtual_spool import Spooled

LOG = "paper.jsonl"
_appending = threading.Lock()  # several virtual printers of one process share the log


@dataclass(frozen=True)
class Emitted:
    """One line of the paper log, as far as the printer needs it again."""

    copy: int
    page: int
    sheet: int


@dataclass(frozen=True)
class Count:
    """The printer's counter for one job; ``last`` is the number of the sheet now in the tray."""

    sides: int = 0
    sheets: int = 0
    last: int = 0

    def plus(self, sheet: int) -> Count:
        """One more side; a job that begins again uses new sheets for its old numbers."""
        return Count(self.sides + 1, self.sheets + (sheet != self.last), sheet)


def counted(out: list[Emitted]) -> Count:
    """The counter after all these sides."""
    count = Count()
    for side in out:
        count = count.plus(side.sheet)
    return count


def emitted(output_dir: Path, attempt_id: str) -> list[Emitted]:
    """What came out for this attempt, in order; the log is the only memory of paper."""
    found = []
    try:
        log = (output_dir / LOG).open(encoding="utf-8")
    except FileNotFoundError:
        return []
    with log:
        for line in log:
            if attempt_id not in line:
                continue
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # the last line of a power cut may be half a line
            if entry["attempt_id"] == attempt_id:
                found.append(Emitted(entry["copy"], entry["page"], entry["sheet"]))
    return found


def mend_log(output_dir: Path) -> None:
    """End a half-written last line, so that the next one starts on its own."""
    path = output_dir / LOG
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb+") as log:
        log.seek(-1, 2)
        if log.read(1) != b"\n":
            log.write(b"\n")


class Tray:
    """Catches the sides of one job: first the log line on the disk, then the copy's PDF.

    The PDF is rewritten after each side while that is cheap; a long job with no pause between
    pages is written when a copy or the job ends, and after a restart from the log.
    """

    def __init__(self, output_dir: Path, job: Spooled, document: Path, pause: float) -> None:
        self._output_dir = output_dir
        self._folder = output_dir / job.attempt_id
        self._job = job
        self._document = document
        self._pause = pause
        self._pages: defaultdict[int, list[int]] = defaultdict(list)
        self._behind: set[int] = set()
        self._last_write = 0.0
        before = emitted(output_dir, job.attempt_id)
        for side in before:
            self._pages[side.copy].append(job.ticket.pages[side.page - 1])
        self.count = counted(before)

    def emit(self, side: Side, wall: Callable[[], datetime]) -> None:
        """One side falls into the tray."""
        line = {
            "at": wall().isoformat(timespec="milliseconds"),
            "job_id": self._job.job_id,
            "attempt_id": self._job.attempt_id,
            "token": self._job.token,
            "copy": side.copy,
            "page": side.page,
            "color": side.color,
            "sheet": side.sheet,
            "face": side.face,
            "sha256": self._job.sha256,
        }
        with _appending:
            durable.append_line(self._output_dir / LOG, json.dumps(line))
        self.count = self.count.plus(side.sheet)
        self._pages[side.copy].append(side.source)
        self._behind.add(side.copy)
        if self._last_write <= self._pause / 2:
            self.write_copies()

    def write_copies(self) -> None:
        """Bring the PDFs up to what the log says came out."""
        for copy in sorted(self._behind):
            began = time.perf_counter()
            self._write(copy, self._pages[copy])
            self._last_write = time.perf_counter() - began
        self._behind.clear()

    def rewrite_all(self) -> None:
        """After a restart: make every PDF hold exactly the pages of the log."""
        self._behind.update(self._pages)
        self.write_copies()

    def _write(self, copy: int, pages: list[int]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / f"copy-{copy}.pdf"
        fresh = target.with_suffix(".new")
        with pikepdf.open(self._document) as source, pikepdf.new() as out:
            for number in pages:
                out.pages.append(source.pages[number - 1])
            out.save(fresh)
        fresh.replace(target)


def utc_now() -> datetime:
    """The wall clock, for the log's ``at`` only."""
    return datetime.now(UTC)
