"""What is said to customers: once each, whatever Twilio does, and not where it must not."""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import Any

import pytest

from simulator.settings import FAKE_CREDENTIALS
from tests.backend.services.seeds import crowd, customer_who_paid, ordered, paid
from tests.support.outside import TROUBLES, Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def messages_of(shop: House, customer: Customer) -> list[dict[str, Any]]:
    return await shop.sql(
        "SELECT m.* FROM messages m JOIN customers c ON c.id = m.customer_id "
        "WHERE c.address = %s AND m.direction = 'OUT' ORDER BY m.id",
        customer.address,
    )


@pytest.mark.parametrize(("kind", "more"), TROUBLES)
async def test_one_message_whatever_became_of_the_answer(
    shop: House, customer: Customer, kind: str, more: dict[str, Any]
) -> None:
    await shop.outside.trouble("twilio.messages.create", kind, **more)
    await customer.says("Hi")
    await customer.hears("Print Shop")
    await shop.quiet(within=5)
    assert await customer.count("Print Shop") == 1
    assert len(await customer.saw()) == 1
    [message] = await messages_of(shop, customer)
    assert message["sid"]


async def test_a_question_with_buttons_is_asked_once_too(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble("twilio.messages.create", "answer_lost", times=1)
    await ordered(shop, customer)
    await customer.hears("Pay here")
    await shop.quiet(within=5)
    assert await customer.count("How should I print it") == 1
    assert await customer.count("How many copies") == 1
    assert await customer.count("Pay here") == 1


@pytest.mark.parametrize("code", ["63021", "21655"])
async def test_buttons_that_are_refused_become_numbers(
    shop: House, customer: Customer, code: str
) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble(
        "twilio.messages.create", "reject", code=int(code), description="no buttons here"
    )
    await ordered(shop, customer)
    question = await customer.hears("How should I print it")
    await shop.quiet(within=5)
    assert question["buttons"] == []
    assert "1. B&W ₹4" in question["text"]
    assert "2. Colour ₹20" in question["text"]
    assert await customer.count("How should I print it") == 1


async def test_buttons_that_fail_later_become_numbers(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble("twilio.messages.create", "fail_status", code=63021)
    await ordered(shop, customer)
    question = await customer.hears("1. B&W ₹4")
    await shop.quiet(within=5)
    assert question["buttons"] == []
    assert await customer.count("How should I print it") == 1


async def test_a_content_is_made_once_for_a_shape(shop: House) -> None:
    people = await crowd(shop, 3)
    await ordered(shop, people[0])
    await people[0].hears("Pay here")
    await shop.quiet()
    contents = await shop.sql("SELECT key, sid FROM contents ORDER BY key")
    made = len(await shop.outside.asked("twilio.contents.create"))
    assert contents
    for person in people[1:]:
        await ordered(shop, person, copies=7)
        await person.hears("Pay here")
    await shop.quiet()
    assert await shop.sql("SELECT key, sid FROM contents ORDER BY key") == contents
    assert len(await shop.outside.asked("twilio.contents.create")) == made


async def test_a_content_that_twilio_lost_is_made_again_at_once(shop: House) -> None:
    people = await crowd(shop, 3)
    await ordered(shop, people[0])
    await people[0].hears("Pay here")
    await shop.quiet()
    # As after somebody tidied up in Twilio's console: our numbers are nobody's there.
    lost = await shop.sql("UPDATE contents SET sid = 'HX' || md5(key) RETURNING sid")
    asked = len(await shop.outside.asked("twilio.messages.create"))
    greeted = len(await messages_of(shop, people[1]))

    await ordered(shop, people[1])
    question = await people[1].hears("How should I print it")
    await people[1].hears("Pay here")
    await shop.quiet()
    assert [button["title"] for button in question["buttons"]] == ["B&W ₹4", "Colour ₹20"]
    assert await people[1].count("How should I print it") == 1
    kept = await shop.sql("SELECT sid FROM contents")
    replaced = [row for row in lost if row not in kept]
    assert replaced, "what was used is known under another number now"
    # Each of those was refused once, and every message was taken once.
    sent = len(await shop.outside.asked("twilio.messages.create")) - asked
    assert sent == len(replaced) + len(await messages_of(shop, people[1])) - greeted

    made = len(await shop.outside.asked("twilio.contents.create"))
    await ordered(shop, people[2])
    await people[2].hears("Pay here")
    await shop.quiet()
    assert len(await shop.outside.asked("twilio.contents.create")) == made


async def test_a_content_that_cannot_be_made_again_is_text_and_tried_the_next_time(
    shop: House,
) -> None:
    people = await crowd(shop, 3)
    await ordered(shop, people[0])
    await shop.quiet()
    await shop.sql("UPDATE contents SET sid = 'HX' || md5(key)")
    await shop.outside.trouble("twilio.contents.create", "reject", code=63030, times=None)
    await ordered(shop, people[1])
    question = await people[1].hears("How should I print it")
    await shop.quiet()
    assert (question["buttons"], "1. B&W ₹4" in question["text"]) == ([], True)
    await shop.outside.control("DELETE", "/faults")

    await ordered(shop, people[2])
    assert (await people[2].hears("How should I print it"))["buttons"]


async def test_outside_the_window_nothing_is_sent_and_staff_know(
    shop: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await paid(shop, customer)
    await customer.hears("Your token is")
    await shop.quiet()
    seen = len(await customer.saw())
    await shop.sql(
        "UPDATE customers SET last_inbound_at = now() - interval '25 hours' WHERE address = %s",
        customer.address,
    )
    asked = len(await shop.outside.asked("twilio.messages.create"))
    assert await shop.prints(customer) == ["thesis.pdf"]
    await shop.quiet()

    assert len(await shop.outside.asked("twilio.messages.create")) == asked
    assert len(await customer.saw()) == seen
    assert await shop.attention_of(customer) == ["message_not_delivered"]
    last = (await messages_of(shop, customer))[-1]
    assert (last["kind"], last["status"], last["error_code"]) == ("ready", "failed", "63016")
    assert (await shop.order_of(customer))["status"] == "READY"
    assert order["token"]


async def test_who_wrote_stop_hears_only_of_paid_orders(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    await paid(shop, customer)
    await customer.hears("Your token is")
    await customer.replies("stop", "I won't write again")
    await shop.quiet()
    seen = len(await customer.saw())
    await customer.says("price")
    await customer.says("help")
    await shop.quiet()
    assert len(await customer.saw()) == seen
    assert await shop.prints(customer) == ["thesis.pdf"]
    await customer.hears("Ready!")
    await customer.replies("start", "I'm back")


async def test_who_opted_out_at_twilio_is_not_written_to_again(
    shop: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble(
        "twilio.messages.create", "reject", code=21610, description="unsubscribed"
    )
    await customer.says("price")
    await shop.quiet()
    assert await shop.one("SELECT stopped FROM customers WHERE address = %s", customer.address)
    assert (await messages_of(shop, customer))[-1]["status"] == "failed"
    asked = len(await shop.outside.asked("twilio.messages.create"))
    await customer.says("help")
    await shop.quiet()
    assert len(await shop.outside.asked("twilio.messages.create")) == asked

    # Who writes START has opted in again there as well.
    await customer.replies("start", "I'm back")
    await customer.replies("price", "per page")


async def test_receipts_in_any_order_never_go_back(shop: House, customer: Customer) -> None:
    orders = list(permutations(("sent", "delivered", "read")))
    await shop.outside.trouble("twilio.webhook.status.*", "drop", times=None)
    for number in range(len(orders)):
        await customer.says(f"price {'x' * number}")
    await shop.quiet()
    messages = [row for row in await messages_of(shop, customer) if row["sid"]][: len(orders)]
    assert len(messages) == len(orders)

    async def receipts(sid: str, names: tuple[str, ...]) -> None:
        for name in (*names, *reversed(names)):
            form = {
                "AccountSid": FAKE_CREDENTIALS["TWILIO_ACCOUNT_SID"],
                "MessageSid": sid,
                "MessageStatus": name,
                "From": FAKE_CREDENTIALS["TWILIO_WHATSAPP_NUMBER"],
                "To": customer.address,
            }
            answer = await shop.outside.twilio_says(form, path="/webhook/twilio/status")
            assert answer.status_code == 200, answer.text
            await shop.quiet()

    for message, names in zip(messages, orders, strict=True):
        await receipts(message["sid"], names)
    after = [row["status"] for row in await messages_of(shop, customer)][: len(orders)]
    assert after == ["read"] * len(orders)


async def test_a_receipt_of_somebody_elses_message_changes_nothing(shop: House) -> None:
    form = {
        "AccountSid": FAKE_CREDENTIALS["TWILIO_ACCOUNT_SID"],
        "MessageSid": "SM" + "0" * 32,
        "MessageStatus": "failed",
        "ErrorCode": "63016",
        "From": FAKE_CREDENTIALS["TWILIO_WHATSAPP_NUMBER"],
        "To": "whatsapp:+919000000000",
    }
    items = await shop.one("SELECT count(*) FROM attention_items")
    answer = await shop.outside.twilio_says(form, path="/webhook/twilio/status")
    assert answer.status_code == 200
    await shop.quiet()
    assert await shop.one("SELECT count(*) FROM attention_items") == items


async def test_ready_never_overtakes_paid(shop: House, customer: Customer) -> None:
    await shop.outside.trouble("twilio.messages.create", "slow", times=3, seconds=0.4)
    await customer_who_paid(shop, customer)
    assert await shop.prints(customer) == ["thesis.pdf"]
    await customer.hears("Ready!")
    said = [text for text in await customer.saw() if "oken" in text]
    assert ["Your token is" in text for text in said] == [True, False]
    assert "Ready!" in said[1]


async def test_messages_of_many_come_in_the_order_they_were_written(shop: House) -> None:
    people = await crowd(shop, 4)
    greeted = [await person.saw() for person in people]

    async def writes(person: Customer) -> None:
        for word in ("price", "status", "help"):
            await person.says(word)

    await asyncio.gather(*map(writes, people))
    await shop.quiet(timeout=30)
    for person, before in zip(people, greeted, strict=True):
        answers = (await person.saw())[len(before) :]
        for words, answer in zip(
            ("per page", "no open order", "you can write"), answers, strict=True
        ):
            assert words in answer


@pytest.mark.parametrize("code", [63016, 63024])
async def test_a_message_that_did_not_arrive_is_an_item_and_not_a_loop(
    shop: House, customer: Customer, code: int
) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble("twilio.messages.create", "fail_status", code=code)
    asked = len(await shop.outside.asked("twilio.messages.create"))
    await customer.says("price")
    await shop.quiet()
    await shop.inside.housekeeping.lost_tasks()
    await shop.quiet()
    assert len(await shop.outside.asked("twilio.messages.create")) == asked + 1
    last = (await messages_of(shop, customer))[-1]
    assert (last["status"], last["error_code"]) == ("failed", str(code))
    assert await shop.one(
        "SELECT kind FROM attention_items WHERE subject = %s", f"message:{last['id']}"
    ) == ("message_not_delivered")
