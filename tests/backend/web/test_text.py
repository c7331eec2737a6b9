"""The catalogues: complete, alike in every language, and inside WhatsApp's limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from fluent.syntax import FluentParser, ast, visitor

from app.domain.money import Money
from app.domain.wording import Choice, Saying, Text, Value
from app.web.text import (
    BODY_LIMIT,
    BODY_LIMIT_WITH_BUTTONS,
    LANGUAGES,
    LOCALE_DIR,
    TITLE_LIMIT,
    Catalogue,
    NoSuchText,
    clock_time,
    cut,
    day_and_time,
    money,
    short_title,
    t,
)

LONGEST: dict[str, Value] = {
    "name": "Venkatanarasimharajuvaripeta Lakshmi " * 20,
    "shop": "श्री गणेश कॉपी सेंटर एवं स्टेशनरी मार्ट " * 20,
    "doc": "final_final_really_final_project_report_v12 (copy) " * 40,
    "bw": "₹99,999.50",
    "color": "₹99,999.50",
    "mix": "₹5,00,000.50",
    "total": "₹5,00,000.50",
    "pages": 5000,
    "copies": 1000,
    "colored": 4999,
    "list": ", ".join(f"{page}-{page + 1}" for page in range(4000, 4036, 3)) + " …",
    "max": 1000,
    "max_mb": 200,
    "max_pages": 5000,
    "accepts": "PDF, Word, photo",
    "count": 3,
    "link": "https://shop.example.com/" + "o" * 230,
    "token": "999",
    "code": "QQQQQQ",
    "ahead": 123456,
    "minutes": 43200,
    "type": "BOTH",
    "reference": "rfnd_" + "X" * 30,
}


def entries(language: str, catalogue: str = "bot") -> dict[str, ast.Message]:
    parts = sorted((LOCALE_DIR / language).glob(f"{catalogue}*.ftl"))
    source = "\n".join(part.read_text(encoding="utf-8") for part in parts)
    body = FluentParser().parse(source).body
    junk = [entry.content for entry in body if isinstance(entry, ast.Junk)]
    assert junk == []
    messages = [entry for entry in body if isinstance(entry, ast.Message)]
    assert len({message.id.name for message in messages}) == len(messages), "an id is there twice"
    return {message.id.name: message for message in messages}


def attributes(message: ast.Message) -> set[str]:
    return {attribute.id.name for attribute in message.attributes}


def variables(message: ast.Message) -> set[str]:
    found: set[str] = set()

    class Reader(visitor.Visitor):
        def visit_VariableReference(self, node: ast.VariableReference) -> None:
            found.add(node.id.name)

    Reader().visit(message)
    return found


def ask(text: Text, *labels: str, **values: Value) -> Saying:
    return Saying((text,), {**LONGEST, **values}, tuple(Choice(label, "id") for label in labels))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bot_has_every_sentence_and_no_other(language: str) -> None:
    assert set(entries(language)) == {text.value for text in Text}


@pytest.mark.parametrize("catalogue", ["bot", "pages"])
@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_languages_say_the_same_with_the_same_buttons(language: str, catalogue: str) -> None:
    english, other = entries("en", catalogue), entries(language, catalogue)
    assert set(other) == set(english)
    for name, message in other.items():
        assert attributes(message) == attributes(english[name]), name
        assert variables(message) <= variables(english[name]), name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", list(Text))
def test_the_longest_values_stay_inside_the_limits(text: Text, language: str) -> None:
    labels = sorted(attributes(entries(language)[text.value]))
    said = Catalogue().render(ask(text, *labels), language)

    assert 0 < len(said.body) <= (BODY_LIMIT_WITH_BUTTONS if labels else BODY_LIMIT)
    assert not said.body.endswith("…"), "something was cut away"
    assert len(said.buttons) <= 3
    assert all(0 < len(title) <= TITLE_LIMIT for _, title in said.buttons)
    assert not re.search(r"[{}\u2068\u2069]", said.body), "a value was left open or isolated"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", list(Text))
def test_at_most_three_lines_and_one_emoji_in_front(text: Text, language: str) -> None:
    body = Catalogue().render(ask(text), language).body
    assert len(body.splitlines()) <= 3
    pictures = [sign for sign in body if sign >= "\U0001f000" or sign in "✅❌⌛⏳✖ℹ↩"]
    assert len(pictures) <= 1
    assert all(body.startswith(picture) for picture in pictures)


def test_the_price_on_a_button_survives_when_its_words_do_not() -> None:
    assert short_title("B&W ₹12") == "B&W ₹12"
    assert short_title("Mix (both) ₹5,00,000.50") == "Mix ₹5,00,000.50"
    for title in ("ब्लैक-व्हाइट ₹5,00,000.50", "A" * 60, "one two three four five six"):
        assert len(short_title(title)) <= TITLE_LIMIT
    assert short_title("ब्लैक-व्हाइट ₹5,00,000.50").endswith(" ₹5,00,000.50")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("paise", [200, 1_200, 6_000, 9_999_900])
def test_usual_prices_fit_on_the_buttons_whole(paise: int, language: str) -> None:
    price = Money(paise).short
    labels = ("bw", "mix", "color")
    said = Catalogue().render(
        ask(Text.ASK_PRINT_TYPE, *labels, bw=price, mix=price, color=price), language
    )
    assert [title.endswith(f" {price}") and "…" not in title for _, title in said.buttons] == [
        True,
        True,
        True,
    ]


def test_a_file_name_cannot_break_the_message() -> None:
    name = "*bold*\n\u202efdp.exe\u2068`code`~\x00 \u2028 unit_2_notes.pdf"
    said = Catalogue().render(ask(Text.FILE_HELD, doc=name, pages=1), "en")
    assert said.body.startswith("📎 *bold fdp.execode unit_2_notes.pdf* (1 page) is kept.")


def test_cutting_keeps_devanagari_syllables_whole() -> None:
    assert cut("फ़ाइल", 5) == "फ़ाइल"
    for limit in range(2, 12):
        shorter = cut("ब्लैक-व्हाइट प्रिंट", limit)
        assert len(shorter) <= limit
        assert shorter[-2:-1] != "्", "a virama asks for a letter that is gone"


def test_an_unknown_language_speaks_english_and_a_region_its_language() -> None:
    words = Catalogue()
    english = words.render(ask(Text.HUMAN), "en").body
    assert words.render(ask(Text.HUMAN), "mr").body == english
    assert words.render(ask(Text.HUMAN), "").body == english
    assert words.render(ask(Text.HUMAN), "hi-IN").body == words.render(ask(Text.HUMAN), "hi").body
    assert words.render(ask(Text.HUMAN), "hi").body != english


def test_what_the_catalogue_lacks_is_an_error_and_never_a_raw_id() -> None:
    words = Catalogue()
    with pytest.raises(NoSuchText, match=r"ask-copies\.copies-3"):
        words.render(Saying((Text.ASK_COPIES,), {"max": 9}, (Choice("copies-3", "x"),)), "hi")
    with pytest.raises(NoSuchText, match="paid"):
        words.render(Saying((Text.PAID,), {"token": "41"}), "hi")
    with pytest.raises(NoSuchText, match="no-such-page"):
        t("no-such-page")


def test_nobody_without_a_name_is_called_there_in_hindi() -> None:
    said = Catalogue().render(ask(Text.WELCOME, name="there"), "hi")
    assert "there" not in said.body
    assert Catalogue().render(ask(Text.WELCOME, name="there"), "en").body.startswith("👋 Hi there!")


def test_the_message_that_asks_for_money_carries_link_and_amount() -> None:
    for language in LANGUAGES:
        for kind in ("BW", "COLOR", "BOTH"):
            said = Catalogue().render(
                ask(
                    Text.SUMMARY,
                    *("counter", "back", "cancel"),
                    type=kind,
                    total="₹56",
                    link="https://rzp.io/i/abc",
                    minutes=30,
                    pages=6,
                    copies=2,
                ),
                language,
            )
            assert "https://rzp.io/i/abc\n" in said.body, "nothing may stick to the link"
            assert "*₹56*" in said.body
            assert "6" in said.body
            assert "30" in said.body
            assert [button for button, _ in said.buttons] == ["id", "id", "id"]


def test_ready_says_so_with_the_token() -> None:
    for language in LANGUAGES:
        body = Catalogue().render(ask(Text.READY, token="41"), language).body
        assert "Ready" in body
        assert "*41*" in body


def test_money_and_times_are_india_s() -> None:
    assert money(12_345_650) == "₹1,23,456.50"
    assert money(5_600) == "₹56"
    assert money(None) == "–"
    moment = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
    assert clock_time(moment, "Asia/Kolkata") == "4:30 pm"
    assert day_and_time(moment, "Asia/Kolkata") == "22 Nov, 4:30 pm"
    assert day_and_time(moment, "Asia/Kolkata", "hi").startswith("22 ")


# Built from a word and a value: `t("state-" ~ state)`.
FAMILIES = (
    "age-",
    "answer-",
    "attempt-",
    "bill-",
    "c-",
    "choice-",
    "col-",
    "column-",
    "empty-",
    "error-",
    "filter-",
    "happened-",
    "ink-",
    "job-",
    "message-",
    "day-",
    "money-",
    "nav-",
    "need-",
    "printer-",
    "role-",
    "state-",
    "wish-",
)


def test_every_page_text_is_used_and_every_used_one_is_there() -> None:
    templates = (LOCALE_DIR.parent / "templates").glob("*.html")
    used = set()
    for path in templates:
        used |= set(
            re.findall(r"""\bt\(["']([a-z][a-z-]*[a-z])["']""", path.read_text(encoding="utf-8"))
        )
    there = set(entries("en", "pages"))
    assert used <= there
    assert {name for name in there - used if not name.startswith(FAMILIES)} == set()
