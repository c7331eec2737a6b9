"""What scripts read: figures, lists, one order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.backend.services.seeds import crowd, ordered, paid
from tests.support.outside import Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDERS = "/api/v1/dashboard/orders"


@pytest_asyncio.fixture(loop_scope="module")
async def readers(shop: House) -> AsyncIterator[list[Customer]]:
    yield await crowd(shop, 2)


async def reads(shop: House, path: str, **query: Any) -> Any:
    answer = await shop.api.get(path, params=query, headers=shop.staff)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_one_order_with_everything_that_belongs_to_it(
    shop: House, readers: list[Customer]
) -> None:
    reader = readers[0]
    await paid(shop, reader, pages=3, copies=2)
    await shop.prints(reader)
    await shop.quiet()
    order = await shop.order_of(reader)
    story = await reads(shop, f"{ORDERS}/{order['id']}")

    assert {"documents", "quote", "payments", "refunds", "jobs", "messages", "timeline"} <= set(
        story
    )
    assert (story["id"], story["status"], story["total_paise"]) == (str(order["id"]), "READY", 1200)
    assert story["quote"]["amount_paise"] == 1200
    assert sum(line["amount_paise"] for line in story["quote"]["lines"]) == 1200
    assert [job["status"] for job in story["jobs"]] == ["COMPLETED"]
    assert [attempt["outcome"] for attempt in story["jobs"][0]["attempts"]] == ["printed"]
    assert [payment["status"] for payment in story["payments"]] == ["CAPTURED"]
    assert story["documents"][0]["status"] == "READY"
    hidden = str(story)
    for secret in (reader.phone.strip("+"), "page_token", "storage_key", "preview_keys"):
        assert secret not in hidden
    refused = await shop.api.get(f"{ORDERS}/{uuid4()}", headers=shop.staff)
    assert refused.status_code == 404


async def test_a_list_read_page_by_page_misses_and_repeats_nothing(
    shop: House, readers: list[Customer]
) -> None:
    for reader in readers:
        for _ in range(3):
            await paid(shop, reader)
    everything = [item["id"] for item in (await reads(shop, ORDERS, limit=200))["items"]]
    assert len(everything) >= 6
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await reads(shop, ORDERS, limit=2, cursor=cursor)
        assert all({"id", "status"} <= set(item) for item in page["items"])
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == everything


async def test_orders_of_one_phone(shop: House, readers: list[Customer]) -> None:
    reader, other = readers
    await paid(shop, reader)
    await ordered(shop, other)
    mine = {str(order["id"]) for order in await shop.orders_of(reader)}
    digits = reader.phone.removeprefix("+")
    for phone in (digits, f"+{digits}"):
        found = await reads(shop, ORDERS, phone=phone)
        assert {item["id"] for item in found["items"]} == mine
        assert digits not in str(found)
    # A plus that was not escaped arrives as a space.
    raw = await shop.api.get(f"{ORDERS}?phone=+{digits}", headers=shop.staff)
    assert {item["id"] for item in raw.json()["items"]} == mine
    assert (await reads(shop, ORDERS, phone="+910000000000"))["items"] == []


async def test_orders_by_status_and_word(shop: House, readers: list[Customer]) -> None:
    reader = readers[0]
    order = await paid(shop, reader)
    for query in ({"status": "PAID"}, {"status": "paid,READY"}, {"q": order["code"]}):
        found = await reads(shop, ORDERS, **query)
        assert str(order["id"]) in [item["id"] for item in found["items"]], query
    found = await reads(shop, ORDERS, status="CANCELLED")
    assert str(order["id"]) not in [item["id"] for item in found["items"]]


@pytest.mark.parametrize(
    "query",
    [
        "status=NONSENSE",
        "limit=0",
        "limit=201",
        "limit=ten",
        "cursor=nonsense",
        "cursor=" + "A" * 201,
        "cursor=%00",
        "cursor=%C3%A9",
        "phone=letters",
        "q=%00",
        "q=" + "x" * 101,
    ],
)
async def test_wrong_queries_are_named(shop: House, query: str) -> None:
    answer = await shop.api.get(f"{ORDERS}?{query}", headers=shop.staff)
    assert answer.status_code == 422, answer.text
    assert set(answer.json()) == {"error", "detail"}


@pytest.mark.parametrize(
    "words", ["%", "_", "\\", "'", '"', "<script>", "⁇", "%s%n", "{0}", "a" * 100, "²", "٣"]
)
async def test_odd_words_find_nothing_and_break_nothing(shop: House, words: str) -> None:
    assert (await reads(shop, ORDERS, q=words))["items"] == []
    answer = await shop.api.get(f"{ORDERS}?phone={quote(words)}", headers=shop.staff)
    assert answer.status_code in (200, 422)


async def test_figures_have_their_shape_and_add_up(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    before = await reads(shop, "/api/v1/dashboard/stats")
    await paid(shop, customer, pages=3, copies=2)
    assert await shop.prints(customer) == ["thesis.pdf"]
    after = await reads(shop, "/api/v1/dashboard/stats")

    assert set(after) == {"orders", "revenue_paise", "print_jobs", "pages", "daily"}
    assert set(after["orders"]) == {"total", "today", "by_status"}
    assert after["orders"]["total"] == sum(after["orders"]["by_status"].values())
    assert after["orders"]["total"] - before["orders"]["total"] == 1
    assert after["revenue_paise"]["today"] - before["revenue_paise"]["today"] == 1200
    assert after["revenue_paise"]["total"] - before["revenue_paise"]["total"] == 1200
    assert after["pages"]["bw"] - before["pages"]["bw"] == 6
    assert after["pages"]["color"] == before["pages"]["color"]
    assert sum(day["orders"] for day in after["daily"]) == after["orders"]["total"]
    none = await reads(
        shop, "/api/v1/dashboard/stats", **{"from": "2020-01-01", "to": "2020-01-02"}
    )
    assert (none["orders"]["total"], none["revenue_paise"]["total"]) == (0, 0)


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "to=2026-13-01", "from=2026-02-02&to=2026-02-01", "from=99999999999"],
)
async def test_wrong_days_are_named(shop: House, query: str) -> None:
    answer = await shop.api.get(f"/api/v1/dashboard/stats?{query}", headers=shop.staff)
    assert answer.status_code == 422, answer.text


async def test_days_at_the_ends_of_the_calendar(shop: House) -> None:
    for query in ({"from": "0001-01-01"}, {"to": "9999-12-31"}, {"from": "9999-12-31"}):
        await reads(shop, "/api/v1/dashboard/stats", **query)


async def test_jobs_that_wait_and_jobs_that_failed(shop: House, readers: list[Customer]) -> None:
    order = await paid(shop, readers[0])
    pending = await reads(shop, "/api/v1/dashboard/pending-jobs")
    job = next(item for item in pending["items"] if item["id"] == str(order["job_id"]))
    assert job["status"] == "QUEUED"

    held = await shop.worker("fails").must_claim(job_id=order["job_id"])
    await held.begins()
    await held.reports("UNCERTAIN", error="the printer went silent")
    failed = await reads(shop, "/api/v1/dashboard/failed-jobs")
    job = next(item for item in failed["items"] if item["id"] == str(order["job_id"]))
    assert (job["status"], job["error"]) == ("UNCERTAIN", "the printer went silent")
    pending = await reads(shop, "/api/v1/dashboard/pending-jobs")
    assert str(order["job_id"]) not in [item["id"] for item in pending["items"]]


async def test_a_long_list_of_jobs_goes_on_where_it_stopped(
    shop: House, readers: list[Customer]
) -> None:
    for _ in range(2):
        await paid(shop, readers[0])
        await paid(shop, readers[1])
    path = "/api/v1/dashboard/pending-jobs"
    everything = [item["id"] for item in (await reads(shop, path))["items"]]
    assert len(everything) >= 4
    found: list[Any] = []
    more: str | None = ""
    while more is not None:
        page = await reads(shop, path, limit=3, cursor=more)
        found, more = found + [item["id"] for item in page["items"]], page["next"]
        assert len(page["items"]) <= 3
    assert found == everything


async def test_staff_cancel_before_and_after_paying(shop: House, readers: list[Customer]) -> None:
    unpaid, bought = readers
    order = await ordered(shop, unpaid)
    done = await shop.api.post(f"{ORDERS}/{order['id']}/cancel", headers=shop.staff)
    assert (done.status_code, done.json()["status"]) == (200, "CANCELLED")
    again = await shop.api.post(f"{ORDERS}/{order['id']}/cancel", headers=shop.staff)
    assert again.status_code == 409
    assert await shop.refunds_of(unpaid) == []

    order = await paid(shop, bought)
    done = await shop.api.post(f"{ORDERS}/{order['id']}/cancel", headers=shop.staff)
    assert (done.status_code, done.json()["status"]) == (200, "REFUNDED")
    assert [job["status"] for job in await shop.jobs_of(bought)][-1] == "CANCELLED"
    assert [refund["amount_paise"] for refund in await shop.refunds_of(bought)] == [800]


async def test_cash_pays_like_a_link(shop: House, readers: list[Customer]) -> None:
    reader = readers[0]
    order = await ordered(shop, reader)
    less = await shop.api.post(
        f"{ORDERS}/{order['id']}/cash", json={"amount_paise": 700}, headers=shop.staff
    )
    assert less.status_code == 422
    took = await shop.api.post(
        f"{ORDERS}/{order['id']}/cash", json={"amount_paise": 800}, headers=shop.staff
    )
    assert (took.status_code, took.json()["status"]) == (200, "PAID")
    again = await shop.api.post(
        f"{ORDERS}/{order['id']}/cash", json={"amount_paise": 800}, headers=shop.staff
    )
    assert again.status_code == 409
    assert await shop.prints(reader) == ["thesis.pdf"]
