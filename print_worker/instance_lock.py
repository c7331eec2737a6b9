"""One worker per folder: a second one would print what the first one prints."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class AlreadyRunning(Exception):
    """Another worker holds the folder; the message is its path."""


class InstanceLock:
    """Held until the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "worker.lock"
        self._file: IO[bytes] | None = None

    def __enter__(self) -> InstanceLock:
        self.take()
        return self

    def take(self) -> None:
        """Hold the folder; raises AlreadyRunning."""
        self._file = self._path.open("a+b")
        try:
            if sys.platform == "win32":
                self._file.seek(0)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise AlreadyRunning(str(self._path.parent)) from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.give_back()

    def give_back(self) -> None:
        """Let another process have the folder."""
        if self._file is not None:
            self._file.close()
