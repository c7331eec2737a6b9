"""Fixtures every test may use: a migrated database of its own, and a Redis."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator

import hypothesis
import pytest

from tests.support.programs import build_machine, missing
from tests.support.services import (
    PostgresServer,
    database_name,
    postgres_server,
    redis_program,
    redis_server,
)

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """On the build machine nothing is passed over: what would be skipped has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and build_machine():
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file of tests."""
    report = yield
    if report.skipped and build_machine():
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole run."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def template_database(postgres: PostgresServer) -> Iterator[str]:
    """Name of a database that was migrated once and is copied for each test."""
    # Tests that need no database run while the application cannot be imported.
    from app.core.database import upgrade  # noqa: PLC0415 - said above

    url = postgres.create()
    upgrade(url)
    yield database_name(url)
    postgres.drop(url)


@pytest.fixture
def database_url(postgres: PostgresServer, template_database: str) -> Iterator[str]:
    """A freshly created database with the current schema, for one test."""
    url = postgres.create(template=template_database)
    yield url
    postgres.drop(url)


@pytest.fixture(scope="module")
def module_database_url(postgres: PostgresServer, template_database: str) -> Iterator[str]:
    """Like ``database_url``, shared by the tests of one module."""
    url = postgres.create(template=template_database)
    yield url
    postgres.drop(url)


@pytest.fixture
def empty_database_url(postgres: PostgresServer) -> Iterator[str]:
    """A database without any table."""
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """One Redis for the whole run; what tests leave in it is theirs to clean or to name apart."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    program = redis_program()
    if program is None:
        if sys.platform == "win32":
            pytest.skip("there is no Redis server for Windows; set TEST_REDIS_URL to use another")
        missing("no Redis server; `apt install redis-server` or TEST_REDIS_URL would enable this")
    with redis_server(str(program)) as url:
        yield url
