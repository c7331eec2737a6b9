"""Counter layouts: cards are found, straightened and as large as in the hand; passport sheets."""

from __future__ import annotations

import math
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from app.adapters.card_sheets import card_boxes, passport_boxes, write_passport_sheet
from app.adapters.cards import Corners, find_card, ratio, straighten
from app.adapters.intake import Intake
from app.domain.documents import CARD_MM, CARD_RATIO, CardFacts, looks_like_a_card
from app.domain.errors import DocumentRefused, Refusal
from app.domain.print_plan import MM
from tests.backend.adapters.conftest import LIMITS, Prepare
from tests.backend.adapters.made_pdf import BLACK, make, page_bomb
from tests.backend.adapters.made_photos import card, on_table
from tests.backend.adapters.made_pictures import png_bomb, quarters, saved

TABLES = {"wood": (110, 80, 55), "slate": (40, 40, 45), "cloth": (60, 90, 150)}


def lying(
    degrees: float, *, width: float = 900, middle: tuple[float, float] = (800, 600)
) -> Corners:
    """A card's corners seen from above, turned clockwise."""
    turn, height = math.radians(degrees), width / CARD_RATIO
    edges = ((-width, -height), (width, -height), (width, height), (-width, height))
    a, b, c, d = (
        (
            middle[0] + (x * math.cos(turn) - y * math.sin(turn)) / 2,
            middle[1] + (x * math.sin(turn) + y * math.cos(turn)) / 2,
        )
        for x, y in edges
    )
    return a, b, c, d


SLANTED: Corners = ((350, 300), (1250, 340), (1330, 880), (270, 840))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("corners", [lying(0), lying(8), lying(-20), SLANTED])
def test_a_card_on_a_table_is_found_within_a_millimetre(table: str, corners: Corners) -> None:
    found = find_card(on_table(card(), corners, table=TABLES[table]))

    assert found is not None
    millimetre = math.dist(corners[0], corners[1]) / CARD_MM[0]
    for have, real in zip(found, corners, strict=True):
        assert math.dist(have, real) < millimetre


def test_a_card_seen_from_the_side_becomes_a_rectangle_again() -> None:
    photo = on_table(card(), SLANTED)
    found = find_card(photo)
    assert found is not None

    flat = straighten(photo, found).convert("RGB")

    assert flat.size == (1348, 850)
    plain = card().resize(flat.size)
    for across, down in ((0.08, 0.08), (0.92, 0.92), (0.19, 0.55), (0.9, 0.1), (0.3, 0.95)):
        at = (int(across * 1348), int(down * 850))
        have, real = flat.getpixel(at), plain.getpixel(at)
        assert isinstance(have, tuple)
        assert isinstance(real, tuple)
        assert max(abs(a - b) for a, b in zip(have, real, strict=True)) < 30


def test_a_card_held_upright_stays_upright() -> None:
    upright = card().transpose(Image.Transpose.ROTATE_90)
    x, y = 560.0, 840.0
    corners: Corners = ((500, 150), (500 + x, 150), (500 + x, 150 + y), (500, 150 + y))
    photo = on_table(upright, corners)
    found = find_card(photo)
    assert found is not None

    assert straighten(photo, found).size == (850, 1348)


@pytest.mark.parametrize(
    "photo",
    [
        Image.new("RGB", (800, 600), (90, 90, 90)),
        quarters((800, 600)),
        Image.effect_noise((800, 600), 80),
        on_table(card().resize((600, 600)), ((500, 300), (1100, 300), (1100, 900), (500, 900))),
    ],
    ids=["nothing", "quarters", "noise", "square"],
)
def test_what_is_no_card_is_not_cut(photo: Image.Image) -> None:
    assert find_card(photo) is None


@pytest.mark.parametrize(
    ("facts", "offered"),
    [
        (CardFacts(1600, 1200, 1.58, 0.4), True),
        (CardFacts(1600, 1200, 1.8, 0.4), True),
        (CardFacts(1600, 1200, 1.3, 0.4), True),
        (CardFacts(1600, 1200, 2.0, 0.4), False),
        (CardFacts(1600, 1200, 1.58, 0.05), False),
        (CardFacts(1600, 1200), False),
        (CardFacts(1500, 1000), False),
        (CardFacts(1920, 1080), False),
        (CardFacts(1011, 638), True),
        (CardFacts(638, 1011), True),
        (CardFacts(0, 0), False),
    ],
)
def test_the_layout_is_offered_for_what_looks_like_a_card(facts: CardFacts, offered: bool) -> None:
    assert looks_like_a_card(facts) is offered


def test_boxes_lie_on_the_sheet_and_apart() -> None:
    front, back = card_boxes([CARD_MM, CARD_MM])
    assert (front.left, front.width) == pytest.approx((62.2, 85.6))
    assert front.bottom - (back.bottom + back.height) == pytest.approx(15)
    assert front.bottom + front.height + back.bottom == pytest.approx(297)

    boxes = passport_boxes()
    assert (len(boxes), len({box.bottom for box in boxes})) == (8, 2)
    assert min(box.left for box in boxes) == pytest.approx(29)
    assert max(box.left + box.width for box in boxes) == pytest.approx(181)
    assert min(box.bottom for box in boxes) > 100


# Through the intake


