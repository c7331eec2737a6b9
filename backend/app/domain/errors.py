"""Everything that can go wrong, as one small tree.

ShopError
├── BadInput              the caller sent something we cannot use; nothing changed
├── NotFound              no such thing, or not for this caller (never said which)
├── NotAllowed            a real thing, in a state that forbids this
│   └── IllegalMove       an arrow that is not drawn in ``lifecycle``
├── BadSignature          the bytes are not from whom they say
├── NotConfigured         a provider's settings are missing
├── DocumentRefused       a customer's file we will not print, with a reason from a closed list
└── ProviderError
    ├── ProviderUnavailable   never happened: try again later
    ├── ProviderUncertain     may have happened: look before trying again
    └── ProviderRejected      answered no: another try changes nothing
"""

from __future__ import annotations

from enum import StrEnum


class ShopError(Exception):
    """A problem this house knows; ``code`` goes to programs, the text to people."""

    code = "error"

    def __init__(self, detail: str = "", *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class BadInput(ShopError):
    code = "bad_input"


class NotFound(ShopError):
    code = "not_found"


class NotAllowed(ShopError):
    code = "not_allowed"


class IllegalMove(NotAllowed):
    """``event`` has no arrow from ``status``: logs name both, people read what to do."""

    code = "illegal_move"

    def __init__(self, status: object, event: object) -> None:
        super().__init__(f"{event} is not possible while {status}")
        self.detail = "This has moved on meanwhile. Load the page again to see how it stands."
        self.status = status
        self.event = event


class BadSignature(ShopError):
    code = "bad_signature"


class NotConfigured(ShopError):
    code = "not_configured"


class ProviderError(ShopError):
    """``provider`` is "twilio" or "razorpay"; ``reason`` is safe to log."""

    code = "provider_error"

    def __init__(self, provider: str, reason: object) -> None:
        super().__init__(f"{provider}: {reason}")
        self.provider = provider
        self.reason = reason


class ProviderUnavailable(ProviderError):
    code = "provider_unavailable"

    def __init__(self, provider: str, reason: object, *, retry_after: float | None = None) -> None:
        super().__init__(provider, reason)
        self.retry_after = retry_after


class ProviderUncertain(ProviderError):
    code = "provider_uncertain"


class ProviderRejected(ProviderError):
    """``provider_code`` is the provider's own code, ``status`` the HTTP status."""

    code = "provider_rejected"

    def __init__(
        self, provider: str, reason: object, *, provider_code: str = "", status: int = 400
    ) -> None:
        super().__init__(provider, reason)
        self.provider_code = provider_code
        self.status = status


class Refusal(StrEnum):
    """Why a file is not printed. Closed: the customer reads one sentence for each."""

    UNSUPPORTED = "unsupported"
    TOO_BIG = "too_big"
    TOO_MANY_PAGES = "too_many_pages"
    PAGE_TOO_LARGE = "page_too_large"
    TOO_COMPLEX = "too_complex"
    EMPTY = "empty"
    BROKEN = "broken"
    LOCKED = "locked"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a reason, not a secret
    FORM_ONLY = "form_only"
    PAGE_COUNT_UNSURE = "page_count_unsure"
    MACROS = "macros"
    CONVERTER_MISSING = "converter_missing"
    CONVERTER_FAILED = "converter_failed"
    NOT_FETCHED = "not_fetched"


class DocumentRefused(ShopError):
    """``detail`` is for logs and staff; the customer's words are chosen by ``reason``."""

    code = "document_refused"

    def __init__(self, reason: Refusal, detail: str = "") -> None:
        super().__init__(detail or reason.value)
        self.reason = reason
