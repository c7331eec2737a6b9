"""The pages in a real browser: an order from chat to paper, without a complaint in the console."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
import uvicorn
from playwright.async_api import Page, async_playwright

from simulator.server import listening, running, started, stop_at_once
from simulator.settings import Settings, settings_of
from tests.simulator.pretend_shop import PretendShop
from tests.support.programs import CHROMIUM_FLAGS, needs_program

NAMELESS = """
[...document.querySelectorAll('button, a, input')]
  .filter((each) => !each.textContent.trim() && !each.ariaLabel && !each.labels?.length)
  .map((each) => each.outerHTML)
"""
PATIENCE = 15_000  # milliseconds


@dataclass
class Desk:
    """A browser at the simulator; `complaints` collects console errors, `left` foreign requests."""

    settings: Settings
    backend: str
    page: Page
    complaints: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.set_default_timeout(PATIENCE)
        page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        home = (self.settings.origin, self.backend, "data:", "blob:")
        page.on(
            "request",
            lambda sent: None if sent.url.startswith(home) else self.left.append(sent.url),
        )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    chromium = needs_program("chromium")
    shop, bound = PretendShop(tmp_path), listening(0)
    backend = f"http://127.0.0.1:{bound.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(shop.app(), log_level="error", timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server._serve([bound]))
    await started(server, task)
    wanted = settings_of(
        port=0, backend=backend, paper=tmp_path, shop_name="Ganesh Copy Centre", environ={}
    )
    async with running(wanted) as real, async_playwright() as playwright:
        shop.open(real)
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        page = await browser.new_page(viewport={"width": 1366, "height": 860})
        found = Desk(real, backend, page)
        found.watch(page)
        yield found
        await browser.close()
        await shop.close()
    await stop_at_once(server, task)


async def test_an_order_from_chat_to_paper(desk: Desk) -> None:
    page = desk.page
    await page.goto(desk.settings.origin)
    await page.get_by_role("button", name="Say “Hi”").click()
    await page.get_by_text("This is Ganesh Copy Centre").wait_for()
    assert await page.locator("#chat strong").first.inner_text() == "Ganesh Copy Centre"
    await page.get_by_role("button", name="Send a sample PDF").click()
    await page.get_by_role("button", name="Mix (both) ₹28").click()
    await page.get_by_role("button", name="2 copies").click()
    link = page.locator("#chat a[href*='/l/plink_']")
    async with page.context.expect_page() as opening:
        await link.click()
    paying = await opening.value
    desk.watch(paying)
    await paying.get_by_role("heading", name="₹56.00").wait_for()
    await paying.get_by_role("button", name="UPI").click()
    await paying.wait_for_url(f"{desk.backend}/api/webhooks/razorpay-callback?**")
    await paying.close()

    await page.get_by_text("Show token 41 at the counter").wait_for()
    await page.wait_for_function("document.querySelectorAll('#tray .face-of').length === 12")
    await page.wait_for_function(
        "[...document.querySelectorAll('#tray img')]"
        ".filter((image) => image.naturalWidth > 1).length > 7"
    )
    assert await page.locator("#tray .face-of:not(.grey)").count() == 4
    assert await page.locator(".row", has_text="Receipts: sent · delivered · read").count() >= 5
    assert desk.complaints == []
    assert desk.left == []


async def test_what_others_write_never_becomes_markup(desk: Desk) -> None:
    page = desk.page
    async with httpx2.AsyncClient(base_url=desk.settings.origin) as client:
        name = "<img src=x onerror=alert(1)>"
        await client.post("/control/people", json={"name": name})
        files = {"file": ('"><script>alert(1)</script>.pdf', b"%PDF", "application/pdf")}
        await client.post("/control/people/Asha/send", files=files)
        await client.post(
            "/control/people/Asha/say", json={"text": "<b>x</b> *bold* _it_ a_b_c <b>y</b>"}
        )
    await page.goto(desk.settings.origin)
    said = page.locator("#chat .said", has_text="<b>x</b>")
    await said.wait_for()
    assert await said.inner_text() == "<b>x</b> bold it a_b_c <b>y</b>"
    assert await said.locator("strong").inner_text() == "bold"
    assert await page.locator("#people img, #chat script, #chat b").count() == 0
    assert await page.get_by_role("button", name=name).count() == 1
    assert desk.complaints == []


@pytest.mark.parametrize("width", [390, 1366])
async def test_it_fits_the_window_and_every_control_has_a_name(desk: Desk, width: int) -> None:
    page = desk.page
    await page.set_viewport_size({"width": width, "height": 844})
    await page.goto(desk.settings.origin)
    await page.get_by_text("Say “Hi”").wait_for()
    await page.locator("#quirks button").first.wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    nameless = await page.evaluate(NAMELESS)
    assert nameless == []
    assert desk.complaints == []


async def test_breaking_the_printer_and_the_wire_by_hand(desk: Desk, tmp_path: Path) -> None:
    page = desk.page
    await page.goto(desk.settings.origin)
    await page.get_by_role("button", name="Paper out").click()
    await page.locator("#printer-state", has_text="Paper out").wait_for()
    assert (tmp_path / "quirk").read_text() == "paper_out"
    await page.get_by_text("Make it fail").click()
    await page.get_by_role("button", name="Next message arrives twice").click()
    await page.get_by_text("twilio.webhook.inbound: duplicate, 1 to go").wait_for()
    await page.get_by_label("Message").fill("hello")
    await page.get_by_label("Message").press("Enter")
    rows = page.locator(".row", has_text="Asha says “hello”")
    await rows.nth(1).wait_for()
    await rows.first.locator("summary").click()
    await rows.first.get_by_role("button", name="Wrong signature").click()
    await page.locator(".row", has_text="(wrong signature)").wait_for()
    assert desk.complaints == []


async def test_a_link_nobody_knows(desk: Desk) -> None:
    await desk.page.goto(f"{desk.settings.origin}/l/plink_unknown")
    await desk.page.get_by_text("There is no payment link with that id.").wait_for()


async def test_pages_may_load_nothing_from_elsewhere(desk: Desk) -> None:
    answer = await desk.page.goto(desk.settings.origin)
    assert answer
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert desk.backend in policy.split("form-action")[1]
