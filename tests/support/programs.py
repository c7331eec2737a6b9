"""System programs some tests need, and what to do where one is missing."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

from launch.install import SYSTEM_PROGRAMS

# Chromium as root in a container, asking nobody outside for anything.
CHROMIUM_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


def needs_program(name: str) -> str:
    """Path of a program; without it the test is skipped, or fails where ``CI`` is set."""
    path = shutil.which(name)
    if path is None:
        missing(f"{name} is not installed; `{_how_to_get(name)}` would enable this test")
    return path


def build_machine() -> bool:
    """Whether this run has to be complete: ``CI`` is set, as every build service does."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def missing(reason: str) -> NoReturn:
    """Skip with the reason on a developer's machine, fail on the build machine."""
    if build_machine():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _how_to_get(name: str) -> str:
    packages = SYSTEM_PROGRAMS.get(name)
    return f"apt install {' '.join(packages)}" if packages else f"install {name}"
