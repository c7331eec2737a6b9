"""A child that a file has taken over: what it leaves and what it says costs that file only."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from app.adapters import intake as intake_module
from app.adapters.intake import Intake
from app.adapters.sandbox import python_places
from app.domain.documents import looks_like_a_card
from app.domain.errors import DocumentRefused, Refusal
from app.domain.print_plan import Choices, PrintType, plan
from tests.backend.adapters.conftest import LIMITS
from tests.backend.adapters.made_pdf import BLACK, make
from tests.support.programs import needs_program

HEIC = Path(__file__).with_name("quarters.heic")
# Python runs this before the reading process: code of a stranger where a parser would be. HEIC
# because its decoder may start threads, so that an ordinary user's child may start processes too.
STAND_IN = """
import os, stat
from app.adapters import bake, sniff
def taken_over(honest):
    def run(source, *rest, **more):
        data = source.read_bytes()
        if data.startswith(b"SAYS"):
            (source.parent / "out.pdf").write_bytes(b"a PDF")
            pipes = [fd for fd in range(3, 64) if is_pipe(fd)]
            with os.fdopen(pipes[0], "wb") as answer:
                answer.write(data[4:])
            os._exit(0)
        if sniff._image(data[:64]) is sniff.Kind.HEIC and os.fork() == 0:
            if {apart}:
                os.setsid()
            os.execv("/bin/sleep", ["sleep", "{nap}"])
        return honest(source, *rest, **more)
    return run
