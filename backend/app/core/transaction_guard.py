"""Keeps the network out of open database transactions.

A transaction that waits for somebody else's server holds its row locks for as long as that server
likes. The unit of work marks its own span here, and everything that talks to the outside asks
first. The mark travels with the task (a context variable), so concurrent requests do not see it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)


@contextmanager
def inside_transaction() -> Iterator[None]:
    """Marks the span of one open transaction; spans may nest."""
    token = in_transaction.set(True)
    try:
        yield
    finally:
        in_transaction.reset(token)


def refuse_inside_transaction(what: str) -> None:
    """Raises ``RuntimeError`` when called between begin and commit.

    ``what`` names the call for the programmer who sees the traceback ("twilio GET /Messages").
    """
    if in_transaction.get():
        raise RuntimeError(f"{what}: network call inside a transaction, defer a task instead")
