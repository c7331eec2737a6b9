"""What the backend hands over with a claim, and what of it the printer must know."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

SIDES = ("one-sided", "two-sided-long-edge", "two-sided-short-edge")
PRINT_TYPES = ("BW", "COLOR", "BOTH")
MAX_COPIES = 1000
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BadJob(Exception):
    """The answer to a claim is not a job; nothing in it can be trusted."""


class BadTicket(Exception):
    """The job is ours but asks for something that makes no sense; it can never be printed."""


@dataclass(frozen=True)
class Ticket:
    """How to print: page numbers count from 1 in the file, in the order they come out."""

    pages: tuple[int, ...]
    color_pages: frozenset[int]
    copies: int
    sides: str
    paper: str
    collate: bool

    @property
    def needs_color(self) -> bool:
        """At least one page has to come out in colour."""
        return bool(self.color_pages & set(self.pages))

    @property
    def needs_duplex(self) -> bool:
        """Both sides of at least one sheet are printed."""
        return self.sides != "one-sided" and len(self.pages) > 1

    @property
    def side_count(self) -> int:
        """Page sides that come out in all copies together."""
        return len(self.pages) * self.copies


@dataclass(frozen=True)
class Job:
    """A claimed job. ``raw`` is the backend's object, kept for the journal."""

    id: str
    attempt_id: str
    epoch: int
    lease_seconds: float
    token: str
    file_url: str = field(repr=False)
    sha256: str
    bytes: int
    file_pages: int
    raw: dict[str, Any] = field(repr=False)

    @property
    def title(self) -> str:
        """Name of the one spooler job of this attempt; by it a lost job is found again."""
        return f"PO-{self.attempt_id}"

    @classmethod
    def read(cls, data: Any) -> Job:
        """The job in an answer; raises BadJob when a field is missing or of the wrong kind."""
        try:
            file = data["file"]
            job = cls(
                id=str(data["id"]),
                attempt_id=str(data["attempt_id"]),
                epoch=int(data["epoch"]),
                lease_seconds=float(data["lease_seconds"]),
                token=str(data.get("token") or ""),
                file_url=str(file["url"]),
                sha256=str(file["sha256"]).lower(),
                bytes=int(file["bytes"]),
                file_pages=int(file["pages"]),
                raw=data,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadJob(f"the job lacks or garbles {error}") from None
        # Both become parts of file names and addresses.
        if not (_SAFE_ID.fullmatch(job.id) and _SAFE_ID.fullmatch(job.attempt_id)):
            raise BadJob("the job's ids are not plain ids")
        if set(job.attempt_id) <= {"."} or not _SHA256.fullmatch(job.sha256):
            raise BadJob("the job's attempt id or sha256 is malformed")
        return job

    def ticket(self) -> Ticket:
        """The print settings, checked; raises BadTicket with the reason."""
        settings = self.raw.get("settings")
        if not isinstance(settings, dict):
            raise BadTicket("the job has no print settings")
        print_type = settings.get("print_type")
        if print_type not in PRINT_TYPES:
            raise BadTicket(f"unknown print type {print_type!r}")
        copies = settings.get("copies")
        if isinstance(copies, bool) or not isinstance(copies, int):
            raise BadTicket("copies is not a whole number")
        if not 1 <= copies <= MAX_COPIES:
            raise BadTicket(f"{copies} copies")
        sides = settings.get("sides") or "one-sided"
        if sides not in SIDES:
            raise BadTicket(f"unknown sides {sides!r}")
        pages = page_list(str(settings.get("pages") or ""), count=self.file_pages)
        if print_type == "COLOR":
            color = frozenset(pages)
        elif print_type == "BOTH":
            color = frozenset(n for n in settings.get("color_pages") or () if isinstance(n, int))
        else:
            color = frozenset()
        return Ticket(
            pages=pages,
            color_pages=color,
            copies=copies,
            sides=sides,
            paper=str(settings.get("paper") or "A4"),
            collate=settings.get("collate") is not False,
        )


def page_list(text: str, *, count: int) -> tuple[int, ...]:
    """``"1-3,5"`` as numbers; empty means all ``count`` pages. Raises BadTicket."""
    if count < 1:
        raise BadTicket("the file has no pages")
    if not text.strip():
        return tuple(range(1, count + 1))
    pages: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?", part)
        if match is None:
            raise BadTicket(f"pages {text!r} cannot be read")
        first = int(match[1])
        last = int(match[2] or first)
        if not 1 <= first <= last <= count:
            raise BadTicket(f"pages {text!r} are not all in a file of {count}")
        pages.extend(range(first, last + 1))
    return tuple(pages)
