"""Draws the rewritten PDF small: the second page count, the colours, the first previews.

Runs only inside the intake child. A page that cannot be drawn in time ends the child, so what
reaches a shop is what could be drawn here.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pikepdf
import pypdfium2
from PIL import Image
from pypdfium2 import raw

from app.adapters.colour import GreyProof, carries_colour
from app.domain.errors import DocumentRefused, Refusal

LOOK_DPI = 50
PREVIEW_DPI = 60
MAX_PIXELS = 2_000_000
_FEW_OBJECTS = 2_000  # a scan has one picture, or some strips, and perhaps hidden words
_MOSTLY = 0.3


@dataclass(frozen=True, slots=True)
class Seen:
    """``color_pages`` are 1-based; ``previews`` are file names beside the PDF."""

    pages: int
    color_pages: tuple[int, ...]
    previews: tuple[str, ...]


def look(
    path: Path,
    *,
    expected: int,
    previews: int,
    page_seconds: float,
    is_grey: Callable[[int], bool],
) -> Seen:
    """Counts, draws and judges every page. ``is_grey(n)`` spares drawing page ``n``."""
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise DocumentRefused(Refusal.PAGE_COUNT_UNSURE, f"second reader: {error}") from error
    try:
        pages = len(document)
        if pages != expected:
            raise DocumentRefused(Refusal.PAGE_COUNT_UNSURE, f"{expected} or {pages} pages")
        coloured, names = [], []
        for index in range(pages):
            number = index + 1
            wanted = index < previews
            grey = is_grey(number)
            if grey and not wanted:
                continue
            with _deadline(page_seconds), _opened(document, index) as page:
                dpi = PREVIEW_DPI if wanted else LOOK_DPI
                drawn = draw(page, bounded(page, dpi / 72, MAX_PIXELS))
                if not grey and carries_colour(drawn, scanned=partial(_is_picture, page)):
                    coloured.append(number)
            if wanted:
                names.append(f"preview-{number}.jpg")
                drawn.save(path.with_name(names[-1]), "JPEG", quality=80)
        return Seen(pages=pages, color_pages=tuple(coloured), previews=tuple(names))
    finally:
        document.close()


def proof(pdf: pikepdf.Pdf) -> Callable[[int], bool]:
    """``is_grey`` for ``look``, read from the same rewritten file."""
    known = GreyProof()
    kids = pdf.Root.Pages.Kids
    return lambda number: known.holds(kids[number - 1])


@contextmanager
def _opened(document: pypdfium2.PdfDocument, index: int) -> Iterator[pypdfium2.PdfPage]:
    try:
        page = document[index]
    except pypdfium2.PdfiumError as error:
        raise DocumentRefused(
            Refusal.PAGE_COUNT_UNSURE, f"second reader cannot open page {index + 1}"
        ) from error
    try:
        yield page
    finally:
        page.close()


def bounded(page: pypdfium2.PdfPage, scale: float, most_pixels: int) -> float:
    """``scale``, or less where the page would have more pixels than that."""
    width, height = page.get_size()
    return float(min(scale, (most_pixels / max(width * height, 1.0)) ** 0.5))


def draw(page: pypdfium2.PdfPage, scale: float, *, grey: bool = False) -> Image.Image:
    """The page as RGB or grey pixels, without anything that only a screen shows."""
    bitmap = page.render(scale=scale, grayscale=grey, may_draw_forms=False, draw_annots=False)
    try:
        drawn: Image.Image = bitmap.to_pil()
        return drawn.convert("L" if grey else "RGB")
    finally:
        bitmap.close()


def _is_picture(page: pypdfium2.PdfPage) -> bool:
    """Whether pictures cover most of the page, as on a scan or a photograph."""
    if raw.FPDFPage_CountObjects(page) > _FEW_OBJECTS:
        return False
    width, height = page.get_size()
    covered = 0.0
    for held in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=2):
        left, bottom, right, top = held.get_bounds()
        covered += (right - left) * (top - bottom)
    return bool(covered > _MOSTLY * width * height)


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Ends this process when one page takes longer; the parent's wall clock is the second net."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
