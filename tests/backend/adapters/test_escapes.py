"""Ways out of both boxes: each works outside, and inside meets exactly the wall we built."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.adapters.office import Converter
from app.adapters.readers import Reader
from app.adapters.sandbox import python_places
from app.domain.documents import Kind
from app.domain.errors import ShopError
from tests.backend.adapters import escapes
from tests.backend.adapters.made_office import docx, paragraph
from tests.support.programs import needs_program

SYSTEM_PYTHON = "/usr/bin/python3"
# Not there, not ours, read-only, no such process, nobody listens.
WALLS = {
    "secret file": "ENOENT",
    "its folder": "ENOENT",
    "accounts": "ENOENT",
    "another's environment": "ENOENT",
    "our environment": "absent",
    "another process": "ESRCH",
    "own folder": "done",
    "system": "EROFS",
    "root": "EROFS",
    "mount": "EPERM",
    "another user": "EINVAL",
    "tcp": "ECONNREFUSED",
    "socket by path": "ENOENT",
    "socket by name": "ECONNREFUSED",
    "host": "box",
    "networks": ["lo"],
    "devices": [
        "console",
        "core",
        "fd",
        "full",
        "null",
        "ptmx",
        "pts",
        "random",
        "shm",
        "stderr",
        "stdin",
        "stdout",
        "tty",
        "urandom",
        "zero",
    ],
}


@pytest.fixture
def bwrap() -> str:
    return needs_program("bwrap")


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Something to be found behind each door, and the proof that it can be found."""
    monkeypatch.setenv("CANARY_SECRET_KEY", "CANARY")
    (tmp_path / "secrets").mkdir()
    secret = tmp_path / "secrets" / "secret.txt"
    secret.write_text("CANARY", encoding="ascii")
    path = str(tmp_path / "secrets" / "s")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX) as by_name,
        socket.socket(socket.AF_UNIX) as by_path,
    ):
        port = listener.getsockname()[1]
        by_name.bind(f"\0canary-{port}")
        by_path.bind(path)
        for server in (by_name, by_path):
            server.listen()
        made = {
            "port": port,
            "parent": os.getpid(),
            "secret": str(secret),
            "path": path,
            "own": str(tmp_path),
            "system": str(tmp_path),
            "root": str(tmp_path),
            "user": os.geteuid(),
        }
        outside = tried(tmp_path, made)
        # A mount outside is for root alone, and we leave the machine as it was.
        works = {name: outside[name] for name, wall in WALLS.items() if isinstance(wall, str)}
        assert {name for name, came in works.items() if came != "done"} == {"mount", "host"}
        assert outside["mount"] in {"ENOENT", "EPERM"}
        assert outside["host"] != "box"
        yield {**made, "system": "/usr", "root": "/", "user": 0}


def tried(folder: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """The report of the attempts outside; the mount goes to where nothing is."""
    (folder / "plan").write_text(json.dumps(plan), encoding="utf-8")
    code = (
        "import sys, escapes; mount = escapes._mount;"
        " escapes._mount = lambda place: mount(place + '/nowhere'); escapes.main(*sys.argv[1:])"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(folder / "plan"), str(folder / "report")],
        check=True,
        cwd=Path(escapes.__file__).parent,
    )
    return dict(json.loads((folder / "report").read_text(encoding="utf-8")))


async def test_a_converter_that_was_taken_over_finds_only_walls(
    bwrap: str, tmp_path: Path, plan: dict[str, Any]
) -> None:
    needs_program(SYSTEM_PYTHON)
    program = tmp_path / "office" / "program" / "soffice"
    program.parent.mkdir(parents=True)
    shutil.copy(escapes.__file__, program.parent)
    (program.parent / "plan").write_text(json.dumps({**plan, "own": "/tmp"}), encoding="utf-8")
    program.write_text(
        '#!/bin/sh\ncase "$*" in *--convert-to*) ;; *) exit 0;; esac\n'
        f'cd "$(dirname "$0")" && {SYSTEM_PYTHON} -B escapes.py plan /tmp/out/in.pdf\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    converter = Converter(soffice=str(program), bwrap=bwrap, idle_seconds=0)
    try:
        source = docx(tmp_path / "a.docx", paragraph("x"))
        await converter.convert(source, Kind.DOCX, tmp_path / "found", max_pages=5)
    finally:
        converter.close()
    found = json.loads((tmp_path / "found").read_text(encoding="utf-8"))
    assert walls(found) == walls(WALLS)


def test_a_reader_that_was_taken_over_finds_only_walls(
    bwrap: str, tmp_path: Path, plan: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "stand-in"
    stand_in.mkdir()
    shutil.copy(escapes.__file__, stand_in)
    (stand_in / "plan").write_text(json.dumps({**plan, "own": "/box"}), encoding="utf-8")
    (stand_in / "sitecustomize.py").write_text(
        f"import os, escapes\nescapes.main('{stand_in}/plan', '/box/found')\nos._exit(0)\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(stand_in))
    monkeypatch.setattr(
        "app.adapters.readers.python_places", lambda package: [*python_places(package), stand_in]
    )
    reader = Reader(bwrap)
    try:
        with pytest.raises(ShopError, match="does not start"):
            reader._wait_until_ready()
        found = json.loads((reader.box / "found").read_text(encoding="utf-8"))
    finally:
        reader.close()
    assert walls(found) == walls(WALLS)


def walls(found: dict[str, Any]) -> dict[str, Any]:
    """Without the terminal that only some boxes are started from."""
    return {**found, "devices": [name for name in found["devices"] if name != "console"]}


def interfaces(pid: int) -> list[str]:
    lines = Path(f"/proc/{pid}/net/dev").read_text(encoding="ascii").splitlines()[2:]
    return [line.split(":")[0].strip() for line in lines]


def network(pid: int | str) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")


def inmost(process: psutil.Process, name: str) -> int:
    """The process called ``name`` below ``process``, once it runs."""
    deadline = time.monotonic() + 30
    while True:
        for child in process.children(recursive=True):
            if child.name().startswith(name):
                return int(child.pid)
        assert time.monotonic() < deadline, process.children(recursive=True)
        time.sleep(0.05)


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root may look into another's network"
)
def test_readers_and_libreoffice_have_a_network_of_their_own_with_nobody_in_it(bwrap: str) -> None:
    reader = Reader(bwrap)
    converter = Converter(soffice=needs_program("soffice"), bwrap=bwrap, idle_seconds=0)
    try:
        reader._wait_until_ready()
        office = converter._take()
        inside = [
            inmost(psutil.Process(reader._process.pid), "python"),
            inmost(psutil.Process(office.pid), "soffice.bin"),
        ]
        assert [interfaces(pid) for pid in inside] == [["lo"], ["lo"]]
        assert len({network("self"), *map(network, inside)}) == 3
    finally:
        converter.close()
        reader.close()
