"""What a program that was taken over would try: run inside a box, and outside to see it work.

Needs nothing but Python: ``python3 escapes.py <plan.json> <report>``. The plan names what to look
for, the report says for each attempt what came of it: "done", or the name of the error.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _mount(place: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", place.encode(), b"tmpfs", 0, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")


def _write(folder: str) -> None:
    (Path(folder) / "canary").write_bytes(b"x")
    (Path(folder) / "canary").unlink()


def _connect(family: int, address: Any) -> None:
    with socket.socket(family) as talk:
        talk.settimeout(2)
        talk.connect(address)


def attempt(tried: Callable[[], object]) -> str:
    try:
        tried()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "?")
    except KeyError:
        return "absent"
    return "done"


def report(plan: dict[str, Any]) -> dict[str, Any]:
    port, parent = plan["port"], plan["parent"]
    tries: dict[str, Callable[[], object]] = {
        "secret file": lambda: Path(plan["secret"]).read_bytes(),
        "its folder": lambda: os.listdir(Path(plan["secret"]).parent),
        "accounts": lambda: Path("/etc/passwd").read_bytes(),
        "another's environment": lambda: os.stat(f"/proc/{parent}/environ"),
        "our environment": lambda: os.environ["CANARY_SECRET_KEY"],
        "another process": lambda: os.kill(parent, 0),
        "own folder": lambda: _write(plan["own"]),
        "system": lambda: _write(plan["system"]),
        "root": lambda: _write(plan["root"]),
        "mount": lambda: _mount(plan["own"]),
        "another user": lambda: os.setuid(plan["user"]),
        "tcp": lambda: _connect(socket.AF_INET, ("127.0.0.1", port)),
        "socket by path": lambda: _connect(socket.AF_UNIX, plan["path"]),
        "socket by name": lambda: _connect(socket.AF_UNIX, f"\0canary-{port}"),
    }
    found: dict[str, Any] = {name: attempt(tried) for name, tried in tries.items()}
    found["host"] = socket.gethostname()
    found["networks"] = [name for _, name in socket.if_nameindex()]
    found["devices"] = sorted(os.listdir("/dev"))
    return found


def main(plan: str, target: str) -> None:
    found = report(json.loads(Path(plan).read_text(encoding="utf-8")))
    Path(target).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
