"""A customer's file that no try can prepare: there is an answer, and nothing hangs."""

from __future__ import annotations

import asyncio
import io
import time

import pytest

from tests.backend.adapters.made_pictures import quarters
from tests.support.outside import PATIENCE, Customer, pdf_of
from tests.support.shop import House, bank_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def hears_at_last(shop: House, customer: Customer, words: str) -> None:
    """Lets the waits between the tries pass at once, until the shop says these words."""
    deadline = time.monotonic() + 2 * PATIENCE
    while not await customer.count(words):
        assert time.monotonic() < deadline, f"never said: {words}"
        await shop.sql("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
        await asyncio.sleep(0.05)
    await shop.quiet()


async def test_a_file_that_twilio_never_has_is_asked_for_again(
    shop: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    before = len(await shop.outside.asked("twilio.media.fetch"))
    await shop.outside.trouble("twilio.media.fetch", "media_404", times=None)
    await customer.sends(pdf_of(1))
    await hears_at_last(shop, customer, "didn't give me that file")

    assert len(await shop.outside.asked("twilio.media.fetch")) - before == 7
    [row] = await shop.documents_of(customer)
    assert (row["status"], row["reason"]) == ("REFUSED", "not_fetched")
    assert await shop.orders_of(customer) == []
    assert await customer.count("didn't give me that file") == 1
    await customer.replies("status", "no open order")

    await shop.outside.calm()
    assert await customer.wants(copies=1), "the same file, sent again, is taken"


async def test_an_order_whose_file_cannot_be_made_is_closed_in_words(
    shop: House, customer: Customer
) -> None:
    await customer.sends(pdf_of(2))
    await customer.hears("How should I print it")
    await customer.replies("bw", "How many copies")
    [document] = await shop.documents_of(customer)
    await shop.inside.store.delete(document["storage_key"])
    await customer.says("1")
    await hears_at_last(shop, customer, "Something went wrong on our side")

    order = await shop.order_of(customer)
    assert (order["status"], order["choices"] is None) == ("CANCELLED", False)
    assert await shop.payments_of(customer) == []
    assert await shop.attention_of(customer) == ["file_not_made"]
    detail = await shop.one("SELECT detail FROM attention_items WHERE order_id = %s", order["id"])
    assert detail == f"The file of order {order['code']} could not be prepared (NotFound)."
    await customer.replies("status", "no open order")
    await shop.sql(
        "UPDATE orders SET updated_at = now() - interval '5 minutes' WHERE id = %s", order["id"]
    )
    await shop.inside.housekeeping.lost_tasks()
    await shop.quiet(within=5)
    assert await customer.count("Something went wrong on our side") == 1

    link = await customer.wants(copies=1)
    await bank_of(shop).captures(link)
    await customer.hears("Your token is")


async def test_somebody_who_changed_his_mind_is_not_given_up(
    shop: House, customer: Customer
) -> None:
    """The order that is being answered now is not closed by a try of before."""
    await customer.sends(pdf_of(2))
    await customer.hears("How should I print it")
    await customer.replies("bw", "How many copies")
    await customer.replies("1", "Pay here")
    await customer.replies("back", "How many copies")
    order = await shop.order_of(customer)

    await shop.inside.print_ready.give_up(order["id"], "a try of before")

    assert (await shop.order_of(customer))["status"] == "DRAFT"
    assert await shop.attention_of(customer) == []
    assert await customer.count("Something went wrong") == 0


async def test_a_sheet_that_cannot_be_made_gives_way_to_the_photo(
    shop: House, customer: Customer
) -> None:
    photo = io.BytesIO()
    quarters((900, 1200)).save(photo, "JPEG", quality=92)
    await customer.sends(photo.getvalue(), name="me.jpg", kind="image/jpeg")
    await customer.hears("How should I print it")
    await shop.sql(
        "CREATE FUNCTION no_sheets() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF new.message_sid LIKE 'sheet:%' THEN RAISE EXCEPTION 'no sheets today'; END IF; "
        "RETURN new; END $$"
    )
    await shop.sql(
        "CREATE TRIGGER no_sheets BEFORE INSERT ON documents FOR EACH ROW "
        "EXECUTE FUNCTION no_sheets()"
    )
    try:
        await customer.replies("passport size photos", "Laying your photo out")
        await hears_at_last(shop, customer, "couldn't lay these photos out")
    finally:
        await shop.sql("DROP TRIGGER no_sheets ON documents")

    assert await customer.count("How should I print it") == 2
    [document] = await shop.documents_of(customer)
    order = await shop.order_of(customer)
    assert (document["name"], document["order_id"]) == ("me.jpg", order["id"])
    assert order["status"] == "DRAFT"
    await customer.replies("colour", "How many copies")
    await customer.replies("1", "Pay here")


async def test_a_message_that_cannot_be_sent_is_given_up_and_not_taken_up_again(
    shop: House, customer: Customer
) -> None:
    """A row that our own code stumbles over, every time."""
    await customer.replies("Hi", "Print Shop")
    await shop.quiet()
    [message] = await shop.sql(
        "INSERT INTO messages (shop_id, customer_id, direction, dedup_key, kind, body, buttons, "
        "status, staged_at) SELECT shop_id, id, 'OUT', 'poison:' || id, 'welcome', 'Hello', "
        "'[{}]', 'STAGED', now() - interval '5 minutes' FROM customers WHERE address = %s "
        "RETURNING id",
        customer.address,
    )
    await shop.inside.housekeeping.lost_tasks()
    deadline = time.monotonic() + 2 * PATIENCE
    while await shop.one("SELECT status FROM messages WHERE id = %s", message["id"]) == "STAGED":
        assert time.monotonic() < deadline, "it is tried for ever"
        await shop.sql("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
        await asyncio.sleep(0.05)

    item = f"message:{message['id']}"
    [asked] = await shop.sql("SELECT * FROM attention_items WHERE subject = %s", item)
    assert (asked["kind"], asked["detail"]) == ("message_not_delivered", "welcome: KeyError")
    async with shop.inside.unit_of_work("system:test") as tx:
        lost = [message_id for message_id, _ in await tx.messages.unsent(older_than_seconds=0)]
    assert message["id"] not in lost
    assert await customer.count("Hello") == 0


async def test_a_link_that_cannot_be_kept_leaves_the_counter(
    shop: House, customer: Customer
) -> None:
    await shop.sql(
        "CREATE FUNCTION no_links() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'no links today'; END $$"
    )
    await shop.sql(
        "CREATE TRIGGER no_links BEFORE UPDATE ON payments FOR EACH ROW "
        "WHEN (new.status = 'LINK_SENT') EXECUTE FUNCTION no_links()"
    )
    try:
        await customer.sends(pdf_of(1))
        await customer.hears("How should I print it")
        await customer.replies("bw", "How many copies")
        await customer.says("1")
        await hears_at_last(shop, customer, "at the counter and we'll print it")
    finally:
        await shop.sql("DROP TRIGGER no_links ON payments")

    assert [row["status"] for row in await shop.payments_of(customer)] == ["FAILED"]
    assert await shop.attention_of(customer) == ["no_payment_link"]
    assert (await shop.order_of(customer))["status"] == "PAYMENT_PENDING"
    assert await customer.count("Pay here") == 0
