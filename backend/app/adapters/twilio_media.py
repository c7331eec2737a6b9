"""Fetches a customer's attachment from Twilio without letting our password out of the house.

The first address is built from ids, never taken from a message, and is the only one that sees the
credentials. Twilio answers with a redirect to a signed address at its content network; each hop
is judged here by hand, because a redirect is the other side's wish, not ours.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx2

from app.adapters.http import Outage, TimeOuts, new_client, retry_after
from app.core.transaction_guard import refuse_inside_transaction
from app.domain.errors import (
    DocumentRefused,
    ProviderRejected,
    ProviderUnavailable,
    Refusal,
)

PROVIDER = "twilio"
MAX_REDIRECTS = 3
WRITE_BYTES = 1024 * 1024
_REDIRECTS = {301, 302, 303, 307, 308}
_TWILIO_HOSTS = (".twilio.com", ".twiliocdn.com")
_OLD_BUCKET = ("s3-external-1.amazonaws.com", "/media.twiliocdn.com/")
_PLAIN_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*", re.ASCII)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of ``host``, in the system's order of preference."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class MediaFetcher:
    """Streams one attachment to a file under a byte cap and a total time cap (``seconds``)."""

    def __init__(
        self,
        api_base_url: str,
        *,
        auth: tuple[str, str],
        seconds: float,
        transport: httpx2.AsyncBaseTransport | None = None,
        time_outs: TimeOuts | None = None,
        resolver: Resolver = resolve,
    ) -> None:
        self._base = api_base_url.rstrip("/")
        self._base_parts = urlsplit(self._base)
        self._auth = httpx2.BasicAuth(*auth)
        self._seconds = seconds
        self._resolve = resolver
        self._pin = transport is None
        self._outage = Outage(f"{PROVIDER} media at {self._base_parts.hostname}")
        # No password on the client itself: only the first request is given one.
        self._client = new_client(
            self._base, time_outs=time_outs or TimeOuts(read=10.0), transport=transport
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def fetch(self, path: str, into: Path, *, max_bytes: int) -> None:
        """Writes ``into`` whole or not at all; see ``ports.Messenger.fetch_media`` for errors."""
        refuse_inside_transaction(f"{PROVIDER} GET {path}")
        partial = into.with_name(into.name + ".part")
        try:
            async with asyncio.timeout(self._seconds):
                await self._follow(self._base + path, partial, max_bytes)
            await asyncio.to_thread(os.replace, partial, into)
        except (httpx2.TransportError, httpx2.DecodingError, TimeoutError) as error:
            self._outage.failed(type(error).__name__)
            reason = f"attachment not fetched, {type(error).__name__}"
            raise ProviderUnavailable(PROVIDER, reason) from error
        finally:
            await asyncio.to_thread(partial.unlink, missing_ok=True)

    async def _follow(self, url: str, partial: Path, max_bytes: int) -> None:
        auth: httpx2.BasicAuth | None = self._auth
        for _ in range(MAX_REDIRECTS + 1):
            request = await self._request(url, auth)
            response = await self._client.send(request, stream=True, auth=auth)
            try:
                if response.status_code not in _REDIRECTS:
                    return await self._receive(response, partial, max_bytes)
                url = self._next_hop(url, response.headers.get("location", ""))
            finally:
                await response.aclose()
            auth = None
        raise ProviderRejected(PROVIDER, f"more than {MAX_REDIRECTS} redirects", status=508)

    async def _request(self, url: str, auth: httpx2.BasicAuth | None) -> httpx2.Request:
        """The request for one hop, bound to an address that was looked at when it matters."""
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if auth is not None or not self._at_twilio:
            return self._client.build_request("GET", url, headers=headers)
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            addresses = await self._resolve(host, parts.port or 443)
        except OSError as error:
            raise ProviderUnavailable(PROVIDER, "no address for the media host") from error
        if not addresses or not all(ip_address(a).is_global for a in addresses):
            raise ProviderRejected(PROVIDER, "redirect to a private address", status=403)
        if not self._pin:
            return self._client.build_request("GET", url, headers=headers)
        # Connect to the address that was just judged; a second look-up could answer differently.
        # The name stays in the Host header and in TLS, where the certificate is checked.
        pinned = httpx2.URL(url).copy_with(host=addresses[0])
        return self._client.build_request(
            "GET",
            pinned,
            headers={**headers, "Host": host},
            extensions={"sni_hostname": host},
        )

    @property
    def _at_twilio(self) -> bool:
        host = self._base_parts.hostname or ""
        return self._base_parts.scheme == "https" and host.endswith(".twilio.com")

    def _next_hop(self, url: str, location: str) -> str:
        refused = ProviderRejected(PROVIDER, "redirect to a host that is not allowed", status=403)
        try:
            target = urljoin(url, location)
            if not location or not self._allowed(urlsplit(target)):
                raise refused
        except ValueError as error:
            raise refused from error
        return target

    def _allowed(self, target: SplitResult) -> bool:
        host = (target.hostname or "").lower()
        if target.username is not None or target.password is not None:
            return False
        # Nothing that two parsers of addresses could split differently.
        if not _PLAIN_HOST.fullmatch(host) and host not in _LOOPBACK:
            return False
        if target.scheme == "https":
            own_port = target.port in (None, 443)
            if own_port and host.endswith(_TWILIO_HOSTS):
                return True
            if own_port and host == _OLD_BUCKET[0] and target.path.startswith(_OLD_BUCKET[1]):
                return True
            return not self._at_twilio and self._same_host(host)
        # Development: Twilio is played on this machine, its content network on another port.
        plain = target.scheme == "http" and self._base_parts.scheme == "http"
        return plain and self._same_host(host)

    def _same_host(self, host: str) -> bool:
        ours = (self._base_parts.hostname or "").lower()
        return host == ours or (host in _LOOPBACK and ours in _LOOPBACK)

    async def _receive(self, response: httpx2.Response, partial: Path, max_bytes: int) -> None:
        status = response.status_code
        if status != HTTPStatus.OK:
            self._refuse(status, response.headers)
        self._outage.worked()
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise ProviderRejected(PROVIDER, "attachment in an encoding nobody asked for")
        file = await asyncio.to_thread(partial.open, "wb")
        try:
            await _pour(response, file, max_bytes)
        finally:
            await asyncio.to_thread(file.close)

    def _refuse(self, status: int, headers: Mapping[str, str]) -> None:
        reason = f"attachment: HTTP {status}"
        if status >= 500:
            self._outage.failed(f"HTTP {status}")
            raise ProviderUnavailable(PROVIDER, reason)
        self._outage.worked()
        if status in (404, 408, 425, 429):  # 404 right after the webhook: not there yet
            raise ProviderUnavailable(PROVIDER, reason, retry_after=retry_after(headers))
        raise ProviderRejected(PROVIDER, reason, status=status)


async def _pour(response: httpx2.Response, file: BinaryIO, max_bytes: int) -> None:
    """Counts what arrives, whatever Content-Length promised, and writes it to the disk for good."""
    received = 0
    waiting = bytearray()
    async for chunk in response.aiter_raw():
        received += len(chunk)
        if received > max_bytes:
            raise DocumentRefused(Refusal.TOO_BIG, f"attachment has more than {max_bytes} bytes")
        waiting += chunk
        if len(waiting) >= WRITE_BYTES:
            await asyncio.to_thread(file.write, bytes(waiting))
            waiting.clear()
    await asyncio.to_thread(_finish, file, bytes(waiting))


def _finish(file: BinaryIO, rest: bytes) -> None:
    file.write(rest)
    file.flush()
    os.fsync(file.fileno())
