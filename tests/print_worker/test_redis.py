"""The Redis list is a bell: it makes printing prompt and is never needed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
import redis

from print_worker.queue_listener import Bell, job_id_in
from tests.print_worker.fake_backend import FakeBackend
from tests.print_worker.shop import Shop, in_time, pdf
from tests.support.services import free_port


@pytest.fixture
def queue(redis_url: str, shop: Shop) -> Iterator[tuple[redis.Redis, str]]:
    """A list of this test's own, and a worker that is told to listen to it."""
    name = f"print_queue:{uuid.uuid4().hex}"
    client = redis.Redis.from_url(redis_url)
    shop.config.update(redis_url=redis_url, queue_name=name)
    yield client, name
    client.delete(name)
    client.close()


def test_a_ring_brings_the_job_at_once(
    shop: Shop, backend: FakeBackend, queue: tuple[redis.Redis, str]
) -> None:
    client, name = queue
    shop.start()
    assert in_time(lambda: backend.calls["claim"] == 1)
    assert in_time(lambda: client.info("clients")["blocked_clients"])
    job = backend.add(pdf(1), pages=1)
    client.lpush(name, json.dumps({"job_id": job.id, "shop_id": "s"}))

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    claims = [body for call, body in backend.bodies if call == "claim"]
    assert {body["wait"] for body in claims} == {0}
    assert job.id in [body.get("job_id") for body in claims], "no ring: found by chance later"
    assert client.llen(name) == 0


def test_garbage_and_old_rings_are_harmless(
    shop: Shop, backend: FakeBackend, queue: tuple[redis.Redis, str]
) -> None:
    client, name = queue
    job = backend.add(pdf(1), pages=1)
    stale = [json.dumps({"job_id": str(uuid.uuid4())}) for _ in range(20)]
    client.lpush(name, b"\xff\xfe", "null", "[]", '{"job_id": 7}', *stale)
    shop.start()

    assert in_time(lambda: job.status == "COMPLETED"), shop.log()
    late = backend.add(pdf(1), pages=1)
    assert in_time(lambda: late.status == "COMPLETED", seconds=10), shop.log()
    assert len(shop.paper()) == 2


def test_without_redis_the_backend_is_asked_instead(shop: Shop, backend: FakeBackend) -> None:
    shop.config["redis_url"] = f"redis://127.0.0.1:{free_port()}/0"
    shop.start()
    assert in_time(lambda: "Redis does not answer" in shop.log(), seconds=10)
    job = backend.add(pdf(1), pages=1)

    assert in_time(lambda: job.status == "COMPLETED", seconds=10), shop.log()
    assert shop.log().count("Redis does not answer") == 1


@pytest.mark.parametrize(
    ("element", "job_id"),
    [
        (b'{"job_id": "abc", "shop_id": "s"}', "abc"),
        (b"abc", ""),
        (b"\xff", ""),
        (b"null", ""),
        (b'{"job_id": 3}', ""),
    ],
)
def test_an_element_is_a_hint_at_most(element: bytes, job_id: str) -> None:
    assert job_id_in(element) == job_id


def test_a_ring_reaches_every_printer() -> None:
    bell = Bell()
    assert bell.wait("left", 0) is None
    assert bell.wait("right", 0) is None
    bell.ring("abc")

    assert [bell.wait(who, 0) for who in ("left", "right", "left")] == ["abc", "abc", None]
    assert not bell.anyone_idle(0)
