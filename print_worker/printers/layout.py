"""Which page side lands where: order, sheets, faces and colour of a print job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from print_worker.job import Ticket


@dataclass(frozen=True)
class Side:
    """One page side: ``page`` counts in the copy, ``source`` in the file, ``sheet`` in the job."""

    copy: int
    page: int
    source: int
    color: bool
    sheet: int
    face: str


def sides(ticket: Ticket) -> list[Side]:
    """Every side of the job in the order in which they come out.

    A copy always starts on a new sheet. Not collated: all copies of a sheet, then the next sheet.
    """
    per_sheet = 1 if ticket.sides == "one-sided" else 2
    leaves = [
        list(enumerate(ticket.pages, 1))[start : start + per_sheet]
        for start in range(0, len(ticket.pages), per_sheet)
    ]
    out: list[Side] = []
    for sheet, (copy, leaf) in enumerate(_order(ticket, len(leaves)), 1):
        for (page, source), face in zip(leaves[leaf], ("front", "back"), strict=False):
            color = source in ticket.color_pages
            out.append(Side(copy, page, source, color, sheet, face))
    return out


def _order(ticket: Ticket, leaves: int) -> Iterator[tuple[int, int]]:
    copies = range(1, ticket.copies + 1)
    if ticket.collate:
        return ((copy, leaf) for copy in copies for leaf in range(leaves))
    return ((copy, leaf) for leaf in range(leaves) for copy in copies)
