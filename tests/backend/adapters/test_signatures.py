"""Who really sent these bytes? The vendors' own SDKs are asked the same question."""

from __future__ import annotations

import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import pytest
import razorpay
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from app.adapters.signatures import (
    public_url,
    razorpay_callback_genuine,
    razorpay_genuine,
    sign_file,
    twilio_genuine,
    twilio_signature,
    verify_file,
)
from app.adapters.twilio_forms import read_form
from app.domain.errors import BadInput, NotConfigured
from tests.wire.golden import (
    RAZORPAY_WEBHOOK_SECRET,
    TWILIO_TOKEN,
    golden,
    goldens,
)

URL = "https://shop.example.test/webhook/twilio"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,12}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
forms = st.lists(st.tuples(names, texts), max_size=12)


class ManyValues(dict[str, list[str]]):
    """The multi-valued mapping the SDK understands."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def multi(pairs: list[tuple[str, str]]) -> ManyValues:
    found = ManyValues()
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def encoded(pairs: list[tuple[str, str]]) -> bytes:
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()


@pytest.mark.parametrize(
    "vector", golden("twilio", "signature_vectors")["vectors"], ids=lambda v: str(v["name"])
)
def test_twilio_vector(vector: dict[str, Any]) -> None:
    pairs = [
        (name, value)
        for name, values in dict(vector["check_params"]).items()
        for value in (values if isinstance(values, list) else [values])
    ]
    # The one row about a fragment describes a validator that keeps it; ours strips it, as told.
    expected = bool(vector["expect_valid"]) or vector["name"] == "fragment_ignored"

    assert (
        twilio_genuine(
            pairs,
            str(vector["signature"]),
            url=str(vector["check_url"]),
            tokens=[str(vector["auth_token"])],
        )
        is expected
    )


@pytest.mark.parametrize("name", goldens("twilio", "webhook_request"))
def test_twilio_golden_request_is_genuine_and_not_for_another_address(name: str) -> None:
    request = golden("twilio", name)["request"]
    pairs = read_form(request["body"].encode())
    signature = request["headers"]["X-Twilio-Signature"]

    assert dict(pairs) == request["params"]
    assert twilio_genuine(pairs, signature, url=request["url"], tokens=[TWILIO_TOKEN])
    assert not twilio_genuine(pairs, signature, url=request["url"] + "/", tokens=[TWILIO_TOKEN])
    assert not twilio_genuine(pairs[1:], signature, url=request["url"], tokens=[TWILIO_TOKEN])


@given(forms, st.sampled_from([URL, URL + "?a=1&b=", "https://x.test:8443/w", "http://x.test/w"]))
def test_we_sign_and_verify_as_twilios_sdk_does(pairs: list[tuple[str, str]], url: str) -> None:
    oracle = RequestValidator("tok").compute_signature(url, multi(pairs))

    assert twilio_signature("tok", url, pairs) == oracle
    assert twilio_genuine(pairs, oracle, url=url, tokens=["tok"])
    assert RequestValidator("tok").validate(url, multi(pairs), oracle)


@given(forms)
def test_a_form_keeps_every_pair_on_its_way_through_the_parser(
    pairs: list[tuple[str, str]],
) -> None:
    assert read_form(encoded(pairs)) == pairs


@given(st.binary(max_size=200))
def test_no_bytes_break_the_form_reader(raw: bytes) -> None:
    pairs = read_form(raw)
    signature = twilio_signature("tok", URL, pairs)

    assert twilio_genuine(pairs, signature, url=URL, tokens=["tok"])


def test_bytes_that_are_no_utf8_stay_distinct_under_the_signature() -> None:
    one, other = read_form(b"Body=%ff"), read_form(b"Body=%fe")

    assert twilio_signature("tok", URL, one) != twilio_signature("tok", URL, other)


def test_too_many_fields_are_refused_before_any_work() -> None:
    with pytest.raises(BadInput):
        read_form(b"&".join(b"a%d=1" % n for n in range(500)))


@pytest.mark.parametrize(
    ("tokens", "genuine"),
    [(["old", "tok"], True), (["tok", ""], True), ([""], False), ([], False), (["old"], False)],
)
def test_several_tokens_and_the_empty_one(tokens: list[str], genuine: bool) -> None:
    signature = twilio_signature("tok", URL, [("Body", "")])

    assert twilio_genuine([("Body", "")], signature, url=URL, tokens=tokens) is genuine


def test_an_empty_token_is_no_key_even_when_the_sender_used_it() -> None:
    signature = twilio_signature("", URL, [("Body", "hi")])

    assert not twilio_genuine([("Body", "hi")], signature, url=URL, tokens=[""])


@pytest.mark.parametrize("port_in", ["signed", "configured"])
def test_the_default_port_may_be_named_by_either_side(port_in: str) -> None:
    with_port = URL.replace(".test/", ".test:443/")
    signed, configured = (with_port, URL) if port_in == "signed" else (URL, with_port)
    signature = twilio_signature("tok", signed, [])

    assert twilio_genuine([], signature, url=configured, tokens=["tok"])


@pytest.mark.parametrize("signature", [None, "", "é" * 28, "\udcff", "AAAA", "\x00" * 28])
def test_a_strange_signature_is_just_wrong(signature: str | None) -> None:
    assert not twilio_genuine([], signature, url=URL, tokens=["tok"])
    assert not razorpay_genuine(b"{}", signature, secrets=["tok"])


def test_another_signing_scheme_is_refused_not_guessed() -> None:
    signature = twilio_signature("tok", URL, [])

    assert not twilio_genuine(
        [], signature, url=URL, tokens=["tok"], settings_header="key=k,algorithm=HMAC_SHA256"
    )
    assert not twilio_genuine([], signature, url=URL, tokens=["tok"], settings_header="")


@pytest.mark.parametrize(
    ("base", "path", "query", "url"),
    [
        ("https://s.test", "/webhook/twilio", b"", "https://s.test/webhook/twilio"),
        (
            "https://s.test/",
            "/webhook/twilio",
            b"a=%2F&a=",
            "https://s.test/webhook/twilio?a=%2F&a=",
        ),
        ("https://s.test#rc=3&rp=all", "/w", "", "https://s.test/w"),
        ("https://s.test/shop", "/w", "x=1", "https://s.test/shop/w?x=1"),
    ],
)
def test_public_url(base: str, path: str, query: str | bytes, url: str) -> None:
    assert public_url(base, path, query) == url


@pytest.mark.parametrize(
    "vector", golden("razorpay", "webhook_signature_vectors")["vectors"], ids=lambda v: v["name"]
)
def test_razorpay_vector(vector: dict[str, Any]) -> None:
    body = str(vector["raw_body"]).encode()
    secrets = [str(secret) for secret in vector["accepted_secrets"]]

    genuine = razorpay_genuine(body, str(vector["signature"]), secrets=secrets)

    assert genuine is vector["expect_valid"]
    assert not razorpay_genuine(body, str(vector["signature"]), secrets=["", ""])


@pytest.mark.parametrize("name", goldens("razorpay", "webhook_request"))
def test_razorpay_golden_event_is_genuine_until_a_byte_changes(name: str) -> None:
    request = golden("razorpay", name)["request"]
    body = request["raw_body"].encode()
    signature = request["headers"]["X-Razorpay-Signature"]

    assert razorpay_genuine(body, signature, secrets=["other", RAZORPAY_WEBHOOK_SECRET])
    assert not razorpay_genuine(body + b" ", signature, secrets=[RAZORPAY_WEBHOOK_SECRET])


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_razorpays_sdk_agrees_on_the_webhook(body: str) -> None:
    signature = hmac.new(b"key", body.encode(), hashlib.sha256).hexdigest()

    client = razorpay.Client(auth=("id", "key"))
    assert client.utility.verify_webhook_signature(body, signature, "key")
    assert razorpay_genuine(body.encode(), signature, secrets=["key"])


@pytest.mark.parametrize(
    "vector", golden("razorpay", "callback_signature_vectors")["vectors"], ids=lambda v: v["name"]
)
def test_razorpay_callback_vector(vector: dict[str, Any]) -> None:
    query = dict(vector["query"])

    genuine = razorpay_callback_genuine(query, key_secret=str(vector["key_secret"]))

    assert genuine is vector["expect_valid"]
    assert not razorpay_callback_genuine(query, key_secret="")


def opened(path: str, query: str, *, at: datetime, secret: str = "s") -> bool:
    return verify_file(path, dict(parse_qsl(query)), secret=secret, now=at)


def test_a_file_link_opens_its_own_path_until_it_ends() -> None:
    query = sign_file("/files/ab/cd.pdf", secret="s", expires_at=NOW + timedelta(minutes=5))

    assert opened("/files/ab/cd.pdf", query, at=NOW)
    assert not opened("/files/ab/ce.pdf", query, at=NOW)
    assert not opened("/files/ab/cd.pdf", query, at=NOW + timedelta(minutes=5))
    assert not opened("/files/ab/cd.pdf", query, at=NOW, secret="other")
    assert not opened("/files/ab/cd.pdf", query, at=NOW, secret="")


@pytest.mark.parametrize("expires", ["", "-1", "1e12", "٣٣٣٣", "9" * 400, " 99999999999", "+9"])
def test_an_expiry_that_is_no_plain_number_opens_nothing(expires: str) -> None:
    query = {"expires": expires, "signature": "0" * 64}

    assert not verify_file("/files/a", query, secret="s", now=NOW)


@given(st.text(max_size=20), st.integers(1, 10**10))
def test_a_prolonged_link_is_closed(path: str, seconds: int) -> None:
    query = dict(parse_qsl(sign_file(path, secret="s", expires_at=NOW)))
    query["expires"] = str(int(query["expires"]) + seconds)

    assert not verify_file(path, query, secret="s", now=NOW)


def test_no_link_is_made_without_a_secret() -> None:
    with pytest.raises(NotConfigured):
        sign_file("/files/a", secret="", expires_at=NOW)


def test_a_webhook_is_verified_in_well_under_a_millisecond() -> None:
    request = golden("twilio", "inbound_text_unicode")["request"]
    raw, signature = request["body"].encode(), request["headers"]["X-Twilio-Signature"]

    def once() -> float:
        started = time.perf_counter()
        assert twilio_genuine(read_form(raw), signature, url=URL, tokens=[TWILIO_TOKEN])
        return time.perf_counter() - started

    assert min(once() for _ in range(50)) < 0.001
