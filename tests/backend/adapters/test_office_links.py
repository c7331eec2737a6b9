"""Documents that point elsewhere: nothing is fetched, nothing of the host is in the PDF.

Each trap is tried on LibreOffice as anybody would start it as well, so that an empty list of
visitors means something.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

from app.adapters.office import profile
from app.domain.documents import Kind
from app.domain.errors import Refusal
from tests.backend.adapters import made_office
from tests.backend.adapters.conftest import Prepare, Refused
from tests.backend.adapters.test_intake_office import plain_soffice, words
from tests.support.programs import needs_program

FRAME = (
    '<text:p>before<draw:frame svg:width="5cm" svg:height="5cm"><draw:image '
    'xlink:href="{}" xlink:type="simple"/></draw:frame></text:p>'
)
FIELD = r'{{\rtf1 before {{\field{{\*\fldinst {} "{}" \\d}}{{\fldrslt after}}}}}}'


class Canary(http.server.ThreadingHTTPServer):
    """Remembers who came for what."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Caller)
        self.hits: list[str] = []
        self.address = f"http://127.0.0.1:{self.server_port}"


class Caller(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Canary)
        self.server.hits.append(self.path)
        self.send_response(200)
        self.end_headers()

    do_HEAD = do_OPTIONS = do_PROPFIND = do_GET  # noqa: N815 - the base class's names

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def canary() -> Iterator[Canary]:
    server = Canary()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True, scope="module")
def programs() -> None:
    for name in ("soffice", "bwrap"):
        needs_program(name)


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """The address of a file of the host that only it may read: a red picture."""
    Image.new("RGB", (300, 300), "red").save(tmp_path / "secret.png")
    return (tmp_path / "secret.png").as_uri()


def red(pdf: Path) -> bool:
    document = pypdfium2.PdfDocument(pdf)
    try:
        drawn = document[0].render(scale=0.3).to_pil().convert("RGB")
    finally:
        document.close()
    return any(colour == (255, 0, 0) for _, colour in drawn.getcolors(1 << 20))


def made(tmp_path: Path, kind: str, target: str) -> Path:
    """A document of ``kind`` whose picture lies at ``target``."""
    path = tmp_path / f"link.{kind}"
    if kind == "docx":
        return made_office.linked_picture(path, target)
    if kind == "odt":
        return made_office.odf(path, "text", FRAME.format(target))
    path.write_text(FIELD.format("INCLUDEPICTURE", target), encoding="ascii")
    return path


@pytest.mark.parametrize("kind", ["docx", "odt", "rtf"])
async def test_a_picture_of_the_host_is_not_in_the_pdf(
    prepare: Prepare, tmp_path: Path, secret: str, kind: str
) -> None:
    source = made(tmp_path, kind, secret)

    prepared = await prepare(source)

    assert prepared.kind is Kind(kind)
    assert "before" in words(prepared.path)
    assert prepared.color_pages == ()
    assert not red(prepared.path)
    assert red(plain_soffice(source, tmp_path / "plain", "pdf")), "the trap does not work"


@pytest.mark.parametrize("kind", ["docx", "odt", "rtf"])
async def test_a_picture_elsewhere_is_not_fetched(
    prepare: Prepare, tmp_path: Path, canary: Canary, kind: str
) -> None:
    source = made(tmp_path, kind, f"{canary.address}/{kind}.png")

    prepared = await prepare(source)

    assert "before" in words(prepared.path)
    assert prepared.color_pages == ()
    assert canary.hits == []

    # Our profile alone, without the box, keeps them away as well.
    settings = tmp_path / "ours" / "profile" / "user"
    settings.mkdir(parents=True)
    (settings / "registrymodifications.xcu").write_text(profile(), encoding="utf-8")
    plain_soffice(source, tmp_path / "ours", "pdf")
    assert canary.hits == []

    plain_soffice(source, tmp_path / "plain", "pdf")
    # LibreOffice itself fetches nothing for a field of RTF; there the promise is only ours.
    assert set(canary.hits) == (set() if kind == "rtf" else {f"/{kind}.png"})


async def test_rtf_finds_no_text_of_the_host_and_no_template(
    prepare: Prepare, tmp_path: Path, canary: Canary
) -> None:
    (tmp_path / "secret.txt").write_text("CANARY", encoding="ascii")
    near = (tmp_path / "secret.txt").as_uri()
    bodies = {
        "text": FIELD.format("INCLUDETEXT", near),
        "text away": FIELD.format("INCLUDETEXT", f"{canary.address}/away.txt"),
        "object": FIELD.format("LINK Word.Document.8", near),
        "template": rf"{{\rtf1{{\*\template {canary.address}/a.dotm}}before}}",
        "files": rf"{{\rtf1{{\*\filetbl{{\file\fid1 {near}}}}}before{{\subdocument 1}}}}",
    }
    for case, body in bodies.items():
        source = tmp_path / f"{case}.rtf"
        source.write_text(body, encoding="ascii")
        prepared = await prepare(source)
        assert "before" in words(prepared.path), case
        assert "CANARY" not in words(prepared.path), case
    assert canary.hits == []


async def test_a_web_page_that_calls_itself_doc_is_not_opened(
    refused: Refused, tmp_path: Path, canary: Canary, secret: str
) -> None:
    page = (
        f'<html><head><link rel="stylesheet" href="{canary.address}/page.css"></head><body>before'
        f'<img src="{canary.address}/page.png"><img src="{secret}"></body></html>'
    )
    for name, data in {
        "page.doc": page.encode(),
        "marked.doc": b"\xef\xbb\xbf\r\n" + page.encode(),
        "wide.doc": page.encode("utf-16"),
        "typed.doc": b'<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN">' + page.encode(),
        "remark.doc": b"<!-- a letter -->" + page.encode(),
    }.items():
        (tmp_path / name).write_bytes(data)
        assert await refused(tmp_path / name) is Refusal.UNSUPPORTED, name
        assert not (tmp_path / f"work-{name}" / "print.pdf").exists()
    assert canary.hits == []

    plain_soffice(tmp_path / "page.doc", tmp_path / "plain", "pdf")
    assert {"/page.css", "/page.png"} <= set(canary.hits)
