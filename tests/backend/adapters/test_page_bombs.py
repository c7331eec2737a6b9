"""Small files that would grow without end: refused in words, at the cost of one child."""

from __future__ import annotations

import io
import shutil
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream
from PIL import Image

from app.adapters.intake import Intake
from app.adapters.readers import Bounds
from app.domain.errors import DocumentRefused, Refusal
from tests.backend.adapters import made_pdf
from tests.backend.adapters.conftest import LIMITS, Prepare
from tests.backend.adapters.made_pdf import BLACK, by_hand, changed

CATALOGUE = "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj"
MAX_BYTES = 1_000_000


@pytest.fixture(scope="module")
def impatient() -> Iterator[Intake]:
    """Half the usual memory, and a second for each page: what is refused is refused sooner."""
    made = Intake.detect(page_seconds=1.0, concurrency=1, bounds=Bounds(memory=512 << 20, wall=20))
    yield made
    made.close()


def many_pages(path: Path) -> Path:
    return made_pdf.page_bomb(path, 40_000)


def one_page_named_often(path: Path) -> Path:
    kids = "3 0 R " * 150_000
    page = "3 0 obj<</Type/Page/MediaBox[0 0 9 9]>>endobj"
    return by_hand(path, [CATALOGUE, f"2 0 obj<</Type/Pages/Kids[{kids}]>>endobj", page])


def tree_without_a_page(path: Path) -> Path:
    """Ten levels, each naming the next nine times, and nothing at the end."""
    rows = [
        f"{level} 0 obj<</Type/Pages/Kids[{f'{level + 1} 0 R ' * 9}]>>endobj"
        for level in range(2, 12)
    ]
    return by_hand(path, [CATALOGUE, *rows, "12 0 obj<</Type/Pages/Kids[]>>endobj"])


def deep_tree(path: Path) -> Path:
    rows = [
        f"{level} 0 obj<</Type/Pages/Count 1/Kids[{level + 1} 0 R]>>endobj"
        for level in range(2, 12_000)
    ]
    return by_hand(path, [CATALOGUE, *rows, "12000 0 obj<</Type/Page/MediaBox[0 0 9 9]>>endobj"])


def deep_words(path: Path) -> Path:
    nested = "<</A " * 140_000 + "1" + ">>" * 140_000
    tree = "2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj"
    page = f"3 0 obj<</Type/Page/MediaBox[0 0 9 9]/Resources<</X {nested}>>>>endobj"
    return by_hand(path, [CATALOGUE, tree, page])


def long_content(path: Path) -> Path:
    """520 MB of blanks in 520 KB."""
    packer, blanks = zlib.compressobj(9), b" " * (1 << 20)
    packed = b"".join(packer.compress(blanks) for _ in range(520)) + packer.flush()

    def fill(pdf: Pdf) -> None:
        content = Stream(pdf, packed)
        content.Filter = Name.FlateDecode
        pdf.pages[0].obj.Contents = pdf.make_indirect(content)

    return changed(path, [""], fill)


def many_strokes(path: Path) -> Path:
    return made_pdf.operator_bomb(path, 2_000_000)


@pytest.mark.parametrize(
    ("bomb", "reason", "words"),
    [
        (many_pages, Refusal.TOO_MANY_PAGES, "more than 500 pages"),
        (one_page_named_often, Refusal.TOO_MANY_PAGES, "more than 500 pages"),
        (made_pdf.folded_page_bomb, Refusal.TOO_MANY_PAGES, "more than 500 pages"),
        (tree_without_a_page, Refusal.TOO_COMPLEX, "more than 20000 branches of pages"),
        (deep_tree, Refusal.BROKEN, "the page tree turns in a circle"),
        (deep_words, Refusal.BROKEN, "a page is missing"),
        (long_content, Refusal.TOO_COMPLEX, ""),
        (many_strokes, Refusal.TOO_COMPLEX, ""),
        (made_pdf.nested_forms, Refusal.TOO_COMPLEX, ""),
    ],
)
async def test_a_bomb_is_refused_in_words_and_the_next_file_is_read(
    impatient: Intake, tmp_path: Path, bomb: Callable[[Path], Path], reason: Refusal, words: str
) -> None:
    source = bomb(tmp_path / "bomb.pdf")
    assert source.stat().st_size < MAX_BYTES
    before = psutil.Process().memory_info().rss

    started = time.monotonic()
    with pytest.raises(DocumentRefused) as caught:
        await impatient.prepare(source, tmp_path / "work", limits=LIMITS)

    assert caught.value.reason is reason
    assert words in caught.value.detail
    assert time.monotonic() - started < 25
    assert psutil.Process().memory_info().rss - before < 20 << 20
    assert list((tmp_path / "work").iterdir()) == []
    fine = made_pdf.make(tmp_path / "fine.pdf", [BLACK])
    assert (await impatient.prepare(fine, tmp_path / "next", limits=LIMITS)).pages == 1


