"""Random values, hashes and passwords. Secrets are compared in constant time and stored hashed."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# Letters and digits nobody confuses when reading them out.
_CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_hasher = PasswordHasher()  # argon2id, RFC 9106 low-memory profile


def new_token() -> str:
    """256 random bits, safe in an address."""
    return secrets.token_urlsafe(32)


def new_code(length: int = 6) -> str:
    """A short code for people; unique only where the database says so."""
    return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(length))


def new_storage_key(suffix: str) -> str:
    """A random object name that says nothing of customer or file."""
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name[2:]}{suffix}"


def sha256_hex(value: str | bytes) -> str:
    return hashlib.sha256(value.encode() if isinstance(value, str) else value).hexdigest()


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def hash_password(password: str) -> str:
    return _hasher.hash(password)


# Checked when the name is unknown, so that an answer takes as long as for a known one.
NOBODY = _hasher.hash(secrets.token_hex(16))


def password_matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
