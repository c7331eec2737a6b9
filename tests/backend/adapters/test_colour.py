"""Which pages need the colour printer, against a person's labels."""

from __future__ import annotations

import time
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Dictionary, Name, Pdf

from app.adapters import render
from app.adapters.colour import GreyProof, plain_operators
from tests.backend.adapters import made_pdf
from tests.backend.adapters.coloured_pages import DRAWINGS, PICTURES
from tests.backend.adapters.conftest import Prepare


async def test_pictures_are_judged_as_a_person_judges_them(
    prepare: Prepare, tmp_path: Path
) -> None:
    wrong = []
    for name, (coloured, make) in PICTURES.items():
        source = tmp_path / name.replace(" ", "-")
        source.write_bytes(make())
        if (await prepare(source)).color_pages != ((1,) if coloured else ()):
            wrong.append(name)
    assert wrong == []


async def test_drawings_are_judged_as_a_person_judges_them(
    prepare: Prepare, tmp_path: Path
) -> None:
    contents = [content for _, content in DRAWINGS.values()]
    source = made_pdf.make(tmp_path / "drawings.pdf", contents)

    prepared = await prepare(source)

    labelled = {name for name, (coloured, _) in DRAWINGS.items() if coloured}
    names = list(DRAWINGS)
    assert {names[number - 1] for number in prepared.color_pages} == labelled


@pytest.mark.parametrize(
    ("content", "plain"),
    [
        (b"0 g 0.5 G BT (rg is a word here, 1 0 0 RGB too) Tj ET", False),  # asked of the pixels
        (b"0 g 0.5 G BT (ordinary words, price 20) Tj ET", True),
        (b"0 0 0 rg .5 0.50 0.5 RG 0 0 0 1 k 0.0 0 .0 0.4 K", True),
        (b"0 0 0 rg 0.1 0 0 rg", False),
        (b"0 0 0.1 1 k", False),
        (b"0 0 0 1k", False),
        (b"/Cs1 cs 0 scn", False),
        (b"/Sh1 sh", False),
        (b"BI /W 1 /H 1 ID x EI", False),
        (b"1 0 0\nrg", False),
        (b"1 0 0 r\\g", True),
        (b"1 0 0 % 0 0 0\nrg", False),
        (b"1 0 0 %" + b"x" * 200 + b" 0 0 0\nrg", False),
        (b"1 0 0rg 0 0 0 rg", False),
        (b"0 0 0 rg" * 2 + b" 1 0 0 0 k", False),
        (b"9 0 0 0 rg 7 0 0 0 1 k", True),
    ],
)
def test_the_proof_of_greyness_never_says_yes_to_a_colour(content: bytes, plain: bool) -> None:
    assert plain_operators(content) is plain


def test_the_proof_reads_what_a_page_draws(tmp_path: Path) -> None:
    drawings = {name: content for name, (_, content) in DRAWINGS.items()}
    path = made_pdf.make(tmp_path / "all.pdf", list(drawings.values()))
    with pikepdf.open(path) as pdf:
        proven = {
            name
            for name, page in zip(drawings, pdf.pages, strict=True)
            if GreyProof().holds(page.obj)
        }
    assert proven == {"black", "black ink only", "grey as RGB"}


@pytest.mark.parametrize(
    ("entries", "proven"),
    [
        ({"/SMask": Name("/None"), "/ca": 1, "/AIS": False}, True),
        ({"/SMask": Dictionary(S=Name.Luminosity)}, False),
        ({"/SMask": Name("/None"), "/TR": Name.Identity}, False),
        ({"/SMask": Name("/None"), "/HT": Name.Default}, False),
    ],
)
def test_a_state_without_a_soft_mask_needs_no_drawing(
    tmp_path: Path, entries: dict[str, object], proven: bool
) -> None:
    """Word processors and drawing programs write ``/SMask /None`` on ordinary pages."""

    def state(pdf: Pdf) -> None:
        pdf.pages[0].obj.Resources.ExtGState = Dictionary(G=Dictionary(entries))

    path = made_pdf.changed(tmp_path / "state.pdf", ["/G gs " + made_pdf.BLACK], state)

    with pikepdf.open(path) as pdf:
        is_grey = render.proof(pdf)
        assert is_grey(1) is proven


async def test_ordinary_text_costs_little(prepare: Prepare, tmp_path: Path) -> None:
    """The figure proper, a few milliseconds a page, is in benchmarks/intake.py; this catches a slip
    by a large factor on a busy machine too."""
    source = made_pdf.text_pages(tmp_path / "text.pdf", 100)
    await prepare(source)
    started = time.perf_counter()
    await prepare(source)
    assert (time.perf_counter() - started) / 100 < 0.075
