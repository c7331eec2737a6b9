"""A shop in a migrated database, and the application's own ways into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from app.core.database import Database
from app.repositories.unit_of_work import UnitOfWork
from app.tasks.work_queue import Deferrer, open_queue
from tests.backend.repositories.rows import Rows


@pytest.fixture
def rows(module_database_url: str) -> Iterator[Rows]:
    """A new shop in the module's database: tests of a module share tables, never a shop."""
    with Rows(module_database_url) as made:
        yield made


@pytest.fixture
async def database(module_database_url: str) -> AsyncIterator[Database]:
    opened = Database(module_database_url, pool_size=24)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def work(database: Database) -> UnitOfWork:
    """Transactions as the application opens them, with its real task queue."""
    return UnitOfWork(database, Deferrer(open_queue(database.url)))
