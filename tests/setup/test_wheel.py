"""The backend as an installed package: what its commands read has come along."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.services import public_directory

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("backend", "pyproject.toml", "README.md", "LICENSE")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """A folder the wheel of these sources was installed into."""
    with public_directory("wheel") as folder:
        sources = folder / "sources"
        for name in SOURCES:
            taken = ROOT / name
            if taken.is_dir():
                unwanted = shutil.ignore_patterns("__pycache__", ".env", "var", "*.egg-info")
                shutil.copytree(taken, sources / name, ignore=unwanted)
            else:
                shutil.copy2(taken, sources / name)
        where = folder / "installed"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
        subprocess.run([*pip, str(where), str(sources)], check=True)
        shutil.rmtree(sources)
        yield where


def printwala(installed: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the command from a folder that is no checkout."""
    return subprocess.run(
        [str(installed / "bin" / "printwala"), *words],
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": str(installed), "PYTHONUTF8": "1", **env},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_command_is_called_printwala() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert project["scripts"] == {"printwala": "app.cli:main"}


def test_the_schema_is_the_one_in_the_checkout(installed: Path) -> None:
    said = printwala(installed, "schema")

    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.strip() == (ROOT / "backend/schema.sql").read_text("utf-8").strip()


def test_an_empty_database_becomes_a_shop_that_keeps_its_promises(
    installed: Path, empty_database_url: str
) -> None:
    there = {"DATABASE_URL": empty_database_url, "DATA_DIR": str(installed.parent / "data")}

    assert printwala(installed, "migrate", **there).returncode == 0
    asked = printwala(installed, "check-invariants", **there)

    assert asked.returncode == 0, asked.stderr
    assert len(asked.stdout.splitlines()) >= 20
    assert all(line.endswith(": ok") for line in asked.stdout.splitlines())
    with psycopg.connect(empty_database_url) as connection:
        made = connection.execute("SELECT code FROM shops").fetchall()
    assert len(made) == 1
