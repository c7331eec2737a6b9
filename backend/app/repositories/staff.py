"""Who may call: staff, their sessions, script tokens, workers and their printers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import NOW, ApiToken, StaffSession, StaffUser
from app.models_orders import Printer, Worker
from app.ports import SignedIn

IDLE_MINUTES = 30
ABSOLUTE_HOURS = 12


class Staff:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def user(self, shop_id: UUID, name: str) -> StaffUser | None:
        found: StaffUser | None = await self._session.scalar(
            select(StaffUser).where(StaffUser.shop_id == shop_id, StaffUser.name == name)
        )
        return found

    async def lock(self, user_id: UUID) -> StaffUser:
        return await self._session.get_one(
            StaffUser, user_id, with_for_update=True, populate_existing=True
        )

    async def users(self, shop_id: UUID) -> list[StaffUser]:
        rows = await self._session.scalars(
            select(StaffUser).where(StaffUser.shop_id == shop_id).order_by(StaffUser.name)
        )
        return list(rows)

    async def add_user(self, user: StaffUser) -> None:
        self._session.add(user)
        await self._session.flush()

    async def count_failure(self, user: StaffUser) -> None:
        """Five wrong passwords lock the account for fifteen minutes; then counting starts anew.

        The caller holds the row.
        """
        await self._session.execute(
            text(
                "UPDATE staff_users u SET failed_logins = c.failed, locked_until = CASE "
                "WHEN c.failed >= 5 THEN clock_timestamp() + interval '15 minutes' END "
                "FROM (SELECT CASE WHEN locked_until <= clock_timestamp() THEN 1 "
                "  ELSE failed_logins + 1 END AS failed FROM staff_users WHERE id = :id) c "
                "WHERE u.id = :id"
            ),
            {"id": user.id},
        )

    async def locked(self, user: StaffUser) -> bool:
        result = await self._session.execute(
            text(
                "SELECT coalesce(locked_until > clock_timestamp(), false) FROM staff_users "
                "WHERE id = :id"
            ),
            {"id": user.id},
        )
        return bool(result.scalar_one())

    async def sign_in(self, user: StaffUser, *, token_sha256: str, csrf: str) -> None:
        user.failed_logins = 0
        user.locked_until = None
        self._session.add(StaffSession(token_sha256=token_sha256, user_id=user.id, csrf=csrf))
        await self._session.flush()

    async def signed_in(self, token_sha256: str) -> SignedIn | None:
        """The live session behind a cookie; being used keeps it alive."""
        result = await self._session.execute(
            text(
                "UPDATE staff_sessions s SET last_seen_at = clock_timestamp() FROM staff_users u "
                "WHERE s.token_sha256 = :token AND s.ended_at IS NULL AND u.id = s.user_id "
                "AND s.last_seen_at > clock_timestamp() - make_interval(mins => :idle) "
                "AND s.created_at > clock_timestamp() - make_interval(hours => :absolute) "
                "RETURNING u.shop_id, u.id, u.name, u.role, u.language, s.csrf"
            ),
            {"token": token_sha256, "idle": IDLE_MINUTES, "absolute": ABSOLUTE_HOURS},
        )
        row = result.first()
        return None if row is None else SignedIn(*row)

    async def sign_out(self, token_sha256: str) -> None:
        await self._session.execute(
            text(
                "UPDATE staff_sessions SET ended_at = clock_timestamp() "
                "WHERE token_sha256 = :token AND ended_at IS NULL"
            ),
            {"token": token_sha256},
        )

    async def end_sessions(self, user_id: UUID) -> None:
        await self._session.execute(
            text(
                "UPDATE staff_sessions SET ended_at = clock_timestamp() "
                "WHERE user_id = :user AND ended_at IS NULL"
            ),
            {"user": user_id},
        )

    async def add_token(self, shop_id: UUID, name: str, token_sha256: str) -> None:
        self._session.add(ApiToken(shop_id=shop_id, name=name, token_sha256=token_sha256))
        await self._session.flush()

    async def token(self, token_sha256: str) -> tuple[UUID, str] | None:
        """The shop and name behind a live bearer token."""
        result = await self._session.execute(
            text(
                "UPDATE api_tokens SET last_used_at = clock_timestamp() "
                "WHERE token_sha256 = :token AND revoked_at IS NULL RETURNING shop_id, name"
            ),
            {"token": token_sha256},
        )
        row = result.first()
        return None if row is None else (row.shop_id, row.name)

    async def token_names(self, shop_id: UUID) -> list[str]:
        rows = await self._session.scalars(
            select(ApiToken.name)
            .where(ApiToken.shop_id == shop_id, ApiToken.revoked_at.is_(None))
            .distinct()
            .order_by(ApiToken.name)
        )
        return list(rows)

    async def revoke_tokens(self, shop_id: UUID, name: str) -> int:
        result = await self._session.execute(
            update(ApiToken)
            .where(
                ApiToken.shop_id == shop_id, ApiToken.name == name, ApiToken.revoked_at.is_(None)
            )
            .values(revoked_at=NOW)
            .returning(ApiToken.id)
        )
        return len(result.all())

    async def worker_key(self, key_sha256: str) -> tuple[UUID, str] | None:
        """The shop and worker a paired key belongs to."""
        result = await self._session.execute(
            text(
                "SELECT shop_id, worker_id FROM workers "
                "WHERE key_sha256 = :key AND revoked_at IS NULL"
            ),
            {"key": key_sha256},
        )
        row = result.first()
        return None if row is None else (row.shop_id, row.worker_id)

    async def worker_seen(
        self,
        shop_id: UUID,
        worker_id: str,
        *,
        version: str,
        unsent_reports: int,
        printers: list[dict[str, Any]],
    ) -> None:
        await self._session.execute(
            insert(Worker)
            .values(
                shop_id=shop_id, worker_id=worker_id, version=version, unsent_reports=unsent_reports
            )
            .on_conflict_do_update(
                index_elements=["shop_id", "worker_id"],
                set_={"version": version, "unsent_reports": unsent_reports, "last_seen_at": NOW},
            )
        )
        for printer in printers:
            await self._session.execute(
                insert(Printer)
                .values(shop_id=shop_id, worker_id=worker_id, **printer)
                .on_conflict_do_update(
                    index_elements=["shop_id", "worker_id", "name"],
                    set_={**printer, "updated_at": NOW},
                )
            )

    async def printers(self, shop_id: UUID) -> list[Printer]:
        rows = await self._session.scalars(
            select(Printer).where(Printer.shop_id == shop_id).order_by(Printer.name)
        )
        return list(rows)

    async def workers(self, shop_id: UUID) -> list[Worker]:
        rows = await self._session.scalars(
            select(Worker).where(Worker.shop_id == shop_id).order_by(Worker.worker_id)
        )
        return list(rows)
