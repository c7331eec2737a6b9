"""Customers' bytes: where they lie, how they become print-ready, who may fetch them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from app.domain.documents import CardFacts, Kind
from app.domain.print_plan import Plan


class FileLinks(Protocol):
    """Addresses of files that open for a few minutes."""

    def sign(self, path: str, *, expires_at: datetime) -> str: ...

    def genuine(self, path: str, query: Mapping[str, str], *, now: datetime) -> bool: ...


class FileStore(Protocol):
    """Private bytes under random keys (``ab/cdef….pdf``); never a customer's name."""

    async def put(self, key: str, source: Path) -> None:
        """Writes whole or not at all."""
        ...

    async def read(self, key: str) -> bytes:
        """Raises ``NotFound``."""
        ...

    def stream(self, key: str) -> AsyncIterator[bytes]: ...

    async def size(self, key: str) -> int | None:
        """Bytes, or None when there is no such object."""
        ...

    async def delete(self, key: str) -> None:
        """Idempotent; afterwards ``size`` is None."""
        ...

    def keys(self, prefix: str = "") -> AsyncIterator[str]: ...

    async def ping(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a customer's file; see the settings of the same names."""

    max_bytes: int
    max_pages: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """The print-ready PDF: these bytes are priced, previewed and printed.

    ``color_pages`` are 1-based page numbers that carry colour. ``page_sizes_pt`` are width and
    height of each page as it is seen. ``repaired``: the file came damaged and was put right;
    nothing known is missing, but the customer should look.
    """

    path: Path
    kind: Kind
    sha256: str
    bytes: int
    pages: int
    color_pages: tuple[int, ...]
    page_sizes_pt: tuple[tuple[float, float], ...] = ()
    previews: tuple[Path, ...] = ()
    repaired: bool = False

    @property
    def different_sizes_pt(self) -> list[tuple[float, float]]:
        """Each size once: what a plan asks to tell whether the pages are the paper."""
        return list(dict.fromkeys(self.page_sizes_pt))


@dataclass(frozen=True, slots=True)
class Baked:
    """A file whose page i is face i of one copy. ``color_pages`` are its 1-based colour faces.

    ``previews`` show the first faces as they will be printed; none where nothing was changed.
    """

    path: Path
    sha256: str
    bytes: int
    pages: int
    color_pages: tuple[int, ...]
    previews: tuple[Path, ...] = ()


class DocumentPreparer(Protocol):
    """Turns a stranger's file into one print-ready PDF, in limited child processes."""

    async def prepare(
        self, source: Path, workdir: Path, *, limits: Limits, password: str | None = None
    ) -> Prepared:
        """Raises ``DocumentRefused`` with a reason from the closed list."""
        ...

    async def bake(self, source: Path, workdir: Path, *, plan: Plan) -> Baked:
        """Lays a print-ready document out as planned, black & white faces forced to gray.

        Raises ``DocumentRefused`` when that is beyond the limits."""
        ...

    async def card_facts(self, photo: Path) -> CardFacts:
        """What a photo shows, as sent or as the one-page document made of it.

        Raises ``DocumentRefused`` (``UNSUPPORTED`` when it is no single photo)."""
        ...

    async def card_sheet(
        self, front: Path, back: Path, workdir: Path, *, limits: Limits
    ) -> Prepared:
        """Both sides of a card on one A4 page, 85.6 x 54 mm and straightened.

        Takes what ``card_facts`` takes and raises the same; a photo that does not look like a
        card is shown whole. The result is a document like any other, to be priced, previewed and
        baked."""
        ...

    async def passport_sheet(self, photo: Path, workdir: Path, *, limits: Limits) -> Prepared:
        """Eight photos of 35 x 45 mm on one A4 page, cropped around the upper third, where faces
        are. Raises as ``card_facts``."""
        ...

    def missing(self) -> Mapping[str, str]:
        """Programs that are not on this machine: name → what that means, in one sentence."""
        ...
