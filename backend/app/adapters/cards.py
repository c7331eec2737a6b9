"""Finds an identity card in a photograph and straightens it. Runs only inside the intake child.

The photo's rim tells what the table looks like; the largest thing that differs from it is taken
for the card when its outline is a four-cornered shape of about the right proportions. Everything
else is "not found": a wrong guess would cut a document.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from PIL import Image, ImageChops, ImageFilter

from app.domain.documents import CARD_MM, CardFacts

_SMALL = 256  # pixels of the longer side, where the card is looked for
_RIM = 0.04
_LEAST_CONTRAST = 14
_LEAST_SHARE, _MOST_SHARE = 0.04, 0.97
_FILLED = 0.9  # of its outline a card covers; a card held by fingers covers less
_FOUR_CORNERED = 0.91  # of its outline lies inside the largest four-cornered shape; discs: 0.64
_RATIOS = (1.25, 2.05)  # seen at a slant the proportions change
_REACH = 8.0  # small pixels on either side of a rough edge where the sharp one is looked for
_DPI = 400

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]


def find_card(photo: Image.Image) -> Corners | None:
    """The card's corners in pixels of ``photo``, clockwise from the upper left; None: unsure."""
    scale = _SMALL / max(photo.size)
    size = (max(8, round(photo.width * scale)), max(8, round(photo.height * scale)))
    small = photo.convert("RGB").resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    unlike, noise = _unlike_rim(small)
    parted = _otsu(unlike.histogram())
    tries = [_card_in(unlike, max(noise, edge)) for edge in (parted, parted * 0.6, parted * 0.35)]
    corners = next((each for each in tries if each is not None), None)
    if corners is None:
        return None
    across, down = photo.width / size[0], photo.height / size[1]
    return _scaled(_from_upper_left(corners), across, down)


def _card_in(unlike: Image.Image, edge: float) -> Corners | None:
    """The corners of a card made of the pixels above ``edge``."""
    mask = unlike.point(lambda value: 255 if value >= edge else 0)
    outline = _largest(mask.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.MinFilter(5)))
    if outline is None:
        return None
    rim, filled = outline
    hull = _hull(rim)
    rough = _four_corners(hull)
    if rough is None or filled < _FILLED:
        return None
    square = _area(rough) / _area(hull)
    corners = _sharpened(rough, unlike)
    share = _area(corners) / (unlike.width * unlike.height)
    if square < _FOUR_CORNERED or not _LEAST_SHARE <= share <= _MOST_SHARE:
        return None
    if not _RATIOS[0] <= ratio(corners) <= _RATIOS[1]:
        return None
    return corners


def facts(photo: Image.Image) -> CardFacts:
    """What a photo shows, for ``looks_like_a_card``."""
    corners = find_card(photo)
    if corners is None:
        return CardFacts(photo.width, photo.height)
    share = _area(corners) / (photo.width * photo.height)
    return CardFacts(photo.width, photo.height, round(ratio(corners), 3), round(share, 3))


def straighten(photo: Image.Image, corners: Corners) -> Image.Image:
    """The card alone, seen from above, upright or lying as it was held; 400 dpi at true size."""
    width, height = (round(side / 25.4 * _DPI) for side in CARD_MM)
    top, side = _width_and_height(corners)
    if top < side:
        width, height = height, width
    # Far larger photos are made smaller first: the transform below reads single pixels.
    shrink = max(1, int(min(top, side) / min(width, height)))
    if shrink > 1:
        photo = photo.reduce(shrink)
        corners = _scaled(corners, 1 / shrink, 1 / shrink)
    paper = [(0, 0), (width, 0), (width, height), (0, height)]
    return photo.transform(
        (width, height),
        Image.Transform.PERSPECTIVE,
        perspective(paper, corners),
        Image.Resampling.BICUBIC,
    )


def ratio(corners: Corners) -> float:
    """Longer side by shorter side."""
    top, side = _width_and_height(corners)
    return max(top, side) / max(min(top, side), 1e-6)


def _scaled(corners: Corners, across: float, down: float) -> Corners:
    a, b, c, d = ((x * across, y * down) for x, y in corners)
    return a, b, c, d


def _width_and_height(corners: Corners) -> tuple[float, float]:
    a, b, c, d = corners
    return (math.dist(a, b) + math.dist(d, c)) / 2, (math.dist(a, d) + math.dist(b, c)) / 2


