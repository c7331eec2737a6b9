"""Looks into DOCX, XLSX, PPTX and ODF containers and packs them anew before anything opens them.

What the converter gets is a container we wrote: the checked parts, each once, no bytes between
them. So it cannot see another document than the one that was checked.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal

MAX_TOTAL = 200_000_000
MAX_PARTS = 5_000
MAX_RATIO = 200
MAX_DEPTH = 2
_FORGIVEN = 1_000_000  # bytes of one part below which its ratio says nothing: XML packs well
_CHUNK = 1 << 16
_ENTRY = b"PK\x01\x02"  # begins every line of a container's directory

# Both standards want UTF-8 or UTF-16. In the others named here "<!" is what it is in ASCII, in
# those that are not named (UTF-7, EBCDIC) a declaration could be written so that we miss it.
_ENCODING = re.compile(rb"\sencoding\s*=\s*[\"']([^\"']*)")
_PLAIN_ENCODING = re.compile(
    rb"utf-?8|utf-?16(le|be)?|(us-)?ascii|iso-8859-\d+|windows-125\d", re.IGNORECASE
)
_EBCDIC_MARKUP = b"\x4c\x6f\xa7\x94"  # "<?xm"
_BOMS = b"\xef\xbb\xbf\xfe\xff"

_ODF = {
    b"application/vnd.oasis.opendocument.text": Kind.ODT,
    b"application/vnd.oasis.opendocument.spreadsheet": Kind.ODS,
    b"application/vnd.oasis.opendocument.presentation": Kind.ODP,
}
_OOXML = {"word/": Kind.DOCX, "xl/": Kind.XLSX, "ppt/": Kind.PPTX}
_INSIDE = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".zip", ".jar", ".gz", ".7z", ".rar")


@dataclass(slots=True)
class _Budget:
    total: int = MAX_TOTAL
    parts: int = MAX_PARTS

    def spend(self, amount: int) -> None:
        self.total -= amount
        if self.total < 0:
            raise DocumentRefused(Refusal.TOO_COMPLEX, "unpacks to more than 200 MB")


def inspect(source: Path, target: Path) -> Kind:
    """Says which Office kind the container holds and writes the repacked copy."""
    _check_flood(source.read_bytes())
    try:
        with zipfile.ZipFile(source) as given:
            kind = _kind(given)
            _check(given, _Budget(), depth=0)
            _repack(given, target, kind)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise DocumentRefused(Refusal.BROKEN, f"a damaged container: {error}") from error
    except (NotImplementedError, RuntimeError) as error:
        raise DocumentRefused(Refusal.UNSUPPORTED, f"an unusual container: {error}") from error
    return kind


def _check_flood(data: bytes) -> None:
    """A directory of a million lines costs seconds and memory only to be read."""
    if data.count(_ENTRY) > MAX_PARTS:
        raise DocumentRefused(Refusal.TOO_COMPLEX, f"more than {MAX_PARTS} parts")


def _kind(given: zipfile.ZipFile) -> Kind:
    names = {entry.filename for entry in given.infolist()[: MAX_PARTS + 1]}
    if "mimetype" in names:
        held = _read(given, "mimetype", 200).strip()
        if held in _ODF:
            if b"encryption-data" in _markup(given, "META-INF/manifest.xml"):
                raise DocumentRefused(Refusal.LOCKED, "needs a password")
            if any(name.startswith(("Basic/", "Scripts/")) for name in names):
                raise DocumentRefused(Refusal.MACROS, "holds macros")
            return _ODF[held]
        raise DocumentRefused(Refusal.UNSUPPORTED, "another OpenDocument kind")
    if "[Content_Types].xml" not in names:
        raise DocumentRefused(Refusal.UNSUPPORTED, "an archive")
    types = _markup(given, "[Content_Types].xml")
    lowered = {name.lower() for name in names}
    if b"sheet.binary." in types:  # always "macroEnabled" too, whether it has macros or not
        raise DocumentRefused(Refusal.UNSUPPORTED, "a binary workbook")
    project = any(name.endswith("vbaproject.bin") for name in lowered)
    # Excel 4 macros lie on sheets of their own: macrosheet+xml, intlmacrosheet+xml.
    if project or any(sign in types for sign in (b"macroenabled", b"vbaproject", b"macrosheet")):
        raise DocumentRefused(Refusal.MACROS, "holds macros")
    for folder, kind in _OOXML.items():
        if any(name.startswith(folder) for name in lowered):
            return kind
    raise DocumentRefused(Refusal.UNSUPPORTED, "a package of another program")


def _read(given: zipfile.ZipFile, name: str, limit: int) -> bytes:
    try:
        with given.open(name) as part:
            return part.read(limit)
    except KeyError:
        return b""


def _markup(given: zipfile.ZipFile, name: str) -> bytes:
    """A table of the container in lower case; the zeros are those of UTF-16."""
    return _read(given, name, 2_000_000).replace(b"\0", b"").lower()


def _check(given: zipfile.ZipFile, budget: _Budget, *, depth: int) -> None:
    """The directory's own claims; unpacking counts again."""
    entries = given.infolist()
    budget.parts -= len(entries)
    if budget.parts < 0:
        raise DocumentRefused(Refusal.TOO_COMPLEX, f"more than {MAX_PARTS} parts")
    seen: set[str] = set()
    taken: list[tuple[int, int]] = []
    claimed = 0
    for entry in entries:
        _check_entry(entry, seen)
        claimed += entry.file_size
        taken.append((entry.header_offset, entry.header_offset + 30 + entry.compress_size))
    if claimed > budget.total:
        raise DocumentRefused(Refusal.TOO_COMPLEX, "unpacks to more than 200 MB")
    taken.sort()
    if any(end > start for (_, end), (start, _) in pairwise(taken)):
        raise DocumentRefused(Refusal.TOO_COMPLEX, "parts that overlap")
    for entry in entries:
        if entry.filename.lower().endswith(_INSIDE):
            _check_inside(given, entry, budget, depth)


