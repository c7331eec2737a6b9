"""What the backend meets at Twilio."""

from __future__ import annotations

from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator

from tests.simulator.conftest import PUBLIC, Outside, Shop


async def test_a_customers_words_arrive_signed_over_the_public_address(
    outside: Outside, shop: Shop
) -> None:
    told = await outside.say("hi")

    [heard] = await shop.hears(1)
    fields = dict(parse_qsl(heard.body.decode(), keep_blank_values=True))
    assert told["status"] == 200
    assert fields["Body"] == "hi"
    assert fields["MessageSid"] == told["sid"]
    validator = RequestValidator(outside.settings.auth_token)
    assert validator.validate(
        f"{PUBLIC}/webhook/twilio", fields, heard.headers["x-twilio-signature"]
    )
    assert not validator.validate(
        f"{shop.address}/webhook/twilio", fields, heard.headers["x-twilio-signature"]
    )


async def test_a_message_reaches_the_phone_and_every_step_is_reported(
    outside: Outside, shop: Shop
) -> None:
    await outside.say("hi")
    made = await outside.send_message(
        Body="Hello *Asha*", StatusCallback=f"{PUBLIC}/webhook/twilio/status"
    )

    receipts = await shop.hears(3, "/webhook/twilio/status")
    assert made.status_code == 201
    assert [dict(parse_qsl(each.body.decode()))["MessageStatus"] for each in receipts] == [
        "sent",
        "delivered",
        "read",
    ]
    [mine, theirs] = await outside.chat()
    assert (mine["from"], theirs["from"]) == ("customer", "shop")
    assert theirs["text"] == "Hello *Asha*"
    assert theirs["status"] == "read"
