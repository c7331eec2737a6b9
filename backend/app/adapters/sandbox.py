"""Boxes for programs that read strangers' files: bubblewrap where it works, limits everywhere.

Inside a box there is no network, no home, no secret in the environment, no other process, and of
the disk only the system's programs (read-only) and what is named. Nothing in here parses.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

_SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/libreoffice",
    "/var/cache/fontconfig",
    "/var/lib/libreoffice",
    "/nix/store",
)


def boxed(
    bwrap: str,
    command: Sequence[str],
    *,
    readable: Sequence[Path] = (),
    writable: Mapping[Path, str] | None = None,
    environment: Mapping[str, str],
    scratch_bytes: int = 0,
    processes: bool = False,
) -> list[str]:
    """The command line that runs ``command`` in a box.

    ``readable`` keep their paths, ``writable`` maps folders to where they appear inside,
    ``scratch_bytes`` gives a private ``/tmp`` in memory, ``processes`` mounts ``/proc``.
    """
    line = [
        bwrap,
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--uid",
        "65534",
        "--gid",
        "65534",
        "--hostname",
        "box",
        "--clearenv",
        "--dev",
        "/dev",
    ]
    for name, value in environment.items():
        line += ["--setenv", name, value]
    for place in _SYSTEM:
        line += ["--ro-bind-try", place, place]
    if scratch_bytes:
        line += ["--size", str(scratch_bytes), "--tmpfs", "/tmp"]  # noqa: S108 - the box's own
    for path in readable:
        line += ["--ro-bind", str(path), str(path)]
    for path, inside in (writable or {}).items():
        line += ["--bind", str(path), inside]
    if processes:
        line += ["--proc", "/proc"]
    return [*line, "--remount-ro", "/", "--chdir", "/", "--", *command]


def works(bwrap: str) -> bool:
    """Whether a box can be opened here: containers often forbid the name spaces it needs."""
    command = boxed(bwrap, ["/bin/true"], environment={}, scratch_bytes=1 << 20, processes=True)
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def find_bwrap() -> str | None:
    """bubblewrap's path when it is installed and may be used."""
    found = shutil.which("bwrap")
    return found if found and works(found) else None


def python_places(package: Path) -> list[Path]:
    """The folders a Python needs to run ``package``; not the folder the package lies in."""
    known = {
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(sysconfig.get_path("purelib")),
        Path(sysconfig.get_path("platlib")),
        package,
    }
    return sorted(path for path in known if path.exists() and not path.is_relative_to("/usr"))


def bare_environment(**more: str) -> dict[str, str]:
    """What a child may know: no key, no address, no home of ours."""
    kept = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    for name in ("SYSTEMROOT", "WINDIR"):  # Windows starts nothing without them
        if name in os.environ:
            kept[name] = os.environ[name]
    return {**kept, **more}


def end(process: subprocess.Popen[bytes]) -> None:
    """Kills the process with everything it started, and waits for it."""
    if process.poll() is None:  # a number that was given back may belong to somebody else
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