def inked_mm(path: Path) -> tuple[tuple[float, float], list[tuple[float, ...]]]:
    """The page's size and every picture's box, in millimetres: left, bottom, right, top."""
    document = pypdfium2.PdfDocument(path)
    try:
        assert len(document) == 1
        page = document[0]
        pictures = [held for held in page.get_objects() if held.type == 3]
        size = (page.get_width() / MM, page.get_height() / MM)
        return size, [tuple(edge / MM for edge in held.get_bounds()) for held in pictures]
    finally:
        document.close()


async def test_two_photos_become_one_sheet_of_true_size(intake: Intake, tmp_path: Path) -> None:
    front = saved(tmp_path / "front.jpg", on_table(card(1), lying(7)), quality=92)
    back = saved(tmp_path / "back.png", on_table(card(2), SLANTED, table=TABLES["slate"]))

    made = await intake.card_sheet(front, back, tmp_path / "work", limits=LIMITS)

    assert (made.pages, made.color_pages) == (1, (1,))
    size, boxes = inked_mm(made.path)
    assert size == pytest.approx((210, 297), abs=0.1)
    for left, bottom, right, top in boxes:
        assert (right - left, top - bottom) == pytest.approx((85.6, 53.98), abs=0.1)
        assert (left + right) / 2 == pytest.approx(105, abs=0.1)
    assert boxes[0][1] > boxes[1][3]


async def test_the_documents_made_of_photos_do_as_well(
    intake: Intake, prepare: Prepare, tmp_path: Path
) -> None:
    photo = saved(tmp_path / "front.jpg", on_table(card(), lying(-20)), quality=92)
    document = (await prepare(photo)).path

    facts = await intake.card_facts(document)
    made = await intake.card_sheet(document, photo, tmp_path / "work", limits=LIMITS)

    assert looks_like_a_card(facts)
    assert looks_like_a_card(await intake.card_facts(photo))
    _, boxes = inked_mm(made.path)
    for left, bottom, right, top in boxes:
        assert (right - left, top - bottom) == pytest.approx((85.6, 53.98), abs=0.1)


async def test_a_photo_without_a_card_is_shown_whole(intake: Intake, tmp_path: Path) -> None:
    plain = saved(tmp_path / "plain.png", quarters((800, 600)))

    made = await intake.card_sheet(plain, plain, tmp_path / "work", limits=LIMITS)

    _, boxes = inked_mm(made.path)
    left, bottom, right, top = boxes[0]
    assert (right - left) / (top - bottom) == pytest.approx(4 / 3, abs=0.01)
    assert not looks_like_a_card(await intake.card_facts(plain))


async def test_passport_photos_are_35_by_45(intake: Intake, tmp_path: Path) -> None:
    photo = saved(tmp_path / "face.jpg", quarters((900, 1200)), quality=92)

    made = await intake.passport_sheet(photo, tmp_path / "work", limits=LIMITS)

    _, boxes = inked_mm(made.path)
    assert len(boxes) == 8
    for left, bottom, right, top in boxes:
        assert (right - left, top - bottom) == pytest.approx((35, 45), abs=0.1)


def test_a_tall_photo_loses_more_below_than_above(tmp_path: Path) -> None:
    """Faces are in the upper part: of 1,200 rows 771 stay, and a third of the rest goes above."""
    photo = Image.new("RGB", (600, 1200), (0, 0, 255))
    photo.paste((255, 0, 0), (0, 0, 600, 300))

    write_passport_sheet(photo, tmp_path / "sheet.pdf")

    with pikepdf.open(tmp_path / "sheet.pdf") as pdf:
        held = pdf.pages[0].obj.Resources.XObject.P0
        assert isinstance(held, pikepdf.Stream)
        stored = pikepdf.PdfImage(held).as_pil_image()
    red = stored.convert("RGB").getchannel("R").point(lambda value: 255 if value > 128 else 0)
    box = red.getbbox()
    assert stored.size == (600, 771)
    assert box is not None
    assert box[3] == pytest.approx(300 - 429 * 0.35, abs=3)


async def test_what_is_no_photo_is_refused(intake: Intake, tmp_path: Path) -> None:
    photo = saved(tmp_path / "a.png", quarters())
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no picture")
    refusals = {
        make(tmp_path / "text.pdf", [BLACK]): Refusal.UNSUPPORTED,
        page_bomb(tmp_path / "many.pdf", 5000): Refusal.UNSUPPORTED,
        broken: Refusal.BROKEN,
        png_bomb(tmp_path / "bomb.png", 30_000): Refusal.TOO_COMPLEX,
    }
    for source, reason in refusals.items():
        with pytest.raises(DocumentRefused) as refused:
            await intake.card_sheet(photo, source, tmp_path / "work", limits=LIMITS)
        assert refused.value.reason is reason, source.name


async def test_the_same_photos_give_the_same_bytes(intake: Intake, tmp_path: Path) -> None:
    photo = saved(tmp_path / "a.jpg", on_table(card(), lying(3)), quality=92)
    first = await intake.card_sheet(photo, photo, tmp_path / "one", limits=LIMITS)
    second = await intake.card_sheet(photo, photo, tmp_path / "two", limits=LIMITS)

    assert first.sha256 == second.sha256


def test_the_ratio_of_a_card() -> None:
    assert ratio(lying(30)) == pytest.approx(CARD_RATIO)
