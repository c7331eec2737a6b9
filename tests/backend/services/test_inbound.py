"""Whatever customers write or send: understood or answered, never an error, never lost."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
from typing import Any
from urllib.parse import urlencode

import pytest

from simulator.settings import FAKE_CREDENTIALS
from tests.backend.services.seeds import crowd, ordered
from tests.support.outside import Bank, Customer, pdf_of
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAUGHTY = [
    "\x00",
    "a\x00b",
    "\ud800",
    "x\udfffy",
    "\u202ecod.exe",
    "\u200b\u200b",
    "\ufeffhi",
    "\r\n\r\n",
    "\t",
    " ",
    "\u200b",
    "x" * 4096,
    "x" * 4097,
    "9" * 4096,
    "२" * 100,
    "नमस्ते दुनिया",
    "مرحبا",
    "日本語テキスト",
    "👩‍👩‍👧‍👦" * 50,
    "Z̴̡̛͈̗a̵͎l̷̙g̸͓o̶̥",
    "'; DROP TABLE orders; --",
    "' OR '1'='1",
    '"; SELECT pg_sleep(5); --',
    "\\",
    "\\x00",
    "%",
    "%s%s%s%n",
    "%00",
    "{0}{}",
    "{{1}}",
    "{{ 7*7 }}",
    "${jndi:ldap://x/}",
    "$(reboot)",
    "`id`",
    "<script>alert(1)</script>",
    "<Response><Message>hi</Message></Response>",
    "]]>",
    "&lt;&amp;",
    "=cmd|'/c calc'!A1",
    "../../etc/passwd",
    "con.pdf",
    "nul",
    "null",
    "None",
    "NaN",
    "undefined",
    "true",
    "-1",
    "0",
    "1e3",
    "1.5",
    "٣",
    "Infinity",
    "0x10",
    "007",
    "1_000",
    "2;3",
    "1,000",
    "cancel\x00",
    "STOP ",
    "{ $total }",
    "*bold* _it_ ~no~ ```code```",
]


def form_of(customer: Customer, body: str = "Hi", **more: str) -> dict[str, str]:
    """A message as Twilio's own forms are, made by hand so that anything can stand in it."""
    kind = "MM" if more.get("NumMedia", "0") != "0" else "SM"
    return {
        "AccountSid": FAKE_CREDENTIALS["TWILIO_ACCOUNT_SID"],
        "ApiVersion": "2010-04-01",
        "Body": body,
        "From": customer.address,
        "MessageSid": kind + secrets.token_hex(16),
        "MessageType": "text",
        "NumMedia": "0",
        "NumSegments": "1",
        "ProfileName": customer.name,
        "To": FAKE_CREDENTIALS["TWILIO_WHATSAPP_NUMBER"],
        "WaId": customer.phone.removeprefix("+"),
        **more,
    }


async def none_dead(shop: House) -> None:
    assert await shop.sql("SELECT id, reason FROM webhook_logs WHERE status = 'DEAD'") == []


async def test_naughty_words_and_names_are_never_an_error(shop: House) -> None:
    people = await crowd(shop, 8)
    for number, text in enumerate(NAUGHTY):
        customer = people[number % len(people)]
        form = form_of(customer, text, ProfileName=text)
        encoded = {name: value.encode("utf-8", "surrogatepass") for name, value in form.items()}
        answer = await _signed(shop, encoded)
        assert answer == 200, (text, answer)
    await shop.quiet(within=20, timeout=60)
    await none_dead(shop)
    for customer in people:
        await shop.sql("UPDATE customers SET stopped = false WHERE address = %s", customer.address)
        await customer.replies("price", "per page")


async def _signed(shop: House, form: dict[str, bytes]) -> int:
    """Signs the bytes as they are, as Twilio would."""
    text = b"https://shop.example.test/webhook/twilio" + b"".join(
        name.encode() + form[name] for name in sorted(form)
    )
    token = FAKE_CREDENTIALS["TWILIO_AUTH_TOKEN"].encode()
    answer = await shop.api.post(
        "/webhook/twilio",
        content=urlencode(form),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": base64.b64encode(
                hmac.new(token, text, hashlib.sha1).digest()
            ).decode(),
        },
    )
    return answer.status_code


