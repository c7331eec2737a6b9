"""Closing a day: what it counts, what it refuses, and that no rupee is in two reports or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from httpx2 import Response

from tests.backend.services.questions import ask
from tests.backend.services.seeds import customer_who_paid, ordered, paid
from tests.support.outside import Bank, Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAYS = "/api/v1/dashboard/days"


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(shop: House) -> AsyncIterator[House]:
    """The shop with no closed day, and nothing that moved before this story."""
    yield shop
    await shop.sql("ALTER TABLE day_reports DISABLE TRIGGER refuse_change")
    await shop.sql("DELETE FROM day_reports")
    await shop.sql("ALTER TABLE day_reports ENABLE TRIGGER refuse_change")


async def today(shop: House) -> date:
    return await shop.inside.days.today(await shop.one("SELECT id FROM shops"))


async def looks(shop: House, day: date) -> dict[str, Any]:
    answer = await shop.api.get(f"{DAYS}/{day}", headers=shop.staff)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def closes(
    shop: House, day: date | str, cash: object, note: object = "", *, key: str | None = None
) -> Response:
    headers = {**shop.staff, "Idempotency-Key": key if key is not None else str(uuid4())}
    body = {"cash_counted_paise": cash, "note": note}
    return await shop.api.post(f"{DAYS}/{day}/close", json=body, headers=headers)


async def takes_cash(shop: House, customer: Customer) -> int:
    """An order paid at the counter; what it brought."""
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer)
    await shop.api.post(
        f"/api/v1/dashboard/orders/{order['id']}/cash",
        json={"amount_paise": order["total_paise"]},
        headers=shop.staff,
    )
    return int(order["total_paise"])


async def test_a_day_counts_what_moved_and_agrees_with_the_bank(
    fresh: House, customer: Customer
) -> None:
    day = await today(fresh)
    before = await looks(fresh, day)
    order, _ = await customer_who_paid(fresh, customer, pages=3, copies=2)
    other = await fresh.outside.newcomer()
    cash = await takes_cash(fresh, other)
    assert await fresh.prints(customer) == ["thesis.pdf"]
    await fresh.refund(order["id"], 300, key=str(uuid4()))
    await fresh.quiet(within=300)
    after = await looks(fresh, day)

    def gained(*path: str) -> Any:
        one, two = before["figures"], after["figures"]
        for name in path:
            one, two = one.get(name, {}), two.get(name, {})
        return two - (one or 0)

    assert after["status"] == "open"
    assert gained("captured", "online_paise") == 1200
    assert gained("captured", "cash_paise") == cash == 800
    assert gained("refunds", "requested_paise") == 300
    assert gained("paper", "sheets") == gained("paper", "bw_sides") == 6
    assert gained("paper", "color_sides") == 0
    assert gained("uncollected", "count") == 1
    assert gained("orders", "total") == 2
    refunds = after["figures"]["refunds"]
    back = gained("refunds", "processed_paise")
    assert (
        back + refunds["in_progress_paise"] - before["figures"]["refunds"]["in_progress_paise"]
        == 300
    )
    assert gained("revenue_paise") == 2000 - back
    provider = after["figures"]["provider"]
    assert (provider["status"], provider["differs"]) == ("compared", False)
    assert provider["ours_paise"] == provider["theirs_paise"]


async def test_dollars_are_not_added_to_rupees(fresh: House, customer: Customer) -> None:
    day = await today(fresh)
    before = (await looks(fresh, day))["figures"]
    item = await ask(fresh, customer, "wrong_currency")
    order = await fresh.order_of(customer)
    assert (await fresh.refund(order["id"], 800, key=str(uuid4()))).status_code == 202
    asked = (await looks(fresh, day))["figures"]
    await fresh.quiet(within=5)
    failed = (await looks(fresh, day))["figures"]

    # The bank did not take the refund, as it has no dollars: asked for and failed.
    assert [row["status"] for row in await fresh.refunds_of(customer)] == ["FAILED"]
    for after in (asked, failed):
        assert after["refunds"] == before["refunds"]
        counted = {**before["captured"]}
        counted["other_currency_count"] += 1
        assert after["captured"] == counted
        assert item["subject"].removeprefix("payment:") not in str(after["provider"])
        assert after["provider"]["ours_paise"] == before["provider"]["ours_paise"]


async def test_a_payment_the_bank_does_not_know_is_a_difference_with_its_name(
    fresh: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    await paid(fresh, customer)  # settled here, never paid at the bank
    [payment] = [p for p in await fresh.payments_of(customer) if p["status"] == "CAPTURED"]
    day = await today(fresh)
    found = await looks(fresh, day)

    provider = found["figures"]["provider"]
    assert provider["differs"] is True
    named = [row["id"] for row in provider["unknown_there"]["first"]]
    assert payment["rzp_payment_id"] in named
    expected = found["cash_expected_paise"]
    refused = await closes(fresh, day, expected)
    assert (refused.status_code, refused.json()["error"]) == (422, "note_needed")
    assert (await closes(fresh, day, expected, "Razorpay lists it tomorrow")).status_code == 201


async def test_money_at_the_bank_that_no_door_has_seen_is_a_difference(
    fresh: House, customer: Customer, bank: Bank
) -> None:
    await customer.replies("Hi", "Print Shop")
    await ordered(fresh, customer)
    pay_here = (await customer.hears("Pay here"))["links"][0]
    events = await bank.holds_back(pay_here)
    [payment] = await bank.payments(pay_here)
    day = await today(fresh)
    provider = (await looks(fresh, day))["figures"]["provider"]
    assert {"id": payment["id"], "paise": 800} in provider["unknown_here"]["first"]
    assert provider["differs"] is True

    for event in events:
        await bank.delivers(event)
    await fresh.quiet()
    provider = (await looks(fresh, day))["figures"]["provider"]
    assert payment["id"] not in str(provider)
    # Had we written another amount down, its name would stand here.
    await fresh.sql(
        "UPDATE payments SET captured_paise = 801 WHERE rzp_payment_id = %s", payment["id"]
    )
    provider = (await looks(fresh, day))["figures"]["provider"]
    assert {"id": payment["id"], "paise": 801} in provider["other_amount"]["first"]
    await fresh.sql(
        "UPDATE payments SET captured_paise = 800 WHERE rzp_payment_id = %s", payment["id"]
    )


async def test_a_bank_that_is_down_stops_nobody_from_closing(fresh: House) -> None:
    day = await today(fresh)
    await fresh.outside.trouble("razorpay.payments.list", "error", times=9, status=503)
    found = await looks(fresh, day)
    assert found["figures"]["provider"]["status"] == "unavailable"
    answer = await closes(fresh, day, found["cash_expected_paise"])
    assert answer.status_code == 201, answer.text


async def test_a_shop_without_a_bank_says_so_and_can_close_its_day(fresh: House) -> None:
    day = await today(fresh)
    gateway, fresh.inside.days._gateway = fresh.inside.days._gateway, None
    try:
        found = await looks(fresh, day)
        assert found["figures"]["provider"] == {"status": "not_configured"}
        answer = await closes(fresh, day, found["cash_expected_paise"])
    finally:
        fresh.inside.days._gateway = gateway
    assert answer.status_code == 201, answer.text


async def test_closing_writes_a_report_that_nobody_changes(
    fresh: House, customer: Customer
) -> None:
    cash = await takes_cash(fresh, customer)
    day, key = await today(fresh), str(uuid4())
    expected = (await looks(fresh, day))["cash_expected_paise"]
    assert expected >= cash

    before = await fresh.snapshot()
    short = await closes(fresh, day, expected - 50, key=key)
    assert (short.status_code, short.json()["error"]) == (422, "note_needed")
    assert await fresh.snapshot() == before

    closed = await closes(fresh, day, expected - 50, " half a rupee is lost ", key=key)
    assert closed.status_code == 201, closed.text
    report = closed.json()
    assert (report["number"], report["cash_difference_paise"]) == (1, -50)
    assert (report["note"], report["closed_by"]) == ("half a rupee is lost", "user:token tests")
    assert report["figures"]["cash_expected_paise"] == expected
    again = await closes(fresh, day, expected - 50, "half a rupee is lost", key=key)
    assert (again.status_code, again.json()["id"]) == (201, report["id"])
    other = await closes(fresh, day, expected, key=key)
    assert (other.status_code, other.json()["error"]) == (409, "key_reused")
    twice = await closes(fresh, day, expected)
    assert (twice.status_code, twice.json()["error"]) == (409, "day_closed")
    assert await fresh.one("SELECT count(*) FROM day_reports") == 1
    assert (await looks(fresh, day))["number"] == 1
    listed = await fresh.api.get(DAYS, headers=fresh.staff)
    assert [item["id"] for item in listed.json()["items"]] == [report["id"]]
    assert (
        await fresh.one(
            "SELECT count(*) FROM audit_log WHERE action = 'day.close' AND subject = %s "
            "AND reason = 'half a rupee is lost'",
            f"day:{day}",
        )
        == 1
    )
    for change in ("UPDATE day_reports SET note = ''", "DELETE FROM day_reports"):
        with pytest.raises(psycopg.errors.CheckViolation, match="never changed"):
            await fresh.sql(change)


async def test_late_money_falls_into_the_next_open_day(fresh: House, customer: Customer) -> None:
    try:
        await fresh.sql("UPDATE shops SET timezone = 'Etc/GMT+12'")
        day = await today(fresh)
        expected = (await looks(fresh, day))["cash_expected_paise"]
        first = (await closes(fresh, day, expected, "as it is")).json()

        late = await takes_cash(fresh, customer)
        assert (await looks(fresh, day))["figures"]["captured"] == first["figures"]["captured"]
        await fresh.sql("UPDATE shops SET timezone = 'Pacific/Kiritimati'")
        following = await today(fresh)
        assert following > day
        answer = await closes(fresh, following, late)
        assert answer.status_code == 201, answer.text
        second = answer.json()

        assert (first["number"], second["number"]) == (1, 2)
        assert second["starts_at"] == first["ends_at"]
        assert second["figures"]["captured"]["cash_paise"] == late
    finally:
        await fresh.sql("UPDATE shops SET timezone = 'Asia/Kolkata'")


async def test_a_day_that_was_passed_over_is_covered_by_the_next_report(fresh: House) -> None:
    try:
        await fresh.sql("UPDATE shops SET created_at = created_at - interval '9 days'")
        await fresh.sql("UPDATE shops SET timezone = 'Pacific/Kiritimati'")
        day = await today(fresh)
        expected = (await looks(fresh, day - timedelta(days=3)))["cash_expected_paise"]
        assert expected == 0
        old = await closes(fresh, day - timedelta(days=3), 0)
        assert old.status_code == 201, old.text
        assert old.json()["ends_at"] < old.json()["closed_at"]
        found = await looks(fresh, day)
        assert found["starts_at"] == old.json()["ends_at"]
        now = await closes(fresh, day, found["cash_expected_paise"], "as it is")
        assert now.status_code == 201, now.text

        passed = await looks(fresh, day - timedelta(days=1))
        assert (passed["status"], passed["covered_by"]) == ("covered", 2)
        for back in (1, 2, 3, 5):
            refused = await closes(fresh, day - timedelta(days=back), 0, "x")
            assert (refused.status_code, refused.json()["error"]) == (409, "day_closed")
        assert await fresh.one("SELECT count(*) FROM day_reports") == 2

        numbers: list[int] = []
        more: str | None = ""
        while more is not None:
            answer = await fresh.api.get(
                DAYS, params={"limit": 1, "cursor": more}, headers=fresh.staff
            )
            [item] = answer.json()["items"]
            numbers, more = [*numbers, item["number"]], answer.json()["next"]
        assert numbers == [2, 1]
    finally:
        await fresh.sql("UPDATE shops SET timezone = 'Asia/Kolkata'")
        await fresh.sql("UPDATE shops SET created_at = created_at + interval '9 days'")


async def test_ten_clicks_at_once_close_one_day(fresh: House) -> None:
    day = await today(fresh)
    expected = (await looks(fresh, day))["cash_expected_paise"]
    answers = await asyncio.gather(*(closes(fresh, day, expected, "x") for _ in range(10)))
    same = await asyncio.gather(*(closes(fresh, day, expected, "x", key="k") for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 9]
    assert [answer.status_code for answer in same] == [409] * 3
    assert await fresh.one("SELECT count(*) FROM day_reports") == 1


async def test_money_on_its_way_while_a_day_is_closed_is_in_exactly_one_report(
    fresh: House, customer: Customer
) -> None:
    """A capture that has not committed when the day is closed: the closing waits for it."""
    await customer.replies("Hi", "Print Shop")
    order = await ordered(fresh, customer)
    day = await today(fresh)
    before = (await looks(fresh, day))["figures"]["captured"]["online_paise"]
    async with fresh.inside.database.pool.connection() as slow, slow.transaction():
        await slow.execute(
            "UPDATE payments SET status = 'CAPTURED', captured_paise = 800, disposition = "
            "'ATTENTION', captured_at = clock_timestamp(), rzp_payment_id = 'pay_slow' "
            "WHERE reference_id = %s",
            [order["reference_id"]],
        )
        closing = asyncio.create_task(closes(fresh, day, 10**6, "counted twice"))
        for _ in range(500):
            if await fresh.one(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            ):
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError("the closing did not wait")
        assert not closing.done()
    report = (await closing).json()

    assert report["figures"]["captured"]["online_paise"] == before + 800
    await fresh.sql(
        "INSERT INTO attention_items (shop_id, kind, subject) "
        "SELECT id, 'test', 'payment:pay_slow' FROM shops"
    )


@pytest.mark.parametrize(
    ("cash", "note"),
    [(-1, "x"), (1.5, "x"), ("100", "x"), (None, "x"), (10**18, "x"), (0, None), (0, "n" * 501)],
)
async def test_wrong_counts_are_named_and_nothing_changes(
    fresh: House, cash: object, note: object
) -> None:
    before = await fresh.snapshot()
    answer = await closes(fresh, await today(fresh), cash, note)

    assert answer.status_code == 422, answer.text
    assert set(answer.json()) == {"error", "detail"}
    assert await fresh.snapshot() == before


async def test_days_nobody_can_close(fresh: House) -> None:
    before = await fresh.snapshot()
    day = await today(fresh)
    for wrong in (day + timedelta(days=1), "9999-12-31", "0001-01-01", "2001-02-03", "2026-13-01"):
        answer = await closes(fresh, wrong, 0, "x")
        assert answer.status_code == 422, (wrong, answer.text)
        looked = await fresh.api.get(f"{DAYS}/{wrong}", headers=fresh.staff)
        assert looked.status_code == 422, (wrong, looked.text)
    keyless = await fresh.api.post(
        f"{DAYS}/{day}/close", json={"cash_counted_paise": 0}, headers=fresh.staff
    )
    assert keyless.status_code == 400
    assert (await fresh.api.get(f"{DAYS}/{day}")).status_code == 401
    assert await fresh.snapshot() == before


async def test_another_shop_sees_nothing_of_this_one(fresh: House, customer: Customer) -> None:
    await customer_who_paid(fresh, customer)
    day = await today(fresh)
    assert (await closes(fresh, day, 10**6, "as it is")).status_code == 201
    other = await fresh.one("INSERT INTO shops (code, name) VALUES ('two', 'Two') RETURNING id")
    try:
        theirs = await fresh.inside.days.day(other, day)
        assert (theirs.status, theirs.figures["revenue_paise"]) == ("open", 0)
        assert theirs.figures["captured"] == {
            "online_count": 0,
            "online_paise": 0,
            "cash_count": 0,
            "cash_paise": 0,
            "other_currency_count": 0,
        }
        assert theirs.figures["orders"]["total"] == theirs.figures["paper"]["sheets"] == 0
        assert theirs.figures["provider"]["unknown_here"]["count"] == 0
        assert await fresh.inside.days.reports(other) == ([], None)
    finally:
        await fresh.sql("DELETE FROM shops WHERE id = %s", other)
