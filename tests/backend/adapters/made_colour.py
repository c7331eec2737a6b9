"""Pages that carry colour in every way a PDF knows."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, String
from PIL import Image

from tests.backend.adapters.made_pdf import A4, BLACK
from tests.backend.adapters.made_pictures import quarters

Page = Callable[[Pdf], tuple[str, Dictionary]]
PLACED = "q 200 0 0 200 100 100 cm /Im Do Q"


def coloured(path: Path, *pages: Page) -> Path:
    """One page for each maker of operators and resources; all have black text as /F1."""
    with pikepdf.new() as pdf:
        font = pdf.make_indirect(
            Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        )
        for make in pages:
            content, resources = make(pdf)
            if "/Font" not in resources:
                resources.Font = Dictionary()
            resources.Font.F1 = font
            leaf = pdf.add_blank_page(page_size=A4).obj
            leaf.Resources = resources
            leaf.Contents = pdf.make_stream((BLACK + content).encode("latin-1"))
        pdf.save(path)
    return path


def operators(content: str) -> Page:
    return lambda _: (content, Dictionary())


def spaces(content: str, **found: Callable[[Pdf], Object]) -> Page:
    """Colour spaces by name."""
    return lambda pdf: (
        content,
        Dictionary(ColorSpace=Dictionary({f"/{name}": make(pdf) for name, make in found.items()})),
    )


def profile(channels: int) -> Callable[[Pdf], Object]:
    def make(pdf: Pdf) -> Object:
        held = pdf.make_stream(b"not read")
        held.N = channels
        return Array([Name.ICCBased, held])

    return make


def indexed(_: Pdf) -> Object:
    return Array([Name.Indexed, Name.DeviceRGB, 1, String(bytes([255, 0, 0, 0, 0, 255]))])


def spot(name: str) -> Callable[[Pdf], Object]:
    """A spot colour: red, or black if that is its name."""
    full = [0, 0, 0, 1] if name == "/Black" else [0, 1, 1, 0]

    def make(pdf: Pdf) -> Object:
        tint = Dictionary(
            FunctionType=2,
            Domain=Array([0, 1]),
            C0=Array([0, 0, 0, 0]),
            C1=Array(full),
            N=1,
        )
        return Array([Name.Separation, Name(name), Name.DeviceCMYK, tint])

    return make


def _image(pdf: Pdf, data: bytes, **entries: Object | int) -> Object:
    image = pdf.make_stream(data)
    image.Type, image.Subtype, image.Width, image.Height = Name.XObject, Name.Image, 400, 300
    image.BitsPerComponent = 8
    for key, value in entries.items():
        image["/" + key] = value
    return pdf.make_indirect(image)


def picture(content: str = PLACED, **entries: Object | int) -> Page:
    """Red, green, blue and grey quarters, packed without loss."""

    def make(pdf: Pdf) -> tuple[str, Dictionary]:
        data = zlib.compress(quarters().tobytes())
        given = {"ColorSpace": Name.DeviceRGB, "Filter": Name.FlateDecode, **entries}
        return content, Dictionary(XObject=Dictionary(Im=_image(pdf, data, **given)))

    return make


def jpeg(mode: str = "RGB") -> Page:
    def make(pdf: Pdf) -> tuple[str, Dictionary]:
        held = io.BytesIO()
        quarters(mode=mode).save(held, "JPEG", quality=95)
        space = Name.DeviceRGB if mode == "RGB" else Name.DeviceCMYK
        image = _image(pdf, held.getvalue(), ColorSpace=space, Filter=Name.DCTDecode)
        return PLACED, Dictionary(XObject=Dictionary(Im=image))

    return make


def veiled(pdf: Pdf) -> tuple[str, Dictionary]:
    """A picture under a soft mask that fades."""
    ramp = Image.linear_gradient("L").resize((400, 300)).tobytes()
    veil = _image(pdf, zlib.compress(ramp), ColorSpace=Name.DeviceGray, Filter=Name.FlateDecode)
    return picture(SMask=veil)(pdf)


def inline(pdf: Pdf) -> tuple[str, Dictionary]:
    return "q 99 0 0 99 99 99 cm BI /W 1 /H 1 /BPC 8 /CS /RGB ID \xff\x01\x02 EI Q", Dictionary()


def form(pdf: Pdf) -> tuple[str, Dictionary]:
    """A form inside a form; the inner one is green."""
    inner = _form(pdf, "0 1 0 rg 0 0 200 200 re f", Dictionary())
    outer = _form(pdf, "/In Do", Dictionary(XObject=Dictionary(In=inner)))
    return PLACED.replace("200 0 0 200", "1 0 0 1"), Dictionary(XObject=Dictionary(Im=outer))


def _form(pdf: Pdf, content: str, resources: Dictionary) -> Object:
    made = pdf.make_stream(content.encode())
    made.Type, made.Subtype, made.BBox = Name.XObject, Name.Form, Array([0, 0, 200, 200])
    made.Resources = resources
    made.Group = Dictionary(Type=Name.Group, S=Name.Transparency, CS=Name.DeviceRGB)
    return pdf.make_indirect(made)


def heir(pdf: Pdf) -> tuple[str, Dictionary]:
    """A form that paints with what its caller chose."""
    made = _form(pdf, "0 0 200 200 re f", Dictionary())
    return (
        "0 0 1 rg q 1 0 0 1 100 100 cm /Im Do Q",
        Dictionary(XObject=Dictionary(Im=made)),
    )


def tiles(pdf: Pdf) -> tuple[str, Dictionary]:
    tile = pdf.make_stream(b"1 0 1 rg 0 0 5 5 re f")
    tile.PatternType, tile.PaintType, tile.TilingType = 1, 1, 1
    tile.BBox, tile.XStep, tile.YStep = Array([0, 0, 10, 10]), 10, 10
    tile.Resources = Dictionary()
    return (
        "/Pattern cs /T scn 100 100 200 200 re f",
        Dictionary(Pattern=Dictionary(T=pdf.make_indirect(tile))),
    )


def _shading() -> Dictionary:
    ramp = Dictionary(
        FunctionType=2, Domain=Array([0, 1]), C0=Array([1, 0, 0]), C1=Array([0, 0, 1]), N=1
    )
    return Dictionary(
        ShadingType=2,
        ColorSpace=Name.DeviceRGB,
        Coords=Array([100, 0, 300, 0]),
        Function=ramp,
        Extend=Array([True, True]),
    )


def shading(pdf: Pdf) -> tuple[str, Dictionary]:
    return (
        "q 100 100 200 200 re W n /S sh Q",
        Dictionary(Shading=Dictionary(S=_shading())),
    )


def shading_pattern(pdf: Pdf) -> tuple[str, Dictionary]:
    held = Dictionary(Type=Name.Pattern, PatternType=2, Shading=_shading())
    return (
        "/Pattern cs /T scn 100 100 200 200 re f",
        Dictionary(Pattern=Dictionary(T=pdf.make_indirect(held))),
    )


def glyphs(pdf: Pdf) -> tuple[str, Dictionary]:
    """Letters that are drawings, each with its own red."""
    letter = pdf.make_stream(b"1000 0 d0 1 0 0 rg 0 0 750 750 re f")
    font = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type3,
        FontBBox=Array([0, 0, 1000, 1000]),
        FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]),
        CharProcs=Dictionary(a=letter),
        Encoding=Dictionary(Type=Name.Encoding, Differences=Array([97, Name.a])),
        FirstChar=97,
        LastChar=97,
        Widths=Array([1000]),
        Resources=Dictionary(),
    )
    return "BT /T3 100 Tf 100 100 Td (aa) Tj ET", Dictionary(Font=Dictionary(T3=font))


def mixing(pdf: Pdf) -> tuple[str, Dictionary]:
    """Colours that take each other away."""
    state = Dictionary(Type=Name.ExtGState, BM=Name.Difference)
    return (
        "1 0 0 rg 100 100 200 200 re f /G gs 1 1 0 rg 150 150 200 200 re f",
        Dictionary(ExtGState=Dictionary(G=state)),
    )


def transfer(pdf: Pdf) -> tuple[str, Dictionary]:
    swap = Dictionary(FunctionType=2, Domain=Array([0, 1]), C0=Array([1]), C1=Array([0]), N=1)
    state = Dictionary(Type=Name.ExtGState, TR=swap)
    return (
        "/G gs 1 0 0 rg 100 100 200 200 re f",
        Dictionary(ExtGState=Dictionary(G=state)),
    )
