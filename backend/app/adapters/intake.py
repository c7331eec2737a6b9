"""Document intake: a stranger's file in, one print-ready PDF out, or a reason why not.

The web and background processes never parse a foreign byte: ``Readers`` do, in limited child
processes, and LibreOffice does, in a box. What comes back is copied, measured and hashed here;
those bytes are priced, shown and printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import structlog

from app.adapters.office import Converter, ConverterBounds
from app.adapters.readers import Answer, Bounds, Reader, Readers
from app.adapters.sandbox import find_bwrap
from app.domain.documents import CardFacts, Kind
from app.domain.errors import DocumentRefused, Refusal
from app.domain.print_plan import Ink, Plan
from app.ports import Baked, Limits, Prepared

log = structlog.get_logger(__name__)

_CHUNK = 1 << 20
_SECONDS_A_PAGE = 0.4
_MOST_PIXELS = 1 << 32  # on a side: what any picture format can say
# What numbers that are none raise, and lists that are too short: a reply may be an attacker's.
_NONSENSE = (KeyError, TypeError, ValueError, OverflowError)
_SOFFICE_PLACES = ("/usr/lib/libreoffice/program/soffice", "/opt/libreoffice/program/soffice")


class Intake:
    """The ``DocumentPreparer``. ``concurrency`` files and ``conversions`` Office files at once.

    ``soffice`` or ``bwrap`` missing: Office kinds are refused with ``CONVERTER_MISSING``; the
    other kinds are read in children that are limited but not boxed when ``bwrap`` is missing.
    """

    def __init__(
        self,
        *,
        soffice: str | None,
        bwrap: str | None,
        concurrency: int = 2,
        conversions: int = 2,
        bounds: Bounds | None = None,
        converter_bounds: ConverterBounds | None = None,
        page_seconds: float = 20.0,
        previews: int = 3,
        idle_seconds: float = 600.0,
    ) -> None:
        self._soffice = soffice
        self._bwrap = bwrap
        self._bounds = bounds or Bounds()
        self._page_seconds = page_seconds
        self._previews = previews
        self._readers = Readers(size=concurrency, bwrap=bwrap)
        self._converter: Converter | None = None
        if soffice and bwrap:
            self._converter = Converter(
                soffice=soffice,
                bwrap=bwrap,
                size=conversions,
                bounds=converter_bounds,
                idle_seconds=idle_seconds,
            )

    @classmethod
    def detect(cls, **settings: Any) -> Self:
        """An intake with what this machine has. ``settings`` are the constructor's others."""
        soffice = shutil.which("soffice") or shutil.which("libreoffice")
        for place in _SOFFICE_PLACES:
            if soffice is None and os.access(place, os.X_OK):
                soffice = place
        return cls(soffice=soffice, bwrap=find_bwrap(), **settings)

    def missing(self) -> Mapping[str, str]:
        """What this machine lacks and what that means."""
        lacks = {}
        if self._soffice is None:
            lacks["libreoffice"] = (
                "Word, Excel, PowerPoint and text files are refused; install LibreOffice"
                " (Debian, Ubuntu: apt-get install libreoffice)."
            )
        if self._bwrap is None:
            lacks["bubblewrap"] = (
                "There is no sandbox, so Office and text files are refused and other files are"
                " read in limited but not isolated processes; on Linux install bubblewrap and"
                " allow user namespaces."
            )
        return lacks

    async def prepare(
        self, source: Path, workdir: Path, *, limits: Limits, password: str | None = None
    ) -> Prepared:
        """Writes ``print.pdf`` and previews into ``workdir``. Raises ``DocumentRefused``."""
        _check_size(source, limits)
        workdir.mkdir(parents=True, exist_ok=True)
        task = {
            "do": "open",
            "max_pages": limits.max_pages,
            "password": password,
            "previews": self._previews,
            "page_seconds": self._page_seconds,
        }
        async with self._readers.lend() as reader:
            await asyncio.to_thread(_put, source, reader.box / "in")
            reply = _judge(await self._readers.ask(reader, task, self._bounds))
            if "convert" not in reply:
                return await asyncio.to_thread(_collect, reader, task, reply, workdir)
            kind = _kind(reply["convert"])
            if self._converter is None:
                raise DocumentRefused(Refusal.CONVERTER_MISSING, " ".join(self.missing()))
            checked, converted = workdir / "checked", workdir / "converted"
            await asyncio.to_thread(_fetch, reader.box / "office", checked)
        try:
            await self._converter.convert(checked, kind, converted, max_pages=limits.max_pages)
            async with self._readers.lend() as reader:
                await asyncio.to_thread(_put, converted, reader.box / "converted")
                task |= {"do": "finish", "kind": kind.value, "password": None}
                reply = _judge(await self._readers.ask(reader, task, self._bounds))
                return await asyncio.to_thread(_collect, reader, task, reply, workdir)
        finally:
            checked.unlink(missing_ok=True)
            converted.unlink(missing_ok=True)

    async def bake(self, source: Path, workdir: Path, *, plan: Plan) -> Baked:
        """Writes ``baked.pdf`` into ``workdir`` unless ``source`` is already what is printed."""
        workdir.mkdir(parents=True, exist_ok=True)
        colored = [page for face in plan.faces if face.ink is Ink.COLOR for page in face.pages]
        task = {
            "do": "bake",
            "choices": plan.choices.as_dict(),
            "pages": plan.document_pages,
            "color_pages": colored,
            "previews": self._previews,
            "page_seconds": self._page_seconds,
        }
        async with self._readers.lend() as reader:
            await asyncio.to_thread(_put, source, reader.box / "in")
            reply = _judge(await self._readers.ask(reader, task, self._patience(plan)))
            made = reader.box / "out.pdf" if reply.get("changed") else source
            target = workdir / "baked.pdf"
            digest, size = await asyncio.to_thread(_fetch, made, target)
            try:
                shown = min(int(reply["previews"]), self._previews, len(plan.faces))
            except _NONSENSE:
                raise _nonsense() from None
            previews = [workdir / f"baked-{number + 1}.jpg" for number in range(shown)]
            for number, preview in enumerate(previews, 1):
                await asyncio.to_thread(_fetch, reader.box / f"preview-{number}.jpg", preview)
        return Baked(
            path=target,
            sha256=digest,
            bytes=size,
            pages=len(plan.faces),
            color_pages=plan.color_faces,
            previews=tuple(previews),
        )

    async def card_facts(self, photo: Path) -> CardFacts:
        """Whether a card can be seen, for ``looks_like_a_card``. See the port."""
        async with self._readers.lend() as reader:
            await asyncio.to_thread(_put, photo, reader.box / "in")
            task = {"do": "card_facts"}
            reply = _judge(await self._readers.ask(reader, task, self._bounds))
        try:
            told = reply["facts"]
            seen = told["card_ratio"] is not None
            known = CardFacts(
                width=int(told["width"]),
                height=int(told["height"]),
                card_ratio=float(told["card_ratio"]) if seen else None,
                card_share=float(told["card_share"]) if seen else None,
            )
        except _NONSENSE:
            raise _nonsense() from None
        if not all(0 < side < _MOST_PIXELS for side in (known.width, known.height)):
            raise _nonsense()
        return known

    async def card_sheet(
        self, front: Path, back: Path, workdir: Path, *, limits: Limits
    ) -> Prepared:
        """Both sides of a card, true to size, on one A4 page. See the port."""
        return await self._sheet("cards", [front, back], workdir, limits)

    async def passport_sheet(self, photo: Path, workdir: Path, *, limits: Limits) -> Prepared:
        """One photo several times, 35 x 45 mm, on one A4 page. See the port."""
        return await self._sheet("passport", [photo], workdir, limits)

    async def _sheet(self, do: str, photos: list[Path], workdir: Path, limits: Limits) -> Prepared:
        for photo in photos:
            _check_size(photo, limits)
        workdir.mkdir(parents=True, exist_ok=True)
        task = {
            "do": do,
            "max_pages": 1,
            "previews": self._previews,
            "page_seconds": self._page_seconds,
        }
        async with self._readers.lend() as reader:
            for name, photo in zip(("in", "back"), photos, strict=False):
                await asyncio.to_thread(_put, photo, reader.box / name)
            reply = _judge(await self._readers.ask(reader, task, self._bounds))
            return await asyncio.to_thread(_collect, reader, task, reply, workdir)

    def _patience(self, plan: Plan) -> Bounds:
        """Every page may have to be drawn at the printer's resolution."""
        more = plan.document_pages * _SECONDS_A_PAGE
        return replace(
            self._bounds, cpu=self._bounds.cpu + int(more), wall=self._bounds.wall + more
        )

    def close(self) -> None:
        """Ends every child. Call it when the process stops."""
        self._readers.close()
        if self._converter is not None:
            self._converter.close()


