"""Misfortune on request, seen from the backend's side of the wire."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import httpx2
import pytest

from simulator.server import listening, running
from simulator.settings import settings_of
from tests.simulator.conftest import PUBLIC, Outside, Shop

HOOK = "/api/webhooks/razorpay-webhook"


async def fault(outside: Outside, operation: str, kind: str, **options: Any) -> Any:
    return await outside.control(
        "POST", "/faults", {"operation": operation, "kind": kind, **options}
    )


async def test_a_server_error_does_nothing_and_passes(outside: Outside) -> None:
    await fault(outside, "twilio.messages.create", "error", times=2, status=503)
    answers = [await outside.send_message(Body="x") for _ in range(3)]

    assert [each.status_code for each in answers] == [503, 503, 201]
    assert answers[0].headers["content-type"].startswith("text/html")
    assert len((await outside.control("GET", "/world"))["messages"]) == 1


async def test_the_deed_is_done_but_the_answer_is_lost(outside: Outside) -> None:
    await fault(outside, "razorpay.links.create", "answer_lost")
    with pytest.raises(httpx2.TransportError):
        await outside.link(reference_id="po_1")
    found = await outside.razorpay.get("/v1/payment_links?reference_id=po_1")
    assert len(found.json()["payment_links"]) == 1


async def test_done_and_then_an_error(outside: Outside) -> None:
    await fault(outside, "razorpay.links.create", "error_after", status=502)
    answer = await outside.razorpay.post("/v1/payment_links", json={"amount": 4800})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "SERVER_ERROR")
    assert len((await outside.control("GET", "/links"))["links"]) == 1


@pytest.mark.parametrize("kind", ["refused", "timeout"])
async def test_nothing_done_and_no_answer(outside: Outside, kind: str) -> None:
    await fault(outside, "twilio.*", kind, seconds=0.1)
    with pytest.raises(httpx2.TransportError):
        await outside.send_message(Body="x")
    assert (await outside.control("GET", "/world"))["messages"] == []


async def test_slow_answers_and_too_many_requests(outside: Outside) -> None:
    await fault(outside, "razorpay.*", "slow", seconds=0.3)
    begun = time.monotonic()
    await outside.link()
    assert time.monotonic() - begun >= 0.3
    await fault(outside, "razorpay.*", "rate_limit")
    await fault(outside, "twilio.*", "rate_limit")
    assert (await outside.razorpay.get("/v1/payments")).status_code == 429
    limited = await outside.send_message(Body="x")
    assert (limited.status_code, limited.json()["code"]) == (429, 20429)
    assert limited.headers["retry-after"] == "1"


async def test_the_file_is_not_there_at_first(outside: Outside, shop: Shop) -> None:
    await fault(outside, "twilio.media.fetch", "media_404", times=2)
    sent = await outside.control("POST", "/people/Asha/send", {"sample": "pdf"})
    listed = await outside.twilio.get(f"{outside.base}/Messages/{sent['sid']}/Media.json")
    url = listed.json()["media_list"][0]["uri"].removesuffix(".json")
    tries = [(await outside.twilio.get(url)).status_code for _ in range(3)]
    assert tries == [404, 404, 307]


async def test_a_message_that_fails_later(outside: Outside, shop: Shop) -> None:
    await outside.say("hi")
    await fault(outside, "twilio.messages.create", "fail_status", code=63018)
    made = await outside.send_message(Body="x", StatusCallback=f"{PUBLIC}/webhook/twilio/status")
    assert made.status_code == 201
    [heard] = await shop.hears(1, "/webhook/twilio/status")
    assert b"MessageStatus=failed" in heard.body
    assert b"ErrorCode=63018" in heard.body


async def test_faults_can_be_taken_back(outside: Outside) -> None:
    forever = await fault(outside, "twilio.*", "error", times=None)
    await fault(outside, "razorpay.*", "error", times=None)
    await outside.control("DELETE", f"/faults/{forever['id']}")
    assert (await outside.send_message(Body="x")).status_code == 201
    await outside.control("DELETE", "/faults")
    await outside.link()
    unknown = await outside.plain.post(
        "/control/faults", json={"operation": "twilio.*", "kind": "earthquake"}
    )
    assert unknown.status_code == 422
    assert "earthquake" in unknown.json()["detail"]


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("razorpay.payment_links.create", "error"),  # the path's name, not the operation's
        ("razorpay.links.created", "error"),
        ("razorpay.webhook.payment.captured", "error"),  # a call's misfortune
        ("razorpay.links.create", "drop"),  # a webhook's
        ("twilio.webhook.status", "drop"),
        ("", "error"),
    ],
)
async def test_a_fault_that_can_never_strike_is_refused(
    outside: Outside, operation: str, kind: str
) -> None:
    refused = await outside.plain.post(
        "/control/faults", json={"operation": operation, "kind": kind}
    )

    assert refused.status_code == 422
    assert "razorpay." in refused.json()["detail"]
    assert (await outside.control("GET", "/faults"))["faults"] == []


async def test_every_operation_on_the_wire_is_one_a_fault_can_name(
    outside: Outside, shop: Shop
) -> None:
    known = (await outside.control("GET", "/faults"))["operations"]
    await outside.control("POST", "/settings", {"payment_authorized": True})
    await outside.say("hi")
    await outside.send_message(Body="x", StatusCallback=f"{PUBLIC}/webhook/twilio/status")
    paid = await outside.pay((await outside.link())["id"])
    await outside.control("POST", f"/payments/{paid['payment_id']}/dispute", {"event": "lost"})

    async def seen() -> set[str]:
        rows = (await outside.control("GET", "/log?after=0"))["rows"]
        return {row["operation"] for row in rows}

    awaited = {"razorpay.webhook.payment.dispute.lost", "twilio.webhook.status.delivered"}
    async with asyncio.timeout(10):
        while not await seen() >= awaited:
            await outside.control("GET", "/changes?timeout=0.1")
    assert await seen() <= set(known)


async def test_webhooks_twice_late_never_and_wrongly_signed(outside: Outside, shop: Shop) -> None:
    await fault(outside, "twilio.webhook.inbound", "duplicate")
    await outside.say("twice")
    first, second = await shop.hears(2)
    assert first.body == second.body

    await fault(outside, "twilio.webhook.inbound", "drop")
    assert (await outside.say("never"))["state"] == "dropped"

    await fault(outside, "twilio.webhook.inbound", "bad_signature")
    await outside.say("spoiled")
    third = (await shop.hears(3))[2]
    await outside.say("good")
    fourth = (await shop.hears(4))[3]
    assert third.headers["x-twilio-signature"] != fourth.headers["x-twilio-signature"]
    assert len(third.headers["x-twilio-signature"]) == 28
    assert b"never" not in b"".join(each.body for each in shop.heard)


async def test_webhooks_in_the_wrong_order(outside: Outside, shop: Shop) -> None:
    await fault(outside, "razorpay.webhook.*", "reorder", times=3)
    await outside.pay((await outside.link())["id"])
    await shop.hears(3, HOOK)
    assert shop.events() == ["payment_link.paid", "order.paid", "payment.captured"]


async def test_razorpay_repeats_until_it_hears_yes(outside: Outside, shop: Shop) -> None:
    await outside.control("POST", "/settings", {"razorpay_backoff": [0.05], "order_paid": False})
    shop.statuses = [503, 500, 403]
    await outside.pay((await outside.link())["id"])
    heard = await shop.hears(5, HOOK)
    by_event = {each.json["event"]: set[str]() for each in heard}
    for each in heard:
        by_event[each.json["event"]].add(each.headers["x-razorpay-event-id"])
    assert all(len(ids) == 1 for ids in by_event.values())
    states = {e["name"]: e["state"] for e in (await outside.control("GET", "/events"))["events"]}
    assert states == {"payment.captured": "delivered", "payment_link.paid": "delivered"}


async def test_razorpay_switches_a_deaf_endpoint_off(outside: Outside, shop: Shop) -> None:
    habits = {"razorpay_backoff": [0.02], "razorpay_disable_after": 4}
    await outside.control("POST", "/settings", habits)
    shop.statuses = [500] * 50
    await outside.pay((await outside.link())["id"])
    await shop.hears(4, HOOK)
    await outside.pay((await outside.link())["id"])
    assert not (await outside.control("GET", "/settings"))["webhook_enabled"]
    count = len(shop.heard)
    shop.statuses = []
    await outside.control("POST", "/webhooks/enable")
    await outside.pay((await outside.link())["id"])
    assert len(await shop.hears(count + 3)) >= count + 3


async def test_twilio_tells_a_refusing_shop_only_once(outside: Outside, shop: Shop) -> None:
    shop.statuses = [503]
    told = await outside.say("hi")
    assert told["status"] == 503
    await outside.control("POST", "/settings", {"twilio_retry_policy": "5xx"})
    shop.statuses = [503]
    await outside.say("again")
    heard = await shop.hears(3)
    assert len(heard) == 3
    assert heard[1].body == heard[2].body
    assert (
        heard[1].headers["i-twilio-idempotency-token"]
        == heard[2].headers["i-twilio-idempotency-token"]
    )


async def test_without_a_connection_twilio_tries_once_more_and_gives_up() -> None:
    closed = listening(0)
    address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    closed.close()
    async with (
        running(settings_of(port=0, backend=address, environ={})) as real,
        httpx2.AsyncClient(base_url=real.origin) as client,
    ):
        told = (await client.post("/control/people/Asha/say", json={"text": "hi"})).json()
        async with asyncio.timeout(5):
            while (event := (await client.get("/control/events")).json()["events"][0])[
                "state"
            ] == "pending":
                await client.get("/control/changes?timeout=0.1")
    assert told["status"] is None
    assert event["state"] == "gave_up"
    assert [each["error"] for each in event["attempts"]] == ["no connection"] * 2


async def test_answers_leave_at_once() -> None:
    """With Nagle's delay on, each answer on a kept connection would take 40 ms."""
    delays: list[int] = []

    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs = writer.get_extra_info("socket")
        delays.append(theirs.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    bound = listening(0)
    async with await asyncio.start_server(answer, sock=bound):
        reader, writer = await asyncio.open_connection(*bound.getsockname())
        await reader.read()
        writer.close()
    assert delays == [1]
