"""Price lists: added with a start, never changed, and the one in force is the one that quotes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response

from tests.backend.services.seeds import ordered
from tests.support.outside import Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRICES = "/api/v1/dashboard/price-lists"


async def adds(shop: House, **wanted: Any) -> Response:
    body = {"bw_paise": 200, "color_paise": 1000, **wanted}
    return await shop.api.post(PRICES, json=body, headers=shop.staff)


async def versions(shop: House) -> list[dict[str, Any]]:
    answer = await shop.api.get(PRICES, headers=shop.staff)
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_new_list_quotes_from_now_on_and_old_quotes_keep_their_price(
    shop: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    before = await ordered(shop, customer, pages=3, copies=2)
    assert before["total_paise"] == 1200
    assert [item["made_by"] for item in await versions(shop)] == [""]

    slabs = [{"beyond": 4, "rate_paise": 100}]
    rate = {"ink": "bw", "paper": "A4", "two_sided": False, "rate_paise": 300, "slabs": slabs}
    added = await adds(shop, bw_paise=300, rates=[rate])
    assert added.status_code == 201, added.text
    assert (added.json()["version"], added.json()["in_force"]) == (2, True)
    other = await shop.outside.newcomer()
    await other.replies("Hi", "Print Shop")
    after = await ordered(shop, other, pages=3, copies=2)

    assert after["total_paise"] == 4 * 300 + 2 * 100
    assert (await shop.order_of(customer))["total_paise"] == 1200
    [said] = await shop.sql(
        "SELECT actor, data FROM audit_log WHERE subject = 'price_list:2' AND shop_id = %s",
        shop.inside.settings.default_shop_id,
    )
    assert said["actor"] == "user:token tests"
    assert said["data"]["rates"][0]["slabs"] == slabs
    assert (await shop.inside.reports.broken_invariants())[
        "I16 a quote is what its price list gives"
    ] == []


async def test_a_planned_list_waits_for_its_day_by_the_database_clock(shop: House) -> None:
    start = datetime.now(UTC) + timedelta(days=30)
    planned = await adds(shop, bw_paise=500, starts_at=start.isoformat())
    assert (planned.status_code, planned.json()["in_force"]) == (201, False)
    now = await adds(shop, bw_paise=250)
    items = await versions(shop)
    assert [item["version"] for item in items if item["in_force"]] == [now.json()["version"]]

    # A later-added list does not cancel the planned one: its day comes, and it holds.
    await shop.sql("ALTER TABLE price_lists DISABLE TRIGGER refuse_change")
    await shop.sql(
        "UPDATE price_lists SET starts_at = clock_timestamp() WHERE version = %s",
        planned.json()["version"],
    )
    await shop.sql("ALTER TABLE price_lists ENABLE TRIGGER refuse_change")
    items = await versions(shop)
    assert [item["bw_paise"] for item in items if item["in_force"]] == [500]


async def test_the_settings_do_not_overrule_a_list_a_person_made(shop: House) -> None:
    await adds(shop, bw_paise=260)
    count = len(await versions(shop))
    settings = shop.inside.settings
    async with shop.inside.unit_of_work("system:start") as tx:
        await tx.shops.ensure(
            (await tx.shops.first_id()),
            code="main",
            name="x",
            bw=settings.price_bw,
            color=settings.price_color,
        )
    assert len(await versions(shop)) == count


@pytest.mark.parametrize(
    "wrong",
    [
        {"bw_paise": 2.0},
        {"bw_paise": "200"},
        {"bw_paise": -1},
        {"bw_paise": 0},
        {"bw_paise": 10**18},
        {"bw_paise": None},
        {"bw_paise": 5000},
        {"minimum": 500},
        {"rates": [{"ink": "gold", "rate_paise": 1}]},
        {"rates": [{"ink": "bw", "paper": "A0", "rate_paise": 100}]},
        {"rates": [{"ink": "bw", "paper": "A4", "rate_paise": 100}]},
        {"rates": [{"ink": "bw", "paper": "A3", "rate_paise": 100, "slab": []}]},
        {"rates": "cheap"},
        {"starts_at": "tomorrow"},
        {"starts_at": "2031-01-01T00:00:00"},
        {"starts_at": "2020-01-01T00:00:00Z"},
    ],
)
async def test_wrong_prices_are_refused_and_nothing_changes(
    shop: House, wrong: dict[str, Any]
) -> None:
    before = await shop.snapshot()
    answer = await adds(shop, **wrong)

    assert answer.status_code == 422, answer.text
    assert set(answer.json()) == {"error", "detail"}
    assert await shop.snapshot() == before


async def test_only_the_owner_adds_prices(shop: House) -> None:
    body = {"bw_paise": 200, "color_paise": 1000}
    assert (await shop.api.post(PRICES, json=body)).status_code == 401
    worker = await shop.api.post(PRICES, json=body, headers=shop.worker().key)
    assert worker.status_code == 403
    name, count = f"Ravi {uuid4()}", len(await versions(shop))
    await shop.inside.staff.add_user(name, "a long password", role="operator")
    session = await shop.inside.staff.sign_in(name, "a long password")
    assert session is not None
    headers = {"Cookie": f"staff={session[0]}", "X-CSRF": session[1]}
    assert (await shop.api.get(PRICES, headers=headers)).status_code == 200
    answer = await shop.api.post(PRICES, json=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert len(await versions(shop)) == count


async def test_a_quote_that_its_list_does_not_give_is_found(
    shop: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer, pages=2, copies=3)
    promise = "I16 a quote is what its price list gives"
    try:
        await shop.sql("ALTER TABLE quotes DISABLE TRIGGER refuse_change")
        await shop.sql("UPDATE quotes SET copies = 4 WHERE id = %s", order["quote_id"])
        broken = await shop.inside.reports.broken_invariants()
        assert [row.split()[0] for row in broken[promise]] == [str(order["quote_id"])]
    finally:
        await shop.sql("UPDATE quotes SET copies = 3 WHERE id = %s", order["quote_id"])
        await shop.sql("ALTER TABLE quotes ENABLE TRIGGER refuse_change")
    assert (await shop.inside.reports.broken_invariants())[promise] == []
