"""Office files in: converted in a box, once, and counted as they print."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import psutil
import pypdfium2
import pytest
from PIL import Image

from app.adapters.intake import Intake
from app.adapters.office import ConverterBounds
from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal
from app.ports import Limits
from tests.backend.adapters import made_office
from tests.backend.adapters.conftest import LIMITS, Prepare, Refused
from tests.backend.adapters.made_office import docx, page_break, paragraph, table
from tests.support.programs import needs_program


@pytest.fixture(autouse=True, scope="module")
def programs() -> None:
    for name in ("soffice", "bwrap", "pdfinfo"):
        needs_program(name)


def plain_soffice(source: Path, out: Path, to: str) -> Path:
    """LibreOffice as anybody would start it: no box, its own settings."""
    out.mkdir(exist_ok=True)
    command = [
        "soffice",
        f"-env:UserInstallation={(out / 'profile').as_uri()}",
        "--headless",
        "--convert-to",
        to,
        "--outdir",
        str(out),
        str(source),
    ]
    subprocess.run(command, capture_output=True, timeout=100, check=True)
    return out / f"{source.stem}.{to}"


def pages_by_poppler(pdf: Path) -> int:
    done = subprocess.run(["pdfinfo", str(pdf)], capture_output=True, text=True, check=True)
    return int(done.stdout.split("Pages:")[1].split()[0])


def words(pdf: Path) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)
    finally:
        document.close()


async def test_three_tables_over_several_pages_count_what_they_print(
    prepare: Prepare, tmp_path: Path
) -> None:
    # 24.6 cm of text on an A4 page take 24 rows of 1 cm.
    body = paragraph("first") + table(30) + page_break() + table(50) + page_break() + table(10)
    source = docx(tmp_path / "tables.docx", body)

    prepared = await prepare(source)

    assert prepared.kind is Kind.DOCX
    assert prepared.pages == pages_by_poppler(prepared.path) == 6
    assert prepared.pages == pages_by_poppler(plain_soffice(source, tmp_path / "plain", "pdf"))
    assert prepared.color_pages == ()
    assert "row 49" in words(prepared.path)
    assert len(prepared.previews) == 3


async def test_a_red_word_makes_only_its_page_a_colour_page(
    prepare: Prepare, tmp_path: Path
) -> None:
    red = paragraph("late", colour="C00000")
    body = paragraph("one") + page_break() + red + page_break() + paragraph("three")

    assert (await prepare(docx(tmp_path / "red.docx", body))).color_pages == (2,)


async def test_every_office_kind_is_converted(prepare: Prepare, tmp_path: Path) -> None:
    text = made_office.odf(tmp_path / "a.odt", "text", "<text:p>Namaste</text:p>")
    cells = (
        '<table:table table:name="s"><table:table-row><table:table-cell '
        'office:value-type="string"><text:p>Namaste</text:p></table:table-cell>'
        "</table:table-row></table:table>"
    )
    sheet = made_office.odf(tmp_path / "b.ods", "spreadsheet", cells)
    slide = (
        '<draw:page draw:name="p"><draw:frame svg:width="9cm" svg:height="3cm" svg:x="2cm" '
        'svg:y="2cm"><draw:text-box><text:p>Namaste</text:p></draw:text-box></draw:frame></draw:page>'
    )
    slides = made_office.odf(tmp_path / "c.odp", "presentation", slide * 2)
    (tmp_path / "d.txt").write_text("Namaste\r\nनमस्ते ₹ 20", encoding="utf-8")
    made = [text, sheet, slides, tmp_path / "d.txt"]
    for source, kinds in ((text, "doc docx rtf"), (sheet, "xls xlsx"), (slides, "ppt pptx")):
        made += [plain_soffice(source, tmp_path / "made", to) for to in kinds.split()]

    for source in made:
        renamed = shutil.copy(source, tmp_path / "its-name-says-nothing")
        prepared = await prepare(Path(renamed))
        assert prepared.kind is Kind(source.suffix[1:])
        assert prepared.pages == (2 if prepared.kind.value in {"odp", "ppt", "pptx"} else 1)
        assert "Namaste" in words(prepared.path)
    assert len({path.suffix for path in made}) == 11


async def test_entities_are_not_resolved(refused: Refused, tmp_path: Path) -> None:
    evil = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>'
    for name in ("word/document.xml", "word/styles.xml"):
        source = docx(tmp_path / "xxe.docx", "", parts={name: evil.encode()})
        assert await refused(source) is Refusal.BROKEN
    wide = docx(tmp_path / "wide.docx", "", parts={"word/document.xml": evil.encode("utf-16")})
    assert await refused(wide) is Refusal.BROKEN


async def test_macros_are_refused(refused: Refused, tmp_path: Path) -> None:
    project = docx(tmp_path / "a.docm", paragraph("x"), parts={"word/vbaProject.bin": b"\0" * 9})
    assert await refused(project) is Refusal.MACROS
    basic = made_office.odf(tmp_path / "b.odt", "text", "<text:p>x</text:p>")
    with zipfile.ZipFile(basic, "a") as packed:
        packed.writestr("Basic/Standard/Module1.xml", "<x/>")
    assert await refused(basic) is Refusal.MACROS


async def test_containers_that_lie_are_refused_before_they_are_unpacked(
    refused: Refused, tmp_path: Path
) -> None:
    zeros = b"\0" * 90_000_000
    nested = tmp_path / "inner.docx"
    docx(nested, "", parts={"word/embeddings/again.docx": docx(tmp_path / "x", "").read_bytes()})
    cases = {
        "ratio": {"word/media/a.bin": zeros},
        "parts": {f"word/{number}.xml": b"" for number in range(5_001)},
        "nested": {"word/embeddings/inner.docx": nested.read_bytes()},
        "outside": {"../../outside.xml": b"x"},
        "absolute": {"/etc/cron.d/x": b"x"},
    }
    before = psutil.Process().memory_info().rss
    for name, parts in cases.items():
        source = docx(tmp_path / f"{name}.docx", paragraph("x"), parts=parts)
        assert await refused(source) is Refusal.TOO_COMPLEX, name
    assert psutil.Process().memory_info().rss - before < 30 << 20
    link = docx(tmp_path / "link.docx", paragraph("x"))
    with zipfile.ZipFile(link, "a") as packed:
        entry = zipfile.ZipInfo("word/media/link.png")
        entry.external_attr = 0o120777 << 16
        packed.writestr(entry, "/etc/passwd")
    assert await refused(link) is Refusal.TOO_COMPLEX
    with zipfile.ZipFile(tmp_path / "holiday.zip", "w") as packed:
        packed.writestr("photo.jpg", b"\xff\xd8\xff")
    assert await refused(tmp_path / "holiday.zip") is Refusal.UNSUPPORTED


async def test_an_embedded_table_is_no_nested_bomb(prepare: Prepare, tmp_path: Path) -> None:
    table_inside = docx(tmp_path / "inner", paragraph("inner")).read_bytes()
    parts = {"word/embeddings/sheet1.xlsx": table_inside}

    assert (await prepare(docx(tmp_path / "chart.docx", paragraph("x"), parts=parts))).pages == 1


async def test_what_is_no_office_file_never_reaches_the_converter(
    refused: Refused, tmp_path: Path
) -> None:
    bodies = {
        "page.doc": b"<html><img src='http://127.0.0.1/'></html>",
        "drawing.txt": b"\xef\xbb\xbf <svg xmlns='http://www.w3.org/2000/svg'/>",
        "book.xml": b"<?xml version='1.0'?><x/>",
        "script.sh": b"#!/bin/sh\nreboot\n",
        "page.ps": b"%!PS-Adobe-3.0\nshowpage\n",
        "noise.docx": bytes(range(256)) * 400,
        "mail.mht": b"MIME-Version: 1.0\nContent-Type: text/html\n\n<html>",
    }
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
        assert await refused(tmp_path / name) is Refusal.UNSUPPORTED, name
    (tmp_path / "blank.txt").write_text(" \n\n", encoding="ascii")
    assert await refused(tmp_path / "blank.txt") is Refusal.EMPTY


async def test_a_long_sheet_is_stopped_one_page_after_the_limit(
    prepare: Prepare, refused: Refused, tmp_path: Path
) -> None:
    body = page_break().join([paragraph("x")] * 8)
    source = docx(tmp_path / "eight.docx", body)

    assert (await prepare(source, limits=Limits(1 << 20, 8))).pages == 8
    assert await refused(source, limits=Limits(1 << 20, 7)) is Refusal.TOO_MANY_PAGES
    (tmp_path / "long.txt").write_text("word " * 40_000, encoding="ascii")
    assert await refused(tmp_path / "long.txt", limits=Limits(1 << 20, 9)) is (
        Refusal.TOO_MANY_PAGES
    )


async def test_without_a_box_office_files_are_refused_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    source = docx(tmp_path / "a.docx", paragraph("x"))
    picture = tmp_path / "a.png"
    Image.new("RGB", (30, 30), "red").save(picture)
    for soffice, bwrap, missing in (
        ("/usr/bin/soffice", None, "bubblewrap"),
        (None, shutil.which("bwrap"), "libreoffice"),
    ):
        intake = Intake(soffice=soffice, bwrap=bwrap)
        try:
            assert list(intake.missing()) == [missing]
            with pytest.raises(DocumentRefused) as caught:
                await intake.prepare(source, tmp_path / "work", limits=LIMITS)
            assert caught.value.reason is Refusal.CONVERTER_MISSING
            assert (await intake.prepare(picture, tmp_path / "work", limits=LIMITS)).pages == 1
        finally:
            intake.close()


async def test_a_converter_that_hangs_is_ended_with_everything_it_started(tmp_path: Path) -> None:
    program = tmp_path / "office" / "program" / "soffice"
    program.parent.mkdir(parents=True)
    nap = f"7654.{secrets.randbelow(10**9):09}"  # no other run on this machine sleeps that long
    program.write_text(f"#!/bin/sh\nsleep {nap} &\nsleep {nap}\n", encoding="ascii")
    program.chmod(0o755)
    intake = Intake(
        soffice=str(program),
        bwrap=shutil.which("bwrap"),
        converter_bounds=ConverterBounds(wall=2.0),
        idle_seconds=0,
    )
    source = docx(tmp_path / "a.docx", paragraph("x"))
    try:
        started = time.monotonic()
        with pytest.raises(DocumentRefused) as caught:
            await intake.prepare(source, tmp_path / "work", limits=LIMITS)
        assert caught.value.reason is Refusal.TOO_COMPLEX
        assert time.monotonic() - started < 20
        await until(nap, there=False)
        cancelled = asyncio.create_task(intake.prepare(source, tmp_path / "work", limits=LIMITS))
        await until(nap, there=True)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
    finally:
        intake.close()
    await until(nap, there=False)


async def until(argument: str, *, there: bool) -> None:
    """A process with this argument runs, or none does any more."""
    deadline = time.monotonic() + 10
    while there is not any(
        argument in (process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])
    ):
        assert time.monotonic() < deadline, "left behind" if not there else "never started"
        await asyncio.sleep(0.05)


async def test_many_at_once_take_turns_and_none_sees_another(
    intake: Intake, tmp_path: Path
) -> None:
    own = Intake.detect(idle_seconds=60.0)
    sources = [
        docx(tmp_path / f"{number}.docx", page_break().join([paragraph(f"mine {number}")] * number))
        for number in range(1, 6)
    ]
    try:
        done = await asyncio.gather(
            *(own.prepare(path, tmp_path / f"w{path.stem}", limits=LIMITS) for path in sources)
        )
    finally:
        own.close()
    assert [prepared.pages for prepared in done] == [1, 2, 3, 4, 5]
    for number, prepared in enumerate(done, start=1):
        assert set(words(prepared.path).split()) == {"mine", str(number)}
