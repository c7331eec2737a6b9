"""The staff pages over HTTP: who gets in, what they see, what a tap changes and what not."""

from __future__ import annotations

import re
from uuid import uuid4

import httpx2
import pytest

from app.models_orders import Order
from app.web.security import CSP
from app.web.text import day_and_time
from tests.backend.web.counter import Counter, csrf_of


def column(page: httpx2.Response, name: str) -> str:
    return page.text.partition(f'id="column-{name}"')[2].partition("</section>")[0]


# Looking


async def test_the_board_shows_each_order_in_its_column(counter: Counter) -> None:
    await counter.hire()
    waiting = await counter.asked("Ravi")
    paid = await counter.paid("Meera")
    printing, _ = await counter.at_the_printer("Priya")
    ready = await counter.ready("Zoya")
    lost = await counter.lost("Dev")
    async with counter.signed_in() as browser:
        page = await browser.get("/staff")

    assert page.status_code == 200
    for name, orders in {
        "to-print": [paid, lost],
        "printing": [printing],
        "ready": [ready],
        "waiting": [waiting],
    }.items():
        cards = re.findall(r'id="card-([^"]+)"', column(page, name))
        assert cards == [str(order.id) for order in orders]
    assert "Did it print?" in column(page, "to-print")
    assert "Needs you · 1" in page.text
    assert "··2582" in page.text
    assert "9812342582" not in page.text, "phones are masked: screens face the counter"
    assert column(page, "ready").count("Handed over</button>") == 1
    assert "<title>(2) Queue</title>" in page.text


async def test_an_empty_shop_says_so_kindly(counter: Counter) -> None:
    await counter.hire()
    async with counter.signed_in() as browser:
        page = await browser.get("/staff")
        assert "Nothing waiting. Nice." in page.text
        assert "Needs you ·" not in page.text
        assert "No orders here." in (await browser.get("/staff/orders")).text
        assert "Nothing needs you. Nice." in (await browser.get("/staff/attention")).text


async def test_only_the_owner_sees_the_day_s_money(counter: Counter) -> None:
    await counter.hire()
    await counter.hire("Sunil", role="operator")
    await counter.paid()
    async with counter.signed_in() as browser:
        assert "<strong>₹56</strong> today" in (await browser.get("/staff")).text
    async with counter.signed_in("Sunil") as browser:
        assert "₹56</strong> today" not in (await browser.get("/staff")).text


async def test_orders_are_found_by_token_name_file_and_phone(counter: Counter) -> None:
    await counter.hire()
    asha = await counter.paid("Asha", "thesis.pdf", phone="919812342582")
    ravi = await counter.asked("Ravi", "photo.jpg", phone="919800005678")

    async with counter.signed_in() as browser:

        async def found(query: str) -> list[str]:
            page = await browser.get(f"/staff/orders?{query}")
            assert page.status_code == 200, query
            listed = page.text.partition('id="orders"')[2]
            return re.findall(r'scope="row"[^>]*><a href="/staff/orders/([^"]+)"', listed)

        assert await found("") == [str(ravi.id), str(asha.id)]
        assert await found(f"q={asha.token}") == [str(asha.id)]
        assert await found(f"q={ravi.code.lower()}") == [str(ravi.id)]
        assert await found("q=RAVI") == [str(ravi.id)]
        assert await found("q=thesis") == [str(asha.id)]
        assert await found("q=5678") == [str(ravi.id)]
        assert await found("show=waiting") == [str(ravi.id)]
        assert await found("show=paid&q=ravi") == []
        assert await found("q=%00%F0%9F%96%A8&show=nonsense") == []
        page = await browser.get("/staff/orders?cursor=nonsense")
        assert page.status_code == 422
        assert "We can&#39;t use this" in page.text


