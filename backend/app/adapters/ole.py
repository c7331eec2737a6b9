"""Looks into a compound file (the container of DOC, XLS and PPT) without running anything.

Format: [MS-CFB]. Only the directory and one stream are read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END = 0xFFFFFFFA  # above: special sector numbers
_MAX_ENTRIES = 20_000
_MACRO_STORAGES = frozenset({"macros", "_vba_project_cur", "vba", "_vba_project"})
# VBAInfoContainer and VBAInfoAtom up to the number that says where the project lies.
_SLIDES_VBA = bytes.fromhex("1f00ff0314000000 020000040c000000")


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    type: int
    start: int
    size: int


def inspect(source: Path) -> Kind:
    """DOC, XLS or PPT. Raises ``DocumentRefused`` for locked files, macros and other content."""
    data = source.read_bytes()
    try:
        directory = _directory(data)
    except (struct.error, IndexError, ValueError) as error:
        raise DocumentRefused(Refusal.BROKEN, "its directory is damaged") from error
    names = {entry.name.lower() for entry in directory.values()}
    if "encryptedpackage" in names or "encryptioninfo" in names:
        raise DocumentRefused(Refusal.LOCKED, "an encrypted Office file")
    if "worddocument" in names:
        kind, locked = Kind.DOC, _word_locked(_head(data, directory, "worddocument"))
    elif "workbook" in names or "book" in names:
        name = "workbook" if "workbook" in names else "book"
        kind, locked = Kind.XLS, _sheet_locked(_head(data, directory, name))
    elif "powerpoint document" in names:
        kind, locked = Kind.PPT, "encryptedsummary" in names
    else:
        raise DocumentRefused(Refusal.UNSUPPORTED, "a compound file of another program")
    if locked:
        raise DocumentRefused(Refusal.LOCKED, "needs a password")
    if names & _MACRO_STORAGES or (kind is Kind.PPT and _slides_hold_macros(data, directory)):
        raise DocumentRefused(Refusal.MACROS, "holds a macro project")
    return kind


def _sectors(data: bytes) -> tuple[int, list[int]]:
    """Sector size and the allocation table."""
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
    return size, table


def _chain(data: bytes, start: int, limit: int) -> bytes:
    size, table = _sectors(data)
    parts, seen, read = [], set(), 0
    while start < _END and start not in seen and read < limit:
        seen.add(start)
        part = data[(start + 1) * size : (start + 2) * size]
        parts.append(part)
        read += len(part)
        start = table[start] if start < len(table) else _END
    return b"".join(parts)


def _directory(data: bytes) -> dict[int, _Entry]:
    held = _chain(data, struct.unpack_from("<I", data, 48)[0], _MAX_ENTRIES * 128)
    entries = {}
    for index in range(len(held) // 128):
        raw = held[index * 128 : index * 128 + 128]
        length, kind = struct.unpack_from("<HB", raw, 64)
        if kind not in (1, 2, 5) or not 2 <= length <= 64:
            continue
        name = raw[: length - 2].decode("utf-16-le", "replace")
        start, size = struct.unpack_from("<II", raw, 116)
        entries[index] = _Entry(name, kind, start, size)
    if not entries:
        raise ValueError("empty")
    return entries


def _head(data: bytes, directory: dict[int, _Entry], name: str, limit: int = 8192) -> bytes:
    """The first bytes of a stream in the ordinary sectors; small streams lie elsewhere: empty."""
    for entry in directory.values():
        if entry.name.lower() == name and entry.type == 2 and entry.size >= 4096:
            return _chain(data, entry.start, limit)
    return b""


def _word_locked(head: bytes) -> bool:
    """fEncrypted of the file information block ([MS-DOC] 2.5.2)."""
    return len(head) >= 12 and bool(struct.unpack_from("<H", head, 10)[0] & 0x0100)


def _slides_hold_macros(data: bytes, directory: dict[int, _Entry]) -> bool:
    """PowerPoint keeps its project, packed, among the slides: fHasMacros ([MS-PPT] 2.4.11)."""
    stream = _head(data, directory, "powerpoint document", limit=len(data))
    found = stream.find(_SLIDES_VBA)
    while found >= 0:
        if stream[found + 20 : found + 24] not in (b"\0\0\0\0", b""):
            return True
        found = stream.find(_SLIDES_VBA, found + 1)
    return False


def _sheet_locked(head: bytes) -> bool:
    """A FilePass record among the first of the workbook ([MS-XLS] 2.4.117)."""
    position = 0
    for _ in range(20):
        if position + 4 > len(head):
            return False
        record, length = struct.unpack_from("<HH", head, position)
        if record == 0x002F:
            return True
        position += 4 + length
    return False
