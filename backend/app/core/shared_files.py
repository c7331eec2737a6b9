"""Files that processes share: locks that end with their holder, and secrets written whole."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class FileLock:
    """An exclusive lock on a file, held until released or until the process ends, however it ends.

    ``timeout`` is in seconds; when it passes ``acquire`` raises ``TimeoutError``.
    """

    def __init__(self, path: Path, *, timeout: float) -> None:
        self.path = path
        self.timeout = timeout
        self._handle: int | None = None

    def acquire(self) -> None:
        """Wait for the lock."""
        deadline = time.monotonic() + self.timeout
        while not self.try_acquire():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{self.path} is still held by another process after {self.timeout:.0f} "
                    "seconds; end that process and try again"
                )
            time.sleep(0.02)

    def try_acquire(self) -> bool:
        """Take the lock if it is free."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)  # may raise PermissionError
        try:
            if sys.platform == "win32":
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self, *, delete: bool = False) -> None:
        """Give the lock back; with ``delete`` the file goes too, where nobody waits for it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        if delete:
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def lock_or_none(path: Path) -> FileLock | None:
    """The lock when nobody holds it, otherwise ``None``."""
    lock = FileLock(path, timeout=0)
    return lock if lock.try_acquire() else None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, complete or not at all."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as output:
        output.write(text)
        output.flush()
        os.fsync(output.fileno())
    fresh.replace(path)
