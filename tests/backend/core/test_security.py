"""Codes, hashes and passwords."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.security import (
    NOBODY,
    hash_password,
    new_code,
    new_storage_key,
    new_token,
    password_matches,
    same,
    sha256_hex,
)


def test_codes_can_be_read_out_without_mistakes() -> None:
    codes = [new_code() for _ in range(500)]

    assert {len(code) for code in codes} == {6}
    assert not set("".join(codes)) & set("01IOLlio")
    assert len(set(codes)) > 495
    assert len(new_code(12)) == 12


def test_tokens_are_256_bits_that_fit_an_address() -> None:
    tokens = {new_token() for _ in range(200)}

    assert len(tokens) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_a_storage_key_says_nothing_and_stays_in_its_folder() -> None:
    keys = {new_storage_key(".pdf") for _ in range(200)}

    assert len(keys) == 200
    assert all(re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{30}\.pdf", key) for key in keys)


@given(st.text(max_size=50))
def test_text_is_hashed_as_its_bytes(text: str) -> None:
    assert (
        sha256_hex(text) == sha256_hex(text.encode()) == hashlib.sha256(text.encode()).hexdigest()
    )


@given(st.text(max_size=10), st.text(max_size=10))
def test_secrets_are_the_same_only_when_equal(one: str, other: str) -> None:
    assert same(one, one)
    assert same(one, other) is (one == other)


def test_a_password_is_known_again_and_stored_salted() -> None:
    stored = hash_password("चाय-and-पानी")

    assert stored.startswith("$argon2id$")
    assert password_matches(stored, "चाय-and-पानी")
    assert not password_matches(stored, "chai-and-pani")
    assert hash_password("चाय-and-पानी") != stored


@pytest.mark.parametrize(
    "stored", ["", "plain", "$argon2id$broken", "$2b$12$abcdefghijklmnopqrstuv"]
)
def test_what_is_no_hash_matches_no_password(stored: str) -> None:
    assert not password_matches(stored, "")
    assert not password_matches(stored, "plain")


def test_nobody_can_sign_in_as_nobody() -> None:
    assert not password_matches(NOBODY, "")
    assert NOBODY.split("$")[1:4] == hash_password("x").split("$")[1:4], "takes as long"
