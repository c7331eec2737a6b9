"""Small files that would grow without end: refused in words, at the cost of one child."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream

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
