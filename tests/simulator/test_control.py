"""The levers: people, awkward payments, clock, log, dump, reset."""

from __future__ import annotations

import asyncio
import io
import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pikepdf
import pytest
import razorpay
from PIL import Image

from simulator import samples
from tests.simulator.conftest import Outside, Shop

HOOK = "/api/webhooks/razorpay-webhook"


async def test_people_come_and_hide(outside: Outside, shop: Shop) -> None:
    people = (await outside.control("GET", "/people"))["people"]
    assert [each["name"] for each in people] == ["Asha", "Ravi", "सुनीता"]
    meera = await outside.control("POST", "/people", {"name": "Meera", "hidden": True})
    assert meera["address"].startswith("whatsapp:IN.")
    twice = await outside.plain.post("/control/people", json={"name": "Meera"})
    assert (twice.status_code, twice.json()["error"]) == (409, "not_possible")
    await outside.say("hi", "Meera")
    made = await outside.send_message(To=meera["address"], Body="Hello")
    assert made.status_code == 201
    heard = await outside.control("GET", "/people/Meera/wait?contains=hello&timeout=5")
    assert (heard["index"], heard["message"]["text"]) == (1, "Hello")
    nobody = await outside.plain.get("/control/people/Nobody/chat")
    assert nobody.json() == {"error": "not_found", "detail": "Nobody here is called Nobody."}


async def test_waiting_hears_what_comes_later_and_says_what_it_saw(
    outside: Outside, shop: Shop
) -> None:
    await outside.say("hi")
    waiting = asyncio.create_task(
        outside.control("GET", "/people/Asha/wait?matches=to..n\\s41&timeout=10")
    )
    await asyncio.sleep(0.1)
    await outside.send_message(Body="Your token 41")
    assert (await waiting)["message"]["text"] == "Your token 41"
    vain = await outside.plain.get("/control/people/Asha/wait?contains=ready&timeout=0.2")
    assert vain.status_code == 408
    assert vain.json()["detail"].endswith("the last one says: Your token 41")


async def test_an_old_button_can_still_be_tapped(outside: Outside, shop: Shop) -> None:
    await outside.say("hi")
    for order in ("1", "2"):
        actions = [{"type": "QUICK_REPLY", "title": "Colour", "id": f"{order}:colour"}]
        types = {"twilio/quick-reply": {"body": "How?", "actions": actions}}
        made = await outside.twilio.post("/v1/Content", json={"language": "en", "types": types})
        await outside.send_message(ContentSid=made.json()["sid"])
        await outside.control("GET", f"/people/Asha/wait?contains=How&after={order}")
    await outside.control("POST", "/people/Asha/tap", {"title": "Colour"})
    await outside.control("POST", "/people/Asha/tap", {"id": "1:colour"})
    heard = await shop.hears(3)
    payloads = [dict(parse_qsl(each.body.decode()))["ButtonPayload"] for each in heard[1:]]
    assert payloads == ["2:colour", "1:colour"]
    none = await outside.plain.post("/control/people/Asha/tap", json={"title": "Blue"})
    assert none.status_code == 404
    assert "no button 'Blue'" in none.json()["detail"]


async def test_links_in_text_and_in_buttons_are_named(outside: Outside, shop: Shop) -> None:
    await outside.say("hi")
    actions = [{"type": "URL", "title": "Pay ₹48", "url": "https://pay.example/{{1}}"}]
    types = {"twilio/call-to-action": {"body": "Total ₹48", "actions": actions}}
    made = await outside.twilio.post("/v1/Content", json={"language": "en", "types": types})
    form = {"ContentSid": made.json()["sid"], "ContentVariables": '{"1": "abc"}'}
    await outside.send_message(**form)
    await outside.send_message(Body="Track: https://shop.example/o/abc. Bye")
    await outside.control("GET", "/people/Asha/wait?contains=Track")
    links = [link for each in await outside.chat() for link in each["links"]]
    assert sorted(links) == ["https://pay.example/abc", "https://shop.example/o/abc"]


async def test_an_album_is_five_messages(outside: Outside, shop: Shop) -> None:
    sent = await outside.control("POST", "/people/Ravi/send", {"sample": "album", "caption": "x"})
    assert len(set(sent["sids"])) == 5
    heard = await shop.hears(5)
    bodies = [dict(parse_qsl(h.body.decode(), keep_blank_values=True))["Body"] for h in heard]
    assert sorted(bodies) == ["", "", "", "", "x"]


def test_samples_are_what_they_claim_and_always_the_same() -> None:
    [(_, _, colour)] = samples.color_pdf()
    assert len(pikepdf.open(io.BytesIO(colour)).pages) == 6
    samples.color_pdf.cache_clear()
    assert samples.color_pdf()[0][2] == colour
    [(_, _, locked)] = samples.locked_pdf()
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(io.BytesIO(locked))
    assert len(pikepdf.open(io.BytesIO(locked), password=samples.LOCK).pages) == 2
    [(_, _, photo)] = samples.photo()
    picture = Image.open(io.BytesIO(photo))
    assert (picture.size, picture.getexif()[0x0112]) == ((1600, 1200), 6)
    assert samples.docx()[0][2].startswith(b"PK")


