"""The one way out of the house: an HTTP client with time-outs that translates every failure.

Three answers are possible besides success, and callers act on nothing else:

- ``ProviderUnavailable``: it never happened, or it was only a question. Try again later.
- ``ProviderUncertain``: it was sent and no clear answer came back. Look before trying again.
- ``ProviderRejected``: the provider said no. Another try changes nothing.

Nothing is repeated and no redirect is followed here; that is for the caller to decide.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx2
import structlog

from app.core.transaction_guard import refuse_inside_transaction
from app.domain.errors import ProviderRejected, ProviderUnavailable, ProviderUncertain

log = structlog.get_logger(__name__)

MAX_ANSWER_BYTES = 8 * 1024 * 1024
# Below uvicorn's and most load balancers' idle time, so that we close a quiet connection first and
# a request is not lost on one that the other side has just given up.
KEEPALIVE_SECONDS = 4.0
_LONG_NUMBER = re.compile(r"\+?\d[\d ()-]{5,}\d")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class TimeOuts:
    """Seconds. ``total`` bounds the whole exchange, however steadily an answer drips in."""

    connect: float = 5.0
    read: float = 15.0
    write: float = 10.0
    pool: float = 5.0
    total: float = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx reply. ``data`` is the parsed JSON, or None when the body was empty."""

    status: int
    data: Any


class Outage:
    """Says once that something became unreachable and once that it is back."""

    def __init__(self, what: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.what = what
        self._clock = clock
        self._since: float | None = None

    @property
    def down(self) -> bool:
        return self._since is not None

    def failed(self, why: object) -> None:
        if self._since is None:
            self._since = self._clock()
            log.warning("unreachable", what=self.what, why=str(why))

    def worked(self) -> None:
        if self._since is not None:
            log.warning(
                "reachable again", what=self.what, seconds=round(self._clock() - self._since, 1)
            )
            self._since = None


def loggable(text: object) -> str:
    """Somebody else's words, fit for a log line: short, one line, without phone numbers."""
    return _LONG_NUMBER.sub("…", _CONTROL.sub(" ", str(text)))[:300].strip()


def new_client(
    base_url: str,
    *,
    time_outs: TimeOuts,
    auth: tuple[str, str] | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> httpx2.AsyncClient:
    """A client that neither repeats, redirects, nor reads proxies and passwords from elsewhere."""
    return httpx2.AsyncClient(
        base_url=base_url.rstrip("/"),
        auth=auth,
        transport=transport,
        timeout=httpx2.Timeout(
            connect=time_outs.connect,
            read=time_outs.read,
            write=time_outs.write,
            pool=time_outs.pool,
        ),
        limits=httpx2.Limits(
            max_connections=20, max_keepalive_connections=10, keepalive_expiry=KEEPALIVE_SECONDS
        ),
        follow_redirects=False,
        # .netrc would put a password on a request that is meant to travel without one.
        trust_env=False,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from ``Retry-After``, at most an hour; None when absent or given as a date."""
    value = headers.get("retry-after", "").strip()
    return min(float(value[:9]), 3600.0) if value.isascii() and value.isdigit() else None


class Wire:
    """One provider's REST interface: ``error_text`` reads (code, text) out of its error body."""

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        auth: tuple[str, str],
        error_text: Callable[[Any], tuple[str, str]],
        time_outs: TimeOuts | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.provider = provider
        self.time_outs = time_outs or TimeOuts()
        self.outage = Outage(f"{provider} at {httpx2.URL(base_url).host}")
        self._error_text = error_text
        self._client = new_client(
            base_url, time_outs=self.time_outs, auth=auth, transport=transport
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, path: str, *, params: Mapping[str, str] | None = None) -> Answer:
        return await self._call("GET", path, params=params)

    async def post(
        self,
        path: str,
        *,
        form: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return await self._call("POST", path, data=form, json=body, headers=headers)

    async def delete(self, path: str) -> Answer:
        return await self._call("DELETE", path)

    async def _call(self, method: str, path: str, **content: Any) -> Answer:
        refuse_inside_transaction(f"{self.provider} {method} {path}")
        harmless = method != "POST"  # a question, or a deletion that may be said twice
        try:
            async with asyncio.timeout(self.time_outs.total):
                status, headers, raw = await self._exchange(method, path, content)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            self.outage.failed(_name(error))
            raise ProviderUnavailable(self.provider, _name(error)) from error
        except (httpx2.TransportError, httpx2.DecodingError, TimeoutError) as error:
            self.outage.failed(_name(error))
            raise self._unclear(_name(error), harmless=harmless) from error
        return self._read(status, headers, raw, harmless=harmless)

    async def _exchange(
        self, method: str, path: str, content: dict[str, Any]
    ) -> tuple[int, Mapping[str, str], bytes | None]:
        """Status, headers and body; the body is None when it is larger than an answer can be."""
        async with self._client.stream(method, path, **content) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    return response.status_code, response.headers, None
            return response.status_code, response.headers, bytes(body)

    def _read(
        self, status: int, headers: Mapping[str, str], raw: bytes | None, *, harmless: bool
    ) -> Answer:
        readable, data = _parsed(raw)
        if status >= 500:
            self.outage.failed(f"HTTP {status}")
            raise self._unclear(f"HTTP {status}", harmless=harmless)
        self.outage.worked()
        if status < 300:
            if not readable:
                raise self._unclear(f"HTTP {status} with a body that is no JSON", harmless=harmless)
            return Answer(status, data)
        if status < 400:
            reason = f"HTTP {status} redirect, check the provider's base address in the settings"
            raise self._unclear(reason, harmless=harmless)
        code, text = self._error_text(data) if readable else ("", "")
        reason = loggable(f"HTTP {status} {text or _phrase(status)}")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise ProviderUnavailable(self.provider, reason, retry_after=retry_after(headers))
        if status == HTTPStatus.REQUEST_TIMEOUT:
            raise self._unclear(reason, harmless=harmless)
        raise ProviderRejected(self.provider, reason, provider_code=code, status=status)

    def _unclear(self, reason: str, *, harmless: bool) -> ProviderUnavailable | ProviderUncertain:
        if harmless:
            return ProviderUnavailable(self.provider, reason)
        return ProviderUncertain(self.provider, reason)


def _parsed(raw: bytes | None) -> tuple[bool, Any]:
    if raw is None:
        return False, None
    if not raw.strip():
        return True, None
    try:
        return True, json.loads(raw)
    except (ValueError, RecursionError):
        return False, None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "without a known meaning"


def _name(error: BaseException) -> str:
    """The kind and the words of a transport failure; some of them have no words."""
    words = loggable(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
