"""The print worker's calls: at most once on paper, whatever is repeated, late or lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.backend.services.seeds import crowd, paid
from tests.support.outside import Customer
from tests.support.shop import FINISHED, Held, House

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def reader(shop: House) -> AsyncIterator[Customer]:
    """Somebody who has written before; what is left of the queue afterwards is cleared."""
    [person] = await crowd(shop, 1)
    yield person
    await shop.sql(
        "UPDATE print_jobs SET status = 'CANCELLED', lease_until = NULL "
        "WHERE status IN ('QUEUED', 'CLAIMED')"
    )


async def held_job(shop: House, reader: Customer, worker: str = "") -> Held:
    order = await paid(shop, reader)
    return await shop.worker(worker or f"pc-{uuid4().hex[:8]}").must_claim(job_id=order["job_id"])


async def lapses(shop: House, held: Held) -> None:
    await shop.sql(
        "UPDATE print_jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE id = %s",
        held.job["id"],
    )
    await shop.inside.housekeeping.leases()


async def more_jobs(shop: House, like: Any, count: int) -> list[str]:
    """So many further jobs of one order, as reprints somebody authorised."""
    rows = await shop.sql(
        "INSERT INTO print_jobs (shop_id, order_id, document_id, kind, token, print_type, copies, "
        "pages, page_ranges, color_pages, needs_color, storage_key, sha256, bytes, authorised_by, "
        "reason) SELECT shop_id, order_id, document_id, 'REPRINT', token, print_type, copies, "
        "pages, page_ranges, color_pages, needs_color, storage_key, sha256, bytes, 'user:tests', "
        "'again' FROM print_jobs, generate_series(1, %s) WHERE id = %s RETURNING id",
        count,
        like,
    )
    return [str(row["id"]) for row in rows]


async def test_a_job_as_the_worker_sees_it(shop: House, reader: Customer) -> None:
    order = await paid(shop, reader, pages=3, copies=4)
    held = await shop.worker("counter-pc").must_claim(job_id=order["job_id"])
    job = held.job
    assert {
        key: job[key] for key in ("id", "order_id", "status", "epoch", "lease_seconds", "token")
    } == {
        "id": str(order["job_id"]),
        "order_id": str(order["id"]),
        "status": "CLAIMED",
        "epoch": 1,
        "lease_seconds": 90,
        "token": order["token"],
    }
    assert job["settings"] == {
        "print_type": "BW",
        "copies": 4,
        "pages": "1-3",
        "color_pages": [],
        "sides": "one-sided",
        "paper": "A4",
        "collate": True,
    }
    assert job["file"]["pages"] == 3
    assert job["file"]["name"] == f"token-{order['token']}.pdf"
    same = (await shop.api.get(held.path, headers=held.worker.key)).json()
    for volatile in (job["file"], same["file"]):
        assert volatile.pop("url").startswith("https://shop.example.test/files/")
    assert same == job


async def test_what_was_chosen_reaches_the_printer(shop: House, reader: Customer) -> None:
    order = await paid(
        shop,
        reader,
        pages=3,
        copies=4,
        choices={"sides": "two-sided-long-edge", "paper": "A3", "collate": False},
    )
    held = await shop.worker("wide-pc").must_claim(job_id=order["job_id"])
    assert held.job["settings"] == {
        "print_type": "BW",
        "copies": 4,
        "pages": "1-4",  # with the blank back that lets each copy begin on a sheet of its own
        "color_pages": [],
        "sides": "two-sided-long-edge",
        "paper": "A3",
        "collate": False,
    }
    asked = await shop.api.get(held.path, headers=held.worker.key)
    assert asked.json()["settings"] == held.job["settings"]
    await held.reports("QUEUED")


async def test_from_claim_to_paper(shop: House, reader: Customer) -> None:
    held = await held_job(shop, reader)
    begun = await held.begins()
    assert begun.status_code == 200
    assert (begun.json()["go"], begun.json()["valid_seconds"]) == (True, 20)
    assert (await held.begins(evidence={"spool_ref": "7"})).json()["go"] is True
    assert (await held.beats()).json()["status"] == "PRINTING"
    for _ in range(3):
        done = await held.reports("COMPLETED", evidence=FINISHED)
        assert (done.status_code, done.json()["status"]) == (200, "COMPLETED")
    assert (await held.beats()).status_code == 409
    assert (await held.begins()).status_code == 409

    assert (await shop.order_of(reader))["status"] == "READY"
    [attempt] = await shop.sql("SELECT * FROM print_attempts WHERE job_id = %s", held.job["id"])
    assert (attempt["outcome"], attempt["spool_ref"]) == ("printed", "7")
    await reader.hears("Ready!")
    await shop.quiet()
    assert await reader.count("Ready!") == 1


async def test_an_exit_code_alone_is_no_paper(shop: House, reader: Customer) -> None:
    held = await held_job(shop, reader)
    await held.begins()
    said = await held.reports("COMPLETED", evidence={"exit_code": 0})
    assert said.json()["status"] == "UNCERTAIN"
    assert await shop.attention_of(reader) == ["did_it_print"]
    assert await reader.count("Ready!") == 0
    late = await held.reports("COMPLETED", evidence=FINISHED)
    assert late.json()["status"] == "COMPLETED"
    assert await shop.attention_of(reader) == []


async def test_a_lease_that_lapses_before_paper_frees_the_job(
    shop: House, reader: Customer
) -> None:
    held = await held_job(shop, reader)
    await lapses(shop, held)
    assert await held.status() == "QUEUED"

    next_one = await shop.worker("other-pc").must_claim(job_id=held.job["id"])
    assert next_one.job["epoch"] == held.job["epoch"] + 1
    for word in ("PRINTING", "COMPLETED", "FAILED", "UNCERTAIN", "QUEUED"):
        stale = await held.reports(word, evidence={"seen": word})
        assert (stale.status_code, stale.json()["error"]) == (409, "stale_claim"), word
    assert (await held.beats()).status_code == 409
    assert await held.status() == "CLAIMED"
    [old] = await shop.sql("SELECT * FROM print_attempts WHERE id = %s", held.job["attempt_id"])
    assert (old["outcome"], old["evidence"], old["started_at"]) == (
        "lapsed",
        {"seen": "QUEUED"},
        None,
    )
    assert await shop.attention_of(reader) == []
    await next_one.begins()
    assert (await next_one.reports("COMPLETED", evidence=FINISHED)).status_code == 200


async def test_a_lease_that_lapses_while_printing_is_a_question(
    shop: House, reader: Customer
) -> None:
    held = await held_job(shop, reader)
    await held.begins()
    await lapses(shop, held)
    assert await held.status() == "UNCERTAIN"
    assert await shop.attention_of(reader) == ["did_it_print"]
    await reader.hears("taking longer than usual")
    assert await shop.worker().claims(job_id=held.job["id"]) is None
    assert (await held.begins()).status_code == 409

    unproven = await held.reports("COMPLETED", evidence={"exit_code": 0})
    assert unproven.status_code == 409
    for word in ("FAILED", "QUEUED"):
        assert (await held.reports(word, evidence={"never_accepted": True})).status_code == 409
        assert await held.status() == "UNCERTAIN"

    proven = await held.reports("COMPLETED", evidence=FINISHED)
    assert (proven.status_code, proven.json()["status"]) == (200, "COMPLETED")
    assert await shop.attention_of(reader) == []
    assert (await shop.order_of(reader))["status"] == "READY"


async def test_only_what_never_reached_paper_is_tried_again(shop: House, reader: Customer) -> None:
    held = await held_job(shop, reader)
    await held.begins()
    failed = await held.reports(
        "FAILED", error="no such printer", evidence={"never_accepted": True}
    )
    assert failed.json()["status"] == "FAILED"
    assert await shop.attention_of(reader) == ["print_failed"]
    again = await shop.api.post(f"{held.path}/retry", headers=shop.staff)
    assert (again.status_code, again.json()["status"]) == (200, "QUEUED")
    assert again.json()["retry_count"] == 1
    assert await shop.attention_of(reader) == []
    twice = await shop.api.post(f"{held.path}/retry", headers=held.worker.key)
    assert (twice.status_code, twice.json()["error"]) == (409, "not_retryable")

    second = await held.worker.must_claim(job_id=held.job["id"])
    await second.begins()
    lost = await second.reports("FAILED", error="paper jam", evidence={"exit_code": 1})
    assert lost.json()["status"] == "UNCERTAIN"
    refused = await shop.api.post(f"{held.path}/retry", headers=shop.staff)
    assert (refused.status_code, refused.json()["error"]) == (409, "not_retryable")
    assert await second.status() == "UNCERTAIN"
    assert (await second.reports("COMPLETED", evidence=FINISHED)).status_code == 200


async def test_a_job_given_back_is_free_at_once(shop: House, reader: Customer) -> None:
    held = await held_job(shop, reader)
    for _ in range(2):
        back = await held.reports("QUEUED", error="printer offline")
        assert (back.status_code, back.json()["status"]) == (200, "QUEUED")
    again = await held.worker.must_claim(job_id=held.job["id"])
    assert (again.job["epoch"], again.job["error"]) == (2, "")
    await again.reports("QUEUED")


async def test_one_printer_has_one_job_in_flight(shop: House, reader: Customer) -> None:
    first = await held_job(shop, reader, "busy-pc")
    second = await held_job(shop, reader, "busy-pc")
    assert (await first.begins()).status_code == 200
    refused = await second.begins()
    assert (refused.status_code, refused.json()["error"]) == (409, "printer_busy")
    assert await second.status() == "CLAIMED"
    await first.reports("COMPLETED", evidence=FINISHED)
    assert (await second.begins()).json()["go"] is True
    await second.reports("COMPLETED", evidence=FINISHED)


async def test_words_nobody_should_say(shop: House, reader: Customer) -> None:
    held = await held_job(shop, reader)
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"status": "PRINTED"}, 422),
        ({"status": "CANCELLED"}, 422),
        ({"status": ""}, 422),
        ({"status": "COMPLETED", "epoch": -1}, 422),
        ({"status": "COMPLETED", "epoch": 10**30}, 422),
        ({"status": "COMPLETED", "attempt_id": "x"}, 422),
        ({"status": "COMPLETED", "attempt_id": str(uuid4())}, 409),
        ({"status": "COMPLETED", "epoch": 99}, 409),
        ({"status": "COMPLETED"}, 409),  # not begun
        ({"status": "QUEUED", "evidence": []}, 422),
    ]
    for said, status in wrong:
        answer = await held.reports(**said)
        assert answer.status_code == status, (said, answer.text)
        assert set(answer.json()) == {"error", "detail"}
    assert await held.status() == "CLAIMED"
    unknown = await shop.api.put(
        f"/api/v1/print_jobs/{uuid4()}/status",
        json={"status": "COMPLETED", "epoch": 1, "attempt_id": str(uuid4())},
        headers=held.worker.key,
    )
    assert unknown.status_code == 404
    await held.reports("QUEUED")


@pytest.mark.parametrize(
    "odd",
    [{"x": "\x00"}, {"\x00": 1}, {"x": "\ud800"}, {"x": [{"y": "a\x00b"}]}, {"x": 1e400},
     {"x": "\u202e" * 3000}, {"x": 10**400}],
    ids=["nul", "nul-key", "surrogate", "deep", "infinite", "long", "big"],
)  # fmt: skip
async def test_odd_evidence_is_kept_or_refused_but_never_an_error(
    shop: House, reader: Customer, odd: dict[str, Any]
) -> None:
    held = await held_job(shop, reader)
    for word in ("PRINTING", "COMPLETED"):
        answer = await held.reports(word, evidence={**FINISHED, **odd})
        assert answer.status_code in (200, 422), answer.text
    assert await held.status() in ("CLAIMED", "COMPLETED")
    if await held.status() == "CLAIMED":
        await held.reports("QUEUED")


async def test_odd_names_of_workers_and_printers(shop: House) -> None:
    for odd in ("\x00", "a\x00b", "\ud800", "x" * 121, "", "🖨️", "'; DROP TABLE orders; --"):
        told = await shop.worker().sends(
            "POST",
            "/api/v1/workers/heartbeat",
            {"worker_id": odd, "printers": [{"name": odd, "state": odd[:40]}]},
        )
        asked = await shop.worker(odd).asks(printers=[odd], job_id=uuid4())
        assert told.status_code in (200, 422), (odd, told.text)
        assert asked.status_code in (204, 422), (odd, asked.text)


async def test_colour_goes_where_colour_is(shop: House, reader: Customer) -> None:
    order = await paid(shop, reader, pages=2, how="colour", colored=(1,))
    grey = [{"name": "laser", "color": False, "duplex": True, "papers": ["A4"]}]
    bright = [{"name": "ink", "color": True, "duplex": False, "papers": ["A4", "A3"]}]
    other_paper = [{"name": "wide", "color": True, "papers": ["A3"]}]
    worker = shop.worker("two-printers")
    assert await worker.claims(job_id=order["job_id"], printers=grey) is None
    assert await worker.claims(job_id=order["job_id"], printers=other_paper) is None
    held = await worker.must_claim(job_id=order["job_id"], printers=bright)
    assert held.job["settings"]["print_type"] == "COLOR"
    assert held.job["settings"]["color_pages"] == [1, 2]
    assert held.job["printer_name"] == "ink"
    await held.reports("QUEUED")


async def test_twenty_workers_share_fifty_jobs(shop: House, reader: Customer) -> None:
    order = await paid(shop, reader)
    wanted = {str(order["job_id"]), *await more_jobs(shop, order["job_id"], 49)}
    others = await shop.sql("SELECT id FROM print_jobs WHERE status = 'QUEUED'")
    assert {str(row["id"]) for row in others} == wanted

    async def works(number: int) -> list[str]:
        worker, got = shop.worker(f"of-twenty-{number}"), []
        while (held := await worker.claims()) is not None:
            got.append(held)
        return [held.job["id"] for held in got]

    shares = await asyncio.gather(*map(works, range(20)))
    taken = [job for share in shares for job in share]
    assert len(taken) == 50
    assert set(taken) == wanted
    attempts = await shop.one(
        "SELECT count(*) FROM print_attempts WHERE job_id = ANY(%s)", list(wanted)
    )
    assert attempts == 50


async def test_jobs_leave_in_the_order_they_came(shop: House, reader: Customer) -> None:
    order = await paid(shop, reader)
    jobs = [str(order["job_id"]), *await more_jobs(shop, order["job_id"], 4)]
    taken = [(await shop.worker("serial").must_claim()).job["id"] for _ in jobs]
    assert taken == jobs


async def test_a_waiting_worker_is_woken_by_the_commit(shop: House, reader: Customer) -> None:
    delays = []
    for number in range(3):
        asked = asyncio.create_task(shop.worker(f"waits-{number}").must_claim(wait=20))
        await asyncio.sleep(0.2)
        assert not asked.done()
        order = await paid(shop, reader)
        committed = time.monotonic()
        held = await asked
        delays.append(time.monotonic() - committed)
        assert held.job["id"] == str(order["job_id"])
        await held.begins()
        await held.reports("COMPLETED", evidence=FINISHED)
    # On a busy machine one may be late; a look every few seconds would make all late.
    assert min(delays) < 0.3, delays


async def test_waiting_ends_when_nothing_comes(shop: House) -> None:
    began = time.monotonic()
    assert await shop.worker().claims(wait=0.5) is None
    assert 0.4 < time.monotonic() - began < 4
    for wait in (-1, 31, "long"):
        assert (await shop.worker().asks(wait=wait)).status_code == 422
