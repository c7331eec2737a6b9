"""``python -m app.cli gst``: what the owner types, and what is refused with a sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.support.processes import clean_environment

ROOT = Path(__file__).resolve().parents[3]
# Each command opens the whole house in a process of its own.
pytestmark = pytest.mark.timeout(300)

GSTIN = "27AAPFU0939F1ZV"

Gst = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def gst(database_url: str, tmp_path: Path) -> Gst:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app.cli", "gst", *arguments],
            cwd=ROOT / "backend",
            env=clean_environment(
                ENVIRONMENT="development",
                DATABASE_URL=database_url,
                DATA_DIR=str(tmp_path),
                SHOP_NAME="Ganesh Copy Centre",
            ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_it_is_set_up_changed_and_shown(gst: Gst, database_url: str) -> None:
    made = gst("--mode", "registered", "--gstin", GSTIN.lower(), "--rate", "18", "--sac", "998595")
    assert made.returncode == 0, made.stderr
    assert f"GSTIN    {GSTIN}, Maharashtra" in made.stdout
    assert "SAC      998595" in made.stdout
    assert "rate     18 %: CGST 9 % and SGST 9 %" in made.stdout
    assert "address  missing" in made.stdout

    changed = gst("--rate", "5%", "--address", "12 MG Road, Pune")
    assert "rate     5 %: CGST 2.5 % and SGST 2.5 %" in changed.stdout
    assert "SAC      998595" in changed.stdout
    assert changed.stdout == gst().stdout
    with psycopg.connect(database_url) as connection:
        audited = connection.execute(
            "SELECT actor, data ->> 'mode' FROM audit_log WHERE action = 'gst'"
        ).fetchall()
    assert audited == [("user:command line", "registered")] * 2


def test_a_new_shop_is_unregistered(gst: Gst) -> None:
    shown = gst()
    assert shown.returncode == 0
    assert shown.stdout.splitlines() == [
        "mode     unregistered",
        "name     Ganesh Copy Centre",
        "address  missing: give it with --address",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--mode", "registered"], "A registered shop has a GSTIN; give it with --gstin."),
        (["--gstin", "27AAPFU0939F1ZW"], "has a typing mistake"),
        (["--mode", "vat"], "'vat' is none of unregistered, composition, registered."),
        (["--mode", "composition", "--gstin", GSTIN, "--rate", "1"], "collects no tax"),
        (["--rate", "18"], "has neither a GSTIN nor a rate"),
    ],
)
def test_bad_input_is_a_sentence_and_changes_nothing(
    gst: Gst, database_url: str, arguments: list[str], sentence: str
) -> None:
    refused = gst(*arguments)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT (SELECT count(*) FROM gst_settings), (SELECT count(*) FROM audit_log)"
        ).fetchone()
    assert rows == (0, 0)