def _check_size(source: Path, limits: Limits) -> None:
    size = source.stat().st_size
    if size == 0:
        raise DocumentRefused(Refusal.EMPTY, "0 bytes")
    if size > limits.max_bytes:
        raise DocumentRefused(Refusal.TOO_BIG, f"{size} bytes, {limits.max_bytes} allowed")


def _judge(answer: Answer) -> dict[str, Any]:
    """The reply of a living child, or the refusal it means."""
    if answer.reply is None:
        raise DocumentRefused(Refusal.TOO_COMPLEX, answer.why)
    if "refused" not in answer.reply:
        return answer.reply
    # It goes into logs, which need not take every character there is.
    detail = str(answer.reply.get("detail", ""))[:300].encode("ascii", "replace").decode()
    if answer.reply.get("unforeseen"):
        log.warning("intake.unforeseen", detail=detail)
    try:
        reason = Refusal(answer.reply["refused"])
    except ValueError:
        raise _nonsense() from None
    raise DocumentRefused(reason, detail)


def _kind(value: object) -> Kind:
    try:
        return Kind(str(value))
    except ValueError:
        raise _nonsense() from None


def _nonsense() -> DocumentRefused:
    return DocumentRefused(Refusal.BROKEN, "its reader answered nonsense")


def _collect(
    reader: Reader, task: Mapping[str, Any], reply: dict[str, Any], workdir: Path
) -> Prepared:
    """Takes the results out of the box. Everything in there may have been written by an attacker:
    names are ours, links are not followed, numbers are checked."""
    target = workdir / "print.pdf"
    digest, size = _fetch(reader.box / "out.pdf", target)
    try:
        kind = _kind(reply["kind"])
        pages = int(reply["pages"])
        colour = tuple(sorted({int(number) for number in reply["color_pages"]}))
        sizes = tuple((float(width), float(height)) for width, height in reply["sizes"])
        wanted = len(reply["previews"])
    except _NONSENSE:
        raise _nonsense() from None
    sane = (
        1 <= pages <= task["max_pages"]
        and all(1 <= number <= pages for number in colour)
        and len(sizes) == pages
        and all(0 < side < math.inf for size in sizes for side in size)
        and wanted <= min(pages, task["previews"])
    )
    if not sane:
        raise _nonsense()
    previews = []
    for number in range(1, wanted + 1):
        previews.append(workdir / f"preview-{number}.jpg")
        _fetch(reader.box / f"preview-{number}.jpg", previews[-1])
    return Prepared(
        path=target,
        kind=kind,
        sha256=digest,
        bytes=size,
        pages=pages,
        color_pages=colour,
        page_sizes_pt=sizes,
        previews=tuple(previews),
        repaired=reply.get("repaired") is True,
    )


def _put(source: Path, inside: Path) -> None:
    """Copies a file into a box, under a name that nobody in there can have laid a link at."""
    inside.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with source.open("rb") as given, os.fdopen(os.open(inside, flags, 0o600), "wb") as into:
        shutil.copyfileobj(given, into, _CHUNK)


def _fetch(inside: Path, target: Path) -> tuple[str, int]:
    """Copies a plain file out of a box and gives its sha256 and size."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    digest, size = hashlib.sha256(), 0
    with contextlib.ExitStack() as stack:
        try:
            descriptor = os.open(inside, flags)
        except OSError as error:
            raise DocumentRefused(Refusal.BROKEN, "its reader left no result") from error
        source = stack.enter_context(os.fdopen(descriptor, "rb"))
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise DocumentRefused(Refusal.BROKEN, "its reader left no plain result")
        into = stack.enter_context(target.open("wb"))
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            into.write(chunk)
    return digest.hexdigest(), size
