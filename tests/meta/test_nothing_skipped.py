"""On the build machine a test that would be passed over counts as failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

STORIES = """
import pytest

def test_asked_for_it():
    pytest.skip("no such printer")

@pytest.mark.skipif(True, reason="another system")
def test_elsewhere():
    raise AssertionError

@pytest.mark.parametrize("row", [])
def test_of_an_empty_table(row):
    raise AssertionError

def test_that_runs():
    pass
"""
HERE = Path(__file__).parents[2]
WHOLE_FILE = 'import pytest\npytest.importorskip("no_such_module_anywhere")\n'


def _run(folder: Path, text: str, *, ci: str) -> tuple[int, str]:
    """Exit code and output of pytest with this project's hooks over one file."""
    (folder / "test_stories.py").write_text(text)
    options = "-p tests.conftest -p no:cacheprovider -o asyncio_mode=auto"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options.split(), "--rootdir", str(folder), str(folder)],
        env={**os.environ, "CI": ci, "PYTHONPATH": os.pathsep.join((str(HERE / "backend"), "."))},
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "ending", "elsewhere"),
    [
        (STORIES, "1 failed, 1 passed, 2 errors", "1 passed, 3 skipped"),
        (WHOLE_FILE, "1 error", "1 skipped"),
    ],
    ids=["tests", "a whole file"],
)
def test_what_is_skipped_has_failed(tmp_path: Path, text: str, ending: str, elsewhere: str) -> None:
    failed, said = _run(tmp_path, text, ci="true")
    assert failed
    assert f"= {ending} in" in said
    assert "was skipped" in said

    _, said = _run(tmp_path, text, ci="")
    assert f"= {elsewhere} in" in said
