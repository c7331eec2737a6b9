"""Reads config.json and the PRINTWALA_* environment; says exactly which key is wrong and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PREFIX = "PRINTWALA_"
NOT_SETTINGS = frozenset({"PRINTWALA_CRASH_AT", "PRINTWALA_ENVIRONMENT", "PRINTWALA_CONFIG"})
BACKENDS = ("auto", "sumatra", "windows", "cups", "ipp", "virtual")
SIMPLE_QUIRKS = (
    "jam",
    "paper_out",
    "offline",
    "slow",
    "accepts_then_silent",
    "repeats_after_restart",
    "loses_after_restart",
    "exit0_without_paper",
    "exit1_with_paper",
    "hangs",
)
QUIRKS_IN_WORDS = ", ".join((*SIMPLE_QUIRKS, "dies_after:<pages>"))


class BadSettings(Exception):
    """The settings cannot be used; ``problems`` holds one sentence per wrong key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class PrinterSettings:
    """One printer of the shop as the shop describes it."""

    name: str
    backend: str
    color: bool = True
    duplex: bool = True
    papers: tuple[str, ...] = ("A4",)


@dataclass(frozen=True)
class Settings:
    """Everything the worker is told from outside; paths are absolute."""

    backend_url: str
    api_key: str = field(repr=False)
    redis_url: str = field(repr=False)
    queue_name: str
    printer_name: str
    poll_timeout: int
    worker_id: str
    printers: tuple[PrinterSettings, ...]
    backend: str
    sumatra_path: str
    work_dir: Path
    virtual_output_dir: Path
    log_file: Path
    virtual_seconds_per_page: float
    virtual_quirk: str
    ignored: tuple[str, ...] = ()
    """Names of environment variables that look like settings and are none."""


class _Wrong(Exception):
    """What was expected instead of the value given."""


