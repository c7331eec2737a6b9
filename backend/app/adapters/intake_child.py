"""The process that reads strangers' files, so that nobody else has to.

Started as ``python -m app.adapters.intake_child <box>``. It loads every parser once, then forks
one limited child for each file (where there is no fork, it does one file and ends). The child
sees one folder, gets one JSON line and answers with one; whatever becomes of it, the next file
meets a process that has never seen a foreign byte.

Asked  ``{"do", "max_pages", "previews", "page_seconds", "password", "kind", "memory", "cpu",
"file", "wall"}``; ``open`` reads ``in``, ``finish`` reads ``converted``. ``bake`` reads ``in``
with ``{"choices", "pages", "color_pages"}``; ``cards`` reads ``in`` and ``back``, ``passport``
``in`` with ``{"count"}``, ``card_facts`` ``in``.
Answers ``{"reply": text, "signal", "late", "peak"}``, the text being the child's own JSON:
``{"kind", "pages", "color_pages", "sizes", "previews", "repaired"}`` beside ``out.pdf``, or
``{"convert": kind}`` beside ``office``, ``{"changed"}`` (beside ``out.pdf`` if true),
``{"facts"}``, or ``{"refused": reason, "detail"}``.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import io
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
from pikepdf import Dictionary, Name

from app.adapters import card_sheets, images, pdf, render
from app.adapters.bake import bake
from app.adapters.card_photos import open_photo
from app.adapters.cards import facts
from app.adapters.colour import carries_colour
from app.adapters.sniff import needs_threads, sniff
from app.domain.documents import IMAGES, Kind
from app.domain.errors import DocumentRefused, Refusal
from app.domain.print_plan import Choices, plan

MAX_REPLY = 1_000_000
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_WALL = 0x40000000 if sys.platform == "linux" else 0  # also those that clone(2) made otherwise


def main() -> int:
    """Serves until its standard input ends."""
    box = Path(sys.argv[1])
    _load()
    _shut_the_door()
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    answers.write(b"ready\n")
    answers.flush()
    for line in iter(asked.readline, b""):
        task = json.loads(line)
        if hasattr(os, "fork"):
            answer = _fork(task, box)
        else:
            reply = _work(task, box)
            answer = {"reply": reply.decode(), "signal": 0, "late": False, "peak": 0}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
        if not hasattr(os, "fork"):
            return 0
    return 0


def _load() -> None:
    """Pays once for what every file needs: decoders, the font table, code paths."""
    images.prepare_libraries()
    sample = io.BytesIO()
    with pikepdf.new() as made:
        fonts = Dictionary(
            {
                f"/F{index}": Dictionary(
                    Type=Name.Font, Subtype=Name.Type1, BaseFont=Name("/" + name)
                )
                for index, name in enumerate(("Helvetica", "Times-Roman", "Courier", "Arial"))
            }
        )
        made.add_blank_page(page_size=(200, 200)).obj.Resources = Dictionary(Font=fonts)
        text = "".join(f"/F{index} 9 Tf (Aa) Tj " for index in range(4))
        made.pages[0].obj.Contents = made.make_stream(f"BT 20 20 Td {text}ET".encode())
        made.save(sample)
    document = pypdfium2.PdfDocument(sample.getvalue())
    drawn = document[0].render(scale=1).to_pil().convert("RGB")
    carries_colour(drawn, scanned=lambda: False)
    drawn.save(io.BytesIO(), "JPEG")
    document.close()
    gc.freeze()  # the children share these pages of memory as long as nobody touches them


def _shut_the_door() -> None:
    """A child that was taken over must not read or change this process, nor leave another one
    behind: whom it leaves becomes ours, and ``_fork`` sees it."""
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _fork(task: dict[str, Any], box: Path) -> dict[str, object]:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _be_the_child(task, box, write_end)
    os.close(write_end)
    reply, late = _collect(read_end, time.monotonic() + float(task["wall"]))
    os.close(read_end)
    if late:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    if _somebody_is_left():
        _end_the_box()
    return {
        "reply": reply.decode("utf-8", "replace"),
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "late": late,
        "peak": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


def _somebody_is_left() -> bool:
    """Whether the child started a process: no parser does, so it was taken over."""
    try:
        os.waitpid(-1, os.WNOHANG | _WALL)
    except ChildProcessError:
        return False
    return True


def _end_the_box() -> None:
    """Who was left could read the next customer's file. It ends with this process's box, or,
    where there is none, with our group; whoever waits for our answer starts another reader."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _be_the_child(task: dict[str, Any], box: Path, write_end: int) -> None:
    """Never returns. Holds no descriptor but its answer's."""
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _limit(task, [box / name for name in ("in", "back")])
        data = _work(task, box)
        with os.fdopen(write_end, "wb") as answer:
            answer.write(data)
    finally:
        os._exit(0)


