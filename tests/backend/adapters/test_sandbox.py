"""Boxes: what a program inside can reach, tried by programs that want out."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters import intake_child
from app.adapters.intake import Intake
from app.adapters.office import Converter
from app.adapters.readers import Bounds, Reader, Readers
from app.adapters.sandbox import bare_environment, boxed, python_places, works
from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal
from tests.backend.adapters.conftest import LIMITS
from tests.backend.adapters.made_office import docx, paragraph
from tests.backend.adapters.made_pdf import BLACK, make
from tests.backend.adapters.made_pictures import quarters, saved
from tests.support.programs import needs_program
from tests.support.services import public_directory

NOBODY = 65534


@pytest.fixture(scope="module")
def bwrap() -> str:
    return needs_program("bwrap")


async def test_what_a_converter_writes_is_no_more_trusted_than_the_document(
    bwrap: str, tmp_path: Path
) -> None:
    program = tmp_path / "office" / "program" / "soffice"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho no PDF > /tmp/out/in.pdf\n", encoding="ascii")
    program.chmod(0o755)
    intake = Intake(soffice=str(program), bwrap=bwrap, idle_seconds=0)
    try:
        with pytest.raises(DocumentRefused) as caught:
            source = docx(tmp_path / "a.docx", paragraph("x"))
            await intake.prepare(source, tmp_path / "work", limits=LIMITS)
    finally:
        intake.close()
    assert caught.value.reason is Refusal.BROKEN


def test_boxes_open_for_ordinary_users_too(bwrap: str) -> None:
    assert works(bwrap)
    if os.geteuid() != 0:
        return  # the line above was the proof
    inside = "import os; print(os.getuid(), os.listdir('/'))"
    command = boxed(
        bwrap, ["/usr/bin/python3", "-c", inside], environment=bare_environment(), processes=True
    )
    done = subprocess.run(
        command,
        check=False,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("65534 ")
    assert "'root'" not in done.stdout
    assert "'home'" not in done.stdout


@pytest.fixture
def hall() -> Iterator[Path]:
    """A folder that everybody may pass through, unlike ``tmp_path``."""
    with public_directory("hall") as folder:
        yield folder


def test_an_ordinary_user_converts_a_document(bwrap: str, hall: Path) -> None:
    needs_program("soffice")
    if os.geteuid() != 0:
        pytest.skip("already an ordinary user: test_intake_office is this test")
    source = docx(hall / "a.docx", paragraph("x"))
    out = hall / "out"
    out.mkdir()
    os.chown(out, NOBODY, NOBODY)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            asyncio.run(convert_once(bwrap, source, out / "a.pdf"))
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (out / "a.pdf").read_bytes().startswith(b"%PDF-")


def test_the_limits_of_an_ordinary_user_let_every_decoder_work(hall: Path) -> None:
    """Root is not held to a number of processes and threads; everybody else is."""
    if os.geteuid() != 0:
        pytest.skip("already an ordinary user: the other tests are this test")
    # Loaded before the child is nobody: a Python in root's home cannot be read any more then.
    pytest.importorskip("resource")
    intake_child._load()
    samples = {
        "heic": Path(__file__).with_name("quarters.heic"),
        "pdf": make(hall / "a.pdf", [BLACK]),
        **{
            kind: saved(hall / f"a.{kind}", quarters())
            for kind in ("jpg", "png", "webp", "gif", "bmp", "tif")
        },
    }
    task = {"do": "open", "max_pages": 9, "previews": 1, "page_seconds": 9.0, "wall": 30}
    task |= {"memory": 1 << 30, "cpu": 20, "file": 1 << 26}
    for kind, sample in samples.items():
        box = hall / f"box-{kind}"
        box.mkdir()
        os.chown(box, NOBODY, NOBODY)
        shutil.copy(sample, box / "in")
        (box / "in").chmod(0o644)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                intake_child._limit(task, [box / "in"])
                answer = json.loads(intake_child._work(task, box))
                code = 0 if answer.get("pages") == 1 else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, kind


async def convert_once(bwrap: str, source: Path, target: Path) -> None:
    converter = Converter(soffice="/usr/bin/soffice", bwrap=bwrap, idle_seconds=0)
    try:
        await converter.convert(source, Kind.DOCX, target, max_pages=5)
    finally:
        converter.close()


def test_the_reading_process_sees_its_box_and_no_more(
    bwrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAZORPAY_KEY_SECRET", "CANARY")
    reader = Reader(bwrap)
    try:
        inside = child_of(reader)
        root = f"/proc/{inside}/root"
        environment = Path(f"/proc/{inside}/environ").read_bytes()
        assert b"CANARY" not in environment
        if os.geteuid() == 0:
            seen = set(os.listdir(root))
            assert "box" in seen
            # Where the program itself lies is open, as far down as it takes and no further.
            ours = [place.parts for place in python_places(Path(intake_child.__file__).parents[1])]
            assert not (seen & {"home", "root", "tmp", "proc"}) - {parts[1] for parts in ours}
            below = {parts[2] for parts in ours if parts[1] == ours[0][1]}
            assert set(os.listdir(Path(root) / ours[0][1])) <= below
            assert not (Path(root) / str(tmp_path).lstrip("/")).exists()
    finally:
        reader.close()


def child_of(reader: Reader) -> int:
    """The Python inside: it answers only once it runs."""
    reader._wait_until_ready()
    return innermost(reader._process.pid)


def innermost(pid: int) -> int:
    """The process at the end of a chain of parents and only children."""
    while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        pid = int(children[0])
    return pid


@pytest.mark.parametrize("box", [True, False])
async def test_a_reader_is_warm_and_every_file_meets_a_fresh_child(
    bwrap: str, tmp_path: Path, box: bool
) -> None:
    readers = Readers(size=1, bwrap=bwrap if box else None, lifetime=3)
    source = make(tmp_path / "a.pdf", [BLACK])
    task = {"do": "open", "max_pages": 9, "previews": 0, "page_seconds": 9.0}
    seen = []
    try:
        for _ in range(5):
            async with readers.lend() as reader:
                assert list(reader.box.iterdir()) == []
                shutil.copy(source, reader.box / "in")
                answer = await readers.ask(reader, task, Bounds())
                assert answer.reply is not None
                assert answer.reply["pages"] == 1
                assert answer.peak < 200 << 20
                seen.append(reader)
    finally:
        readers.close()
    assert len(set(map(id, seen[:3]))) == 1
    assert seen[3] is not seen[0]
    assert not any(reader.box.exists() for reader in seen)


async def test_a_link_left_in_the_box_is_not_followed(bwrap: str, tmp_path: Path) -> None:
    """A child that was taken over could leave a link to a file only we may read."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"CANARY")
    intake = Intake(soffice=None, bwrap=bwrap, concurrency=1)
    source = make(tmp_path / "a.pdf", [BLACK])
    ask = intake._readers.ask

    async def taken_over(reader: Reader, task: dict[str, object], bounds: Bounds) -> object:
        answer = await ask(reader, task, bounds)
        (reader.box / "out.pdf").unlink()
        (reader.box / "out.pdf").symlink_to(secret)
        return answer

    # Put in the method's place: there is no other way to be a reader that was taken over.
    intake._readers.ask = taken_over  # type: ignore[assignment, method-assign]
    try:
        with pytest.raises(DocumentRefused) as caught:
            await intake.prepare(source, tmp_path / "work", limits=LIMITS)
    finally:
        intake.close()
    assert caught.value.reason is Refusal.BROKEN
    assert not (tmp_path / "work" / "print.pdf").exists()


