"""One signed text, one meaning: forms are read strictly, and strange content calmly."""

from __future__ import annotations

from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.twilio_forms import (
    clean_name,
    parse_inbound,
    parse_status,
    read_form,
)
from app.domain.errors import BadInput
from app.ports import InboundForm, MediaRef, StatusForm
from tests.wire.golden import (
    TWILIO_ACCOUNT,
    TWILIO_API,
    TWILIO_NUMBER,
    golden,
    goldens,
    sent,
)

URL = "https://shop.example.test/webhook/twilio"
INBOUND = [name for name in goldens("twilio", "webhook_request") if name.startswith("inbound")]
STATUS = [name for name in goldens("twilio", "webhook_request") if name.startswith("status")]
Pairs = list[tuple[str, str]]


def parsed(pairs: Pairs, base: str = TWILIO_API) -> InboundForm:
    return parse_inbound(
        pairs, account_sid=TWILIO_ACCOUNT, our_number=TWILIO_NUMBER, api_base_url=base
    )


@pytest.mark.parametrize("name", INBOUND)
def test_every_golden_message_is_understood(name: str) -> None:
    params = golden("twilio", name)["request"]["params"]

    form = parsed(read_form(golden("twilio", name)["request"]["body"].encode()))

    assert form.message_sid == params["MessageSid"]
    assert form.sender == params["From"]
    assert form.recipient == TWILIO_NUMBER
    assert form.body == params["Body"]
    assert form.external_user_id == params.get("ExternalUserId", "")
    assert form.wa_id == params.get("WaId", "")
    assert form.profile_name == "Asha Test"
    assert form.choice == params.get("ButtonPayload", params.get("ListId", ""))
    assert form.choice_title == params.get("ButtonText", params.get("ListTitle", ""))
    assert form.replied_to == params.get("OriginalRepliedMessageSid", "")
    assert len(form.media) == int(params["NumMedia"])
    assert (form.latitude is not None) is ("Latitude" in params)


def test_an_attachment_becomes_ids_not_an_address() -> None:
    (media,) = parsed(sent("inbound_document_pdf")).media

    assert media.ref == MediaRef(
        "MM000000000000000000000000fa4e000a", "ME000000000000000000000000fa4e000a"
    )
    assert media.content_type == "application/pdf"


@pytest.mark.parametrize("name", STATUS)
def test_every_golden_receipt_is_understood(name: str) -> None:
    params = golden("twilio", name)["request"]["params"]

    assert parse_status(list(params.items()), account_sid=TWILIO_ACCOUNT) == StatusForm(
        params["MessageSid"], TWILIO_ACCOUNT, params["MessageStatus"], params.get("ErrorCode", "")
    )


@pytest.mark.parametrize(
    ("changes", "status", "error_code"),
    [
        ({"ErrorCode": "InvalidSandboxRequest"}, "failed", "InvalidSandboxRequest"),
        ({"ErrorCode": None}, "failed", ""),
        ({"MessageStatus": "Newly-Invented"}, "newly-invented", "63016"),
        ({"MessageStatus": None}, "failed", "63016"),
    ],
)
def test_receipts_are_read_leniently(
    changes: dict[str, str | None], status: str, error_code: str
) -> None:
    form = parse_status(
        sent("status_failed_63016_window_closed", **changes), account_sid=TWILIO_ACCOUNT
    )
    assert (form.status, form.error_code) == (status, error_code)


@pytest.mark.parametrize(
    "changes",
    [
        {"MessageStatus": None, "SmsStatus": None},
        {"MessageStatus": "a b"},
        {"MessageSid": "x"},
        {"AccountSid": "AC" + "1" * 32},
    ],
)
def test_receipts_that_are_none(changes: dict[str, str | None]) -> None:
    with pytest.raises(BadInput):
        parse_status(sent("status_sent", **changes), account_sid=TWILIO_ACCOUNT)