@pytest.mark.parametrize(
    ("case", "events", "status"),
    [
        ("normal", ["order.paid", "payment.captured", "payment_link.paid"], "paid"),
        (
            "webhook_twice",
            ["order.paid"] * 2 + ["payment.captured"] * 2 + ["payment_link.paid"] * 2,
            "paid",
        ),
        (
            "twice",
            ["order.paid", "payment.captured", "payment.captured", "payment_link.paid"],
            "paid",
        ),
        ("failed", ["payment.failed"], "created"),
        (
            "failed_then_captured",
            ["order.paid", "payment.captured", "payment.failed", "payment_link.paid"],
            "paid",
        ),
        ("amount_differs", ["order.paid", "payment.captured", "payment_link.paid"], "paid"),
        (
            "late",
            ["order.paid", "payment.captured", "payment_link.expired", "payment_link.paid"],
            "paid",
        ),
        ("tab_closed", ["order.paid", "payment.captured", "payment_link.paid"], "paid"),
    ],
)
async def test_ways_to_pay(
    outside: Outside, shop: Shop, case: str, events: list[str], status: str
) -> None:
    link = await outside.link(callback_url="https://x.example/cb", callback_method="get")
    paid = await outside.pay(link["id"], case)
    await shop.hears(len(events), HOOK)
    await asyncio.sleep(0.2)
    assert sorted(shop.events()) == sorted(events)
    assert paid["link_status"] == status
    assert bool(paid["callback_url"]) == (case not in {"failed", "tab_closed"})


async def test_details_of_awkward_payments(outside: Outside, shop: Shop) -> None:
    twice = await outside.pay((await outside.link())["id"], "twice")
    assert twice["payment_id"] != twice["second_payment_id"]
    order = (await outside.razorpay.get(f"/v1/orders/{twice['order_id']}/payments")).json()
    assert [each["status"] for each in order["items"]] == ["captured", "captured"]

    differs = await outside.pay((await outside.link())["id"], "amount_differs", delta=-4700)
    assert differs["amount"] == 100

    await shop.hears(7, HOOK)
    quiet = await outside.pay((await outside.link())["id"], "no_webhook")
    await asyncio.sleep(0.3)
    assert len(shop.heard) == 7
    fetched = await outside.razorpay.get(f"/v1/payments/{quiet['payment_id']}")
    assert fetched.json()["status"] == "captured"
    told = await outside.control("POST", f"/events/{quiet['events'][0]['id']}/deliver")
    assert told["answers"] == [200]
    assert len(shop.heard) == 8


async def test_a_link_is_paid_in_two_parts(outside: Outside, shop: Shop) -> None:
    link = await outside.link(amount=4801)
    half = await outside.pay(link["id"], "partial")
    refused = await outside.plain.post(f"/control/links/{link['id']}/pay", json={})
    rest = await outside.pay(link["id"], "partial")
    await shop.hears(5, HOOK)

    assert (half["amount"], half["link_status"]) == (2400, "partially_paid")
    assert refused.status_code == 409
    assert (rest["amount"], rest["link_status"]) == (2401, "paid")
    assert sorted(shop.events()) == [
        *("order.paid", "payment.captured", "payment.captured"),
        *("payment_link.paid", "payment_link.partially_paid"),
    ]


async def test_late_webhooks_and_reordered_ones(outside: Outside, shop: Shop) -> None:
    link = await outside.link()
    begun = asyncio.get_running_loop().time()
    await outside.pay(link["id"], "webhook_late", seconds=0.4)
    await shop.hears(1, HOOK)
    assert asyncio.get_running_loop().time() - begun >= 0.4
    await shop.hears(3, HOOK)
    await outside.pay((await outside.link())["id"], "events_reordered")
    await shop.hears(6, HOOK)
    assert shop.events()[3:] == ["payment_link.paid", "order.paid", "payment.captured"]


async def test_a_dead_link_is_paid_late_only(outside: Outside, shop: Shop) -> None:
    link = await outside.link()
    await outside.razorpay.post(f"/v1/payment_links/{link['id']}/cancel")
    refused = await outside.plain.post(f"/control/links/{link['id']}/pay", json={})
    assert refused.status_code == 409
    late = await outside.pay(link["id"], "late")
    assert late["link_status"] == "paid"
    again = await outside.plain.post(f"/control/links/{link['id']}/pay", json={"case": "late"})
    assert again.status_code == 409


