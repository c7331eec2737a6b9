"""What typed words mean: tables of what customers really type, and of what must not be guessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import order_text
from app.domain.order_text import (
    Command,
    PaymentAnswer,
    command,
    copies,
    looks_like_a_file_name,
    payment_answer,
    print_type,
)
from app.domain.pricing import PrintType

BW, COLOR, BOTH = PrintType.BW, PrintType.COLOR, PrintType.BOTH
WITH_MIX, WITHOUT_MIX = (BW, BOTH, COLOR), (BW, COLOR)
LOCALES = Path(order_text.__file__).parents[1] / "web" / "locale"

COPIES: dict[str, int | None] = {
    # digits
    "1": 1,
    "100": 100,
    "0": 0,
    "101": 101,
    "007": 7,
    " 3 ": 3,
    "3.": 3,
    "(3)": 3,
    "*3*": 3,
    "999999999": 999_999_999,
    "1000000000": None,
    "२": 2,
    "१०": 10,
    "٣": 3,
    "٢٥": 25,
    "௩": 3,
    "４": 4,
    "②": 2,
    # words
    "ten": 10,
    "Two": 2,
    "ek": 1,
    "do": 2,
    "teen": 3,
    "paanch": 5,
    "दो": 2,
    "पाँच": 5,
    "पांच": 5,
    "दस": 10,
    "eleven": None,
    # with the words around them
    "2 copies": 2,
    "2 Copies please": 2,
    "2copies": 2,
    "1 copy": 1,
    "5x": 5,
    "5 x": 5,
    "only 3 pls": 3,
    "two copies": 2,
    "do copy": 2,
    "२ कॉपी": 2,
    "3 प्रति": 3,
    "copies: 4": 4,
    "2️⃣": 2,
    "\u200e3": 3,
    # never guessed
    "": None,
    " ": None,
    "copies": None,
    "x": None,
    "-1": None,
    "- 1": 1,
    "−1": None,
    "–1": None,
    "+1": None,
    "1.5": None,
    ".5": None,
    "0.5": None,
    "1,000": None,
    "1,5": None,
    "1/2": None,
    "½": None,
    "1e3": None,
    "0x10": None,
    "12 34": None,
    "2 3": None,
    "2-3": None,
    "1–5": None,
    "2+1": None,
    "2 or 3": None,
    "two 2": None,
    "page 2": None,
    "5 pages bw": None,
    "not 2": None,
    "a2": None,
    "३ पेज": None,
    "🙂": None,
    "👍👍": None,
    "hello": None,
    "yes": None,
    "9" * 301: None,
    "1" + " " * 400 + "00": None,
}


@pytest.mark.parametrize(("text", "number"), COPIES.items(), ids=lambda v: ascii(v)[:24])
def test_copies(text: str, number: int | None) -> None:
    assert copies(text) == number


def test_a_thousand_million_digits_are_not_read_to_their_end() -> None:
    assert copies("9" * 10_000_000) is None
    assert print_type("1" * 10_000_000, WITH_MIX) is None
    assert command("stop" * 10_000_000) is None


PRINT_TYPES: dict[str, PrintType | None] = {
    # titles of the buttons, with their prices
    "B&W ₹12": BW,
    "Mix (both) ₹28": BOTH,
    "Colour ₹60": COLOR,
    "Colour ₹1,234.50": COLOR,
    "ब्लैक-व्हाइट ₹12": BW,
    "मिला-जुला ₹28": BOTH,
    "रंगीन ₹60": COLOR,
    # numbers of the choices
    "1": BW,
    "2": BOTH,
    "3": COLOR,
    "1.": BW,
    "२": BOTH,
    "٣": COLOR,
    "0": None,
    "4": None,
    "100": None,
    # English
    "bw": BW,
    "BW": BW,
    "b/w": BW,
    "b & w": BW,
    "b n w": BW,
    "black": BW,
    "Black and White": BW,
    "black & white": BW,
    "black-white please": BW,
    "greyscale": None,
    "grey": BW,
    "color": COLOR,
    "colour": COLOR,
    "Coloured print": COLOR,
    "mix": BOTH,
    "both": BOTH,
    "Mixed": BOTH,
    # Hinglish and Hindi
    "rangeen": COLOR,
    "dono": BOTH,
    "ब्लैक एंड व्हाइट": BW,
    "ब्लैक": BW,
    "काला": BW,
    "कलर": COLOR,
    "दोनों": BOTH,
    "मिक्स": BOTH,
    "ब्लैक व्\u200dहाइट": BW,
    # not an answer to this question
    "": None,
    "?": None,
    "₹12": None,
    "yes": None,
    "white": None,
    "black or colour": None,
    "not black": None,
    "bw 2 copies": None,
    "-1": None,
    "1.5": None,
    "1 2": None,
    "🌈": None,
    "bw" + " " * 400 + "no": None,
}


@pytest.mark.parametrize(("text", "meant"), PRINT_TYPES.items(), ids=lambda v: ascii(v)[:24])
def test_print_types(text: str, meant: PrintType | None) -> None:
    assert print_type(text, WITH_MIX) is meant


@pytest.mark.parametrize(
    ("text", "meant"), [("1", BW), ("2", COLOR), ("3", None), ("both", None), ("mix", None)]
)
def test_what_is_not_offered_cannot_be_chosen(text: str, meant: PrintType | None) -> None:
    assert print_type(text, WITHOUT_MIX) is meant


COMMANDS: dict[str, Command] = {
    "menu": Command.MENU,
    "restart": Command.MENU,
    "मेन्यू": Command.MENU,
    "status": Command.STATUS,
    "Where?": Command.STATUS,
    "स्थिति": Command.STATUS,
    "cancel": Command.CANCEL,
    " CANCEL! ": Command.CANCEL,
    "रद्द": Command.CANCEL,
    "back": Command.BACK,
    "वापस": Command.BACK,
    "help": Command.HELP,
    "?": Command.HELP,
    " ? ": Command.HELP,
    "मदद": Command.HELP,
    "price": Command.PRICE,
    "Rates": Command.PRICE,
    "दाम": Command.PRICE,
    "human": Command.HUMAN,
    "इंसान": Command.HUMAN,
    "delete": Command.DELETE,
    "हटाओ": Command.DELETE,
    "STOP": Command.STOP,
    "Stop.": Command.STOP,
    "unsubscribe": Command.STOP,
    "बंद": Command.STOP,
    "start": Command.START,
    "ｓｔｏｐ": Command.STOP,
    "\u200bstop": Command.STOP,
}


@pytest.mark.parametrize(("text", "meant"), COMMANDS.items(), ids=lambda v: ascii(v)[:24])
def test_commands_alone(text: str, meant: Command) -> None:
    assert command(text) is meant


@pytest.mark.parametrize(
    "text",
    [
        *("do not cancel my order", "please don't stop", "what is the price", "stop it"),
        *("my status is single", "help me", "back side", "delete page 2", "start printing"),
        *("मत रद्द करो", "cancellation", "stopped", "??", "", "🛑", "cancel cancel"),
        "stop" + "\n" * 400 + "worrying about me",
    ],
)
def test_commands_inside_sentences_are_no_commands(text: str) -> None:
    assert command(text) is None


PAYMENT_ANSWERS: dict[str, PaymentAnswer | None] = {
    "1": PaymentAnswer.COUNTER,
    "2": PaymentAnswer.BACK,
    "3": PaymentAnswer.CANCEL,
    "२": PaymentAnswer.BACK,
    "Pay at counter": PaymentAnswer.COUNTER,
    "cash": PaymentAnswer.COUNTER,
    "नकद": PaymentAnswer.COUNTER,
    "Change something": PaymentAnswer.BACK,
    "कुछ बदलना है": PaymentAnswer.BACK,
    "cancel order": PaymentAnswer.CANCEL,
    "रद्द करें": PaymentAnswer.CANCEL,
    "0": None,
    "4": None,
    "1.5": None,
    "paid": None,
    "do not cancel": None,
    "": None,
    "3" + " " * 400 + "no": None,
}


@pytest.mark.parametrize(("text", "meant"), PAYMENT_ANSWERS.items(), ids=lambda v: ascii(v)[:24])
def test_answers_to_the_request_for_money(text: str, meant: PaymentAnswer | None) -> None:
    assert payment_answer(text, asked=True) is meant


@pytest.mark.parametrize("number", ["1", "2", "3", "२"])
def test_a_number_sent_again_before_the_link_is_there_chooses_nothing(number: str) -> None:
    assert payment_answer(number, asked=False) is None
    assert payment_answer("cancel order", asked=False) is PaymentAnswer.CANCEL


def titles(language: str, message: str) -> dict[str, str]:
    """The button titles below a message of the catalogue, with an amount where one stands."""
    text = (LOCALES / language / "bot.ftl").read_text("utf-8")
    after = re.split(rf"^{message} =", text, flags=re.MULTILINE)[1]
    below = re.split(r"^[a-z]", after, flags=re.MULTILINE)[0]
    found = re.findall(r"^    \.([\w-]+) = (.+)$", below, flags=re.MULTILINE)
    return {name: re.sub(r"\{ \$\w+ \}", "₹1,234.50", title) for name, title in found}


@pytest.mark.parametrize("language", sorted(p.name for p in LOCALES.iterdir() if p.is_dir()))
def test_every_button_title_can_be_typed(language: str) -> None:
    ink = {name: print_type(t, WITH_MIX) for name, t in titles(language, "ask-print-type").items()}
    number = {name: copies(title) for name, title in titles(language, "ask-copies").items()}
    pay = {
        name: payment_answer(title, asked=True)
        for name, title in titles(language, "summary").items()
    }

    assert ink == {"bw": BW, "mix": BOTH, "color": COLOR}
    assert number == {"copies-1": 1, "copies-2": 2, "copies-5": 5}
    assert pay == {
        "counter": PaymentAnswer.COUNTER,
        "back": PaymentAnswer.BACK,
        "cancel": PaymentAnswer.CANCEL,
    }


def test_no_word_in_the_tables_is_out_of_reach() -> None:
    tables: list[tuple[Mapping[str, object], Callable[[str], object]]] = [
        (order_text._COMMANDS, command),
        (order_text._PRINT_TYPES, lambda text: print_type(text, WITH_MIX)),
        (order_text._NUMBER_WORDS, copies),
        (order_text._PAYMENT_ANSWERS, lambda text: payment_answer(text, asked=True)),
    ]
    for table, read in tables:
        for form in ("NFC", "NFD", "NFKC"):
            met = {word: read(unicodedata.normalize(form, word)) for word in table}
            assert met == table


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Copy 2 of bw notes.pdf", True),
        ("thesis.DOCX", True),
        ("scan 1.jpeg ", True),
        ("रिपोर्ट.pdf", True),
        (".png", True),
        ("2 copies bw", False),
        ("print this. thanks", False),
        ("notes.pdf please", False),
        ("version 1.5", False),
        ("", False),
        ("🙂", False),
    ],
)
def test_a_file_name_is_a_label(text: str, label: bool) -> None:
    assert looks_like_a_file_name(text) is label


# Alphabets that have surprised programs before: marks, joiners, digits of all scripts, surrogates.
anything = st.text(max_size=40) | st.text(
    st.sampled_from("12٣२②½-+.,/−–?₹xXcopiesबdo \u200d\ufe0f\u20e3\u0301\n👍ﷺİß٫௰Ⅷ"), max_size=12
)


@given(anything, st.sampled_from([WITH_MIX, WITHOUT_MIX]))
def test_no_text_makes_reading_fail(text: str, choices: tuple[PrintType, ...]) -> None:
    number = copies(text)
    chosen = print_type(text, choices)

    assert number is None or 0 <= number <= 999_999_999
    assert chosen is None or chosen in choices
    assert command(text) is None or len(order_text.words(text)) == 1
    assert payment_answer(text, asked=True) in {None, *PaymentAnswer}
    assert looks_like_a_file_name(text) in {True, False}


@given(st.integers(0, 999_999_999), st.sampled_from("0०٠௦０"))
def test_a_number_reads_the_same_in_every_script(number: int, zero: str) -> None:
    written = "".join(chr(ord(zero) + int(digit)) for digit in str(number))

    assert copies(written) == copies(f"{written} copies") == number


@given(st.text(st.characters(exclude_categories=["L", "M", "N", "Cf"]), max_size=6))
def test_marks_around_a_sentence_do_not_make_it_a_command(marks: str) -> None:
    assert command(f"{marks} please stop it {marks}") is None