def _limit(task: dict[str, Any], sources: list[Path]) -> None:
    import resource  # noqa: PLC0415 - not on Windows

    bounds = {
        resource.RLIMIT_AS: int(task["memory"]),
        resource.RLIMIT_CPU: int(task["cpu"]),
        resource.RLIMIT_FSIZE: int(task["file"]),
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    if not any(source.exists() and needs_threads(source) for source in sources):
        bounds[resource.RLIMIT_NPROC] = 0
    for kind, most in bounds.items():
        # macOS refuses some of them; the wall clock remains.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))
    with contextlib.suppress(OSError):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a full file is an error, not a death


def _collect(read_end: int, deadline: float) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    size = 0
    while size <= MAX_REPLY:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([read_end], [], [], left)[0]:
            return b"", True
        part = os.read(read_end, 65_536)
        if not part:
            return b"".join(parts), False
        parts.append(part)
        size += len(part)
    return b"", True


def _work(task: dict[str, Any], box: Path) -> bytes:
    """One file from bytes to answer."""
    try:
        answer = _TASKS[task["do"]](task, box)
    except DocumentRefused as refused:
        answer = {"refused": refused.reason.value, "detail": refused.detail[:300]}
    except MemoryError:
        answer = {"refused": Refusal.TOO_COMPLEX.value, "detail": "needs too much memory"}
    except Exception as error:  # noqa: BLE001 - foreign bytes make parsers raise anything
        place = _last_place(error)
        detail = f"unreadable: {type(error).__name__} at {place}"
        answer = {"refused": Refusal.BROKEN.value, "detail": detail, "unforeseen": True}
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            answer = {"refused": Refusal.TOO_COMPLEX.value, "detail": "writes too much"}
    return json.dumps(answer).encode()


def _last_place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def _open(task: dict[str, Any], box: Path) -> dict[str, object]:
    source, max_pages = box / "in", int(task["max_pages"])
    kind = sniff(source, box / "office", max_pages=max_pages)
    if kind is Kind.PDF:
        return _prepare_pdf(task, box, source, kind, task.get("password"))
    if kind in IMAGES:
        images.to_pdf(source, kind, box / "picture", max_pages=max_pages)
        return _prepare_pdf(task, box, box / "picture", kind, None)
    return {"convert": kind.value}


def _finish(task: dict[str, Any], box: Path) -> dict[str, object]:
    """The converter read foreign bytes: what it wrote is foreign too."""
    return _prepare_pdf(task, box, box / "converted", Kind(task["kind"]), None)


def _prepare_pdf(
    task: dict[str, Any], box: Path, source: Path, kind: Kind, password: str | None
) -> dict[str, object]:
    target, max_pages = box / "out.pdf", int(task["max_pages"])
    written = pdf.rewrite(source, target, max_pages=max_pages, password=password)
    with pdf.reopen(target) as again:
        walked = pdf.count(again, max_pages=max_pages)
        if walked != written.pages:
            raise DocumentRefused(Refusal.PAGE_COUNT_UNSURE, f"{written.pages} or {walked} pages")
        seen = render.look(
            target,
            expected=walked,
            previews=int(task["previews"]),
            page_seconds=float(task["page_seconds"]),
            is_grey=render.proof(again),
        )
    return {
        "kind": kind.value,
        "pages": seen.pages,
        "color_pages": seen.color_pages,
        "sizes": written.sizes,
        "previews": seen.previews,
        "repaired": written.repaired,
    }


def _bake(task: dict[str, Any], box: Path) -> dict[str, object]:
    made = plan(Choices.read(task["choices"]), int(task["pages"]), task["color_pages"])
    target = box / "out.pdf"
    cooked = bake(box / "in", target, made, scratch=box / "scratch")
    if not cooked.changed:
        return {"changed": False, "previews": 0}
    with pdf.reopen(target) as again:
        # The second reader counts these pages too, and the customer sees what will be printed.
        seen = render.look(
            target,
            expected=len(made.faces),
            previews=int(task["previews"]),
            page_seconds=float(task["page_seconds"]),
            is_grey=render.proof(again),
        )
    return {"changed": True, "previews": len(seen.previews)}


def _cards(task: dict[str, Any], box: Path) -> dict[str, object]:
    sides = [open_photo(box / name, box / "office") for name in ("in", "back")]
    card_sheets.write_card_sheet([photo for photo, _ in sides], box / "picture")
    return _prepare_pdf(task, box, box / "picture", sides[0][1], None)


def _passport(task: dict[str, Any], box: Path) -> dict[str, object]:
    photo, kind = open_photo(box / "in", box / "office")
    card_sheets.write_passport_sheet(photo, box / "picture")
    return _prepare_pdf(task, box, box / "picture", kind, None)


def _card_facts(_: dict[str, Any], box: Path) -> dict[str, object]:
    photo, _kind = open_photo(box / "in", box / "office")
    return {"facts": asdict(facts(photo))}


_TASKS: dict[str, Callable[[dict[str, Any], Path], dict[str, object]]] = {
    "open": _open,
    "finish": _finish,
    "bake": _bake,
    "cards": _cards,
    "passport": _passport,
    "card_facts": _card_facts,
}


if __name__ == "__main__":
    sys.exit(main())
