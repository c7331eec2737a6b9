"""What a file is, by its content. Names and declared types are not asked.

Accepted signatures stand at the first byte; only ``%PDF-`` may follow up to 1,019 bytes of junk,
as the readers of the world allow. Runs only inside the intake child.
"""

from __future__ import annotations

import re
from pathlib import Path

from app.adapters import archives, ole
from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal

_HEAD = 4096
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
# Programs and markup are text too, and a converter would follow what they say.
_MARKUP = re.compile(r"\s*(<[!?a-zA-Z]|#!|%!PS|MIME-Version:|\{\\rtf)", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x19\x1b-\x1f\x7f]")
_BYTES_A_PAGE = 16_000  # of text: more than the densest page holds


def sniff(source: Path, unpacked: Path, *, max_pages: int) -> Kind:
    """The kind. Office kinds leave a checked copy in ``unpacked`` for the converter.

    Raises ``DocumentRefused`` for everything that is not on the list.
    """
    with source.open("rb") as file:
        head = file.read(_HEAD)
    if not head.strip(b"\0\t\n\r "):
        raise DocumentRefused(Refusal.EMPTY)
    kind = _image(head)
    if kind is not None:
        return kind
    if head.startswith(b"%PDF-"):
        return Kind.PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(source, unpacked, head)
    if head.startswith(ole.MAGIC):
        kind = ole.inspect(source)
        unpacked.write_bytes(source.read_bytes())
        return kind
    if b"%PDF-" in head[:1024]:
        return Kind.PDF
    if head.startswith(b"{\\rtf"):
        unpacked.write_bytes(source.read_bytes())
        return Kind.RTF
    return _text(source, unpacked, max_pages)


def needs_threads(source: Path) -> bool:
    """The one decoder that ends the process when it may not start a thread is that of HEIC."""
    with source.open("rb") as file:
        return _image(file.read(_HEAD)) is Kind.HEIC


def _image(head: bytes) -> Kind | None:
    starts = {
        b"\xff\xd8\xff": Kind.JPEG,
        b"\x89PNG\r\n\x1a\n": Kind.PNG,
        b"GIF87a": Kind.GIF,
        b"GIF89a": Kind.GIF,
        b"II*\0": Kind.TIFF,
        b"MM\0*": Kind.TIFF,
    }
    for start, kind in starts.items():
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind.WEBP
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return Kind.HEIC
    # "BM" alone could begin a letter: the header's length follows at byte 14.
    if head[:2] == b"BM" and head[14:18] in {
        size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)
    }:
        return Kind.BMP
    return None


def _zip(source: Path, unpacked: Path, head: bytes) -> Kind:
    try:
        return archives.inspect(source, unpacked)
    except DocumentRefused as refused:
        if b"%PDF-" in head[:1024] and refused.reason in {Refusal.UNSUPPORTED, Refusal.BROKEN}:
            return Kind.PDF
        raise


def _text(source: Path, unpacked: Path, max_pages: int) -> Kind:
    data = source.read_bytes()
    if b"%PDF-" in data or b"endobj" in data:
        raise DocumentRefused(Refusal.BROKEN, "a PDF without its beginning")
    text = _decode(data)
    if text is None or _MARKUP.match(text) or _CONTROLS.search(text.replace("\x0c", "")):
        raise DocumentRefused(Refusal.UNSUPPORTED, "no kind we print")
    if not text.strip():
        raise DocumentRefused(Refusal.EMPTY)
    if len(data) > max_pages * _BYTES_A_PAGE:
        raise DocumentRefused(Refusal.TOO_MANY_PAGES, "a very long text")
    plain = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a")
    unpacked.write_text(plain, encoding="utf-8", newline="\n")
    return Kind.TXT


def _decode(data: bytes) -> str | None:
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    # Notepad's "ANSI". Mostly plain letters, or it is something else altogether.
    high = sum(byte > 0x7F for byte in data)
    if b"\0" in data or high * 10 > len(data):
        return None
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return None