async def test_an_event_again_with_another_id_or_signature(outside: Outside, shop: Shop) -> None:
    await outside.control("POST", "/settings", {"order_paid": False})
    paid = await outside.pay((await outside.link())["id"])
    await shop.hears(2, HOOK)
    path = f"/events/{paid['events'][1]['id']}/deliver"
    await outside.control("POST", path, {"copies": 2})
    await outside.control("POST", path, {"new_event_id": True})
    await outside.control("POST", path, {"mutate_signature": True})
    same = [each for each in shop.heard if each.json["event"] == "payment_link.paid"]
    assert len({each.body for each in same}) == 1
    ids = [each.headers["x-razorpay-event-id"] for each in same]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert same[3].headers["x-razorpay-signature"] != same[4].headers["x-razorpay-signature"]


async def test_the_return_of_the_browser_verifies_with_the_sdk(
    outside: Outside, shop: Shop
) -> None:
    link = await outside.link(
        reference_id="po_1", callback_url="https://x.example/cb?a=1", callback_method="get"
    )
    paid = await outside.pay(link["id"])
    query = dict(parse_qsl(urlsplit(paid["callback_url"]).query))
    assert query["a"] == "1"
    client = razorpay.Client(auth=(outside.settings.key_id, outside.settings.key_secret))
    assert client.utility.verify_payment_link_signature(
        {
            "payment_link_id": query["razorpay_payment_link_id"],
            "payment_link_reference_id": query["razorpay_payment_link_reference_id"],
            "payment_link_status": query["razorpay_payment_link_status"],
            "razorpay_payment_id": query["razorpay_payment_id"],
            "razorpay_signature": query["razorpay_signature"],
        }
    )


async def test_a_pending_refund_waits_for_the_bank(outside: Outside, shop: Shop) -> None:
    await outside.control("POST", "/settings", {"refund_status": "pending"})
    paid = await outside.pay((await outside.link())["id"])
    asked = await outside.razorpay.post(f"/v1/payments/{paid['payment_id']}/refund", json={})
    refund = asked.json()
    await shop.hears(4, HOOK)
    assert (refund["status"], shop.events().count("refund.processed")) == ("pending", 0)
    await outside.control("POST", f"/refunds/{refund['id']}/settle", {"status": "processed"})
    await shop.hears(5, HOOK)
    assert shop.events()[-1] == "refund.processed"
    again = await outside.razorpay.get(f"/v1/refunds/{refund['id']}")
    assert again.json()["status"] == "processed"


async def test_the_log_tells_everything_but_secrets(outside: Outside, shop: Shop) -> None:
    await outside.say(f"my token is {outside.settings.auth_token}")
    await outside.send_message(Body=f"key {outside.settings.key_secret}")
    link = await outside.link(description=outside.settings.webhook_secret)
    await outside.pay(link["id"])
    await shop.hears(4)
    async with asyncio.timeout(5):
        # Each call to the shop is written down once its answer is here.
        while True:
            log = await outside.control("GET", "/log?after=0")
            if [row["direction"] for row in log["rows"]].count("out") == len(shop.heard):
                break
    text = json.dumps(log)
    for secret in outside.settings.secrets:
        assert secret not in text
    assert not re.search(r"Basic [A-Za-z0-9+/]{8}", text)
    rows = log["rows"]
    assert {(row["direction"], row["provider"]) for row in rows} == {
        ("in", "twilio"),
        ("out", "twilio"),
        ("in", "razorpay"),
        ("out", "razorpay"),
    }
    assert rows[0]["line"].startswith("Asha says")
    assert all(isinstance(row["status"], int) for row in rows)
    later = await outside.control("GET", f"/log?after={rows[-2]['id']}")
    assert later["rows"][0]["id"] == rows[-1]["id"]


async def test_the_dump_and_the_reset(outside: Outside, shop: Shop) -> None:
    await outside.say("hi")
    await outside.pay((await outside.link(reference_id="po_1"))["id"])
    world: dict[str, Any] = await outside.control("GET", "/world")
    assert [each["body"] for each in world["messages"]] == ["hi"]
    assert [each["reference_id"] for each in world["links"]] == ["po_1"]
    assert [each["status"] for each in world["payments"]] == ["captured"]
    await outside.control("POST", "/reset")
    world = await outside.control("GET", "/world")
    assert (world["messages"], world["links"], world["payments"]) == ([], [], [])
    assert len(world["people"]) == 3


async def test_foreign_pages_pull_no_levers(outside: Outside) -> None:
    headers = {"Origin": "https://evil.example"}
    refused = await outside.plain.post("/control/reset", headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (403, "foreign_origin")


@pytest.mark.parametrize(
    "asked",
    [{"speed": 1}, {"refund_status": "maybe"}, {"read_receipts": 1}, {"refund_seconds": "x"}],
)
async def test_settings_that_do_not_exist(outside: Outside, asked: Any) -> None:
    assert (await outside.plain.post("/control/settings", json=asked)).status_code == 422
