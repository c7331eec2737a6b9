"""Looks into a compound file (the container of DOC, XLS and PPT) without running anything.

Format: [MS-CFB]. Only the directory and one stream are read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END = 0xFFFFFFFA  # above: special sector numbers
_MAX_ENTRIES = 20_000
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_SMALL = 4096  # bytes below which a stream lies among the root's
_PIECE = 64
_MACRO_STORAGES = frozenset({"macros", "_vba_project_cur", "vba", "_vba_project"})
# VBAInfoContainer and VBAInfoAtom up to the number that says where the project lies.
_MACRO_SHEETS = (1, 6)  # dt of a BoundSheet: a sheet of Excel 4 macros, an Excel 5 module
_SLIDES_VBA = bytes.fromhex("1f00ff0314000000 020000040c000000")


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    type: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class _Sectors:
    """The file in pieces of ``size`` bytes; ``table`` names the piece that follows each."""

    data: bytes
    size: int
    table: list[int]

    def chain(self, start: int, limit: int, seen: set[int]) -> Iterator[bytes]:
        """The pieces from ``start`` on, ``limit`` bytes and the rest of the last piece."""
        read = 0
        while start < _END and start not in seen and read < limit:
            seen.add(start)
            part = self.data[(start + 1) * self.size : (start + 2) * self.size]
            read += len(part)
            yield part
            start = self.table[start] if start < len(self.table) else _END


def inspect(source: Path) -> Kind:
    """DOC, XLS or PPT. Raises ``DocumentRefused`` for locked files, macros and other content."""
    data = source.read_bytes()
    try:
        held = _sectors(data)
        directory = _directory(held, struct.unpack_from("<I", data, 48)[0])
    except (struct.error, IndexError, ValueError) as error:
        raise DocumentRefused(Refusal.BROKEN, "its directory is damaged") from error
    names = {entry.name.lower() for entry in directory}
    if "encryptedpackage" in names or "encryptioninfo" in names:
        raise DocumentRefused(Refusal.LOCKED, "an encrypted Office file")
    macros = bool(names & _MACRO_STORAGES)
    if "worddocument" in names:
        kind, locked = Kind.DOC, _word_locked(_head(held, directory, "worddocument"))
    elif "workbook" in names or "book" in names:
        name = "workbook" if "workbook" in names else "book"
        workbook = _head(held, directory, name, limit=len(data))
        kind, locked = Kind.XLS, _sheet_locked(workbook)
        macros = macros or _sheets_hold_macros(workbook)
    elif "powerpoint document" in names:
        kind, locked = Kind.PPT, "encryptedsummary" in names
        macros = macros or _slides_hold_macros(held, directory)
    else:
        raise DocumentRefused(Refusal.UNSUPPORTED, "a compound file of another program")
    if locked:
        raise DocumentRefused(Refusal.LOCKED, "needs a password")
    if macros:
        raise DocumentRefused(Refusal.MACROS, "holds macros")
    if not _all_there(held, directory):
        raise DocumentRefused(Refusal.BROKEN, "the file ends early")
    return kind


def _sectors(data: bytes) -> _Sectors:
    shift = struct.unpack_from("<H", data, 30)[0]
    if shift not in (9, 12):
        raise ValueError("sector size")
    size = 1 << shift
    places = list(struct.unpack_from("<109I", data, 76))
    following = struct.unpack_from("<I", data, 68)[0]
    for _ in range(1000):
        if following >= _END:
            break
        held = struct.unpack_from(f"<{size // 4}I", data, (following + 1) * size)
        places.extend(held[:-1])
        following = held[-1]
    table: list[int] = []
    for place in places:
        if place >= _END or (place + 2) * size > len(data) + size:
            continue
        numbers = len(data[(place + 1) * size : (place + 2) * size]) // 4
        table.extend(struct.unpack_from(f"<{numbers}I", data, (place + 1) * size))
        if len(table) > len(data) // size + size:
            break
    return _Sectors(data, size, table)


def _directory(sectors: _Sectors, start: int) -> list[_Entry]:
    held = b"".join(sectors.chain(start, _MAX_ENTRIES * 128, set()))
    if len(held) % sectors.size:
        raise ValueError("cut")
    entries = []
    for index in range(len(held) // 128):
        raw = held[index * 128 : index * 128 + 128]
        length, kind = struct.unpack_from("<HB", raw, 64)
        if kind not in (_STORAGE, _STREAM, _ROOT) or not 2 <= length <= 64:
            continue
        name = raw[: length - 2].decode("utf-16-le", "replace")
        start, size = struct.unpack_from("<II", raw, 116)
        entries.append(_Entry(name, kind, start, size))
    if not entries:
        raise ValueError("empty")
    return entries


def _head(sectors: _Sectors, directory: list[_Entry], name: str, limit: int = 2 * _SMALL) -> bytes:
    """The first bytes of a stream."""
    for entry in directory:
        if entry.name.lower() == name and entry.type == _STREAM:
            held = sectors if entry.size >= _SMALL else _small(sectors, directory)
            return b"".join(held.chain(entry.start, limit, set()))
    return b""


def _small(sectors: _Sectors, directory: list[_Entry]) -> _Sectors:
    """The small streams lie in the root's, in pieces of 64 bytes with a table of their own."""
    data, everything = sectors.data, len(sectors.data)
    root = next((entry for entry in directory if entry.type == _ROOT), None)
    start = root.start if root else _END
    stream = b"".join(sectors.chain(start, everything, set()))
    held = b"".join(sectors.chain(struct.unpack_from("<I", data, 60)[0], everything, set()))
    table = list(struct.unpack_from(f"<{len(held) // 4}I", held))
    return _Sectors(bytes(_PIECE) + stream, _PIECE, table)


