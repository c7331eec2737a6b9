"""Marks on a page become part of it, drawn as their own words say, or plainly."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String

from tests.backend.adapters.conftest import Prepare
from tests.backend.adapters.made_pdf import changed


def rows_of_ink(path: Path) -> int:
    """How many rows of the first page, drawn at 72 dpi, hold anything dark."""
    document = pypdfium2.PdfDocument(path)
    try:
        drawn = document[0].render(scale=1).to_pil().convert("L")
    finally:
        document.close()
    box = drawn.point(lambda value: 255 * (value < 128)).getbbox()
    return box[3] - box[1] if box else 0


@pytest.mark.parametrize(
    ("style", "rows", "coloured"),
    [
        ("/Helv 40 Tf 1 0 0 rg", 29, True),
        ("/Helv 40. Tf .2 g", 29, False),
        ("/Helv 1.2.3 Tf 1 0 0 rg", 8, True),  # a size that is no number: twelve points
        ("/Helv ... Tf", 8, False),
        ("/Helv 40 Tf 1.0.0 0 0 rg", 29, False),  # a colour that is none: black
        ("/Helv " + "9" * 400 + " Tf", 103, False),
        ("", 8, False),
    ],
)
async def test_a_note_is_written_in_its_own_size_and_colour_where_it_states_them(
    prepare: Prepare, tmp_path: Path, style: str, rows: int, coloured: bool
) -> None:
    def note(pdf: Pdf) -> None:
        written = Dictionary(
            Type=Name.Annot,
            Subtype=Name.FreeText,
            Rect=Array([50, 500, 500, 700]),
            Contents=String("HHH"),
            DA=String(style),
            F=4,
        )
        pdf.pages[0].obj.Annots = Array([pdf.make_indirect(written)])

    prepared = await prepare(changed(tmp_path / "note.pdf", [""], note))

    assert prepared.color_pages == ((1,) if coloured else ())
    assert rows_of_ink(prepared.path) == pytest.approx(rows, abs=2)
