"""What the end-to-end tests share: one busy town with two backends behind one address."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support.canaries import told_in_logs
from tests.support.proxy import Proxy
from tests.support.services import PostgresServer, free_port, public_directory
from tests.support.town import Customer, Plan, Town

collect_ignore_glob = ["test_*.py"] if sys.platform == "win32" else []
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole towns take seconds to start."""
    for item in items:
        if "/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(300))


@dataclass(frozen=True)
class City:
    """Two backends with one database and one Redis; the proxy gives every request to the next."""

    town: Town
    proxy: Proxy


@pytest.fixture(scope="package")
def city(postgres: PostgresServer, template_database: str, redis_url: str) -> Iterator[City]:
    """Shared by every test here that does not stop anything for good."""
    database_url = postgres.create(template=template_database)
    front = free_port()
    plan = Plan(
        database_url=database_url,
        redis_url=redis_url,
        queue_name=f"print_queue_{front}",
        backends=2,
        public_port=front,
    )
    with public_directory("city") as folder:
        town = Town(folder, plan)
        with Proxy(front, town.ports) as proxy, town:
            yield City(town, proxy)
            assert town.broken_promises() == []
            assert town.paper.repeated() == []
            # Of whoever came: which tests share this town is up to how they are dealt out.
            assert told_in_logs(town) == []
    postgres.drop(database_url)


@pytest.fixture
def town(city: City) -> Town:
    return city.town


@pytest.fixture
def somebody(town: Town) -> Callable[[], Customer]:
    """Makes a customer nobody else uses."""

    def make() -> Customer:
        number = next(_numbers)
        return town.customer(f"Visitor{number}", number)

    return make
