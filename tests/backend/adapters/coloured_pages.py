"""Pages a person has labelled: does this page need the colour printer?

Scans and photographs are made the way they come about: paper in some light, ink on it, the
sensor's noise, then JPEG.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageFilter

A4_AT_100_DPI = (827, 1169)
Colour = tuple[int, int, int]
Ink = Callable[[ImageDraw.ImageDraw], None]


def text(pen: ImageDraw.ImageDraw, ink: Colour = (25, 25, 28)) -> None:
    luck = random.Random(5)
    for line in range(90, 1080, 24):
        left = 80
        while left < 740:
            width = luck.randint(12, 60)
            for letter in range(left, left + width, 8):
                pen.line((letter, line, letter + luck.randint(-3, 4), line + 12), fill=ink, width=2)
            left += width + 9


def nothing(_: ImageDraw.ImageDraw) -> None:
    """No second ink."""


def scan(
    paper: Colour,
    extra: Ink = nothing,
    *,
    noise: float = 6.0,
    colour_noise: float = 3.0,
    quality: int = 75,
    shade: float = 0.0,
) -> bytes:
    """A text page in ``paper``'s light as a JPEG. ``shade``: how much darker the lower end is."""
    page = Image.new("RGB", A4_AT_100_DPI, "white")
    pen = ImageDraw.Draw(page)
    text(pen)
    extra(pen)
    page = page.filter(ImageFilter.GaussianBlur(0.8))
    light = Image.new("RGB", page.size, paper)
    page = ImageChops.multiply(page, light)
    if shade:
        ramp = Image.linear_gradient("L").resize(page.size).point(lambda v: 255 - int(v * shade))
        page = ImageChops.multiply(page, Image.merge("RGB", [ramp] * 3))
    grain = Image.effect_noise(page.size, noise)
    page = _grained(page, Image.merge("RGB", [grain] * 3))
    channels = [Image.effect_noise(page.size, colour_noise) for _ in range(3)]
    page = _grained(page, Image.merge("RGB", channels))
    return _jpeg(page, quality)


def _grained(page: Image.Image, grain: Image.Image) -> Image.Image:
    return ImageChops.add(page, grain, scale=1, offset=-128)


def _jpeg(page: Image.Image, quality: int) -> bytes:
    held = io.BytesIO()
    page.save(held, "JPEG", quality=quality)
    return held.getvalue()


