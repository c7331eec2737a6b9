"""Figures, one script per table of ``docs/performance.md``. Run from the repository's root:

    .venv/bin/python -m benchmarks.webhook

Everything is measured beside its baseline in the same run, on this machine only.
"""
