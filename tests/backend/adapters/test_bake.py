"""What is planned is what lies in the print-ready file: order, places, sizes, blanks, bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from app.adapters import pdf as canonical
from app.adapters.bake import Cooked, bake
from app.domain.errors import DocumentRefused, Refusal
from app.domain.print_plan import (
    MM,
    Choices,
    Orientation,
    Paper,
    Plan,
    PrintType,
    Scaling,
    Sides,
    plan,
)
from tests.backend.adapters.made_pdf import A4, BLACK, make
from tests.backend.adapters.test_gray import colour_of, look

# Page n is a full sheet of its own colour, so that a look at a cell tells which page it is.
COLOURS = [
    *((230, 25, 75), (60, 180, 75), (255, 225, 25), (0, 130, 200), (245, 130, 48)),
    *((145, 30, 180), (70, 240, 240), (240, 50, 230), (128, 128, 0)),
]


def sheets(path: Path, pages: int, *, size: tuple[int, int] = A4) -> Path:
    contents = []
    for red, green, blue in COLOURS[:pages]:
        shade = f"{red / 255:.4f} {green / 255:.4f} {blue / 255:.4f}"
        contents.append(f"{shade} rg 0 0 {size[0]} {size[1]} re f")
    return make(path, contents, size=size)


def planned(document: int, print_type: PrintType = PrintType.COLOR, **wishes: Any) -> Plan:
    return plan(Choices(print_type, **wishes), document, ())


def cook(source: Path, wanted: Plan) -> Cooked:
    folder = source.parent
    canonical.rewrite(source, folder / "print.pdf", max_pages=99)
    return bake(folder / "print.pdf", folder / "ready.pdf", wanted, scratch=folder / "scratch")


def page_at(picture: Image.Image, across: float, down: float) -> int:
    """The page seen at this part of the picture; 0 for bare paper."""
    pixel = picture.getpixel((int(across * picture.width), int(down * picture.height)))
    assert isinstance(pixel, tuple)
    if pixel == (255, 255, 255):
        return 0
    return 1 + min(
        range(len(COLOURS)),
        key=lambda n: sum(abs(a - b) for a, b in zip(COLOURS[n], pixel, strict=True)),
    )


def seen(path: Path) -> list[int]:
    """The page in the middle of every face."""
    document = pypdfium2.PdfDocument(path)
    count = len(document)
    document.close()
    return [page_at(look(path, number), 0.5, 0.5) for number in range(1, count + 1)]


def sizes_mm(path: Path) -> list[tuple[int, int]]:
    document = pypdfium2.PdfDocument(path)
    try:
        return [(round(page.get_width() / MM), round(page.get_height() / MM)) for page in document]
    finally:
        document.close()


@pytest.mark.parametrize("size", [A4, (597, 840), (842, 595)])
def test_pages_that_are_the_paper_stay_as_they_are(size: tuple[int, int], tmp_path: Path) -> None:
    source = sheets(tmp_path / "a.pdf", 3, size=size)

    assert cook(source, planned(3)) == Cooked(changed=False)
    assert cook(source, planned(3, copies=7)) == Cooked(changed=False)
    assert not (tmp_path / "ready.pdf").exists()


@pytest.mark.parametrize("print_type", PrintType)
@pytest.mark.parametrize(
    "size",
    {
        "A3": (842, 1191),
        "A5": (420, 595),
        "Letter": (612, 792),
        "A3 on its side": (1191, 842),
        "a strip": (14_400, 100),
        "a ribbon": (100, 14_400),
        "2 pt too wide for A4": (598, 842),
    }.values(),
)
def test_any_other_page_is_fitted_to_the_paper_whole(
    size: tuple[int, int], print_type: PrintType, tmp_path: Path
) -> None:
    """A page of one shade: all of it lies on A4, as large as that allows, in the middle."""
    source = sheets(tmp_path / "a.pdf", 2, size=size)

    cooked = cook(source, plan(Choices(print_type), 2, (1, 2)))

    ready = tmp_path / "ready.pdf"
    lying = size[0] > size[1]
    assert cooked.changed
    assert sizes_mm(ready) == [(297, 210) if lying else (210, 297)] * 2
    paper = (841.89, 595.276) if lying else (595.276, 841.89)
    grown = min(paper[0] / size[0], paper[1] / size[1])
    covered = [side * grown for side in size]
    edges = [(paper[at % 2] + sign * covered[at % 2]) / 2 for at, sign in enumerate((-1, -1, 1, 1))]
    for number in (1, 2):
        picture = look(ready, number, scale=2)
        ink = picture.convert("L").point(lambda value: 255 if value < 250 else 0).getbbox()
        assert ink is not None
        assert [edge / 2 for edge in ink] == pytest.approx(edges, abs=1.5)
        if print_type is PrintType.BW:
            assert colour_of(picture) == 0
        else:
            assert page_at(picture, 0.5, 0.5) == number


def test_only_the_pages_that_are_not_the_paper_are_laid_out(tmp_path: Path) -> None:
    """A scan among the pages of a letter: the letter's own pages keep their boxes and operators."""
    source = make(tmp_path / "a.pdf", [BLACK, BLACK, BLACK])
    with pikepdf.open(source, allow_overwriting_input=True) as pdf:
        pdf.pages[1].obj.MediaBox = pikepdf.Array([0, 0, 612, 792])
        pdf.save(source)

    cook(source, planned(3))

    with pikepdf.open(tmp_path / "ready.pdf") as pdf:
        boxes = [[float(edge) for edge in page.obj.MediaBox] for page in pdf.pages]
        drawn = [page.obj.Contents.read_bytes() for page in pdf.pages]
    assert boxes == [[0, 0, 595, 842], [0, 0, 595.276, 841.89], [0, 0, 595, 842]]
    assert drawn[0] == drawn[2] == BLACK.encode()
    assert b"0.972673" in drawn[1], "595.276 / 612"