async def test_naughty_answers_at_every_question(shop: House) -> None:
    people = await crowd(shop, 3)

    async def story(customer: Customer, at: int) -> None:
        await ordered(shop, customer)
        await customer.hears("Pay here")
        if at == 1:
            await customer.replies("back", "How many copies")
        if at == 2:
            await customer.replies("back", "How many copies")
            await customer.replies("back", "How should I print it")
        for text in ("\x00", "0", "101", "1e3", "ten thousand", "x" * 4096):
            assert (await shop.outside.twilio_says(form_of(customer, text))).status_code == 200

    await asyncio.gather(*(story(person, at) for at, person in enumerate(people)))
    await shop.quiet(timeout=60)
    await none_dead(shop)
    assert (await shop.order_of(people[0]))["status"] == "PAYMENT_PENDING"
    assert (await shop.order_of(people[1]))["status"] == "DRAFT"
    assert (await shop.order_of(people[2]))["status"] == "DRAFT"
    for person in people:
        assert await shop.jobs_of(person) == []


async def test_one_message_in_many_copies_is_one_turn(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    form = form_of(customer, "price")
    answers = await asyncio.gather(*(shop.outside.twilio_says(form) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    await customer.hears("per page", after=2)
    await shop.quiet()
    assert len(await customer.saw()) == 2


async def test_one_person_under_two_addresses(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.control("PATCH", f"/people/{customer.name}", {"hidden": True})
    await customer.replies("price", "per page")
    known = await shop.sql("SELECT name FROM customers WHERE name = %s", customer.name)
    assert len(known) == 1


async def test_two_files_in_one_moment_are_two_orders(
    shop: House, customer: Customer, bank: Bank
) -> None:
    await customer.replies("Hi", "Print Shop")
    await asyncio.gather(
        customer.sends(pdf_of(1), name="first.pdf"), customer.sends(pdf_of(2), name="second.pdf")
    )
    await customer.hears("is kept")
    await shop.quiet()
    await customer.replies("bw", "How many copies")
    pay_here = (await customer.replies("1", "Pay here"))["links"][0]
    known = len(await customer.chat())
    await bank.captures(pay_here)
    await customer.hears("How should I print it", after=known)
    await shop.quiet()
    await customer.replies("bw", "How many copies")
    known = len(await customer.chat())
    await customer.says("1")
    await bank.captures((await customer.hears("Pay here", after=known))["links"][0])
    await customer.hears("Your token is", after=known)
    await shop.quiet()
    assert sorted(await shop.prints(customer)) == ["first.pdf", "second.pdf"]


async def test_words_that_overtake_their_file(shop: House, customer: Customer) -> None:
    await customer.says("2")
    await customer.sends(pdf_of(2))
    await customer.hears("How should I print it")
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "DRAFT"


@pytest.mark.parametrize("times", [1, 3])
async def test_a_file_that_is_not_there_yet_arrives(
    shop: House, customer: Customer, times: int
) -> None:
    await shop.outside.trouble("twilio.media.fetch", "media_404", times=times)
    await customer.sends(pdf_of(1))
    await customer.hears("How should I print it", timeout=40)
    await shop.quiet(within=5)
    assert await customer.count("didn't give me that file") == 0


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"%PDF-1.7 nonsense", "broken.pdf", "couldn't open"),
        (b"", "empty.pdf", ""),
        (b"MZ\x90\x00" + b"\x00" * 100, "virus.pdf", "can't open this kind"),
        (b"<html><script>alert(1)</script></html>", "page.pdf", "can't open this kind"),
        (b"PK\x03\x04" + b"\x00" * 100, "letter.docx", ""),
    ],
    ids=["broken", "empty", "program", "page", "not-word"],
)
async def test_a_file_that_cannot_be_printed_is_refused_in_words(
    shop: House, customer: Customer, data: bytes, name: str, words: str
) -> None:
    await customer.replies("Hi", "Print Shop")
    await customer.sends(data, name=name)
    await customer.hears(words or "😕", timeout=40)
    await shop.quiet()
    assert await shop.orders_of(customer) == []
    rows = await shop.sql(
        "SELECT d.status FROM documents d JOIN customers c ON c.id = d.customer_id "
        "WHERE c.address = %s",
        customer.address,
    )
    assert [row["status"] for row in rows] == ["REFUSED"]
    await customer.replies("status", "no open order")


async def test_naughty_file_names_stay_labels(shop: House) -> None:
    names = ["../../etc/passwd.pdf", "con.pdf", "\u202efdp.exe.pdf", "<script>.pdf", "=cmd().pdf",
             "x" * 300 + ".pdf", "a\nb.pdf", "{0}%s.pdf"]  # fmt: skip
    people = await crowd(shop, len(names))

    async def story(customer: Customer, name: str) -> None:
        await customer.sends(pdf_of(1), name=name)
        await customer.hears("How should I print it", timeout=40)

    await asyncio.gather(*map(story, people, names))
    await shop.quiet()
    await none_dead(shop)
    stored = await shop.sql(
        "SELECT c.address, d.name, d.storage_key FROM documents d "
        "JOIN customers c ON c.id = d.customer_id WHERE d.status = 'READY' AND c.address = ANY(%s)",
        [person.address for person in people],
    )
    label = {row["address"]: row["name"] for row in stored}
    assert [label[person.address] for person in people] == [name[:80] for name in names]
    for row in stored:
        assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{30}\.pdf", row["storage_key"])


@pytest.mark.parametrize("kind", ["audio/ogg", "video/mp4", "text/vcard"])
async def test_what_cannot_be_paper_is_said(shop: House, customer: Customer, kind: str) -> None:
    await customer.sends(b"OggS0000", name="voice", kind=kind)
    await customer.hears("can't print this")
    await shop.quiet()
    assert await shop.orders_of(customer) == []


async def test_a_location_is_answered(shop: House, customer: Customer) -> None:
    await shop.outside.control(
        "POST", f"/people/{customer.name}/pin", {"latitude": 19.07, "longitude": 72.87}
    )
    await customer.hears("can't print this")


async def test_an_old_button_names_its_own_order(shop: House, customer: Customer) -> None:
    await customer.replies("Hi", "Print Shop")
    await ordered(shop, customer)
    question: dict[str, Any] = await customer.hears("How many copies")
    await customer.hears("Pay here")
    await customer.replies("cancel", "Cancelled.")
    known = len(await customer.chat())
    await customer.taps(id=question["buttons"][0]["id"], sid=question["sid"])
    await customer.hears("earlier question", after=known)
    await shop.quiet()
    assert len(await shop.orders_of(customer)) == 1
    assert (await shop.order_of(customer))["status"] == "CANCELLED"


@pytest.mark.parametrize("answers", ["taps", "numbers", "words"])
async def test_taps_numbers_and_words_say_the_same(
    shop: House, customer: Customer, answers: str
) -> None:
    await customer.replies("Hi", "Print Shop")
    await customer.sends(pdf_of(2))
    question = await customer.hears("How should I print it")
    if answers == "taps":
        await customer.taps(question["buttons"][0]["title"])
        await customer.hears("How many copies")
        await customer.taps("2 copies")
    else:
        await customer.replies("1" if answers == "numbers" else "Black & White", "How many copies")
        await customer.says("2" if answers == "numbers" else "two copies please")
    await customer.hears("Total *₹8*")
    order = await shop.order_of(customer)
    assert (order["print_type"], order["copies"], order["status"]) == ("BW", 2, "PAYMENT_PENDING")
