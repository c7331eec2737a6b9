"""The worker's log: facts about jobs and printers, never about people."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

FILE_BYTES, OLD_FILES = 2_000_000, 5
_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


class _OneLine(logging.Formatter):
    """A sentence from outside cannot forge a second line."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\n    ")


def set_up(log_file: Path) -> None:
    """Log to the file (rotating) and to stderr. Raises OSError when the file cannot be written.

    Only this program's own lines: libraries would write addresses with signatures.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    ours = logging.getLogger("print_worker")
    ours.setLevel(logging.INFO)
    ours.propagate = False
    handlers: list[logging.Handler] = [
        RotatingFileHandler(log_file, maxBytes=FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8")
    ]
    if sys.stderr is not None:  # None under pythonw on Windows
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(_OneLine(_FORMAT))
        ours.addHandler(handler)
