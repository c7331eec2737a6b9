"""Starts the print worker, or its doctor: ``python main.py [run|doctor] [--config FILE]``."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sqlite3
import sys
from pathlib import Path

if __package__ in (None, ""):  # started as a file: the package's parent must be importable
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from print_worker import agent, crash, doctor, logs, settings
from print_worker.instance_lock import AlreadyRunning, InstanceLock
from print_worker.printer import UnknownBackend

FINE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130
log = logging.getLogger("print_worker")


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 fine, 1 failed, 2 wrong settings or usage, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="print_worker", description="Prints the shop's paid orders, each one once."
    )
    parser.add_argument("command", nargs="?", choices=("run", "doctor"), default="run")
    parser.add_argument("--config", type=Path, help="settings file (default: config.json)")
    asked = parser.parse_args(arguments)
    try:
        return _main(asked.command, asked.config)
    except KeyboardInterrupt:
        return INTERRUPTED


def _main(command: str, config: Path | None) -> int:
    path = config or Path(os.environ.get("PRINTWALA_CONFIG") or _default_config())
    if not path.exists() and path != _default_config():
        return _say(MISUSED, f"{path} does not exist: give --config the path of the settings.")
    try:
        crash.arm(os.environ)
        told = settings.load(path, os.environ)
        agent.printers_of(told)
    except settings.BadSettings as bad:
        return _say(MISUSED, *bad.problems)
    except (UnknownBackend, crash.CrashRefused) as error:
        return _say(MISUSED, str(error))
    if command == "doctor":
        return FINE if doctor.examine(told, print) else FAILED
    try:
        agent.prepare(told.work_dir)
        logs.set_up(told.log_file)
        with InstanceLock(told.work_dir):
            return _run(told)
    except AlreadyRunning as folder:
        return _say(
            FAILED,
            f"Another worker already runs with the folder {folder}. Stop it first, or give this "
            "one its own work_dir and virtual_output_dir.",
        )
    except sqlite3.Error as error:
        return _say(
            FAILED,
            f"The journal in {told.work_dir} cannot be used: {error}. Check on the staff page "
            "which jobs are open and whether they printed, then move the file away.",
        )
    except OSError as error:
        return _say(FAILED, f"The worker cannot use its folders: {error}. Make them writable.")


def _run(told: settings.Settings) -> int:
    for name in told.ignored:
        log.warning("The environment variable %s is no setting of the worker; ignored.", name)
    if told.backend == "auto" and not told.printers:
        log.warning(
            "No real printer is set up: pages go into files under %s.", told.virtual_output_dir
        )
    worker = agent.Agent(told)
    interrupted = False

    def end(number: int, _frame: object) -> None:
        nonlocal interrupted
        interrupted = interrupted or number == signal.SIGINT
        worker.stop.ask()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, end)
    worker.run()
    if worker.stop.key_refused:
        return _say(
            FAILED,
            "The backend does not accept the worker key. Put its current key into api_key in "
            "config.json (or PRINTWALA_API_KEY) and start the worker again.",
        )
    if worker.stop.failed:
        return _say(FAILED, f"The worker ended after an unforeseen error; see {told.log_file}.")
    return INTERRUPTED if interrupted else FINE


def _default_config() -> Path:
    return Path(__file__).resolve().parent / "config.json"


def _say(code: int, *sentences: str) -> int:
    for sentence in sentences:
        if log.handlers:
            log.error(sentence)
        elif sys.stderr is not None:
            print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
