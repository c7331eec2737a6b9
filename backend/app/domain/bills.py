"""What a bill says: which kind it is, its number, its tax, and when it is a shop's to issue.

The law behind it, as of 2026 (CGST Act 2017 and CGST Rules 2017):

* number: consecutive, at most 16 letters, digits, ``-`` and ``/``, unique for a financial year
  (rule 46(b), rule 49(b), rule 53(1A)(c));
* tax inside a price: each of CGST and SGST is price x its own rate / (100 + both rates) (rule 35);
* a supply below 200 rupees to somebody who asks for no invoice goes into one invoice at the close
  of the day (section 31(3)(b), rule 46);
* a composition shop issues bills of supply that say so in the words of rule 5(1)(f);
* place of supply to a customer without an address on record: the shop's (IGST Act 12(2)(b)(ii)).

SAC: the scheme of classification of services puts xerox work under 998912, "Printing and
reproduction services of recorded media, on a fee or contract basis" (lawcrux.com, GT
classification 71, reply of 10 Jan 2020); others bill copies as 998595, "specialised office
support services such as duplicating services". Heading 9989 carries 18 %. A shop sets its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, assert_never

from app.domain.errors import BadInput

USUAL_SAC = "998912"
USUAL_RATE_BP = 1800
# Section 31(3)(b). Counted with the tax inside, which is the stricter reading of "value".
SMALL_PAISE = 200_00
HIGHEST_RATE_BP = 4000

_GSTIN = re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z][1-9A-JZ][0-9A-Z]")
_SAC = re.compile(r"99(?:[0-9]{2}|[0-9]{4})")
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?\s*%?")
_PREFIX = re.compile(r"[A-Z0-9]{0,3}")
_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

STATES = {
    "01": "Jammu and Kashmir",
    "02": "Himachal Pradesh",
    "03": "Punjab",
    "04": "Chandigarh",
    "05": "Uttarakhand",
    "06": "Haryana",
    "07": "Delhi",
    "08": "Rajasthan",
    "09": "Uttar Pradesh",
    "10": "Bihar",
    "11": "Sikkim",
    "12": "Arunachal Pradesh",
    "13": "Nagaland",
    "14": "Manipur",
    "15": "Mizoram",
    "16": "Tripura",
    "17": "Meghalaya",
    "18": "Assam",
    "19": "West Bengal",
    "20": "Jharkhand",
    "21": "Odisha",
    "22": "Chhattisgarh",
    "23": "Madhya Pradesh",
    "24": "Gujarat",
    "26": "Dadra and Nagar Haveli and Daman and Diu",
    "27": "Maharashtra",
    "29": "Karnataka",
    "30": "Goa",
    "31": "Lakshadweep",
    "32": "Kerala",
    "33": "Tamil Nadu",
    "34": "Puducherry",
    "35": "Andaman and Nicobar Islands",
    "36": "Telangana",
    "37": "Andhra Pradesh",
    "38": "Ladakh",
}
# Union territories without a parliament of their own: the second half is UTGST there.
_UNION_TERRITORIES = frozenset({"04", "26", "31", "35", "38"})


class GstMode(StrEnum):
    UNREGISTERED = "unregistered"
    COMPOSITION = "composition"
    REGISTERED = "registered"


class BillKind(StrEnum):
    RECEIPT = "RECEIPT"
    TAX_INVOICE = "TAX_INVOICE"
    BILL_OF_SUPPLY = "BILL_OF_SUPPLY"
    DAY_INVOICE = "DAY_INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"
    REFUND_RECEIPT = "REFUND_RECEIPT"


# The letter each consecutive series begins with.
SERIES = {
    BillKind.RECEIPT: "R",
    BillKind.TAX_INVOICE: "T",
    BillKind.BILL_OF_SUPPLY: "B",
    BillKind.DAY_INVOICE: "D",
    BillKind.CREDIT_NOTE: "C",
    BillKind.REFUND_RECEIPT: "F",
}


@dataclass(frozen=True, slots=True)
class Gst:
    """How a shop stands towards GST. ``prefix`` keeps shops that share a GSTIN apart."""

    mode: GstMode = GstMode.UNREGISTERED
    gstin: str = ""
    rate_bp: int = 0
    sac: str = ""
    name: str = ""
    address: str = ""
    prefix: str = ""

    @property
    def state(self) -> str:
        return self.gstin[:2]


def checked(gst: Gst) -> Gst:
    """The same, once its parts fit together. Raises BadInput with what to change."""
    if gst.mode is GstMode.UNREGISTERED:
        if gst.gstin or gst.rate_bp:
            raise BadInput("A shop that is not registered has neither a GSTIN nor a rate.")
        return gst
    if not gst.gstin:
        raise BadInput(f"A {gst.mode} shop has a GSTIN; give it with --gstin.")
    if gst.mode is GstMode.COMPOSITION and gst.rate_bp:
        raise BadInput("A composition shop collects no tax on its bills; leave the rate out.")
    if gst.mode is GstMode.REGISTERED and not gst.rate_bp:
        raise BadInput("A registered shop charges tax at a rate; give it with --rate.")
    return gst


def described(gst: Gst) -> str:
    """What the shop's bills are, for the person who sets them up."""
    lines = [f"mode     {gst.mode}", f"name     {gst.name}"]
    lines.append(f"address  {gst.address or 'missing: give it with --address'}")
    if gst.mode is not GstMode.UNREGISTERED:
        lines.append(f"GSTIN    {gst.gstin}, {STATES[gst.state]}")
        lines.append(f"SAC      {gst.sac}")
    if gst.mode is GstMode.REGISTERED:
        each = f"{gst.rate_bp / 200:g}"
        lines.append(
            f"rate     {gst.rate_bp / 100:g} %: CGST {each} % and {second_tax(gst.state)} {each} %"
        )
    if gst.prefix:
        lines.append(f"prefix   {gst.prefix}")
    return "\n".join(lines)


