"""Writing files so that they survive a power cut."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Replace the file as a whole, on the disk before this returns."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def append_line(path: Path, line: str) -> None:
    """Add one line, on the disk before this returns."""
    with path.open("a", encoding="utf-8", newline="\n") as out:
        out.write(line + "\n")
        out.flush()
        os.fsync(out.fileno())


def sync_folder(folder: Path) -> None:
    """Make new and renamed names in the folder last; Windows does so by itself."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
