"""Files that end too early in ways their readers do not notice: refused, not sold in part."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from app.adapters import ole
from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal
from tests.backend.adapters.conftest import Prepare, Refused
from tests.backend.adapters.made_office import compound
from tests.backend.adapters.made_pdf import by_hand
from tests.backend.adapters.made_pictures import old_tiff

PAGE = "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents {} 0 R>>endobj"
GREY, RED = ("0.5 g 0 0 99 99 re f", "1 0 0 rg 0 0 99 99 re f")


def saved_twice(path: Path) -> bytes:
    """A grey page; then a change was saved behind its end: the page is red."""
    first = by_hand(
        path,
        [
            "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
            "2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj",
            PAGE.format(4),
            f"4 0 obj<</Length {len(GREY)}>>stream\n{GREY}\nendstream endobj",
        ],
    ).read_bytes()
    place = len(first)
    changed = f"4 0 obj<</Length {len(RED)}>>stream\n{RED}\nendstream endobj\n"
    written = first + changed.encode()
    before = first[first.rindex(b"startxref") :].split()[1].decode()
    table = f"xref\n4 1\n{place:010} 00000 n \ntrailer<</Root 1 0 R/Size 5/Prev {before}>>\n"
    return written + table.encode() + f"startxref\n{len(written)}\n%%EOF\n".encode()


async def test_a_pdf_whose_last_change_is_cut_off_is_not_sold_as_it_was_before(
    prepare: Prepare, refused: Refused, tmp_path: Path
) -> None:
    source = tmp_path / "twice.pdf"
    whole = saved_twice(source)
    source.write_bytes(whole)
    assert (await prepare(source)).color_pages == (1,)

    first_end = whole.index(b"%%EOF") + len(b"%%EOF\n")
    for place in (
        first_end + len(b"4 0 obj"),
        whole.index(RED.encode()) + 4,
        whole.rindex(b"xref\n4 1") + 4,
        whole.rindex(b"/Prev"),
        whole.rindex(b"startxref"),
    ):
        source.write_bytes(whole[:place])
        assert await refused(source) is Refusal.BROKEN, whole[first_end:place]

    # Where nothing of the change came, nobody can tell.
    source.write_bytes(whole[:first_end])
    assert (await prepare(source)).color_pages == ()


async def test_a_scan_whose_jpeg_is_cut_off_is_not_filled_up_with_grey(
    prepare: Prepare, refused: Refused, tmp_path: Path
) -> None:
    source = old_tiff(tmp_path / "old.tif", Image.effect_noise((300, 300), 90).convert("RGB"))
    whole = source.read_bytes()
    assert (await prepare(source)).pages == 1

    for share in (0.3, 0.6, 0.9):
        source.write_bytes(whole[: int(len(whole) * share)])
        assert await refused(source) is Refusal.BROKEN
    source.write_bytes(whole[:-1])
    assert await refused(source) is Refusal.BROKEN


def test_an_old_word_file_with_a_stream_beyond_its_end_is_broken(tmp_path: Path) -> None:
    """LibreOffice would print what is left of it."""
    source = compound(tmp_path / "a.doc", "WordDocument", bytes(8) + b"x" * 6000)
    whole = source.read_bytes()
    assert ole.inspect(source) is Kind.DOC
    padding = 512 - 6008 % 512

    source.write_bytes(whole[:-padding])  # what no stream needs may be missing
    assert ole.inspect(source) is Kind.DOC
    for length in (len(whole) - padding - 1, 3 * 512 + 1, 3 * 512, 2 * 512 + 40, 2 * 512):
        source.write_bytes(whole[:length])
        with pytest.raises(DocumentRefused) as caught:
            ole.inspect(source)
        assert caught.value.reason is Refusal.BROKEN, length