# Reading what people type


def mode_of(text: str) -> GstMode:
    try:
        return GstMode(text.strip().lower())
    except ValueError:
        raise BadInput(f"{text!r} is none of {', '.join(GstMode)}.") from None


def gstin_of(text: str) -> str:
    """A GSTIN in capitals. Raises BadInput for a wrong shape, state or check character."""
    given = text.strip().upper()
    if not _GSTIN.fullmatch(given):
        raise BadInput(f"{text!r} is not a GSTIN like 27AAPFU0939F1ZV: 15 letters and digits.")
    if given[:2] not in STATES:
        raise BadInput(f"{given} begins with {given[:2]}, which is no state's code.")
    if check_sign(given[:14]) != given[14]:
        raise BadInput(f"{given} has a typing mistake: its last character does not fit the others.")
    return given


def check_sign(first_fourteen: str) -> str:
    """The last character of a GSTIN: base 36, weights 1 and 2, quotient and remainder added."""
    total = 0
    for place, sign in enumerate(first_fourteen):
        total += sum(divmod(_SIGNS.index(sign) * (1 + place % 2), 36))
    return _SIGNS[-total % 36]


def rate_of(text: str) -> int:
    """``18``, ``18%`` or ``2.5`` per cent as basis points. Raises BadInput."""
    written = _PERCENT.fullmatch(text.strip())
    bp = int(written[1]) * 100 + int((written[2] or "").ljust(2, "0")) if written else 0
    if not 0 < bp <= HIGHEST_RATE_BP:
        raise BadInput(f"{text!r} is not a rate in per cent like 18 or 2.5, up to 40.")
    return bp


def sac_of(text: str) -> str:
    given = text.strip()
    if not _SAC.fullmatch(given):
        raise BadInput(f"{text!r} is not a service code (SAC) like {USUAL_SAC}.")
    return given


def prefix_of(text: str) -> str:
    given = text.strip().upper()
    if not _PREFIX.fullmatch(given):
        raise BadInput(f"{text!r} is not a prefix of at most three letters or digits.")
    return given


# Numbers


def financial_year(day: date) -> int:
    """The year in which the financial year of ``day`` began: April to March."""
    return day.year if day.month >= 4 else day.year - 1


def label(series: str, year: int, number: int) -> str:
    """``T/2627/41``: what is printed on the bill."""
    return f"{series}/{year % 100:02d}{(year + 1) % 100:02d}/{number}"


# What is issued


def first_bill(mode: GstMode, amount_paise: int) -> BillKind:
    """What an order gets the moment it is paid."""
    match mode:
        case GstMode.UNREGISTERED:
            return BillKind.RECEIPT
        case GstMode.COMPOSITION:
            return BillKind.BILL_OF_SUPPLY
        case GstMode.REGISTERED:
            small = amount_paise < SMALL_PAISE
            return BillKind.RECEIPT if small else BillKind.TAX_INVOICE
        case _:
            assert_never(mode)


def adding_up(lines: Sequence[Mapping[str, Any]], amount_paise: int) -> list[dict[str, Any]]:
    """The lines of a price, and the difference where staff took another amount than the price."""
    said = [dict(line) for line in lines]
    difference = amount_paise - sum(line["amount_paise"] for line in said)
    if difference:
        said.append({"difference": True, "amount_paise": difference})
    return said


def note_for(mode: GstMode) -> BillKind:
    """What says that money of a bill went back."""
    if mode is GstMode.UNREGISTERED:
        return BillKind.REFUND_RECEIPT
    return BillKind.CREDIT_NOTE


def second_tax(state: str) -> str:
    return "UTGST" if state in _UNION_TERRITORIES else "SGST"


# Tax


@dataclass(frozen=True, slots=True)
class Split:
    """An amount paid, taken apart. The three parts are always exactly the amount."""

    amount: int
    cgst: int
    sgst: int

    @property
    def taxable(self) -> int:
        return self.amount - self.cgst - self.sgst


def split(amount_paise: int, rate_bp: int) -> Split:
    """The tax inside a price, in paise. ``rate_bp`` is both halves together.

    Rounding: each half by itself to the nearest paisa, half a paisa upwards, so that CGST and
    SGST are equal as their rates are; what remains is the taxable value.
    """
    half = _half(amount_paise, rate_bp)
    return Split(amount_paise, half, half)


def _half(amount_paise: int, rate_bp: int) -> int:
    below = 2 * (10_000 + rate_bp)
    return (2 * amount_paise * rate_bp + below) // (2 * below)


def credit(amount_paise: int, rate_bp: int, *, before: Split) -> Split:
    """The tax inside a part that goes back, when ``before`` of the same bill went back already.

    Counted on the sum, so that notes over a whole bill add up to the bill and never above it.
    """
    due = _half(before.amount + amount_paise, rate_bp) - before.cgst
    half = max(0, min(due, amount_paise // 2))
    return Split(amount_paise, half, half)
