"""Deciding on the staff pages: answers to questions, cash at the counter, each exactly once."""

from __future__ import annotations

import asyncio
import html
import re
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from app.domain.attention import KINDS, Resolution
from app.domain.errors import NotAllowed
from app.models_orders import Order
from app.services.capture_service import Seen
from app.web.text import LANGUAGES, bundle, t
from tests.backend.web.counter import OWNER, Counter, csrf_of


async def wrongly_paid(counter: Counter, paise: int = 6000) -> tuple[Order, UUID]:
    """An order of ₹56 for which another amount came: (order, item)."""
    order = await counter.asked("Ravi")
    async with counter.shop.unit_of_work("system:test") as tx:
        [intent] = await tx.payments.of_order(order.id)
    await counter.shop.captures.settle(
        Seen(
            payment_id=f"pay_{order.code}",
            amount_paise=paise,
            currency="INR",
            method="upi",
            reference_id=intent.reference_id or "",
        ),
        door="webhook",
    )
    return order, await the_item(counter)


async def the_item(counter: Counter) -> UUID:
    [entry] = (await counter.shop.attention.page(counter.shop_id))[0]
    return entry.item.id


async def jobs_of(counter: Counter, order: Order) -> list[str]:
    async with counter.shop.unit_of_work("system:test") as tx:
        return [job.status for job in await tx.orders.jobs(order.id)]


async def money_of(counter: Counter, order: Order) -> list[tuple[str, int, str]]:
    """(disposition, paise, who took it) of everything that was captured for an order."""
    async with counter.shop.unit_of_work("system:test") as tx:
        return [
            (row.disposition or "", row.captured_paise, row.captured_by)
            for row in await tx.payments.of_order(order.id)
            if row.status == "CAPTURED"
        ]


async def sends(
    browser: httpx2.AsyncClient, page: httpx2.Response, path: str, **fields: str
) -> httpx2.Response:
    return await browser.post(path, data={"csrf": csrf_of(page), **fields})


# Answers


async def test_an_item_offers_its_answers_and_one_closes_it(counter: Counter) -> None:
    await counter.hire()
    order, item = await wrongly_paid(counter)
    async with counter.signed_in() as browser:
        page = await browser.get("/staff/attention")
        shown = html.unescape(page.text)
        assert re.findall(r'name="resolution" value="(\w+)"', shown) == [
            "refund",
            "print_it",
            "keep_as_credit",
        ]
        assert 'value="60"' in shown, "the amount that is left stands in the field"
        path = f"/staff/attention/{item}/resolve"
        answered = await sends(browser, page, path, resolution="print_it")
        assert answered.status_code == 303
        done = await browser.get(answered.headers["location"])
        assert "Done: Print it all the same" in done.text
        assert "Nothing needs you. Nice." in done.text
        again = await sends(browser, page, path, resolution="print_it")
        assert again.status_code == 303, "the second click finds what the first did"
        late = await sends(browser, page, path, resolution="refund", note="x", amount="60")
        assert late.status_code == 409
        assert "Somebody was faster" in late.text
    assert await jobs_of(counter, order) == ["QUEUED"]
    assert await money_of(counter, order) == [("FULFILS", 6000, "system:webhook")]


async def test_credit_is_shown_with_the_order(counter: Counter) -> None:
    await counter.hire()
    order, item = await wrongly_paid(counter)
    async with counter.signed_in() as browser:
        page = await browser.get("/staff/attention")
        path = f"/staff/attention/{item}/resolve"
        await sends(browser, page, path, resolution="keep_as_credit", note="<b>next</b> week")
        story = await browser.get(f"/staff/orders/{order.id}")
    assert "Keep as credit" in story.text
    assert "&lt;b&gt;next&lt;/b&gt; week" in story.text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"resolution": "refund", "note": "x", "amount": "60.001"}, 422),
        ({"resolution": "refund", "note": "x", "amount": "-60"}, 422),
        ({"resolution": "refund", "note": "x", "amount": "0"}, 422),
        ({"resolution": "refund", "note": "x", "amount": "1e3"}, 422),
        ({"resolution": "refund", "note": "x", "amount": "61"}, 409),
        ({"resolution": "refund", "note": "", "amount": "60"}, 422),
        ({"resolution": "keep_as_credit"}, 422),
        ({"resolution": "seen", "note": "x"}, 409),
        ({"resolution": "nonsense"}, 422),
        ({}, 422),
    ],
)
async def test_a_wrong_answer_changes_nothing(
    counter: Counter, fields: dict[str, str], status: int
) -> None:
    await counter.hire()
    order, item = await wrongly_paid(counter)
    async with counter.signed_in() as browser:
        page = await browser.get("/staff/attention")
        answered = await sends(browser, page, f"/staff/attention/{item}/resolve", **fields)
        assert answered.status_code == status
        assert "Nothing was changed." in answered.text
        nowhere = await sends(
            browser, page, f"/staff/attention/{uuid4()}/resolve", resolution="print_it"
        )
        assert nowhere.status_code == 404
    assert await the_item(counter) == item
    assert await jobs_of(counter, order) == []
    assert await money_of(counter, order) == [("ATTENTION", 6000, "system:webhook")]


