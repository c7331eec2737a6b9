"""Pictures in: whole, upright, on white, within the margins, and without the place they show."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageCms

from app.adapters.intake import Intake
from app.adapters.readers import Bounds
from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal
from app.ports import Limits
from tests.backend.adapters.conftest import LIMITS, Prepare, Refused
from tests.backend.adapters.made_pictures import CORNERS, png_bomb, quarters, saved

MARGIN = 17


def page(path: Path, number: int = 1) -> Image.Image:
    document = pypdfium2.PdfDocument(path)
    try:
        picture: Image.Image = document[number - 1].render(scale=1).to_pil()
        return picture.convert("RGB")
    finally:
        document.close()


def corners(drawn: Image.Image) -> list[str]:
    """The colours near the picture's corners, clockwise from the upper left."""
    box = ImageChops.invert(drawn.convert("L")).point(lambda value: 255 * (value > 20)).getbbox()
    assert box is not None, "nothing on the sheet"
    left, top, right, bottom = box
    spots = [
        (left + 9, top + 9),
        (right - 9, top + 9),
        (right - 9, bottom - 9),
        (left + 9, bottom - 9),
    ]
    return [nearest(drawn.getpixel(spot)) for spot in spots]


def nearest(pixel: Any) -> str:
    def far(name: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(CORNERS[name], pixel, strict=True))

    return min(CORNERS, key=far)


UPRIGHT = ["red", "green", "blue", "grey"]


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("a.jpg", Kind.JPEG, {"quality": 90}),
        ("a.jpg", Kind.JPEG, {"quality": 90, "progressive": True}),
        ("a.png", Kind.PNG, {}),
        ("a.webp", Kind.WEBP, {"quality": 90}),
        ("a.tiff", Kind.TIFF, {"compression": "tiff_lzw"}),
        ("a.gif", Kind.GIF, {}),
        ("a.bmp", Kind.BMP, {}),
    ],
)
async def test_every_kind_fills_a_landscape_sheet_within_its_margins(
    prepare: Prepare, tmp_path: Path, name: str, kind: Kind, options: dict[str, Any]
) -> None:
    source = saved(tmp_path / name, quarters(), **options).rename(tmp_path / "named.wrong")

    prepared = await prepare(source)

    assert (prepared.kind, prepared.pages, prepared.color_pages) == (kind, 1, (1,))
    assert prepared.page_sizes_pt == ((841.89, 595.276),)
    drawn = page(prepared.path)
    assert corners(drawn) == UPRIGHT
    for edge in (drawn.crop((0, 0, 842, MARGIN - 1)), drawn.crop((0, 0, MARGIN - 1, 595))):
        assert edge.getextrema() == ((255, 255),) * 3


