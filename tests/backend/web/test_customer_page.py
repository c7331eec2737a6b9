"""The customer's page: what it says at each turn, and what it never says."""

from __future__ import annotations

import re
from uuid import UUID

import httpx2
import pytest

from app.models_orders import Order, Payment
from app.services.capture_service import Seen
from app.web.security import CSP
from tests.backend.web.counter import PAY_URL, Counter


async def visit(counter: Counter, order: Order | str, query: str = "") -> httpx2.Response:
    token = order if isinstance(order, str) else order.page_token
    async with counter.browser() as browser:
        return await browser.get(f"/o/{token}{query}")


def seen(html: str) -> str:
    """The words a person reads."""
    body = html.partition("<body")[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


async def payment_of(counter: Counter, order: Order) -> Payment:
    async with counter.shop.unit_of_work("system:test") as tx:
        return (await tx.payments.of_order(order.id))[0]


async def test_an_order_that_waits_shows_its_code_and_where_to_pay(counter: Counter) -> None:
    order = await counter.asked()
    page = await visit(counter, order)

    assert page.status_code == 200
    assert f'<p class="token">{order.code}</p>' in page.text
    assert f'href="{PAY_URL}"' in page.text
    words = seen(page.text)
    assert "Pay ₹56" in words
    assert "Waiting for payment" in words
    assert "4 B&amp;W × 2 at ₹2 ₹16" in words
    assert "2 colour × 2 at ₹10 ₹40" in words
    assert 'href="https://wa.me/14155238886"' in page.text
    assert "Receipt" not in words


async def test_every_turn_of_an_order_is_said(counter: Counter) -> None:
    first = await counter.paid("Meera")
    second = await counter.paid("Farhan")
    printing, done = await counter.at_the_printer("Priya")
    lost = await counter.lost("Dev")

    assert "Paid — you&#39;re next" in (await visit(counter, first)).text
    assert "Paid — 1 order before you" in (await visit(counter, second)).text
    assert "Printing now" in (await visit(counter, printing)).text
    assert "Taking longer — the shop is on it" in (await visit(counter, lost)).text

    await counter.shop.printing.report(counter.shop_id, done)
    page = await visit(counter, printing)
    assert "Ready — collect at the counter" in page.text
    assert f'<p class="token">{printing.token}</p>' in page.text
    assert 'data-every="30"' in page.text
    assert "Pay ₹" not in page.text

    await counter.shop.desk.collect(counter.shop_id, printing.id, by="user:Ganesh")
    page = await visit(counter, printing)
    assert "Collected. Thank you!" in page.text
    assert "data-live" not in page.text, "nothing will change, nothing is asked again"


async def test_a_file_that_is_still_being_made_is_said(counter: Counter) -> None:
    order = await counter.asked(priced=False)
    page = await visit(counter, order)
    assert "Getting your file ready" in page.text
    assert 'data-every="5"' in page.text
    assert "Pay ₹" not in page.text


async def test_a_cancelled_order_offers_nothing_to_pay(counter: Counter) -> None:
    order = await counter.asked()
    await counter.shop.desk.cancel(counter.shop_id, order.id, by="user:Ganesh")
    page = await visit(counter, order)
    assert "Cancelled" in page.text
    assert PAY_URL not in page.text
    page = await visit(counter, order, "?p=1")
    assert "did not go through" in page.text


async def test_pay_at_the_counter_says_what_to_say_there(counter: Counter) -> None:
    order = await counter.asked(link=False)
    async with counter.shop.unit_of_work("system:test") as tx:
        locked = await tx.orders.lock(order.id)
        assert locked is not None
        await counter.shop.desk._orders.pay_at_counter(tx, locked)
    words = seen((await visit(counter, order)).text)
    assert "Pay at the counter" in words
    assert "Say this code at the counter and pay ₹56 there" in words


async def test_back_from_paying_before_we_know_nobody_is_asked_to_pay_again(
    counter: Counter,
) -> None:
    order = await counter.asked()
    page = await visit(counter, order, "?p=1")
    assert "Confirming with the bank" in page.text
    assert PAY_URL not in page.text
    assert 'data-live="/o/' in page.text
    assert "p=1" in page.text

    payment = await payment_of(counter, order)
    await counter.shop.captures.settle(
        Seen("pay_1", 5600, "INR", "upi", reference_id=payment.reference_id or ""), door="webhook"
    )
    page = await visit(counter, order, "?p=1")
    words = seen(page.text)
    assert "Payment received" in words
    assert "Paid · UPI ₹56" in words
    assert "pay_1" in words


async def test_a_failed_try_is_said_and_can_be_repeated(counter: Counter) -> None:
    order = await counter.asked()
    async with counter.shop.unit_of_work("system:test") as tx:
        payment = await tx.payments.lock((await tx.payments.of_order(order.id))[0].id)
        assert payment is not None
        payment.failures = 1
    page = await visit(counter, order)
    assert "did not go through" in page.text
    assert PAY_URL in page.text


async def test_money_that_came_after_a_cancel_is_seen_going_back(counter: Counter) -> None:
    order = await counter.asked()
    payment = await payment_of(counter, order)
    await counter.shop.desk.cancel(counter.shop_id, order.id, by="user:Ganesh")
    await counter.shop.captures.settle(
        Seen("pay_2", 5600, "INR", "upi", reference_id=payment.reference_id or ""), door="webhook"
    )
    words = seen((await visit(counter, order, "?p=1")).text)
    assert "₹56 is on its way back to the account you paid from" in words
    assert "did not go through" not in words


async def test_the_page_speaks_the_customer_s_language(counter: Counter) -> None:
    page = await visit(counter, await counter.paid("सुनीता", language="hi"))
    assert '<html lang="hi">' in page.text
    assert "आपका टोकन" in page.text
    # A language without texts of its own is English, and says so to screen readers.
    page = await visit(counter, await counter.paid("Tukaram", language="mr"))
    assert '<html lang="en">' in page.text


async def test_hostile_names_stay_words(counter: Counter) -> None:
    order = await counter.paid("<img src=x onerror=alert(1)>", '"><script>alert(2)</script>.pdf')
    page = await visit(counter, order)
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;alert(2)" in page.text


async def test_title_and_link_preview_name_nobody(counter: Counter) -> None:
    order = await counter.paid("Asha Kulkarni", "divorce papers.pdf")
    html = (await visit(counter, order)).text
    head = html.partition("<body")[0]
    assert "<title>Your print order</title>" in head
    assert "divorce" not in head
    assert "Asha" not in html
    assert "9812342582" not in html


async def test_headers_keep_the_page_private(counter: Counter) -> None:
    page = await visit(counter, await counter.asked())
    assert page.headers["content-security-policy"] == CSP
    assert "unsafe" not in CSP
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-robots-tag"] == "noindex"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in page.headers
    assert not re.search(r"<style|style=|onclick|<script(?! src=)", page.text)


@pytest.mark.parametrize("token", ["-", "a" * 43, "%00", "%F0%9F%96%A8", "x" * 5000, "a/b/c", ""])
async def test_unknown_addresses_get_the_same_friendly_answer(counter: Counter, token: str) -> None:
    page = await visit(counter, token)
    assert page.status_code == 404
    assert "We can&#39;t find this order" in page.text
    assert page.headers["content-security-policy"] == CSP
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_the_friendly_answer_is_in_the_browser_s_language(counter: Counter) -> None:
    async with counter.browser() as browser:
        page = await browser.get("/o/-", headers={"Accept-Language": "hi-IN,hi;q=0.9,en"})
    assert "यह ऑर्डर नहीं मिला" in page.text


async def test_a_refresh_is_small_and_unchanged_is_304(counter: Counter) -> None:
    order = await counter.paid()
    whole = await visit(counter, order)
    part = await visit(counter, order, "?part=live")
    assert 'id="order" data-region' in part.text
    assert "stylesheet" not in part.text
    assert len(part.content) < len(whole.content)

    async with counter.browser() as browser:
        url, etag = f"/o/{order.page_token}?part=live", part.headers["etag"]
        again = await browser.get(url, headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == "no-store"
        async with counter.shop.unit_of_work("worker:pc") as tx:
            job = (await tx.orders.jobs(order.id))[0]
        assert isinstance(job.id, UUID)
        await counter.shop.desk.cancel(counter.shop_id, order.id, by="user:Ganesh")
        changed = await browser.get(url, headers={"If-None-Match": etag})
        assert changed.status_code == 200
        assert "Refunded" in changed.text