async def test_a_form_that_draws_itself_is_drawn_once(prepare: Prepare, tmp_path: Path) -> None:
    def bite(pdf: Pdf) -> None:
        form = pdf.make_stream(b"/X Do 1 0 0 rg 0 0 99 99 re f")
        form.Type, form.Subtype, form.BBox = Name.XObject, Name.Form, Array([0, 0, 99, 99])
        form.Resources = Dictionary(XObject=Dictionary(X=form))
        pdf.pages[0].obj.Resources.XObject = Dictionary(X=form)

    prepared = await prepare(changed(tmp_path / "tail.pdf", ["/X Do"], bite))

    assert (prepared.pages, prepared.color_pages) == (1, (1,))


def flate_image(side: int) -> dict[str, object]:
    packer, row = zlib.compressobj(9), b"\xc8\x0a\x0a" * side
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    entries = {"Filter": Name.FlateDecode, "ColorSpace": Name.DeviceRGB, "BitsPerComponent": 8}
    return {"data": packed, "Width": side, "Height": side, **entries}


def jpx_image(side: int) -> dict[str, object]:
    held = io.BytesIO()
    red = Image.new("RGB", (side, side), (200, 10, 10))
    red.save(held, "JPEG2000", tile_size=(1024, 1024))
    return {"data": held.getvalue(), "Width": side, "Height": side, "Filter": Name.JPXDecode}


def jpx_that_lies(side: int) -> dict[str, object]:
    """64 pixels wide and high; every head says ``side``."""
    small = jpx_image(64)["data"]
    assert isinstance(small, bytes)
    data = small.replace((64).to_bytes(4, "big"), side.to_bytes(4, "big"))
    return {"data": data, "Width": side, "Height": side, "Filter": Name.JPXDecode}


def jbig2_image(side: int) -> dict[str, object]:
    """A page of ``side`` and one generic region of the same size with hardly any data."""
    region = struct.pack(">4IBB", side, side, 0, 0, 0, 0) + b"\x03\xff\xfd\xff\x02\xfe\xfe\xfe"
    region += bytes(100)
    data = struct.pack(">IBBBI", 0, 48, 0, 1, 19) + struct.pack(">4IBH", side, side, 0, 0, 0, 0)
    data += struct.pack(">IBBBI", 1, 38, 0, 1, len(region)) + region
    entries = {"Filter": Name.JBIG2Decode, "ColorSpace": Name.DeviceGray, "BitsPerComponent": 1}
    return {"data": data, "Width": side, "Height": side, **entries}


@pytest.mark.parametrize(
    ("make", "side", "coloured"),
    [
        (flate_image, 8_000, [1]),
        (jpx_image, 4_000, [1]),
        (jpx_that_lies, 60_000, []),  # cannot be decoded: nothing is drawn
        (jbig2_image, 30_000, []),
    ],
)
async def test_a_huge_picture_in_a_small_pdf_stays_within_the_limits(
    intake: Intake,
    tmp_path: Path,
    make: Callable[[int], dict[str, object]],
    side: int,
    coloured: list[int],
) -> None:
    def hang(pdf: Pdf) -> None:
        entries = make(side)
        data = entries.pop("data")
        assert isinstance(data, bytes)
        image = Stream(pdf, data)
        image.Type, image.Subtype = Name.XObject, Name.Image
        for key, value in entries.items():
            image[f"/{key}"] = value
        pdf.pages[0].obj.Resources.XObject = Dictionary(X=pdf.make_indirect(image))

    source = changed(tmp_path / "huge.pdf", ["q 500 0 0 500 9 9 cm /X Do Q"], hang)
    assert source.stat().st_size < MAX_BYTES
    task = {"do": "open", "max_pages": 9, "previews": 1, "page_seconds": 20.0}
    started = time.monotonic()
    async with intake._readers.lend() as reader:
        shutil.copy(source, reader.box / "in")
        answer = await intake._readers.ask(reader, task, Bounds())

    assert answer.reply is not None, answer.why
    assert (answer.reply["pages"], answer.reply["color_pages"]) == (1, coloured)
    assert answer.peak < 400 << 20
    assert time.monotonic() - started < 20
