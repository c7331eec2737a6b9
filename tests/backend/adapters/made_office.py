"""Office files made for the tests: as little as a converter needs, and hostile ones."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

from app.adapters import ole

_TYPES = (
    '<?xml version="1.0"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="png" ContentType="image/png"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SECTION = (
    '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/>'
    '<w:pgMar w:top="1440" w:right="1440" w:bottom="1440" w:left="1440"/></w:sectPr>'
)


def docx(
    path: Path, body: str, *, relations: str = "", parts: Mapping[str, bytes] | None = None
) -> Path:
    """A Word file with ``body`` as its WordprocessingML."""
    spaces = (
        f'xmlns:w="{_WORD}" xmlns:r="{_RELATION}" '
        'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
    )
    written = {
        "[Content_Types].xml": _TYPES.encode(),
        "_rels/.rels": (
            f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="r1" '
            f'Type="{_RELATION}/officeDocument" Target="word/document.xml"/></Relationships>'
        ).encode(),
        "word/document.xml": (
            f'<?xml version="1.0"?><w:document {spaces}><w:body>{body}{_SECTION}</w:body>'
            "</w:document>"
        ).encode(),
        "word/_rels/document.xml.rels": (
            f'<Relationships xmlns="{_RELATIONS}">{relations}</Relationships>'
        ).encode(),
        **(parts or {}),
    }
    return container(path, written)


def container(path: Path, parts: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    return path


def paragraph(text: str, *, colour: str = "") -> str:
    look = f'<w:rPr><w:color w:val="{colour}"/></w:rPr>' if colour else ""
    return f"<w:p><w:r>{look}<w:t>{text}</w:t></w:r></w:p>"


def table(rows: int) -> str:
    """Rows of a fixed height of 1 cm, so that the page count does not depend on a font."""
    cell = (
        "<w:tc><w:tcPr><w:tcW w:w='4000' w:type='dxa'/></w:tcPr>"
        "<w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    )
    height = '<w:trPr><w:trHeight w:val="567" w:hRule="exact"/></w:trPr>'
    body = "".join(
        f"<w:tr>{height}{cell.format(f'row {row}')}{cell.format('x')}</w:tr>" for row in range(rows)
    )
    return f"<w:tbl><w:tblPr><w:tblW w:w='8000' w:type='dxa'/></w:tblPr>{body}</w:tbl>"


def page_break() -> str:
    return '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'


def linked_picture(path: Path, target: str) -> Path:
    """A Word file whose only picture lies elsewhere."""
    drawing = (
        '<w:p><w:r><w:drawing><wp:inline><wp:extent cx="3000000" cy="3000000"/>'
        '<wp:docPr id="1" name="p"/><a:graphic><a:graphicData '
        'uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:nvPicPr>'
        '<pic:cNvPr id="1" name="p"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill>'
        '<a:blip r:link="away"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr>'
        '<a:xfrm><a:off x="0" y="0"/><a:ext cx="3000000" cy="3000000"/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData>'
        "</a:graphic></wp:inline></w:drawing></w:r></w:p>"
    )
    relation = (
        f'<Relationship Id="away" Type="{_RELATION}/image" Target="{target}" '
        'TargetMode="External"/>'
    )
    return docx(path, paragraph("before") + drawing, relations=relation)


def odf(path: Path, kind: str, body: str) -> Path:
    """An OpenDocument file: ``kind`` is text, spreadsheet or presentation."""
    mime = f"application/vnd.oasis.opendocument.{kind}"
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{tail}"'
        for name, tail in {
            "office": "office:1.0",
            "text": "text:1.0",
            "table": "table:1.0",
            "draw": "drawing:1.0",
            "style": "style:1.0",
            "fo": "xsl-fo-compatible:1.0",
            "svg": "svg-compatible:1.0",
            "presentation": "presentation:1.0",
        }.items()
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces} '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.2"><office:body>'
        f"<office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{mime}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>"
    )
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("mimetype", mime)
        packed.writestr("content.xml", content)
        packed.writestr("META-INF/manifest.xml", manifest)
    return path


def compound(path: Path, name: str, stream: bytes) -> Path:
    """The container of old Office files with one stream of 4096 bytes or more, which comes last."""
    sector, free, end = 512, 0xFFFFFFFF, 0xFFFFFFFE
    count = -(-len(stream) // sector)
    table = [0xFFFFFFFD, end, *range(3, 2 + count), end]  # the table itself, the directory, ours
    head = ole.MAGIC + bytes(16) + struct.pack("<5H6x", 62, 3, 0xFFFE, 9, 6)
    head += struct.pack("<9I", 0, 1, 1, 0, 4096, end, 0, end, 0)
    head += struct.pack("<109I", 0, *[free] * 108)

    def entry(called: str, kind: int, child: int, start: int, size: int) -> bytes:
        letters = (called + "\0").encode("utf-16-le")
        tail = struct.pack("<HBB3I36xII4x", len(letters), kind, 1, free, free, child, start, size)
        return letters.ljust(64, b"\0") + tail

    directory = entry("Root Entry", 5, 1, end, 0) + entry(name, 2, free, 2, len(stream))
    written = struct.pack(f"<{len(table)}I", *table).ljust(sector, b"\xff")
    written += directory.ljust(sector, b"\0") + stream.ljust(count * sector, b"\0")
    path.write_bytes(head + written)
    return path
