"""Pictures made for the tests."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

CORNERS = {"red": (220, 20, 20), "green": (20, 160, 20), "blue": (20, 20, 220), "grey": (90,) * 3}


def quarters(size: tuple[int, int] = (400, 300), mode: str = "RGB") -> Image.Image:
    """Red at the upper left, then clockwise green, blue, grey: no turn looks like another."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    half = (size[0] // 2, size[1] // 2)
    pen.rectangle((0, 0, half[0] - 1, half[1] - 1), fill=CORNERS["red"])
    pen.rectangle((half[0], 0, size[0], half[1] - 1), fill=CORNERS["green"])
    pen.rectangle((half[0], half[1], size[0], size[1]), fill=CORNERS["blue"])
    pen.rectangle((0, half[1], half[0] - 1, size[1]), fill=CORNERS["grey"])
    return image.convert(mode)


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def png_bomb(path: Path, side: int) -> Path:
    """A PNG of ``side`` times ``side`` pixels that is tiny on disk."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    packer = zlib.compressobj(9)
    row = b"\0" * (1 + (side + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    path.write_bytes(data)
    return path


def old_tiff(path: Path, image: Image.Image) -> Path:
    """A TIFF that holds a whole JPEG, as scanners wrote them before 1995; its pixels come last."""
    held = io.BytesIO()
    image.save(held, "JPEG", quality=90)
    jpeg = held.getvalue()
    depths = 8 + 2 + 12 * 12 + 4
    start = depths + 6
    tags = {256: image.width, 257: image.height, 258: depths, 259: 6, 262: 6, 273: start}
    tags |= {277: 3, 278: image.height, 279: len(jpeg), 284: 1, 513: start, 514: len(jpeg)}
    rows = [
        struct.pack("<HHII", tag, *((3, 3) if tag == 258 else (4, 1)), value)
        for tag, value in tags.items()
    ]
    head = b"II*\0" + struct.pack("<IH", 8, len(rows)) + b"".join(rows) + struct.pack("<I", 0)
    path.write_bytes(head + struct.pack("<3H", 8, 8, 8) + jpeg)
    return path
