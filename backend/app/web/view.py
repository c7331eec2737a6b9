"""What templates show, worked out: states in screen words, ages, masked phones, names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.lifecycle import Job, Order
from app.domain.print_plan import Choices, Paper, Sides
from app.domain.questions import page_list
from app.web.text import one_line

# Minutes after which a waiting print turns amber, then red.
AMBER_MINUTES, RED_MINUTES = 5, 15

_BY_ORDER = {
    Order.DRAFT: "draft",
    Order.PAYMENT_PENDING: "waiting",
    Order.READY: "ready",
    Order.COLLECTED: "collected",
    Order.CANCELLED: "cancelled",
    Order.EXPIRED: "expired",
    Order.REFUNDED: "refunded",
}
_PAID_BY_JOB = {
    Job.CLAIMED: "printing",
    Job.PRINTING: "printing",
    Job.UNCERTAIN: "check",
    Job.FAILED: "failed",
    Job.HELD: "hold",
}
TONES = {
    "draft": "quiet",
    "preparing": "info",
    "waiting": "warn",
    "queued": "info",
    "printing": "info",
    "check": "warn",
    "failed": "bad",
    "hold": "warn",
    "ready": "ok",
    "collected": "quiet",
    "cancelled": "quiet",
    "expired": "quiet",
    "refunded": "quiet",
}


def screen_state(order: str, job: str | None) -> str:
    """One word for where an order is, from its own status and its print job's."""
    status = Order(order)
    if status is Order.PAID:
        return _PAID_BY_JOB.get(Job(job), "queued") if job else "queued"
    return _BY_ORDER[status]


def wishes(choices: Mapping[str, Any]) -> list[tuple[str, dict[str, str | int]]]:
    """What is unusual about a print, as (text id, values): the things a hurried hand misses."""
    found: list[tuple[str, dict[str, str | int]]] = []
    if not choices:
        return found
    chosen = Choices.read(choices)
    if chosen.sides is not Sides.ONE:
        found.append(("wish-both-sides", {}))
    if chosen.paper is not Paper.A4:
        found.append(("wish-paper", {"paper": chosen.paper.value}))
    if chosen.pages is not None:
        found.append(("wish-pages", {"list": page_list(chosen.pages)}))
    if chosen.per_sheet > 1:
        found.append(("wish-per-side", {"count": chosen.per_sheet}))
    return found


@dataclass(frozen=True, slots=True)
class Age:
    """``unit`` is now, minutes, hours or days; ``level`` is "", amber or red."""

    unit: str
    count: int
    level: str


def age(since: datetime | None, now: datetime, *, hurry: bool = False) -> Age:
    minutes = max(0, int((now - since).total_seconds() // 60)) if since else 0
    level = ""
    if hurry and minutes >= AMBER_MINUTES:
        level = "red" if minutes >= RED_MINUTES else "amber"
    if minutes < 1:
        return Age("now", 0, level)
    if minutes < 60:
        return Age("minutes", minutes, level)
    if minutes < 60 * 24:
        return Age("hours", minutes // 60, level)
    return Age("days", minutes // (60 * 24), level)


@dataclass(frozen=True, slots=True)
class Card:
    """An order on the board or in a list."""

    id: UUID
    token: str
    code: str
    name: str
    last4: str
    document: str
    print_type: str
    pages: int
    copies: int
    total_paise: int | None
    at_counter: bool
    state: str
    tone: str
    age: Age
    created_at: datetime

    @property
    def label(self) -> str:
        """What people at the counter say: the token, or the code before there is one."""
        return self.token or self.code


def card(row: Mapping[str, Any], now: datetime) -> Card:
    state = screen_state(row["status"], row["job_status"])
    since = {"ready": row["ready_at"], "waiting": row["created_at"], "draft": row["created_at"]}
    return Card(
        id=row["id"],
        token=row["token"],
        code=row["code"],
        name=one_line(row["customer_name"], 60),
        last4=last_four(row["phone"]),
        document=one_line(row["document_name"] or "", 80),
        print_type=row["print_type"] or "",
        pages=int(row["pages"] or 0),
        copies=row["copies"] or 0,
        total_paise=row["total_paise"],
        at_counter=row["pay_at_counter"],
        state=state,
        tone=TONES[state],
        age=age(
            since.get(state, row["paid_at"] or row["created_at"]),
            now,
            hurry=state not in since and row["status"] == Order.PAID,
        ),
        created_at=row["created_at"],
    )


def last_four(phone: str) -> str:
    """``··2582``: screens face the counter."""
    return f"··{phone[-4:]}" if phone else ""


def masked(phone: str) -> str:
    """``+91 •••• ··2582``."""
    return f"+{phone[:2]} •••• {last_four(phone)}" if len(phone) > 6 else last_four(phone)
