"""Who really sent these bytes: the providers' signatures and our own file links. Pure functions.

Everything here is on the path of a webhook, so each check is one or two calls into C. An empty
secret verifies nothing, and a signature that is not even ASCII is simply wrong.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import urlencode, urlsplit, urlunsplit

from app.domain.errors import NotConfigured

# The signed text begins with its purpose, so that no other HMAC under the same key can be a link.
_FILE_PURPOSE = "printwala/file/v1"
_DEFAULT_PORT = {"https": 443, "http": 80}


def _same(expected: str | bytes, claimed: str | None) -> bool:
    """Constant time for equal lengths; ``?`` stands for what no signature alphabet contains."""
    want = expected.encode() if isinstance(expected, str) else expected
    return hmac.compare_digest(want, (claimed or "").encode("ascii", "replace"))


def _hex_hmac(secret: str, message: bytes) -> str:
    return hmac.digest(secret.encode(), message, "sha256").hex()


def public_url(base: str, path: str, raw_query: str | bytes = "") -> str:
    """The address as the provider was told it: configured base, fixed path, query as received.

    A fragment on the base (Twilio's connection overrides, ``#rc=3``) is neither sent nor signed
    by Twilio and is dropped. Scheme and host never come from the request.
    """
    query = raw_query.decode("latin-1") if isinstance(raw_query, bytes) else raw_query
    url = base.partition("#")[0].rstrip("/") + path
    return f"{url}?{query}" if query else url


@lru_cache(maxsize=64)
def _with_and_without_port(url: str) -> tuple[str, ...]:
    """Twilio is inconsistent about a default port, so its own validator tries both forms."""
    parts = urlsplit(url.partition("#")[0])
    if parts.port is not None:
        netloc = parts.netloc.rpartition(":")[0]
    elif parts.scheme in _DEFAULT_PORT:
        netloc = f"{parts.netloc}:{_DEFAULT_PORT[parts.scheme]}"
    else:
        return (urlunsplit(parts),)
    return urlunsplit(parts), urlunsplit(parts._replace(netloc=netloc))


def twilio_signature(token: str, url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Base64 of HMAC-SHA1 over the address and all decoded parameters.

    Names in order, each followed by its value; of a repeated name every distinct value, in order.
    Source: Twilio's webhook security page and its Python SDK 9.13 (``request_validator``).
    """
    return _twilio_digest(token, url, _twilio_parameters(pairs)).decode()


def _twilio_parameters(pairs: Iterable[tuple[str, str]]) -> bytes:
    flat = "".join(name + value for name, value in sorted(set(pairs)))
    return flat.encode("utf-8", "surrogateescape")


def _twilio_digest(token: str, url: str, parameters: bytes) -> bytes:
    return b64encode(hmac.digest(token.encode(), url.encode() + parameters, "sha1"))


def twilio_genuine(
    pairs: Iterable[tuple[str, str]],
    signature: str | None,
    *,
    url: str,
    tokens: Iterable[str],
    settings_header: str | None = None,
) -> bool:
    """Whether Twilio signed these form parameters for ``url`` with one of ``tokens``.

    ``settings_header`` is ``X-Twilio-Webhooks-Signature-Settings``: it announces another scheme
    (a shared key, SHA-256), which is not supported here, so its presence means no.
    """
    if not signature or settings_header is not None:
        return False
    try:
        parameters = _twilio_parameters(pairs)
        addresses = _with_and_without_port(url)
    except ValueError:  # text that no bytes decode to, or a port that is no number
        return False
    genuine = False
    for token in tokens:
        if token:
            for address in addresses:
                genuine |= _same(_twilio_digest(token, address, parameters), signature)
    return genuine


def razorpay_genuine(body: bytes, signature: str | None, *, secrets: Iterable[str]) -> bool:
    """Whether the raw webhook bytes carry a lower-case hex HMAC-SHA256 under one of ``secrets``.

    A list, because events that are retried after a rotation stay signed with the older secret.
    """
    genuine = False
    for secret in secrets:
        if secret:
            genuine |= _same(_hex_hmac(secret, body), signature)
    return genuine


def razorpay_callback_genuine(query: Mapping[str, str], *, key_secret: str) -> bool:
    """Whether the browser's return from a payment link was signed with the API key secret.

    An empty reference still contributes its separator. True says which page to show, no more.
    """
    if not key_secret:
        return False
    signed = "|".join(
        query.get(name, "")
        for name in (
            "razorpay_payment_link_id",
            "razorpay_payment_link_reference_id",
            "razorpay_payment_link_status",
            "razorpay_payment_id",
        )
    )
    message = signed.encode("utf-8", "replace")
    return _same(_hex_hmac(key_secret, message), query.get("razorpay_signature"))


def sign_file(path: str, *, secret: str, expires_at: datetime) -> str:
    """The query (``expires=…&signature=…``) that opens ``path`` until ``expires_at``.

    ``path`` is the decoded path of the address, exactly as ``verify_file`` will see it. Raises
    ``NotConfigured`` for an empty secret: such a link would verify nowhere.
    """
    if not secret:
        raise NotConfigured("SECRET_KEY is empty: set it before links to files can be made")
    expires = str(int(expires_at.timestamp()))
    return urlencode({"expires": expires, "signature": _file_hmac(path, expires, secret)})


def verify_file(path: str, query: Mapping[str, str], *, secret: str, now: datetime) -> bool:
    """Whether ``query`` opens ``path`` at ``now``. Never says why not."""
    expires = query.get("expires", "")
    if not secret or not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
        return False
    genuine = _same(_file_hmac(path, expires, secret), query.get("signature"))
    return genuine and now.timestamp() < int(expires)


def _file_hmac(path: str, expires: str, secret: str) -> str:
    # The path is hashed first: whatever characters it holds, the three parts cannot run together.
    folded = sha256(path.encode("utf-8", "surrogatepass")).hexdigest()
    return _hex_hmac(secret, f"{_FILE_PURPOSE}|{folded}|{expires}".encode())
