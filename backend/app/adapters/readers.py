"""Warm processes that read strangers' files, two at once by default, each in its own box.

Threads wait for them, so that it works on every event loop (on Windows the loop that the
database driver needs cannot watch processes).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.adapters.sandbox import bare_environment, boxed, end, python_places
from app.domain.errors import DocumentRefused, ShopError

_PACKAGE = Path(__file__).resolve().parents[1]
_INSIDE = "/box"
_BOXES = "printwala-box-"
_MAX_ANSWER = 2_100_000
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one file may cost: bytes of memory, seconds of processor and clock, bytes written."""

    memory: int = 1 << 30
    cpu: int = 60
    file: int = 300 << 20
    wall: float = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """``reply`` is the child's JSON, or None when it died: then ``why`` says how."""

    reply: dict[str, Any] | None
    why: str
    peak: int


class Reader:
    """One warm process with its box, a folder that only it and we can see."""

    def __init__(self, bwrap: str | None) -> None:
        self.box = Path(tempfile.mkdtemp(prefix=f"{_BOXES}{os.getpid()}-"))
        self.served = 0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        path = os.pathsep.join([str(_PACKAGE.parent), *_own_paths()])
        environment = bare_environment(
            PYTHONPATH=path,
            PYTHONDONTWRITEBYTECODE="1",
            MALLOC_ARENA_MAX="1",
            TMPDIR=_INSIDE if bwrap else str(self.box),
        )
        command = [sys.executable, "-P", "-s", "-m", "app.adapters.intake_child"]
        if bwrap:
            command = boxed(
                bwrap,
                [*command, _INSIDE],
                readable=python_places(_PACKAGE),
                writable={self.box: _INSIDE},
                environment=environment,
            )
        else:
            command.append(str(self.box))
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            cwd=self.box,
            start_new_session=True,
        )
        self._ready = False

    def ask(self, task: dict[str, Any], bounds: Bounds) -> Answer:
        """Blocks until the file is done, dead or late."""
        if not self._ready:
            self._wait_until_ready()
        line = json.dumps({**task, **asdict(bounds)}).encode() + b"\n"
        raw = self._exchange(line, bounds.wall + 5)
        self.served += 1
        if not raw:
            return Answer(None, "took too long or its reader died", 0)
        said = _parsed(raw)
        if said is None:  # longer than we read, so that its end is missing
            return Answer(None, "its reader answered too much", 0)
        if said["late"]:
            return Answer(None, f"took longer than {bounds.wall:.0f} s", said["peak"])
        if said["signal"] or not said["reply"]:
            return Answer(None, f"its reader died of signal {said['signal']}", said["peak"])
        reply = _parsed(said["reply"])
        if reply is None:
            return Answer(None, "its reader answered nonsense", said["peak"])
        return Answer(reply, "", said["peak"])

    def empty(self) -> None:
        """Leaves nothing of one customer for the next."""
        for left in self.box.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends the process now; a pending ``ask`` returns."""
        end(self._process)

    def close(self) -> None:
        """Ends the process and removes its box."""
        self.kill()
        self._log.close()
        shutil.rmtree(self.box, ignore_errors=True)

    @property
    def spent(self) -> bool:
        """Whether the process is gone (or good for one file only)."""
        return self._process.poll() is not None or not hasattr(os, "fork")

    def _exchange(self, line: bytes, seconds: float) -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        clock = threading.Timer(seconds, self.kill)
        clock.start()
        try:
            if line:
                self._process.stdin.write(line)
                self._process.stdin.flush()
            return self._process.stdout.readline(_MAX_ANSWER)
        except (OSError, ValueError):
            return b""  # killed meanwhile
        finally:
            clock.cancel()

    def _wait_until_ready(self) -> None:
        if self._exchange(b"", _START_SECONDS) != b"ready\n":
            self._log.seek(0)
            said = self._log.read(2000).decode("utf-8", "replace").strip().splitlines()
            self.kill()
            raise ShopError(
                "the document reader does not start; run `python -m app.adapters.intake_child .`"
                f" to see why ({said[-1] if said else 'no message'})",
                code="reader_failed",
            )
        self._ready = True


class Readers:
    """Lends readers, at most ``size`` at once; replaces one after trouble or ``lifetime`` files."""

    def __init__(self, *, size: int, bwrap: str | None, lifetime: int = 200) -> None:
        _sweep_boxes()
        self._bwrap = bwrap
        self._size = size
        self._lifetime = lifetime
        self._free: list[Reader] = []
        self._all: set[Reader] = set()
        self._places: asyncio.Semaphore | None = None
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="reader")

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Reader]:
        """A reader with an empty box. It stays for the next file unless something went wrong."""
        if self._places is None:
            self._places = asyncio.Semaphore(self._size)
        async with self._places:
            reader = self._free.pop() if self._free else None
            if reader is not None and reader.spent:
                self._drop(reader)
                reader = None
            if reader is None:
                reader = Reader(self._bwrap)
                self._all.add(reader)
            try:
                yield reader
            except DocumentRefused:
                self._take_back(reader)
                raise
            except BaseException:  # cancelled too: nobody knows what it is still reading
                self._drop(reader)
                raise
            self._take_back(reader)

    async def ask(self, reader: Reader, task: dict[str, Any], bounds: Bounds) -> Answer:
        """``Reader.ask`` beside the event loop; when we are cancelled the file is given up."""
        loop = asyncio.get_running_loop()
        waiting = loop.run_in_executor(self._threads, reader.ask, task, bounds)
        try:
            answer = await asyncio.shield(waiting)
        except asyncio.CancelledError:
            reader.kill()
            with contextlib.suppress(Exception):
                await waiting
            raise
        if answer.reply is None:
            reader.kill()  # whatever it was, the next file meets a fresh process
        return answer

    def close(self) -> None:
        """Ends every process."""
        for reader in list(self._all):
            self._drop(reader)
        self._threads.shutdown(wait=False)

    def _take_back(self, reader: Reader) -> None:
        if reader.spent or reader.served >= self._lifetime:
            self._drop(reader)
            return
        reader.empty()
        self._free.append(reader)

    def _drop(self, reader: Reader) -> None:
        self._all.discard(reader)
        if reader in self._free:
            self._free.remove(reader)
        reader.close()


def _parsed(text: bytes | str) -> dict[str, Any] | None:
    """A JSON object that a stranger may have written."""
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None


def _sweep_boxes() -> None:
    """Removes what a killed process left: a customer's document may lie in it."""
    for box in Path(tempfile.gettempdir()).glob(f"{_BOXES}*"):
        owner = box.name.removeprefix(_BOXES).partition("-")[0]
        if owner.isdecimal() and not _lives(int(owner)):
            shutil.rmtree(box, ignore_errors=True)


def _lives(pid: int) -> bool:
    if os.name == "nt":
        return True  # there is no harmless question; Windows empties its temporary folder itself
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _own_paths() -> list[str]:
    given = os.environ.get("PYTHONPATH", "")
    return [str(Path(part).resolve()) for part in given.split(os.pathsep) if part]
