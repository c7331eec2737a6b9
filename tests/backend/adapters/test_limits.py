"""What one file may cost, in readers and converters: each limit is met, and says how."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.adapters.office import Converter, ConverterBounds
from app.adapters.readers import Answer, Bounds, Readers
from app.adapters.sandbox import python_places
from app.domain.documents import Kind
from app.domain.errors import DocumentRefused, Refusal
from tests.backend.adapters.made_office import docx, paragraph
from tests.backend.adapters.made_pdf import BLACK, make
from tests.support.programs import needs_program

MB = 1 << 20
TASK = {"do": "open", "max_pages": 9, "previews": 0, "page_seconds": 9.0}
# A parser that does to the machine what the file says.
GREEDY = """
import time
from app.adapters import sniff
honest = sniff.sniff
def greedy(source, *rest, **more):
    wish = source.read_bytes()
    if wish.startswith(b"memory"):
        held = bytearray(int(wish[6:]) << 20)
        held[::4096] = b"x" * len(held[::4096])
    elif wish == b"cpu":
        while True:
            pass
    elif wish == b"wall":
        time.sleep(600)
    elif wish == b"file":
        (source.parent / "grown").write_bytes(bytes(8 << 20))
    else:
        return honest(source, *rest, **more)
    raise sniff.DocumentRefused(sniff.Refusal.EMPTY, "got what it wanted")
sniff.sniff = greedy
"""


@pytest.fixture(scope="module", params=[True, False], ids=["boxed", "not boxed"])
def readers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Readers]:
    folder = tmp_path_factory.mktemp("greedy")
    (folder / "sitecustomize.py").write_text(GREEDY, encoding="ascii")
    bwrap = needs_program("bwrap") if request.param else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setattr(
            "app.adapters.readers.python_places", lambda package: [*python_places(package), folder]
        )
        made = Readers(size=1, bwrap=bwrap)
        try:
            yield made
        finally:
            made.close()


async def ask(readers: Readers, wish: str, bounds: Bounds) -> Answer:
    async with readers.lend() as reader:
        (reader.box / "in").write_bytes(wish.encode())
        return await readers.ask(reader, TASK, bounds)


GOT_IT = {"refused": "empty", "detail": "got what it wanted"}


async def test_memory_is_bounded_and_its_peak_is_told(readers: Readers) -> None:
    much = await ask(readers, "memory200", Bounds(memory=1 << 30))
    assert much.reply == GOT_IT
    assert 200 * MB < much.peak < 320 * MB

    less = await ask(readers, "memory20", Bounds(memory=1 << 30))
    assert less.reply == GOT_IT
    assert 20 * MB < less.peak < much.peak - 100 * MB

    refused = await ask(readers, "memory900", Bounds(memory=800 * MB))
    assert refused.reply == {"refused": "too_complex", "detail": "needs too much memory"}
    assert refused.peak < 200 * MB


async def test_processor_time_is_bounded(readers: Readers) -> None:
    answer = await ask(readers, "cpu", Bounds(cpu=1, wall=50.0))
    assert answer.reply is None
    assert answer.why in {
        f"its reader died of signal {number:d}" for number in (signal.SIGXCPU, signal.SIGKILL)
    }
    assert answer.peak > 0


async def test_the_clock_is_bounded(readers: Readers) -> None:
    answer = await ask(readers, "wall", Bounds(wall=1.0))
    assert (answer.reply, answer.why) == (None, "took longer than 1 s")
    assert answer.peak > 0


async def test_what_is_written_is_bounded(readers: Readers) -> None:
    assert (await ask(readers, "file", Bounds(file=9 * MB))).reply == GOT_IT
    answer = await ask(readers, "file", Bounds(file=7 * MB))
    assert answer.reply == {"refused": "too_complex", "detail": "writes too much"}


async def test_after_every_limit_the_next_file_is_read(readers: Readers, tmp_path: Path) -> None:
    for wish in ("memory900", "wall", "cpu"):
        await ask(readers, wish, Bounds(memory=800 * MB, cpu=1, wall=1.0))
        async with readers.lend() as reader:
            make(reader.box / "in", [BLACK])
            answer = await readers.ask(reader, TASK, Bounds())
        assert answer.reply is not None
        assert answer.reply["pages"] == 1


def office(tmp_path: Path, work: str) -> str:
    """A "LibreOffice" that writes its PDF when its work succeeds."""
    program = tmp_path / "office" / "program" / "soffice"
    program.parent.mkdir(parents=True)
    program.write_text(
        '#!/bin/sh\ncase "$*" in *--convert-to*) ;; *) exit 0;; esac\n'
        f"{work} && echo made > /tmp/out/in.pdf\n",
        encoding="ascii",
    )
    program.chmod(0o755)
    return str(program)


PYTHON = "/usr/bin/python3"
# What it does, under which bound it fails, under which it succeeds.
COSTS = {
    "memory": (
        f"{PYTHON} -c 'bytearray(900 << 20)'",
        ConverterBounds(memory=500 * MB),
        ConverterBounds(),
    ),
    "cpu": (
        f"{PYTHON} -c 'import time\nwhile time.process_time() < 2: pass'",
        ConverterBounds(cpu=1),
        ConverterBounds(),
    ),
    "file": (
        "head -c 3000000 /dev/zero > /tmp/grown",
        ConverterBounds(file=2_000_000),
        ConverterBounds(file=4_000_000),
    ),
    "scratch": (
        "for n in 1 2 3 4; do head -c 3000000 /dev/zero > /tmp/$n || exit 1; done",
        ConverterBounds(scratch=8 * MB),
        ConverterBounds(scratch=16 * MB),
    ),
}


async def convert(program: str, bounds: ConverterBounds, tmp_path: Path) -> Path:
    converter = Converter(
        soffice=program, bwrap=needs_program("bwrap"), bounds=bounds, idle_seconds=0
    )
    try:
        source = docx(tmp_path / "a.docx", paragraph("x"))
        await converter.convert(source, Kind.DOCX, tmp_path / "made", max_pages=5)
    finally:
        converter.close()
    return tmp_path / "made"


@pytest.mark.parametrize("cost", COSTS)
async def test_a_converter_is_bounded(tmp_path: Path, cost: str) -> None:
    work, tight, wide = COSTS[cost]
    needs_program(PYTHON)
    program = office(tmp_path, work)
    assert (await convert(program, wide, tmp_path)).read_text(encoding="ascii") == "made\n"
    with pytest.raises(DocumentRefused) as caught:
        await convert(program, tight, tmp_path)
    assert caught.value.reason is Refusal.CONVERTER_FAILED
    assert (tmp_path / "made").read_bytes() == b""


def converting(program: str) -> list[int]:
    """Processes that work for a document right now."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if program in (process.info["cmdline"] or [])
        and "--convert-to" in (process.info["cmdline"] or [])
    ]