async def test_what_a_killed_process_left_is_swept_at_the_next_start(
    bwrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = await asyncio.create_subprocess_exec("/bin/true")
    await dead.wait()
    left = tmp_path / f"printwala-box-{dead.pid}-abc"
    ours = tmp_path / f"printwala-box-{os.getpid()}-abc"
    for box in (left, ours):
        box.mkdir()
        (box / "in").write_bytes(b"a customer's document")

    Readers(size=1, bwrap=bwrap).close()

    assert (left.exists(), ours.exists()) == (False, True)


async def test_a_killed_reader_costs_one_file(bwrap: str, tmp_path: Path) -> None:
    intake = Intake(soffice=None, bwrap=bwrap, concurrency=1)
    source = make(tmp_path / "a.pdf", [BLACK])
    try:
        assert (await intake.prepare(source, tmp_path / "one", limits=LIMITS)).pages == 1
        intake._readers._free[0].kill()
        assert (await intake.prepare(source, tmp_path / "two", limits=LIMITS)).pages == 1
    finally:
        intake.close()


def test_the_child_answers_on_its_own(tmp_path: Path) -> None:
    """The protocol, spoken by hand: one line in, one line out, end with the input."""
    make(tmp_path / "in", [BLACK])
    task = {"do": "open", "max_pages": 9, "previews": 1, "page_seconds": 9, "password": None}
    limits = {"memory": 1 << 30, "cpu": 20, "file": 1 << 26, "wall": 20}
    done = subprocess.run(
        [sys.executable, "-m", "app.adapters.intake_child", str(tmp_path)],
        input=json.dumps(task | limits).encode() + b"\n",
        capture_output=True,
        env=bare_environment(PYTHONPATH=str(Path(__file__).parents[3] / "backend")),
        check=True,
    )
    ready, answer = done.stdout.splitlines()
    assert ready == b"ready"
    assert json.loads(json.loads(answer)["reply"])["pages"] == 1
    assert done.stderr == b""
