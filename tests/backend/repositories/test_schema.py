"""The migrations, the models and ``schema.sql`` describe one and the same database."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import app.models_attention
import app.models_bills
import app.models_days
import app.models_orders  # noqa: F401 - brings the tables about money and paper
from app.core.database import render_schema, sqlalchemy_url, upgrade
from app.domain.lifecycle import PERSON_ONLY, arrows
from app.models import Base
from tests.support.services import PostgresServer

# What a database is made of, as lines that can be compared.
_INSIDE = {
    "columns": """
        SELECT c.table_name, c.column_name, c.data_type, c.is_nullable, c.column_default,
            c.is_identity, c.identity_generation
        FROM information_schema.columns c WHERE c.table_schema = 'public'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    # Alembic prints tabs as spaces.
    "functions": r"""
        SELECT proname, pg_get_function_identity_arguments(oid),
            regexp_replace(prosrc, '\s+', ' ', 'g')
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace""",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
        FROM pg_trigger WHERE NOT tgisinternal""",
    "types": """
        SELECT t.typname, e.enumlabel FROM pg_type t LEFT JOIN pg_enum e ON e.enumtypid = t.oid
        WHERE t.typnamespace = 'public'::regnamespace""",
    "arrows": "SELECT * FROM allowed_transitions",
    "version": "SELECT * FROM alembic_version",
    "extensions": "SELECT extname FROM pg_extension",
}


def inside(url: str) -> dict[str, set[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        return {name: set(connection.execute(sql.encode())) for name, sql in _INSIDE.items()}


@pytest.fixture(scope="module")
def loaded(postgres: PostgresServer) -> Iterator[str]:
    """An empty database in which an ordinary owner has run ``schema.sql``."""
    url = postgres.create()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(render_schema().encode())
    yield url
    postgres.drop(url)


def test_the_models_describe_the_migrated_tables(module_database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(module_database_url), poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_object": lambda _o, name, kind, *_: (
                    not (kind == "table" and str(name).startswith("procrastinate_"))
                ),
            },
        )
        differences = compare_metadata(context, Base.metadata)

    assert differences == []


def test_the_script_makes_what_the_migrations_make(module_database_url: str, loaded: str) -> None:
    migrated, scripted = inside(module_database_url), inside(loaded)

    assert {name: migrated[name] ^ scripted[name] for name in _INSIDE} == {
        name: set() for name in _INSIDE
    }
    assert len(migrated["triggers"]) > 10


def test_no_superuser_and_no_extension_is_needed(postgres: PostgresServer, loaded: str) -> None:
    if postgres.owner_url == postgres.admin_url:
        pytest.skip("the given server has one role only; unset TEST_DATABASE_URL to run this")
    with psycopg.connect(loaded) as connection:
        role = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolbypassrls FROM pg_roles "
            "WHERE rolname = current_user"
        ).fetchone()

    assert urlsplit(loaded).username == urlsplit(postgres.owner_url).username
    assert role == (False, False, False)
    assert inside(loaded)["extensions"] == {("plpgsql",)}


def test_the_script_is_a_whole_transaction(empty_database_url: str) -> None:
    """A script that breaks half way leaves nothing behind."""
    script = render_schema().replace("CREATE TABLE transitions", "CREATE TABLE shops", 1)

    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DuplicateTable):
            connection.execute(script.encode())
        connection.execute("ROLLBACK")
        tables = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()

    assert tables == (0,)


def test_a_loaded_script_needs_no_migration(loaded: str) -> None:
    before = inside(loaded)

    upgrade(loaded)

    assert inside(loaded) == before


def test_the_database_holds_the_arrows_of_the_house(module_database_url: str) -> None:
    with psycopg.connect(module_database_url) as connection:
        held = connection.execute(
            "SELECT entity, from_status, to_status, person_only FROM allowed_transitions"
        ).fetchall()

    assert {row[:3] for row in held} == arrows()
    assert {row[:3] for row in held if row[3]} == {
        ("print_jobs", before.value, after.value) for before, after in PERSON_ONLY
    }
