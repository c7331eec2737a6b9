"""Who may call: staff with a password, scripts with a token, workers with a key."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.core.security import (
    NOBODY,
    hash_password,
    new_token,
    password_matches,
    sha256_hex,
)
from app.domain.errors import BadInput, NotAllowed, NotFound
from app.models import StaffUser
from app.ports import SignedIn
from app.repositories.unit_of_work import UnitOfWork

MIN_PASSWORD = 10
PASSWORDS_AT_ONCE = 2
WORKER_KEY = "wk_"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling: ``actor`` is what transitions and audit rows will say."""

    shop_id: UUID
    actor: str
    role: str


class StaffService:
    def __init__(
        self, unit_of_work: UnitOfWork, *, default_shop_id: UUID, worker_api_key: str
    ) -> None:
        self._unit_of_work = unit_of_work
        self._default_shop_id = default_shop_id
        self._worker_api_key = worker_api_key
        # A check is slow and takes 64 MB on purpose; guesses queue up here and nowhere else.
        self._checking = asyncio.Semaphore(PASSWORDS_AT_ONCE)

    # Programs

    async def worker(self, key: str) -> Principal | None:
        """The shop behind a worker key: the shared one, or a paired worker's own."""
        if self._worker_api_key and hmac.compare_digest(
            key.encode(), self._worker_api_key.encode()
        ):
            return Principal(self._default_shop_id, "worker:shared", "worker")
        if not key.startswith(WORKER_KEY):
            return None
        async with self._unit_of_work("system:auth") as tx:
            found = await tx.staff.worker_key(sha256_hex(key))
        return None if found is None else Principal(found[0], f"worker:{found[1]}", "worker")

    async def script(self, token: str) -> Principal | None:
        async with self._unit_of_work("system:auth") as tx:
            found = await tx.staff.token(sha256_hex(token))
        return None if found is None else Principal(found[0], f"user:token {found[1]}", "owner")

    async def create_token(self, name: str) -> str:
        """A bearer token for scripts, readable only now."""
        if not name.strip():
            raise BadInput("Give the token a name that says who uses it.")
        token = f"pt_{new_token()}"
        async with self._unit_of_work("user:command line") as tx:
            await tx.staff.add_token(self._default_shop_id, name.strip(), sha256_hex(token))
            await tx.messages.audit(
                shop_id=self._default_shop_id,
                actor="user:command line",
                action="token.create",
                subject=f"token:{name.strip()}",
            )
        return token

    async def revoke_token(self, name: str) -> int:
        """From now on no token of that name opens anything. Returns how many there were."""
        async with self._unit_of_work("user:command line") as tx:
            revoked = await tx.staff.revoke_tokens(self._default_shop_id, name.strip())
            if not revoked:
                live = await tx.staff.token_names(self._default_shop_id)
                raise NotFound(
                    f"There is no token {name!r} to revoke; live ones: {', '.join(live) or 'none'}."
                )
            await tx.messages.audit(
                shop_id=self._default_shop_id,
                actor="user:command line",
                action="token.revoke",
                subject=f"token:{name.strip()}",
            )
        return revoked

    async def heartbeat(
        self,
        shop_id: UUID,
        worker_id: str,
        *,
        version: str,
        unsent_reports: int,
        printers: list[dict[str, Any]],
    ) -> None:
        async with self._unit_of_work(f"worker:{worker_id}") as tx:
            await tx.staff.worker_seen(
                shop_id,
                worker_id,
                version=version,
                unsent_reports=unsent_reports,
                printers=printers,
            )

    # People

    async def add_user(self, name: str, password: str, *, role: str = "operator") -> None:
        name = name.strip()
        if not name or len(name) > 60:
            raise BadInput("Give a name of 1 to 60 characters.")
        if len(password) < MIN_PASSWORD:
            raise BadInput(f"A password has at least {MIN_PASSWORD} characters.")
        if role not in ("owner", "operator", "viewer"):
            raise BadInput("role is owner, operator or viewer.")
        async with self._unit_of_work("user:command line") as tx:
            if await tx.staff.user(self._default_shop_id, name) is not None:
                raise NotAllowed(f"There is a user {name!r} already; reset the password instead.")
            await tx.staff.add_user(
                StaffUser(
                    shop_id=self._default_shop_id,
                    name=name,
                    password_hash=hash_password(password),
                    role=role,
                )
            )
            await tx.messages.audit(
                shop_id=self._default_shop_id,
                actor="user:command line",
                action="user.add",
                subject=f"user:{name}",
            )

    async def reset_password(self, name: str, password: str) -> None:
        """A new password; every browser of that person is signed out."""
        if len(password) < MIN_PASSWORD:
            raise BadInput(f"A password has at least {MIN_PASSWORD} characters.")
        async with self._unit_of_work("user:command line") as tx:
            user = await tx.staff.user(self._default_shop_id, name)
            if user is None:
                raise NotFound(f"There is no user {name!r}; `users list` shows all.")
            user.password_hash = hash_password(password)
            user.failed_logins, user.locked_until = 0, None
            await tx.staff.end_sessions(user.id)
            await tx.messages.audit(
                shop_id=self._default_shop_id,
                actor="user:command line",
                action="user.reset",
                subject=f"user:{name}",
            )

    async def users(self) -> list[tuple[str, str]]:
        async with self._unit_of_work("system:read") as tx:
            return [(user.name, user.role) for user in await tx.staff.users(self._default_shop_id)]

    async def sign_in(self, name: str, password: str) -> tuple[str, str] | None:
        """A fresh session: (cookie value, csrf token). None when name or password is wrong or
        the account is locked for a while: the caller says the same to all three."""
        async with self._unit_of_work("system:auth") as tx:
            known = await tx.staff.user(self._default_shop_id, name.strip())
        stored = known.password_hash if known is not None else NOBODY
        async with self._checking:
            right = await asyncio.to_thread(password_matches, stored, password)
        if known is None:
            return None
        async with self._unit_of_work("system:auth") as tx:
            user = await tx.staff.lock(known.id)
            # Whoever is locked out learns nothing, and a password that was reset is wrong now.
            if await tx.staff.locked(user):
                return None
            if not right or user.password_hash != stored:
                await tx.staff.count_failure(user)
                return None
            token, csrf = new_token(), new_token()
            await tx.staff.sign_in(user, token_sha256=sha256_hex(token), csrf=csrf)
            await tx.messages.audit(
                shop_id=user.shop_id,
                actor=f"user:{user.name}",
                action="sign_in",
                subject=f"user:{user.name}",
            )
        return token, csrf

    async def signed_in(self, cookie: str) -> SignedIn | None:
        if not cookie:
            return None
        async with self._unit_of_work("system:auth") as tx:
            return await tx.staff.signed_in(sha256_hex(cookie))

    async def sign_out(self, cookie: str) -> None:
        async with self._unit_of_work("system:auth") as tx:
            await tx.staff.sign_out(sha256_hex(cookie))
