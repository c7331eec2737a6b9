"""Tables for the bookkeeper, streamed: a year of orders never lies in memory at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.ports import Table
from app.repositories.unit_of_work import UnitOfWork
from app.services.day_service import span_of

PAGE = 1000


class ExportService:
    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work

    async def pages(
        self, table: Table, shop_id: UUID, first: date, last: date
    ) -> AsyncIterator[Sequence[dict[str, Any]]]:
        """The rows of those days of the shop, page by page. Raises BadInput before the first."""
        async with self._unit_of_work("system:read") as tx:
            start, until = await span_of(tx, shop_id, first, last)
        return self._pages(table, shop_id, start, until)

    async def _pages(
        self, table: Table, shop_id: UUID, start: datetime, until: datetime
    ) -> AsyncIterator[Sequence[dict[str, Any]]]:
        after: tuple[datetime, UUID] | None = None
        while True:
            async with self._unit_of_work("system:read") as tx:
                rows = await tx.exports.page(table, shop_id, start, until, after=after, limit=PAGE)
            yield [dict(row) for row in rows]
            if len(rows) < PAGE:
                return
            after = rows[-1]["at"], rows[-1]["id"]
