"""Which pages a customer means by "1-3, 7", "odd" or "last 2". Never guesses "all".

The chat does not ask this yet: its orders print every page.
"""

from __future__ import annotations

import re
import unicodedata

from app.domain.errors import BadInput
from app.domain.order_text import digit

_MAX_TEXT = 1_000
_ALL = frozenset({"", "all", "all pages", "everything", "full"})
_EXAMPLE = "write for example 1-3, 7 or odd, even, first 2, last 2, all"
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
_LEADING = re.compile(r"(?:only\s+)?(?:pages?|pgs?|pp?)[\s.:]+")
_COUNTED = re.compile(r"(first|last)(?:\s+([0-9]{1,9}))?(?:\s+(?:pages?|pgs?))?")
_ONE_OF_TWO = re.compile(r"(odd|even)(?:\s+(?:pages?|pgs?|numbers?))?")
_PART = re.compile(r"([0-9]{1,9})(?:\s*(?:-|to)\s*([0-9]{1,9}|end|last)?)?")
_SPLIT = re.compile(r"\s*(?:[,;&+]|\band\b)\s*")
_BARE = re.compile(r"(?<=[0-9])\s+(?=[0-9])")  # "1 3 5-7"


def select_pages(text: str, pages: int) -> tuple[int, ...]:
    """Ascending page numbers, each once, of a document of ``pages`` pages.

    Raises BadInput with a sentence for the customer when the words name no page, a page that does
    not exist, or a range that runs backwards.
    """
    asked = _plain(text)
    if asked in _ALL:
        return tuple(range(1, pages + 1))
    if only := _ONE_OF_TWO.fullmatch(asked):
        start = 1 if only[1] == "odd" else 2
        if start > pages:
            raise BadInput(f"a document of {_counted(pages)} has no {only[1]} page")
        return tuple(range(start, pages + 1, 2))
    if counted := _COUNTED.fullmatch(asked):
        number = int(counted[2] or 1)
        if not 1 <= number <= pages:
            raise BadInput(
                f"this document has {_counted(pages)}: {counted[1]} {number} is not there"
            )
        return tuple(range(1, pages + 1))[
            slice(number) if counted[1] == "first" else slice(-number, None)
        ]
    chosen: set[int] = set()
    for part in _SPLIT.split(_BARE.sub(",", asked)):
        chosen.update(_one_part(part, pages))
    return tuple(sorted(chosen))


def _one_part(part: str, pages: int) -> range:
    found = _PART.fullmatch(part)
    if found is None:
        raise BadInput(f"{part[:40]!r} names no pages; {_EXAMPLE}")
    first = int(found[1])
    if found[2] is None:
        last = first if found[0] == found[1] else pages
    else:
        last = int(found[2]) if found[2].isdecimal() else pages
    if first < 1 or first > pages or last > pages:
        missing = first if not 1 <= first <= pages else last
        raise BadInput(f"this document has {_counted(pages)}: page {missing} is not there")
    if last < first:
        raise BadInput(f"{part} runs backwards; write {last}-{first}")
    return range(first, last + 1)


def _plain(text: str) -> str:
    """Lower case, single blanks, digits of any script as 0-9, every dash a hyphen."""
    if len(text) > _MAX_TEXT:
        raise BadInput(f"that is too long to be page numbers; {_EXAMPLE}")
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_DASHES)
    digits = "".join(digit(character) for character in folded)
    return _LEADING.sub("", " ".join(digits.split()).strip(" .,;"), count=1)


def _counted(pages: int) -> str:
    return "1 page" if pages == 1 else f"{pages} pages"
