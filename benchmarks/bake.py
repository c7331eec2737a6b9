"""What making the print-ready file costs for each page, beside a yardstick in the same run.

The yardstick is ``pdftoppm -gray -r 300`` on the same file, which is what forcing black & white
costs when nothing is kept as text. Rounds are interleaved and medians compared. Exit code 1 when a
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
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from app.adapters import pdf as canonical
from app.adapters.intake import Intake
from app.adapters.readers import Bounds
from app.domain.print_plan import Choices, PrintType, plan
from tests.backend.adapters import made_colour
from tests.backend.adapters.made_colour import coloured, operators
from tests.backend.adapters.made_pdf import BLACK, text_pages

PAGES = 40
ROUNDS = 5
LINES = (
    BLACK * 40 + "BT /F1 20 Tf 72 600 Td 0.8 0 0 rg (A heading) Tj ET 0 0.4 0.8 RG 9 9 99 99 re S"
)

Row = tuple[str, float, float, float, float]  # what, ms a page, yardstick, ratio, goal


def timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - started


async def took(intake: Intake, source: Path, work: Path, choices: Choices, pages: int) -> float:
    started = time.perf_counter()
    await intake.bake(source, work, plan=plan(choices, pages, ()))
    return time.perf_counter() - started


async def rows(intake: Intake, folder: Path) -> list[Row]:
    """Each kind of page, made black & white; then pages that are laid on other paper."""

    def letters(path: Path) -> Path:
        return text_pages(path, PAGES, size=(612, 792))

    def repeated(page: made_colour.Page) -> Path:
        return coloured(folder / "raw.pdf", *[page] * PAGES)

    bw, color = Choices(PrintType.BW), Choices(PrintType.COLOR)
    four = Choices(PrintType.COLOR, per_sheet=4)
    cases: list[tuple[str, Callable[[], Path], Choices, float]] = [
        ("grey text, left alone", lambda: text_pages(folder / "raw.pdf", PAGES), bw, 0.2),
        ("text with a red heading, rewritten", lambda: repeated(operators(LINES)), bw, 1.0),
        ("JPEG picture, rewritten", lambda: repeated(made_colour.jpeg()), bw, 1.0),
        ("shading, drawn at 300 dpi", lambda: repeated(made_colour.shading), bw, 2.0),
        ("text, four on a side", lambda: text_pages(folder / "raw.pdf", PAGES), four, 0.5),
        ("text on Letter, fitted to A4", lambda: letters(folder / "raw.pdf"), color, 0.5),
    ]
    found = []
    for what, make, choices, goal in cases:
        source = folder / "print.pdf"
        canonical.rewrite(make(), source, max_pages=PAGES)
        yardstick = ["pdftoppm", "-gray", "-r", "300", str(source), str(folder / "page")]
        await took(intake, source, folder / "w", choices, PAGES)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(timed(yardstick) / PAGES * 1000)
            ours.append(await took(intake, source, folder / "w", choices, PAGES) / PAGES * 1000)
        own, other = statistics.median(ours), statistics.median(theirs)
        found.append((what, own, other, own / other, goal))
    return found


async def peak(intake: Intake, folder: Path) -> float:
    """Megabytes of the child that draws many pages, all kept until the file is written."""
    source = folder / "print.pdf"
    pages = 150
    canonical.rewrite(
        coloured(folder / "raw.pdf", *[made_colour.shading] * pages), source, max_pages=pages
    )
    wanted = plan(Choices(PrintType.BW), pages, ())
    async with intake._readers.lend() as reader:
        shutil.copy(source, reader.box / "in")
        task = {
            "do": "bake",
            "choices": wanted.choices.as_dict(),
            "pages": pages,
            "color_pages": [],
        }
        bounds = Bounds(**{**asdict(Bounds()), "cpu": 300, "wall": 300.0})
        return (await intake._readers.ask(reader, task, bounds)).peak / 2**20


async def main() -> int:
    """Prints the table; 1 when a goal is missed."""
    if shutil.which("pdftoppm") is None:
        print("pdftoppm is not installed: apt-get install poppler-utils", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="printwala-bake-"))
    intake = Intake.detect()
    try:
        found = await rows(intake, folder)
        most = await peak(intake, folder)
    finally:
        intake.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    print(f"{'':38}{'ms a page':>10}{'pdftoppm':>10}{'ratio':>8}{'goal':>7}")
    for what, own, other, ratio, goal in found:
        mark = "" if ratio <= goal else "   MISSED"
        print(f"{what:38}{own:>10.1f}{other:>10.1f}{ratio:>8.2f}{goal:>7.1f}{mark}")
    print(f"{'memory of a child that draws 150 pages':38}{most:>10.0f} MB, goal 400")
    return 0 if most <= 400 and all(ratio <= goal for *_, ratio, goal in found) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
