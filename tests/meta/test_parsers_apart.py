"""Every parser of foreign bytes runs in a child: the processes that hold keys do not load one."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.meta.tracked import ROOT

BACKEND = ROOT / "backend"
PACKAGES = ("PIL", "pi_heif", "pikepdf", "pypdfium2")
# Our own readers of archives and file systems inside files.
OURS = ("app.adapters.archives", "app.adapters.ole", "app.adapters.pdf", "app.adapters.sniff")
CHILD = "app.adapters.intake_child"
SHOP = ("app.main", "app.bootstrap", "app.cli", "app.tasks.registry", "app.web.poster")


def parsers_loaded_by(*modules: str) -> set[str]:
    """Which of them a fresh Python has loaded after these imports."""
    script = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=BACKEND, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split()) & {*PACKAGES, *OURS, CHILD}


def test_web_and_background_load_no_parser_and_the_child_all_of_them() -> None:
    assert parsers_loaded_by(*SHOP) == set()
    assert parsers_loaded_by(CHILD) == {*PACKAGES, *OURS, CHILD}


def test_nobody_loads_a_parser_later() -> None:
    """An import inside a function would come after the look above."""
    late = [
        f"{path.relative_to(BACKEND)}:{node.lineno}"
        for path in sorted((BACKEND / "app").rglob("*.py"))
        for function in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in names_of(node)
        if name.partition(".")[0] in PACKAGES or name in {*OURS, CHILD}
    ]

    assert late == []


def names_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    home = node.module or ""
    return [home, *(f"{home}.{alias.name}" for alias in node.names)]
