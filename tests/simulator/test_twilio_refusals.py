"""Everything Twilio would refuse is refused, with its code."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.simulator.conftest import PUBLIC, Outside, Shop
from tests.simulator.shapes import shape
from tests.wire.golden import golden

REPLIES = [{"type": "QUICK_REPLY", "title": f"Choice {n}", "id": str(n)} for n in range(11)]
ITEMS = [{"item": f"{n} copies", "id": str(n)} for n in range(11)]


def quick_reply(**changes: Any) -> dict[str, Any]:
    content = {"body": "How?", "actions": REPLIES[:3]} | changes
    return {"language": "en", "types": {"twilio/quick-reply": content}}


def list_picker(**changes: Any) -> dict[str, Any]:
    content = {"body": "How many?", "button": "Choose", "items": ITEMS[:3]} | changes
    return {"language": "en", "types": {"twilio/list-picker": content}}


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Body": "x" * 1601}, 21617),
        ({"Body": "x", "To": "whatsapp:+0"}, 21211),
        ({"Body": "x", "To": "+919000090000"}, 21211),
        ({"Body": "x", "To": ""}, 21604),
        ({"Body": "x", "From": ""}, 21603),
        ({"Body": "x", "From": "whatsapp:+19990000000"}, 63007),
        ({}, 21619),
        ({"MediaUrl": "preview.png"}, 21620),
        ({"Body": "x", "StatusCallback": "https://under_score.example/x"}, 21609),
        ({"Body": "x", "StatusCallback": "/relative"}, 21609),
        ({"Body": "x", "ValidityPeriod": "0"}, 20001),
        ({"ContentSid": "HX" + "0" * 32}, 21654),
    ],
)
async def test_a_message_that_is_refused(
    outside: Outside, shop: Shop, form: dict[str, str], code: int
) -> None:
    refused = await outside.send_message(**form)

    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert shape(refused.json()) == shape(
        golden("twilio", "rest_error_21617_too_long")["response"]["json"]
    )
    assert (await outside.control("GET", "/world"))["messages"] == []
    assert shop.heard == []


async def test_sixteen_hundred_characters_are_fine(outside: Outside) -> None:
    assert (await outside.send_message(Body="x" * 1600)).status_code == 201


@pytest.mark.parametrize("variables", ["{", "[]", '{"1": 12}', "{}"])
async def test_variables_that_do_not_fit(outside: Outside, variables: str) -> None:
    made = await outside.twilio.post("/v1/Content", json=quick_reply(body="{{1}} pages"))
    form = {"ContentSid": made.json()["sid"], "ContentVariables": variables}
    refused = await outside.send_message(**form)
    assert (refused.status_code, refused.json()["code"]) == (400, 21656)
    fine = await outside.send_message(**form | {"ContentVariables": '{"1": "12"}'})
    assert fine.json()["body"] == "12 pages"


@pytest.mark.parametrize(
    "asked",
    [
        quick_reply(actions=[{"type": "QUICK_REPLY", "title": "x" * 21, "id": "1"}]),
        quick_reply(actions=[{"type": "QUICK_REPLY", "title": "x", "id": "y" * 201}]),
        quick_reply(actions=[]),
        quick_reply(actions=REPLIES),
        quick_reply(actions=[REPLIES[0], REPLIES[0]]),
        quick_reply(body="x" * 1025),
        quick_reply(colour="red"),
        list_picker(items=ITEMS),
        list_picker(items=[]),
        list_picker(items=[{"item": "x" * 25, "id": "1"}]),
        list_picker(items=[{"item": "x", "id": "1", "description": "y" * 73}]),
        list_picker(button="x" * 21),
        {"types": {"twilio/text": {"body": "no language"}}},
        {"language": "en", "types": {}},
        {"language": "en", "types": {"twilio/hologram": {"body": "x"}}},
        {"language": "en", "variables": {"1": 12}, "types": {"twilio/text": {"body": "x"}}},
        [],
    ],
)
async def test_content_beyond_the_limits(outside: Outside, asked: Any) -> None:
    refused = await outside.twilio.post("/v1/Content", json=asked)
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("Invalid content: ")
    assert (await outside.twilio.get("/v1/Content")).json()["contents"] == []


async def test_four_buttons_fail_in_a_running_conversation(outside: Outside, shop: Shop) -> None:
    await outside.say("hi")
    made = await outside.twilio.post("/v1/Content", json=quick_reply(actions=REPLIES[:4]))
    callback = f"{PUBLIC}/webhook/twilio/status"
    sent = await outside.send_message(ContentSid=made.json()["sid"], StatusCallback=callback)
    assert sent.status_code == 201
    [heard] = await shop.hears(1, "/webhook/twilio/status")
    assert b"ErrorCode=63021" in heard.body
    assert len(await outside.chat()) == 1


async def test_wrong_credentials_and_foreign_accounts(outside: Outside) -> None:
    wrong = [None, ("AC" + "0" * 32, "x"), (outside.settings.account_sid, "wrong")]
    path = f"{outside.base}/Messages.json"
    for auth in wrong:
        async with httpx2.AsyncClient(base_url=outside.settings.origin, auth=auth) as client:
            refused = await client.post(path, data={"Body": "x"})
            assert (refused.status_code, refused.json()["code"]) == (401, 20003)
            assert (await client.get("/v1/Content")).status_code == 401
    foreign = await outside.twilio.get(path.replace("fa4e", "0000"))
    assert (foreign.status_code, foreign.json()["code"]) == (404, 20404)


async def test_whoever_opted_out_is_left_alone(outside: Outside) -> None:
    await outside.control("PATCH", "/people/Asha", {"opted_out": True})
    refused = await outside.send_message(Body="x")
    assert (refused.status_code, refused.json()["code"]) == (400, 21610)


async def test_the_window_closes_after_a_day_but_not_for_templates(
    outside: Outside, shop: Shop
) -> None:
    await outside.say("hi")
    await outside.control("POST", "/clock", {"advance_seconds": 24 * 3600 + 1})
    await outside.send_message(Body="too late", StatusCallback=f"{PUBLIC}/webhook/twilio/status")
    [heard] = await shop.hears(1, "/webhook/twilio/status")
    assert b"ErrorCode=63016" in heard.body

    made = await outside.twilio.post("/v1/Content", json=quick_reply())
    sid = made.json()["sid"]
    asked = await outside.twilio.post(
        f"/v1/Content/{sid}/ApprovalRequests/whatsapp", json={"name": "q", "category": "UTILITY"}
    )
    assert asked.status_code == 201
    await outside.send_message(ContentSid=sid)
    await outside.control("GET", "/people/Asha/wait?contains=How")
    assert [each["text"] for each in await outside.chat()] == ["hi", "How?"]


async def test_joining_the_sandbox_stays_between_the_phone_and_twilio(
    outside: Outside, shop: Shop
) -> None:
    await outside.control("PATCH", "/people/Asha", {"joined": False})
    told = await outside.say("join practice-words")
    assert told["state"] == "kept"
    await outside.send_message(Body="Welcome")
    await outside.control("GET", "/people/Asha/wait?contains=Welcome")
    assert shop.heard == []


async def test_lists_find_messages_of_both_directions(outside: Outside, shop: Shop) -> None:
    await outside.say("one")
    await outside.say("two", "Ravi")
    await outside.send_message(Body="three")
    number = outside.settings.number

    async def bodies(**query: str) -> list[str]:
        found = await outside.twilio.get(f"{outside.base}/Messages.json", params=query)
        return [each["body"] for each in found.json()["messages"]]

    assert await bodies(To=number) == ["two", "one"]
    assert await bodies(To=number, From="whatsapp:+919000090001") == ["two"]
    assert await bodies(To="whatsapp:+919000090000") == ["three"]
    assert await bodies(To=number, **{"DateSent>": "2020-01-01"}) == ["two", "one"]
    assert await bodies(To=number, **{"DateSent>": "2100-01-01"}) == []
    assert await bodies(To=number, **{"DateSent<": "2020-01-01T10:00:00Z"}) == []
    page = await outside.twilio.get(f"{outside.base}/Messages.json", params={"PageSize": "2"})
    assert len(page.json()["messages"]) == 2
    rest = await outside.twilio.get(page.json()["next_page_uri"])
    assert [each["body"] for each in rest.json()["messages"]] == ["one"]
    assert rest.json()["next_page_uri"] is None


async def test_a_deleted_message_takes_its_file_along(outside: Outside, shop: Shop) -> None:
    sent = await outside.control("POST", "/people/Asha/send", {"sample": "photo"})
    media = await outside.twilio.get(f"{outside.base}/Messages/{sent['sid']}/Media.json")
    [file] = media.json()["media_list"]
    message = f"{outside.base}/Messages/{sent['sid']}.json"
    assert (await outside.twilio.get(message)).json()["direction"] == "inbound"
    assert (await outside.twilio.delete(message)).status_code == 204
    assert (await outside.twilio.get(message)).status_code == 404
    assert (await outside.twilio.get(file["uri"])).status_code == 404


async def test_plain_text_in_a_webhooks_answer_reaches_the_customer(
    outside: Outside, shop: Shop
) -> None:
    shop.answer = ("text/plain", b"OK")
    await outside.say("hi")
    await outside.control("GET", "/people/Asha/wait?contains=OK")
    shop.answer = ("text/xml", b"<Response><Message>Hello there</Message></Response>")
    await outside.say("again")
    await outside.control("GET", "/people/Asha/wait?contains=Hello there")
    shop.answer = ("application/json", json.dumps({"ok": True}).encode())
    await outside.say("third")
    assert [each["text"] for each in await outside.chat() if each["from"] == "shop"] == [
        "OK",
        "Hello there",
    ]