def photo(*, sepia: bool = False, grey: bool = False) -> bytes:
    """A landscape with sky, hills and sun."""
    base = Image.linear_gradient("L").resize(A4_AT_100_DPI)
    drawn = Image.merge("RGB", [base.point(lambda v: v // 2 + 60), base, ImageChops.invert(base)])
    pen = ImageDraw.Draw(drawn)
    pen.ellipse((500, 120, 700, 320), fill=(250, 220, 90))
    pen.polygon(
        [(0, 1169), (0, 800), (300, 500), (600, 850), (827, 700), (827, 1169)], (40, 90, 40)
    )
    drawn = _grained(drawn, Image.merge("RGB", [Image.effect_noise(drawn.size, 8)] * 3))
    if grey or sepia:
        plain = drawn.convert("L")
        tones = (
            [plain.point(lambda v, t=t: min(255, int(v * t))) for t in (1.0, 0.87, 0.7)]
            if sepia
            else [plain] * 3
        )
        drawn = Image.merge("RGB", tones)
    return _jpeg(drawn, 85)


def flat(paper: Colour) -> bytes:
    """A poster made on a screen: one even colour from edge to edge, black words."""
    page = Image.new("RGB", A4_AT_100_DPI, paper)
    text(ImageDraw.Draw(page))
    held = io.BytesIO()
    page.save(held, "PNG", compress_level=1)
    return held.getvalue()


def signature(pen: ImageDraw.ImageDraw) -> None:
    path = [(500 + x * 9, 1000 + (x * 37 % 23) * 2) for x in range(20)]
    pen.line(path, fill=(35, 55, 150), width=3)


def stamp(pen: ImageDraw.ImageDraw) -> None:
    pen.ellipse((540, 900, 700, 1060), outline=(190, 60, 60), width=4)
    pen.line((560, 980, 680, 980), fill=(190, 60, 60), width=4)


def marker(pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((80, 300, 380, 322), fill=(255, 245, 120))


def tick(pen: ImageDraw.ImageDraw) -> None:
    pen.line((60, 500, 66, 508, 80, 484), fill=(200, 30, 40), width=3)


PICTURES: dict[str, tuple[bool, Callable[[], bytes]]] = {
    "clean scan": (False, lambda: scan((250, 250, 248))),
    "yellowish paper": (False, lambda: scan((250, 244, 228))),
    "old yellow paper": (False, lambda: scan((236, 222, 190), noise=9)),
    "warm lamp": (False, lambda: scan((226, 206, 178), noise=9, shade=0.35)),
    "cold light": (False, lambda: scan((196, 208, 224), noise=9, shade=0.3)),
    "greenish tube": (False, lambda: scan((205, 218, 200), noise=12, shade=0.2)),
    "noisy camera": (False, lambda: scan((215, 212, 205), noise=20, colour_noise=14)),
    "poor JPEG": (False, lambda: scan((244, 240, 230), quality=30)),
    "very poor JPEG": (False, lambda: scan((225, 215, 195), quality=15, colour_noise=8)),
    "grey photo": (False, lambda: photo(grey=True)),
    "signature on white": (True, lambda: scan((250, 250, 248), signature)),
    "signature on yellow": (True, lambda: scan((236, 222, 190), signature, noise=9)),
    "signature, warm lamp": (True, lambda: scan((226, 206, 178), signature, noise=9, shade=0.35)),
    "stamp on yellow": (True, lambda: scan((250, 244, 228), stamp)),
    "stamp, cold light": (True, lambda: scan((196, 208, 224), stamp, noise=9, shade=0.3)),
    "marker on white": (True, lambda: scan((250, 250, 248), marker)),
    "marker on yellow": (True, lambda: scan((250, 244, 228), marker)),
    "red tick": (True, lambda: scan((244, 240, 230), tick)),
    "photo": (True, photo),
    "sepia photo": (True, lambda: photo(sepia=True)),
    "pale yellow poster": (True, lambda: flat((255, 250, 205))),
    "pink poster": (True, lambda: flat((255, 225, 230))),
}

_WORDS = "BT /F1 12 Tf 72 700 Td {} (Ordinary words) Tj ET\n"
DRAWINGS: dict[str, tuple[bool, str]] = {
    "black": (False, _WORDS.format("0 g")),
    "near black": (False, _WORDS.format("0.043 0.047 0.055 rg")),
    "rich black": (False, _WORDS.format("0.75 0.68 0.67 0.90 k")),
    "black ink only": (False, _WORDS.format("0 0 0 1 k")),
    "grey as RGB": (False, "0.5 0.5 0.5 rg 72 72 400 400 re f"),
    "nearly grey": (False, "0.50 0.505 0.51 rg 72 72 400 400 re f"),
    "white tint": (False, "0.99 0.99 0.965 rg 0 0 595 842 re f 0 g " + _WORDS.format("0 g")),
    "beside the page": (False, "1 0 0 rg 700 72 40 40 re f " + _WORDS.format("0 g")),
    "under white": (False, "1 0 0 rg 72 72 40 40 re f 1 g 70 70 44 44 re f"),
    "dark blue words": (True, _WORDS.format("0.122 0.220 0.392 rg")),
    "one red star": (True, _WORDS.format("0 g") + "BT /F1 12 Tf 300 500 Td 1 0 0 rg (*) Tj ET"),
    "hair line": (True, "0.25 w 1 0 0 RG 72 500 m 500 500 l S"),
    "link": (True, "BT /F1 10 Tf 72 500 Td 0 0 0.93 rg (www.example.org) Tj ET"),
    "small logo": (True, "0 0.5 0.3 rg 500 780 22 22 re f"),
    "table shading": (True, "0.863 0.902 0.945 rg 72 400 450 20 re f"),
    "pale marker": (True, "1 1 0.8 rg 72 400 100 14 re f"),
    "cyan ink": (True, "1 0 0 0 k 72 400 30 30 re f"),
    "dark red words": (True, _WORDS.format("0.5 0 0 rg")),
}
