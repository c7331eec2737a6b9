"""What goes out to Twilio equals the golden requests, and what comes back is understood."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from app.adapters import twilio
from app.adapters.twilio import TwilioMessenger, content_body
from app.domain.errors import (
    BadInput,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    ProviderUncertain,
)
from app.ports import Button, ContentText, MediaRef, Messenger, Outgoing
from tests.wire.golden import (
    STATUS_URL,
    TWILIO_ACCOUNT,
    TWILIO_API,
    TWILIO_CONTENT,
    TWILIO_NUMBER,
    TWILIO_TOKEN,
    GoldenWire,
    assert_asked,
    golden,
)

CUSTOMER = "whatsapp:+919000090000"
MORNING = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MEDIA = MediaRef("MM000000000000000000000000fa4e000a", "ME000000000000000000000000fa4e000a")
ACCOUNT_PATH = f"/2010-04-01/Accounts/{TWILIO_ACCOUNT}"


def messenger(
    wire: httpx2.AsyncBaseTransport, *, receipts: bool = True, number: str = TWILIO_NUMBER
) -> TwilioMessenger:
    return TwilioMessenger(
        account_sid=TWILIO_ACCOUNT,
        auth_token=TWILIO_TOKEN,
        from_number=number,
        api_base_url=TWILIO_API,
        content_base_url=TWILIO_CONTENT,
        status_callback_url=STATUS_URL if receipts else "",
        transport=wire,
    )


def outgoing(form: dict[str, str]) -> Outgoing:
    return Outgoing(
        to=form["To"],
        body=form.get("Body", ""),
        content_sid=form.get("ContentSid", ""),
        variables=json.loads(form.get("ContentVariables", "{}")),
        media_url=form.get("MediaUrl", ""),
    )


@pytest.mark.parametrize("kind", ["text", "content", "media", "to_bsuid"])
async def test_a_message_goes_out_as_documented(kind: str) -> None:
    exchange = golden("twilio", f"rest_message_create_{kind}")
    wire = GoldenWire([exchange["response"]])
    form = exchange["request"]["form"]
    ours: Messenger = messenger(wire, receipts="StatusCallback" in form)

    sent = await ours.send(outgoing(form))

    assert_asked(wire.asked[0], exchange["request"])
    assert sent.sid == exchange["response"]["json"]["sid"]
    assert (sent.to, sent.status, sent.created_at) == (form["To"], "queued", MORNING)
    assert len(wire.asked) == 1


ERRORS: list[tuple[str, type[ProviderError], Callable[[Any], Any], object]] = [
    ("20003_auth", ProviderRejected, lambda e: (e.status, e.provider_code), (401, "20003")),
    ("21211_invalid_to", ProviderRejected, lambda e: e.provider_code, "21211"),
    ("21617_too_long", ProviderRejected, lambda e: e.provider_code, "21617"),
    ("63007_sender", ProviderRejected, lambda e: e.provider_code, "63007"),
    ("20429_rate", ProviderUnavailable, lambda e: e.retry_after, 1.0),
    ("500_non_json", ProviderUncertain, lambda e: e.reason, "HTTP 503"),
]


@pytest.mark.parametrize(("name", "kind", "seen", "expected"), ERRORS, ids=[e[0] for e in ERRORS])
async def test_a_refused_message_says_why(
    name: str, kind: type[ProviderError], seen: Callable[[Any], Any], expected: object
) -> None:
    exchange = golden("twilio", f"rest_error_{name}")
    wire = GoldenWire([exchange["response"]])

    form = exchange["request"]["form"]
    with pytest.raises(kind) as caught:
        await messenger(wire, receipts=False, number=form["From"]).send(outgoing(form))

    assert type(caught.value) is kind
    assert seen(caught.value) == expected
    assert_asked(wire.asked[0], exchange["request"])


async def test_errors_in_the_newer_form_are_read_too() -> None:
    body = {"type": "about:blank", "title": "Bad", "status": 400, "code": 63030, "detail": "No."}
    wire = GoldenWire([{"status": 400, "json": body}])

    with pytest.raises(ProviderRejected) as caught:
        await messenger(wire).send(Outgoing(CUSTOMER, "x"))

    assert (caught.value.provider_code, str(caught.value)) == ("63030", "twilio: HTTP 400 No.")


@pytest.mark.parametrize("answer", [{}, {"sid": None}, []])
async def test_accepted_without_a_sid_is_unclear(answer: object) -> None:
    with pytest.raises(ProviderUncertain):
        await messenger(GoldenWire([{"status": 201, "json": answer}])).send(Outgoing(CUSTOMER, "x"))


def content(stored: dict[str, Any]) -> ContentText:
    types = stored["types"]
    quick = types.get("twilio/quick-reply")
    rich = quick or types["twilio/list-picker"]
    rows = (
        [Button(a["id"], a["title"]) for a in quick["actions"]]
        if quick
        else [Button(i["id"], i["item"]) for i in rich["items"]]
    )
    fallback = types.get("twilio/text", {}).get("body", "")
    label = rich.get("button", "")
    return ContentText(
        stored["friendly_name"], stored["language"], rich["body"], tuple(rows), fallback, label
    )


async def test_three_buttons_are_stored_as_quick_replies() -> None:
    exchange = golden("twilio", "rest_content_create_quick_reply")
    wire = GoldenWire([exchange["response"]])

    sid = await messenger(wire).create_content(content(exchange["request"]["json"]))

    # The sample value of a variable is ours to choose.
    expected = {**exchange["request"], "json": {**exchange["request"]["json"]}}
    expected["json"]["variables"] = {"1": "1"}
    assert_asked(wire.asked[0], expected)
    assert sid == "HX000000000000000000000000fa4e0001"


def test_more_buttons_are_stored_as_a_list() -> None:
    stored = golden("twilio", "rest_content_create_list_picker")["request"]["json"]
    three = content(stored)
    four = ContentText(
        three.name,
        three.language,
        three.body,
        (*three.buttons, Button("copies:9", "9 copies")),
        "",
        three.list_label,
    )

    body = content_body(four)

    plain = [
        {"item": row["item"], "id": row["id"]}
        for row in stored["types"]["twilio/list-picker"]["items"]
    ]
    assert body == {
        **stored,
        "types": {
            "twilio/list-picker": {
                **stored["types"]["twilio/list-picker"],
                "items": [*plain, {"item": "9 copies", "id": "copies:9"}],
            }
        },
    }


def test_a_content_without_buttons_is_a_text_and_eleven_are_too_many() -> None:
    assert content_body(ContentText("n", "en", "Hi {{2}}", (), ""))["types"] == {
        "twilio/text": {"body": "Hi {{2}}"}
    }
    with pytest.raises(BadInput):
        content_body(ContentText("n", "en", "b", (Button("i", "t"),) * 11, ""))


def row(sid: str, at: str, direction: str = "outbound-api", **more: object) -> dict[str, object]:
    base = {"sid": sid, "to": CUSTOMER, "body": "b", "status": "sent", "direction": direction}
    return {**base, "date_created": at, **more}


def page(rows: list[dict[str, object]], following: object = None) -> dict[str, Any]:
    return {"status": 200, "json": {"messages": rows, "next_page_uri": following}}


async def test_looking_for_a_message_reads_pages_until_they_are_old() -> None:
    first = [
        row("SM1", "Sun, 22 Nov 2026 08:00:05 +0000"),
        row("SM2", "Sun, 22 Nov 2026 08:00:00 +0000", date_sent=None),
        row("SM3", "Sun, 22 Nov 2026 08:00:01 +0000", "inbound"),
    ]
    second = [row("SM4", "Sun, 22 Nov 2026 07:59:59 +0000"), row("SM5", "rubbish")]
    third = [row("SM6", "Sun, 22 Nov 2026 07:00:00 +0000")]
    wire = GoldenWire(
        [
            page(first, f"{ACCOUNT_PATH}/Messages.json?Page=1&PageToken=PA"),
            page(second, f"{ACCOUNT_PATH}/Messages.json?Page=2&PageToken=PB"),
            page(third, f"{ACCOUNT_PATH}/Messages.json?Page=3&PageToken=PC"),
        ]
    )

    found = await messenger(wire).find_sent(CUSTOMER, since=MORNING.replace(microsecond=900_000))

    assert [message.sid for message in found] == ["SM1", "SM2", "SM5"]
    assert [str(asked.url.path) for asked in wire.asked] == [f"{ACCOUNT_PATH}/Messages.json"] * 3
    assert dict(wire.asked[0].url.params) == {
        "To": CUSTOMER,
        "From": TWILIO_NUMBER,
        "PageSize": "100",
    }
    assert wire.asked[2].url.params["PageToken"] == "PB"


@pytest.mark.parametrize(
    "following", ["https://evil.test/x", "//evil.test/x", "/2010-04-01/Accounts/AC0/M", 7, "@evil"]
)
async def test_a_next_page_elsewhere_is_not_read(following: object) -> None:
    wire = GoldenWire([page([row("SM1", "Sun, 22 Nov 2026 08:00:05 +0000")], following)])

    assert len(await messenger(wire).find_sent(CUSTOMER, since=MORNING)) == 1
    assert len(wire.asked) == 1


async def endless(request: httpx2.Request) -> httpx2.Response:
    """A list of new messages with always one more page."""
    following = f"{ACCOUNT_PATH}/Messages.json?PageToken=again"
    late = "Sun, 22 Nov 2026 23:59:59 +0000"
    return httpx2.Response(200, json=page([row("SM1", late)], following)["json"])


async def test_a_list_that_does_not_end_is_an_error_and_not_half_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(twilio, "MAX_PAGES", 3)
    ours = messenger(httpx2.MockTransport(endless))

    for asked in (ours.find_sent(CUSTOMER, since=MORNING), ours.list_inbound(since=MORNING)):
        with pytest.raises(ProviderUnavailable, match="more than 300 rows in messages: look in"):
            await asked


async def test_the_last_page_that_is_read_may_be_the_one_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(twilio, "MAX_PAGES", 1)
    ours = messenger(httpx2.MockTransport(endless))

    assert await ours.find_sent(CUSTOMER, since=MORNING.replace(day=23)) == []


async def test_listing_what_customers_sent() -> None:
    sid = "SM000000000000000000000000fa4e0001"
    inbound = row(sid, "Sun, 22 Nov 2026 08:00:05 +0000", "inbound", num_media="1")
    inbound["from"] = CUSTOMER
    old = row(sid, "Sun, 22 Nov 2026 07:00:05 +0000", "inbound")
    wire = GoldenWire([page([old, inbound, row("SM2", "Sun, 22 Nov 2026 08:00:06 +0000")])])

    found = await messenger(wire).list_inbound(since=MORNING)

    assert [(m.sid, m.from_, m.media_count) for m in found] == [(sid, CUSTOMER, 1)]
    assert wire.asked[0].url.params["DateSent>"] == "2026-11-22"
    assert wire.asked[0].url.params["To"] == TWILIO_NUMBER


async def test_what_customers_sent_is_read_no_further_than_to_the_first_page_of_old_ones() -> None:
    """A busy day has many pages, and the sweep asks every three minutes."""
    sids = [f"SM000000000000000000000000fa4e000{number}" for number in range(4)]
    times = ["08:00:05", "07:59:59", "08:00:01", "07:30:00"]
    new, late, newer, old = (
        row(sid, f"Sun, 22 Nov 2026 {time} +0000", "inbound")
        for sid, time in zip(sids, times, strict=True)
    )
    following = f"{ACCOUNT_PATH}/Messages.json?Page=1&PageToken=PA"
    # One of the old ones among the young ones ends nothing.
    pages = [[new, late], [newer], [old], [old]]
    wire = GoldenWire([page(rows, following) for rows in pages])

    found = await messenger(wire).list_inbound(since=MORNING)

    assert [message.sid for message in found] == [sids[0], sids[2]]
    assert len(wire.asked) == 3


async def test_listing_the_attachments_of_a_message() -> None:
    metadata = golden("twilio", "rest_media_metadata")["response"]["json"]
    wire = GoldenWire([{"status": 200, "json": {"media_list": [metadata, {"sid": "../x"}, 3]}}])

    assert await messenger(wire).list_media(MEDIA.message_sid) == [(MEDIA, "application/pdf")]
    assert wire.asked[0].url.path == f"{ACCOUNT_PATH}/Messages/{MEDIA.message_sid}/Media.json"


@pytest.mark.parametrize("answer", [{"status": 204}, {"status": 404, "json": {"code": 20404}}])
async def test_deleting_an_attachment_twice_is_fine(answer: dict[str, Any]) -> None:
    exchange = golden("twilio", "rest_media_delete")
    wire = GoldenWire([answer])

    await messenger(wire).delete_media(MEDIA)

    assert_asked(wire.asked[0], exchange["request"])


async def test_a_deletion_that_is_forbidden_is_an_error() -> None:
    with pytest.raises(ProviderRejected):
        await messenger(GoldenWire([{"status": 401}])).delete_media(MEDIA)


async def test_ping_reads_the_account() -> None:
    wire = GoldenWire([{"status": 200, "json": {}}])
    ours = messenger(wire)

    await ours.ping()
    await ours.close()

    assert str(wire.asked[0].url) == f"{TWILIO_API}{ACCOUNT_PATH}.json"


@pytest.mark.parametrize("sid", ["", "MM1", "../../x", "MM000000000000000000000000fa4e000a/.."])
async def test_an_odd_id_never_becomes_an_address(sid: str) -> None:
    wire = GoldenWire([])
    ours = messenger(wire)

    with pytest.raises(BadInput):
        await ours.list_media(sid)
    with pytest.raises(BadInput):
        await ours.delete_media(MediaRef(sid, MEDIA.media_sid))
    with pytest.raises(BadInput):
        await ours.delete_media(MediaRef(MEDIA.message_sid, sid))
    assert wire.asked == []