def test_a_page_that_says_it_is_packed_and_is_not_is_fitted_as_it_was_seen(
    tmp_path: Path,
) -> None:
    """The reader that intake asked goes on without unpacking it."""
    source = sheets(tmp_path / "a.pdf", 2, size=(612, 792))
    with pikepdf.open(source, allow_overwriting_input=True) as pdf:
        first = pdf.pages[0].obj.Contents
        first.write(first.read_bytes(), filter=pikepdf.Name.FlateDecode)
        pdf.save(source)

    assert seen(source) == [1, 2]

    cook(source, planned(2))

    assert sizes_mm(tmp_path / "ready.pdf") == [(210, 297)] * 2
    assert seen(tmp_path / "ready.pdf") == [1, 2]


def test_pages_of_another_paper_that_is_asked_for_stay_as_they_are(tmp_path: Path) -> None:
    source = sheets(tmp_path / "a.pdf", 1, size=(612, 792))

    assert cook(source, planned(1, paper=Paper.LETTER)) == Cooked(changed=False)


def test_only_the_chosen_pages_come_out(tmp_path: Path) -> None:
    cooked = cook(sheets(tmp_path / "a.pdf", 6), planned(6, pages=(2, 3, 6)))

    assert seen(tmp_path / "ready.pdf") == [2, 3, 6]
    assert cooked == Cooked(True)


def test_a_copy_of_odd_length_ends_with_a_blank_back(tmp_path: Path) -> None:
    cook(sheets(tmp_path / "a.pdf", 3), planned(3, sides=Sides.LONG_EDGE, copies=2))

    assert seen(tmp_path / "ready.pdf") == [1, 2, 3, 0]
    assert sizes_mm(tmp_path / "ready.pdf") == [(210, 297)] * 4


