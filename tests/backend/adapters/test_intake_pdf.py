"""PDFs in: what is counted, what is charged, what is left behind, what is refused."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path

import pikepdf
import psutil
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String
from PIL import Image

from app.adapters import render
from app.adapters.intake import Intake
from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal
from app.ports import Limits
from tests.backend.adapters import made_pdf
from tests.backend.adapters.conftest import LIMITS, Prepare, Refused
from tests.backend.adapters.made_pdf import BLACK, changed, make

RED_WORD = "BT /F1 12 Tf 72 700 Td 1 0 0 rg (red) Tj ET\n"


def drawn(path: Path, number: int = 1, scale: float = 1.0) -> Image.Image:
    document = pypdfium2.PdfDocument(path)
    try:
        picture: Image.Image = document[number - 1].render(scale=scale).to_pil()
        return picture.convert("RGB")
    finally:
        document.close()


async def test_pages_and_colours_are_those_of_the_printed_file(
    prepare: Prepare, tmp_path: Path
) -> None:
    source = make(
        tmp_path / "mixed.pdf",
        [
            BLACK,
            BLACK + RED_WORD,
            BLACK + "0.5 0.5 0.5 rg 72 400 200 100 re f",
            BLACK + "0 0 1 rg 700 400 200 100 re f",  # beside the sheet
            BLACK + "0 1 0 rg 72 400 99 99 re f 1 g 70 398 110 110 re f",  # under white
            BLACK + "0.1 0.8 0.9 0 k 72 400 20 20 re f",
            "",
        ],
    )

    prepared = await prepare(source)

    assert prepared.kind is Kind.PDF
    assert (prepared.pages, prepared.color_pages) == (7, (2, 6))
    assert prepared.page_sizes_pt == ((595.0, 842.0),) * 7
    data = prepared.path.read_bytes()
    assert prepared.sha256 == hashlib.sha256(data).hexdigest()
    assert prepared.bytes == len(data)
    assert [path.name for path in prepared.previews] == [f"preview-{n}.jpg" for n in (1, 2, 3)]
    with Image.open(prepared.previews[0]) as preview:
        assert preview.format == "JPEG"
        assert preview.size == (496, 702)


async def test_the_same_file_gives_the_same_bytes(prepare: Prepare, tmp_path: Path) -> None:
    first = await prepare(make(tmp_path / "a.pdf", [BLACK, RED_WORD]))
    second = await prepare(make(tmp_path / "b.pdf", [BLACK, RED_WORD]))

    assert first.sha256 == second.sha256


async def test_nothing_that_acts_or_tells_survives(prepare: Prepare, tmp_path: Path) -> None:
    prepared = await prepare(made_pdf.armed(tmp_path / "armed.pdf"))

    plain = tmp_path / "plain.pdf"
    with pikepdf.open(prepared.path) as pdf:
        assert set(pdf.Root.keys()) == {"/Type", "/Pages"}
        assert set(pdf.trailer.keys()) <= {"/Root", "/Size", "/ID", "/Length", "/W", "/Type"} | {
            "/Filter",
            "/DecodeParms",
        }
        pdf.save(
            plain,
            compress_streams=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.generalized,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
        )
    written = plain.read_bytes()
    for word in (b"CANARY", b"JavaScript", b"/JS", b"/AA", b"Launch", b"/URI", b"EmbeddedFile"):
        assert word not in written
    for word in (b"GoToR", b"SubmitForm", b"ImportData"):
        assert word not in written
    for word in (b"/Annots", b"Filespec", b"ViewerPref", b"/Metadata", b"/Alternates", b"/OpenAct"):
        assert word not in written
    assert prepared.pages == 1
    assert b"Ordinary black text" in written


async def test_an_action_inside_arrays_does_not_survive_either(
    prepare: Prepare, tmp_path: Path
) -> None:
    """However deep: in an array of the page's own, in arrays of arrays, in an object apart."""

    def hide(pdf: Pdf) -> None:
        script = Dictionary(S=Name.JavaScript, JS=String("app.alert('CANARY')"))
        deep = Array([script])
        for _ in range(20):
            deep = Array([Dictionary(Kept=deep)])
        state = Dictionary(
            Type=Name.ExtGState,
            One=Array([1, script]),
            Deep=deep,
            Apart=pdf.make_indirect(Array([Array([script])])),
        )
        pdf.pages[0].obj.Resources.ExtGState = Dictionary(G=state)

    prepared = await prepare(changed(tmp_path / "arrays.pdf", ["/G gs " + BLACK], hide))

    with pikepdf.open(prepared.path) as pdf:
        state = pdf.pages[0].obj.Resources.ExtGState.G
        assert [dict(held.items()) for held in (state.One[1], state.Apart[0][0])] == [
            {"/S": Name.JavaScript}
        ] * 2
        inner = state.Deep
        for _ in range(20):
            inner = inner[0].Kept
        assert list(inner[0].keys()) == ["/S"]


