"""Office containers as strangers make them: what is in the parts, before a converter sees them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from app.adapters import archives
from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal
from tests.backend.adapters.made_office import container, docx, odf, paragraph

EVIL = '<?xml version="1.0"{}?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>'
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def evil(codec: str, *, declared: str = "") -> bytes:
    said = f' encoding="{declared}"' if declared else ""
    return EVIL.format(said).encode(codec)


def utf_7(text: str) -> bytes:
    """As an attacker writes it: only the declaration is what it looks like."""
    declaration, end, rest = text.partition("?>")
    return f"{declaration}{end}".encode() + rest.replace("<", "+ADw-").encode()


def look(source: Path) -> Refusal | Kind:
    """The kind, or why not; a refused container leaves nothing for the converter to find whole."""
    try:
        return archives.inspect(source, source.with_suffix(".packed"))
    except DocumentRefused as refused:
        return refused.reason


ENTITIES = {
    "plain": evil("utf-8"),
    "with a mark": evil("utf-8-sig"),
    "small letters": evil("utf-8").replace(b"ENTITY", b"entity"),
    "after spaces": b" \r\n\t" * 9 + evil("utf-8"),
    "utf-16 with a mark": evil("utf-16"),
    "utf-16 without one": evil("utf-16-le"),
    "utf-16, big end first": evil("utf-16-be"),
    "utf-32": evil("utf-32"),
    "utf-7": utf_7(EVIL.format(' encoding="UTF-7"')),
    "utf-7, in other quotes": utf_7(EVIL.format(" encoding = 'unicode-1-1-utf-7'")),
    "ebcdic": evil("cp037", declared="IBM037"),
    "a declaration without end": b'<?xml version="1.0"' + b" " * 70_000 + evil("utf-8")[19:],
    "far behind": b"<x>" + b"y" * 65_531 + b"<!ENTITY",
}


@pytest.mark.parametrize("name", ["word/document.xml", "word/STYLES.XML", "word/theme.bin"])
@pytest.mark.parametrize("case", ENTITIES)
def test_entities_are_found_whatever_the_part_is_called_and_however_it_is_written(
    tmp_path: Path, case: str, name: str
) -> None:
    source = docx(tmp_path / "a.docx", "", parts={name: ENTITIES[case]})
    assert look(source) is Refusal.BROKEN


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_honest_parts_in_both_encodings_of_the_standard_pass(tmp_path: Path, codec: str) -> None:
    text = '<?xml version="1.0" encoding="{}" standalone="yes"?><x>ENTITY &amp; DOCTYPE</x>'
    said = text.format("UTF-16" if "16" in codec else "UTF-8").encode(codec)
    source = docx(tmp_path / "a.docx", paragraph("x"), parts={"customXml/item1.xml": said})
    assert look(source) is Kind.DOCX
    with zipfile.ZipFile(source.with_suffix(".packed")) as packed:
        assert packed.read("customXml/item1.xml") == said


def test_a_document_type_has_no_place_in_microsofts_formats(tmp_path: Path) -> None:
    named = b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>'
    for name in ("word/document.xml", "word/DOCUMENT.XML", "customXml/_rels/item1.xml.RELS"):
        source = docx(tmp_path / "a.docx", "", parts={name: named})
        assert look(source) is Refusal.BROKEN, name
    # OpenOffice 2 began its manifests with one, and so do pictures.
    old = odf(tmp_path / "a.odt", "text", "<text:p>x</text:p>")
    with zipfile.ZipFile(old, "a") as packed:
        packed.writestr("Configurations2/menubar/menubar.xml", named)
    assert look(old) is Kind.ODT
    drawn = docx(tmp_path / "b.docx", paragraph("x"), parts={"word/media/image1.svg": named})
    assert look(drawn) is Kind.DOCX


def package(path: Path, main: str, folder: str, **more: bytes) -> Path:
    """An OOXML package whose main part is of the type ``main``."""
    types = (
        '<?xml version="1.0"?>'
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Override PartName="/{folder}/main.xml" ContentType="{main}"/></Types>'
    )
    return container(
        path, {"[Content_Types].xml": types.encode(), f"{folder}/main.xml": b"<x/>", **more}
    )


MACRO_TYPES = {
    "docm": ("application/vnd.ms-word.document.macroEnabled.main+xml", "word"),
    "dotm": ("application/vnd.ms-word.template.macroEnabledTemplate.main+xml", "word"),
    "xlsm": ("application/vnd.ms-excel.sheet.macroEnabled.main+xml", "xl"),
    "xlam": ("application/vnd.ms-excel.addin.macroEnabled.main+xml", "xl"),
    "pptm": ("application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml", "ppt"),
    "ppsm": ("application/vnd.ms-powerpoint.slideshow.macroEnabled.main+xml", "ppt"),
}


@pytest.mark.parametrize("suffix", MACRO_TYPES)
def test_macro_enabled_types_are_refused_with_and_without_a_project(
    tmp_path: Path, suffix: str
) -> None:
    main, folder = MACRO_TYPES[suffix]
    assert look(package(tmp_path / f"a.{suffix}", main, folder)) is Refusal.MACROS
    project = {f"{folder}/vbaProject.bin": b"\0" * 9}
    assert look(package(tmp_path / f"b.{suffix}", main, folder, **project)) is Refusal.MACROS


def relations(kind: str) -> bytes:
    return (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r9" Type="http://schemas.microsoft.com/office/2006/{kind}"'
        ' Target="innocent.bin"/></Relationships>'
    ).encode()


def test_a_macro_project_is_found_behind_every_sign_that_leads_to_it(tmp_path: Path) -> None:
    types = f'<Types><Override ContentType="{MAIN}"/><Default ContentType="{{}}"/></Types>'
    vba = types.format("application/vnd.ms-office.vbaProject")
    macro = types.format("application/vnd.ms-word.document.macroEnabled.main+xml")
    signs: dict[str, Mapping[str, bytes]] = {
        "its name": {"word/VBAPROJECT.BIN": b"x"},
        "its type": {"[Content_Types].xml": vba.encode()},
        "types in utf-16": {"[Content_Types].xml": macro.encode("utf-16")},
        "a sheet of Excel 4": {
            "[Content_Types].xml": types.format("application/vnd.ms-excel.macrosheet+xml").encode()
        },
        "its relation": {"word/_rels/document.xml.rels": relations("relationships/vbaProject")},
        "in utf-16": {
            "word/_rels/styles.xml.RELS": relations("relationships/vbaProject")
            .decode()
            .encode("utf-16")
        },
    }
    for sign, parts in signs.items():
        assert look(docx(tmp_path / "a.docx", "", parts=parts)) is Refusal.MACROS, sign
    other = {"word/_rels/document.xml.rels": relations("relationships/keyMapCustomizations")}
    assert look(docx(tmp_path / "a.docx", "", parts=other)) is Kind.DOCX


def test_a_binary_workbook_is_no_macro_file_but_no_kind_we_print(tmp_path: Path) -> None:
    main = "application/vnd.ms-excel.sheet.binary.macroEnabled.main"
    assert look(package(tmp_path / "a.xlsb", main, "xl")) is Refusal.UNSUPPORTED


def test_a_locked_openoffice_file_needs_its_password_in_either_encoding(tmp_path: Path) -> None:
    said = "<manifest:manifest><manifest:encryption-data/></manifest:manifest>"
    locks: list[Callable[[str], bytes]] = [str.encode, lambda text: text.encode("utf-16")]
    for lock in locks:
        source = container(
            tmp_path / "a.odt",
            {
                "mimetype": b"application/vnd.oasis.opendocument.text",
                "META-INF/manifest.xml": lock(said),
            },
        )
        assert look(source) is Refusal.LOCKED
