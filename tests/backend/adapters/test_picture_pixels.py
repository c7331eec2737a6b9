"""Deep, inked and see-through pictures: the very pixels that reach the paper."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from tests.backend.adapters.conftest import Prepare
from tests.backend.adapters.made_pictures import saved

SIZE = (40, 30)
Pixel = tuple[int, int, int]


def deep_png(path: Path, pixel: tuple[int, int, int]) -> Path:
    """16 bits for each of red, green and blue."""

    def chunk(name: bytes, body: bytes) -> bytes:
        sealed = name + body
        return struct.pack(">I", len(body)) + sealed + struct.pack(">I", zlib.crc32(sealed))

    row = b"\0" + struct.pack(">3H", *pixel) * SIZE[0]
    written = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *SIZE, 16, 2, 0, 0, 0))
    written += chunk(b"IDAT", zlib.compress(row * SIZE[1])) + chunk(b"IEND", b"")
    path.write_bytes(written)
    return path


def deep_tiff(path: Path, pixel: tuple[int, int, int]) -> Path:
    pixels = struct.pack("<3H", *pixel) * (SIZE[0] * SIZE[1])
    depths = 8 + 2 + 10 * 12 + 4
    tags = {256: SIZE[0], 257: SIZE[1], 258: depths, 259: 1, 262: 2, 273: depths + 6, 277: 3}
    tags |= {278: SIZE[1], 279: len(pixels), 284: 1}
    rows = [
        struct.pack("<HHII", tag, *((3, 3) if tag == 258 else (4, 1)), value)
        for tag, value in tags.items()
    ]
    head = b"II*\0" + struct.pack("<IH", 8, len(rows)) + b"".join(rows) + struct.pack("<I", 0)
    path.write_bytes(head + struct.pack("<3H", 16, 16, 16) + pixels)
    return path


def flat(mode: str, colour: tuple[int, ...]) -> Image.Image:
    return Image.new(mode, SIZE, colour)


CASES: dict[str, tuple[Callable[[Path], Path], Pixel]] = {
    "deep.png": (lambda path: deep_png(path, (0xC8FF, 0x1400, 0x8080)), (0xC8, 0x14, 0x80)),
    "deep.tif": (lambda path: deep_tiff(path, (0xC8FF, 0x1400, 0x8080)), (0xC8, 0x14, 0x80)),
    "inks.tif": (lambda path: saved(path, flat("CMYK", (0, 200, 100, 0))), (255, 55, 155)),
    "inks and black.tif": (
        lambda path: saved(path, flat("CMYK", (0, 255, 255, 51)), compression="tiff_lzw"),
        (204, 0, 0),
    ),
    "half.png": (lambda path: saved(path, flat("RGBA", (220, 20, 20, 128))), (237, 137, 137)),
    "half grey.png": (lambda path: saved(path, flat("LA", (0, 128))), (127, 127, 127)),
    "half.tif": (lambda path: saved(path, flat("RGBA", (0, 0, 255, 51))), (204, 204, 255)),
    "clear.tif": (lambda path: saved(path, flat("RGBA", (9, 9, 9, 0))), (255, 255, 255)),
    "half.webp": (
        lambda path: saved(path, flat("RGBA", (220, 20, 20, 128)), lossless=True),
        (237, 137, 137),
    ),
    "clear.webp": (
        lambda path: saved(path, flat("RGBA", (9, 9, 9, 0)), lossless=True, exact=True),
        (255, 255, 255),
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_the_pixels_on_paper_are_exactly_these(
    prepare: Prepare, tmp_path: Path, name: str
) -> None:
    make, expected = CASES[name]

    prepared = await prepare(make(tmp_path / name))

    with pikepdf.open(prepared.path) as pdf:
        image = pdf.pages[0].obj.Resources.XObject.Im
        assert isinstance(image, pikepdf.Stream)
        stored = pikepdf.PdfImage(image).as_pil_image().convert("RGB")
    assert stored.size == SIZE
    assert stored.getcolors() == [(SIZE[0] * SIZE[1], expected)]
    assert prepared.color_pages == (() if len(set(expected)) == 1 else (1,))