def _check_entry(entry: zipfile.ZipInfo, seen: set[str]) -> None:
    name = entry.filename
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
        raise DocumentRefused(Refusal.TOO_COMPLEX, "a part that points outside")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DocumentRefused(Refusal.TOO_COMPLEX, "a part that is a link")
    if name.lower() in seen:
        raise DocumentRefused(Refusal.BROKEN, "the same part twice")
    seen.add(name.lower())
    if entry.flag_bits & 0x1:
        raise DocumentRefused(Refusal.LOCKED, "needs a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DocumentRefused(Refusal.UNSUPPORTED, "an unusual compression")
    if entry.file_size > _FORGIVEN and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise DocumentRefused(Refusal.TOO_COMPLEX, "a part that unpacks more than 200 times")


def _check_inside(
    given: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget, depth: int
) -> None:
    """Charts bring their table as a workbook of its own; nothing may bring a chain of archives."""
    with given.open(entry) as part:
        held = io.BytesIO()
        _copy(part, held, budget)
    if not zipfile.is_zipfile(held):
        return
    if depth + 1 >= MAX_DEPTH:
        raise DocumentRefused(Refusal.TOO_COMPLEX, "archives inside archives")
    _check_flood(held.getvalue())
    with zipfile.ZipFile(held) as inside:
        _check(inside, budget, depth=depth + 1)


def _copy(part: IO[bytes], into: IO[bytes], budget: _Budget) -> None:
    while chunk := part.read(_CHUNK):
        budget.spend(len(chunk))
        into.write(chunk)


def _repack(given: zipfile.ZipFile, target: Path, kind: Kind) -> None:
    budget = _Budget()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for entry in given.infolist():
            if entry.is_dir():
                continue
            clean = zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0))
            clean.compress_type = entry.compress_type
            if entry.filename == "mimetype":
                clean.compress_type = zipfile.ZIP_STORED
            with given.open(entry) as part, packed.open(clean, "w") as into:
                head = part.read(_CHUNK)
                budget.spend(len(head))
                into.write(head)
                if _is_markup(entry.filename, head):
                    _copy_markup(head, part, into, budget, _forbidden(entry.filename, kind))
                else:
                    _copy(part, into, budget)


def _is_markup(name: str, head: bytes) -> bool:
    """A part's name binds nobody: the container's tables may call any part XML."""
    start = head.replace(b"\0", b"").lstrip(_BOMS + b" \t\r\n")[:4]
    return name.lower().endswith((".xml", ".rels")) or start[:1] == b"<" or start == _EBCDIC_MARKUP


def _forbidden(name: str, kind: Kind) -> dict[bytes, DocumentRefused]:
    """What no honest part says. Entities serve attacks only; Microsoft's formats have no document
    types (old OpenOffice wrote them, and pictures in SVG have them)."""
    found = {b"<!ENTITY": DocumentRefused(Refusal.BROKEN, f"{kind.value} with XML entities")}
    lowered = name.lower()
    if kind in _OOXML.values() and lowered.endswith((".xml", ".rels")):
        found[b"<!DOCTYPE"] = DocumentRefused(Refusal.BROKEN, f"{kind.value} with a document type")
    if lowered.endswith(".rels"):
        found[b"/RELATIONSHIPS/VBAPROJECT"] = DocumentRefused(Refusal.MACROS, "holds macros")
    return found


def _copy_markup(
    head: bytes,
    part: IO[bytes],
    into: IO[bytes],
    budget: _Budget,
    forbidden: dict[bytes, DocumentRefused],
) -> None:
    _check_encoding(head)
    chunk, tail = head, b""
    while chunk:
        seen = (tail + chunk).replace(b"\0", b"").upper()
        for words, refusal in forbidden.items():
            if words in seen:
                raise refusal
        tail = chunk[-128:]  # the longest of them, at four bytes a letter
        if chunk := part.read(_CHUNK):
            budget.spend(len(chunk))
            into.write(chunk)


def _check_encoding(head: bytes) -> None:
    start = head.replace(b"\0", b"").lstrip(_BOMS + b" \t\r\n")
    declared = None
    if start.startswith(b"<?xml"):
        declaration, end, _ = start.partition(b"?>")
        declared = _ENCODING.search(declaration)
        if not end:
            raise DocumentRefused(Refusal.BROKEN, "XML whose declaration does not end")
    strange = declared is not None and not _PLAIN_ENCODING.fullmatch(declared[1])
    if strange or start.startswith(_EBCDIC_MARKUP):
        raise DocumentRefused(Refusal.BROKEN, "XML in an unusual encoding")
