"""What import-linter cannot say: the domain imports nothing that has to be installed."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from tests.meta.tracked import ROOT

DOMAIN = ROOT / "backend" / "app" / "domain"


def imported(path: Path) -> set[str]:
    """Full names of the modules a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


def test_the_domain_stands_on_the_standard_library_alone() -> None:
    strangers = {
        f"{path.name}: {name}"
        for path in DOMAIN.rglob("*.py")
        for name in imported(path)
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not name.startswith("app.domain")
    }

    assert strangers == set()
