"""Baking through the boxed child: hashes, inks and bounds, as the shop uses it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageChops, ImageStat

from app.adapters import pdf as canonical
from app.adapters.intake import Intake
from app.adapters.readers import Bounds
from app.adapters.render import PREVIEW_DPI
from app.domain.errors import DocumentRefused, Refusal
from app.domain.print_plan import Choices, PrintType, Sides, plan
from app.ports import Baked
from tests.backend.adapters import made_colour, made_pdf
from tests.backend.adapters.conftest import Prepare
from tests.backend.adapters.made_colour import coloured, operators
from tests.backend.adapters.made_pdf import BLACK, armed, make
from tests.backend.adapters.test_bake import page_at, sheets
from tests.backend.adapters.test_gray import colour_of, look

RED = "1 0 0 rg 100 100 200 200 re f"


async def test_unchanged_documents_keep_their_hash(
    intake: Intake, prepare: Prepare, tmp_path: Path
) -> None:
    prepared = await prepare(make(tmp_path / "a.pdf", [BLACK, BLACK + RED]))
    wanted = plan(Choices(PrintType.COLOR, copies=3), 2, prepared.color_pages)

    baked = await intake.bake(prepared.path, tmp_path / "work", plan=wanted)

    assert baked == Baked(baked.path, prepared.sha256, prepared.bytes, 2, (1, 2))
    assert baked.path.read_bytes() == prepared.path.read_bytes()


async def test_a_mix_is_grey_where_it_is_priced_grey(
    intake: Intake, prepare: Prepare, tmp_path: Path
) -> None:
    # Page 2 has a tint that nobody sees and that a colour printer would still use colour for.
    tinted = "0.98 0.98 1 rg 0 0 595 842 re f " + BLACK
    prepared = await prepare(make(tmp_path / "a.pdf", [BLACK, tinted, BLACK + RED]))
    assert prepared.color_pages == (3,)
    choices = Choices(PrintType.BOTH, copies=2, sides=Sides.LONG_EDGE)

    baked = await intake.bake(
        prepared.path, tmp_path / "work", plan=plan(choices, 3, prepared.color_pages)
    )

    assert (baked.pages, baked.color_pages) == (4, (3,))
    assert baked.sha256 == hashlib.sha256(baked.path.read_bytes()).hexdigest()
    assert baked.bytes == baked.path.stat().st_size
    assert [colour_of(look(baked.path, page)) for page in (1, 2, 4)] == [0, 0, 0]
    assert colour_of(look(baked.path, 3)) == 255


async def test_the_preview_shows_what_is_printed(
    intake: Intake, prepare: Prepare, tmp_path: Path
) -> None:
    """Nine pages of nine colours, four on a side: the customer sees places and inks as they are."""
    prepared = await prepare(sheets(tmp_path / "a.pdf", 9))
    choices = Choices(PrintType.BOTH, per_sheet=4)

    baked = await intake.bake(prepared.path, tmp_path / "work", plan=plan(choices, 9, (1,)))

    assert (baked.pages, baked.color_pages, len(baked.previews)) == (3, (1,), 3)
    quarters = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
    for number, path in enumerate(baked.previews, 1):
        with Image.open(path) as opened:
            shown = opened.convert("RGB")
        printed = look(baked.path, number, scale=PREVIEW_DPI / 72)
        assert shown.size == printed.size
        apart = ImageStat.Stat(ImageChops.difference(shown, printed)).mean
        assert max(apart) < 3, f"JPEG, and nothing else: {apart}"
        if number == 1:
            assert [page_at(shown, *at) for at in quarters] == [1, 2, 3, 4]
        else:
            assert colour_of(printed) == 0
            assert colour_of(shown) <= 3


async def test_the_same_wish_gives_the_same_bytes(
    intake: Intake, prepare: Prepare, tmp_path: Path
) -> None:
    source = coloured(
        tmp_path / "a.pdf",
        operators(RED),
        made_colour.shading,
        made_colour.jpeg(),
        made_colour.form,
    )
    prepared = await prepare(source)
    wanted = plan(Choices(PrintType.BW, per_sheet=2), 4, prepared.color_pages)

    first = await intake.bake(prepared.path, tmp_path / "one", plan=wanted)
    second = await intake.bake(prepared.path, tmp_path / "two", plan=wanted)

    assert first.sha256 == second.sha256
    assert first.pages == 2


async def test_what_is_baked_is_as_clean_as_what_came(
    intake: Intake, prepare: Prepare, tmp_path: Path
) -> None:
    prepared = await prepare(armed(tmp_path / "armed.pdf"))
    wanted = plan(Choices(PrintType.BW, per_sheet=4), prepared.pages, prepared.color_pages)

    baked = await intake.bake(prepared.path, tmp_path / "work", plan=wanted)

    with pikepdf.open(baked.path) as pdf:
        assert set(pdf.Root.keys()) == {"/Type", "/Pages"}
        pdf.save(tmp_path / "plain.pdf", stream_decode_level=pikepdf.StreamDecodeLevel.all)
    assert b"CANARY" not in (tmp_path / "plain.pdf").read_bytes()


async def test_monsters_cost_one_child_each(
    intake: Intake, prepare: Prepare, tmp_path: Path
) -> None:
    """Straight to the baker, as if the door before it had been open."""
    small = Intake.detect(bounds=Bounds(cpu=6, wall=6.0))
    try:
        for source in (
            made_pdf.nested_forms(tmp_path / "nested.pdf"),
            made_pdf.operator_bomb(tmp_path / "operators.pdf", 3_000_000),
        ):
            canonical.rewrite(source, tmp_path / "monster.pdf", max_pages=1)
            with pytest.raises(DocumentRefused) as refused:
                await small.bake(
                    tmp_path / "monster.pdf",
                    tmp_path / "work",
                    plan=plan(Choices(PrintType.BW, per_sheet=2), 1, ()),
                )
            assert refused.value.reason is Refusal.TOO_COMPLEX, source.name
    finally:
        small.close()
    good = await prepare(make(tmp_path / "good.pdf", [BLACK + RED]))
    baked = await intake.bake(
        good.path, tmp_path / "work", plan=plan(Choices(PrintType.BW), 1, good.color_pages)
    )
    assert colour_of(look(baked.path)) == 0
