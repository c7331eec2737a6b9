"""What a document is to this shop: a kind, a number of pages, and which of them carry colour."""

from __future__ import annotations

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
OFFICE = frozenset(Kind) - IMAGES - {Kind.PDF}
