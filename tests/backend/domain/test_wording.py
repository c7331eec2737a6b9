"""Every reason for refusing a file has words of its own."""

from __future__ import annotations

from app.domain.errors import Refusal
from app.domain.wording import REFUSED, Text


def test_every_refusal_has_its_own_sentence() -> None:
    assert set(REFUSED) == set(Refusal)
    assert len(set(REFUSED.values())) == len(Refusal)


def test_every_sentence_about_refusals_is_used() -> None:
    assert set(REFUSED.values()) == {text for text in Text if text.name.startswith("REFUSED_")}


def test_message_ids_are_plain_and_unique() -> None:
    ids = [text.value for text in Text]

    assert len(ids) == len(set(ids)) == len(Text.__members__)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz-") for name in ids)
