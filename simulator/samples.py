"""Documents to send: the same bytes every time, but for the encryption's salt."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import cache

import pikepdf
from PIL import Image, ImageDraw

PDF = "application/pdf"
JPEG = "image/jpeg"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
LOCK = "1234"  # opens the locked sample; said on the page
COLOUR_PAGES = (1, 4)
A4 = (595.28, 841.89)  # points
FIXED_DATE = (2026, 1, 1, 0, 0, 0)
File = tuple[str, str, bytes]  # name, content type, bytes

TITLES = (
    "DBMS, unit 2: the relational model",
    "Keys and constraints",
    "Worked examples",
    "Entities and relationships",
    "Normal forms",
    "Question bank",
)
SENTENCES = (
    "A relation is a set of tuples over the same attributes; order carries no meaning.",
    "A candidate key is a smallest set of attributes that tells all tuples apart.",
    "A foreign key takes its values from the candidate key of another relation.",
    "Every attribute has a domain; a null says that a value is missing, not zero.",
    "A transaction happens completely or not at all, whatever fails in between.",
    "Third normal form: every attribute tells about the key and about nothing else.",
)


def _page(title: str, number: int, *, colour: bool) -> bytes:
    """The drawing instructions of one page."""
    lines = [f"BT /F2 20 Tf 56 770 Td ({title}) Tj ET", "0.5 w 0.6 G 56 758 m 539 758 l S 0 g 0 G"]
    top = 728
    if colour:
        for index, (red, green, blue, height) in enumerate(
            (
                (0.0, 0.62, 0.78, 46),
                (0.86, 0.11, 0.47, 74),
                (0.96, 0.76, 0.05, 118),
                (0.16, 0.56, 0.32, 150),
            )
        ):
            lines.append(f"{red} {green} {blue} rg {90 + index * 108} 570 76 {height} re f")
        lines.append("0 g 0.5 w 80 570 m 520 570 l S")
        top = 540
    step, y = 19, top
    while y > 90:
        sentence = SENTENCES[(number * 5 + (top - y) // step) % len(SENTENCES)]
        lines.append(f"BT /F1 11 Tf 56 {y} Td ({sentence}) Tj ET")
        y -= step
    lines.append(f"BT /F1 10 Tf 290 48 Td ({number}) Tj ET")
    return "\n".join(lines).encode()


def _pdf(titles: tuple[str, ...], colour_pages: tuple[int, ...], *, password: str = "") -> bytes:
    document = pikepdf.new()
    fonts = {
        f"/F{number}": document.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Font,
                Subtype=pikepdf.Name.Type1,
                BaseFont=pikepdf.Name(name),
                Encoding=pikepdf.Name.WinAnsiEncoding,
            )
        )
        for number, name in ((1, "/Helvetica"), (2, "/Helvetica-Bold"))
    }
    for number, title in enumerate(titles, 1):
        page = document.add_blank_page(page_size=A4)
        page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(fonts))
        page.obj.Contents = document.make_stream(
            _page(title, number, colour=number in colour_pages)
        )
    out = io.BytesIO()
    if password:
        document.save(out, encryption=pikepdf.Encryption(user=password, owner=password + "-owner"))
    else:
        document.save(out, deterministic_id=True)
    return out.getvalue()


@cache
def color_pdf() -> list[File]:
    """Six pages; colour on 1 and 4."""
    return [("DBMS unit 2.pdf", PDF, _pdf(TITLES, COLOUR_PAGES))]


@cache
def plain_pdf() -> list[File]:
    """Four pages without colour."""
    return [("Lecture notes.pdf", PDF, _pdf(TITLES[1:5], ()))]


@cache
def locked_pdf() -> list[File]:
    """Two pages behind the password 1234."""
    return [("Bank statement.pdf", PDF, _pdf(TITLES[:2], (), password=LOCK))]


def _photo(number: int) -> bytes:
    """Hills under a sky, stored lying on its side as phones do, with EXIF that says so."""
    width, height = 1200, 1600
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for y in range(height):
        share = y / height
        draw.line(
            (0, y, width, y), (int(70 + 150 * share), int(140 + 70 * share), int(215 - 20 * share))
        )
    draw.ellipse((760 - 60 * number, 220, 980 - 60 * number, 440), (255, 226, 130))
    for layer, green in enumerate((120, 95, 70)):
        base = 900 + layer * 210
        shift = (number * 137 + layer * 211) % 500
        points = [
            (x, base + ((x + shift) % 400 - 200) ** 2 // 260) for x in range(0, width + 40, 20)
        ]
        draw.polygon([*points, (width, height), (0, height)], (40, green, 60))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to view
    exif[0x010F] = "Simulated phone"
    exif[0x0132] = "2026:01:01 10:00:00"
    out = io.BytesIO()
    image.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", quality=85, exif=exif)
    return out.getvalue()


@cache
def photo() -> list[File]:
    return [("IMG-20260101-WA0001.jpg", JPEG, _photo(0))]


@cache
def album() -> list[File]:
    """Five photos, as WhatsApp sends an album: five messages in a row."""
    return [(f"IMG-20260101-WA000{number + 1}.jpg", JPEG, _photo(number)) for number in range(5)]


CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml"'
    ' ContentType="application/vnd.openxmlformats-officedocument'
    '.wordprocessingml.document.main+xml"/></Types>'
)
RELATIONSHIPS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
    'officeDocument" Target="word/document.xml"/></Relationships>'
)
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
BORDERS = "".join(
    f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="000000"/>'
    for side in ("top", "left", "bottom", "right", "insideH", "insideV")
)


def _paragraph(text: str, *, bold: bool = False, size: int = 22) -> str:
    weight = "<w:b/>" if bold else ""
    return f'<w:p><w:r><w:rPr>{weight}<w:sz w:val="{size}"/></w:rPr><w:t>{text}</w:t></w:r></w:p>'


def _table(rows: tuple[tuple[str, ...], ...]) -> str:
    grid = "".join('<w:gridCol w:w="2900"/>' for _ in rows[0])
    body = "".join(
        "<w:tr>"
        + "".join(
            f'<w:tc><w:tcPr><w:tcW w:w="2900" w:type="dxa"/></w:tcPr>'
            f"{_paragraph(cell, bold=not index)}</w:tc>"
            for cell in row
        )
        + "</w:tr>"
        for index, row in enumerate(rows)
    )
    look = f"<w:tblPr><w:tblBorders>{BORDERS}</w:tblBorders></w:tblPr>"
    return f"<w:tbl>{look}<w:tblGrid>{grid}</w:tblGrid>{body}</w:tbl>"


@cache
def docx() -> list[File]:
    """One page of Word with a heading, text and a table."""
    marks = (
        ("Subject", "Marks", "Grade"),
        ("Mathematics", "91", "A"),
        ("Physics", "84", "B"),
        ("Hindi", "88", "A"),
    )
    parts = [_paragraph("Assignment 3: marks of the first term", bold=True, size=32)]
    parts += [_paragraph(sentence) for sentence in SENTENCES[:4]]
    parts += [_table(marks), _paragraph("Signed by the class teacher.")]
    section = (
        '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/>'
        '<w:pgMar w:top="1134" w:right="1134" w:bottom="1134"'
        ' w:left="1134" w:header="708" w:footer="708" w:gutter="0"/></w:sectPr>'
    )
    document = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<w:document xmlns:w="{WORD}"><w:body>{"".join(parts)}{section}</w:body></w:document>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in (
            ("[Content_Types].xml", CONTENT_TYPES),
            ("_rels/.rels", RELATIONSHIPS),
            ("word/document.xml", document),
        ):
            entry = zipfile.ZipInfo(name, FIXED_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return [("Assignment 3.docx", DOCX, out.getvalue())]


SAMPLES: dict[str, Callable[[], list[File]]] = {
    "pdf": plain_pdf,
    "color_pdf": color_pdf,
    "photo": photo,
    "docx": docx,
    "locked": locked_pdf,
    "album": album,
}
