"""A window onto the virtual printer's folder: which sides came out, how they look, its mood."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pypdfium2

from simulator.world import JsonObject

QUIRKS = (
    "jam",
    "paper_out",
    "offline",
    "slow",
    "accepts_then_silent",
    "repeats_after_restart",
    "loses_after_restart",
    "exit0_without_paper",
    "exit1_with_paper",
    "hangs",
)
QUIRK = re.compile(rf"(?:{'|'.join(QUIRKS)}|dies_after:\d+)?")
ATTEMPT = re.compile(r"[A-Za-z0-9_-]{1,64}")
WIDEST = 1240  # pixels: an A4 page at about 150 dpi


@dataclass
class Paper:
    """Reads what the print worker wrote; `folder` None means nobody told us where that is."""

    folder: Path | None
    _pictures: dict[tuple[str, int, int, int, int], bytes] = field(default_factory=dict)

    def mark(self) -> str:
        """Changes whenever a side comes out or the quirk changes."""
        if self.folder is None:
            return ""
        marks = []
        for name in ("paper.jsonl", "quirk"):
            try:
                found = (self.folder / name).stat()
                marks.append(f"{found.st_size}.{found.st_mtime_ns}")
            except OSError:
                marks.append("-")
        return "/".join(marks)

    def sides(self) -> list[JsonObject]:
        """Every side that came out, in order; a line still being written is left for later."""
        if self.folder is None:
            return []
        try:
            text = (self.folder / "paper.jsonl").read_text("utf-8", "replace")
        except OSError:
            return []
        found = []
        for line in text.splitlines():
            try:
                side = json.loads(line)
            except ValueError:
                continue
            if isinstance(side, dict) and ATTEMPT.fullmatch(str(side.get("attempt_id", ""))):
                found.append(side)
        return found

    def shown(self) -> JsonObject:
        """Jobs with their sheets, newest first, for the page."""
        jobs: dict[str, JsonObject] = {}
        counts: dict[tuple[str, int], int] = {}
        for side in self.sides():
            attempt, copy = side["attempt_id"], int(side.get("copy", 1))
            job = jobs.setdefault(
                attempt,
                {
                    "attempt_id": attempt,
                    "token": str(side.get("token", "")),
                    "sides": [],
                    "job_id": side.get("job_id"),
                },
            )
            number = counts.get((attempt, copy), 0)
            counts[attempt, copy] = number + 1
            job["sides"].append(
                {
                    **{name: side.get(name) for name in ("page", "color", "sheet", "face", "at")},
                    "copy": copy,
                    "image": f"/paper/{attempt}/{copy}/{number}.png",
                }
            )
        return {
            "configured": self.folder is not None,
            "quirk": self.quirk(),
            "quirks": list(QUIRKS),
            "jobs": list(jobs.values())[::-1],
        }

    def emitted(self, attempt: str, copy: int) -> int:
        """How many sides of a copy came out."""
        wanted = (attempt, copy)
        return sum((side["attempt_id"], side.get("copy", 1)) == wanted for side in self.sides())

    def quirk(self) -> str:
        if self.folder is None:
            return ""
        try:
            return (self.folder / "quirk").read_text("utf-8").strip()
        except OSError:
            return ""

    def set_quirk(self, name: str) -> None:
        """Set the printer's next mood.

        Raises ValueError for an unknown one or without a folder, OSError when it cannot be written.
        """
        if self.folder is None:
            raise ValueError(
                "The simulator was started without --paper, so it does not know the printer."
            )
        if not QUIRK.fullmatch(name):
            raise ValueError(
                f"There is no quirk {name!r}; there are {', '.join(QUIRKS)} and dies_after:<pages>."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / "quirk"
        target.with_suffix(".new").write_text(name, "utf-8")
        target.with_suffix(".new").replace(target)

    def picture(self, attempt: str, copy: int, index: int, *, width: int) -> bytes | None:
        """One side as PNG, `index` from 0 in the order it came out; None while it is not there."""
        if self.folder is None or not ATTEMPT.fullmatch(attempt):
            return None
        path = self.folder / attempt / f"copy-{copy}.pdf"
        width = min(max(width, 40), WIDEST)
        try:
            key = (attempt, copy, index, width, path.stat().st_mtime_ns)
        except OSError:
            return None
        if key not in self._pictures:
            picture = _rendered(path, index, width)
            if picture is None:
                return None
            if len(self._pictures) > 400:
                self._pictures.clear()
            self._pictures[key] = picture
        return self._pictures[key]


def _rendered(path: Path, index: int, width: int) -> bytes | None:
    try:
        document: Any = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError:
        return None  # still being written
    try:
        if index >= len(document):
            return None
        page = document[index]
        image = page.render(scale=width / page.get_width()).to_pil()
        out = io.BytesIO()
        image.save(out, "PNG")
        return out.getvalue()
    finally:
        document.close()
