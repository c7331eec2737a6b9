"""A customer's photo as pixels, from the file that was sent or from the document made of it."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
from PIL import Image
from pypdfium2 import raw

from app.adapters import images
from app.adapters.render import bounded, draw
from app.adapters.sniff import sniff
from app.domain.documents import IMAGES, Kind
from app.domain.errors import DocumentRefused, Refusal

_DPI = 300
_MOST_PIXELS = 18_000_000


def open_photo(source: Path, unpacked: Path) -> tuple[Image.Image, Kind]:
    """Upright grey or RGB pixels. Raises ``DocumentRefused`` when it is no single photo."""
    kind = sniff(source, unpacked, max_pages=1)
    if kind in IMAGES:
        return images.upright(source, kind), kind
    if kind is not Kind.PDF:
        raise DocumentRefused(Refusal.UNSUPPORTED, f"{kind.value} is no photo")
    return _from_document(source), kind


def _from_document(source: Path) -> Image.Image:
    """The photo on the only page of a document that was made of one."""
    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        raise DocumentRefused(Refusal.BROKEN, f"no readable page: {error}") from error
    try:
        if len(document) != 1:
            raise DocumentRefused(Refusal.UNSUPPORTED, "several pages are no photo")
        page = document[0]
        held = list(page.get_objects(max_depth=1))
        if len(held) != 1 or held[0].type != raw.FPDF_PAGEOBJ_IMAGE:
            raise DocumentRefused(Refusal.UNSUPPORTED, "a page that is more than a photo")
        height = page.get_height()
        left, bottom, right, top = held[0].get_bounds()
        scale = bounded(page, _DPI / 72, _MOST_PIXELS)
        drawn = draw(page, scale)
    finally:
        document.close()
    box = (left * scale, (height - top) * scale, right * scale, (height - bottom) * scale)
    inside = [min(max(0, round(edge)), drawn.size[at % 2]) for at, edge in enumerate(box)]
    if inside[2] - inside[0] < 8 or inside[3] - inside[1] < 8:
        raise DocumentRefused(Refusal.EMPTY, "hardly a photo")
    return drawn.crop((inside[0], inside[1], inside[2], inside[3]))
