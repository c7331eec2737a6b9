"""The servers the tests themselves stand on."""

from __future__ import annotations

import psycopg
import redis

from tests.support.services import PORTS, PostgresServer, free_port


def test_postgres_is_recent_and_its_ordinary_role_is_no_superuser(
    postgres: PostgresServer, empty_database_url: str
) -> None:
    with psycopg.connect(empty_database_url) as connection:
        assert connection.info.server_version >= 140000
        row = connection.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        connection.execute("CREATE TABLE proof (id int)")

    if postgres.admin_url != postgres.owner_url:
        assert row == (False,)


def test_a_copied_database_has_the_rows_of_its_template(postgres: PostgresServer) -> None:
    template = postgres.create()
    with psycopg.connect(template) as connection:
        connection.execute("CREATE TABLE proof AS SELECT 7 AS id")

    copy = postgres.create(template=template.rpartition("/")[2])

    with psycopg.connect(copy) as connection:
        assert connection.execute("SELECT id FROM proof").fetchall() == [(7,)]
    postgres.drop(copy)
    postgres.drop(template)


def test_redis_blocks_for_an_element(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    client.lpush("printwala-setup", "one")

    assert client.brpop(["printwala-setup"], timeout=1) == (b"printwala-setup", b"one")
    client.close()


def test_a_port_is_given_out_once() -> None:
    given = [free_port() for _ in range(20)]

    assert len(set(given)) == 20
    assert set(given) <= set(PORTS), "where the kernel gives none to anybody else"
