"""Who gets into the staff pages, with what cookie, and where the door leads."""

from __future__ import annotations

import asyncio
import re
import threading
from datetime import timedelta

import httpx2
import pytest

from app.core.security import password_matches
from app.services import staff_service
from tests.backend.web.counter import OWNER, PASSWORD, Counter, csrf_of

PAGES = (
    "/staff",
    "/staff/orders",
    "/staff/attention",
    "/staff/orders/5e1f0000-0000-4000-8000-00000000d00f",
    "/staff/nothing",
)


@pytest.mark.parametrize("path", PAGES)
async def test_without_a_session_every_page_leads_to_the_door(counter: Counter, path: str) -> None:
    async with counter.browser() as browser:
        page = await browser.get(path)
        assert page.status_code == 303
        back = "" if path == "/staff" else f"?next={path}"
        assert page.headers["location"] == f"/staff/login{back}"
        assert page.content == b""
        refresh = await browser.get(f"{path}?part=live")
        assert (refresh.status_code, refresh.content) == (401, b"")


async def test_signing_in_and_out(counter: Counter) -> None:
    await counter.hire()
    async with counter.browser() as browser:
        page = await browser.get("/staff/login?next=/staff/attention")
        assert page.status_code == 200
        assert 'value="/staff/attention"' in page.text
        form = {"name": OWNER, "password": PASSWORD, "next": "/staff/attention"}
        answer = await browser.post("/staff/login", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/staff/attention")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("staff=")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie

        queue = await browser.get("/staff")
        assert queue.status_code == 200
        assert (await browser.get("/staff/login")).status_code == 303, "already inside"
        held = browser.cookies["staff"]
        answer = await browser.post("/staff/sign-out", data={"csrf": csrf_of(queue)})
        assert answer.headers["location"] == "/staff/login"
        browser.cookies.set("staff", held)
        assert (await browser.get("/staff")).status_code == 303, "the session itself is over"


async def test_on_https_the_cookie_is_for_this_host_only(counter: Counter) -> None:
    await counter.hire()
    transport = httpx2.ASGITransport(app=counter.app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://shop.test") as browser:
        form = {"name": OWNER, "password": PASSWORD}
        answer = await browser.post("/staff/login", data=form)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-staff=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert (await browser.get("/staff")).status_code == 200


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(counter: Counter) -> None:
    await counter.hire()
    async with counter.browser() as browser:
        answers = [
            await browser.post("/staff/login", data={"name": name, "password": "not this one"})
            for name in (OWNER, "Nobody")
        ]
        assert [answer.status_code for answer in answers] == [401, 401]
        one, other = (re.sub(r'value="[^"]*"', "", answer.text) for answer in answers)
        assert one == other
        assert "set-cookie" not in answers[0].headers
        for _ in range(5):
            await browser.post("/staff/login", data={"name": OWNER, "password": "guess"})
        locked = await browser.post("/staff/login", data={"name": OWNER, "password": PASSWORD})
        assert locked.status_code == 401, "five wrong tries lock the account for a while"


async def test_after_the_lock_one_mistake_is_one_mistake(counter: Counter) -> None:
    await counter.hire()

    async def tries(password: str) -> int:
        async with counter.browser() as browser:
            form = {"name": OWNER, "password": password}
            return (await browser.post("/staff/login", data=form)).status_code

    async with counter.shop.unit_of_work("system:test") as tx:
        user = await tx.staff.user(counter.shop_id, OWNER)
        assert user is not None
        user.failed_logins, user.locked_until = 4, None
    assert await tries("the fifth") == 401
    assert await tries(PASSWORD) == 401, "locked"
    async with counter.shop.unit_of_work("system:test") as tx:
        user = await tx.staff.user(counter.shop_id, OWNER)
        assert user is not None
        assert (user.failed_logins, user.locked_until is None) == (5, False)
        user.locked_until = await tx.now() - timedelta(seconds=1)
    assert await tries("a typing mistake") == 401
    assert await tries(PASSWORD) == 303
    async with counter.shop.unit_of_work("system:test") as tx:
        user = await tx.staff.user(counter.shop_id, OWNER)
        assert user is not None
        assert (user.failed_logins, user.locked_until) == (0, None)


async def test_checking_a_password_keeps_nothing_waiting(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the loop nor a transaction: what happens meanwhile is seen."""
    await counter.hire()
    checking, go_on = threading.Event(), threading.Event()

    def slow(stored: str, password: str) -> bool:
        checking.set()
        assert go_on.wait(10)
        return password_matches(stored, password)

    monkeypatch.setattr(staff_service, "password_matches", slow)
    signing_in = asyncio.create_task(counter.shop.staff.sign_in(OWNER, PASSWORD))
    try:
        assert await asyncio.to_thread(checking.wait, 10), "the loop goes on"
        in_transactions = await idle_in_transaction(counter)
        await counter.shop.staff.reset_password(OWNER, "another one, and longer")
    finally:
        go_on.set()
    assert await signing_in is None, "the password was changed meanwhile"
    assert in_transactions == 0


async def idle_in_transaction(counter: Counter) -> int:
    async with counter.shop.database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' "
            "AND datname = current_database()"
        )
        return int((await cursor.fetchone() or (0,))[0])


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "/staffx",
        "/staff\r\nX: y",
        "/o/abc",
        "",
    ],
)
async def test_the_door_leads_inside_only(counter: Counter, back: str) -> None:
    await counter.hire()
    async with counter.browser() as browser:
        form = {"name": OWNER, "password": PASSWORD, "next": back}
        answer = await browser.post("/staff/login", data=form)
    assert answer.headers["location"] == "/staff"


async def test_another_site_cannot_sign_somebody_in(counter: Counter) -> None:
    await counter.hire()
    form = {"name": OWNER, "password": PASSWORD}
    async with counter.browser() as browser:
        for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await browser.post("/staff/login", data=form, headers=headers)
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers
