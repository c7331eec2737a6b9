"""Twilio's signature allows several readings of one form; only its own is accepted."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from app.adapters.signatures import twilio_genuine, twilio_signature
from app.adapters.twilio_forms import parse_inbound
from app.domain.errors import BadInput
from app.ports import InboundForm
from tests.wire.golden import (
    TWILIO_ACCOUNT,
    TWILIO_API,
    TWILIO_NUMBER,
    TWILIO_TOKEN,
    goldens,
    sent,
)

URL = "https://shop.example.test/webhook/twilio"
INBOUND = [name for name in goldens("twilio", "webhook_request") if name.startswith("inbound")]
Pairs = list[tuple[str, str]]


def parsed(pairs: Pairs) -> InboundForm:
    return parse_inbound(
        pairs, account_sid=TWILIO_ACCOUNT, our_number=TWILIO_NUMBER, api_base_url=TWILIO_API
    )


def test_a_typed_text_that_spells_a_tap_is_none() -> None:
    """The published example: both readings carry the same signature, one of them is true."""
    bare = {"MessageType": None, "ChannelMetadata": None, "ExternalUserId": None}
    for kind in ({}, bare):
        true = sent("inbound_text", **kind, Body="hiButtonPayloadapprove")
        recut = sent("inbound_text", **kind, Body="hi", ButtonPayload="approve")
        signature = twilio_signature(TWILIO_TOKEN, URL, true)

        assert twilio_genuine(recut, signature, url=URL, tokens=[TWILIO_TOKEN])
        with pytest.raises(BadInput):
            parsed(recut)


def test_a_typed_text_that_spells_another_sender_is_refused() -> None:
    true = sent("inbound_text", Body="hiFromwhatsapp:+919111111111Label")
    values = dict(true)
    tail = f"ChannelMetadata{values['ChannelMetadata']}ExternalUserId{values['ExternalUserId']}"
    recut = {**values, "Body": "hi", "From": "whatsapp:+919111111111"}
    recut["Label"] = f"{tail}From{values['From']}"
    del recut["ChannelMetadata"], recut["ExternalUserId"]
    signature = twilio_signature(TWILIO_TOKEN, URL, true)

    assert twilio_genuine(recut.items(), signature, url=URL, tokens=[TWILIO_TOKEN])
    with pytest.raises(BadInput):
        parsed(list(recut.items()))


@pytest.mark.parametrize("kind", ["text", "image", "document"])
def test_a_text_that_spells_a_whole_tap_is_none_either(kind: str) -> None:
    true = sent("inbound_text", MessageType=kind, Body="hiButtonPayloadapproveButtonTexthi")
    parts = {"Body": "hi", "ButtonPayload": "approve", "ButtonText": "hi"}
    recut = sent("inbound_text", MessageType=kind, **parts)
    signature = twilio_signature(TWILIO_TOKEN, URL, true)

    assert twilio_genuine(recut, signature, url=URL, tokens=[TWILIO_TOKEN])
    with pytest.raises(BadInput, match="tap"):
        parsed(recut)


def test_a_hidden_number_has_one_name_only() -> None:
    """A place's label could otherwise lengthen the sender's id."""
    with pytest.raises(BadInput, match="two customers"):
        parsed(sent("inbound_text_bsuid_only", From="whatsapp:IN.1000000000000001LabelHome"))


def recuts(true: Pairs, luck: random.Random, count: int) -> Iterator[Pairs]:
    """Other ways to cut the same signed text into names and values, in the sorted order."""
    text = "".join(name + value for name, value in sorted(set(true)))
    words = sorted({m.start() for m in re.finditer(r"[A-Z][A-Za-z]+", text)})
    starts = sorted(len("".join(a + b for a, b in sorted(true)[:i])) for i in range(len(true)))
    names = sorted({name for name, _ in true} | {"ButtonPayload", "ListId", "ExternalUserId"})
    for _ in range(count):
        cuts = set(starts)
        for _ in range(luck.randint(1, 3)):
            change = luck.random()
            if change < 0.4 and len(cuts) > 1:
                cuts.discard(luck.choice(sorted(cuts - {0})))
            elif change < 0.8:
                cuts.add(luck.choice(words))
            else:
                cuts.add(luck.randrange(1, len(text)))
        ordered = sorted(cuts)
        pairs = []
        for start, end in zip(ordered, [*ordered[1:], len(text)], strict=True):
            piece = text[start:end]
            known = [name for name in names if piece.startswith(name)]
            length = len(max(known, key=len)) if known else luck.randint(1, len(piece))
            if luck.random() < 0.1:
                length = luck.randint(1, len(piece))
            pairs.append((piece[:length], piece[length:]))
        yield pairs


def meaning(form: InboundForm) -> tuple[object, ...]:
    return (
        *(form.message_sid, form.sender, form.body, form.choice, form.replied_to),
        *(form.wa_id, form.external_user_id, form.latitude, form.longitude),
        tuple(media.ref for media in form.media),
    )


TRICKY = [
    "hi",
    "2",
    "hiButtonPayloadapprove",
    "hiButtonPayloadapproveButtonTexthi",
    "xExternalUserIdwhatsapp:IN.9Fromwhatsapp:+919111111111G",
    "aFromwhatsapp:+919111111111MessageSidSM00000000000000000000000000000009NumMedia0",
    "yListIdcopies:9",
]


@pytest.mark.parametrize("name", INBOUND)
def test_no_other_cut_of_a_signed_form_means_something_else(name: str) -> None:
    luck = random.Random(name)
    accepted = tried = 0
    for body in (None, *TRICKY):
        true = sent(name) if body is None else sent(name, Body=body)
        try:
            truth: tuple[object, ...] | None = meaning(parsed(true))
        except BadInput:
            truth = None
        signature = twilio_signature(TWILIO_TOKEN, URL, true)
        for recut in recuts(true, luck, 150):
            if not twilio_genuine(recut, signature, url=URL, tokens=[TWILIO_TOKEN]):
                continue  # no longer in sorted order, so another text
            tried += 1
            try:
                found = meaning(parsed(recut))
            except BadInput:
                continue
            accepted += 1
            assert found == truth, [p for p in recut if p not in true]

    assert tried > 150
    assert accepted < tried
