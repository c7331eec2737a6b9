"""Misfortune on request: what goes wrong next, at which operation, and how often."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

LINK_EVENTS = ("paid", "partially_paid", "cancelled", "expired")
DISPUTE_EVENTS = ("created", "under_review", "action_required", "won", "lost", "closed")
# What may go wrong when the backend calls a provider ...
CALL_KINDS = {
    "error": "answer with `status` (default 500) instead of doing it",
    "error_after": "do it, then answer with `status` (default 500)",
    "slow": "do it after `seconds`",
    "timeout": "wait `seconds` (default 60), do nothing, drop the connection",
    "answer_lost": "do it, then drop the connection",
    "refused": "do nothing, drop the connection",
    "rate_limit": "429, nothing done",
    "media_404": "the file is not there yet: 404 the first `times` tries",
    "reject": "refuse with `code` and `description`",
    "fail_status": "accept the message, then report it failed with `code`",
}
# ... and when a provider calls the backend.
WEBHOOK_KINDS = {
    "duplicate": "send it `copies` more times (default 1)",
    "delay": "send it after `seconds` (default 10)",
    "drop": "never send it",
    "reorder": "hold until `copies` (default 3) are there or `seconds` (default 1) passed,"
    " send last first",
    "bad_signature": "sign it wrongly",
}
# What the providers call back about: `<provider>.webhook.<name>`.
WEBHOOKS = (
    "twilio.webhook.inbound",
    *(f"twilio.webhook.status.{name}" for name in ("sent", "delivered", "read")),
    *(f"twilio.webhook.status.{name}" for name in ("failed", "undelivered")),
    *(f"razorpay.webhook.payment.{name}" for name in ("authorized", "captured", "failed")),
    *(f"razorpay.webhook.payment_link.{name}" for name in LINK_EVENTS),
    *(f"razorpay.webhook.refund.{name}" for name in ("created", "processed", "failed")),
    *(f"razorpay.webhook.payment.dispute.{name}" for name in DISPUTE_EVENTS),
    "razorpay.webhook.order.paid",
)


@dataclass
class Fault:
    id: str
    operation: str  # a name such as twilio.messages.create, or a pattern such as razorpay.*
    kind: str
    times: int | None = 1  # None: until removed
    status: int = 500
    seconds: float | None = None
    copies: int | None = None
    code: int | str | None = None
    description: str = ""
    hits: int = 0


@dataclass
class Faults:
    calls: set[str] = field(default_factory=set)  # what the backend can call; routes add theirs
    _all: list[Fault] = field(default_factory=list)
    _number: int = 0

    def add(self, operation: str, kind: str, **options: Any) -> Fault:
        """Switch one on. Raises ValueError with a sentence for a kind, an operation or an option
        that does not exist: a fault that can never strike would prove nothing."""
        if kind not in CALL_KINDS and kind not in WEBHOOK_KINDS:
            known = ", ".join([*CALL_KINDS, *WEBHOOK_KINDS])
            raise ValueError(f"There is no fault called {kind!r}; known are {known}.")
        places = sorted(self.calls) if kind in CALL_KINDS else WEBHOOKS
        if not any(fnmatchcase(place, operation) for place in places):
            raise ValueError(
                f"{kind} cannot happen at {operation!r}; it can at {', '.join(places)}, "
                "or at a pattern of these such as razorpay.*."
            )
        self._number += 1
        try:
            fault = Fault(f"fault-{self._number}", operation, kind, **options)
        except TypeError as error:
            raise ValueError(f"That fault cannot be set up: {error}.") from error
        self._all.append(fault)
        return fault

    def remove(self, fault_id: str | None = None) -> None:
        """Switch one off, or all."""
        self._all = [fault for fault in self._all if fault_id is not None and fault.id != fault_id]

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._all]

    def strike(self, operation: str, *kinds: str) -> Fault | None:
        """The first fault of these kinds that applies now; it is used up by one."""
        for fault in self._all:
            if fault.kind in kinds and fnmatchcase(operation, fault.operation):
                if fault.times is not None and fault.hits >= fault.times:
                    continue
                fault.hits += 1
                return fault
        return None
