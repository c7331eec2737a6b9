"""The sheets of the xerox counter: a card's two sides at true size, and passport photos.

Runs only inside the intake child. What is written here goes through the same door as any other
document, so it is counted, looked at for colour, priced and baked like one.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pikepdf import Dictionary, Name, Object, Pdf
from PIL import Image, ImageOps

from app.adapters.cards import find_card, straighten
from app.domain.documents import CARD_MM, PASSPORT_PHOTO_MM, PASSPORT_PHOTOS, is_card_shaped
from app.domain.print_plan import MM, Paper

_A4_MM = Paper.A4.size_mm
_BETWEEN_MM = 15.0  # front and back, to be cut or folded
_WHOLE_MM = (170.0, 115.0)  # room for a photo in which no card was found
_COLUMNS = 4
_GAP_MM = 4.0
_TOP_MM = 12.0
_PHOTO_DPI = 600
_UPPER_THIRD = (0.5, 0.35)  # where faces are, when a photo is cropped
_QUALITY = 93


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in millimetres from the lower left of the sheet."""

    left: float
    bottom: float
    width: float
    height: float


def card_boxes(sizes: Sequence[tuple[float, float]]) -> list[Box]:
    """One above the other in the middle of an A4 sheet, for pictures of these sizes."""
    total = sum(height for _, height in sizes) + _BETWEEN_MM * (len(sizes) - 1)
    top = (_A4_MM[1] + total) / 2
    boxes = []
    for width, height in sizes:
        boxes.append(Box((_A4_MM[0] - width) / 2, top - height, width, height))
        top -= height + _BETWEEN_MM
    return boxes


def passport_boxes() -> list[Box]:
    """Rows of four from the top of an A4 sheet, so that the rest of it can be used."""
    width, height = PASSPORT_PHOTO_MM
    left = (_A4_MM[0] - _COLUMNS * width - (_COLUMNS - 1) * _GAP_MM) / 2
    boxes = []
    for index in range(PASSPORT_PHOTOS):
        row, column = divmod(index, _COLUMNS)
        bottom = _A4_MM[1] - _TOP_MM - height - row * (height + _GAP_MM)
        boxes.append(Box(left + column * (width + _GAP_MM), bottom, width, height))
    return boxes


def write_card_sheet(sides: Sequence[Image.Image], target: Path) -> None:
    """The card's sides in their true size; a photo without a card is shown whole."""
    cut = [_card(photo) for photo in sides]
    boxes = card_boxes([size for _, size in cut])
    with Pdf.new() as pdf:
        pictures = [_stored(pdf, image) for image, _ in cut]
        _write(pdf, pictures, boxes, marks=False)
        pdf.save(target, static_id=True, min_version="1.5")


def write_passport_sheet(photo: Image.Image, target: Path) -> None:
    """The photo, cropped to 35 x 45 mm, as often as a sheet holds, with thin lines to cut along."""
    width, height = (round(side / 25.4 * _PHOTO_DPI) for side in PASSPORT_PHOTO_MM)
    fine = min(1.0, photo.width / width, photo.height / height)  # nothing is gained by enlarging
    size = (max(1, round(width * fine)), max(1, round(height * fine)))
    cut = ImageOps.fit(photo, size, Image.Resampling.LANCZOS, centering=_UPPER_THIRD)
    with Pdf.new() as pdf:
        stored = _stored(pdf, cut)
        _write(pdf, [stored] * PASSPORT_PHOTOS, passport_boxes(), marks=True)
        pdf.save(target, static_id=True, min_version="1.5")


def _card(photo: Image.Image) -> tuple[Image.Image, tuple[float, float]]:
    """The picture to place and its size in millimetres."""
    corners = find_card(photo)
    if corners is not None:
        photo = straighten(photo, corners)
    elif not is_card_shaped(*photo.size):
        scale = min(_WHOLE_MM[0] / photo.width, _WHOLE_MM[1] / photo.height)
        return photo, (photo.width * scale, photo.height * scale)
    width, height = CARD_MM if photo.width >= photo.height else CARD_MM[::-1]
    return photo, (width, height)


def _stored(pdf: Pdf, image: Image.Image) -> Object:
    held = io.BytesIO()
    image = image if image.mode in ("L", "RGB") else image.convert("RGB")
    image.save(held, "JPEG", quality=_QUALITY, subsampling=0)
    made = pdf.make_stream(held.getvalue())
    made.Type, made.Subtype, made.Filter = Name.XObject, Name.Image, Name.DCTDecode
    made.Width, made.Height, made.BitsPerComponent = image.width, image.height, 8
    made.ColorSpace = Name.DeviceGray if image.mode == "L" else Name.DeviceRGB
    return pdf.make_indirect(made)


def _write(pdf: Pdf, pictures: Sequence[Object], boxes: Sequence[Box], *, marks: bool) -> None:
    page = pdf.add_blank_page(page_size=(_A4_MM[0] * MM, _A4_MM[1] * MM)).obj
    named, drawn = Dictionary(), []
    for number, (picture, box) in enumerate(zip(pictures, boxes, strict=True)):
        named[f"/P{number}"] = picture
        left, bottom, width, height = (
            side * MM for side in (box.left, box.bottom, box.width, box.height)
        )
        drawn.append(f"q {width:.4f} 0 0 {height:.4f} {left:.4f} {bottom:.4f} cm /P{number} Do Q")
        if marks:
            rectangle = f"{left:.4f} {bottom:.4f} {width:.4f} {height:.4f} re"
            drawn.append(f"q 0.25 w 0.6 G {rectangle} S Q")
    page.Resources = Dictionary(XObject=named)
    page.Contents = pdf.make_stream("\n".join(drawn).encode())
