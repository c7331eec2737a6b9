"""Disputes at the furthest the bank told, and what a person said about them."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.disputes import STANDS, Dispute


def _rank(status: str) -> str:
    """A column's place among the statuses: the database itself refuses to go back."""
    return f"array_position(ARRAY[{', '.join(map(repr, map(str, Dispute)))}], {status})"


class Disputes:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def alone(self, rzp_payment_id: str) -> None:
        """Until the commit: whoever meets a payment and a dispute that know nothing of each other
        waits here for the other, so that one of the two sees both."""
        await self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('printwala dispute ' || :payment))"),
            {"payment": rzp_payment_id},
        )

    async def hear(self, rzp_dispute_id: str, rzp_payment_id: str, status: Dispute) -> str:
        """ "new", "further", or "" for what was known: an older word changes nothing.

        What goes further than a person's answer asks the person again.
        """
        result = await self._session.execute(
            text(
                "INSERT INTO disputes AS known (rzp_dispute_id, rzp_payment_id, status) "
                "VALUES (:dispute, :payment, :status) "
                "ON CONFLICT (rzp_dispute_id) DO UPDATE SET status = excluded.status, "
                "  answered = false, updated_at = clock_timestamp() "
                f"WHERE {_rank('known.status')} < {_rank('excluded.status')} "
                "RETURNING xmax = 0 AS fresh"
            ),
            {"dispute": rzp_dispute_id, "payment": rzp_payment_id, "status": status.value},
        )
        row = result.first()
        if row is None:
            return ""
        return "new" if row.fresh else "further"

    async def answer(self, rzp_payment_id: str, status: Dispute) -> None:
        """A person says how all disputes of a payment ended; what the bank said stays."""
        await self._session.execute(
            text(
                "UPDATE disputes SET answered = true, updated_at = clock_timestamp(), "
                f"status = CASE WHEN {_rank('status')} < {_rank('CAST(:status AS text)')} "
                "  THEN CAST(:status AS text) ELSE status END WHERE rzp_payment_id = :payment"
            ),
            {"payment": rzp_payment_id, "status": status.value},
        )

    async def stands(self, rzp_payment_id: str) -> bool | None:
        """Whether one of a payment's disputes still stands; None when it has none."""
        result = await self._session.execute(
            text(
                "SELECT bool_or(NOT answered AND status = ANY(:stands)) FROM disputes "
                "WHERE rzp_payment_id = :payment"
            ),
            {"payment": rzp_payment_id, "stands": [status.value for status in STANDS]},
        )
        stands: bool | None = result.scalar_one()
        return stands
