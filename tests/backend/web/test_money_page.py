"""The money page: figures of a span, closing the day by hand, and who may."""

from __future__ import annotations

import re
from datetime import date, timedelta

import httpx2

from tests.backend.web.counter import Counter, csrf_of

MONEY = "/staff/money"


async def today(counter: Counter) -> date:
    return await counter.shop.days.today(counter.shop_id)


async def form(browser: httpx2.AsyncClient, **typed: str) -> dict[str, str]:
    page = await browser.get(MONEY)
    key = re.search(r'name="key" value="([^"]+)"', page.text)
    day = re.search(r'name="day" value="([^"]+)"', page.text)
    assert key, page.text
    assert day, page.text
    return {"csrf": csrf_of(page), "key": key[1], "day": day[1], "note": "", **typed}


async def closed(counter: Counter) -> int:
    reports, _ = await counter.shop.days.reports(counter.shop_id)
    return len(reports)


def no_bank(counter: Counter) -> None:
    """These stories are about the page: nobody is asked over the wire."""
    counter.shop.days._gateway = None


async def test_the_day_in_figures_and_closed_from_the_page(counter: Counter) -> None:
    no_bank(counter)
    await counter.hire()
    await counter.ready(copies=2)  # ₹56 in cash
    async with counter.signed_in() as browser:
        page = await browser.get(MONEY)
        assert page.status_code == 200
        assert "<strong>₹56</strong> cash" in page.text
        for span in ("day", "week", "month", "nonsense"):
            shown = await browser.get(MONEY, params={"span": span})
            assert "<strong>₹56</strong> earned" in shown.text, span

        filled = await form(browser, cash="₹ 5x")
        wrong = await browser.post(f"{MONEY}/close", data=filled)
        assert (wrong.status_code, "Write the cash as rupees" in wrong.text) == (422, True)
        less = await browser.post(f"{MONEY}/close", data={**filled, "cash": "50.00"})
        assert (less.status_code, "Say why in the note" in less.text) == (422, True)
        assert 'value="50.00"' in less.text, "what was typed stays"
        assert await closed(counter) == 0

        note = "<b>six rupees</b> for tea"
        done = await browser.post(f"{MONEY}/close", data={**filled, "cash": "50", "note": note})
        assert done.status_code == 303
        again = await browser.post(f"{MONEY}/close", data={**filled, "cash": "50", "note": note})
        assert again.status_code == 303
        other = await form_again(browser, filled)
        assert (other.status_code, "closed already" in other.text) == (409, True)
        assert await closed(counter) == 1

        page = await browser.get(done.headers["location"])
        for words in ("Closed", "-₹6", "Ganesh", "&lt;b&gt;six rupees&lt;/b&gt; for tea"):
            assert words in page.text, words
        assert '<form method="post" action="/staff/money/close"' not in page.text


async def form_again(browser: httpx2.AsyncClient, filled: dict[str, str]) -> httpx2.Response:
    return await browser.post(f"{MONEY}/close", data={**filled, "key": "another", "cash": "50"})


async def test_a_viewer_looks_and_a_stranger_is_sent_away(counter: Counter) -> None:
    no_bank(counter)
    await counter.hire("Vina", role="viewer", language="hi")
    async with counter.signed_in("Vina") as browser:
        page = await browser.get(MONEY)
        assert (page.status_code, "दिन बंद करें" in page.text) == (200, True)
        assert "/staff/money/close" not in page.text
        data = {"csrf": csrf_of(page), "day": str(await today(counter)), "cash": "0"}
        assert (await browser.post(f"{MONEY}/close", data=data)).status_code == 403
        forged = {**data, "csrf": "no"}
        assert (await browser.post(f"{MONEY}/close", data=forged)).status_code == 403
    async with counter.browser() as stranger:
        assert (await stranger.get(MONEY)).status_code == 303
        assert (await stranger.post(f"{MONEY}/close", data=data)).status_code == 303
    assert await closed(counter) == 0


async def test_days_that_are_none(counter: Counter) -> None:
    no_bank(counter)
    await counter.hire()
    day = await today(counter)
    async with counter.signed_in() as browser:
        for wrong in ("yesterday", "0001-01-01", "9999-12-31", str(day + timedelta(days=1))):
            answer = await browser.get(MONEY, params={"day": wrong})
            assert answer.status_code == 422, wrong
        # Before the shop's first day there is nothing to close, and the figures are nought.
        old = await browser.get(MONEY, params={"day": str(day - timedelta(days=300))})
        assert old.status_code == 200
        assert "/staff/money/close" not in old.text


async def test_the_bank_is_asked_only_when_somebody_wants_it(counter: Counter) -> None:
    await counter.hire()
    async with counter.signed_in() as browser:
        assert "Compare with Razorpay" in (await browser.get(MONEY)).text
        no_bank(counter)
        compared = await browser.get(MONEY, params={"compare": "1"})
    assert "nothing was compared" in compared.text
