"""One open shop for the stories of a module; every story brings its own customer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.outside import Bank, Customer
from tests.support.shop import House, bank_of, opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_shop(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    async with opened(module_database_url, tmp_path_factory.mktemp("shop")) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def shop(open_shop: House) -> AsyncIterator[House]:
    """The open shop; afterwards the outside is calm again and every promise was kept."""
    await open_shop.outside.calm()
    yield open_shop
    await open_shop.outside.calm()
    await open_shop.quiet()
    await open_shop.keeps_its_promises()


@pytest_asyncio.fixture(loop_scope="module")
async def customer(shop: House) -> Customer:
    return await shop.outside.newcomer()


@pytest.fixture
def bank(shop: House) -> Bank:
    return bank_of(shop)
