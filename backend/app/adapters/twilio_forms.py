"""Twilio's form posts as facts: strict about what decides, lenient about what merely decorates.

Twilio's signature covers names and values run together without separators, so one signed text can
be cut into names and values in several ways: ``Body=hiButtonPayloadapprove`` carries the same
signature as ``Body=hi`` with ``ButtonPayload=approve``. Therefore a genuine signature is not
enough. After it, a form must have the shape that only Twilio's own cut has: every deciding field
present once and in its exact format, no name hidden inside a neighbour's value, and a tap only
where the message is one. Unknown names are ignored and never decide anything.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from app.domain.errors import BadInput
from app.ports import InboundForm, InboundMedia, MediaRef, StatusForm

MAX_FIELDS = 200
MAX_TEXT = 4096
MAX_NAME = 80
MAX_CHOICE = 256

API_VERSION = "2010-04-01"
_HEX32 = "[0-9a-fA-F]{32}"
ACCOUNT_SID = re.compile(f"AC{_HEX32}")
MESSAGE_SID = re.compile(f"(?:SM|MM){_HEX32}")
MEDIA_SID = re.compile(f"ME{_HEX32}")
ADDRESS = re.compile(r"whatsapp:(?:\+[1-9][0-9]{6,14}|[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128})")
_WA_ID = re.compile(r"[1-9][0-9]{5,17}")
_MEDIA_COUNT = re.compile(r"10|[0-9]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_TAPS = {"text", "image", "audio", "video", "document", "sticker", "location", "contacts"}
_TAPS = {"interactive", "button"}
_JOINERS = {"\u200c", "\u200d"}  # part of Indic words and of emoji

# Always there and in this order of the sorted names, so each optional name has a stretch of the
# signed text, between two of these, outside which it cannot be.
_ANCHORS = ("AccountSid", "Body", "From", "MessageSid", "NumMedia", "To")
_UNQUOTED = r'(?!["\\])'  # inside the JSON of other parameters the same words are quoted
# Names whose loss or invention would change what a message means, and how their values begin.
_MARKS: Mapping[str, str] = {
    "ButtonPayload": _UNQUOTED,
    "ButtonText": _UNQUOTED,
    "ChannelMetadata": r"\{",
    "ExternalUserId": "whatsapp:",
    "Forwarded": "(?:true|false)",
    "From": "whatsapp:",
    "Latitude": r"-?\d",
    "ListId": _UNQUOTED,
    "ListTitle": _UNQUOTED,
    "Longitude": r"-?\d",
    "MediaContentType": r"\d{1,2}[a-z]+/",
    "MediaUrl": r"\d{1,2}http",
    "MessageSid": "[SM]M[0-9a-fA-F]{8}",
    "MessageType": "[a-z]",
    "NumMedia": r"\d",
    "OriginalRepliedMessageSid": "[SM]M[0-9a-fA-F]{8}",
    "To": "whatsapp:",
    "WaId": r"\d{6}",
}
# Twilio's own longer names that end in one of the above.
_LONGER = {"FrequentlyForwarded", "OriginalRepliedMessageSid", "ReferralNumMedia", "SmsMessageSid"}
_SERIES = ("MediaContentType", "MediaUrl")


def read_form(raw: bytes) -> list[tuple[str, str]]:
    """The decoded pairs in order, blanks and repetitions kept, for signature and parsing alike.

    Bytes that are no UTF-8 survive as surrogate escapes, so the signature sees them unchanged.
    Raises ``BadInput`` for more than ``MAX_FIELDS`` fields.
    """
    try:
        return parse_qsl(
            raw.decode("utf-8", "surrogateescape"),
            keep_blank_values=True,
            errors="surrogateescape",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise BadInput(f"The form has more than {MAX_FIELDS} fields.") from error


def parse_inbound(
    pairs: Sequence[tuple[str, str]], *, account_sid: str, our_number: str, api_base_url: str
) -> InboundForm:
    """A customer's message, once its signature holds.

    Raises ``BadInput`` when the shape is not Twilio's own or the message is not for this shop.
    """
    form = _unique(pairs)
    message_sid = _exact(form, "MessageSid", MESSAGE_SID)
    account = _ours(form, account_sid)
    sender = _exact(form, "From", ADDRESS)
    if form.get("To") != our_number:
        raise BadInput("To is not this shop's WhatsApp number.")
    if "Body" not in form:
        raise BadInput("Body is missing.")
    external = _optional(form, "ExternalUserId", ADDRESS)
    if not sender.startswith("whatsapp:+") and external not in ("", sender):
        raise BadInput("From and ExternalUserId name two customers.")
    count = int(_exact(form, "NumMedia", _MEDIA_COUNT))
    _refuse_second_reading(form)
    return InboundForm(
        message_sid=message_sid,
        account_sid=account,
        sender=sender,
        recipient=form["To"],
        body=clean_text(form["Body"]),
        media=_media(form, count, f"{_media_root(api_base_url, account, message_sid)}"),
        choice=_choice(form),
        choice_title=clean_name(form.get("ButtonText") or form.get("ListTitle") or ""),
        replied_to=_optional(form, "OriginalRepliedMessageSid", MESSAGE_SID),
        profile_name=clean_name(form.get("ProfileName", "")),
        wa_id=_optional(form, "WaId", _WA_ID),
        external_user_id=external,
        message_type=clean_name(form.get("MessageType", "")),
        latitude=_degrees(form.get("Latitude", ""), 90),
        longitude=_degrees(form.get("Longitude", ""), 180),
    )


def parse_status(pairs: Sequence[tuple[str, str]], *, account_sid: str) -> StatusForm:
    """A delivery receipt, once its signature holds. Raises ``BadInput`` as above.

    The vocabulary of states and error codes is Twilio's to extend, so both pass as they are.
    """
    form = _unique(pairs)
    status = clean_name(form.get("MessageStatus") or form.get("SmsStatus") or "").lower()
    if not re.fullmatch(r"[a-z_-]{1,32}", status):
        raise BadInput("MessageStatus is missing or no word.")
    return StatusForm(
        message_sid=_exact(form, "MessageSid", MESSAGE_SID),
        account_sid=_ours(form, account_sid),
        status=status,
        error_code=clean_name(form.get("ErrorCode", ""))[:40],
    )


def clean_text(text: str) -> str:
    """What PostgreSQL and a screen can hold: no NUL, no lone surrogates, at most ``MAX_TEXT``."""
    return _SURROGATE.sub("\ufffd", text.replace("\x00", ""))[:MAX_TEXT]


def clean_name(text: str) -> str:
    """One line without control or direction characters, at most ``MAX_NAME`` characters."""
    shown = "".join(
        " " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c
        for c in clean_text(text)
        if c in _JOINERS or unicodedata.category(c) not in {"Cf", "Co", "Cn"}
    )
    return " ".join(shown.split())[:MAX_NAME].strip()


def _unique(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    form = dict(pairs)
    if len(form) != len(pairs):
        raise BadInput("A parameter is given twice.")
    return form


def _exact(form: Mapping[str, str], name: str, shape: re.Pattern[str]) -> str:
    value = form.get(name, "")
    if not shape.fullmatch(value):
        raise BadInput(f"{name} is missing or has the wrong form.")
    return value


def _optional(form: Mapping[str, str], name: str, shape: re.Pattern[str]) -> str:
    return _exact(form, name, shape) if form.get(name) else ""


def _ours(form: Mapping[str, str], account_sid: str) -> str:
    account = _exact(form, "AccountSid", ACCOUNT_SID)
    if account != account_sid:
        raise BadInput("AccountSid is not this shop's account.")
    return account


def _media_root(api_base_url: str, account: str, message_sid: str) -> str:
    base = api_base_url.rstrip("/")
    return f"{base}/{API_VERSION}/Accounts/{account}/Messages/{message_sid}/Media/"


def _media(form: Mapping[str, str], count: int, root: str) -> tuple[InboundMedia, ...]:
    """Exactly the announced attachments, each under our own account and this very message."""
    found = []
    for index in range(count):
        url = form.get(f"MediaUrl{index}", "")
        media_sid = url.removeprefix(root)
        if not url.startswith(root) or not MEDIA_SID.fullmatch(media_sid):
            raise BadInput(f"MediaUrl{index} is missing or not an attachment of this message.")
        message_sid = root.rsplit("/", 3)[-3]
        declared = clean_name(form.get(f"MediaContentType{index}", "")).lower()
        found.append(InboundMedia(MediaRef(message_sid, media_sid), declared))
    if f"MediaUrl{count}" in form:
        raise BadInput("There are more attachments than NumMedia says.")
    return tuple(found)


def _choice(form: Mapping[str, str]) -> str:
    """The id of the tapped thing. A typed message that happens to spell a tap is refused.

    ``MessageType`` stands between two strict fields and cannot be re-cut, nor can
    ``OriginalRepliedMessageSid``. Accounts that send neither repeat the title in ``Body``.
    """
    choice = form.get("ButtonPayload") or form.get("ListId") or ""
    if not choice:
        return ""
    kind = form.get("MessageType", "").lower()
    title = form.get("ButtonText") or form.get("ListTitle")
    tapped = (
        kind in _TAPS
        or bool(form.get("OriginalRepliedMessageSid"))
        or (title is not None and title == form["Body"])
    )
    if kind in _NOT_TAPS or not tapped or len(choice) > MAX_CHOICE:
        raise BadInput("A tap is claimed for a message that is none.")
    return clean_text(choice)


def _degrees(text: str, limit: int) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= limit else None


def _stretch(name: str) -> tuple[str | None, str | None]:
    """The anchors before and after ``name``; an anchor itself is looked for everywhere."""
    if name in _ANCHORS:
        return None, None
    before = [anchor for anchor in _ANCHORS if anchor < name]
    after = [anchor for anchor in _ANCHORS if anchor > name]
    return (before[-1] if before else None), (after[0] if after else None)


_SOUGHT = tuple((name, re.compile(name + start), *_stretch(name)) for name, start in _MARKS.items())


def _refuse_second_reading(form: Mapping[str, str]) -> None:
    """Raises ``BadInput`` when a deciding name stands in the signed text but not as a name.

    Then either Twilio's own cut was another one, or a customer typed one of these names together
    with the beginning of a fitting value. Both are answered alike; only the first does harm.
    """
    text = ""
    starts: dict[str, int] = {}
    for name, value in sorted(form.items()):
        starts[name] = len(text)
        text += name + value
    for name, pattern, before, after in _SOUGHT:
        begin = starts[before] if before else 0
        end = starts[after] if after else len(text)
        for match in pattern.finditer(text, begin, end):
            if match.start() not in _true_places(name, form, starts):
                raise BadInput(f"{name} is hidden inside another parameter.")


def _true_places(name: str, form: Mapping[str, str], starts: Mapping[str, int]) -> set[int]:
    """Where ``name`` may stand: as a name, or at the end of a longer one that cannot mislead.

    A name that Twilio adds tomorrow may end in "From"; it is fine while it says the same.
    """
    places = set()
    for found, start in starts.items():
        if found == name or (name in _SERIES and re.fullmatch(name + r"\d{1,2}", found)):
            places.add(start)
        elif found.endswith(name) and (found in _LONGER or form[found] == form.get(name)):
            places.add(start + len(found) - len(name))
    return places