def _unlike_rim(small: Image.Image) -> tuple[Image.Image, float]:
    """How unlike the photo's rim each pixel is, and how unlike itself the rim is."""
    width, height = small.size
    rim = max(2, round(min(width, height) * _RIM))
    boxes = (
        (0, 0, width, rim),
        (0, height - rim, width, height),
        (0, 0, rim, height),
        (width - rim, 0, width, height),
    )
    parts = [small.crop(box) for box in boxes]
    usual = []
    for channel in range(3):
        counts = [part.getchannel(channel).histogram() for part in parts]
        usual.append(_middle([sum(each) for each in zip(*counts, strict=True)]))
    plain = Image.new("RGB", small.size, tuple(usual))
    blurred = small.filter(ImageFilter.GaussianBlur(1.2))
    red, green, blue = ImageChops.difference(blurred, plain).split()
    unlike = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    counts = [unlike.crop(box).histogram() for box in boxes]
    usual_noise = _middle([sum(each) for each in zip(*counts, strict=True)])
    return unlike, max(_LEAST_CONTRAST, 2.5 * usual_noise)


def _middle(counts: Sequence[int]) -> int:
    half, seen = sum(counts) / 2, 0
    for value, count in enumerate(counts):
        seen += count
        if seen >= half:
            return value
    return 255


def _otsu(counts: Sequence[int]) -> int:
    """The value that best parts a histogram in two (Otsu 1979)."""
    total, weighted = sum(counts), sum(value * count for value, count in enumerate(counts))
    below, below_weighted, best, found = 0, 0, -1.0, 0
    for value, count in enumerate(counts):
        below += count
        below_weighted += value * count
        if not below or below == total:
            continue
        mean, other = below_weighted / below, (weighted - below_weighted) / (total - below)
        apart = below * (total - below) * (mean - other) ** 2
        if apart > best:
            best, found = apart, value + 1
    return found


def _largest(mask: Image.Image) -> tuple[list[Point], float] | None:
    """The rim of the largest connected thing, and how much of its convex outline it fills.

    The rim is its first and last pixels by row and by column; holes count as filled.
    """
    width = mask.width
    pixels = bytearray(mask.tobytes())
    best: list[int] = []
    for start in range(len(pixels)):
        if not pixels[start]:
            continue
        pixels[start] = 0
        found = [start]
        for at in found:
            x = at % width
            for near in (
                at - 1 if x else -1,
                at + 1 if x < width - 1 else -1,
                at - width,
                at + width,
            ):
                if 0 <= near < len(pixels) and pixels[near]:
                    pixels[near] = 0
                    found.append(near)
        if len(found) > len(best):
            best = found
    if len(best) < _LEAST_SHARE / 2 * len(pixels):
        return None
    rows: dict[int, list[int]] = {}
    columns: dict[int, list[int]] = {}
    for at in best:
        y, x = divmod(at, width)
        rows.setdefault(y, []).append(x)
        columns.setdefault(x, []).append(y)
    # A pixel is a square: the rim is where the outer pixels end.
    points = [(float(x), y + 0.5) for y, xs in rows.items() for x in (min(xs), max(xs) + 1)]
    points += [(x + 0.5, float(y)) for x, ys in columns.items() for y in (min(ys), max(ys) + 1)]
    filled = sum(max(xs) + 1 - min(xs) for xs in rows.values())
    return points, filled / max(_area(_hull(points)), 1.0)


