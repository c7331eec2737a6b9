"""What a document is to this shop: a kind, a number of pages, and which of them carry colour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Decided by content, never by a file name or a declared type."""

    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    HEIC = "heic"
    TIFF = "tiff"
    GIF = "gif"
    BMP = "bmp"
    DOC = "doc"
    DOCX = "docx"
    ODT = "odt"
    RTF = "rtf"
    TXT = "txt"
    XLS = "xls"
    XLSX = "xlsx"
    ODS = "ods"
    PPT = "ppt"
    PPTX = "pptx"
    ODP = "odp"


IMAGES = frozenset({Kind.JPEG, Kind.PNG, Kind.WEBP, Kind.HEIC, Kind.TIFF, Kind.GIF, Kind.BMP})

CARD_MM = (85.6, 53.98)  # ISO/IEC 7810, ID-1: identity, bank and Aadhaar cards
CARD_RATIO = CARD_MM[0] / CARD_MM[1]
PASSPORT_PHOTO_MM = (35.0, 45.0)
PASSPORT_PHOTOS = 8  # on one sheet


@dataclass(frozen=True, slots=True)
class CardFacts:
    """A photo's size in pixels, and the four-cornered thing found in it.

    ``card_ratio`` is its longer by its shorter side, ``card_share`` its part of the photo; both
    None when nothing was found.
    """

    width: int
    height: int
    card_ratio: float | None = None
    card_share: float | None = None


def looks_like_a_card(facts: CardFacts) -> bool:
    """Whether to offer front and back on one sheet: a card was seen, or cropped.

    Camera photos themselves are 1.33, 1.5 or 1.78; a card is 1.59.
    """
    if facts.card_ratio is not None and facts.card_share is not None:
        return abs(facts.card_ratio - CARD_RATIO) < 0.3 and facts.card_share > 0.08
    return is_card_shaped(facts.width, facts.height)


def is_card_shaped(width: int, height: int) -> bool:
    """Whether a photo as a whole has a card's proportions: it was cropped already."""
    longer, shorter = max(width, height), min(width, height)
    return shorter > 0 and abs(longer / shorter - CARD_RATIO) < 0.06
