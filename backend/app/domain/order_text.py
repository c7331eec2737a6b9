"""What a customer's typed words mean. Pure; digits of any script; never guesses.

``\\b`` and ``\\w`` are avoided: Devanagari vowel signs are not word characters, so edges are
found by splitting on everything that is neither letter, mark nor number.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum

from app.domain.pricing import PrintType

MAX_READ = 300  # longer texts are not answers to our questions


class Command(StrEnum):
    MENU = "menu"
    STATUS = "status"
    CANCEL = "cancel"
    BACK = "back"
    HELP = "help"
    PRICE = "price"
    HUMAN = "human"
    DELETE = "delete"
    STOP = "stop"
    START = "start"


_COMMANDS: dict[str, Command] = {
    word: command
    for command, words in {
        Command.MENU: "menu restart मेनू मेन्यू",
        Command.STATUS: "status track where स्टेटस स्थिति",
        Command.CANCEL: "cancel कैंसल कैंसिल रद्द",
        Command.BACK: "back वापस पीछे",
        Command.HELP: "help ? मदद",
        Command.PRICE: "price prices rate rates दाम रेट भाव",
        Command.HUMAN: "human agent person staff इंसान",
        Command.DELETE: "delete डिलीट हटाओ",
        Command.STOP: "stop unsubscribe बंद",
        Command.START: "start",
    }.items()
    for word in words.split()
}

_PRINT_TYPES: dict[str, PrintType] = {
    phrase: print_type
    for print_type, phrases in {
        PrintType.BW: (
            "bw|b w|b n w|black|black white|black and white|black n white|b and w|grey|gray"
            "|grayscale|mono|ब्लैक|ब्लैक व्हाइट|ब्लैक एंड व्हाइट|काला|सादा"
        ),
        PrintType.COLOR: "color|colour|colored|coloured|rangeen|रंगीन|कलर",
        PrintType.BOTH: "mix|mixed|mix both|both|dono|दोनों|मिला जुला|मिक्स",
    }.items()
    for phrase in phrases.split("|")
}


class PaymentAnswer(StrEnum):
    """The buttons below the payment link, in the order in which they are shown and numbered."""

    COUNTER = "counter"
    BACK = "back"
    CANCEL = "cancel"


_PAYMENT_ANSWERS: dict[str, PaymentAnswer] = {
    phrase: answer
    for answer, phrases in {
        PaymentAnswer.COUNTER: (
            "counter|at counter|pay at counter|pay at the counter|cash|pay cash"
            "|काउंटर|काउंटर पर|काउंटर पर दूँगा|काउंटर पर दूँगी|काउंटर पर दूँगा गी|नकद|कैश"
        ),
        PaymentAnswer.BACK: "change|change something|edit|बदलना|बदलना है|कुछ बदलना है",
        PaymentAnswer.CANCEL: "cancel|cancel order|cancel it|cancel my order|रद्द करें|रद्द करो",
    }.items()
    for phrase in phrases.split("|")
}

_COPY_WORDS = frozenset(
    [
        *("copy", "copies", "copi", "pcs", "piece", "pieces", "prints", "x"),
        *("please", "pls", "only", "just", "कॉपी", "कापी", "प्रति"),
    ]
)
_NUMBER_WORDS: dict[str, int] = {
    word: number
    for number, words in {
        1: "one ek एक",
        2: "two do दो",
        3: "three teen तीन",
        4: "four char चार",
        5: "five paanch panch पांच पाँच",
        6: "six छह छः",
        7: "seven saat सात",
        8: "eight aath आठ",
        9: "nine नौ",
        10: "ten das दस",
    }.items()
    for word in words.split()
}


# Minus signs and dashes change a number as a hyphen does; a keycap is a digit in a frame: 2️⃣.
_PLAIN = str.maketrans({**dict.fromkeys("−–—", "-"), **dict.fromkeys("\ufe0f\u20e3")})


def digit(character: str) -> str:
    """A digit of any script as 0-9; every other character as it is."""
    value = unicodedata.digit(character, None)
    return character if value is None else str(value)


def words(text: str) -> list[str]:
    """Lower-case words with digits of any script as 0-9; none for a text too long to be an answer.

    Signs that change a number stay: ``-1`` and ``1.5`` come back as such, so that they are
    refused and not read as 1 and 5.
    """
    if len(text) > MAX_READ:
        return []
    plain = unicodedata.normalize("NFKC", text.translate(_PLAIN)).casefold()
    # Joiners and marks of direction are invisible and stand inside words.
    plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    kept = []
    for position, character in enumerate(plain):
        following = plain[position + 1 : position + 2]
        before = plain[position - 1 : position] if position else ""
        sign = character in "-+." and _is_number(following)
        inside = character in ",/" and _is_number(before) and _is_number(following)
        question = character == "?" and plain.strip() == "?"
        if unicodedata.category(character)[0] in "LMN":
            kept.append(digit(character))
        elif sign or inside or question:
            kept.append(character)
        else:
            kept.append(" ")
    return "".join(kept).split()


def _is_number(character: str) -> bool:
    return bool(character) and unicodedata.digit(character, None) is not None


def command(text: str) -> Command | None:
    """A command stands alone: "cancel" is one, "do not cancel my order" is not."""
    read = words(text)
    return _COMMANDS.get(read[0]) if len(read) == 1 else None


def print_type(text: str, choices: tuple[PrintType, ...]) -> PrintType | None:
    """An answer to the print-type question: words, or the number of a choice."""
    # A typed button title carries its price: "B&W ₹12".
    asked = text.split("₹", maxsplit=1)[0]
    read = [word for word in words(asked) if word not in ("please", "print", "pls")]
    if len(read) == 1 and read[0].isdecimal() and len(read[0]) < 3:
        number = int(read[0])
        return choices[number - 1] if 1 <= number <= len(choices) else None
    found = _PRINT_TYPES.get(" ".join(read))
    return found if found in choices else None


def payment_answer(text: str, *, asked: bool) -> PaymentAnswer | None:
    """What a customer wants instead of paying by the link: words, or the number of a choice.

    Numbers count only once the choices were ``asked``: an impatient second "3" while the link is
    being made repeats the copies and cancels nothing.
    """
    read = words(text)
    if asked and len(read) == 1 and read[0] in ("1", "2", "3"):
        return list(PaymentAnswer)[int(read[0]) - 1]
    return _PAYMENT_ANSWERS.get(" ".join(read))


def copies(text: str) -> int | None:
    """The number in "3", "3 copies", "two please" or "२"; None when there is none or several.

    The caller checks the range: 0 and 101 are numbers, only not acceptable ones.
    """
    numbers = []
    for word in words(text):
        if word in _COPY_WORDS:
            continue
        for ending in ("x", "copies", "copy"):
            if word.endswith(ending) and word[: -len(ending)].isdecimal():
                word = word[: -len(ending)]
        if word.isdecimal() and len(word) <= 9:
            numbers.append(int(word))
        elif word in _NUMBER_WORDS:
            numbers.append(_NUMBER_WORDS[word])
        else:
            return None
    return numbers[0] if len(numbers) == 1 else None


def wants_passport_photos(text: str) -> bool:
    """ "passport", "passport size photo", "पासपोर्ट": said to a photo, it means a sheet of them."""
    return any(word in ("passport", "passports", "पासपोर्ट") for word in words(text))


def looks_like_a_file_name(text: str) -> bool:
    """While a file is attached, such a text is its label and never an instruction."""
    tail = text.strip().casefold().rpartition(".")[2]
    return tail in {
        *("pdf", "doc", "docx", "odt", "rtf", "txt", "xls", "xlsx", "ods", "ppt", "pptx", "odp"),
        *("jpg", "jpeg", "png", "webp", "heic", "heif", "tif", "tiff", "gif", "bmp"),
    }
