"""One till for the stories of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.money.till import Till
from tests.support.services import PostgresServer
from tests.support.shop import opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_till(
    postgres: PostgresServer,
    module_database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Till]:
    folder = tmp_path_factory.mktemp("shop")
    async with opened(module_database_url, folder, background="off") as house:
        yield Till(house, postgres.admin_url)


@pytest_asyncio.fixture(loop_scope="module")
async def till(open_till: Till) -> Till:
    """The till on a new day."""
    await open_till.clear()
    return open_till
