"""What came in is kept once; what goes out is staged once; receipts only move forward."""

from __future__ import annotations

import asyncio
from itertools import permutations, product

import psycopg
import pytest

from app.core.database import Database
from app.repositories.inbox import LARGEST_BATCH, Incoming, Kept, Receiver
from app.repositories.messages import RANK
from app.repositories.unit_of_work import UnitOfWork
from tests.backend.repositories.rows import Rows, until_waiting


def incoming(key: str, *, provider: str = "twilio", lane: str = "chat:1") -> Incoming:
    return Incoming(provider, key, "evt_1", lane, b"Body=hi&\x00\xff")


async def deliver(database: Database, key: str, **more: str) -> bool:
    return await Receiver(database.pool).keep(incoming(key, **more))


def kept(rows: Rows, key: str) -> list[dict[str, object]]:
    return rows.all("SELECT * FROM webhook_logs WHERE dedup_key = %s", key)


def tasks_for(rows: Rows, inbox_id: object) -> list[dict[str, object]]:
    return [t for t in rows.tasks("receive") if t["args"] == {"inbox_id": inbox_id}]


@pytest.mark.parametrize("instances", [1, 5, 50])
async def test_fifty_copies_at_once_are_one_row_and_one_task(
    database: Database, rows: Rows, instances: int
) -> None:
    key = f"fifty-{rows.shop}"
    receivers = [Receiver(database.pool) for _ in range(instances)]

    new = await asyncio.gather(*(receivers[n % instances].keep(incoming(key)) for n in range(50)))

    assert new.count(True) == 1
    (row,) = kept(rows, key)
    assert (row["status"], row["raw_body"], row["event_id"]) == (
        "NEW",
        b"Body=hi&\x00\xff",
        "evt_1",
    )
    (task,) = tasks_for(rows, row["id"])
    assert (task["lock"], task["queue_name"], task["status"]) == ("chat:1", "default", "todo")


async def test_one_key_of_two_providers_is_two_webhooks(database: Database, rows: Rows) -> None:
    key = f"both-{rows.shop}"

    assert await deliver(database, key)
    assert await deliver(database, key, provider="razorpay")
    assert len(kept(rows, key)) == 2


async def test_many_different_ones_at_once_are_all_kept(database: Database, rows: Rows) -> None:
    receiver, many = Receiver(database.pool), 2 * LARGEST_BATCH + 3
    keys = [f"{number}-{rows.shop}" for number in range(many)]

    new = await asyncio.gather(*(receiver.keep(incoming(key)) for key in [*keys, *keys]))

    assert new == [*[True] * many, *[False] * many]
    stored = rows.all("SELECT id FROM webhook_logs WHERE dedup_key = ANY(%s)", keys)
    with_task = {task["args"]["inbox_id"] for task in rows.tasks("receive")}
    assert len(stored) == many
    assert {row["id"] for row in stored} <= with_task


async def test_messages_of_one_person_are_handled_as_they_came(
    database: Database, rows: Rows
) -> None:
    receiver, lane = Receiver(database.pool), f"chat:{rows.shop}"
    keys = [f"{number}-{rows.shop}" for number in (3, 1, 2, 1, 9, 0)]

    await asyncio.gather(*(receiver.keep(incoming(key, lane=lane)) for key in keys))

    handled = [
        rows.one("SELECT dedup_key FROM webhook_logs WHERE id = %s", task["args"]["inbox_id"])
        for task in rows.tasks("receive")
        if task["lock"] == lane
    ]
    assert handled == [f"{number}-{rows.shop}" for number in (3, 1, 2, 9, 0)]


async def test_two_instances_with_the_same_webhooks_do_not_lock_each_other_out(
    database: Database, rows: Rows
) -> None:
    """Both write them in one order, whatever order they came in."""
    first, second = f"a-{rows.shop}", f"b-{rows.shop}"
    insert = (
        "INSERT INTO webhook_logs (provider, dedup_key, lane, raw_body) "
        "VALUES ('twilio', %s, '', '')"
    )
    receiver = Receiver(database.pool)
    with psycopg.connect(rows.url, options="-c lock_timeout=300") as other:
        other.execute(insert.encode(), (first,))
        waiting = asyncio.gather(*(receiver.keep(incoming(key)) for key in (second, first)))
        await until_waiting(rows)
        other.execute(insert.encode(), (second,))

    assert await waiting == [False, False]


async def test_a_webhook_that_cannot_be_kept_says_so_to_its_sender_alone(
    database: Database, rows: Rows
) -> None:
    receiver = Receiver(database.pool)

    with pytest.raises(psycopg.Error):
        await receiver.keep(incoming("\x00 is no text"))

    assert await receiver.keep(incoming(f"after-{rows.shop}"))


async def test_a_finished_webhook_is_nobodys_business(
    database: Database, rows: Rows, work: UnitOfWork
) -> None:
    key = f"finished-{rows.shop}"
    await deliver(database, key)
    (row,) = kept(rows, key)
    number = row["id"]
    assert isinstance(number, int)

    receiver = Receiver(database.pool)
    assert await receiver.get(number) == Kept("twilio", b"Body=hi&\x00\xff")

    await receiver.finish(number, "IGNORED", "x" * 900, forget=False)
    assert await receiver.get(number) is None
    async with work("system:inbox") as tx:
        assert await tx.inbox.lock(number) is None
    await receiver.finish(number, "DONE", "", forget=True)

    (row,) = kept(rows, key)
    assert (row["status"], len(str(row["reason"]))) == ("IGNORED", 500)
    assert row["finished_at"] is not None
    assert row["raw_body"] == b"Body=hi&\x00\xff"


