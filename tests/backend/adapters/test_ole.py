"""Compound files made by hand: what the directory and one stream tell, and damage of all kinds."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from app.adapters import ole
from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal

FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
STORAGE, STREAM, ROOT = 1, 2, 5


def compound(entries: dict[str, bytes | None], *, shift: int = 9, small: bool = False) -> bytes:
    """A compound file: streams with their content, storages with None. Every stream lies in the
    ordinary sectors, filled up to 4,096 bytes; ``small`` puts each among the root's as it is."""
    size = 1 << shift
    sectors: list[bytes] = []
    table: list[int] = []

    def store(data: bytes) -> int:
        first = len(sectors)
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        sectors.extend(part.ljust(size, b"\0") for part in parts)
        table.extend([*range(first + 1, first + len(parts)), END])
        return first

    lines = [b""]
    pieces, following = b"", list[int]()
    for name, data in entries.items():
        if data is None:
            lines.append(entry(name, STORAGE, 0, 0))
        elif small:
            lines.append(entry(name, STREAM, len(following), len(data)))
            pieces += data.ljust(-(-len(data) // 64) * 64, b"\0")
            following += [*range(len(following) + 1, len(pieces) // 64), END]
        else:
            whole = data.ljust(4_096, b"\0")
            lines.append(entry(name, STREAM, store(whole), len(whole)))
    root, pieces_table = END, END
    if small:
        root = store(pieces)
        pieces_table = store(struct.pack(f"<{len(following)}I", *following).ljust(size, b"\xff"))
    lines[0] = entry("Root Entry", ROOT, root, len(pieces))
    directory = store(b"".join(lines))
    own = len(sectors)
    # As many sectors for the table as it needs to name the document's and its own.
    count = 1
    while count * size // 4 < own + count:
        count += 1
    table += [FAT] * count
    table += [FREE] * (count * size // 4 - len(table))
    sectors += [
        struct.pack(f"<{size // 4}I", *table[at : at + size // 4])
        for at in range(0, len(table), size // 4)
    ]
    places = [*range(own, own + count)] + [FREE] * (109 - count)
    header = ole.MAGIC + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, shift, 6) + bytes(10)
    header += struct.pack("<8I", count, directory, 0, 4_096, pieces_table, 0, END, 0)
    header += struct.pack("<109I", *places)
    return header.ljust(size, b"\0") + b"".join(sectors)


def entry(name: str, kind: int, start: int, size: int) -> bytes:
    written = name.encode("utf-16-le") + b"\0\0"
    line = written.ljust(64, b"\0") + struct.pack("<HBB3I", len(written), kind, 1, *[FREE] * 3)
    return line.ljust(116, b"\0") + struct.pack("<IQ", start, size)


def look(tmp_path: Path, data: bytes) -> Kind | Refusal:
    source = tmp_path / "a"
    source.write_bytes(data)
    try:
        return ole.inspect(source)
    except DocumentRefused as refused:
        return refused.reason


def word(*, encrypted: bool = False) -> bytes:
    return struct.pack("<6H", 0xA5EC, 0xC1, 0, 0x409, 0, 0x0100 if encrypted else 0)


def sheet(*, locked: bool = False, types: tuple[int, ...] = (0,), before: int = 0) -> bytes:
    """Records about a workbook, ``before`` bytes of fonts, and its sheets of these ``types``."""
    held = struct.pack("<HHHH", 0x0809, 4, 0x0600, 5)
    if locked:
        held += struct.pack("<HHH", 0x002F, 2, 1)
    held += struct.pack("<HH", 0x0031, before) + bytes(before)
    for kind in types:
        held += struct.pack("<HHIBBBB", 0x0085, 9, 0, 0, kind, 1, 0) + b"x"
    return held + struct.pack("<HH", 0x0A, 0)


def slides(*, macros: int | None = None, before: int = 0) -> bytes:
    """Records of a presentation, with a VBAInfoContainer when ``macros`` is its fHasMacros."""
    held = struct.pack("<HHI", 0x000F, 0x03E8, 0) + bytes(before)
    if macros is not None:
        held += struct.pack("<HHI", 0x001F, 0x03FF, 20)
        held += struct.pack("<HHIIII", 0x0002, 0x0400, 12, 7, macros, 2)
    return held


DOCUMENT, BOOK, SHOW = "WordDocument", "Workbook", "PowerPoint Document"
FILES: dict[str, tuple[dict[str, bytes | None], Kind | Refusal]] = {
    "doc": ({DOCUMENT: word(), "1Table": b""}, Kind.DOC),
    "xls": ({BOOK: sheet()}, Kind.XLS),
    "old xls": ({"Book": sheet()}, Kind.XLS),
    "ppt": ({SHOW: slides()}, Kind.PPT),
    "small letters": ({DOCUMENT.lower(): word()}, Kind.DOC),
    "another program": ({"__properties_version1.0": b""}, Refusal.UNSUPPORTED),
    "nothing": ({}, Refusal.UNSUPPORTED),
    "locked doc": ({DOCUMENT: word(encrypted=True)}, Refusal.LOCKED),
    "locked xls": ({BOOK: sheet(locked=True)}, Refusal.LOCKED),
    "locked old xls": ({"Book": sheet(locked=True)}, Refusal.LOCKED),
    "locked ppt": ({SHOW: slides(), "EncryptedSummary": b""}, Refusal.LOCKED),
    "locked docx": ({"EncryptedPackage": b"", "EncryptionInfo": b""}, Refusal.LOCKED),
    "docm": ({DOCUMENT: word(), "Macros": None}, Refusal.MACROS),
    "docm, in capitals": ({DOCUMENT: word(), "MACROS": None}, Refusal.MACROS),
    "docm, deeper": ({DOCUMENT: word(), "ObjectPool": None, "VBA": None}, Refusal.MACROS),
    "xlsm": ({BOOK: sheet(), "_VBA_PROJECT_CUR": None}, Refusal.MACROS),
    "Excel 4 macros": ({BOOK: sheet(types=(0, 1))}, Refusal.MACROS),
    "Excel 4 macros, far behind": ({BOOK: sheet(types=(1,), before=60_000)}, Refusal.MACROS),
    "an Excel 5 module": ({"Book": sheet(types=(0, 6))}, Refusal.MACROS),
    "xls with a chart": ({BOOK: sheet(types=(0, 2))}, Kind.XLS),
    "pptm": ({SHOW: slides(macros=1)}, Refusal.MACROS),
    "pptm, far behind": ({SHOW: slides(macros=1, before=90_000)}, Refusal.MACROS),
    "ppt, empty project": ({SHOW: slides(macros=0)}, Kind.PPT),
    "locked docm": ({DOCUMENT: word(encrypted=True), "Macros": None}, Refusal.LOCKED),
}


@pytest.mark.parametrize("shift", [9, 12])
@pytest.mark.parametrize("case", FILES)
def test_the_directory_and_one_stream_tell_what_a_file_is(
    tmp_path: Path, case: str, shift: int
) -> None:
    entries, expected = FILES[case]
    assert look(tmp_path, compound(entries, shift=shift)) is expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"Note": b"x" * 200, BOOK: sheet(before=900)}, Kind.XLS),
        ({"Note": b"x" * 200, BOOK: sheet(locked=True)}, Refusal.LOCKED),
        ({"Note": b"x" * 200, BOOK: sheet(types=(0, 1), before=900)}, Refusal.MACROS),
        ({DOCUMENT: word(encrypted=True), "1Table": b"x"}, Refusal.LOCKED),
        ({SHOW: slides(macros=1, before=900)}, Refusal.MACROS),
    ],
)
def test_what_a_small_file_holds_is_looked_at_as_well(
    tmp_path: Path, entries: dict[str, bytes | None], expected: Kind | Refusal
) -> None:
    data = compound(entries, small=True)
    assert look(tmp_path, data) is expected
    circle = bytearray(data)
    at = (struct.unpack_from("<I", data, 60)[0] + 1) * 512
    struct.pack_into("<I", circle, at, 0)  # the first piece follows itself
    assert look(tmp_path, bytes(circle)) in {*Refusal, *Kind}


def patched(place: int, form: str, *values: int) -> bytes:
    data = bytearray(compound({DOCUMENT: word(), "Macros": None}))
    struct.pack_into(form, data, place, *values)
    return bytes(data)


def test_damage_is_no_surprise(tmp_path: Path) -> None:
    whole = compound({DOCUMENT: word()})
    damaged = {
        "only its mark": ole.MAGIC,
        "half a header": whole[:300],
        "only its header": whole[:512],
        "sector size 2": patched(30, "<H", 1),
        "sector size 2 GB": patched(30, "<H", 31),
        "directory far away": patched(48, "<I", 0x00FFFFFF),
        "directory nowhere": patched(48, "<I", END),
    }
    for case, data in damaged.items():
        assert look(tmp_path, data) is Refusal.BROKEN, case


def test_chains_in_circles_end(tmp_path: Path) -> None:
    """The directory's sector follows itself; the table's list of sectors does as well."""
    entries: dict[str, bytes | None] = {DOCUMENT: word(), "Macros": None}
    data = bytearray(compound(entries))
    directory = struct.unpack_from("<I", data, 48)[0]
    table = struct.unpack_from("<I", data, 76)[0]
    struct.pack_into("<I", data, (table + 1) * 512 + directory * 4, directory)
    assert look(tmp_path, bytes(data)) is Refusal.MACROS

    struct.pack_into("<I", data, 68, 0)  # more of the list lies in sector 0, again and again
    struct.pack_into("<I", data, 512 + 508, 0)
    assert look(tmp_path, bytes(data)) is Refusal.MACROS


def test_every_cut_of_a_file_is_a_kind_or_a_refusal(tmp_path: Path) -> None:
    whole = compound({DOCUMENT: word(), "1Table": b"x" * 5_000, "Macros": None})
    met = {look(tmp_path, whole[:length]) for length in range(8, len(whole) + 1, 97)}
    assert look(tmp_path, whole) is Refusal.MACROS
    # Where only the line that names the macros is lost, so are they.
    assert met <= {Refusal.BROKEN, Refusal.MACROS, Refusal.UNSUPPORTED, Kind.DOC}
