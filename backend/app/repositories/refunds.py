"""Money on its way back."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.lifecycle import REFUND, RefundEvent, advance
from app.domain.lifecycle import Refund as Status
from app.models import from_now
from app.models_orders import Refund


class Refunds:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, refund_id: UUID) -> Refund | None:
        return await self._session.get(Refund, refund_id)

    async def lock(self, refund_id: UUID) -> Refund | None:
        return await self._session.get(
            Refund, refund_id, with_for_update=True, populate_existing=True
        )

    async def by_key(self, shop_id: UUID, key: str) -> Refund | None:
        found: Refund | None = await self._session.scalar(
            select(Refund).where(Refund.shop_id == shop_id, Refund.idempotency_key == key)
        )
        return found

    async def by_provider_refund(self, rzp_refund_id: str) -> Refund | None:
        found: Refund | None = await self._session.scalar(
            select(Refund).where(Refund.rzp_refund_id == rzp_refund_id)
        )
        return found

    async def stage(
        self,
        *,
        shop_id: UUID,
        payment_id: UUID,
        order_id: UUID | None,
        key: str,
        body_sha256: str,
        amount_paise: int,
        reason: str,
        requested_by: str,
    ) -> Refund | None:
        """A new row in REQUESTED; None when the key was used before."""
        result = await self._session.execute(
            insert(Refund)
            .values(
                shop_id=shop_id,
                payment_id=payment_id,
                order_id=order_id,
                idempotency_key=key,
                body_sha256=body_sha256,
                amount_paise=amount_paise,
                reason=reason,
                requested_by=requested_by,
            )
            .on_conflict_do_nothing()
            .returning(Refund.id)
        )
        new = result.scalar_one_or_none()
        return None if new is None else await self._session.get_one(Refund, new)

    async def of_order(self, order_id: UUID) -> list[Refund]:
        rows = await self._session.scalars(
            select(Refund).where(Refund.order_id == order_id).order_by(Refund.created_at)
        )
        return list(rows)

    async def of_payment(self, payment_id: UUID) -> list[Refund]:
        rows = await self._session.scalars(
            select(Refund).where(Refund.payment_id == payment_id).order_by(Refund.created_at)
        )
        return list(rows)

    async def paid_by_hand(self, refund_id: UUID) -> bool:
        """Whether a person said that this refund, which failed, was handed over instead."""
        result = await self._session.execute(
            text(
                "SELECT 1 FROM attention_resolutions "
                "WHERE refund_id = :refund AND resolution = 'paid_back_by_hand'"
            ),
            {"refund": refund_id},
        )
        return result.first() is not None

    def move(self, refund: Refund, event: RefundEvent) -> None:
        refund.status = advance(REFUND, Status(refund.status), event).value

    def look_again(self, refund: Refund, after_seconds: float | None) -> None:
        refund.next_look_at = None if after_seconds is None else from_now(after_seconds)

    async def put_off(self, refund_id: UUID, *, seconds: int) -> None:
        """It could not be read: others first."""
        await self._session.execute(
            text(
                "UPDATE refunds SET next_look_at = "
                "clock_timestamp() + make_interval(secs => :wait) WHERE id = :id"
            ),
            {"id": refund_id, "wait": seconds},
        )

    async def due(self, limit: int = 50) -> list[UUID]:
        """Refunds in flight that should be read at the provider, or whose task is gone."""
        rows = await self._session.execute(
            text(
                "SELECT id FROM refunds r WHERE status IN ('REQUESTED', 'IN_TRANSIT') "
                "AND coalesce(next_look_at, created_at + interval '90 seconds') "
                "  < clock_timestamp() "
                "AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j "
                "  WHERE j.task_name = 'issue_refund' AND j.status IN ('todo', 'doing') "
                "  AND (j.args ->> 'refund_id')::uuid = r.id) "
                "ORDER BY coalesce(next_look_at, created_at) LIMIT :limit"
            ),
            {"limit": limit},
        )
        return [row.id for row in rows]

    async def stuck(self, *, unsent_days: int, unsettled_days: int) -> list[Refund]:
        """Refunds that take longer than a bank does and that no person was asked about yet."""
        rows = await self._session.scalars(
            select(Refund).from_statement(
                text(
                    "SELECT r.* FROM refunds r WHERE r.created_at < clock_timestamp() "
                    "- make_interval(days => CASE r.status WHEN 'REQUESTED' THEN :unsent "
                    "  WHEN 'IN_TRANSIT' THEN :unsettled END) "
                    "AND NOT EXISTS (SELECT 1 FROM attention_items a "
                    "  WHERE a.kind = 'refund_stuck' AND a.subject = 'refund:' || r.id) LIMIT 100"
                )
            ),
            {"unsent": unsent_days, "unsettled": unsettled_days},
        )
        return list(rows)