async def test_a_heic_photo_is_read(prepare: Prepare, refused: Refused, tmp_path: Path) -> None:
    sample = Path(__file__).with_name("quarters.heic")
    prepared = await prepare(sample)

    assert (prepared.kind, prepared.color_pages) == (Kind.HEIC, (1,))
    assert corners(page(prepared.path)) == UPRIGHT
    cut = tmp_path / "cut.heic"
    cut.write_bytes(sample.read_bytes()[:-200])
    assert await refused(cut) is Refusal.BROKEN


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
async def test_the_camera_is_believed_about_up(
    prepare: Prepare, tmp_path: Path, turn: int, suffix: str
) -> None:
    """Stored as the camera would store it when held in each of the eight ways."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = quarters()
    stored = upright.transpose(undo[turn]) if turn in undo else upright
    exif = Image.Exif()
    exif[0x0112] = turn

    prepared = await prepare(saved(tmp_path / f"held.{suffix}", stored, exif=exif))

    assert prepared.page_sizes_pt == ((841.89, 595.276),)
    assert corners(page(prepared.path)) == UPRIGHT


async def test_a_plain_jpeg_keeps_its_picture_bytes_and_loses_where_it_was_taken(
    prepare: Prepare, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "CANARY camera"
    exif.get_ifd(0x8825)[1] = "N"
    source = saved(tmp_path / "photo.jpg", quarters(), exif=exif, comment="CANARY", quality=88)
    with source.open("ab") as file:
        file.write(b"PK\x03\x04 CANARY after the end <script>")

    prepared = await prepare(source)

    written = prepared.path.read_bytes()
    assert b"CANARY" not in written
    with pikepdf.open(prepared.path) as pdf:
        image = pdf.pages[0].obj.Resources.XObject.Im
        assert image.Filter == pikepdf.Name.DCTDecode
        kept = image.read_raw_bytes()
    scan = source.read_bytes()
    scan = scan[scan.index(b"\xff\xda") : scan.index(b"\xff\xd9PK")]
    assert kept.endswith(scan + b"\xff\xd9")


async def test_what_is_no_plain_rgb_becomes_plain_on_white(
    prepare: Prepare, tmp_path: Path
) -> None:
    cmyk = await prepare(saved(tmp_path / "cmyk.jpg", quarters(mode="CMYK"), quality=95))
    assert corners(page(cmyk.path)) == UPRIGHT

    glass = quarters().convert("RGBA")
    glass.putalpha(Image.new("L", glass.size, 0))
    clear = await prepare(saved(tmp_path / "clear.png", glass))
    assert clear.color_pages == ()
    assert page(clear.path).getextrema() == ((255, 255),) * 3

    palette = quarters(mode="P")
    indexed = await prepare(saved(tmp_path / "indexed.png", palette))
    assert corners(page(indexed.path)) == UPRIGHT

    deep = Image.new("I;16", (300, 400), 0x8000)
    grey = await prepare(saved(tmp_path / "deep.png", deep))
    assert grey.color_pages == ()
    assert page(grey.path).getpixel((297, 421)) == (128, 128, 128)

    lab = ImageCms.profileToProfile(
        quarters(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    assert corners(page((await prepare(saved(tmp_path / "lab.tif", lab))).path)) == UPRIGHT


async def test_a_scan_of_two_sides_is_two_pages_each_with_its_own_shape(
    prepare: Prepare, refused: Refused, tmp_path: Path
) -> None:
    front, back = quarters((600, 400)), Image.new("1", (400, 600), 1)
    source = saved(tmp_path / "scan.tif", front, save_all=True, append_images=[back])

    prepared = await prepare(source)

    assert (prepared.pages, prepared.color_pages) == (2, (1,))
    assert prepared.page_sizes_pt == ((841.89, 595.276), (595.276, 841.89))
    assert await refused(source, limits=Limits(32 << 20, 1)) is Refusal.TOO_MANY_PAGES


async def test_a_moving_picture_prints_its_first_frame(prepare: Prepare, tmp_path: Path) -> None:
    frames = [quarters(), Image.new("RGB", (400, 300), "black")]
    source = saved(tmp_path / "moves.gif", frames[0], save_all=True, append_images=frames[1:])

    prepared = await prepare(source)

    assert prepared.pages == 1
    assert corners(page(prepared.path)) == UPRIGHT


async def test_a_huge_photo_is_brought_to_what_paper_shows(
    prepare: Prepare, tmp_path: Path
) -> None:
    source = saved(tmp_path / "huge.jpg", quarters((7000, 5000)), quality=60)

    prepared = await prepare(source)

    with pikepdf.open(prepared.path) as pdf:
        image = pdf.pages[0].obj.Resources.XObject.Im
        assert (int(image.Width), int(image.Height)) == (3273, 2338)
    assert corners(page(prepared.path)) == UPRIGHT


async def test_pixel_bombs_are_refused_before_they_are_unpacked(
    refused: Refused, tmp_path: Path
) -> None:
    bomb = png_bomb(tmp_path / "bomb.png", 30_000)
    assert bomb.stat().st_size < 200_000

    assert await refused(bomb) is Refusal.TOO_COMPLEX


async def test_a_child_that_needs_more_memory_than_it_may_is_the_only_loss(tmp_path: Path) -> None:
    intake = Intake.detect(concurrency=1, bounds=Bounds(memory=400 << 20))
    greedy = png_bomb(tmp_path / "greedy.png", 9_400)
    with Image.open(greedy) as opened:
        rgb = saved(tmp_path / "rgb.png", opened.convert("RGB"), compress_level=1)
    try:
        with pytest.raises(DocumentRefused) as caught:
            await intake.prepare(rgb, tmp_path / "work", limits=LIMITS)
        assert caught.value.reason is Refusal.TOO_COMPLEX
        small = saved(tmp_path / "small.png", quarters())
        assert (await intake.prepare(small, tmp_path / "next", limits=LIMITS)).pages == 1
    finally:
        intake.close()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tif"])
async def test_half_a_picture_is_not_printed(refused: Refused, tmp_path: Path, suffix: str) -> None:
    held = io.BytesIO()
    Image.effect_noise((300, 300), 90).convert("RGB").save(
        held, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper())
    )
    half = tmp_path / f"half.{suffix}"
    half.write_bytes(held.getvalue()[: len(held.getvalue()) // 2])

    assert await refused(half) is Refusal.BROKEN
