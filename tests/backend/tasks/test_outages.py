"""The database, Redis and handlers fail: nothing half-done, everything made good afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.core.database import upgrade
from app.core.embedded_postgres import EmbeddedPostgres
from tests.backend.services.seeds import customer_who_paid, ordered, paid
from tests.support.outside import Bank, Customer, capture_event
from tests.support.programs import missing
from tests.support.services import PostgresServer, public_directory, redis_program, redis_server
from tests.support.shop import FINISHED, House, bank_of, opened
from tests.wire.golden import golden

pytestmark = pytest.mark.asyncio(loop_scope="module")


# A handler with a bug


async def test_a_poisoned_webhook_is_buried_and_blocks_nobody(
    shop: House, customer: Customer, bank: Bank
) -> None:
    """A body that a handler cannot digest ends dead, in sight, and others go on meanwhile."""
    await customer.replies("Hi", "Print Shop")
    await ordered(shop, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    await shop.sql(
        "CREATE OR REPLACE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF new.rzp_payment_id = 'pay_FAKEpoison001' THEN RAISE EXCEPTION 'poisoned'; END IF; "
        "RETURN new; END $$"
    )
    await shop.sql(
        "CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON payments FOR EACH ROW "
        "EXECUTE FUNCTION poison()"
    )
    event = capture_event(payment="pay_FAKEpoison001", amount=4800)
    assert (await shop.outside.razorpay_says(event)).status_code == 200
    await bank.captures(pay_here)
    await customer.hears("Your token is")
    for _ in range(100):
        if await shop.sql("SELECT 1 FROM webhook_logs WHERE status = 'DEAD'"):
            break
        await shop.sql("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
        await asyncio.sleep(0.1)
    await shop.sql("DROP TRIGGER poison ON payments")

    [row] = await shop.sql("SELECT * FROM webhook_logs WHERE status = 'DEAD'")
    assert "poisoned" in row["reason"]
    [item] = await shop.sql("SELECT * FROM attention_items WHERE kind = 'webhook_not_handled'")
    assert (item["subject"], item["closed_at"]) == (f"webhook:{row['id']}", None)
    assert await shop.sql("SELECT 1 FROM payments WHERE rzp_payment_id = 'pay_FAKEpoison001'") == []
    assert (await shop.order_of(customer))["status"] == "PAID"


async def test_lost_tasks_are_taken_up_again(shop: House, customer: Customer) -> None:
    """As after a process that was killed with a webhook, a message and a file in its hands."""
    await customer.replies("Hi", "Print Shop")
    await shop.quiet()
    await shop.sql(
        "INSERT INTO webhook_logs (provider, dedup_key, event_id, lane, raw_body, received_at) "
        "SELECT provider, 'again', '', lane, convert_to(replace(convert_from(raw_body, 'UTF8'), "
        "'Body=Hi', 'Body=price'), 'UTF8'), now() - interval '2 minutes' FROM webhook_logs "
        "WHERE provider = 'twilio' AND dedup_key = (SELECT sid FROM messages WHERE direction = 'IN'"
        " ORDER BY id DESC LIMIT 1)"
    )
    await shop.sql(
        "INSERT INTO messages (shop_id, customer_id, direction, dedup_key, kind, body, buttons, "
        "status, staged_at) SELECT shop_id, id, 'OUT', 'lost', 'help', 'a lost word', '[]', "
        "'STAGED', now() - interval '2 minutes' FROM customers WHERE address = %s",
        customer.address,
    )
    await shop.inside.housekeeping.lost_tasks()
    await customer.hears("a lost word")
    await shop.quiet()
    await shop.inside.housekeeping.lost_tasks()
    await shop.quiet()
    assert await customer.count("a lost word") == 1
    assert await shop.sql("SELECT 1 FROM webhook_logs WHERE status = 'NEW'") == []


async def test_a_task_of_a_dead_worker_is_started_again(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.quiet()
    await shop.sql(
        "INSERT INTO messages (shop_id, customer_id, direction, dedup_key, kind, body, buttons, "
        "status) SELECT shop_id, id, 'OUT', 'stalled', 'help', 'a stalled word', '[]', 'STAGED' "
        "FROM customers WHERE address = %s",
        customer.address,
    )
    await shop.sql(
        "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) "
        "VALUES (now() - interval '5 minutes') RETURNING id) "
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, worker_id, lock) "
        "SELECT 'default', 'send_message', jsonb_build_object('message_id', (SELECT id FROM "
        "messages WHERE dedup_key = 'stalled')), 'doing', dead.id, 'send:stalled' FROM dead"
    )
    await customer.hears("a stalled word", timeout=40)
    await shop.quiet()
    assert await customer.count("a stalled word") == 1


async def test_every_sweep_runs_and_says_so(shop: House) -> None:
    before = await shop.one("SELECT clock_timestamp()")
    said = await shop.inside.housekeeping.everything()
    sweeps = (await shop.api.get("/health")).json()["checks"]["sweeps"]
    names = {line.partition(":")[0] for line in said}
    assert names == set(sweeps) - {"status", "reason"}
    assert names == {
        *("leases", "payments", "captures", "refunds", "orders"),
        *("lost_tasks", "messages", "documents", "bills"),
    }
    for name in names:
        assert datetime.fromisoformat(sweeps[name]) > before, name


# Retention


async def test_bytes_are_gone_after_their_time_and_orphans_too(
    shop: House, customer: Customer
) -> None:
    order, _ = await customer_who_paid(shop, customer)
    await shop.prints(customer)
    files = Path(shop.settings.data_dir) / "files"
    rows = await shop.sql(
        "SELECT storage_key FROM documents WHERE order_id = %s UNION "
        "SELECT storage_key FROM print_jobs WHERE order_id = %s",
        order["id"],
        order["id"],
    )
    keys = {row["storage_key"] for row in rows}
    assert all([await shop.inside.store.size(key) for key in keys])
    due = await shop.one(
        "SELECT extract(epoch FROM delete_after - now()) / 3600 FROM documents WHERE order_id = %s",
        order["id"],
    )
    assert 23.9 < due <= 24
    await shop.sql(
        "UPDATE documents SET delete_after = now() - interval '1 minute' WHERE order_id = %s",
        order["id"],
    )
    orphan = f"{'0' * 32}.pdf"
    source = Path(shop.settings.data_dir) / "orphan"
    source.write_bytes(b"%PDF orphan")
    await shop.inside.store.put(orphan, source)

    await shop.inside.housekeeping.documents()
    assert await shop.inside.store.size(orphan) is not None  # seen once, perhaps just being made
    await shop.inside.housekeeping.documents()
    await shop.inside.housekeeping.documents()
    assert await shop.inside.store.size(orphan) is None
    assert [await shop.inside.store.size(key) for key in keys] == [None] * len(keys)
    on_disk = {path.name for path in files.rglob("*") if path.is_file()}
    assert not on_disk & keys
    [row] = await shop.sql("SELECT * FROM documents WHERE order_id = %s", order["id"])
    assert (row["status"], row["name"], row["storage_key"]) == ("DELETED", "", "")
    assert row["deleted_at"] is not None


async def test_a_file_is_kept_while_it_is_owed(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await paid(shop, customer)
    await shop.sql(
        "UPDATE documents SET delete_after = now() - interval '1 hour' WHERE order_id = %s",
        order["id"],
    )
    await shop.inside.housekeeping.documents()
    assert await shop.prints(customer) == ["thesis.pdf"]


# Redis


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_redis_house(
    postgres: PostgresServer, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[House, int]]:
    program = redis_program()
    if program is None:
        missing("no Redis server; `apt install redis-server` would enable this")
    url = postgres.create(template=template_database)
    with redis_server(str(program)) as redis_url:
        async with opened(url, tmp_path_factory.mktemp("shop"), redis_url=redis_url) as house:
            client = Redis.from_url(redis_url)
            info = await client.info("server")
            await client.aclose()
            yield house, int(info["process_id"])
    postgres.drop(url)


@pytest_asyncio.fixture(loop_scope="module")
async def redis_house(
    open_redis_house: tuple[House, int],
) -> AsyncIterator[tuple[House, int]]:
    """Its queue is empty again afterwards."""
    yield open_redis_house
    await open_redis_house[0].sql(
        "UPDATE print_jobs SET status = 'CANCELLED', lease_until = NULL "
        "WHERE status IN ('QUEUED', 'CLAIMED')"
    )


async def test_redis_hears_of_a_job_after_its_commit(redis_house: tuple[House, int]) -> None:
    house, _ = redis_house
    customer = await house.outside.newcomer()
    await customer.replies("Hi", "Print Shop")
    redis = Redis.from_url(house.settings.redis_url, socket_timeout=60)
    await redis.delete("print_queue")
    listening: Any = redis.brpop(["print_queue"], 20)
    waiting: asyncio.Task[Any] = asyncio.create_task(listening)
    order = await paid(house, customer)
    began = time.monotonic()
    _, element = await waiting
    assert time.monotonic() - began < 1
    assert json.loads(element) == {
        "job_id": str(order["job_id"]),
        "shop_id": str(order["shop_id"]),
    }
    held = await house.worker().must_claim(job_id=order["job_id"])
    await held.begins()
    await held.reports("COMPLETED", evidence=FINISHED)
    await redis.aclose()


@pytest.mark.parametrize("misfortune", ["flushed", "paused"])
async def test_printing_goes_on_without_redis(
    redis_house: tuple[House, int], misfortune: str
) -> None:
    house, pid = redis_house
    customer = await house.outside.newcomer()
    await customer.replies("Hi", "Print Shop")
    if misfortune == "paused":
        os.kill(pid, signal.SIGSTOP)
    try:
        asked = asyncio.create_task(house.worker("patient").must_claim(wait=20))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        order = await paid(house, customer)
        if misfortune == "flushed":
            redis = Redis.from_url(house.settings.redis_url, socket_timeout=60)
            await redis.flushall()
            await redis.aclose()
        held = await asked
        assert held.job["id"] == str(order["job_id"])
        assert time.monotonic() - began < 10
        health = (await house.api.get("/health")).json()
        expected = "degraded" if misfortune == "paused" else "ok"
        assert health["checks"]["redis"]["status"] == expected
        assert house.settings.redis_url not in str(health)
        await held.begins()
        assert (await held.reports("COMPLETED", evidence=FINISHED)).status_code == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    await house.quiet()
    await house.keeps_its_promises()


async def test_closing_doors_answer_waiting_workers(redis_house: tuple[House, int]) -> None:
    """Last in this house: its doors stay closed."""
    house, _ = redis_house
    asked = asyncio.create_task(house.worker("waits").asks(wait=25))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    house.inside.printing.close_doors()
    assert (await asked).status_code == 204
    assert time.monotonic() - began < 1


# PostgreSQL


async def test_the_database_away_and_back(tmp_path: Path) -> None:
    """Killed: webhooks are refused at once, and nothing is lost or half-done."""
    with public_directory("outage") as folder:
        server = EmbeddedPostgres(folder, durable=False)
        server.start()
        try:
            upgrade(server.url)
            async with opened(server.url, tmp_path) as house:
                await _frozen(house, server)
                await _away_and_back(house, server)
        finally:
            server.stop()


async def _frozen(house: House, server: EmbeddedPostgres) -> None:
    """The server takes connections and says nothing: worse than one that is gone."""
    customer = await house.outside.newcomer()
    await customer.replies("Hi", "Print Shop")
    await ordered(house, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    [event, *_] = await bank_of(house).holds_back(pay_here)
    await house.quiet()

    postmaster = psutil.Process(server.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        began = time.monotonic()
        assert await bank_of(house).delivers(event) == [503]
        assert time.monotonic() - began < 5  # Razorpay waits no longer
    finally:
        for process in processes:
            process.resume()
    assert await bank_of(house).delivers(event) == [200]
    await customer.hears("Your token is", timeout=40)
    await house.quiet(within=5, timeout=40)
    assert await customer.count("Your token is") == 1
    assert await house.prints(customer) == ["thesis.pdf"]


async def _away_and_back(house: House, server: EmbeddedPostgres) -> None:
    customer = await house.outside.newcomer(reads=False)
    await customer.replies("Hi", "Print Shop")
    await ordered(house, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    events = await bank_of(house).holds_back(pay_here)
    await house.quiet()
    link = await _pay_here(house, customer)
    assert link["status"] == "delivered"
    asks, read = _word_and_receipt(customer, link["sid"])
    before = await house.snapshot()

    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    told, written, asked = await asyncio.gather(
        asyncio.gather(*(bank_of(house).delivers(event, copies=2) for event in events)),
        asyncio.gather(*(house.outside.twilio_says(*post) for post in (asks, read) * 2)),
        asyncio.gather(*(house.worker().asks() for _ in range(2))),
    )
    assert {status for one in told for status in one} == {503}
    assert {answer.status_code for answer in (*written, *asked)} == {503}
    assert time.monotonic() - began < 8
    health = await house.api.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "down")

    await asyncio.to_thread(server.start)
    for _ in range(150):
        if (await house.api.get("/health")).status_code == 200:
            break
        await asyncio.sleep(0.2)
    after = await house.snapshot()
    assert after == before
    for event in events:
        assert await bank_of(house).delivers(event) == [200]
    for post in (asks, read) * 2:
        assert (await house.outside.twilio_says(*post)).status_code == 200
    await customer.hears("Your token is", timeout=40)
    await house.quiet(within=5, timeout=40)
    assert await customer.count("Any time you can write") == 1
    assert (await _pay_here(house, customer))["status"] == "read"
    assert (await house.order_of(customer))["status"] == "PAID"
    assert await customer.count("Your token is") == 1
    assert await house.prints(customer) == ["thesis.pdf"]
    await house.keeps_its_promises()


async def _pay_here(house: House, customer: Customer) -> dict[str, Any]:
    """The message with the link."""
    [message] = await house.sql(
        "SELECT m.sid, m.status FROM messages m JOIN customers c ON c.id = m.customer_id "
        "WHERE c.address = %s AND m.body LIKE '%%Pay here%%'",
        customer.address,
    )
    return message


def _word_and_receipt(customer: Customer, sid: str) -> list[tuple[dict[str, str], str]]:
    """Form and path of what Twilio posts: "help", and that the message with this id was read."""
    text = golden("twilio", "inbound_text")["request"]["params"]
    receipt = golden("twilio", "status_read")["request"]["params"]
    who = {"ProfileName": customer.name, "WaId": customer.phone.lstrip("+")}
    sender = {"From": customer.address, "ExternalUserId": f"whatsapp:{customer.user_id}"}
    return [
        ({**text, **who, **sender, "Body": "help"}, "/webhook/twilio"),
        (
            {**receipt, "MessageSid": sid, "SmsSid": sid, "To": customer.address},
            "/webhook/twilio/status",
        ),
    ]