@pytest.mark.parametrize(
    "changes",
    [
        {"MessageSid": None},
        {"MessageSid": "SM1"},
        {"MessageSid": "XX000000000000000000000000fa4e0001"},
        {"MessageSid": "SM000000000000000000000000fa4e0001\n"},
        {"AccountSid": None},
        {"AccountSid": "AC000000000000000000000000000000ff"},
        {"From": None},
        {"From": "+919000090000"},
        {"From": "whatsapp:919000090000"},
        {"From": "whatsapp:+0900009"},
        {"From": "whatsapp:+९१९०००"},
        {"From": "whatsapp:in.1"},
        {"From": "whatsapp:IN."},
        {"To": None},
        {"To": "whatsapp:+14155238887"},
        {"Body": None},
        {"NumMedia": None},
        {"NumMedia": "11"},
        {"NumMedia": "-1"},
        {"NumMedia": "01"},
        {"NumMedia": "１"},
        {"NumMedia": "1"},
        {"WaId": "x"},
        {"ExternalUserId": "bob"},
        {"OriginalRepliedMessageSid": "x"},
        {"ButtonPayload": "colour:bw"},
        {"ListId": "copies:2"},
    ],
    ids=str,
)
def test_a_message_with_another_shape_is_refused(changes: dict[str, str | None]) -> None:
    with pytest.raises(BadInput):
        parsed(sent("inbound_text", **changes))


def test_a_repeated_parameter_is_refused() -> None:
    for name, value in sent("inbound_text"):
        with pytest.raises(BadInput, match="twice"):
            parsed([*sent("inbound_text"), (name, value)])


def test_unknown_parameters_are_ignored() -> None:
    more = sent("inbound_text", Tomorrow="x", ProfileNameVerified="true", WaIdKind="2", Choice="9")

    assert parsed(more) == parsed(sent("inbound_text"))


GOOD_MEDIA = golden("twilio", "inbound_document_pdf")["request"]["params"]["MediaUrl0"]
SID, ME = "MM000000000000000000000000fa4e000a", "ME000000000000000000000000fa4e000a"
BAD_MEDIA = [
    "",
    GOOD_MEDIA.replace("https", "http"),
    GOOD_MEDIA.replace("https", "HTTPS"),
    GOOD_MEDIA.replace("api.twilio.com", "api.twilio.com.evil.test"),
    GOOD_MEDIA.replace("api.twilio.com", "api.twilio.com@evil.test"),
    GOOD_MEDIA.replace("api.twilio.com", "evil.test/api.twilio.com"),
    GOOD_MEDIA.replace("api.twilio.com", "api.twilio.com:8443"),
    GOOD_MEDIA.replace("api.twilio.com", "user:pass@api.twilio.com"),
    GOOD_MEDIA.replace("api.twilio.com", "2130706433"),
    GOOD_MEDIA.replace(TWILIO_ACCOUNT, "AC" + "0" * 32),
    GOOD_MEDIA.replace(SID, "MM" + "0" * 32),
    GOOD_MEDIA.replace(ME, "../" + ME),
    GOOD_MEDIA.replace(ME, ME + "/../../x"),
    GOOD_MEDIA + "?x=1",
    GOOD_MEDIA + "#x",
    GOOD_MEDIA + "/",
    GOOD_MEDIA + ".json",
    GOOD_MEDIA + "\n",
    " " + GOOD_MEDIA,
    GOOD_MEDIA.replace(ME, "ME%30" + ME[3:]),
    GOOD_MEDIA.replace("/Media/", "//Media/"),
    *(f"{scheme}://127.0.0.1/x" for scheme in ("file", "ftp", "http", "gopher", "https")),
]


@pytest.mark.parametrize("url", BAD_MEDIA)
def test_an_attachment_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        parsed(sent("inbound_document_pdf", MediaUrl0=url))


def test_attachments_are_as_many_as_announced() -> None:
    other = GOOD_MEDIA.replace("fa4e000a", "fa4e000b").replace(
        "MM000000000000000000000000fa4e000b", SID
    )
    two = sent("inbound_document_pdf", NumMedia="2", MediaUrl1=other)

    assert [m.ref.media_sid[-4:] for m in parsed(two).media] == ["000a", "000b"]
    assert [m.content_type for m in parsed(two).media] == ["application/pdf", ""]
    for count in ("0", "1", "3"):
        with pytest.raises(BadInput):
            parsed(sent("inbound_document_pdf", NumMedia=count, MediaUrl1=other))


