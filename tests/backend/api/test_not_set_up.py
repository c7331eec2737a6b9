"""A shop without providers: their doors say so, whatever is posted to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shop import opened
from tests.wire.golden import golden

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNSET = {
    "twilio_account_sid": "",
    "twilio_auth_token": "",
    "twilio_whatsapp_number": "",
    "razorpay_key_id": "",
    "razorpay_key_secret": "",
    "razorpay_webhook_secret": "",
}
DOORS = {
    "/webhook/twilio": "TWILIO_AUTH_TOKEN",
    "/webhook/twilio/status": "TWILIO_AUTH_TOKEN",
    "/api/webhooks/razorpay-webhook": "RAZORPAY_WEBHOOK_SECRET",
}


async def test_webhooks_of_a_provider_that_is_not_set_up_are_refused_and_nothing_is_kept(
    module_database_url: str, tmp_path: Path
) -> None:
    """503, so that the provider comes again once it is. An empty secret signs nothing."""
    text = golden("twilio", "inbound_text")["request"]
    event = golden("razorpay", "webhook_payment_captured_upi")["request"]
    genuine = {True: (event["raw_body"], event["headers"]), False: (text["body"], text["headers"])}
    async with opened(module_database_url, tmp_path, **UNSET) as house:
        before = await house.snapshot()
        for path, setting in DOORS.items():
            for body, headers in (
                ("", {}),
                genuine["razorpay" in path],
                ("not a form at all", {"X-Twilio-Signature": "", "X-Razorpay-Signature": ""}),
            ):
                answer = await house.api.post(path, content=body, headers=headers)
                assert (answer.status_code, answer.json()["error"]) == (503, "not_configured")
                assert setting in answer.json()["detail"]
        assert await house.snapshot() == before
        assert before["webhook_logs"].rows == 0
        assert (await house.api.get("/health")).json()["status"] in {"ok", "degraded"}
