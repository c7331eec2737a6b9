"""Two backends, one database, one Redis: one shop, as far as anybody outside can tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from playwright.sync_api import Page, sync_playwright

from tests.e2e.conftest import City
from tests.support.processes import eventually
from tests.support.programs import CHROMIUM_FLAGS, needs_program
from tests.support.town import Customer, Town, at_rest

Make = Callable[[], Customer]
CROWD = 10
SWEEP_SECONDS = 45.0


def test_a_customer_served_by_two_backends_in_turn_notices_nothing(
    city: City, somebody: Make
) -> None:
    town, customer = city.town, somebody()
    before = dict(city.proxy.passed)

    link = customer.is_asked_to_pay(pages=3, copies=2)
    town.bank.pays(link)
    customer.hears("Ready!")

    assert all(city.proxy.passed[port] > before.get(port, 0) for port in town.ports)
    texts = customer.saw()
    assert [len([text for text in texts if words in text]) for words in ANSWERS] == [1] * 5
    assert len(texts) == 5
    order = town.order_of(customer)
    assert (order["status"], order["job_status"]) == ("READY", "COMPLETED")
    assert len(town.paper.sides(order["job"])) == 6
    [quoted] = town.sql("SELECT sha256 FROM quotes WHERE order_id = %s", order["id"])
    handed_over = {side["sha256"] for side in town.paper.sides(order["job"])}
    assert handed_over == {quoted["sha256"]}, "printed is what was priced"
    assert (
        town.paper.words(order["job"]) == [f"{customer.name} page {page}" for page in (1, 2, 3)] * 2
    )


ANSWERS = ("How should I print it", "How many copies", "Pay here", "received. Your token", "Ready!")


def test_messages_that_arrive_twice_are_answered_once(city: City, somebody: Make) -> None:
    town, customer = city.town, somebody()
    for operation in ("twilio.webhook.inbound", "razorpay.webhook.*"):
        body = {"operation": operation, "kind": "duplicate", "copies": 3, "times": None}
        town.control("POST", "/faults", body)
    try:
        town.bank.pays(customer.is_asked_to_pay())
        customer.hears("Ready!")
        eventually(lambda: at_rest(town), why="work is left")
    finally:
        town.control("DELETE", "/faults")

    assert len(customer.saw()) == 5
    assert len(town.paper.sides(town.order_of(customer)["job"])) == 2


def test_ten_customers_at_once_each_get_their_own_pages(town: Town, somebody: Make) -> None:
    people = [somebody() for _ in range(CROWD)]

    def order(customer: Customer, pages: int) -> None:
        town.bank.pays(customer.is_asked_to_pay(pages=pages, copies=2))
        customer.hears("Ready!", seconds=90)

    with ThreadPoolExecutor(CROWD) as pool:
        for done in [pool.submit(order, who, 1 + n % 3) for n, who in enumerate(people)]:
            done.result(timeout=150)

    tokens = set()
    for number, customer in enumerate(people):
        placed = town.order_of(customer)
        tokens.add(placed["token"])
        expected = [f"{customer.name} page {page}" for page in range(1, 2 + number % 3)]
        assert town.paper.words(placed["job"]) == expected * 2
        assert customer.count("Ready!") == 1
        assert f"*{placed['token']}*" in customer.saw()[-1]
    assert len(tokens) == CROWD


def test_while_the_worker_is_away_orders_wait_and_then_print(town: Town, somebody: Make) -> None:
    assert town.worker.stop() == 0
    people = [somebody(), somebody()]
    for customer in people:
        town.bank.pays(customer.is_asked_to_pay())
        customer.hears("received. Your token")
    assert [town.order_of(customer)["job_status"] for customer in people] == ["QUEUED"] * 2

    town.start_what_died()

    for customer in people:
        customer.hears("Ready!")
        assert len(town.paper.sides(town.order_of(customer)["job"])) == 2


def test_a_payment_nobody_told_us_about_is_found(town: Town, somebody: Make) -> None:
    customer = somebody()
    town.bank.pays(customer.is_asked_to_pay(), "no_webhook")
    # The minute until the first look at the link passes.
    town.sql("UPDATE payments SET next_look_at = clock_timestamp() WHERE next_look_at IS NOT NULL")

    customer.hears("Ready!", seconds=SWEEP_SECONDS)

    order = town.order_of(customer)
    paid = town.sql("SELECT captured_by FROM payments WHERE order_id = %s", order["id"])
    assert paid == [{"captured_by": "system:sweep"}]
    assert len(town.paper.sides(order["job"])) == 2


def test_money_that_comes_after_expiry_still_prints(town: Town, somebody: Make) -> None:
    customer = somebody()
    link = customer.is_asked_to_pay()
    town.control("POST", f"/links/{town.bank.link(link)['id']}/expire")
    customer.hears("The time to pay has run out")
    assert town.order_of(customer)["status"] == "EXPIRED"

    town.bank.pays(link, "late")

    customer.hears("Ready!")
    order = town.order_of(customer)
    assert order["status"] == "READY"
    assert len(town.paper.sides(order["job"])) == 2
    [paid] = town.sql("SELECT rzp_payment_id FROM payments WHERE order_id = %s", order["id"])
    assert paid["rzp_payment_id"]
    given_back = {refund["payment_id"] for refund in town.bank.refunds()}
    assert paid["rzp_payment_id"] not in given_back


def test_a_redis_that_forgets_everything_costs_ten_seconds_at_most(
    town: Town, somebody: Make
) -> None:
    client = redis.Redis.from_url(town.plan.redis_url)
    assert town.worker.stop() == 0
    customer = somebody()
    town.bank.pays(customer.is_asked_to_pay())
    customer.hears("received. Your token")
    # This town's list is all it knows of us; the rest of a shared Redis is not ours.
    eventually(lambda: client.delete(town.plan.queue_name), why="the job was rung for")
    client.close()
    town.worker.start()
    town.worker.waits_for("serves")

    began = time.monotonic()
    customer.hears("Ready!")
    assert time.monotonic() - began < 10
    assert len(town.paper.sides(town.order_of(customer)["job"])) == 2


@pytest.fixture
def page(town: Town) -> object:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=needs_program("chromium"), args=CHROMIUM_FLAGS
        )
        opened = browser.new_page(viewport={"width": 1366, "height": 860})
        opened.set_default_timeout(40_000)
        yield opened
        browser.close()


def test_the_whole_pass_in_a_browser(town: Town, page: Page) -> None:
    complaints: list[str] = []

    def watch(tab: Page) -> None:
        tab.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))

    watch(page)
    printed = len(town.paper.sides())
    page.goto(town.outside)
    page.get_by_role("button", name="Say “Hi”").click()
    page.locator("#chat").get_by_text("Send me a PDF, Word file or photo").wait_for()
    page.get_by_role("button", name="Send a sample PDF").click()
    page.get_by_role("button", name="Mix (both) ₹28").click()
    page.get_by_role("button", name="2 copies").click()
    link = page.locator("#chat a[href*='/l/plink_']")
    with page.context.expect_page() as opening:
        link.last.click()
    paying = opening.value
    watch(paying)
    paying.get_by_role("heading", name="₹56.00").wait_for()
    paying.get_by_role("button", name="UPI").click()
    paying.wait_for_url(f"{town.url}/o/**", timeout=40_000)
    paying.get_by_text("56").first.wait_for()

    page.locator("#chat").get_by_text("at the counter").last.wait_for()
    eventually(lambda: len(town.paper.sides()) == printed + 12, why="12 sides on paper")
    page.wait_for_function("document.querySelectorAll('#tray .face-of').length >= 12")
    assert complaints == []