async def test_what_must_not_be_kept_is_emptied_with_the_end(
    database: Database, rows: Rows
) -> None:
    key = f"secret-{rows.shop}"
    await deliver(database, key)
    (row,) = kept(rows, key)

    number = row["id"]
    assert isinstance(number, int)
    await Receiver(database.pool).finish(number, "DONE", "", forget=True)

    (row,) = kept(rows, key)
    assert (row["status"], row["raw_body"]) == ("DONE", b"")


async def test_webhooks_that_lost_their_task_are_found(
    database: Database, rows: Rows, work: UnitOfWork
) -> None:
    lost, waiting = f"lost-{rows.shop}", f"waiting-{rows.shop}"
    for key in (lost, waiting):
        await deliver(database, key, lane=key)
    (row,) = kept(rows, lost)
    rows.run("DELETE FROM procrastinate_jobs WHERE (args ->> 'inbox_id')::bigint = %s", row["id"])
    rows.run(
        "UPDATE webhook_logs SET received_at = clock_timestamp() - interval '2 minutes' "
        "WHERE dedup_key IN (%s, %s)",
        lost,
        waiting,
    )

    async with work("system:sweep") as tx:
        found = await tx.inbox.unfinished(older_than_seconds=60)
        young = await tx.inbox.unfinished(older_than_seconds=600)

    assert found == [(row["id"], lost)]
    assert young == []


# Out


async def test_a_message_with_one_key_is_staged_once(work: UnitOfWork, rows: Rows) -> None:
    customer = rows.customer()

    async def stage(key: str) -> int | None:
        async with work("system:turn") as tx:
            return await tx.messages.stage(
                shop_id=rows.shop,
                customer_id=customer,
                order_id=None,
                key=key,
                kind="paid",
                body="₹56 received",
                buttons=[{"id": "a", "title": "b"}],
            )

    paid = f"paid:{rows.shop}"
    staged = await asyncio.gather(*(stage(paid) for _ in range(15)))

    assert len([number for number in staged if number is not None]) == 1
    assert await stage(f"ready:{rows.shop}") is not None
    bodies = rows.all("SELECT status FROM messages WHERE customer_id = %s", customer)
    assert [row["status"] for row in bodies] == ["STAGED", "STAGED"]


async def test_an_inbound_message_is_applied_once(work: UnitOfWork, rows: Rows) -> None:
    customer = rows.customer()

    async def arrives() -> bool:
        async with work("system:message") as tx:
            return await tx.messages.received(
                shop_id=rows.shop,
                customer_id=customer,
                sid=f"SM{rows.shop}",
                kind="text",
                body="hi",
            )

    assert sorted(await asyncio.gather(*(arrives() for _ in range(10)))) == [*[False] * 9, True]


RECEIPTS = ["queued", "sent", "delivered", "read"]


def outgoing(rows: Rows, status: str = "accepted") -> str:
    number = rows.insert(
        "messages",
        shop_id=rows.shop,
        customer_id=rows.customer(),
        direction="OUT",
        body="hello",
        status=status,
    )
    sid = f"SM{rows.shop}{number}"
    rows.run("UPDATE messages SET sid = %s WHERE id = %s", sid, number)
    return sid


async def test_receipts_in_any_order_end_the_same(work: UnitOfWork, rows: Rows) -> None:
    endings = set()
    for order in permutations(RECEIPTS):
        sid, ranks = outgoing(rows), []
        async with work("system:receipt") as tx:
            for status in order:
                moved = await tx.messages.receipt(sid, status, "")
                ranks += [RANK[moved.status]] if moved is not None else []
        endings.add(rows.one("SELECT status FROM messages WHERE sid = %s", sid))
        assert ranks == sorted(set(ranks))

    assert endings == {"read"}


async def test_a_receipt_moves_a_message_forward_or_not_at_all(
    work: UnitOfWork, rows: Rows
) -> None:
    wrong = []
    for before, after in product(RANK, [*RANK, "nonsense", ""]):
        sid = outgoing(rows, before)
        forward = after in RANK and RANK[after] > RANK[before]
        async with work("system:receipt") as tx:
            moved = await tx.messages.receipt(sid, after, "63016")
        kept_row = rows.one("SELECT status, error_code FROM messages WHERE sid = %s", sid)
        expected = (forward, after, "63016") if forward else (False, before, "")
        if (moved is not None, *kept_row.values()) != expected:
            wrong.append((before, after, kept_row))

    assert wrong == []


async def test_a_receipt_for_nobody_and_for_an_inbound_message(
    work: UnitOfWork, rows: Rows
) -> None:
    sid = outgoing(rows)
    rows.run("UPDATE messages SET direction = 'IN' WHERE sid = %s", sid)

    async with work("system:receipt") as tx:
        assert await tx.messages.receipt("SM-unknown", "read", "") is None
        assert await tx.messages.receipt(sid, "read", "") is None


async def test_one_open_item_about_one_thing(work: UnitOfWork, rows: Rows) -> None:
    async def complain(detail: str) -> None:
        async with work("system:refund") as tx:
            await tx.messages.open_item(
                shop_id=rows.shop, kind="refund_failed", subject="refund:1", detail=detail
            )

    await asyncio.gather(*(complain(f"try {n}") for n in range(8)))
    async with work("user:asha") as tx:
        await tx.messages.close_items("refund:1", by="user:asha", resolution="paid in cash")
    await complain("again")

    items = rows.all(
        "SELECT closed_by FROM attention_items WHERE shop_id = %s ORDER BY opened_at", rows.shop
    )
    assert [item["closed_by"] for item in items] == ["user:asha", ""]
