"""The bill as people read and print it."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser

from app.domain.bills import GstMode
from app.domain.print_plan import PrintType
from app.models_orders import Order
from tests.backend.web.counter import Counter, csrf_of
from tests.backend.web.test_browser import chromium, window
from tests.backend.web.test_customer_page import seen

__all__ = ["chromium"]

GSTIN = "27AAPFU0939F1ZV"
LAW = "composition taxable person, not eligible to collect tax on supplies"
LARGE: dict[str, Any] = {"pages": 59, "copies": 2, "print_type": PrintType.BW, "colored": ()}


async def register(counter: Counter, **more: Any) -> None:
    given = {"mode": GstMode.REGISTERED, "gstin": GSTIN, "address": "12 MG Road, Pune", **more}
    await counter.shop.bills.set_gst(counter.shop_id, by="user:Ganesh", **given)


async def refund(counter: Counter, order: Order, amount: int) -> None:
    await counter.shop.refunds.request(
        counter.shop_id, order.id, amount_paise=amount, reason="light", key="k", by="user:Ganesh"
    )


async def visit(counter: Counter, order: Order | str) -> httpx2.Response:
    token = order if isinstance(order, str) else order.page_token
    async with counter.browser() as browser:
        return await browser.get(f"/o/{token}/bill")


async def test_a_shop_without_gst_says_nothing_of_tax(counter: Counter) -> None:
    order = await counter.paid()
    page = await visit(counter, order)
    words = seen(page.text)

    assert page.status_code == 200
    for said in (
        "Receipt",
        "R/",
        "Ganesh Copy Centre",
        order.code,
        "4 B&amp;W × 2 at ₹2",
        "₹56.00",
    ):
        assert said in words
    without_code = words.replace(order.code, "").lower()  # six characters may spell anything
    for never in ("tax", "gst", "invoice", "sac", "supply", "signatory"):
        assert never not in without_code
    assert "<form" not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"


async def test_the_order_page_leads_to_the_bill_once_it_is_paid(counter: Counter) -> None:
    waiting, order = await counter.asked(), await counter.paid()
    async with counter.browser() as browser:
        unpaid = await browser.get(f"/o/{waiting.page_token}")
        paid = await browser.get(f"/o/{order.page_token}")
    assert "/bill" not in unpaid.text
    assert re.search(f'href="/o/{order.page_token}/bill">Bill R/\\d{{4}}/1<', paid.text)


async def test_a_tax_invoice_carries_what_the_rules_ask(counter: Counter) -> None:
    await register(counter)
    order = await counter.paid(**LARGE)
    words = seen((await visit(counter, order)).text)

    for said in (
        "Tax invoice",
        "T/",
        f"GSTIN {GSTIN}",
        "12 MG Road, Pune",
        "Place of supply Maharashtra (27)",
        "Tax payable on reverse charge No",
        "SAC 998912",
        "Taxable value ₹200.00",
        "CGST 9 % ₹18.00",
        "SGST 9 % ₹18.00",
        "Total paid ₹236.00",
        "Authorised signatory",
    ):
        assert said in words, said
    assert "I need a tax invoice" not in words

    await refund(counter, order, 11800)
    words = seen((await visit(counter, order)).text)
    assert "Credit note" in words
    assert "Given back ₹118.00" in words
    assert "CGST 9 % ₹9.00" in words


async def test_a_small_order_says_where_its_tax_is_invoiced(counter: Counter) -> None:
    await register(counter)
    order = await counter.paid()
    page = await visit(counter, order)
    assert "Goes into the consolidated tax invoice of the day." in seen(page.text)
    assert f'action="/o/{order.page_token}/bill"' in page.text

    async with counter.shop.unit_of_work("system:test") as tx:
        [receipt] = await tx.bills.of_order(order.id)
        [invoice] = await counter.shop.bills.close_day(tx, counter.shop_id, receipt.day)
    page = await visit(counter, order)
    assert f"Part of the consolidated tax invoice {invoice.label}" in seen(page.text)
    assert "<form" not in page.text
    async with counter.browser() as browser:
        refused = await browser.post(f"/o/{order.page_token}/bill")
    assert refused.status_code == 409
    assert "T/" not in seen((await visit(counter, order)).text)


async def test_the_customer_asks_for_an_invoice_with_one_button(counter: Counter) -> None:
    await register(counter)
    order = await counter.paid()
    async with counter.browser() as browser:
        for _ in range(2):
            answer = await browser.post(f"/o/{order.page_token}/bill")
            assert answer.status_code == 303
            assert answer.headers["location"] == f"/o/{order.page_token}/bill"
    words = seen((await visit(counter, order)).text)
    assert "Tax invoice" in words
    assert re.search(r"T/\d{4}/1 ", words)
    assert "CGST 9 % ₹4.27" in words


async def test_a_composition_shop_says_so_at_the_top_in_the_law_s_words(counter: Counter) -> None:
    await register(counter, mode=GstMode.COMPOSITION)
    for language in ("en", "hi"):
        order = await counter.paid(language=language)
        page = await visit(counter, order)
        words = seen(page.text).lower()
        assert LAW in words
        assert words.index(LAW) < words.index("ganesh copy centre")
        assert "bill of supply" in words
        for never in ("cgst", "sgst", "taxable value", "tax invoice"):
            assert never not in words


async def test_a_bill_in_hindi(counter: Counter) -> None:
    await register(counter)
    page = await visit(counter, await counter.paid(language="hi", **LARGE))
    assert '<html lang="hi">' in page.text
    for said in ("टैक्स इनवॉइस", "कुल भुगतान", "टैक्स से पहले की क़ीमत", "Maharashtra (27)"):
        assert said in page.text


@pytest.mark.parametrize("mode", [GstMode.UNREGISTERED, GstMode.REGISTERED])
async def test_hostile_words_on_a_bill_stay_words(counter: Counter, mode: GstMode) -> None:
    more = {} if mode is GstMode.REGISTERED else {"gstin": "", "mode": mode}
    await register(
        counter,
        name="<script>alert(1)</script>",
        address='"><img src=x onerror=alert(2)>\n{{ 7001*7 }}\u202etxt.exe',
        **more,
    )
    order = await counter.paid("<b>Asha</b>", "<svg onload=alert(3)>.pdf", **LARGE)
    page = await visit(counter, order)
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    assert "49007" not in page.text
    assert "\u202e" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "Asha" not in page.text, "a bill below ₹50,000 names nobody who did not ask"
    assert "svg onload" not in page.text, "and no file"


@pytest.mark.parametrize("token", ["-", "a" * 43, "%00", "x" * 5000])
async def test_unknown_addresses_get_the_friendly_answer(counter: Counter, token: str) -> None:
    for page in (await visit(counter, token), await visit(counter, await counter.asked())):
        assert page.status_code == 404
        assert "We can&#39;t find this order" in page.text
    async with counter.browser() as browser:
        assert (await browser.post(f"/o/{token}/bill")).status_code == 404


async def test_staff_read_bills_and_ask_for_invoices(counter: Counter) -> None:
    await counter.hire()
    await counter.hire("Meena", role="viewer")
    await register(counter)
    order = await counter.paid()
    path = f"/staff/orders/{order.id}/bill"
    async with counter.browser() as stranger:
        assert (await stranger.get(path)).status_code == 303
        assert (await stranger.post(path)).status_code == 303
    async with counter.signed_in("Meena") as viewer:
        page = await viewer.get(path)
        assert "Receipt" in page.text
        assert "<form" not in page.text
        csrf = csrf_of(await viewer.get("/staff"))
        assert (await viewer.post(path, data={"csrf": csrf})).status_code == 403
    async with counter.signed_in() as owner:
        assert f'href="{path}"' in (await owner.get(f"/staff/orders/{order.id}")).text
        assert (await owner.post(path)).status_code == 403, "a form of another site"
        page = await owner.get(path)
        assert (await owner.post(path, data={"csrf": csrf_of(page)})).status_code == 303
        assert "Tax invoice" in (await owner.get(path)).text
        [_, invoice] = (await counter.shop.reports.story(counter.shop_id, order.id)).bills
        assert invoice.label in (await owner.get(f"/staff/bills/{invoice.id}")).text
        for nothing in (f"/staff/bills/{order.id}", f"/staff/orders/{invoice.id}/bill"):
            assert (await owner.get(nothing)).status_code == 404
        unpaid = await counter.asked()
        assert (await owner.get(f"/staff/orders/{unpaid.id}/bill")).status_code == 404


async def test_the_invoice_of_a_day_lists_its_receipts(counter: Counter) -> None:
    await counter.hire()
    await register(counter)
    orders = [await counter.paid(), await counter.paid()]
    async with counter.shop.unit_of_work("system:test") as tx:
        [receipt] = await tx.bills.of_order(orders[0].id)
        [invoice] = await counter.shop.bills.close_day(tx, counter.shop_id, receipt.day)
    async with counter.signed_in() as owner:
        words = seen((await owner.get(f"/staff/bills/{invoice.id}")).text)
    assert "Consolidated tax invoice" in words
    assert all(f"order {order.code} ₹56.00" in words for order in orders)
    assert "Total ₹112.00" in words


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_bill_fits_a_phone_an_a4_sheet_and_a_roll(
    counter: Counter, chromium: Browser, scripts: bool
) -> None:
    await register(counter)
    order = await counter.paid(**LARGE)
    async with window(counter, chromium, width=390, scripts=scripts) as shown:
        await shown.open(f"/o/{order.page_token}/bill")
        wide = await shown.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
        assert await shown.page.locator("h1").count() == 1
        await shown.page.emulate_media(media="print")
        assert await shown.page.locator(".actions:visible").count() == 0
        assert "Total paid" in await shown.text(".invoice")
        papers: tuple[dict[str, Any], ...] = (
            {"format": "A4"},
            {"width": "80mm", "height": "240mm"},
        )
        for paper in papers:
            pdf = await shown.page.pdf(**paper)
            assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1, paper
