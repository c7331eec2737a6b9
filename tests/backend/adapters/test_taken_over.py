"""A child that a file has taken over: what it leaves and what it says costs that file only."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from app.adapters import intake as intake_module
from app.adapters.intake import Intake
from app.adapters.sandbox import python_places
from app.domain.errors import DocumentRefused, Refusal
from tests.backend.adapters.conftest import LIMITS
from tests.backend.adapters.made_pdf import BLACK, make
from tests.support.programs import needs_program

HEIC = Path(__file__).with_name("quarters.heic")
NAP = "86421"
# Python runs this before the reading process; HEIC because its decoder may start threads, so
# that an ordinary user's child may start processes as well.
LEAVES_SOMEBODY = f"""
import os
from app.adapters import sniff
honest = sniff.sniff
def taken_over(source, *rest, **more):
    if sniff._image(source.read_bytes()[:64]) is sniff.Kind.HEIC and os.fork() == 0:
        if {{apart}}:
            os.setsid()
        os.execv("/bin/sleep", ["sleep", "{NAP}"])
    return honest(source, *rest, **more)
sniff.sniff = taken_over
"""


def survivors() -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if NAP in (process.info["cmdline"] or []) and process.info["status"] != "zombie"
    ]


@pytest.mark.parametrize("box", [True, False])
async def test_whom_a_taken_over_child_leaves_never_meets_the_next_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, box: bool
) -> None:
    bwrap = needs_program("bwrap") if box else None
    stand_in = tmp_path / "stand-in"
    stand_in.mkdir()
    (stand_in / "sitecustomize.py").write_text(LEAVES_SOMEBODY.format(apart=box), encoding="ascii")
    monkeypatch.setenv("PYTHONPATH", str(stand_in))
    monkeypatch.setattr(
        "app.adapters.readers.python_places", lambda package: [*python_places(package), stand_in]
    )
    source = make(tmp_path / "a.pdf", [BLACK])
    intake = Intake(soffice=None, bwrap=bwrap, concurrency=1)
    try:
        assert (await intake.prepare(source, tmp_path / "one", limits=LIMITS)).pages == 1
        met = intake._readers._free[0]
        with pytest.raises(DocumentRefused) as caught:
            await intake.prepare(HEIC, tmp_path / "two", limits=LIMITS)
        assert (await intake.prepare(source, tmp_path / "three", limits=LIMITS)).pages == 1
        assert intake._readers._free[0] is not met
        assert met.spent
    finally:
        intake.close()
    assert caught.value.reason is Refusal.TOO_COMPLEX
    assert survivors() == []


async def test_a_file_put_into_a_box_follows_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that waits in the box, or is laid between our look and our writing."""
    ours = tmp_path / "ours"
    ours.write_bytes(b"a file of the shop")
    source = make(tmp_path / "a.pdf", [BLACK])
    inside = tmp_path / "in"
    inside.symlink_to(ours)
    intake_module._put(source, inside)
    assert inside.read_bytes() == source.read_bytes()
    assert not inside.is_symlink()

    inside.unlink()
    inside.symlink_to(ours)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(FileExistsError):
        intake_module._put(source, inside)
    assert ours.read_bytes() == b"a file of the shop"
