"""Bills for scripts: one order's, a day's, and an invoice that was asked for."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from app.domain.bills import GstMode
from app.domain.errors import NotFound
from tests.backend.services.seeds import crowd, ordered, paid
from tests.support.outside import Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDERS = "/api/v1/dashboard/orders"
BILLS = "/api/v1/dashboard/bills"
GSTIN = "27AAPFU0939F1ZV"


async def test_bills_as_data(shop: House) -> None:
    """One story, in order: a shop without GST, then registered."""
    reader, waiting = await crowd(shop, 2)
    order = await paid(shop, reader)
    answer = await shop.api.get(f"{ORDERS}/{order['id']}/bill", headers=shop.staff)
    assert answer.status_code == 200
    found = answer.json()
    bill = found["bill"]
    assert (found["day_invoice"], found["notes"]) == (None, [])
    assert (bill["kind"], bill["amount_paise"], bill["cgst_paise"]) == ("RECEIPT", 800, 0)
    assert (bill["order"], bill["token"], bill["method"]) == (order["code"], order["token"], "upi")
    assert (bill["place_of_supply"], bill["gstin"]) == ("", "")
    assert sum(line["amount_paise"] for line in bill["lines"]) == 800

    detail = (await shop.api.get(f"{ORDERS}/{order['id']}", headers=shop.staff)).json()
    assert [each["label"] for each in detail["bills"]] == [bill["label"]]
    day = bill["day"]
    listed = await shop.api.get(BILLS, params={"from": day, "to": day}, headers=shop.staff)
    assert bill["label"] in [each["label"] for each in listed.json()["items"]]

    refused = await shop.api.post(f"{ORDERS}/{order['id']}/invoice", headers=shop.staff)
    assert (refused.status_code, refused.json()["error"]) == (409, "not_allowed")
    unpaid = await ordered(shop, waiting)
    for missing in (unpaid["id"], uuid4()):
        for method, path in (("GET", "bill"), ("POST", "invoice")):
            answer = await shop.api.request(
                method, f"{ORDERS}/{missing}/{path}", headers=shop.staff
            )
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert await count(shop, order["id"]) == 1

    await _registered(shop, reader)


async def _registered(shop: House, reader: Customer) -> None:
    main = UUID(shop.settings.default_shop_id)
    await shop.inside.bills.set_gst(
        main, by="user:Ganesh", mode=GstMode.REGISTERED, gstin=GSTIN, rate_bp=1800
    )
    order = await paid(shop, reader)
    made, again = [
        await shop.api.post(f"{ORDERS}/{order['id']}/invoice", headers=shop.staff) for _ in "ab"
    ]
    assert (made.status_code, again.status_code) == (200, 200)
    assert made.json() == again.json()
    invoice = made.json()
    assert invoice["label"].startswith("T/")
    assert invoice["place_of_supply"] == "Maharashtra (27)"
    assert [invoice[f"{part}_paise"] for part in ("amount", "taxable", "cgst", "sgst")] == [
        800,
        678,
        61,
        61,
    ]
    assert await count(shop, order["id"]) == 2
    # The shop of the other stories of this module is as they expect it again.
    await shop.inside.bills.set_gst(main, by="user:Ganesh", mode=GstMode.UNREGISTERED)


async def count(shop: House, order_id: Any) -> int:
    found = await shop.one("SELECT count(*) FROM bills WHERE order_id = %s", order_id)
    return int(found)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 422),
        ({"from": "2026-11-24"}, 422),
        ({"from": "yesterday", "to": "2026-11-24"}, 422),
        ({"from": "2026-11-25", "to": "2026-11-24"}, 422),
        ({"from": "2020-01-01", "to": "2026-11-24"}, 422),
        ({"from": "2026-11-24", "to": "2026-11-24"}, 200),
    ],
)
async def test_a_list_of_days(shop: House, query: dict[str, str], status: int) -> None:
    answer = await shop.api.get(BILLS, params=query, headers=shop.staff)
    assert answer.status_code == status
    assert set(answer.json()) == ({"items", "next"} if status == 200 else {"error", "detail"})


async def test_a_long_list_of_bills_goes_on_where_it_stopped(shop: House) -> None:
    for reader in await crowd(shop, 5):
        await paid(shop, reader)
    span = {name: await shop.one(f"SELECT {name}(day)::text FROM bills") for name in ("min", "max")}
    days = {"from": span["min"], "to": span["max"]}

    async def page(**more: Any) -> Any:
        answer = await shop.api.get(BILLS, params={**days, **more}, headers=shop.staff)
        assert answer.status_code == 200, answer.text
        return answer.json()

    everything = (await page())["items"]
    assert len(everything) >= 5
    found: list[Any] = []
    more: str | None = ""
    while more is not None:
        part = await page(limit=2, cursor=more)
        found, more = found + part["items"], part["next"]
        assert len(part["items"]) <= 2
    assert found == everything
    nonsense = await shop.api.get(BILLS, params={**days, "cursor": "abc"}, headers=shop.staff)
    assert nonsense.status_code == 422


async def test_nobody_reads_bills_without_a_token(shop: House) -> None:
    worker = shop.worker().key
    for method, path in (
        ("GET", f"{ORDERS}/{uuid4()}/bill"),
        ("POST", f"{ORDERS}/{uuid4()}/invoice"),
        ("GET", BILLS),
    ):
        assert (await shop.api.request(method, path)).status_code == 401
        assert (await shop.api.request(method, path, headers=worker)).status_code == 403


async def test_another_shops_bill_is_not_there(shop: House) -> None:
    [reader] = await crowd(shop, 1)
    order = await paid(shop, reader)
    other = uuid4()
    async with shop.inside.unit_of_work("system:test") as tx:
        mine = await tx.shops.first_id()
        tx.session.add(type(await tx.shops.get(mine))(id=other, code="other", name="Other"))
    [bill] = (await shop.inside.reports.story(mine, order["id"])).bills
    with pytest.raises(NotFound):
        await shop.inside.bills.of_order(other, order["id"])
    with pytest.raises(NotFound):
        await shop.inside.bills.one(other, bill.id)
    assert await shop.inside.bills.of_days(other, bill.day, bill.day) == ([], None)
