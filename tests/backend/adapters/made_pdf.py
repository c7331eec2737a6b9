"""PDFs made for the tests: ordinary, odd and hostile ones, each written in a few lines."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

A4 = (595, 842)
BLACK = "BT /F1 12 Tf 72 720 Td 0 g (Ordinary black text on white paper) Tj ET\n"


def make(path: Path, contents: Sequence[str], *, size: tuple[int, int] = A4) -> Path:
    """One page for each content stream."""
    with pikepdf.new() as pdf:
        fill(pdf, contents, size=size)
        pdf.save(path)
    return path


def fill(pdf: Pdf, contents: Sequence[str], *, size: tuple[int, int] = A4) -> None:
    font = pdf.make_indirect(
        Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    )
    for content in contents:
        page = pdf.add_blank_page(page_size=size).obj
        page.Resources = Dictionary(Font=Dictionary(F1=font))
        page.Contents = pdf.make_stream(content.encode("latin-1"))


def text_pages(path: Path, pages: int, *, seed: int = 1, size: tuple[int, int] = A4) -> Path:
    """Ordinary text: 40 lines of 12 words on each page."""
    luck = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(luck.choices(letters, k=luck.randint(3, 9))) for _ in range(3000)]
    contents = []
    for _ in range(pages):
        lines = "".join(f"({' '.join(luck.choices(words, k=12))}) Tj T*\n" for _ in range(40))
        contents.append(f"BT /F1 11 Tf 0 g 50 790 Td 18 TL\n{lines}ET")
    return make(path, contents, size=size)


def changed(path: Path, contents: Sequence[str], change: Callable[[Pdf], None]) -> Path:
    """An ordinary PDF after ``change`` had its way with it."""
    with pikepdf.new() as pdf:
        fill(pdf, contents)
        change(pdf)
        pdf.save(path)
    return path


def armed(path: Path) -> Path:
    """Everything a PDF can do besides being paper."""

    def arm(pdf: Pdf) -> None:
        script = Dictionary(S=Name.JavaScript, JS=String("app.alert('CANARY')"))
        elsewhere = Dictionary(Type=Name.Filespec, FS=Name.URL, F=String("http://CANARY/"))
        leave = Dictionary(S=Name.GoToR, F=String("CANARY.pdf"), D=Array([0, Name.Fit]))
        submit = Dictionary(S=Name.SubmitForm, F=elsewhere, Flags=4)
        bring = Dictionary(S=Name.ImportData, F=String("CANARY.fdf"))
        start = Dictionary(
            S=Name.Launch, F=String("CANARY.exe"), Win=Dictionary(F=String("CANARY"))
        )
        script.Next = Array([leave, submit, bring, start])
        attached = pdf.make_stream(b"CANARY attached bytes")
        attached.Type = Name.EmbeddedFile
        file = Dictionary(Type=Name.Filespec, F=String("evil.exe"), EF=Dictionary(F=attached))
        root = pdf.Root
        root.OpenAction = script
        root.AA = Dictionary(WP=script, DP=script)
        root.Names = Dictionary(
            JavaScript=Dictionary(Names=Array([String("a"), script])),
            EmbeddedFiles=Dictionary(Names=Array([String("evil.exe"), file])),
        )
        root.ViewerPreferences = Dictionary(NumCopies=99, Duplex=Name.DuplexFlipShortEdge)
        root.Metadata = pdf.make_stream(b"CANARY author")
        root.Lang, root.PageMode = String("CANARY"), Name.UseAttachments
        pdf.trailer.Info = pdf.make_indirect(Dictionary(Author=String("CANARY author")))
        page = pdf.pages[0].obj
        page.AA = Dictionary(O=script, C=submit)
        button = _note(pdf, "/Widget", FT=Name.Btn, T=String("b"), A=submit, AA=Dictionary(U=bring))
        root.AcroForm = Dictionary(Fields=Array([button]))
        page.Annots = pdf.make_indirect(
            Array(
                [
                    _note(pdf, "/Link", A=Dictionary(S=Name.URI, URI=String("http://CANARY/"))),
                    _note(pdf, "/Link", A=start),
                    _note(pdf, "/Link", A=leave),
                    _note(pdf, "/Link", PA=Dictionary(S=Name.URI, URI=String("http://CANARY/"))),
                    button,
                    _note(pdf, "/FileAttachment", FS=file),
                    _note(pdf, "/Screen", A=Dictionary(S=Name.Rendition, JS=String("CANARY"))),
                    _note(pdf, "/Text", Contents=String("CANARY sticky")),
                ]
            )
        )
        outside = pdf.make_stream(b"")
        outside.Type, outside.Subtype = Name.XObject, Name.Image
        outside.Width = outside.Height = 1
        outside.ColorSpace, outside.BitsPerComponent = Name.DeviceGray, 8
        outside.F = Dictionary(Type=Name.Filespec, FS=Name.URL, F=String("http://CANARY/x"))
        outside.Metadata = pdf.make_stream(b"CANARY place it was taken")
        outside.Alternates = Array([Dictionary(Image=outside, DefaultForPrinting=True)])
        page.Resources.XObject = Dictionary(Im=outside)
        page.Resources.Properties = Dictionary(P=Dictionary(Type=Name.Secret, JS=String("CANARY")))
        page.Contents = pdf.make_stream(BLACK.encode() + b"/S /P BDC q 9 0 0 9 9 9 cm /Im Do Q EMC")

    return changed(path, [BLACK], arm)


def _note(pdf: Pdf, subtype: str, **more: object) -> pikepdf.Object:
    note = Dictionary(Type=Name.Annot, Subtype=Name(subtype), Rect=Array([50, 50, 99, 99]), F=4)
    for key, value in more.items():
        note["/" + key] = value
    return pdf.make_indirect(note)


def form(path: Path, value: str) -> Path:
    """One text field that has a value and no appearance."""

    def add(pdf: Pdf) -> None:
        font = pdf.pages[0].obj.Resources.Font.F1
        field = pdf.make_indirect(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Widget,
                FT=Name.Tx,
                T=String("name"),
                V=String(value),
                DA=String("/F1 14 Tf 0 g"),
                Rect=Array([72, 500, 400, 530]),
                F=4,
            )
        )
        pdf.pages[0].obj.Annots = Array([field])
        pdf.Root.AcroForm = pdf.make_indirect(
            Dictionary(
                Fields=Array([field]),
                NeedAppearances=True,
                DA=String("/F1 14 Tf 0 g"),
                DR=Dictionary(Font=Dictionary(F1=font)),
            )
        )

    return changed(path, [""], add)


def page_bomb(path: Path, pages: int) -> Path:
    """Many pages in few bytes: every page is a few dozen bytes in a compressed object stream."""
    with pikepdf.new() as pdf:
        kids = Array([])
        tree = pdf.make_indirect(Dictionary(Type=Name.Pages, Kids=kids, Count=pages))
        for _ in range(pages):
            leaf = Dictionary(Type=Name.Page, Parent=tree, MediaBox=Array([0, 0, 595, 842]))
            tree.Kids.append(pdf.make_indirect(leaf))
        pdf.Root.Pages = tree
        pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return path


def folded_page_bomb(path: Path) -> Path:
    """Ten levels, each naming the next ten times: 10,000,000,000 pages in 2 KB."""
    rows = ["1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj"]
    rows += [
        f"{level + 2} 0 obj\n<</Type/Pages/Count {10 ** (10 - level)}"
        f"/Kids[{f'{level + 3} 0 R ' * 10}]>>\nendobj"
        for level in range(10)
    ]
    rows.append("12 0 obj\n<</Type/Page/MediaBox[0 0 595 842]>>\nendobj")
    return by_hand(path, rows)


def by_hand(path: Path, rows: Sequence[str]) -> Path:
    """The objects as they are, numbered from 1, with a right table of their places."""
    written = b"%PDF-1.4\n"
    places = ["0000000000 65535 f \n"]
    for row in rows:
        places.append(f"{len(written):010} 00000 n \n")
        written += row.encode("latin-1") + b"\n"
    start = len(written)
    table = f"xref\n0 {len(places)}\n{''.join(places)}trailer<</Root 1 0 R/Size {len(places)}>>\n"
    path.write_bytes(written + table.encode() + f"startxref\n{start}\n%%EOF\n".encode())
    return path


def nested_forms(path: Path) -> Path:
    """Ten forms, each drawing the next ten times: never ends for a renderer."""

    def nest(pdf: Pdf) -> None:
        inner = pdf.make_stream(b"0 0 1 rg 0 0 100 100 re f")
        inner.Type, inner.Subtype, inner.BBox = Name.XObject, Name.Form, Array([0, 0, 595, 842])
        for _ in range(10):
            outer = pdf.make_stream(b"/X Do " * 10)
            outer.Type, outer.Subtype, outer.BBox = Name.XObject, Name.Form, Array([0, 0, 595, 842])
            outer.Resources = Dictionary(XObject=Dictionary(X=inner))
            inner = outer
        pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(X=inner))
        pdf.pages[0].obj.Contents = pdf.make_stream(b"/X Do")

    return changed(path, [""], nest)


def operator_bomb(path: Path, operators: int) -> Path:
    """A page of very many strokes; packs to almost nothing."""
    stroke = b"0 0 m 595 842 l 0 842 l 595 0 l s\n"
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=A4)
        page.obj.Contents = pdf.make_stream(b"0.1 w " + stroke * operators)
        pdf.save(path, compress_streams=True)
    return path
