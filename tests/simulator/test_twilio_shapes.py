"""The simulator's Twilio says what the golden payloads say, key by key and type by type."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.simulator.conftest import PUBLIC, Outside, Shop
from tests.simulator.shapes import shape
from tests.wire.golden import golden

PNG = b"\x89PNG\r\n\x1a\n"
CALLBACK = f"{PUBLIC}/webhook/twilio/status"
QUICK_REPLY = golden("twilio", "rest_content_create_quick_reply")["request"]["json"]
LIST_PICKER = golden("twilio", "rest_content_create_list_picker")["request"]["json"]
FILES = {
    "inbound_document_pdf": ("a.pdf", "application/pdf", ""),
    "inbound_document_pdf_with_body": ("a.pdf", "application/pdf", "Assignment-3 final.pdf"),
    "inbound_document_octet_stream": ("a.pdf", "application/octet-stream", ""),
    "inbound_image_jpeg": ("a.jpg", "image/jpeg", ""),
    "inbound_image_with_caption": ("a.jpg", "image/jpeg", "print this in colour 2 copies"),
    "inbound_audio_voice_note": ("a.ogg", "audio/ogg", ""),
    "inbound_video": ("a.mp4", "video/mp4", ""),
    "inbound_sticker": ("a.webp", "image/webp", ""),
    "inbound_contact_card": ("a.vcf", "text/vcard", ""),
}
VARY = {"Body", "From", "WaId", "ProfileName", "ExternalUserId", "ChannelMetadata"}


def fields(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))


def check_inbound(name: str, heard: dict[str, str]) -> None:
    """Same fields in the same order; sids differ, the fixed words do not."""
    wanted = golden("twilio", name)["request"]["params"]
    assert list(heard) == list(wanted)
    assert shape(json.loads(heard["ChannelMetadata"])) == shape(
        json.loads(wanted["ChannelMetadata"])
    )
    for key, value in wanted.items():
        if "Sid" not in key and "Url" not in key and key not in VARY:
            assert heard[key] == value, key
    for key, value in heard.items():
        if key.endswith("Sid") and key != "AccountSid":
            assert (value[:2], len(value)) == (wanted[key][:2], 34), key


@pytest.mark.parametrize(
    ("fixture", "change"),
    [
        ("inbound_text", {}),
        ("inbound_text_no_bsuid", {"old_account": True}),
        ("inbound_text_bsuid_only", {"hidden": True}),
    ],
)
async def test_a_text(outside: Outside, shop: Shop, fixture: str, change: dict[str, bool]) -> None:
    await outside.control("PATCH", "/people/Asha", change)
    await outside.say("hi")
    [heard] = await shop.hears(1)
    check_inbound(fixture, fields(heard.body))


@pytest.mark.parametrize("fixture", FILES)
async def test_a_file(outside: Outside, shop: Shop, fixture: str) -> None:
    name, kind, caption = FILES[fixture]
    sent = await outside.plain.post(
        "/control/people/Asha/send",
        files={"file": (name, b"bytes", kind)},
        data={"caption": caption, "content_type": kind},
    )
    assert sent.status_code == 200
    [heard] = await shop.hears(1)
    got = fields(heard.body)
    check_inbound(fixture, got)
    assert got["Body"] == caption
    assert got["MediaUrl0"].startswith(f"{outside.settings.origin}{outside.base}/Messages/MM")


async def test_a_location(outside: Outside, shop: Shop) -> None:
    pin = {"latitude": "12.9716", "longitude": "77.5946"}
    pin |= {"address": "MG Road, Bengaluru", "label": "Test Shop"}
    await outside.control("POST", "/people/Asha/pin", pin)
    [heard] = await shop.hears(1)
    check_inbound("inbound_location", fields(heard.body))


async def question(outside: Outside, asked: Any, **variables: str) -> Any:
    await outside.say("hi")
    made = await outside.twilio.post("/v1/Content", json=asked)
    assert made.status_code == 201, made.text
    form = {"ContentSid": made.json()["sid"], "StatusCallback": CALLBACK}
    return made.json(), await outside.send_message(ContentVariables=json.dumps(variables), **form)


async def test_a_tap_on_a_button(outside: Outside, shop: Shop) -> None:
    made, sent = await question(outside, QUICK_REPLY, **{"1": "12"})
    assert shape(made) == shape(
        golden("twilio", "rest_content_create_quick_reply")["response"]["json"]
    )
    assert shape(sent.json()) == shape(
        golden("twilio", "rest_message_create_content")["response"]["json"]
    )
    assert sent.json()["body"] == "Your file has 12 pages. Choose a print mode."

    await outside.control("POST", "/people/Asha/tap", {"title": "black & white"})
    heard = await shop.hears(2, "/webhook/twilio")
    got = fields(heard[1].body)
    check_inbound("inbound_quick_reply_tap", got)
    assert got["Body"] == "Black & White"
    assert got["OriginalRepliedMessageSid"] == sent.json()["sid"]


async def test_a_pick_from_a_list(outside: Outside, shop: Shop) -> None:
    made, sent = await question(outside, LIST_PICKER)
    assert shape(made) == shape(
        golden("twilio", "rest_content_create_list_picker")["response"]["json"]
    )

    await outside.control("POST", "/people/Asha/tap", {"id": "copies:2"})
    heard = await shop.hears(2, "/webhook/twilio")
    got = fields(heard[1].body)
    check_inbound("inbound_list_pick", got)
    assert got["OriginalRepliedMessageSid"] == sent.json()["sid"]


@pytest.mark.parametrize(
    ("fixture", "form"),
    [
        ("rest_message_create_text", {"Body": "Reply 1", "StatusCallback": CALLBACK}),
        ("rest_message_create_to_bsuid", {"Body": "Ready", "To": "whatsapp:IN.1000000000000001"}),
        ("rest_message_create_media", {"Body": "Preview", "MediaUrl": f"{PUBLIC}/preview.png"}),
    ],
)
async def test_the_answer_to_a_message(
    outside: Outside, fixture: str, form: dict[str, str]
) -> None:
    made = await outside.send_message(**form)
    wanted = golden("twilio", fixture)["response"]
    assert made.status_code == wanted["status"]
    assert shape(made.json()) == shape(wanted["json"])
    assert made.json()["sid"][:2] == wanted["json"]["sid"][:2]
    assert made.json()["num_media"] == wanted["json"]["num_media"]


async def test_receipts(outside: Outside, shop: Shop) -> None:
    await outside.say("hi")
    await outside.send_message(Body="Hello", StatusCallback=CALLBACK)
    for heard in await shop.hears(3, "/webhook/twilio/status"):
        got = fields(heard.body)
        wanted = golden("twilio", f"status_{got['MessageStatus']}")["request"]["params"]
        assert {k: v for k, v in got.items() if "Sid" not in k} == {
            k: v for k, v in wanted.items() if "Sid" not in k
        }
        assert list(got) == list(wanted)


@pytest.mark.parametrize(
    ("fixture", "to", "change"),
    [
        ("status_failed_63016_window_closed", "whatsapp:+919000090000", {}),
        ("status_failed_63015_not_joined", "whatsapp:+919000090000", {"joined": False}),
        ("status_undelivered_63024", "whatsapp:+919999999999", {}),
    ],
)
async def test_receipts_of_what_never_arrived(
    outside: Outside, shop: Shop, fixture: str, to: str, change: dict[str, bool]
) -> None:
    await outside.control("PATCH", "/people/Asha", change)
    made = await outside.send_message(To=to, Body="Hello", StatusCallback=CALLBACK)
    assert made.status_code == 201
    [heard] = await shop.hears(1)
    got, wanted = fields(heard.body), golden("twilio", fixture)["request"]["params"]
    assert list(got) == list(wanted)
    assert (got["MessageStatus"], got["ErrorCode"]) == (
        wanted["MessageStatus"],
        wanted["ErrorCode"],
    )
    assert await outside.chat() == []


async def test_a_files_metadata_and_download(outside: Outside, shop: Shop) -> None:
    await outside.control("POST", "/people/Asha/send", {"sample": "pdf"})
    [heard] = await shop.hears(1)
    url = fields(heard.body)["MediaUrl0"]

    about = await outside.twilio.get(url + ".json")
    assert shape(about.json()) == shape(golden("twilio", "rest_media_metadata")["response"]["json"])
    first = await outside.twilio.get(url)
    assert first.status_code == 307
    assert not first.headers["location"].startswith(outside.settings.origin + "/")
    file = await outside.plain.get(first.headers["location"])
    assert (file.status_code, file.headers["content-type"]) == (200, "application/pdf")
    assert file.content.startswith(b"%PDF")
    assert (await outside.twilio.get(first.headers["location"])).status_code == 400
    assert (await outside.plain.get(url)).status_code == 401

    assert (await outside.twilio.delete(url + ".json")).status_code == 204
    gone = await outside.twilio.get(url)
    case = golden("twilio", "media_download_errors")["cases"][1]["response"]
    assert (gone.status_code, shape(gone.json())) == (404, shape(case["json"]))
    assert (await outside.plain.get(first.headers["location"])).status_code == 404
