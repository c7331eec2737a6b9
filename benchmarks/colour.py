"""Which pages need the colour printer: a person's labels beside the detector's, as a matrix.

The generated set (scans in several lights, photographs, drawings) is the one the tests hold; the
collected set is the first page of documents from the collections, labelled by looking at them.
Exit code 1 when a page is judged wrong that was right before.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from app.adapters.intake import Intake
from app.domain.errors import DocumentRefused
from app.ports import Limits
from tests.backend.adapters import made_pdf
from tests.backend.adapters.coloured_pages import DRAWINGS, PICTURES
from tests.support.corpus import CORPUS

LIMITS = Limits(max_bytes=32_000_000, max_pages=500)
COLOURED = """
pdfjs--issue19848 qpdf--manual-appearances-print-out pdfjs--issue12010_reduced
pdfjs--SimFang-variant pdfjs--annotation-freetext pdfjs--freetexts pdfjs--canvas
pdfjs--bug1868759 pdfjs--blendmode pdfjs--mesh_shading_empty pdfjs--knockout_blend_multiply
pdfjs--devicen pdfjs--images_1bit_grayscale qpdf--direct-dr pdfjs--issue15910
qpdf--form-fields-and-annotations-shared
"""
PLAIN = """
pdfjs--operator-in-TJ-array pdfjs--issue18036 qpdf--kept-no-fields pdfjs--issue6069
qpdf--remove-labels qpdf--three-files-2,3,4-collate-out pdfjs--bitmap-symbol-textrefine
pdfjs--bitmap-composite-and-xnor pdfjs--page_with_number_and_link
pdfjs--acroform_calculation_order qpdf--lin1 pdfjs--nested_outline pdfjs--issue11931
qpdf--remove-info pdfjs--issue16063 pdfjs--bitmap-symbol-symhuffuncompressed-texthuff
pdfjs--page_with_number pdfjs--bug1851498 pdfjs--issue17671
pdfjs--annotation-line-without-appearance-empty-Rect sample-files--crazyones-pdfa
qpdf--minimal-linearized qpdf--qpdfjob-ctest2 qpdf--bad-jpeg-out pdfjs--issue5946
pdfjs--issue8798r pdfjs--helloworld-bad
"""

# Carries a line annotation without an appearance: it is drawn in its own colour for printing.
KNOWN = frozenset({"pdfjs--annotation-line-without-appearance-empty-Rect"})


async def generated(intake: Intake, folder: Path) -> list[tuple[str, bool, bool]]:
    """(name, a person's label, ours)."""
    judged = []
    for name, (coloured, make) in PICTURES.items():
        source = folder / "picture"
        source.write_bytes(make())
        prepared = await intake.prepare(source, folder / "out", limits=LIMITS)
        judged.append((name, coloured, bool(prepared.color_pages)))
    drawn = made_pdf.make(folder / "drawn.pdf", [content for _, content in DRAWINGS.values()])
    prepared = await intake.prepare(drawn, folder / "out", limits=LIMITS)
    judged += [
        (name, coloured, number in prepared.color_pages)
        for number, (name, (coloured, _)) in enumerate(DRAWINGS.items(), 1)
    ]
    return judged


async def collected(intake: Intake, corpus: Path, folder: Path) -> list[tuple[str, bool, bool]]:
    judged = []
    for names, coloured in ((COLOURED, True), (PLAIN, False)):
        for name in names.split():
            try:
                prepared = await intake.prepare(
                    corpus / "pdf" / f"{name}.pdf", folder / "out", limits=LIMITS
                )
            except DocumentRefused as refused:
                print(f"{name}: refused, {refused.reason}")
                judged.append((name, coloured, not coloured))
                continue
            judged.append((name, coloured, 1 in prepared.color_pages))
    return judged


def show(title: str, judged: list[tuple[str, bool, bool]]) -> bool:
    """Prints the matrix; whether nothing is wrong that was not known to be."""
    counts = Counter((label, ours) for _, label, ours in judged)
    print(f"{title}: {len(judged)} pages      found coloured   found black & white")
    for label, words in ((True, "labelled coloured"), (False, "labelled black & white")):
        print(f"  {words:24}{counts[label, True]:14}{counts[label, False]:22}")
    wrong = [name for name, label, ours in judged if label is not ours]
    for name in wrong:
        print(f"  wrong: {name}{' (known)' if name in KNOWN else ''}")
    return KNOWN.issuperset(wrong)


async def measure() -> int:
    intake = Intake.detect(previews=0)
    try:
        with tempfile.TemporaryDirectory(prefix="printwala-colour-") as folder:
            good = show("generated", await generated(intake, Path(folder)))
            if CORPUS:
                good = show("collected", await collected(intake, CORPUS, Path(folder))) and good
            else:
                print("collected: PRINTWALA_CORPUS names no folder; its pages were not looked at")
    finally:
        intake.close()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(measure()))
