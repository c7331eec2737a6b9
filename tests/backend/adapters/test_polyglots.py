"""Files that are two things at once: one of them is chosen by the content, and only that goes on.

The first bytes decide. A picture's signature makes a picture, whatever follows; ``%PDF-`` makes a
PDF, also behind 1,019 bytes of anything else; a ZIP archive is an Office file if it holds one.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from app.domain.documents import Kind
from app.domain.errors import Refusal
from tests.backend.adapters import made_pdf
from tests.backend.adapters.conftest import Prepare, Refused
from tests.backend.adapters.made_office import docx, paragraph
from tests.backend.adapters.made_pdf import BLACK
from tests.backend.adapters.made_pictures import quarters, saved

PAGES = {Kind.PDF: 2, Kind.JPEG: 1, Kind.GIF: 1, Kind.DOCX: 1}
HTML = b"<html><script>CANARY</script>\n"


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, bytes]:
    """The things that are put together: two pages of PDF, one of everything else."""
    made = tmp_path / "parts"
    made.mkdir()
    with zipfile.ZipFile(made / "a.zip", "w") as packed:  # stored, not packed
        packed.writestr("a.pdf", made_pdf.make(made / "a.pdf", [BLACK, BLACK]).read_bytes())
    return {
        "pdf": (made / "a.pdf").read_bytes(),
        "jpg": saved(made / "a.jpg", quarters()).read_bytes(),
        "gif": saved(made / "a.gif", quarters()).read_bytes(),
        "docx": docx(made / "a.docx", paragraph("x")).read_bytes(),
        "pdf in a zip": (made / "a.zip").read_bytes(),
        "junk": HTML,
        "much junk": HTML + b"<!--" + b"x" * (1019 - len(HTML) - 4),
        "too much junk": HTML + b"<!--" + b"x" * (1025 - len(HTML) - 4),
    }


@pytest.mark.parametrize(
    ("together", "kind"),
    [
        ("jpg + pdf", Kind.JPEG),
        ("gif + pdf", Kind.GIF),
        ("pdf + gif", Kind.PDF),
        ("pdf + docx", Kind.PDF),
        ("docx + pdf", Kind.DOCX),
        ("pdf in a zip", Kind.PDF),
        ("junk + pdf", Kind.PDF),
        ("much junk + pdf", Kind.PDF),
        ("pdf + junk", Kind.PDF),
    ],
)
async def test_a_polyglot_is_printed_as_what_was_counted(
    prepare: Prepare, tmp_path: Path, parts: dict[str, bytes], together: str, kind: Kind
) -> None:
    source = tmp_path / "both"
    source.write_bytes(b"".join(parts[name] for name in together.split(" + ")))

    prepared = await prepare(source)

    assert (prepared.kind, prepared.pages) == (kind, PAGES[kind])
    written = prepared.path.read_bytes()
    assert written.count(b"%PDF-") == 1
    for foreign in (b"CANARY", b"PK\x03\x04", b"GIF8"):
        assert foreign not in written
    with Image.open(prepared.previews[0]) as preview:
        assert (preview.width > preview.height) == (kind in {Kind.JPEG, Kind.GIF})


@pytest.mark.parametrize("together", ["too much junk + pdf", "pdf + jpg"])
async def test_a_pdf_that_begins_too_late_or_ends_too_soon_is_none(
    refused: Refused, tmp_path: Path, parts: dict[str, bytes], together: str
) -> None:
    """Its beginning is looked for in the first kilobyte and its end in the last two."""
    source = tmp_path / "both"
    source.write_bytes(b"".join(parts[name] for name in together.split(" + ")))
    assert len(parts["jpg"]) > 2048

    assert await refused(source) is Refusal.BROKEN