async def comes_to(program: str, number: int) -> None:
    deadline = asyncio.get_running_loop().time() + 30
    while len(await asyncio.to_thread(converting, program)) != number:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)


async def test_two_convert_at_once_each_with_a_profile_that_nobody_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "office" / "go"
    # It tells which /tmp it has and what its profile held, leaves a trace, and waits for us.
    program = office(
        tmp_path,
        'stat -c %d /tmp > /tmp/told; find /tmp/profile -type f >> /tmp/told; echo "$$" >'
        f" /tmp/profile/trace; while [ ! -e {go} ]; do sleep 0.05; done; cat /tmp/told >"
        " /tmp/out/in.pdf; false",
    )
    converter = Converter(soffice=program, bwrap=needs_program("bwrap"), idle_seconds=0)
    take, most = converter._take, 0

    def counted() -> object:
        nonlocal most
        process = take()
        most = max(most, len(converter._running))
        return process

    monkeypatch.setattr(converter, "_take", counted)
    source = docx(tmp_path / "a.docx", paragraph("x"))
    targets = [tmp_path / f"told-{number}" for number in range(5)]
    try:
        work = [
            asyncio.create_task(converter.convert(source, Kind.DOCX, target, max_pages=5))
            for target in targets
        ]
        await comes_to(program, 2)
        assert (most, len(converter._running)) == (2, 2)
        assert [target.exists() for target in targets] == [True, True, False, False, False]
        go.touch()
        await asyncio.gather(*work)
    finally:
        converter.close()
    told = [target.read_text(encoding="ascii").split() for target in targets]
    assert most == 2
    assert told[0][0] != told[1][0]
    assert [held for _, *held in told] == [["/tmp/profile/user/registrymodifications.xcu"]] * 5
