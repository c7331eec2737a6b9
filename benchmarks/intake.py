"""What taking in a document costs, each figure beside its yardstick in the same run.

Yardsticks are ``qpdf --check`` on the same file and a cold ``soffice --convert-to``; rounds are
interleaved and medians compared, so that a busy machine slows both sides. Exit code 1 when a
goal is missed.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFilter

from app.adapters.intake import Intake
from app.adapters.readers import Bounds
from app.ports import Limits
from tests.backend.adapters.made_office import docx, page_break, paragraph
from tests.backend.adapters.made_pdf import BLACK, make, text_pages

LIMITS = Limits(max_bytes=64 << 20, max_pages=1000)
ROUNDS = 9


@dataclass(frozen=True)
class Row:
    """One line of the table; ``value`` and ``goal`` in the same unit, the rest in milliseconds."""

    what: str
    value: float
    unit: str
    goal: float
    own: float | None = None
    yardstick: float | None = None

    @property
    def met(self) -> bool:
        return self.value <= self.goal


def timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - started


async def took(intake: Intake, source: Path, work: Path) -> float:
    started = time.perf_counter()
    await intake.prepare(source, work, limits=LIMITS)
    return time.perf_counter() - started


def exported(folder: Path, pages: int) -> Path | None:
    """The same kind of text as LibreOffice exports it: embedded fonts, kerned words."""
    if shutil.which("soffice") is None:
        return None
    words = "Ordinary words of an ordinary letter about the price of paper in the rains. " * 6
    body = page_break().join([paragraph(words) * 7] * pages)
    source = docx(folder / f"exported-{pages}.docx", body)
    profile = f"-env:UserInstallation={(folder / 'export').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder)]
    timed([*command, str(source)])
    return source.with_suffix(".pdf")


def scanned(folder: Path, pages: int) -> Path:
    """A scan as a copier sends it: a grey JPEG of 200 dpi on each page."""
    sheet = Image.effect_noise((1654, 2339), 30).filter(ImageFilter.GaussianBlur(2))
    path = folder / f"scanned-{pages}.pdf"
    sheet.save(path, "PDF", resolution=200, save_all=True, append_images=[sheet] * (pages - 1))
    return path


async def pdf_rows(intake: Intake, folder: Path) -> list[Row]:
    """Plain text and Word's own PDF beside ``qpdf --check``, and whether time grows as pages do."""
    rows, spent = [], {}
    files = [(f"{n} pages, text", text_pages(folder / f"{n}.pdf", n)) for n in (10, 100, 500)]
    for pages in (10, 100, 500):
        made = exported(folder, pages)
        if made is not None:
            files.append((f"{pages} pages, from Word", made))
    for what, source in files:
        await took(intake, source, folder / "w")
        ours, yardstick = [], []
        for _ in range(ROUNDS):
            yardstick.append(timed(["qpdf", "--check", str(source)]))
            ours.append(await took(intake, source, folder / "w"))
        own, check = statistics.median(ours), statistics.median(yardstick)
        rows.append(Row(f"intake, {what}", own / check, "x", 8.0, own * 1000, check * 1000))
        spent[what] = own * 1000
    for kind in ("text", "from Word"):
        few, many = (spent.get(f"{pages} pages, {kind}") for pages in (100, 500))
        if few and many:
            what = f"500 pages to five times 100, {kind}"
            rows.append(Row(what, many / (5 * few), "x", 1.3, many, 5 * few))
    return rows


async def memory_rows(intake: Intake, folder: Path) -> list[Row]:
    """The child's peak for what the rows above made, and for a scan."""
    rows = []
    files = {f"{pages} pages, text": folder / f"{pages}.pdf" for pages in (10, 100, 500)}
    files["500 pages, from Word"] = folder / "exported-500.pdf"
    files["100 pages, a scan"] = scanned(folder, 100)
    for what, source in files.items():
        if not source.exists():
            continue
        async with intake._readers.lend() as reader:
            shutil.copy(source, reader.box / "in")
            task = {"do": "open", "max_pages": 500, "previews": 3, "page_seconds": 20.0}
            started = time.perf_counter()
            answer = await intake._readers.ask(reader, task, Bounds())
            own = (time.perf_counter() - started) * 1000
        if answer.reply is None or "refused" in answer.reply:
            sys.exit(f"{source.name} was not read: {answer.why or answer.reply}")
        rows.append(Row(f"child's memory, {what}", answer.peak / 2**20, "MB", 400, own))
    return rows


async def colour_rows(intake: Intake, folder: Path) -> list[Row]:
    """The difference between many pages and few is what a page costs, all steps included."""
    rows = []
    kinds = {
        "black text": BLACK * 20,
        "a coloured word on each": BLACK * 20 + "BT /F1 12 Tf 72 700 Td 1 0 0 rg (red) Tj ET",
        "a colour that cannot be seen": BLACK * 20 + "1 0 0 rg 900 900 9 9 re f",
    }
    full = folder / "full.pdf"
    for what, content in kinds.items():
        few = make(folder / "few.pdf", [content] * 5)
        many = make(full, [content] * 105)
        await took(intake, few, folder / "w")
        spent = [
            (await took(intake, many, folder / "w")) - (await took(intake, few, folder / "w"))
            for _ in range(5)
        ]
        rows.append(Row(f"a page, all steps, {what}", statistics.median(spent) * 10, "ms", 15))
    return rows


async def office_rows(intake: Intake, folder: Path) -> list[Row]:
    if "libreoffice" in intake.missing() or "bubblewrap" in intake.missing():
        print("no converter here: its rows are left out:", *intake.missing().values())
        return []
    source = docx(folder / "one.docx", paragraph("One page"))
    cold, first, paused, at_once = [], [], [], []
    for number in range(5):
        profile = folder / f"profile-{number}"
        command = ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless"]
        command += ["--convert-to", "pdf", "--outdir", str(folder / "cold"), str(source)]
        cold.append(timed(command))
        fresh = Intake.detect()
        try:
            await took(fresh, text_pages(folder / "warm.pdf", 1), folder / "w")
            first.append(await took(fresh, source, folder / "w"))
            at_once.append(await took(fresh, source, folder / "w"))
            await asyncio.sleep(2.0)
            paused.append(await took(fresh, source, folder / "w"))
        finally:
            fresh.close()
    base = statistics.median(cold)
    rows = []
    for what, spent, goal in (
        ("first conversion", first, 2.0),
        ("second, at once", at_once, 0.6),
        ("second, two seconds later", paused, 0.6),
    ):
        own = statistics.median(spent)
        rows.append(Row(f"one-page DOCX, {what}", own / base, "x", goal, own * 1000, base * 1000))
    return rows


async def main() -> int:
    """Prints the table; 1 when a goal is missed."""
    if shutil.which("qpdf") is None:
        print("qpdf is not installed: apt-get install qpdf", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="printwala-intake-"))
    intake = Intake.detect()
    try:
        rows = [
            *await pdf_rows(intake, folder),
            *await memory_rows(intake, folder),
            *await colour_rows(intake, folder),
            *await office_rows(intake, folder),
        ]
    finally:
        intake.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    print(f"{'':52}{'measured':>12}{'goal':>10}{'ours, ms':>10}{'yardstick':>11}")
    for row in rows:
        mark = "" if row.met else "   MISSED"
        value, goal = f"{row.value:.2f} {row.unit}", f"{row.goal:g} {row.unit}"
        ms = [f"{spent:.1f}" if spent is not None else "" for spent in (row.own, row.yardstick)]
        print(f"{row.what:52}{value:>12}{goal:>10}{ms[0]:>10}{ms[1]:>11}{mark}")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
