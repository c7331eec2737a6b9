"""A stranger's picture becomes A4 pages. Runs only inside the intake child.

The whole picture is shown, as large as it goes inside a 6 mm margin, upright as its EXIF says,
on a portrait or landscape sheet by its shape. A plain JPEG keeps its bytes (without EXIF, so
without the place it was taken); everything else is decoded, laid on white and stored again:
without loss where that is small (drawings, screenshots, 1-bit scans), as JPEG where it is not.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pi_heif
import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image, ImageCms

from app.adapters.jpeg import strip_jpeg
from app.adapters.layout import A4_PT
from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal

MAX_PIXELS = 100_000_000
MARGIN_PT = 17.008  # 6 mm: most printers cannot reach further
DPI = 300
LINE_ART_DPI = 600
_COPY_UP_TO = 25_000_000  # pixels of a JPEG whose bytes are kept; more only burdens the printer
_LOSSLESS_BELOW = 6_000_000  # bytes of one stored picture

_FORMATS = {
    Kind.JPEG: ("JPEG", "MPO"),
    Kind.PNG: ("PNG",),
    Kind.WEBP: ("WEBP",),
    Kind.HEIC: ("HEIF",),
    Kind.TIFF: ("TIFF",),
    Kind.GIF: ("GIF",),
    Kind.BMP: ("BMP",),
}

_COMPRESSION, _JPEGS = 259, (6, 7)
# Where a TIFF's pixels lie and how long they are: strips, tiles, and the old way with JPEG.
_STORED = ((273, 279), (324, 325), (513, 514))

# (u, v) of the stored picture to (x, y) on paper, both from the lower left: a b c d e f of the
# unit square, for the EXIF orientations 1 to 8 (TIFF 6.0, tag 274).
_TURNS = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}


@dataclass(frozen=True, slots=True)
class _Picture:
    """Encoded pixels as a PDF stores them, and how they are turned."""

    width: int
    height: int
    data: bytes
    entries: dict[str, object]
    turn: int = 1
    profile: bytes = b""


def prepare_libraries() -> None:
    """Loads every decoder once, before any foreign byte is near."""
    pi_heif.register_heif_opener()
    Image.init()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def to_pdf(source: Path, kind: Kind, target: Path, *, max_pages: int) -> int:
    """Writes one page for each picture in ``source`` and gives their number."""
    pages = 0
    with _refusing(kind), Pdf.new() as pdf, Image.open(source, formats=_FORMATS[kind]) as opened:
        for picture in _pictures(opened, kind, source):
            if pages == max_pages:
                raise DocumentRefused(Refusal.TOO_MANY_PAGES, f"more than {max_pages} pages")
            _place(pdf, picture)
            pages += 1
        pdf.save(target, static_id=True, min_version="1.5")
    return pages


def upright(source: Path, kind: Kind) -> Image.Image:
    """The first picture's pixels, grey or RGB, as large as an A4 sheet at 300 dpi at most."""
    with _refusing(kind), Image.open(source, formats=_FORMATS[kind]) as opened:
        _check_pixels(opened)
        _refuse_cut(opened, source.stat().st_size)
        image = _upright(opened)
        return image.convert("L") if image.mode == "1" else image


@contextmanager
def _refusing(kind: Kind) -> Iterator[None]:
    """Whatever a decoder says, in our words."""
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DocumentRefused(Refusal.TOO_COMPLEX, "more than 100 million pixels") from error
    except MemoryError as error:
        raise DocumentRefused(Refusal.TOO_COMPLEX, "the picture does not fit") from error
    except (DocumentRefused, pikepdf.PdfError):
        raise
    except Exception as error:  # foreign bytes make decoders raise anything
        raise DocumentRefused(
            Refusal.BROKEN, f"not a readable {kind.value}: {type(error).__name__}"
        ) from error


def _pictures(opened: Image.Image, kind: Kind, source: Path) -> Iterator[_Picture]:
    _check_pixels(opened)
    if kind is Kind.JPEG:
        kept = _keep(opened, source)
        if kept is not None:
            yield kept
            return
    if kind is not Kind.TIFF:
        yield _encode(_upright(opened), lossy=kind in {Kind.JPEG, Kind.HEIC, Kind.WEBP})
        return
    index = 0
    while True:
        try:
            opened.seek(index)
        except EOFError:
            return
        _check_pixels(opened)
        _refuse_cut(opened, source.stat().st_size)
        yield _encode(_upright(opened), lossy=False)
        index += 1


