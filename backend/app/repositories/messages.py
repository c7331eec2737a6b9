"""Words both ways, Twilio contents, the attention list and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AttentionItem, AuditLog, Content, Message

# Receipts move a message forward only. Failures are final unless it was read after all.
RANK = {
    "STAGED": 0,
    "accepted": 1,
    "queued": 2,
    "sending": 3,
    "sent": 4,
    "failed": 5,
    "undelivered": 5,
    "delivered": 6,
    "read": 7,
}


class Messages:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def stage(
        self,
        *,
        shop_id: UUID,
        customer_id: UUID,
        order_id: UUID | None,
        key: str,
        kind: str,
        body: str,
        buttons: list[dict[str, str]],
    ) -> int | None:
        """A message to send; None when one with this key was staged before."""
        result = await self._session.execute(
            insert(Message)
            .values(
                shop_id=shop_id,
                customer_id=customer_id,
                order_id=order_id,
                direction="OUT",
                dedup_key=key,
                kind=kind,
                body=body,
                buttons=buttons,
                status="STAGED",
            )
            .on_conflict_do_nothing(index_elements=["dedup_key"])
            .returning(Message.id)
        )
        new: int | None = result.scalar_one_or_none()
        return new

    async def received(
        self, *, shop_id: UUID, customer_id: UUID, sid: str, kind: str, body: str
    ) -> bool:
        """Keeps an inbound message; False when it was applied before."""
        result = await self._session.execute(
            insert(Message)
            .values(
                shop_id=shop_id,
                customer_id=customer_id,
                direction="IN",
                dedup_key=f"in:{sid}",
                kind=kind,
                body=body,
                status="received",
                sid=sid,
            )
            .on_conflict_do_nothing()
            .returning(Message.id)
        )
        return result.first() is not None

    async def hide(self, sid: str) -> None:
        """A message that must not be kept: its words go, that there was one stays."""
        await self._session.execute(
            text("UPDATE messages SET body = '•••', kind = 'password' WHERE dedup_key = :key"),
            {"key": f"in:{sid}"},
        )

    async def was_secret(self, sid: str) -> bool:
        result = await self._session.execute(
            text("SELECT 1 FROM messages WHERE dedup_key = :key AND kind = 'password'"),
            {"key": f"in:{sid}"},
        )
        return result.first() is not None

    async def known_sids(self, sids: list[str]) -> set[str]:
        rows = await self._session.scalars(select(Message.sid).where(Message.sid.in_(sids)))
        return {sid for sid in rows if sid}

    async def lock(self, message_id: int) -> Message | None:
        return await self._session.get(
            Message, message_id, with_for_update=True, populate_existing=True
        )

    async def trying(self, message_id: int) -> datetime:
        """Counts a try and says when the first one began: where a look-up starts."""
        result = await self._session.execute(
            text(
                "UPDATE messages SET attempts = attempts + 1, "
                "first_try_at = coalesce(first_try_at, clock_timestamp()) "
                "WHERE id = :id RETURNING first_try_at"
            ),
            {"id": message_id},
        )
        since: datetime = result.scalar_one()
        return since

    async def sid_taken(self, sid: str) -> bool:
        result = await self._session.execute(
            text("SELECT 1 FROM messages WHERE sid = :sid"), {"sid": sid}
        )
        return result.first() is not None

    async def receipt(self, sid: str, status: str, error_code: str) -> Message | None:
        """Applies a delivery receipt; the message when it moved, else None."""
        message: Message | None = await self._session.scalar(
            select(Message)
            .where(Message.sid == sid, Message.direction == "OUT")
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if message is None or RANK.get(status, -1) <= RANK.get(message.status, 0):
            return None
        message.status = status
        if error_code:
            message.error_code = error_code[:40]
        return message

    async def of_customer(self, customer_id: UUID, limit: int = 50) -> list[Message]:
        rows = await self._session.scalars(
            select(Message)
            .where(Message.customer_id == customer_id)
            .order_by(Message.id.desc())
            .limit(limit)
        )
        return list(reversed(list(rows)))

    async def unsent(self, *, older_than_seconds: int) -> list[tuple[int, UUID]]:
        """Staged messages whose task is gone: (message, customer)."""
        rows = await self._session.execute(
            text(
                "SELECT id, customer_id FROM messages WHERE direction = 'OUT' "
                "AND status = 'STAGED' "
                "AND staged_at < clock_timestamp() - make_interval(secs => :age) "
                "AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j "
                "  WHERE j.task_name = 'send_message' AND j.status IN ('todo', 'doing') "
                "  AND (j.args ->> 'message_id')::bigint = messages.id) ORDER BY id LIMIT 200"
            ),
            {"age": older_than_seconds},
        )
        return [(row.id, row.customer_id) for row in rows]

    # Contents

    async def content_sid(self, key: str) -> str | None:
        row = await self._session.get(Content, key)
        return None if row is None else row.sid

    async def remember_content(self, key: str, sid: str, name: str) -> None:
        await self._session.execute(
            insert(Content)
            .values(key=key, sid=sid, name=name)
            .on_conflict_do_update(index_elements=["key"], set_={"sid": sid, "name": name})
        )

    async def forget_content(self, sid: str) -> None:
        await self._session.execute(text("DELETE FROM contents WHERE sid = :sid"), {"sid": sid})

    # Attention and audit

    async def open_item(
        self,
        *,
        shop_id: UUID,
        kind: str,
        subject: str,
        order_id: UUID | None = None,
        amount_paise: int | None = None,
        detail: str = "",
    ) -> None:
        """Puts something on the attention list; an open item of this kind is left as it is."""
        await self._session.execute(
            insert(AttentionItem)
            .values(
                shop_id=shop_id,
                kind=kind,
                subject=subject,
                order_id=order_id,
                amount_paise=amount_paise,
                detail=detail[:1000],
            )
            .on_conflict_do_nothing()
        )

    async def close_items(self, subject: str, *, by: str, resolution: str, kind: str = "") -> None:
        """A fact answered what was asked about a subject; ``kind`` closes only such items."""
        await self._session.execute(
            text(
                "UPDATE attention_items SET closed_at = clock_timestamp(), closed_by = :by, "
                "resolution = :resolution WHERE subject = :subject AND closed_at IS NULL "
                "AND :kind IN ('', kind)"
            ),
            {"subject": subject, "by": by, "resolution": resolution, "kind": kind},
        )

    async def file_under(
        self, subject: str, *, kind: str, shop_id: UUID, order_id: UUID | None
    ) -> None:
        """What was asked before anybody knew whose it is belongs to this shop and order."""
        await self._session.execute(
            text(
                "UPDATE attention_items SET shop_id = :shop, order_id = :order "
                "WHERE subject = :subject AND kind = :kind"
            ),
            {"subject": subject, "kind": kind, "shop": shop_id, "order": order_id},
        )

    async def audit(
        self,
        *,
        shop_id: UUID,
        actor: str,
        action: str,
        subject: str,
        reason: str = "",
        data: dict[str, Any] | None = None,
    ) -> None:
        self._session.add(
            AuditLog(
                shop_id=shop_id,
                actor=actor,
                action=action,
                subject=subject,
                reason=reason,
                data=data or {},
            )
        )
        await self._session.flush()
