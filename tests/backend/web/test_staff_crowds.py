"""The staff pages on a day with more of everything than one page holds."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from app.repositories.reports import Reports
from app.services import report_service
from app.web import staff
from tests.backend.web.counter import Counter
from tests.backend.web.test_staff_pages import column


async def test_a_full_column_keeps_the_oldest_and_says_how_many_more_there_are(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_service, "MAX_COLUMN", 2)
    await counter.hire()
    first = await counter.paid("Meera")
    waiting = [await counter.asked("Ravi") for _ in range(4)]
    async with counter.signed_in() as browser:
        page = await browser.get("/staff")

    shown = [order.code in column(page, "waiting") for order in waiting]
    assert shown == [True, True, False, False]
    assert "<span>4</span>" in column(page, "waiting")
    assert 'href="/staff/orders?show=waiting">2 more, in the list</a>' in column(page, "waiting")
    # Orders that came later crowd nobody out.
    assert first.token in column(page, "to-print")
    assert "more, in the list" not in column(page, "to-print")


async def test_the_board_counts_today_as_the_figures_do_and_asks_nothing_of_other_days(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    await counter.hire()
    old, today = await counter.paid("Meera"), await counter.paid("Priya", copies=1)
    await counter.asked("Ravi")
    await counter.shop.refunds.request(
        counter.shop_id, today.id, amount_paise=100, reason="light", key="k", by="user:Ganesh"
    )
    async with counter.shop.unit_of_work("system:test") as tx:
        for sql in (
            "UPDATE orders SET created_at = created_at - interval '1 day' WHERE id = :id",
            "UPDATE payments SET captured_at = captured_at - interval '1 day' WHERE order_id = :id",
        ):
            await tx.session.execute(text(sql), {"id": old.id})
    figures = await counter.shop.reports.stats(counter.shop_id, None, None)

    async def refused(*_: object) -> None:
        raise AssertionError("every page would count all of history")

    monkeypatch.setattr(Reports, "stats", refused)
    board = await counter.shop.reports.board(counter.shop_id)
    assert (figures["orders"]["total"], board.orders_today) == (3, figures["orders"]["today"])
    assert board.orders_today == 2
    assert board.revenue_today_paise == figures["revenue_paise"]["today"] == 2800 - 100
    async with counter.signed_in() as browser:
        assert (await browser.get("/staff")).status_code == 200


async def test_every_question_can_be_answered_however_many_there_are(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff, "PAGE_SIZE", 2)
    await counter.hire()
    order = await counter.asked()
    async with counter.shop.unit_of_work("system:test") as tx:
        for number in range(5):
            await tx.messages.open_item(
                shop_id=counter.shop_id,
                kind="wants_a_person",
                subject=f"message:{number}",
                order_id=order.id if number == 3 else None,
            )
    entries, _ = await counter.shop.attention.page(counter.shop_id)
    ids = [str(entry.item.id) for entry in entries]
    answers = re.compile(r'action="/staff/attention/([^/]+)/resolve"')
    later = re.compile(r'href="(/staff/attention\?cursor=[^"]+)"')
    async with counter.signed_in() as browser:
        found, path = [], "/staff/attention"
        while path:
            page = await browser.get(path)
            assert 'id="badge" data-region>5<' in page.text
            found.append(answers.findall(page.text))
            path = next(iter(later.findall(page.text)), "")
        assert found == [ids[:2], ids[2:4], ids[4:]]

        story = await browser.get(f"/staff/orders/{order.id}")
        [path] = re.findall(r'href="(/staff/attention\?item=[^"]+)"', story.text)
        assert answers.findall((await browser.get(path)).text) == ids[3:]
        nonsense = await browser.get("/staff/attention?item=nonsense")
        assert answers.findall(nonsense.text) == ids[:2]