async def test_a_turned_and_cropped_page_keeps_its_look(prepare: Prepare, tmp_path: Path) -> None:
    def turn(pdf: Pdf) -> None:
        tree = pdf.Root.Pages
        tree.Rotate, tree.CropBox = -270, Array([500, 700, 100, 100])  # inherited, corners swapped
        del pdf.pages[1].obj.MediaBox
        tree.MediaBox = Array([0, 0, 595, 842])
        pdf.pages[1].obj.Rotate = 45

    inside = BLACK + "1 0 0 rg 120 600 20 20 re f"
    source = changed(tmp_path / "turned.pdf", [inside, inside], turn)

    prepared = await prepare(source)

    assert prepared.page_sizes_pt == ((600.0, 400.0), (400.0, 600.0))
    assert prepared.color_pages == (1, 2)
    turned, upright = drawn(prepared.path, 1), drawn(prepared.path, 2)
    assert turned.size == (600, 400)
    assert turned.getpixel((510, 30)) == upright.getpixel((30, 90)) == (255, 0, 0)
    with pikepdf.open(prepared.path) as pdf:
        page = pdf.pages[0].obj
        assert (int(page.Rotate), [int(n) for n in page.MediaBox]) == (90, [100, 100, 500, 700])
        assert "/CropBox" not in page


async def test_a_lying_count_changes_nothing(prepare: Prepare, tmp_path: Path) -> None:
    honest = make(tmp_path / "honest.pdf", [BLACK] * 12).read_bytes()
    assert honest.count(b"/Count 12") == 1
    liar = tmp_path / "liar.pdf"
    liar.write_bytes(honest.replace(b"/Count 12", b"/Count 01"))

    assert (await prepare(liar)).pages == 12


async def test_one_object_as_two_pages_is_two_pages(prepare: Prepare, tmp_path: Path) -> None:
    def repeat(pdf: Pdf) -> None:
        pdf.Root.Pages.Kids.append(pdf.pages[0].obj)
        pdf.Root.Pages.Count = 2

    assert (await prepare(changed(tmp_path / "twice.pdf", [RED_WORD], repeat))).color_pages == (
        1,
        2,
    )


async def test_a_filled_form_is_printed_with_its_values(prepare: Prepare, tmp_path: Path) -> None:
    empty = await prepare(made_pdf.form(tmp_path / "empty.pdf", ""))
    filled = await prepare(made_pdf.form(tmp_path / "filled.pdf", "MMMMMMMM"))

    def ink(path: Path) -> int:
        return sum(drawn(path).convert("L").histogram()[:128])

    assert ink(filled.path) > ink(empty.path) + 100
    assert b"/AcroForm" not in filled.path.read_bytes()


async def test_layers_print_as_the_printer_would_show_them(
    prepare: Prepare, tmp_path: Path
) -> None:
    def layer(pdf: Pdf) -> None:
        names = ("shown", "hidden", "screen only", "print only")
        groups = [pdf.make_indirect(Dictionary(Type=Name.OCG, Name=name)) for name in names]
        groups[2].Usage = Dictionary(Print=Dictionary(PrintState=Name.OFF))
        groups[3].Usage = Dictionary(Print=Dictionary(PrintState=Name.ON))
        off = Array([groups[1], groups[3]])
        pdf.Root.OCProperties = Dictionary(OCGs=Array(groups), D=Dictionary(OFF=off))
        lists = Dictionary({f"/L{index}": group for index, group in enumerate(groups)})
        for page in pdf.pages:
            page.obj.Resources.Properties = lists

    box = "/OC /L{} BDC 1 0 0 rg 100 100 300 300 re f EMC"
    source = changed(tmp_path / "layers.pdf", [box.format(n) for n in range(4)], layer)

    assert (await prepare(source)).color_pages == (1, 4)