async def test_long_lists_go_on_where_they_stopped(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.staff.PAGE_SIZE", 2)
    await counter.hire()
    orders = [await counter.asked(f"Person {number}") for number in range(3)]
    async with counter.signed_in() as browser:
        page = await browser.get("/staff/orders?show=waiting")
        assert str(orders[0].id) not in page.text.partition('id="orders"')[2]
        older = re.search(r'href="([^"]+cursor=[^"]+)"', page.text)
        assert older
        page = await browser.get(older.group(1).replace("&amp;", "&"))
    assert re.findall(r'scope="row"[^>]*><a href="/staff/orders/([^"]+)"', page.text) == [
        str(orders[0].id)
    ]


async def test_an_order_tells_its_story_without_its_secrets(counter: Counter) -> None:
    await counter.hire()
    order = await counter.ready("Zoya", "lab manual.pdf")
    async with counter.signed_in() as browser:
        page = await browser.get(f"/staff/orders/{order.id}")
    assert page.status_code == 200
    for words in (
        f"Token {order.token} · Zoya",
        "lab manual.pdf",
        "4 B&amp;W × 2 at ₹2",
        "Ready for pickup",
        "Money received",
        "by Ganesh",
        "Attempt 1 · printed",
        "plink_1",
        "Your token is *1*",
        "+91 •••• ··2582",
    ):
        assert words in page.text, words
    assert order.page_token not in page.text, "the customer's page opens without a login"
    assert "9812342582" not in page.text


async def test_attention_items_say_what_to_do(counter: Counter) -> None:
    await counter.hire()
    lost = await counter.lost("Dev")
    async with counter.shop.unit_of_work("system:test") as tx:
        await tx.messages.open_item(
            shop_id=counter.shop_id,
            kind="a_kind_made_tomorrow",
            subject="x:1",
            amount_paise=4800,
            detail='<b onclick="x">bold</b>',
        )
    async with counter.signed_in() as browser:
        page = await browser.get("/staff/attention")
    assert "Did it print?" in page.text
    assert "Look in the tray before you decide." in page.text
    assert f'href="/staff/orders/{lost.id}"' in page.text
    assert "Please have a look" in page.text
    assert "₹48" in page.text
    assert "<b onclick" not in page.text


async def test_staff_pages_speak_the_language_of_each_person(counter: Counter) -> None:
    await counter.hire("Sunita", language="hi")
    await counter.ready()
    async with counter.signed_in("Sunita") as browser:
        page = await browser.get("/staff")
    assert '<html lang="hi">' in page.text
    assert "लेने को तैयार" in page.text


async def test_another_shop_s_order_does_not_exist(counter: Counter) -> None:
    await counter.hire()
    ready, waiting = await counter.ready("Zoya"), await counter.asked("Ravi")
    await moves_to_another_shop(counter, ready, waiting)
    async with counter.signed_in() as browser:
        page = await browser.get("/staff")
        assert "Zoya" not in page.text
        assert "Ravi" not in page.text
        csrf = {"csrf": csrf_of(page)}
        cash = {**csrf, "amount": "56"}
        answers = [
            await browser.get(f"/staff/orders/{ready.id}"),
            await browser.get(f"/staff/orders/{waiting.id}"),
            await browser.post(f"/staff/orders/{ready.id}/collect", data=csrf),
            await browser.post(f"/staff/orders/{waiting.id}/cash", data=cash),
        ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert (await counter.now(ready)).status == "READY"
    assert (await counter.now(waiting)).status == "PAYMENT_PENDING"
    async with counter.shop.unit_of_work("system:test") as tx:
        payments = await tx.payments.of_order(waiting.id)
    assert [payment.status for payment in payments] == ["LINK_SENT"], "no cash was taken"


async def moves_to_another_shop(counter: Counter, *orders: Order) -> None:
    other = uuid4()
    async with counter.shop.database.pool.connection() as connection:
        await connection.execute(
            "INSERT INTO shops (id, code, name) VALUES (%s, 'two', 'Two')", [other]
        )
        moved = await connection.execute(
            "UPDATE orders SET shop_id = %s WHERE id = ANY(%s)",
            [other, [order.id for order in orders]],
        )
        assert moved.rowcount == len(orders)


async def test_what_is_no_page_is_said_to_be_none(counter: Counter) -> None:
    await counter.hire()
    async with counter.signed_in() as browser:
        for path in (f"/staff/orders/{uuid4()}", "/staff/orders/not-an-id", "/staff/nothing/here"):
            page = await browser.get(path)
            assert page.status_code == 404
            assert "This page does not exist" in page.text


async def test_every_staff_page_carries_the_headers(counter: Counter) -> None:
    await counter.hire()
    order = await counter.ready()
    async with counter.signed_in() as browser:
        for path in ("/staff", "/staff/orders", f"/staff/orders/{order.id}", "/staff/attention"):
            page = await browser.get(path)
            assert page.headers["content-security-policy"] == CSP
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["referrer-policy"] == "same-origin", "forms must show their origin"
            assert not re.search(r"<style|style=|\son\w+=|<script(?! src=)", page.text)


async def test_a_refresh_that_changes_nothing_is_304(counter: Counter) -> None:
    await counter.hire()
    async with counter.signed_in() as browser:
        part = await browser.get("/staff?part=live")
        assert "stylesheet" not in part.text
        assert 'id="badge"' in part.text
        assert 'id="toast"' not in part.text, "a refresh must not take Undo away"
        same = {"If-None-Match": part.headers["etag"]}
        assert (await browser.get("/staff?part=live", headers=same)).status_code == 304
        await counter.asked()
        assert (await browser.get("/staff?part=live", headers=same)).status_code == 200


# Handing over


async def test_handing_over_and_taking_it_back(counter: Counter) -> None:
    await counter.hire()
    order = await counter.ready()
    async with counter.signed_in() as browser:
        csrf = {"csrf": csrf_of(await browser.get("/staff"))}
        answer = await browser.post(f"/staff/orders/{order.id}/collect", data=csrf)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/staff?done={order.id}")
        assert (await counter.now(order)).status == "COLLECTED"

        page = await browser.get(answer.headers["location"])
        assert f"Token {order.token} handed over" in page.text
        assert f'action="/staff/orders/{order.id}/uncollect"' in page.text
        assert "No prints waiting on the shelf." in page.text

        answer = await browser.post(f"/staff/orders/{order.id}/uncollect", data=csrf)
        assert answer.headers["location"] == "/staff"
        assert (await counter.now(order)).status == "READY"
        page = await browser.get(f"/staff?done={order.id}")
        assert "handed over</span>" not in page.text, "it is not, any more"

        story = await counter.shop.reports.story(counter.shop_id, order.id)
        moves = [(step["to_status"], step["actor"]) for step in story.timeline]
        assert moves[-2:] == [("COLLECTED", "user:Ganesh"), ("READY", "user:Ganesh")]


async def test_the_second_of_two_taps_is_told_so(counter: Counter) -> None:
    await counter.hire()
    order = await counter.ready()
    async with counter.signed_in() as browser:
        csrf = {"csrf": csrf_of(await browser.get("/staff"))}
        await browser.post(f"/staff/orders/{order.id}/collect", data=csrf)
        answer = await browser.post(f"/staff/orders/{order.id}/collect", data=csrf)
    assert answer.status_code == 409
    assert f"{order.token} was just changed by someone else. Check and try again." in answer.text
    assert (await counter.now(order)).status == "COLLECTED"


async def test_the_list_of_orders_tells_the_time_of_its_shop(counter: Counter) -> None:
    await counter.hire()
    order = await counter.asked()
    times = {}
    async with counter.signed_in() as browser:
        for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
            async with counter.shop.unit_of_work("system:test") as tx:
                (await tx.shops.get(counter.shop_id)).timezone = zone
            page = await browser.get("/staff/orders")
            [times[zone]] = re.findall(r'<td class="time">([^<]+)</td>', page.text)
            assert times[zone] == day_and_time(order.created_at, zone)
    assert len(set(times.values())) == 2


async def test_a_form_that_is_not_ours_changes_nothing(counter: Counter) -> None:
    await counter.hire()
    order = await counter.ready()
    path = f"/staff/orders/{order.id}/collect"
    async with counter.signed_in() as browser:
        csrf = {"csrf": csrf_of(await browser.get("/staff"))}
        tries = [
            await browser.post(path),
            await browser.post(path, data={"csrf": "guess"}),
            await browser.post(path, data=csrf, headers={"Origin": "https://evil.test"}),
            await browser.post(path, data=csrf, headers={"Origin": "null"}),
            await browser.post(path, data=csrf, headers={"Sec-Fetch-Site": "cross-site"}),
            await browser.post(path, data=csrf, headers={"Sec-Fetch-Site": "same-site"}),
        ]
        assert [answer.status_code for answer in tries] == [403] * 6
        assert (await browser.get(path)).status_code == 404, "looking changes nothing"
        too_long = await browser.post(path, data={**csrf, "more": "x" * 20_000})
        assert too_long.status_code == 422
        not_a_form = await browser.post(path, content=b"\xff\xfe")
        assert not_a_form.status_code == 422
        assert (await counter.now(order)).status == "READY"

        ours = {"Origin": "http://shop.test", "Sec-Fetch-Site": "same-origin"}
        answer = await browser.post(path, data=csrf, headers=ours)
        assert answer.status_code == 303
    async with counter.browser() as stranger:
        answer = await stranger.post(f"/staff/orders/{order.id}/uncollect", data=csrf)
        assert answer.headers["location"] == "/staff/login"
    assert (await counter.now(order)).status == "COLLECTED"


async def test_a_viewer_looks_and_cannot_hand_over(counter: Counter) -> None:
    await counter.hire("Auditor", role="viewer")
    order = await counter.ready()
    async with counter.signed_in("Auditor") as browser:
        page = await browser.get("/staff")
        assert "/collect" not in page.text
        csrf = {"csrf": csrf_of(page)}
        answer = await browser.post(f"/staff/orders/{order.id}/collect", data=csrf)
        assert answer.status_code == 403
        assert "You may look, not change" in answer.text
        assert (await counter.now(order)).status == "READY"
        answer = await browser.post("/staff/sign-out", data=csrf)
        assert answer.status_code == 303, "signing out is not a change"


# Static files


async def test_static_files_are_kept_forever_under_their_hash(counter: Counter) -> None:
    async with counter.browser() as browser:
        html = (await browser.get("/staff/login")).text
        urls = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
        assert len(urls) == 3
        for url in urls:
            answer = await browser.get(url)
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["x-content-type-options"] == "nosniff"
            plain = await browser.get(url.partition("?")[0])
            assert plain.headers["cache-control"] == "no-cache"
        for name in ("pages.py", "..%2Fpages.py", "%2e%2e/text.py", "nothing.css"):
            assert (await browser.get(f"/static/{name}")).status_code == 404
