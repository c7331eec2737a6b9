"""The pages in a real browser: no error, no report, nothing hostile comes alive, Undo works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from app.models_orders import Order
from app.services.capture_service import Seen
from tests.backend.web.counter import OWNER, PASSWORD, Counter
from tests.support.programs import CHROMIUM_FLAGS, needs_program

HOSTILE_NAME = "<img src=x onerror=alert(1)>"
HOSTILE_FILE = '"><script>alert(2)</script><svg onload=alert(3)>.pdf'


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    program = needs_program("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield browser
        await browser.close()


@dataclass
class Window:
    """A page that remembers every complaint and every request that left the shop."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    async def open(self, path: str, *, status: int = 200) -> None:
        answer = await self.page.goto(self.url + path)
        assert answer is not None
        assert answer.status == status
        if status >= 400:
            # Chromium mentions the status itself on the console.
            self.complaints = [said for said in self.complaints if f"of {status}" not in said]

    async def sign_in(self) -> None:
        await self.open("/staff")
        await self.page.fill("#name", OWNER)
        await self.page.fill("#password", PASSWORD)
        await self.page.click("button[type=submit]")
        await self.page.wait_for_selector("#board")

    async def text(self, selector: str) -> str:
        return await self.page.inner_text(selector)


@asynccontextmanager
async def window(
    counter: Counter,
    chromium: Browser,
    *,
    width: int = 1366,
    scheme: str = "light",
    scripts: bool = True,
) -> AsyncIterator[Window]:
    async with counter.serving() as url:
        context = await chromium.new_context(
            viewport={"width": width, "height": 844},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=scripts,
        )
        shown = Window(await context.new_page(), url)
        page = shown.page
        page.on("console", lambda message: shown.complaints.append(message.text))
        page.on("pageerror", lambda error: shown.complaints.append(str(error)))
        page.on("dialog", lambda dialog: shown.complaints.append(f"dialog {dialog.message}"))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(url) else shown.strangers.append(request.url)
            ),
        )
        yield shown
        await context.close()
    assert shown.complaints == []
    assert shown.strangers == []


async def busy_day(counter: Counter) -> dict[str, Order]:
    await counter.hire()
    printing, _ = await counter.at_the_printer("Priya Deshmukh")
    return {
        "waiting": await counter.asked("Ravi", "Sem-5 DBMS notes with a very long name indeed.pdf"),
        "hostile": await counter.paid(HOSTILE_NAME, HOSTILE_FILE),
        "printing": printing,
        "ready": await counter.ready("सुनीता पाटील", "बिजली बिल.pdf", language="hi"),
        "lost": await counter.lost("Dev Mehta"),
    }


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (1366, "dark"), (390, "light")])
async def test_every_page_is_quiet_fits_and_runs_nothing_hostile(
    counter: Counter, chromium: Browser, width: int, scheme: str
) -> None:
    orders = await busy_day(counter)
    async with window(counter, chromium, width=width, scheme=scheme) as shown:
        await shown.sign_in()
        paths = ["/staff", "/staff/orders", "/staff/attention", "/staff/orders?q=zzz"]
        paths += ["/staff/money", "/staff/money?span=month"]
        for order in orders.values():
            paths += [f"/staff/orders/{order.id}", f"/o/{order.page_token}"]
        for path in paths:
            await shown.open(path)
            # Wider than the window would mean scrolling sideways.
            assert await shown.page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert await shown.page.locator("h1").count() == 1, path
            assert await shown.page.locator("main img, main script").count() == 0, path
        for path in ("/staff/nothing", "/o/-"):
            await shown.open(path, status=404)
        await shown.open(f"/staff/orders/{orders['hostile'].id}")
        assert HOSTILE_FILE in await shown.text("#o-files")


async def test_the_board_moves_by_itself(counter: Counter, chromium: Browser) -> None:
    await counter.hire()
    async with window(counter, chromium) as shown:
        await shown.sign_in()
        assert await shown.text("#column-to-print h2 span") == "0"
        await shown.page.fill("#search", "half a wor")
        order = await counter.paid(HOSTILE_NAME, HOSTILE_FILE)

        await shown.page.wait_for_selector(f"#card-{order.id}", timeout=10_000)
        assert await shown.page.title() == "(1) Queue"
        assert await shown.text("#announce") == "1 to print, 0 printing, 0 ready, 0 need you"
        assert await shown.page.input_value("#search") == "half a wor"
        assert await shown.page.evaluate("document.activeElement.id") == "search"
        assert await shown.text("#live") == "Live"