def test_the_base_address_comes_from_the_settings() -> None:
    moved = GOOD_MEDIA.replace("https://api.twilio.com", "http://127.0.0.1:9001")

    assert parsed(sent("inbound_document_pdf", MediaUrl0=moved), "http://127.0.0.1:9001/").media
    with pytest.raises(BadInput):
        parsed(sent("inbound_document_pdf"), "http://127.0.0.1:9001")


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        ("a%00b", "ab"),
        ("%ED%A0%80x", "\ufffd\ufffd\ufffdx"),
        ("%ff%fe", "\ufffd\ufffd"),
        ("a" * 9000, "a" * 4096),
        ("%E0%A4%A8", "न"),
        ("a%0Ab%0D%0Ac", "a\nb\r\nc"),
        ("%E2%80%AEtxt", "\u202etxt"),
        ("", ""),
    ],
)
def test_strange_text_is_taken_calmly(raw: str, body: str) -> None:
    rest = "&".join(f"{k}={quote_plus(v)}" for k, v in sent("inbound_text", Body=None))

    form = parsed(read_form(f"{rest}&Body={raw}".encode()))

    assert form.body == body
    form.body.encode()


@given(st.text(max_size=200))
@settings(max_examples=300)
def test_whatever_a_customer_types_arrives_or_is_refused(text: str) -> None:
    typed = text.encode("utf-8", "replace").decode()
    try:
        form = parsed(sent("inbound_text", Body=typed, ProfileName=typed))
    except BadInput as error:
        # The name of a parameter that could have been cut out of the signed text.
        if "is hidden inside another parameter" not in error.detail:
            raise
        return

    assert form.body == typed.replace("\x00", "")
    assert "\x00" not in form.profile_name
    assert len(form.profile_name) <= 80


@pytest.mark.parametrize(
    "text",
    [
        *("To my friend From me", "Body Label Address", "NumMedia", "WaId", "MessageSid", "ListId"),
        *("ExternalUserId?", "SmsStatus", "Latitude 12 Longitude 77", "MediaUrl", "MediaUrl0"),
        *("print 2 copies whatsapp:+919000090001", '{"a": 1}', "ChannelMetadata"),
    ],
)
def test_ordinary_text_with_our_words_in_it_is_fine(text: str) -> None:
    assert parsed(sent("inbound_text", Body=text)).body == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Asha\u202eevil", "Ashaevil"),
        (" A\r\n\tb ", "A b"),
        ("न\u094dर", "न\u094dर"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("<script>", "<script>"),
        ("x" * 300, "x" * 80),
        ("\x00\ud800", "\ufffd"),
    ],
)
def test_names_are_one_clean_line(name: str, shown: str) -> None:
    assert clean_name(name) == shown


@pytest.mark.parametrize(
    ("latitude", "longitude", "read"),
    [
        ("12.9716", "77.5946", (12.9716, 77.5946)),
        ("91", "181", (None, None)),
        ("nan", "inf", (None, None)),
        ("", "x", (None, None)),
    ],
)
def test_places(latitude: str, longitude: str, read: tuple[float | None, float | None]) -> None:
    form = parsed(sent("inbound_location", Latitude=latitude, Longitude=longitude))

    assert (form.latitude, form.longitude) == read


@pytest.mark.parametrize(
    "changes",
    [
        {"MessageType": "button"},
        {"MessageType": None},
        {"MessageType": None, "OriginalRepliedMessageSid": None},
        {"OriginalRepliedMessageSid": None, "ButtonText": None},
        {"MessageType": "something_new"},
    ],
    ids=str,
)
def test_a_tap_is_known_by_any_of_its_marks(changes: dict[str, str | None]) -> None:
    assert parsed(sent("inbound_quick_reply_tap", **changes)).choice == "colour:bw"
