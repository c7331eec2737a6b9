"""The plan that was priced and the printer's own order of sides are the same paper."""

from __future__ import annotations

from hypothesis import example, given

from app.domain.print_plan import Choices, Ink, Plan, PrintType, Sides, plan
from print_worker.job import Job, Ticket
from print_worker.printers.layout import sides
from tests.backend.domain.test_print_plan import wishes

COLLATED = Choices(PrintType.BOTH, copies=2, sides=Sides.LONG_EDGE)
STACKED = Choices(PrintType.BOTH, copies=3, sides=Sides.SHORT_EDGE, per_sheet=2, collate=False)


def ticket_of(made: Plan) -> Ticket:
    """What the worker reads in the job of this order: page i of the file is face i."""
    choices, faces = made.choices, len(made.faces)
    asked = {
        "print_type": choices.print_type.value,
        "copies": choices.copies,
        "pages": f"1-{faces}",
        "color_pages": list(made.color_faces),
        "sides": choices.sides.value,
        "paper": choices.paper.value,
        "collate": choices.collate,
    }
    raw = {"settings": asked}
    return Job("j", "a", 1, 90.0, "41", "/f", "0" * 64, 1, faces, raw).ticket()


@given(wishes())
@example((COLLATED, 5, [2]))
@example((STACKED, 9, [1, 6]))
def test_every_face_comes_out_on_the_sheet_that_was_planned(
    wish: tuple[Choices, int, list[int]],
) -> None:
    made = plan(*wish)
    planned = [
        (copy, number, name, face)
        for number, (copy, sheet) in enumerate(made.stack(), 1)
        for name, face in (("front", sheet.front), ("back", sheet.back))
        if face is not None
    ]

    out = sides(ticket_of(made))

    assert [(s.copy, s.sheet, s.face, made.faces[s.source - 1]) for s in out] == planned
    assert out[-1].sheet == made.sheets_in_all
    assert all(side.page == side.source for side in out), "the copy is the whole file"
    printed = [(side, face) for side, (*_, face) in zip(out, planned, strict=True) if face.ink]
    assert [side.color for side, _ in printed] == [face.ink is Ink.COLOR for _, face in printed]