@pytest.mark.parametrize(("owner", "user"), [("o", ""), ("o", "u")])
async def test_a_protected_file_opens_when_reading_is_allowed_or_the_password_is_right(
    prepare: Prepare, refused: Refused, tmp_path: Path, owner: str, user: str
) -> None:
    source = tmp_path / "locked.pdf"
    with pikepdf.open(make(tmp_path / "open.pdf", [BLACK, RED_WORD])) as pdf:
        pdf.save(source, encryption=pikepdf.Encryption(owner=owner, user=user, R=6))

    if user:
        assert await refused(source) is Refusal.LOCKED
        assert await refused(source, password="wrong") is Refusal.WRONG_PASSWORD
    prepared = await prepare(source, password=user or None)
    assert (prepared.pages, prepared.color_pages) == (2, (2,))
    with pikepdf.open(prepared.path) as pdf:
        assert not pdf.is_encrypted


async def test_shells_around_something_else_are_refused(refused: Refused, tmp_path: Path) -> None:
    def xfa(pdf: Pdf) -> None:
        pdf.Root.AcroForm = Dictionary(XFA=pdf.make_stream(b"<xdp/>"), Fields=Array([]))

    def portfolio(pdf: Pdf) -> None:
        pdf.Root.Collection = Dictionary(View=Name.D)

    for name, change in {"xfa": xfa, "portfolio": portfolio}.items():
        source = changed(tmp_path / f"{name}.pdf", ["BT /F1 9 Tf (Please wait) Tj ET"], change)
        assert await refused(source) is Refusal.FORM_ONLY


async def test_what_is_no_document_is_refused_with_its_reason(
    refused: Refused, tmp_path: Path
) -> None:
    whole = made_pdf.text_pages(tmp_path / "whole.pdf", 9).read_bytes()
    cases = {
        Refusal.EMPTY: [b"", b"\0\0\0\0"],
        Refusal.BROKEN: [b"%PDF-1.4\n" + b"x" * 5000, whole[:200], whole[:-4000][4000:]],
    }
    for reason, bodies in cases.items():
        for index, body in enumerate(bodies):
            source = tmp_path / f"{reason.value}{index}.pdf"
            source.write_bytes(body)
            assert await refused(source) is reason, (reason, index)
    none = tmp_path / "none.pdf"
    with pikepdf.new() as pdf:
        pdf.save(none)
    assert await refused(none) is Refusal.EMPTY


async def test_limits_are_exact(prepare: Prepare, refused: Refused, tmp_path: Path) -> None:
    source = make(tmp_path / "five.pdf", [BLACK] * 5)
    size = source.stat().st_size

    assert (await prepare(source, limits=Limits(max_bytes=size, max_pages=5))).pages == 5
    few = Limits(max_bytes=size, max_pages=4)
    assert await refused(source, limits=few) is Refusal.TOO_MANY_PAGES
    assert await refused(source, limits=Limits(size - 1, 5)) is Refusal.TOO_BIG
    for side in ("14401", "99999999999"):
        page = f"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 {side} 100]>>endobj"
        tree = "2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj"
        rows = ["1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj", tree, page]
        big = made_pdf.by_hand(tmp_path / "big.pdf", rows)
        assert await refused(big) is Refusal.PAGE_TOO_LARGE
    assert (await prepare(make(tmp_path / "wide.pdf", [BLACK], size=(14_400, 100)))).pages == 1


async def test_a_repaired_file_is_counted_after_the_repair(
    prepare: Prepare, tmp_path: Path
) -> None:
    whole = make(tmp_path / "whole.pdf", [BLACK] * 3).read_bytes()
    damaged = tmp_path / "damaged.pdf"
    start = whole.rindex(b"startxref")
    damaged.write_bytes(b"junk\n" * 20 + whole[:start] + b"startxref\n1\n%%EOF")

    prepared = await prepare(damaged)
    assert (prepared.pages, prepared.repaired) == (3, True)
    (tmp_path / "fine.pdf").write_bytes(whole)
    assert not (await prepare(tmp_path / "fine.pdf")).repaired


