"""Everything a fresh machine needs, with nothing but Python's standard library.

    python3 run.py demo          the whole shop on this machine, in a browser; Ctrl-C ends it
    python3 run.py demo --once   a scripted customer walks all the way; exit 0 when paper came out
    python3 run.py test [...]    all tests against a real PostgreSQL and Redis; the rest: pytest's
    python3 run.py check         what is checked without running the program
    python3 run.py lock          compile the requirement files again

The first run makes ``.venv`` and installs the locked requirements into it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - an older one may well start this file
    sys.exit("run: Python 3.11 or newer is needed; start run.py with a newer one.")

from launch.demo import run_demo
from launch.install import check, lock, run_tests
from launch.terminal import Failure, Interrupted, listen_for_interrupts


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 fine, 1 failed, 2 wrong usage, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="the whole shop on this machine")
    demo.add_argument("--once", action="store_true", help="a scripted customer, then stop")
    demo.add_argument("--port", type=int, help="port of the backend; the page takes the next one")
    demo.add_argument("--data", type=Path, help="where it keeps its files (default: var/demo)")
    commands.add_parser("test", help="all tests; further arguments go to pytest")
    commands.add_parser("check", help="static checks")
    commands.add_parser("lock", help="compile the requirement files again")
    testing = list(arguments[:1]) == ["test"]  # whatever follows belongs to pytest, -h included
    known = parser.parse_args(arguments[:1] if testing else arguments)

    listen_for_interrupts()
    try:
        if known.command == "demo":
            return run_demo(once=known.once, port=known.port, data=known.data)
        if known.command == "test":
            return run_tests(arguments[1:])
        return check() if known.command == "check" else lock()
    except Failure as failure:
        sys.stderr.write(f"run: {failure}\n")
        return 1
    except Interrupted:
        return 130


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace", line_buffering=True)
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main(sys.argv[1:]))
