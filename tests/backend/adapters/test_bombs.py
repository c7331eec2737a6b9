"""Containers made to exhaust whoever opens them: refused in seconds, with little memory."""

from __future__ import annotations

import asyncio
import random
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.adapters.readers import Answer, Bounds, Readers
from app.adapters.sandbox import find_bwrap
from app.domain.errors import Refusal
from tests.backend.adapters.made_office import docx, paragraph

# Seconds of processor, not of a clock: another test beside this one changes nothing.
QUICK = Bounds(cpu=6)
MODEST = 192 << 20
TASK = {"do": "open", "max_pages": 500, "previews": 0, "page_seconds": 9.0}


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    made = Readers(size=1, bwrap=find_bwrap())
    yield made
    made.close()


async def ask(readers: Readers, source: Path, bounds: Bounds = QUICK) -> Answer:
    async with readers.lend() as reader:
        await asyncio.to_thread(shutil.copy, source, reader.box / "in")
        return await readers.ask(reader, TASK, bounds)


def padded(size: int) -> bytes:
    """Packs a hundred times smaller: too well for a picture, too badly for the ratio's limit."""
    chance = random.Random(1)
    block = b"".join(chance.randbytes(600) + bytes(59_400) for _ in range(10))
    return (block * (size // len(block) + 1))[:size]


def overlapping(path: Path) -> Path:
    """5,000 parts that are all the same 200 KB: one gigabyte for the price of one part."""
    docx(path, paragraph("x"))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/media/0.bin", padded(200_000))
        shared = packed.getinfo("word/media/0.bin")
        for number in range(1, 4_000):
            again = zipfile.ZipInfo(f"word/media/{number}.bin")
            for name in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                setattr(again, name, getattr(shared, name))
            packed.filelist.append(again)
    return path


def quoting(path: Path) -> Path:
    """Parts that lie inside one another, each quoting the headers of those behind it."""
    inner = zlib.compressobj(9, zlib.DEFLATED, -15)
    kernel = inner.compress(bytes(900_000)) + inner.flush()
    crc = zlib.crc32(bytes(900_000))
    local = struct.pack(
        "<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 33, crc, len(kernel), 900_000, 5, 0
    )
    docx(path, paragraph("x"))
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("word/stored.bin", (local + b"a.bin" + kernel) * 3)
        outer = packed.getinfo("word/stored.bin")
        for number in range(3):
            quoted = zipfile.ZipInfo("a.bin" if number == 0 else f"{number}.bin")
            quoted.compress_type = zipfile.ZIP_DEFLATED
            quoted.CRC, quoted.compress_size, quoted.file_size = crc, len(kernel), 900_000
            quoted.header_offset = outer.header_offset + 45 + number * (35 + len(kernel))
            packed.filelist.append(quoted)
    return path


def twice(path: Path) -> Path:
    docx(path, paragraph("x"))
    with zipfile.ZipFile(path, "a") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr("word/document.xml", "<x/>")
    return path


def other_case_twice(path: Path) -> Path:
    return docx(path, paragraph("x"), parts={"Word/Document.xml": b"<x/>"})


def lying(path: Path, **claims: int) -> Path:
    """One part whose line in the directory says something else than is true."""
    docx(path, paragraph("x"))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/media/0.bin", padded(50_000_000))
        for name, claimed in claims.items():
            setattr(packed.getinfo("word/media/0.bin"), name, claimed)
    return path


def large(path: Path) -> Path:
    part = padded(70_000_000)
    return docx(path, paragraph("x"), parts={f"word/media/{n}.bin": part for n in range(3)})


def large_inside(path: Path) -> Path:
    """Honest outside; the workbook in it unpacks to what is too much for both together."""
    part = padded(60_000_000)
    parts = {f"xl/media/{n}.bin": part for n in range(4)}
    inner = docx(path.with_suffix(".inner"), paragraph("x"), parts=parts)
    return docx(path, paragraph("x"), parts={"word/embeddings/a.xlsx": inner.read_bytes()})


def flood(lines: int) -> bytes:
    """A directory of nothing but lines, different enough to pack badly."""
    chance = random.Random(1)
    block = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *middle)
        for middle in (
            [20, 20, 0, 0, 0, 33, chance.getrandbits(32), *[0] * 9] for _ in range(1_000)
        )
    )
    directory = block * (lines // 1_000)
    told = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, len(directory), 4, 0)
    return b"PK\x03\x04" + directory + told


def flooded(path: Path) -> Path:
    path.write_bytes(flood(600_000))
    return path


def flooded_inside(path: Path) -> Path:
    return docx(path, paragraph("x"), parts={"word/embeddings/a.zip": flood(1_000_000)})


BOMBS: dict[str, tuple[Callable[[Path], Path], Refusal, str]] = {
    "overlapping": (overlapping, Refusal.TOO_COMPLEX, "unpacks to more than 200 MB"),
    "quoting": (quoting, Refusal.TOO_COMPLEX, "parts that overlap"),
    "twice": (twice, Refusal.BROKEN, "the same part twice"),
    "other case twice": (other_case_twice, Refusal.BROKEN, "the same part twice"),
    "says less": (lambda path: lying(path, file_size=1_000), Refusal.BROKEN, "a damaged container"),
    "says more": (
        lambda path: lying(path, file_size=199_000_000, compress_size=1_000_000),
        Refusal.BROKEN,
        "a damaged container",
    ),
    "says far more": (
        lambda path: lying(path, file_size=4_000_000_000),
        Refusal.TOO_COMPLEX,
        "a part that unpacks more than 200 times",
    ),
    "large": (large, Refusal.TOO_COMPLEX, "unpacks to more than 200 MB"),
    "large inside": (large_inside, Refusal.TOO_COMPLEX, "unpacks to more than 200 MB"),
    "flooded": (flooded, Refusal.TOO_COMPLEX, "more than 5000 parts"),
    "flooded inside": (flooded_inside, Refusal.TOO_COMPLEX, "more than 5000 parts"),
}


@pytest.mark.parametrize("case", BOMBS)
async def test_a_bomb_is_refused_quickly_and_cheaply(
    readers: Readers, tmp_path: Path, case: str
) -> None:
    make, reason, detail = BOMBS[case]
    answer = await ask(readers, make(tmp_path / "a.docx"))
    assert answer.reply is not None, answer.why
    assert answer.reply["refused"] == reason
    assert answer.reply["detail"].startswith(detail)
    assert answer.peak < MODEST, answer.peak >> 20


async def test_a_large_honest_file_is_no_bomb(readers: Readers, tmp_path: Path) -> None:
    parts = {f"word/media/{n}.bin": padded(60_000_000) for n in range(3)}
    source = docx(tmp_path / "a.docx", paragraph("x"), parts=parts)
    answer = await ask(readers, source, Bounds())
    assert answer.reply == {"convert": "docx"}
    assert answer.peak < MODEST
