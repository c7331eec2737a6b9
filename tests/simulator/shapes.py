"""Comparing payloads by keys and types, against the golden payloads in `tests/wire/fixtures`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parents[1] / "wire" / "fixtures"


def golden(provider: str, name: str) -> Any:
    return json.loads((FIXTURES / provider / f"{name}.json").read_text("utf-8"))


def shape(value: Any) -> Any:
    """Keys and types, without the values."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in sorted(value.items())}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return type(value).__name__