async def test_handing_over_keeps_the_page_and_can_be_undone(
    counter: Counter, chromium: Browser
) -> None:
    await counter.hire()
    order = await counter.ready()
    other = await counter.ready("Imran")
    async with window(counter, chromium) as shown:
        await shown.sign_in()
        await shown.page.evaluate("window.same = true")
        await shown.page.click(f"#give-{order.id}")
        await shown.page.wait_for_selector(".toast")
        assert f"Token {order.token} handed over" in await shown.text(".toast")
        await expect(shown.page.locator(f"#card-{order.id}")).to_have_count(0)
        await expect(shown.page.locator(f"#card-{other.id}")).to_have_count(1)
        assert (await counter.now(order)).status == "COLLECTED"

        await shown.page.wait_for_timeout(4500)  # a refresh has passed; Undo is still offered
        await shown.page.click(".toast button")
        await shown.page.wait_for_selector(f"#card-{order.id}")
        assert (await counter.now(order)).status == "READY"
        assert await shown.page.evaluate("window.same"), "the page was never left"


async def test_without_scripts_everything_still_works(counter: Counter, chromium: Browser) -> None:
    await counter.hire()
    order = await counter.ready()
    async with window(counter, chromium, scripts=False) as shown:
        await shown.sign_in()
        await shown.page.click(f"#give-{order.id}")
        await expect(shown.page.locator(".toast")).to_contain_text(
            f"Token {order.token} handed over"
        )
        assert (await counter.now(order)).status == "COLLECTED"
        await shown.page.click(".toast button")
        await expect(shown.page.locator(f"#give-{order.id}")).to_be_visible()
        assert (await counter.now(order)).status == "READY"
        await shown.page.fill("#search", order.token)
        await shown.page.press("#search", "Enter")
        await expect(shown.page.locator("tbody tr")).to_have_count(1)
        await shown.open(f"/o/{order.page_token}")
        assert await shown.text(".token") == order.token
        assert await shown.page.locator("[data-print]:visible").count() == 0
        await shown.open("/staff")
        await shown.page.click(".me button")
        await expect(shown.page.locator("#password")).to_have_count(1)


@pytest.mark.parametrize("scripts", [True, False])
async def test_cash_is_taken_and_a_question_answered(
    counter: Counter, chromium: Browser, scripts: bool
) -> None:
    await counter.hire()
    waits, lost = await counter.asked("Ravi"), await counter.lost("Dev")
    async with window(counter, chromium, width=390, scripts=scripts) as shown:
        await shown.sign_in()
        await shown.page.click(f"#card-{waits.id} .cash button")
        await expect(shown.page.locator(".toast")).to_contain_text("₹56 taken. The number is")
        assert (await counter.now(waits)).status == "PAID"

        await shown.open("/staff/attention")
        await shown.page.click("summary:has-text('Print all of it again')")
        note = shown.page.locator("details[open] input[name=note]")
        await note.fill("page 2 is torn")
        await note.blur()
        if scripts:
            # Something else comes up meanwhile: what is being written stays.
            seen = Seen(payment_id="pay_nobodys", amount_paise=4800, currency="INR", method="upi")
            await counter.shop.captures.settle(seen, door="webhook")
            await expect(shown.page.locator(".item")).to_have_count(2, timeout=12_000)
        assert await note.input_value() == "page 2 is torn"
        await shown.page.click("details[open] button")
        await expect(shown.page.locator(".toast")).to_contain_text("Done: Print all of it again")
    async with counter.shop.unit_of_work("system:test") as tx:
        jobs = await tx.orders.jobs(lost.id)
    assert [(job.kind, job.status, job.reason) for job in jobs] == [
        ("ORIGINAL", "CANCELLED", ""),
        ("REPRINT", "QUEUED", "page 2 is torn"),
    ]


async def test_the_customer_watches_the_order_become_ready(
    counter: Counter, chromium: Browser
) -> None:
    order, done = await counter.at_the_printer()
    async with window(counter, chromium, width=390) as shown:
        await shown.open(f"/o/{order.page_token}")
        assert "Printing now" in await shown.text("#c-state")
        size = "parseFloat(getComputedStyle(document.querySelector('.token')).fontSize)"
        assert await shown.page.evaluate(size) >= 64, "readable from across the counter"

        await counter.shop.printing.report(counter.shop_id, done)
        await shown.page.wait_for_selector("text=Ready — collect at the counter", timeout=12_000)
        assert await shown.page.locator(".steps .done").count() == 4


async def test_a_printed_receipt_has_the_bill_and_no_buttons(
    counter: Counter, chromium: Browser
) -> None:
    order = await counter.paid()
    async with window(counter, chromium) as shown:
        await shown.open(f"/o/{order.page_token}")
        await shown.page.emulate_media(media="print")
        for gone in (".actions", ".privacy", ".steps"):
            assert await shown.page.locator(f"{gone}:visible").count() == 0
        receipt = await shown.text(".receipt")
        for words in ("DBMS unit 2.pdf", "4 B&W × 2 at ₹2", "Paid · Cash", "₹56", order.code):
            assert words in receipt


async def test_an_ended_session_leads_to_the_door_by_itself(
    counter: Counter, chromium: Browser
) -> None:
    await counter.hire()
    async with window(counter, chromium) as shown:
        await shown.sign_in()
        await counter.shop.staff.reset_password(OWNER, "another password")
        await shown.page.wait_for_selector("#password", timeout=10_000)
        shown.complaints = [said for said in shown.complaints if "401" not in said]
