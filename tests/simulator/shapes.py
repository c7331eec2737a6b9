"""Comparing payloads by keys and types, against the golden payloads in `tests/wire/fixtures`."""

from __future__ import annotations

from typing import Any


def shape(value: Any) -> Any:
    """Keys and types, without the values."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in sorted(value.items())}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return type(value).__name__