def quirk(text: str) -> tuple[str, int]:
    """Split a quirk into its name and its number (0 when it has none); ValueError if unknown."""
    name, _, number = text.strip().partition(":")
    if name in SIMPLE_QUIRKS and not number:
        return name, 0
    if name == "dies_after" and number.isdigit():
        return name, int(number)
    if not name and not number:
        return "", 0
    raise ValueError(f"{text!r} is not a quirk; known: {QUIRKS_IN_WORDS}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong("text in quotes")
    return value


def _filled(value: Any) -> str:
    text = _text(value).strip()
    if not text:
        raise _Wrong("text that is not empty")
    return text


def _key(value: Any) -> str:
    try:
        text = _filled(value)
    except _Wrong:
        raise _Wrong("the worker key of the backend (its WORKER_API_KEY)") from None
    if not text.isascii() or not text.isprintable():
        raise _Wrong("a key of plain letters, digits and signs, as the backend printed it")
    return text


def _web_address(value: Any) -> str:
    text = _text(value).strip().rstrip("/")
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        if not usable or parts.query or parts.fragment or parts.username:
            raise ValueError
    except ValueError:
        raise _Wrong("an address like https://shop.example.com") from None
    return text


def _redis_address(value: Any) -> str:
    text = _text(value).strip()
    try:
        parts = urlsplit(text)
        usable = not text or (parts.scheme in ("redis", "rediss", "unix") and parts.port != 0)
    except ValueError:
        usable = False
    if not usable:
        raise _Wrong('an address like redis://192.168.1.10:6379/0, or "" for none')
    return text


def _seconds_to_wait(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 30:
        raise _Wrong("a whole number of seconds from 1 to 30")
    return value


def _seconds_per_page(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 600:
        raise _Wrong("a number of seconds from 0 to 600")
    return float(value)


def _backend(value: Any) -> str:
    if value not in BACKENDS:
        raise _Wrong("one of " + ", ".join(BACKENDS))
    return str(value)


def _quirk(value: Any) -> str:
    text = _text(value)
    try:
        quirk(text)
    except ValueError:
        raise _Wrong(f'"" or one of {QUIRKS_IN_WORDS}') from None
    return text.strip()


def _yes_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("true or false")
    return value


def _papers(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(p, str) and p for p in value):
        raise _Wrong('a list of paper names like ["A4", "A3"]')
    return tuple(value)


_PRINTER_KEYS: dict[str, Callable[[Any], Any]] = {
    "name": _filled,
    "backend": _backend,
    "color": _yes_no,
    "duplex": _yes_no,
    "papers": _papers,
}


def _printers(value: Any) -> list[dict[str, Any]]:
    shape = "a list like " + '[{"name": "Front", "color": true, "duplex": false, "papers": ["A4"]}]'
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise _Wrong(shape)
    printers: list[dict[str, Any]] = []
    for number, one in enumerate(value, 1):
        if "name" not in one:
            raise _Wrong(f"a name for printer {number}: {shape}")
        printer = {}
        for key, given in one.items():
            if key not in _PRINTER_KEYS:
                known = ", ".join(_PRINTER_KEYS)
                raise _Wrong(f"only {known} in printer {number}, not {key!r}")
            try:
                printer[key] = _PRINTER_KEYS[key](given)
            except _Wrong as wrong:
                raise _Wrong(f"{wrong} for {key!r} of printer {number}") from None
        printers.append(printer)
    names = [printer["name"] for printer in printers]
    if len(set(names)) != len(names):
        raise _Wrong("a different name for every printer")
    return printers


@dataclass(frozen=True)
class _Key:
    check: Callable[[Any], Any]
    default: Any
    from_text: Callable[[str], Any] = str


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return float(text)


_KEYS: dict[str, _Key] = {
    "backend_url": _Key(_web_address, ""),
    "api_key": _Key(_key, ""),
    "redis_url": _Key(_redis_address, ""),
    "queue_name": _Key(_filled, "print_queue"),
    "printer_name": _Key(_text, ""),
    "poll_timeout": _Key(_seconds_to_wait, 20, _number),
    "worker_id": _Key(_text, ""),
    "printers": _Key(_printers, [], json.loads),
    "backend": _Key(_backend, "auto"),
    "sumatra_path": _Key(_text, ""),
    "work_dir": _Key(_filled, "var"),
    "virtual_output_dir": _Key(_filled, "var/virtual-paper"),
    "log_file": _Key(_filled, "print_worker.log"),
    "virtual_seconds_per_page": _Key(_seconds_per_page, 0.2, _number),
    "virtual_quirk": _Key(_quirk, ""),
}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise BadSettings([f"config.json: {key!r} stands there twice; remove one."])
        seen[key] = value
    return seen


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # Notepad writes a byte order mark
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings([f"{path.name} cannot be read ({error}); save it as UTF-8."]) from None
    try:
        data = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        where = f"{path.name} line {error.lineno} column {error.colno}"
        fix = "Check quotes and commas; write paths with / or with \\\\."
        raise BadSettings([f"{where}: {error.msg}. {fix}"]) from None
    if not isinstance(data, dict):
        raise BadSettings([f"{path.name} must be one object in braces: {{ … }}."])
    return data


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Settings from the file, each key overridden by PRINTWALA_<KEY> if that is set.

    Relative paths count from the folder of the file. Raises BadSettings naming every wrong key.
    """
    given = _read(path)
    problems = [
        f"{path.name}: unknown key {key!r}; known keys: {', '.join(_KEYS)}."
        for key in given
        if key not in _KEYS
    ]
    values: dict[str, Any] = {}
    for name, key in _KEYS.items():
        variable = PREFIX + name.upper()
        where, value = f"{path.name}: {name}", given.get(name, key.default)
        try:
            if variable in environ:
                where = variable
                try:
                    value = key.from_text(environ[variable])
                except ValueError:
                    value = environ[variable]
            values[name] = key.check(value)
        except _Wrong as wrong:
            problems.append(f"{where}: expected {wrong}.")
    if problems:
        raise BadSettings(problems)

    base = path.resolve().parent
    for name in ("work_dir", "virtual_output_dir", "log_file"):
        values[name] = base / Path(values[name]).expanduser()
    values["printers"] = tuple(
        PrinterSettings(**{"backend": values["backend"], **printer})
        for printer in values["printers"]
    )
    known = {PREFIX + name.upper() for name in _KEYS} | NOT_SETTINGS
    ignored = tuple(sorted(n for n in environ if n.startswith(PREFIX) and n not in known))
    return Settings(**values, ignored=ignored)
