"""The program on the shop's computer: takes paid jobs from the backend and prints each one once."""

from __future__ import annotations

VERSION = "0.1.0"