def _hull(points: Sequence[Point]) -> list[Point]:
    """Convex hull, counter-clockwise in picture coordinates (Andrew's monotone chain)."""

    def half(ordered: Sequence[Point]) -> list[Point]:
        chain: list[Point] = []
        for point in ordered:
            while len(chain) > 1 and _cross(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        return chain[:-1]

    ordered = sorted(set(points))
    return half(ordered) + half(ordered[::-1])


def _cross(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _area(corners: Sequence[Point]) -> float:
    turned = zip(corners, [*corners[1:], corners[0]], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in turned)) / 2


def _four_corners(hull: Sequence[Point]) -> Corners | None:
    """The largest four-cornered shape with its corners on the hull."""
    if len(hull) < 4:
        return None
    best, found = 0.0, None
    for one, other in combinations(range(len(hull)), 2):
        a, c = hull[one], hull[other]
        between = hull[one + 1 : other]
        beyond = [*hull[other + 1 :], *hull[:one]]
        if not between or not beyond:
            continue
        b = max(between, key=lambda point: abs(_cross(a, c, point)))
        d = max(beyond, key=lambda point: abs(_cross(a, c, point)))
        size = abs(_cross(a, c, b)) + abs(_cross(a, c, d))
        if size > best:
            best, found = size, (a, b, c, d)
    return found


def _sharpened(corners: Corners, unlike: Image.Image) -> Corners:
    """Corners where the card's edges would meet: real corners are round, and shadows are soft."""
    lines = []
    for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
        steps = _sharp_steps(start, end, unlike)
        line = _line(steps)
        near = [p for p in steps if abs(line[0] * p[0] + line[1] * p[1] - line[2]) < 1.5]
        if len(near) < len(steps) / 2:
            return corners
        lines.append(_line(near))
    met = []
    for at, corner in enumerate(corners):
        crossing = _meeting(lines[at - 1], lines[at])
        if crossing is None or math.dist(crossing, corner) > 2 * _REACH:
            return corners
        met.append(crossing)
    return met[0], met[1], met[2], met[3]


def _sharp_steps(start: Point, end: Point, unlike: Image.Image) -> list[Point]:
    """Along a side, the places where the picture changes most within a few pixels of it."""
    length = math.dist(start, end)
    across = ((start[1] - end[1]) / length, (end[0] - start[0]) / length)
    found = []
    for tenth in range(3, 18):
        part = tenth / 20
        x, y = start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part
        line = [(x + across[0] * n / 2, y + across[1] * n / 2) for n in range(-16, 17)]
        seen = [_seen(unlike, point) for point in line]
        steps = [abs(seen[at + 2] - seen[at]) for at in range(len(seen) - 2)]
        found.append(line[steps.index(max(steps)) + 1])
    return found


def _seen(unlike: Image.Image, point: Point) -> float:
    x = min(unlike.width - 1, max(0, int(point[0])))
    y = min(unlike.height - 1, max(0, int(point[1])))
    value = unlike.getpixel((x, y))
    return value if isinstance(value, float | int) else 0


def _line(points: Sequence[Point]) -> tuple[float, float, float]:
    """The line ax + by = c closest to the points."""
    count = len(points)
    x, y = sum(p[0] for p in points) / count, sum(p[1] for p in points) / count
    xx = sum((p[0] - x) ** 2 for p in points)
    yy = sum((p[1] - y) ** 2 for p in points)
    xy = sum((p[0] - x) * (p[1] - y) for p in points)
    angle = math.atan2(2 * xy, xx - yy) / 2
    a, b = -math.sin(angle), math.cos(angle)
    return a, b, a * x + b * y


def _meeting(one: tuple[float, float, float], other: tuple[float, float, float]) -> Point | None:
    turned = one[0] * other[1] - other[0] * one[1]
    if abs(turned) < 1e-6:
        return None
    return (
        (one[2] * other[1] - other[2] * one[1]) / turned,
        (one[0] * other[2] - other[0] * one[2]) / turned,
    )


def _from_upper_left(corners: Corners) -> Corners:
    """Clockwise as seen, beginning so that the first edge runs to the right."""
    if _cross(corners[0], corners[1], corners[2]) < 0:
        corners = (corners[3], corners[2], corners[1], corners[0])
    a, b, c, d = corners
    turns = ((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c))
    return max(turns, key=lambda turn: (turn[1][0] - turn[0][0]) - abs(turn[1][1] - turn[0][1]))


def perspective(paper: Sequence[Point], seen: Sequence[Point]) -> list[float]:
    """The eight numbers with which Pillow finds, for a point on paper, its place in the photo."""
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(paper, seen, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    for at in range(8):  # Gauss and Jordan
        pivot = max(range(at, 8), key=lambda row: abs(rows[row][at]))
        rows[at], rows[pivot] = rows[pivot], rows[at]
        rows[at] = [value / rows[at][at] for value in rows[at]]
        for row in range(8):
            if row != at and rows[row][at]:
                times = rows[row][at]
                rows[row] = [a - times * b for a, b in zip(rows[row], rows[at], strict=True)]
    return [row[8] for row in rows]
