"""The locked requirements say the same as the lists people edit, and name no machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.meta.tracked import ROOT

DEVELOPMENT = "requirements-dev.txt"
LOCKS = [DEVELOPMENT, "backend/requirements.txt", "print_worker/requirements.txt"]


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked package; the same name may stand twice for different platforms."""

    name: str
    version: str
    hashes: int


def pins(lock: str) -> list[Pin]:
    text = (ROOT / lock).read_text("utf-8").replace("\\\n", " ")
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        asked, _, hashes = line.partition("--hash=")
        requirement = Requirement(asked.strip())
        version = re.fullmatch(r"==([^,]+)", str(requirement.specifier))
        assert version, f"{lock}: {asked} is not pinned to one version"
        name = canonicalize_name(requirement.name)
        found.append(Pin(name, version.group(1), hashes.count("sha256:")))
    return found


def wanted(source: Path) -> list[Requirement]:
    found = []
    for line in source.read_text("utf-8").splitlines():
        text = line.partition(" #")[0].strip()
        if text.startswith("-r "):
            found += wanted(source.parent / text.removeprefix("-r ").strip())
        elif text and not text.startswith("#"):
            found.append(Requirement(text))
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_and_hashed(lock: str) -> None:
    assert [pin for pin in pins(lock) if pin.hashes == 0] == []
    assert not re.search(r"https?:|--(index|extra|find|trusted)", (ROOT / lock).read_text("utf-8"))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_wish_is_met_by_the_lock(lock: str) -> None:
    locked = pins(lock)
    unmet = [
        str(wish)
        for wish in wanted(ROOT / lock.replace(".txt", ".in"))
        if not any(
            pin.name == canonicalize_name(wish.name) and wish.specifier.contains(pin.version)
            for pin in locked
        )
    ]

    assert unmet == [], "run `python3 run.py lock`"


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_what_runs_is_what_was_tested(lock: str) -> None:
    tested = {(pin.name, pin.version) for pin in pins(DEVELOPMENT)}

    assert [pin for pin in pins(lock) if (pin.name, pin.version) not in tested] == []