async def test_a_file_cut_short_is_not_sold_as_whole(
    prepare: Prepare, refused: Refused, tmp_path: Path
) -> None:
    """Its page tree comes first, so a repair finds every page; the last picture is gone."""
    red = "1 0 0 rg 0 0 9 9 re f"
    rows = [
        "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
        "2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj",
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources 6 0 R>>endobj",
        "4 0 obj<</Length 5>>stream\n/P Do\nendstream endobj",
        "6 0 obj<</XObject<</P 7 0 R>>>>endobj",
        f"7 0 obj<</Subtype/Form/BBox[0 0 9 9]/Length 21>>stream\n{red}\nendstream endobj",
    ]
    rows.insert(4, "5 0 obj null endobj")
    whole = made_pdf.by_hand(tmp_path / "whole.pdf", rows)
    assert (await prepare(whole)).color_pages == (1,)
    cut = tmp_path / "cut.pdf"
    cut.write_bytes(whole.read_bytes()[: whole.read_bytes().index(b"7 0 obj")])
    assert await refused(cut) is Refusal.BROKEN
    pretends = tmp_path / "pretends.pdf"
    pretends.write_bytes(cut.read_bytes() + b"trailer<</Root 1 0 R>>\nstartxref\n1\n%%EOF\n")
    assert await refused(pretends) is Refusal.BROKEN


def test_readers_that_disagree_about_the_pages_stop_the_sale(tmp_path: Path) -> None:
    three = make(tmp_path / "three.pdf", [BLACK] * 3)
    with pytest.raises(DocumentRefused) as caught:
        render.look(three, expected=4, previews=0, page_seconds=9, is_grey=lambda _: True)
    assert caught.value.reason is Refusal.PAGE_COUNT_UNSURE


async def test_page_bombs_are_refused_in_the_child_and_cost_the_parent_nothing(
    refused: Refused, tmp_path: Path
) -> None:
    bomb = made_pdf.page_bomb(tmp_path / "bomb.pdf", 100_000)
    folded = made_pdf.folded_page_bomb(tmp_path / "folded.pdf")
    assert bomb.stat().st_size < 1_000_000
    before = psutil.Process().memory_info().rss

    started = time.monotonic()
    assert await refused(bomb) is Refusal.TOO_MANY_PAGES
    assert await refused(folded) is Refusal.TOO_MANY_PAGES

    assert time.monotonic() - started < 20
    assert psutil.Process().memory_info().rss - before < 20 << 20


async def test_a_page_that_never_ends_costs_one_child_and_two_seconds(tmp_path: Path) -> None:
    intake = Intake.detect(page_seconds=1.0, concurrency=1)
    try:
        bombs = [
            made_pdf.nested_forms(tmp_path / "nested.pdf"),
            made_pdf.operator_bomb(tmp_path / "operators.pdf", 2_000_000),
        ]
        for bomb in bombs:
            started = time.monotonic()
            with pytest.raises(DocumentRefused) as caught:
                await intake.prepare(bomb, tmp_path / "bomb", limits=LIMITS)
            assert caught.value.reason is Refusal.TOO_COMPLEX
            assert time.monotonic() - started < 10
        fine = make(tmp_path / "fine.pdf", [BLACK])
        assert (await intake.prepare(fine, tmp_path / "next", limits=LIMITS)).pages == 1
    finally:
        intake.close()


async def test_every_glyph_name_survives_the_cleaning(prepare: Prepare, tmp_path: Path) -> None:
    """A Type 3 font may call a glyph /AA or /JS: that is drawing, not action."""

    def letter(pdf: Pdf) -> None:
        glyph = pdf.make_stream(b"1000 0 d0 1 0 0 rg 0 0 900 900 re f")
        font = Dictionary(
            Type=Name.Font,
            Subtype=Name.Type3,
            FontBBox=Array([0, 0, 1000, 1000]),
            FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]),
            CharProcs=Dictionary(AA=glyph),
            Encoding=Dictionary(Type=Name.Encoding, Differences=Array([65, Name.AA])),
            FirstChar=65,
            LastChar=65,
            Widths=Array([1000]),
        )
        pdf.pages[0].obj.Resources.Font.F2 = pdf.make_indirect(font)

    source = changed(tmp_path / "type3.pdf", ["BT /F2 40 Tf 100 400 Td (A) Tj ET"], letter)

    prepared = await prepare(source)

    assert prepared.color_pages == (1,)
    assert re.search(rb"%PDF-1\.[5-7]", prepared.path.read_bytes()[:9])
