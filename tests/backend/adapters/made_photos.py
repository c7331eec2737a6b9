"""Photographs of cards on tables, made with the geometry known."""

from __future__ import annotations

import random
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFilter

from app.adapters.cards import Point, perspective

CARD_PX = (856, 540)


def card(seed: int = 1, ground: tuple[int, int, int] = (235, 240, 245)) -> Image.Image:
    """An identity card: a face, lines of text, a red corner at the upper left, round corners."""
    luck = random.Random(seed)
    made = Image.new("RGB", CARD_PX, ground)
    pen = ImageDraw.Draw(made)
    pen.rectangle((0, 0, 150, 100), fill=(200, 30, 30))
    pen.rectangle((706, 440, 856, 540), fill=(30, 60, 200))
    pen.ellipse((60, 160, 260, 420), fill=(150, 110, 90))
    for line in range(6):
        top, end = 150 + line * 50, luck.randint(500, 800)
        pen.rectangle((320, top, end, top + 20), fill=(40, 40, 40))
    return made


def on_table(
    shown: Image.Image,
    corners: Sequence[Point],
    *,
    size: tuple[int, int] = (1600, 1200),
    table: tuple[int, int, int] = (110, 80, 55),
    seed: int = 1,
) -> Image.Image:
    """``shown`` on a rough table, its corners at ``corners``, clockwise from its upper left."""
    grain = Image.effect_noise((size[0] // 4, size[1] // 4), 24).resize(size)
    ground = Image.composite(
        Image.new("RGB", size, tuple(min(255, part + 14) for part in table)),
        Image.new("RGB", size, tuple(max(0, part - 14) for part in table)),
        grain,
    )
    width, height = shown.size
    numbers = perspective(corners, [(0, 0), (width, 0), (width, height), (0, height)])
    mask = Image.new("L", shown.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, height - 1), 32, fill=255)
    how = Image.Transform.PERSPECTIVE
    turned = shown.transform(size, how, numbers, Image.Resampling.BICUBIC)
    seen = mask.transform(size, how, numbers, Image.Resampling.BICUBIC)
    shadow = seen.filter(ImageFilter.GaussianBlur(25)).point(lambda value: value // 4)
    ground = Image.composite(Image.new("RGB", size, 0), ground, shadow)
    ground.paste(turned, mask=seen)
    return ground.filter(ImageFilter.GaussianBlur(0.8))
