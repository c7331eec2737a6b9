"""House rules about files that no tool checks for us."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tests.meta.tracked import ROOT, text_of, tracked_files

MOST_LINES = 400
WRITTEN_BY_HAND = {".py", ".js", ".css", ".html", ".ftl", ".sql", ".sh"}
GENERATED = {Path("backend/schema.sql")}
EMPTY_NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?|misc|common)(_|$)")
# Brackets around a letter, so that this file does not find itself.
FOREIGN = [
    r"\B/[w]ork/",
    "/[r]oot/",
    "/opt/[p]ypi",
    r"[p]ypi\.org",
    r"[p]ythonhosted\.org",
    r"\b[c]laude\b",
    r"\b[a]nthropic\b",
    r"\b[o]penai\b",
    r"\b[c]hatgpt\b",
    r"\b[s]ub-?agents?\b",
    r"\b[l]lms?\b",
]


def test_no_file_is_longer_than_one_idea() -> None:
    too_long = {
        str(name): lines
        for name in tracked_files()
        if name.suffix in WRITTEN_BY_HAND and name not in GENERATED
        if (lines := len((text_of(name) or "").splitlines())) > MOST_LINES
    }

    assert too_long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [
        str(name)
        for name in tracked_files()
        if name.suffix == ".py"
        and any(EMPTY_NAMES.search(part) for part in (*name.parts, name.stem))
    ] == []


def test_nothing_tells_of_the_machine_it_was_written_on() -> None:
    pattern = re.compile("|".join(FOREIGN), re.IGNORECASE)
    found = {
        f"{name}:{number}": match.group()
        for name in tracked_files()
        for number, line in enumerate((text_of(name) or "").splitlines(), 1)
        if (match := pattern.search(line))
    }

    assert found == {}


def test_every_decision_record_is_listed_in_their_index() -> None:
    index = ROOT / "docs" / "adr" / "README.md"
    records = [name.name for name in tracked_files() if re.match(r"docs/adr/\d", name.as_posix())]
    text = index.read_text("utf-8") if records or index.exists() else ""

    assert [record for record in records if f"({record})" not in text] == []


def test_every_crash_point_has_a_name_of_its_own() -> None:
    call = re.compile(r"""\bcrash_here\(\s*["']([^"']+)["']""")
    names = Counter(
        match.group(1)
        for name in tracked_files()
        if name.suffix == ".py" and name.parts[0] in {"backend", "print_worker"}
        for match in call.finditer(text_of(name) or "")
    )

    assert [name for name, times in names.items() if times > 1] == []