def _all_there(sectors: _Sectors, directory: list[_Entry]) -> bool:
    """Whether no stream reaches beyond the end; the root's holds all the small ones."""
    seen: set[int] = set()  # of all streams: none shares a sector, and a circle ends
    for entry in directory:
        if entry.type == _ROOT or (entry.type == _STREAM and entry.size >= _SMALL):
            read = sum(map(len, sectors.chain(entry.start, entry.size, seen)))
            if read < entry.size:
                return False
    return True


def _word_locked(head: bytes) -> bool:
    """fEncrypted of the file information block ([MS-DOC] 2.5.2)."""
    return len(head) >= 12 and bool(struct.unpack_from("<H", head, 10)[0] & 0x0100)


def _slides_hold_macros(sectors: _Sectors, directory: list[_Entry]) -> bool:
    """PowerPoint keeps its project, packed, among the slides: fHasMacros ([MS-PPT] 2.4.11)."""
    stream = _head(sectors, directory, "powerpoint document", limit=len(sectors.data))
    found = stream.find(_SLIDES_VBA)
    while found >= 0:
        if stream[found + 20 : found + 24] not in (b"\0\0\0\0", b""):
            return True
        found = stream.find(_SLIDES_VBA, found + 1)
    return False


def _sheet_locked(workbook: bytes) -> bool:
    """A FilePass record among the first of the workbook ([MS-XLS] 2.4.117)."""
    return any(record == 0x002F for record, _ in islice(_records(workbook), 20))


def _sheets_hold_macros(workbook: bytes) -> bool:
    """What Excel ran before there were projects lies on sheets: BoundSheet ([MS-XLS] 2.4.28)."""
    for record, held in _records(workbook):
        if record == 0x0085 and held[5:6] and held[5] in _MACRO_SHEETS:
            return True
        if record == 0x000A:  # the end of what is said of the whole workbook
            return False
    return False


def _records(workbook: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and first bytes of each record."""
    position = 0
    while position + 4 <= len(workbook):
        record, length = struct.unpack_from("<HH", workbook, position)
        yield record, workbook[position + 4 : position + 4 + min(length, 8)]
        position += 4 + length