def _check_pixels(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise DocumentRefused(Refusal.TOO_COMPLEX, f"{image.width} x {image.height} pixels")
    if image.width < 1 or image.height < 1:
        raise DocumentRefused(Refusal.EMPTY, "no pixels")


def _refuse_cut(tiff: Image.Image, size: int) -> None:
    """The decoder of JPEGs in a TIFF fills up what is missing and says nothing."""
    tags: Mapping[int, object] = getattr(tiff, "tag_v2", {})
    if tags.get(_COMPRESSION) not in _JPEGS:
        return
    for places, lengths in _STORED:
        starts, counts = (_numbers(tags.get(tag)) for tag in (places, lengths))
        if any(start + count > size for start, count in zip(starts, counts, strict=False)):
            raise DocumentRefused(Refusal.BROKEN, "the file ends early")


def _numbers(value: object) -> list[int]:
    held = value if isinstance(value, tuple) else (value,)
    return [number for number in held if isinstance(number, int)]


def _keep(opened: Image.Image, source: Path) -> _Picture | None:
    """The JPEG's own bytes, when every reader agrees on what they mean."""
    if opened.mode not in {"L", "RGB"} or opened.width * opened.height > _COPY_UP_TO:
        return None
    data = strip_jpeg(source.read_bytes())
    if data is None:
        return None
    turn = _orientation(opened)
    profile = _profile(opened)
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as again:
        again.draft("L", (max(1, again.width // 8), max(1, again.height // 8)))
        again.load()  # reads all of it: a picture that ends early is refused, not half printed
    entries = {
        "/ColorSpace": Name.DeviceGray if opened.mode == "L" else Name.DeviceRGB,
        "/BitsPerComponent": 8,
        "/Filter": Name.DCTDecode,
    }
    return _Picture(opened.width, opened.height, data, entries, turn, profile)


def _orientation(image: Image.Image) -> int:
    try:
        turn = image.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001 - a broken EXIF block says nothing about the picture
        return 1
    return turn if turn in _TURNS else 1


def _profile(image: Image.Image) -> bytes:
    """The colour profile when it fits the picture and is not plain sRGB anyway."""
    raw = image.info.get("icc_profile") or b""
    if not raw or len(raw) > 600_000:
        return b""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(raw)).profile
        space = profile.xcolor_space.strip()
        plain = "srgb" in (profile.profile_description or "").lower()
    except (OSError, ImageCms.PyCMSError, ValueError, AttributeError):
        return b""
    if plain or space != {"L": "GRAY", "RGB": "RGB"}.get(image.mode):
        return b""
    return bytes(raw)


def _upright(opened: Image.Image) -> Image.Image:
    """Grey, RGB or 1-bit pixels, turned as the camera meant, no finer than paper shows."""
    turn = _orientation(opened)
    fine = LINE_ART_DPI if opened.mode == "1" else DPI
    box = _printable(turned=opened.width > opened.height)
    limit = (int(box[0] / 72 * fine), int(box[1] / 72 * fine))
    opened.draft("RGB", (limit[0] * 2, limit[1] * 2))
    opened.load()
    image = _on_white(opened)
    if image.width > limit[0] or image.height > limit[1]:
        if image.mode == "1":
            image = image.convert("L")
        image.thumbnail(limit, Image.Resampling.LANCZOS, reducing_gap=2.0)
    flips = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    return image.transpose(flips[turn]) if turn in flips else image


def _on_white(image: Image.Image) -> Image.Image:
    mode = image.mode
    if mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        straight = image.convert("RGBA")
        white = Image.new("RGB", straight.size, "white")
        white.paste(straight, mask=straight.getchannel("A"))
        return white
    if mode in {"1", "L", "RGB"}:
        return _to_srgb(image) if mode == "RGB" else image.copy()
    if mode.startswith("I;16") or mode in {"I", "F"}:
        return _eight_bits(image)
    if mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        turned = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        return turned if turned is not None else image.convert("L")
    if mode == "CMYK":
        return _to_srgb(image)
    return image.convert("RGB")


def _to_srgb(image: Image.Image) -> Image.Image:
    raw = image.info.get("icc_profile")
    if raw and len(raw) < 4_000_000:
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(raw))
            srgb = ImageCms.createProfile("sRGB")
            turned = ImageCms.profileToProfile(image, given, srgb, outputMode="RGB")
        except (OSError, ImageCms.PyCMSError, ValueError):
            turned = None  # a profile that cannot be used is no reason to refuse a picture
        if turned is not None:
            return turned
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and floating greys, scaled by the range the format promises."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    low, high = image.getextrema()
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        raise DocumentRefused(Refusal.BROKEN, "no single grey channel")
    if image.mode == "I" and low >= 0 and high <= 65_535:
        top = 255 if high <= 255 else 65_535
        return image.point(lambda value: value * (255 / top)).convert("L")
    reach = float(high) - float(low)
    scale = 255 / reach if reach > 0 else 1.0
    offset = -float(low) * scale
    return image.convert("F").point(lambda value: value * scale + offset).convert("L")


def _encode(image: Image.Image, *, lossy: bool) -> _Picture:
    entries: dict[str, object] = {
        "/ColorSpace": Name.DeviceRGB if image.mode == "RGB" else Name.DeviceGray,
        "/BitsPerComponent": 1 if image.mode == "1" else 8,
    }
    if not (lossy and image.mode != "1"):
        packed = _png_rows(image)
        raw = image.width * image.height * len(image.getbands())
        if image.mode == "1" or len(packed) < min(_LOSSLESS_BELOW, max(raw / 4, 300_000)):
            entries["/Filter"] = Name.FlateDecode
            entries["/DecodeParms"] = Dictionary(
                Predictor=15,
                Colors=len(image.getbands()),
                BitsPerComponent=entries["/BitsPerComponent"],
                Columns=image.width,
            )
            return _Picture(image.width, image.height, packed, entries)
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=92, subsampling=0)
    entries["/Filter"] = Name.DCTDecode
    return _Picture(image.width, image.height, stored.getvalue(), entries)


def _png_rows(image: Image.Image) -> bytes:
    """PNG's own compressed rows: a PDF stores the same (Flate with predictor 15)."""
    held = io.BytesIO()
    image.info = {}
    image.save(held, "PNG", compress_level=4)
    data, position, rows = held.getvalue(), 8, []
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"IDAT":
            rows.append(data[position + 8 : position + 8 + length])
        position += 12 + length
    return b"".join(rows)


def _printable(*, turned: bool) -> tuple[float, float]:
    width, height = A4_PT[0] - 2 * MARGIN_PT, A4_PT[1] - 2 * MARGIN_PT
    return (height, width) if turned else (width, height)


def _place(pdf: Pdf, picture: _Picture) -> None:
    shown = (picture.width, picture.height)
    if picture.turn >= 5:
        shown = (shown[1], shown[0])
    landscape = shown[0] > shown[1]
    page_size = (A4_PT[1], A4_PT[0]) if landscape else A4_PT
    room = _printable(turned=landscape)
    scale = min(room[0] / shown[0], room[1] / shown[1])
    width, height = shown[0] * scale, shown[1] * scale
    left, bottom = (page_size[0] - width) / 2, (page_size[1] - height) / 2
    a, b, c, d, e, f = _TURNS[picture.turn]
    matrix = (a * width, b * height, c * width, d * height, left + e * width, bottom + f * height)
    image = pdf.make_stream(picture.data)
    image.Type, image.Subtype = Name.XObject, Name.Image
    image.Width, image.Height = picture.width, picture.height
    for key, value in picture.entries.items():
        image[key] = value
    if picture.profile:
        space = picture.entries["/ColorSpace"]
        held = pdf.make_stream(picture.profile)
        held.N, held.Alternate = (1 if space == Name.DeviceGray else 3), space
        image.ColorSpace = Array([Name.ICCBased, held])
    numbers = " ".join(f"{value:.4f}" for value in matrix)
    page = pdf.add_blank_page(page_size=page_size)
    page.obj.Resources = Dictionary(XObject=Dictionary(Im=image))
    page.obj.Contents = pdf.make_stream(f"q {numbers} cm /Im Do Q".encode())
    page.obj.Rotate = 0
