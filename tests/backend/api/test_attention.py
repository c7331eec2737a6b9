"""The attention list through the HTTP door: reading it, and everything that must not work."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.backend.services.questions import PRICE, answer, ask
from tests.support.outside import Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIST = "/api/v1/dashboard/attention"


async def reads(shop: House, path: str = LIST, **query: Any) -> Any:
    answered = await shop.api.get(path, params=query, headers=shop.staff)
    assert answered.status_code == 200, answered.text
    return answered.json()


async def dump(shop: House) -> dict[str, str]:
    """A hash of every table: equal before and after means that nothing changed."""
    tables = await shop.sql(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN "
        "('sweep_runs', 'api_tokens') AND tablename NOT LIKE 'procrastinate_%%'",
    )
    hashes = {}
    for row in tables:
        name = row["tablename"]
        hashes[name] = await shop.one(
            f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {name} t"
        )
    return hashes


async def test_the_list_shows_the_question_and_its_answers(shop: House, customer: Customer) -> None:
    item = await ask(shop, customer, "wrong_amount")
    [shown] = [
        each for each in (await reads(shop, limit=200))["items"] if each["id"] == str(item["id"])
    ]
    assert (shown["kind"], shown["status"], shown["about"]) == ("wrong_amount", "OPEN", "money")
    assert shown["asks"].startswith("The amount paid is not the amount quoted.")
    assert (shown["amount_paise"], shown["left_paise"]) == (900, 900)
    assert shown["resolutions"] == [
        {"resolution": "refund", "needs_note": True},
        {"resolution": "print_it", "needs_note": False},
        {"resolution": "keep_as_credit", "needs_note": True},
    ]
    assert shown["decided"] is None
    one = await reads(shop, f"{LIST}/{item['id']}")
    order = await shop.order_of(customer)
    assert one["order"]["id"] == str(order["id"])
    assert (one["payment"]["disposition"], one["refunds"], one["jobs"]) == ("ATTENTION", [], [])

    kept = await answer(shop, item, "keep_as_credit", note="next week", amount_paise=900)
    assert kept.status_code == 200
    closed = (await reads(shop, status="closed"))["items"][0]
    assert (closed["id"], closed["decided"]["amount_paise"]) == (str(item["id"]), 900)
    story = await reads(shop, f"/api/v1/dashboard/orders/{order['id']}")
    assert [(each["resolution"], each["note"]) for each in story["decisions"]] == [
        ("keep_as_credit", "next week")
    ]


async def test_the_list_page_by_page_misses_and_repeats_nothing(shop: House) -> None:
    people = [await shop.outside.newcomer() for _ in range(3)]
    [item, *_] = [await ask(shop, person, "wants_a_person") for person in people]
    for status in ("open", "closed"):
        everything = [each["id"] for each in (await reads(shop, status=status, limit=200))["items"]]
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await reads(shop, status=status, limit=2, cursor=cursor)
            seen += [each["id"] for each in page["items"]]
            cursor = page["next"]
        assert seen == everything
        assert str(item["id"]) in seen
        await answer(shop, item, "seen", note="called")
    kinds = {each["kind"] for each in (await reads(shop, kind="wants_a_person"))["items"]}
    assert kinds == {"wants_a_person"}
    assert (await reads(shop, kind="no_such_kind"))["items"] == []


@pytest.mark.parametrize("query", ["status=new", "limit=0", "limit=ten", "cursor=x", "kind=%00"])
async def test_wrong_queries_are_named(shop: House, query: str) -> None:
    answered = await shop.api.get(f"{LIST}?{query}", headers=shop.staff)
    assert answered.status_code == 422
    assert set(answered.json()) == {"error", "detail"}


async def test_what_an_answer_needs_and_that_nothing_else_changes_anything(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "wrong_amount")
    before = await dump(shop)
    money = {"note": "too much"}
    refused: list[tuple[str, dict[str, Any], int]] = [
        ("refund", {}, 422),
        ("refund", {"note": "   "}, 422),
        ("refund", {**money, "amount_paise": 100.5}, 422),
        ("refund", {**money, "amount_paise": 900.0}, 422),
        ("refund", {**money, "amount_paise": "900"}, 422),
        ("refund", {**money, "amount_paise": True}, 422),
        ("refund", {**money, "amount_paise": -1}, 422),
        ("refund", {**money, "amount_paise": 0}, 422),
        ("refund", {**money, "amount_paise": 99}, 422),
        ("refund", {**money, "amount_paise": 901}, 409),
        ("refund", {**money, "amount_paise": 2**53}, 422),
        # A part of it would leave the rest to nobody.
        ("refund", {**money, "amount_paise": 899}, 409),
        ("keep_as_credit", {**money, "amount_paise": 500}, 409),
        ("keep_as_credit", {}, 422),
        ("print_it", {"amount_paise": 900}, 422),
        ("print_it", {"order": "ABC"}, 422),
        ("print_it", {"note": "x" * 501}, 422),
        ("seen", money, 409),
        ("it_printed", {}, 409),
        ("matched_by_hand", money, 409),
        ("matched_by_hand", {**money, "order": "NOSUCH"}, 404),
        ("matched_by_hand", {**money, "order": str(uuid4())}, 404),
        ("burn_it", {}, 422),
        ("", {}, 422),
    ]
    for resolution, more, status in refused:
        answered = await answer(shop, item, resolution, **more)
        assert answered.status_code == status, (resolution, more, answered.text)
        assert set(answered.json()) == {"error", "detail"}
    keyless = await answer(shop, item, "print_it", key=None)
    assert keyless.status_code == 400
    nowhere = await answer(shop, {"id": uuid4()}, "print_it")
    assert (nowhere.status_code, nowhere.json()["error"]) == (404, "not_found")
    assert await dump(shop) == before


async def test_the_same_key_answers_with_the_first_result(shop: House, customer: Customer) -> None:
    item = await ask(shop, customer, "wrong_amount")
    first = await answer(shop, item, "refund", key="click-1", note="sent too much")
    assert first.status_code == 200, first.text
    await shop.quiet()
    before = await dump(shop)
    again = await answer(shop, item, "refund", key="click-1", note="sent too much")
    # What is left has gone; everything the first click did is told as it was.
    assert again.status_code == 200
    assert again.json() == first.json()
    other = await answer(shop, item, "refund", key="click-1", note="another reason")
    assert (other.status_code, other.json()["error"]) == (409, "key_reused")
    closed = await answer(shop, item, "refund", key="click-2", note="sent too much")
    assert (closed.status_code, closed.json()["error"]) == (409, "item_closed")
    assert await dump(shop) == before
    another = await ask(shop, await shop.outside.newcomer(), "wants_a_person")
    reused = await answer(shop, another, "seen", key="click-1", note="sent too much")
    assert (reused.status_code, reused.json()["error"]) == (409, "key_reused")
    assert [row["amount_paise"] for row in await shop.refunds_of(customer)] == [900]


async def test_of_two_people_at_once_one_decides(shop: House) -> None:
    people = [await shop.outside.newcomer() for _ in range(4)]
    items = [await ask(shop, person, "wrong_amount") for person in people]

    async def race(item: dict[str, Any]) -> list[int]:
        answers = await asyncio.gather(
            answer(shop, item, "refund", note="too much"),
            answer(shop, item, "print_it"),
            answer(shop, item, "keep_as_credit", note="next time"),
        )
        return sorted(each.status_code for each in answers)

    assert await asyncio.gather(*map(race, items)) == [[200, 409, 409]] * 4
    await shop.quiet()
    for person, item in zip(people, items, strict=True):
        [decided] = await shop.sql(
            "SELECT * FROM attention_resolutions WHERE item_id = %s", item["id"]
        )
        done = (len(await shop.jobs_of(person)), len(await shop.refunds_of(person)))
        assert (
            done
            == {"refund": (0, 1), "print_it": (1, 0), "keep_as_credit": (0, 0)}[
                decided["resolution"]
            ]
        )


async def test_one_click_made_eight_times_at_once_is_one_refund(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "print_failed")
    answers = await asyncio.gather(
        *(answer(shop, item, "refund", key="eight", note="no toner") for _ in range(8))
    )
    assert {each.status_code for each in answers} == {200}
    await shop.quiet()
    assert [row["amount_paise"] for row in await shop.refunds_of(customer)] == [PRICE]


async def test_another_shops_item_is_not_there(shop: House, customer: Customer) -> None:
    item = await ask(shop, customer, "wants_a_person")
    stranger = await shop.one(
        "INSERT INTO shops (code, name) VALUES ('other', 'Other') RETURNING id"
    )
    await shop.sql("UPDATE attention_items SET shop_id = %s WHERE id = %s", stranger, item["id"])
    before = await dump(shop)
    assert (await answer(shop, item, "seen", note="mine?")).status_code == 404
    looked = await shop.api.get(f"{LIST}/{item['id']}", headers=shop.staff)
    assert looked.status_code == 404
    shown = [each["id"] for each in (await reads(shop, limit=200))["items"]]
    assert str(item["id"]) not in shown
    assert await dump(shop) == before
