"""What a fresh machine gets: the virtual environment, the system programs of the tests, locks."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from launch.terminal import ROOT, Failure, follow, say

VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
RUNTIME = ("backend/requirements.txt", "print_worker/requirements.txt")
DEVELOPMENT = ("requirements-dev.txt",)

# Program the tests look for -> Debian packages that bring it.
SYSTEM_PROGRAMS: dict[str, tuple[str, ...]] = {
    "redis-server": ("redis-server",),
    "soffice": (
        "libreoffice-writer-nogui",
        "libreoffice-calc-nogui",
        "libreoffice-impress-nogui",
        "fonts-liberation",
        "fonts-crosextra-carlito",
        "fonts-noto-core",
    ),
    "chromium": ("chromium",),
    "bwrap": ("bubblewrap",),
    "qpdf": ("qpdf",),
    "pdftoppm": ("poppler-utils",),
}


def install(files: Sequence[str]) -> None:
    """Make ``.venv`` and install the locked requirements, unless that has been done already."""
    if not PYTHON.exists() or subprocess.run([PYTHON, "-c", ""], check=False).returncode != 0:
        _make_venv()
    marker = VENV / "printwala-installed.json"
    done = json.loads(marker.read_text("utf-8")) if marker.exists() else {}
    if all(done.get(name) == _digest(name) for name in files):
        return
    say(f"installing {' and '.join(files)} into .venv (again only when they change) …")
    wanted = [part for name in files for part in ("-r", str(ROOT / name))]
    tool = shutil.which("uv")
    quick = [tool, "pip", "install", "--quiet", "--python", str(PYTHON)] if tool else None
    if quick and subprocess.run([*quick, "--require-hashes", *wanted], check=False).returncode:
        say("uv could not install them; trying pip …")
        quick = None
    if not quick:
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--require-hashes", *wanted]
        done_by_pip = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done_by_pip.returncode:
            raise Failure(
                f"the requirements could not be installed: {done_by_pip.stderr.strip()[-1500:]} "
                "Check the network and the package index, then run the same command again."
            )
    # What the tests need includes what runs, in the same versions.
    covered = DEVELOPMENT + RUNTIME if tuple(files) == DEVELOPMENT else files
    done |= {name: _digest(name) for name in covered}
    marker.write_text(json.dumps(done), "utf-8")


def _make_venv() -> None:
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        raise Failure(
            "this Python cannot make a virtual environment. On Debian or Ubuntu "
            "`apt install python3-venv` adds what is missing; then run the same command again."
        )
    say(f"making .venv with Python {sys.version.split()[0]} …")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Failure(
            f".venv could not be made: {(made.stdout + made.stderr).strip()[-600:]} On Debian or "
            "Ubuntu `apt install python3-venv` usually helps."
        )


def _digest(name: str) -> str:
    version = f"{sys.version_info[:2]}".encode()
    return hashlib.sha256((ROOT / name).read_bytes() + version).hexdigest()


def run_tests(arguments: Sequence[str]) -> int:
    """Install what the tests need and run them; pytest's exit code."""
    install(DEVELOPMENT)
    install_programs()
    # A file stays in one process, for its tests share a shop; each process has its own servers.
    # Not sorted by size: the longest files are in the middle, and short ones fill up the end.
    parallel = ["-n", "logical", "--maxprocesses", "4", "--dist", "loadfile"]
    parallel.append("--no-loadscope-reorder")
    return follow([str(PYTHON), "-m", "pytest", *parallel, *arguments])


def install_programs() -> None:
    """Get missing system programs where we may; without them tests skip, or fail under CI."""
    missing = [name for name in SYSTEM_PROGRAMS if shutil.which(name) is None]
    if not missing:
        return
    packages = [package for name in missing for package in SYSTEM_PROGRAMS[name]]
    command = f"apt-get install {' '.join(packages)}"
    apt = shutil.which("apt-get")
    if apt is None or not (_is_root() or _sudo_asks_nothing()):
        say(f"{', '.join(missing)} missing; tests that need them say so. To get them: {command}")
        return
    say(f"installing {', '.join(missing)} with apt-get …")
    prefix = [] if _is_root() else ["sudo", "-n"]
    quiet = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", apt, "-qq", "-y"]
    for step in (["update"], ["install", "--no-install-recommends", *packages]):
        done = subprocess.run(
            [*quiet, *step], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            say(f"apt-get {step[0]} did not work: {done.stderr.strip()[-300:]}")


def check() -> int:
    """Run every static check and name those that fail."""
    install(DEVELOPMENT)
    checks = {
        "ruff check": ["-m", "ruff", "check", "."],
        "ruff format": ["-m", "ruff", "format", "--check", "."],
        "mypy": ["-m", "mypy"],
        "import-linter": ["-c", "from importlinter.cli import lint_imports_command as c; c()"],
        "generated files": ["docs/generate.py", "--check"],
    }
    paths = os.pathsep.join([str(ROOT / "backend"), str(ROOT)])
    failed = []
    for name, command in checks.items():
        say(f"{name} …")
        if follow([str(PYTHON), *command], env={**os.environ, "PYTHONPATH": paths}) != 0:
            failed.append(name)
    if failed:
        raise Failure(f"{', '.join(failed)} found something to correct; it is printed above.")
    say("static checks: nothing to correct")
    return 0


def lock() -> int:
    """Compile the requirement files, all to the same versions and for every platform."""
    install(DEVELOPMENT)
    tool = shutil.which("uv") or str(PYTHON.with_name("uv"))
    if not Path(tool).exists():
        say("installing uv into .venv, it compiles the requirements …")
        subprocess.run([str(PYTHON), "-m", "pip", "install", "--quiet", "uv"], check=True)
    options = ["--universal", "--generate-hashes", "--no-header", "--no-annotate"]
    options += ["--no-emit-find-links", "--python-version", "3.11", "--quiet"]
    for target in (*DEVELOPMENT, *RUNTIME):
        source = target.replace(".txt", ".in")
        limits = [] if target in DEVELOPMENT else ["--constraint", DEVELOPMENT[0]]
        command = [tool, "pip", "compile", source, *limits, *options, "--output-file", target]
        if follow(command) != 0:
            raise Failure(f"{source} could not be compiled; uv says why above.")
        say(f"{target} compiled")
    return 0


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _sudo_asks_nothing() -> bool:
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