def is_pipe(fd):
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False
sniff.sniff, bake.bake = taken_over(sniff.sniff), taken_over(bake.bake)
"""


@contextmanager
def stranger(folder: Path, *, bwrap: str | None, nap: str = "9") -> Iterator[Intake]:
    """An intake whose children do what the file says, or leave a process asleep behind."""
    stand_in = folder / "stand-in"
    stand_in.mkdir()
    code = STAND_IN.format(apart=bwrap is not None, nap=nap)
    (stand_in / "sitecustomize.py").write_text(code, encoding="ascii")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(stand_in))
        patch.setattr(
            "app.adapters.readers.python_places",
            lambda package: [*python_places(package), stand_in],
        )
        intake = Intake(soffice=None, bwrap=bwrap, concurrency=1)
        try:
            yield intake
        finally:
            intake.close()


def survivors(nap: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if nap in (process.info["cmdline"] or []) and process.info["status"] != "zombie"
    ]


@pytest.mark.parametrize("box", [True, False])
async def test_whom_a_taken_over_child_leaves_never_meets_the_next_file(
    tmp_path: Path, box: bool
) -> None:
    source = make(tmp_path / "a.pdf", [BLACK])
    nap = f"86421.{secrets.randbelow(10**9):09}"  # no other run on this machine sleeps that long
    bwrap = needs_program("bwrap") if box else None
    with stranger(tmp_path, bwrap=bwrap, nap=nap) as intake:
        assert (await intake.prepare(source, tmp_path / "one", limits=LIMITS)).pages == 1
        met = intake._readers._free[0]
        with pytest.raises(DocumentRefused) as caught:
            await intake.prepare(HEIC, tmp_path / "two", limits=LIMITS)
        assert (await intake.prepare(source, tmp_path / "three", limits=LIMITS)).pages == 1
        assert intake._readers._free[0] is not met
        assert met.spent
    assert caught.value.reason is Refusal.TOO_COMPLEX
    assert survivors(nap) == []


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


GOOD = {
    "kind": "pdf",
    "pages": 1,
    "color_pages": [],
    "sizes": [[595, 842]],
    "previews": [],
    "repaired": False,
}


def says(**changed: object) -> bytes:
    return json.dumps(GOOD | changed).encode()


def lacks(name: str) -> bytes:
    return json.dumps({key: told for key, told in GOOD.items() if key != name}).encode()


# What a child may write where its answer belongs, and what becomes of the file.
REPLIES = {
    "cut": (b"\0" * 999_999, Refusal.TOO_COMPLEX),
    "endless": (b"x" * 1_000_001, Refusal.TOO_COMPLEX),
    "deep": (b"[" * 200_000, Refusal.TOO_COMPLEX),
    "long number": (b'{"pages": ' + b"9" * 5_000 + b"}", Refusal.TOO_COMPLEX),
    "no object": (b"[]", Refusal.TOO_COMPLEX),
    "no text": (b"\xff\xfe", Refusal.TOO_COMPLEX),
    "nothing": (b"", Refusal.TOO_COMPLEX),
    "endless pages": (says(pages=float("inf")), Refusal.BROKEN),
    "more pages than asked for": (
        says(pages=501, sizes=[[1, 1]] * 501, color_pages=[]),
        Refusal.BROKEN,
    ),
    "no page": (says(pages=0, sizes=[]), Refusal.BROKEN),
    "endless colour": (says(color_pages=[float("inf")]), Refusal.BROKEN),
    "colour elsewhere": (says(color_pages=[2]), Refusal.BROKEN),
    "size that is none": (says(sizes=[[float("nan"), 1]]), Refusal.BROKEN),
    "endless size": (says(sizes=[[1, float("inf")]]), Refusal.BROKEN),
    "size too large": (says(sizes=[[1, 10**400]]), Refusal.BROKEN),
    "size below nothing": (says(sizes=[[1, -1]]), Refusal.BROKEN),
    "three sides": (says(sizes=[[1, 1, 1]]), Refusal.BROKEN),
    "another kind": (says(kind="exe"), Refusal.BROKEN),
    "kind of kinds": (says(kind=["pdf"]), Refusal.BROKEN),
    "more previews than asked for": (says(previews=["x"] * 4), Refusal.BROKEN),
    "previews that are none": (says(previews=None), Refusal.BROKEN),
    **{f"no {name}": (lacks(name), Refusal.BROKEN) for name in GOOD if name != "repaired"},
    "convert what": (b'{"convert": "exe"}', Refusal.BROKEN),
    "convert nothing": (b'{"convert": "docx"}', Refusal.CONVERTER_MISSING),
    "unknown reason": (b'{"refused": "because"}', Refusal.BROKEN),
    "no reason": (b'{"refused": [[]]}', Refusal.BROKEN),
    "strange detail": (b'{"refused": "locked", "detail": "\\ud800"}', Refusal.LOCKED),
}


@pytest.fixture(scope="module")
def ventriloquist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intake]:
    folder = tmp_path_factory.mktemp("ventriloquist")
    with stranger(folder, bwrap=needs_program("bwrap")) as intake:
        yield intake


async def test_what_a_taken_over_child_says_is_taken_when_it_makes_sense(
    ventriloquist: Intake, tmp_path: Path
) -> None:
    """The trap itself: everything below is refused for its words, not for something else."""
    source = tmp_path / "in"
    source.write_bytes(b"SAYS" + says())
    prepared = await ventriloquist.prepare(source, tmp_path, limits=LIMITS)
    assert (prepared.pages, prepared.path.read_bytes()) == (1, b"a PDF")


@pytest.mark.parametrize("case", REPLIES)
async def test_nonsense_from_a_taken_over_child_is_a_refusal(
    ventriloquist: Intake, tmp_path: Path, case: str
) -> None:
    said, expected = REPLIES[case]
    source = tmp_path / "in"
    source.write_bytes(b"SAYS" + said)
    with pytest.raises(DocumentRefused) as caught:
        await ventriloquist.prepare(source, tmp_path, limits=LIMITS)
    assert caught.value.reason is expected
    assert caught.value.detail.isascii()
    assert len(caught.value.detail) <= 300


@pytest.mark.parametrize("previews", [float("inf"), float("nan"), None, "many", [1]])
async def test_nonsense_about_baked_pages_is_a_refusal(
    ventriloquist: Intake, tmp_path: Path, previews: object
) -> None:
    source = tmp_path / "in"
    source.write_bytes(b"SAYS" + json.dumps({"changed": True, "previews": previews}).encode())
    with pytest.raises(DocumentRefused) as caught:
        await ventriloquist.bake(source, tmp_path, plan=plan(Choices(PrintType.BW), 1, ()))
    assert caught.value.reason is Refusal.BROKEN


@pytest.mark.parametrize(
    "changed",
    [
        {"width": float("inf")},
        {"height": float("nan")},
        {"width": 10**400},
        {"height": 0},
        {"width": None},
        {"card_ratio": "round"},
        {"card_ratio": 10**400},
        {"card_share": None},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_nonsense_about_a_card_is_a_refusal(
    ventriloquist: Intake, tmp_path: Path, changed: dict[str, object]
) -> None:
    known = {"width": 856, "height": 540, "card_ratio": 1.59, "card_share": 0.5}
    source = tmp_path / "in"
    source.write_bytes(b"SAYS" + json.dumps({"facts": known}).encode())
    assert looks_like_a_card(await ventriloquist.card_facts(source))

    source.write_bytes(b"SAYS" + json.dumps({"facts": known | changed}).encode())
    with pytest.raises(DocumentRefused) as caught:
        await ventriloquist.card_facts(source)
    assert caught.value.reason is Refusal.BROKEN