async def test_only_our_own_form_of_somebody_who_may_change_things_decides(
    counter: Counter,
) -> None:
    await counter.hire()
    await counter.hire("Vik", role="viewer")
    order, item = await wrongly_paid(counter)
    cash = await counter.asked("Meera")
    paths = (f"/staff/attention/{item}/resolve", f"/staff/orders/{cash.id}/cash")
    fields = {"resolution": "print_it", "amount": "56"}
    async with counter.browser() as stranger:
        for path in paths:
            assert (await stranger.post(path, data=fields)).status_code == 303
    async with counter.signed_in() as browser:
        for path in paths:
            assert (await browser.post(path, data={"csrf": "x", **fields})).status_code == 403
    async with counter.signed_in("Vik") as viewer:
        page = await viewer.get("/staff/attention")
        assert 'name="resolution"' not in page.text
        assert "Take cash" not in (await viewer.get("/staff")).text
        for path in paths:
            assert (await sends(viewer, page, path, **fields)).status_code == 403
    assert await jobs_of(counter, order) == []
    assert await money_of(counter, cash) == []


# Cash


async def test_cash_is_one_tap_with_the_amount_filled_in(counter: Counter) -> None:
    await counter.hire()
    order = await counter.asked("Meera")
    path = f"/staff/orders/{order.id}/cash"
    async with counter.signed_in() as browser:
        page = await browser.get("/staff")
        assert f'action="{path}"' in page.text
        assert f'id="cash-{order.id}" value="56"' in page.text
        assert f'action="{path}"' in (await browser.get(f"/staff/orders/{order.id}")).text
        took = await sends(browser, page, path, amount="56.00")
        assert took.status_code == 303
        board = await browser.get(took.headers["location"])
    token = (await counter.now(order)).token
    assert f"₹56 taken. The number is {token}" in board.text
    assert await money_of(counter, order) == [("FULFILS", 5600, f"user:{OWNER}")]
    assert await jobs_of(counter, order) == ["QUEUED"]


async def test_a_double_click_takes_cash_once(counter: Counter) -> None:
    await counter.hire()
    order = await counter.asked("Meera")
    async with counter.signed_in() as browser:
        page = await browser.get("/staff")
        answers = await asyncio.gather(
            *(sends(browser, page, f"/staff/orders/{order.id}/cash", amount="56") for _ in range(4))
        )
    assert sorted(each.status_code for each in answers) == [303, 409, 409, 409]
    assert await money_of(counter, order) == [("FULFILS", 5600, f"user:{OWNER}")]


@pytest.mark.parametrize("amount", ["55", "57", "0", "-56", "56.001", "5.6e1", "", "fifty"])
async def test_another_amount_than_the_price_is_not_taken(counter: Counter, amount: str) -> None:
    await counter.hire()
    order = await counter.asked("Meera")
    async with counter.signed_in() as browser:
        page = await browser.get("/staff")
        took = await sends(browser, page, f"/staff/orders/{order.id}/cash", amount=amount)
    assert took.status_code == 422
    assert f"{order.code} costs ₹56; take exactly that." in took.text
    assert await money_of(counter, order) == []
    assert (await counter.now(order)).status == "PAYMENT_PENDING"


async def test_cash_needs_an_order_that_waits(counter: Counter) -> None:
    for order in (await counter.asked(priced=False), await counter.paid(), await counter.ready()):
        with pytest.raises(NotAllowed):
            await counter.shop.desk.take_cash(
                counter.shop_id, order.id, amount_paise=5600, by=f"user:{OWNER}"
            )


# Words


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_question_and_answer_has_its_words(language: str) -> None:
    texts: Any = bundle("pages", language)
    for kind in KINDS:
        assert "hint" in texts.get_message(f"need-{kind.replace('_', '-')}").attributes, kind
    for resolution in Resolution:
        assert texts.has_message(f"answer-{resolution.value.replace('_', '-')}"), resolution


async def test_programs_read_the_sentence_that_staff_read() -> None:
    for name, kind in KINDS.items():
        assert t(f"need-{name.replace('_', '-')}.hint") == kind.asks
