"""Black & white faces: no pixel of colour is left, whatever brought it; text stays text."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageStat

from app.adapters import pdf as canonical
from app.adapters.bake import Cooked, bake
from app.adapters.gray import MOST_CONTENT, Greyer
from app.domain.print_plan import Choices, PrintType, plan
from tests.backend.adapters import made_colour as made
from tests.backend.adapters.made_colour import coloured, operators, spaces

BOX = "100 100 200 200 re f"


def cook(source: Path, print_type: PrintType, color_pages: tuple[int, ...] = ()) -> Cooked:
    """From a stranger's file to ``ready.pdf`` beside it, as the child does."""
    folder = source.parent
    written = canonical.rewrite(source, folder / "print.pdf", max_pages=99)
    return bake(
        folder / "print.pdf",
        folder / "ready.pdf",
        plan(Choices(print_type), written.pages, color_pages),
        scratch=folder / "scratch",
    )


def look(path: Path, page: int = 1, *, scale: float = 1.0) -> Image.Image:
    document = pypdfium2.PdfDocument(path)
    try:
        picture: Image.Image = document[page - 1].render(scale=scale).to_pil()
        return picture.convert("RGB")
    finally:
        document.close()


def colour_of(picture: Image.Image) -> int:
    """The largest difference between two channels of one pixel."""
    red, green, blue = picture.split()
    pairs = ((red, green), (green, blue), (blue, red))
    # Pillow types one channel and several alike.
    return max(int(ImageChops.difference(*pair).getextrema()[1]) for pair in pairs)  # type: ignore[arg-type]


def words(path: Path) -> str:
    document = pypdfium2.PdfDocument(path)
    try:
        return str(document[0].get_textpage().get_text_bounded())
    finally:
        document.close()


REWRITTEN = {
    "rgb": operators(f"0.9 0.2 0.1 rg {BOX}"),
    "lines": operators("0 0.4 1 RG 9 w 100 100 200 200 re S"),
    "cmyk": operators(f"0.9 0.1 0 0.1 k {BOX}"),
    "after restoring": operators(f"q 1 0 0 rg Q q 0 0 1 rg {BOX} Q"),
    "named": operators(f"/DeviceRGB cs 0.9 0.1 0.5 sc {BOX}"),
    "profile": spaces(f"/P cs 0.1 0.5 0.9 scn {BOX}", P=made.profile(3)),
    "palette": spaces(f"/P cs 1 sc {BOX}", P=made.indexed),
    "a space that comes back": spaces(f"/P cs q 0 1 0 rg Q 1 sc {BOX}", P=made.indexed),
    "black as a spot": spaces(f"/P cs 0.5 scn {BOX} 1 0 0 rg 9 9 9 9 re f", P=made.spot("/Black")),
    "picture": made.picture(),
    "jpeg": made.jpeg(),
    "veiled picture": made.veiled,
    "form": made.form,
    "heir": made.heir,
    "tiles": made.tiles,
}
DRAWN = {
    "spot": spaces(f"/P cs 1 scn {BOX}", P=made.spot("/Rouge")),
    "inline": made.inline,
    "jpeg in inks": made.jpeg("CMYK"),
    "shading": made.shading,
    "shading pattern": made.shading_pattern,
    "glyphs": made.glyphs,
    "mixing": made.mixing,
    "transfer": made.transfer,
}


@pytest.mark.parametrize("way", [*REWRITTEN, *DRAWN])
def test_no_colour_is_left_and_the_darkness_is(way: str, tmp_path: Path) -> None:
    source = coloured(tmp_path / "a.pdf", {**REWRITTEN, **DRAWN}[way])
    before = look(source)

    cooked = cook(source, PrintType.BW)

    after = look(tmp_path / "ready.pdf")
    assert colour_of(before) > 20
    assert colour_of(after) == 0
    assert after.size == before.size
    assert (cooked.rewritten, cooked.drawn) == ((1, 0) if way in REWRITTEN else (0, 1))
    assert ("Ordinary black text" in words(tmp_path / "ready.pdf")) == (way in REWRITTEN)
    small = [
        picture.convert("L").resize((60, 85), Image.Resampling.BOX) for picture in (before, after)
    ]
    # Inks become light differently in every reader, so their darkness is told less exactly.
    allowed = 4 if way in ("cmyk", "black as a spot") else 1.5
    assert ImageStat.Stat(ImageChops.difference(*small)).mean[0] < allowed