@pytest.mark.parametrize(
    ("per_sheet", "paper", "cells"),
    [
        (2, (297, 210), [[1, 2]]),
        (4, (210, 297), [[1, 2], [3, 4]]),
        (6, (297, 210), [[1, 2, 3], [4, 5, 6]]),
        (9, (210, 297), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
    ],
)
def test_several_pages_on_a_side_are_read_as_a_book(
    per_sheet: int, paper: tuple[int, int], cells: list[list[int]], tmp_path: Path
) -> None:
    cook(sheets(tmp_path / "a.pdf", per_sheet), planned(per_sheet, per_sheet=per_sheet))

    ready = tmp_path / "ready.pdf"
    picture = look(ready)
    rows, columns = len(cells), len(cells[0])
    found = [
        [page_at(picture, (x + 0.5) / columns, (y + 0.5) / rows) for x in range(columns)]
        for y in range(rows)
    ]
    assert sizes_mm(ready) == [paper]
    assert found == cells
    assert page_at(picture, 0.005, 0.5) == page_at(picture, 0.5, 0.995) == 0


def test_the_last_side_may_be_half_empty(tmp_path: Path) -> None:
    cook(sheets(tmp_path / "a.pdf", 5), planned(5, per_sheet=4))

    last = look(tmp_path / "ready.pdf", 2)
    assert page_at(last, 0.25, 0.25) == 5
    assert page_at(last, 0.75, 0.25) == page_at(last, 0.25, 0.75) == 0


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("origin", [(0, 0), (-100, 50)])
def test_turned_pages_stand_as_they_are_seen(
    turned: int, origin: tuple[int, int], tmp_path: Path
) -> None:
    """A red foot on a page of any turn and origin: put on A3, it looks the same."""
    left, bottom = origin
    source = make(tmp_path / "a.pdf", [f"1 0 0 rg {left} {bottom} 400 40 re f"], size=(400, 200))
    with pikepdf.open(source, allow_overwriting_input=True) as pdf:
        pdf.pages[0].obj.MediaBox = pikepdf.Array([left, bottom, left + 400, bottom + 200])
        pdf.pages[0].obj.Rotate = turned
        pdf.save(source)

    cook(source, planned(1, paper=Paper.A3))

    before = look(source).getchannel("G").point(lambda value: 255 - value).getbbox()
    whole = look(tmp_path / "ready.pdf")
    after = whole.getchannel("G").point(lambda value: 255 - value).getbbox()
    assert before is not None
    assert after is not None
    grown = 1190.55 / 400
    width, height = (400, 200) if turned % 180 == 0 else (200, 400)
    left_over = (whole.width - width * grown) / 2, (whole.height - height * grown) / 2
    expected = [edge * grown + left_over[at % 2] for at, edge in enumerate(before)]
    assert list(after) == pytest.approx(expected, abs=2)


def test_actual_size_is_measured_in_millimetres(tmp_path: Path) -> None:
    source = sheets(tmp_path / "a.pdf", 1, size=(283, 142))  # 100 x 50 mm
    cook(source, planned(1, scaling=Scaling.ACTUAL))

    ready = tmp_path / "ready.pdf"
    picture = look(ready, scale=300 / 72)
    box = picture.getchannel("B").point(lambda value: 255 - value).getbbox()
    assert sizes_mm(ready) == [(297, 210)]
    assert box is not None
    assert (box[2] - box[0]) / 300 * 25.4 == pytest.approx(100, abs=0.3)
    assert (box[3] - box[1]) / 300 * 25.4 == pytest.approx(50, abs=0.3)
    assert box[0] / 300 * 25.4 == pytest.approx((297 - 100) / 2, abs=0.3)


def test_paper_and_orientation_are_those_asked_for(tmp_path: Path) -> None:
    wanted = planned(2, paper=Paper.LEGAL, orientation=Orientation.LANDSCAPE)
    cook(sheets(tmp_path / "a.pdf", 2), wanted)

    assert sizes_mm(tmp_path / "ready.pdf") == [(356, 216)] * 2
    assert seen(tmp_path / "ready.pdf") == [1, 2]
    assert page_at(look(tmp_path / "ready.pdf"), 0.1, 0.5) == 0


def test_black_and_white_sides_of_several_pages_have_no_colour(tmp_path: Path) -> None:
    cook(sheets(tmp_path / "a.pdf", 4), planned(4, PrintType.BW, per_sheet=2))

    for number in (1, 2):
        picture = look(tmp_path / "ready.pdf", number)
        assert colour_of(picture) == 0
        # Pillow types one channel and several alike.
        assert picture.getextrema()[0][0] < 200  # type: ignore[index]


def test_the_same_document_and_plan_give_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        source = sheets(tmp_path / name / f"{name}.pdf", 5)
        cook(source, planned(5, PrintType.BW, per_sheet=2, sides=Sides.SHORT_EDGE, copies=3))
        made.append((tmp_path / name / "ready.pdf").read_bytes())

    assert made[0] == made[1]


def test_a_plan_for_another_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentRefused) as refused:
        cook(sheets(tmp_path / "a.pdf", 3), planned(4))

    assert refused.value.reason is Refusal.PAGE_COUNT_UNSURE
