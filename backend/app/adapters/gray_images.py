"""Grey twins of the pictures in a PDF, and a page as one grey picture."""

from __future__ import annotations

import io
import zlib

import pikepdf
from pikepdf import Array, Name, Pdf, Stream
from PIL import Image

from app.adapters.gray_values import CMYK, GRAY, RGB, Uncertain, space

MOST_PIXELS = 40_000_000
_QUALITY = 88
_PACK = 4
_MOSTLY_PAPER = 0.6  # of a drawn page is white: then lossless is smaller than JPEG, and sharper


def grey_image(pdf: Pdf, image: Stream) -> Stream:
    """The image itself when it is grey, else a grey copy. Raises Uncertain."""
    stencil: object = image.get("/ImageMask")
    if stencil is True:
        return image  # painted in the current colour
    _refuse_odd(image)
    chosen = space(image.get("/ColorSpace"))
    if chosen is GRAY:
        return _as_device_gray(pdf, image)
    width, height = int(image.Width), int(image.Height)
    if width * height > MOST_PIXELS:
        raise Uncertain("very many pixels")
    filters = _filters(image)
    if filters == ["/DCTDecode"]:
        if chosen is not RGB:
            raise Uncertain("a JPEG in inks")
        made = _stored(pdf, _luminance(image.read_raw_bytes(), (width, height)), lossy=True)
    else:
        if int(image.BitsPerComponent) > 8 or chosen is CMYK:
            raise Uncertain("fine grades of colour, or inks")
        pixels = pikepdf.PdfImage(image).as_pil_image(apply_decode_array=False, apply_mask=False)
        if pixels.size != (width, height) or pixels.mode not in ("RGB", "P", "L", "1"):
            raise Uncertain("odd pixels")
        made = _stored(pdf, pixels.convert("RGB").convert("L"), lossy="/DCTDecode" in filters)
    for key in ("/SMask", "/Mask", "/Interpolate"):
        if key in image:
            made[key] = image[key]
    return made


def page_picture(pdf: Pdf, drawn: Image.Image, *, quality: int = _QUALITY) -> Stream:
    """A drawn grey page as an image of the file."""
    white = drawn.histogram()[255] / (drawn.width * drawn.height)
    return _stored(pdf, drawn, lossy=white < _MOSTLY_PAPER, quality=quality)


def _refuse_odd(image: Stream) -> None:
    if isinstance(image.get("/Mask"), Array):
        raise Uncertain("a colour that means nothing is drawn")
    mask = image.get("/SMask")
    if mask is not None and (not isinstance(mask, Stream) or "/Matte" in mask):
        raise Uncertain("an odd soft mask")
    if "/JPXDecode" in _filters(image):
        raise Uncertain("JPEG 2000")
    decode = image.get("/Decode")
    if decode is not None and space(image.get("/ColorSpace")) is not GRAY:
        plain = [float(number) for number in decode] == [0.0, 1.0] * (len(decode) // 2)
        if not plain or len(decode) < 6:
            raise Uncertain("turned or stretched values")


def _filters(image: Stream) -> list[str]:
    found = image.get("/Filter")
    if found is None:
        return []
    return [str(name) for name in found] if isinstance(found, Array) else [str(found)]


def _as_device_gray(pdf: Pdf, image: Stream) -> Stream:
    if image.ColorSpace == Name.DeviceGray:
        return image
    made = pdf.make_stream(image.read_raw_bytes())
    for key, value in image.items():
        if key != "/Length":
            made[key] = value
    made.ColorSpace = Name.DeviceGray
    return made


def _luminance(data: bytes, size: tuple[int, int]) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
        if opened.size != size or opened.mode != "RGB":
            raise Uncertain("a JPEG that is not what the file says")
        opened.draft("L", size)  # the luminance channel of a JPEG needs no colours decoded
        return opened.convert("L")


def _stored(pdf: Pdf, pixels: Image.Image, *, lossy: bool, quality: int = _QUALITY) -> Stream:
    if lossy:
        held = io.BytesIO()
        pixels.save(held, "JPEG", quality=quality)
        made = pdf.make_stream(held.getvalue())
        made.Filter = Name.DCTDecode
    else:
        made = pdf.make_stream(zlib.compress(pixels.tobytes(), _PACK))
        made.Filter = Name.FlateDecode
    made.Type, made.Subtype = Name.XObject, Name.Image
    made.Width, made.Height = pixels.size
    made.ColorSpace, made.BitsPerComponent = Name.DeviceGray, 8
    return made