def test_grey_pages_keep_their_bytes(tmp_path: Path) -> None:
    source = coloured(tmp_path / "a.pdf", operators("0.5 g 9 9 99 99 re f 0 0 0 rg 9 9 9 9 re f"))

    assert cook(source, PrintType.BW) == Cooked(changed=False)
    assert not (tmp_path / "ready.pdf").exists()


def test_colour_faces_keep_their_colour_and_what_they_share(tmp_path: Path) -> None:
    def logo(pdf: pikepdf.Pdf) -> tuple[str, pikepdf.Dictionary]:
        if "/Logo" not in pdf.Root:
            pdf.Root.Logo = made.picture()(pdf)[1].XObject.Im
        return made.PLACED, pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im=pdf.Root.Logo))

    source = coloured(tmp_path / "a.pdf", logo, logo, operators(""))

    cooked = cook(source, PrintType.BOTH, color_pages=(2,))

    ready = tmp_path / "ready.pdf"
    assert (cooked.rewritten, cooked.drawn) == (1, 0)
    assert colour_of(look(ready, 1)) == 0
    assert ImageChops.difference(look(ready, 2), look(source, 2)).getbbox() is None
    assert ImageChops.difference(look(ready, 3), look(source, 3)).getbbox() is None


def test_colour_orders_are_left_alone(tmp_path: Path) -> None:
    source = coloured(tmp_path / "a.pdf", operators(f"1 0 0 rg {BOX}"))

    assert cook(source, PrintType.COLOR) == Cooked(changed=False)


def test_a_jpeg_stays_a_jpeg_of_the_same_size(tmp_path: Path) -> None:
    cook(coloured(tmp_path / "a.pdf", made.jpeg()), PrintType.BW)

    with pikepdf.open(tmp_path / "ready.pdf") as pdf:
        image = pdf.pages[0].obj.Resources.XObject.Im
        assert [int(image.Width), int(image.Height)] == [400, 300]
        assert image.ColorSpace == pikepdf.Name.DeviceGray
        assert image.Filter == pikepdf.Name.DCTDecode


@pytest.mark.parametrize("way", [*REWRITTEN, *DRAWN])
def test_the_rewriter_alone_knows_what_it_cannot_do(way: str, tmp_path: Path) -> None:
    source = coloured(tmp_path / "a.pdf", {**REWRITTEN, **DRAWN}[way])
    with pikepdf.open(source) as pdf:
        before = bytes(pdf.pages[0].obj.Contents.read_bytes())

        assert Greyer(pdf).rewrite(pdf.pages[0].obj) is (way in REWRITTEN)

        pdf.save(tmp_path / "after.pdf")
        if way in DRAWN:
            assert pdf.pages[0].obj.Contents.read_bytes() == before
        else:
            assert colour_of(look(tmp_path / "after.pdf")) == 0


def test_a_rewriter_that_errs_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Greyer, "rewrite", lambda *_: True)
    source = coloured(tmp_path / "a.pdf", operators(f"1 0 0 rg {BOX}"), operators(""))

    cooked = cook(source, PrintType.BW)

    assert (cooked.rewritten, cooked.drawn) == (0, 1)
    assert colour_of(look(tmp_path / "ready.pdf")) == 0


def test_very_much_drawing_is_drawn(tmp_path: Path) -> None:
    padding = " " * MOST_CONTENT
    source = coloured(tmp_path / "a.pdf", operators(f"1 0 0 rg {padding} {BOX}"))

    assert cook(source, PrintType.BW).drawn == 1
    assert colour_of(look(tmp_path / "ready.pdf")) == 0


def test_a_small_page_is_drawn_as_fine_as_the_paper_shows(tmp_path: Path) -> None:
    """An A6 page fitted to A4 grows twice, so it is drawn at 600 dots to its own inch."""
    source = coloured(tmp_path / "a.pdf", made.shading)
    with pikepdf.open(source, allow_overwriting_input=True) as pdf:
        pdf.pages[0].obj.MediaBox = pikepdf.Array([0, 0, 297, 421])
        pdf.save(source)

    cook(source, PrintType.BW)

    with pikepdf.open(tmp_path / "ready.pdf") as pdf:
        page = pdf.pages[0].obj.Resources.XObject.P0
        assert int(page.Resources.XObject.Im.Width) == pytest.approx(2480, abs=10)
        assert page.BBox == [0, 0, 297, 421]
