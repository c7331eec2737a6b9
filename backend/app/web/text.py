"""The words of the house: bot messages and page texts from the catalogues, money and times.

Catalogues are Fluent files, ``locale/<language>/<name>.ftl``, a long one in several
``<name>_<part>.ftl``. A message and its buttons belong
together: a button's title is an attribute of the message that asks the question. What a language
lacks is taken from English; what English lacks is a mistake in the code and raises.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from fluent.runtime import FluentBundle, FluentResource

from app.domain.money import Money
from app.domain.wording import Rendered, Saying, Value

LOCALE_DIR = Path(__file__).parent / "locale"
ENGLISH = "en"
LANGUAGES = (ENGLISH, "hi")

# WhatsApp's limits: a reply button's title, a body above buttons, a body alone (Twilio cuts
# longer texts into several messages).
TITLE_LIMIT = 20
BODY_LIMIT_WITH_BUTTONS = 1024
BODY_LIMIT = 1600

# Names come from strangers: longer ones would push the question out of sight.
_NAME_LIMITS = {"doc": 60, "name": 40, "shop": 60}
# WhatsApp's marks for bold, strike and code; an underscore inside a file name does no harm.
_MARKS = str.maketrans("", "", "*~`")


class NoSuchText(LookupError):
    """The catalogue has no such message or button, or a value for it was not given."""


class Catalogue:
    """The bot's sentences; fills ``ports.Words``."""

    def render(self, saying: Saying, language: str) -> Rendered:
        """The message in ``language``, or in English where that is missing.

        Bodies and button titles keep WhatsApp's limits whatever the values are. Raises
        ``NoSuchText``.
        """
        values = _tame(saying.values)
        body = "\n".join(_bot(part.value, None, values, language) for part in saying.parts)
        question = saying.parts[-1].value
        buttons = tuple(
            (choice.id, short_title(_bot(question, choice.label, values, language)))
            for choice in saying.choices
        )
        limit = BODY_LIMIT_WITH_BUTTONS if buttons else BODY_LIMIT
        return Rendered(cut(body, limit), buttons)


def t(message: str, language: str = ENGLISH, /, **values: Value) -> str:
    """A page text. Raises ``NoSuchText``."""
    name, _, attribute = message.partition(".")
    return _format("pages", name, attribute or None, values, language)


def knows(message: str) -> bool:
    """Whether there is such a page text."""
    return bool(bundle("pages", ENGLISH).has_message(message))


def money(paise: int | None) -> str:
    """``₹1,234.50``, without decimals when they are zero; a dash when there is no amount."""
    return "–" if paise is None else Money(paise).short


def plain_rupees(paise: int | None) -> str:
    """``56`` or ``56.50``: an amount as people type it into a field."""
    whole, part = divmod(paise or 0, 100)
    return f"{whole}.{part:02}" if part else str(whole)


def clock_time(moment: datetime, zone: str, language: str = ENGLISH) -> str:
    """``4:30 pm`` in the shop's zone."""
    return format_time(
        moment, "h:mm a", tzinfo=ZoneInfo(zone), locale=_babel_locale(language)
    ).lower()


def day_and_time(moment: datetime, zone: str, language: str = ENGLISH) -> str:
    """``22 Nov, 4:30 pm`` in the shop's zone."""
    local = moment.astimezone(ZoneInfo(zone))
    day = format_date(local, "d MMM", locale=_babel_locale(language))
    return f"{day}, {clock_time(moment, zone, language)}"


def full_day(day: date, language: str = ENGLISH) -> str:
    """``Tue, 24 Nov 2026``."""
    return format_date(day, "EEE, d MMM y", locale=_babel_locale(language))


def full_date(day: date, language: str = ENGLISH) -> str:
    """``22 Nov 2026``."""
    return format_date(day, "d MMM y", locale=_babel_locale(language))


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters, with ``…`` at the end when something had to go.

    A letter keeps its vowel signs or goes with them.
    """
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > 0 and unicodedata.category(text[end]).startswith("M"):
        end -= 1
    kept = text[:end].rstrip()
    # A virama at the end would ask for a letter that is gone.
    while kept and unicodedata.combining(kept[-1]) == 9:
        kept = kept[:-1]
    return kept + "…"


def short_title(title: str) -> str:
    """A button's title in 20 characters; the price at its end is the last thing to go."""
    words = title.split()
    while len(" ".join(words)) > TITLE_LIMIT and len(words) > 2:
        del words[-2]
    if len(" ".join(words)) > TITLE_LIMIT and len(words) == 2:
        words[0] = cut(words[0], max(2, TITLE_LIMIT - 1 - len(words[1])))
    return cut(" ".join(words), TITLE_LIMIT)


def one_line(text: str, limit: int) -> str:
    """A stranger's name as one line, without line breaks and signs that turn or hide text."""
    seen = "".join(
        " " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign
        for sign in text
        if unicodedata.category(sign) not in ("Cf", "Cs") or sign == "\u200d"
    )
    return cut(re.sub(r"\s+", " ", seen).strip(), limit)


def _tame(values: Mapping[str, Value]) -> dict[str, Value]:
    return {
        key: one_line(value.translate(_MARKS), _NAME_LIMITS[key])
        if isinstance(value, str) and key in _NAME_LIMITS
        else value
        for key, value in values.items()
    }


def _bot(message: str, attribute: str | None, values: Mapping[str, Value], language: str) -> str:
    return _format("bot", message, attribute, values, language)


def _format(
    catalogue: str,
    message: str,
    attribute: str | None,
    values: Mapping[str, Value],
    language: str,
) -> str:
    complaints: list[object] = []
    for tongue in _chain(language):
        found = bundle(catalogue, tongue)
        if not found.has_message(message):
            continue
        entry = found.get_message(message)
        pattern = entry.value if attribute is None else entry.attributes.get(attribute)
        if pattern is None:
            continue
        text, errors = found.format_pattern(pattern, dict(values))
        if not errors and isinstance(text, str):
            return text
        complaints.extend(errors)
    what = message if attribute is None else f"{message}.{attribute}"
    raise NoSuchText(f"no text {what!r} in the {catalogue} catalogue for {language!r}{complaints}")


def spoken(language: str) -> str:
    """The language of our texts when this one is asked for: ``hi-IN`` gives ``hi``."""
    return _chain(language)[0]


def _chain(language: str) -> tuple[str, ...]:
    """``hi-IN`` asks Hindi, then English."""
    asked = language.replace("_", "-").partition("-")[0].lower()
    return (asked, ENGLISH) if asked in LANGUAGES and asked != ENGLISH else (ENGLISH,)


def _babel_locale(language: str) -> str:
    return f"{spoken(language)}_IN"


@cache
def bundle(catalogue: str, language: str) -> FluentBundle:
    """One catalogue in one language, read once.

    Without isolation marks: WhatsApp would show them inside links and bold words.
    """
    found = FluentBundle([f"{language}-IN"], use_isolating=False)
    for path in sorted((LOCALE_DIR / language).glob(f"{catalogue}*.ftl")):
        found.add_resource(FluentResource(path.read_text(encoding="utf-8")))
    return found
