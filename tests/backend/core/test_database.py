"""Which PostgreSQL the house moves into, and what is said when one refuses something."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from app.core import database
from app.core.config import BadSettings
from app.core.logging import scrub
from app.models import Customer


@pytest.mark.parametrize("version", [14_00_00, 14_00_19, 15_00_18, 18_00_00])
def test_fourteen_and_newer_are_taken(version: int) -> None:
    database.refuse_old_server(version)


@pytest.mark.parametrize(("version", "name"), [(13_00_23, "13"), (9_06_24, "9"), (12_00_00, "12")])
def test_an_older_server_is_refused_in_words(version: int, name: str) -> None:
    with pytest.raises(BadSettings) as refusal:
        database.refuse_old_server(version)

    assert str(refusal.value) == (
        f"DATABASE_URL leads to PostgreSQL {name}; version 14 or newer is needed. Upgrade that "
        "server, or leave DATABASE_URL empty to use the embedded one."
    )


def test_nothing_is_made_on_a_server_that_is_refused(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every start goes through ``upgrade``; here the newest server of all counts as too old."""
    monkeypatch.setattr(database, "OLDEST_SERVER", 99_00_00)

    with pytest.raises(BadSettings, match="version 99 or newer"):
        database.upgrade(empty_database_url)

    with psycopg.connect(empty_database_url) as connection:
        tables = connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchall() == []


async def test_the_text_of_a_refusal_may_be_logged(database_url: str) -> None:
    """An error of the database travels into logs with its text: not with what was to be written."""
    house = database.Database(database_url)
    session = house.session()
    session.add(Customer(shop_id=uuid4(), address="somebody", name="Asha of canary lane"))

    with pytest.raises(IntegrityError) as refusal:
        await session.flush()
    await session.close()
    await house.close()

    said = scrub(str(refusal.value))
    assert "fk_customers_shop_id" in said
    assert "canary" not in said
    assert "somebody" not in said
