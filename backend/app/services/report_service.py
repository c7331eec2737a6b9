"""Reading for people: the dashboard's lists and figures, and the customer's own page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from app.domain.errors import BadInput, NotFound
from app.domain.lifecycle import Job
from app.domain.lifecycle import Order as OrderStatus
from app.models import AttentionItem, Customer, Document, Message, Shop
from app.models_attention import AttentionResolution
from app.models_bills import Bill
from app.models_orders import (
    Order,
    Payment,
    PrintAttempt,
    Printer,
    PrintJob,
    QuoteRow,
    Refund,
    Worker,
)
from app.repositories.unit_of_work import UnitOfWork
from app.services.cursors import cursor_of, read_cursor
from app.services.price_service import wrong_quotes

MAX_PAGE = 200
PLACES = ("to-print", "printing", "ready", "waiting")
MAX_COLUMN = 200


@dataclass(frozen=True, slots=True)
class OrderStory:
    """An order with everything that belongs to it."""

    order: Order
    shop: Shop
    customer: Customer
    documents: Sequence[Document]
    quote: QuoteRow | None
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    decisions: Sequence[AttentionResolution]
    bills: Sequence[Bill]
    jobs: Sequence[PrintJob]
    attempts: Sequence[PrintAttempt]
    messages: Sequence[Message]
    timeline: Sequence[dict[str, Any]]
    ahead: int


@dataclass(frozen=True, slots=True)
class Column:
    """The orders in one place, those who wait longest first; ``total`` may be more than shown."""

    rows: Sequence[dict[str, Any]]
    total: int


@dataclass(frozen=True, slots=True)
class Board:
    """What staff look at all day. Rows are as ``Reports.orders`` gives them."""

    columns: Mapping[str, Column]
    attention: Sequence[AttentionItem]
    printers: Sequence[Printer]
    workers: Sequence[Worker]
    revenue_today_paise: int
    orders_today: int


class ReportService:
    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work

    async def stats(self, shop_id: UUID, first: date | None, last: date | None) -> dict[str, Any]:
        if first and last and first > last:
            raise BadInput("from must not be after to.")
        async with self._unit_of_work("system:read") as tx:
            return await tx.reports.stats(shop_id, first, last)

    async def orders(
        self,
        shop_id: UUID,
        *,
        status: str = "",
        phone: str = "",
        words: str = "",
        cursor: str = "",
        limit: int = 50,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of orders, newest first, and the cursor of the next page."""
        statuses = [part.strip().upper() for part in status.split(",") if part.strip()]
        unknown = [part for part in statuses if part not in set(OrderStatus)]
        if unknown:
            raise BadInput(f"status {unknown[0]!r} is none of {', '.join(OrderStatus)}.")
        digits = "".join(character for character in phone if character.isdigit())
        if phone and not digits:
            raise BadInput("phone takes digits, with or without +.")
        async with self._unit_of_work("system:read") as tx:
            rows = await tx.reports.orders(
                shop_id,
                statuses=statuses,
                phone=digits,
                words=words.strip(),
                before=read_cursor(cursor) if cursor else None,
                limit=min(limit, MAX_PAGE) + 1,
            )
        page = [dict(row) for row in rows[:limit]]
        more = len(rows) > limit
        return page, cursor_of(page[-1]["created_at"], page[-1]["id"]) if more else None

    async def story(self, shop_id: UUID, order_id: UUID) -> OrderStory:
        async with self._unit_of_work("system:read") as tx:
            order = await tx.orders.of_shop(shop_id, order_id)
        if order is None:
            raise NotFound("No such order.")
        return await self._story(order)

    async def customer_page(self, page_token: str) -> OrderStory:
        """For the customer's own page. Raises NotFound for an unknown token."""
        async with self._unit_of_work("system:read") as tx:
            order = await tx.orders.by_page_token(page_token)
        if order is None:
            raise NotFound("No such order.")
        return await self._story(order)

    async def _story(self, order: Order) -> OrderStory:
        async with self._unit_of_work("system:read") as tx:
            jobs = await tx.orders.jobs(order.id)
            waiting = [job for job in jobs if job.status in (Job.QUEUED, Job.CLAIMED)]
            return OrderStory(
                order=order,
                shop=await tx.shops.get(order.shop_id),
                customer=await tx.customers.get(order.customer_id),
                documents=await tx.documents.of_order(order.id),
                quote=await tx.orders.quote(order.quote_id) if order.quote_id else None,
                payments=await tx.payments.of_order(order.id),
                refunds=await tx.refunds.of_order(order.id),
                decisions=await tx.attention.of_order(order.id),
                bills=await tx.bills.of_order(order.id),
                jobs=jobs,
                attempts=await tx.print_jobs.attempts([job.id for job in jobs]),
                messages=await tx.messages.of_customer(order.customer_id),
                timeline=[dict(row) for row in await tx.reports.timeline(order.id)],
                ahead=await tx.orders.waiting_before(waiting[0]) if waiting else 0,
            )

    async def jobs(
        self, shop_id: UUID, *statuses: Job, cursor: str = "", limit: int = MAX_PAGE
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of jobs, oldest first, and the cursor of the next page."""
        async with self._unit_of_work("system:read") as tx:
            rows = await tx.reports.jobs(
                shop_id,
                [status.value for status in statuses],
                after=read_cursor(cursor) if cursor else None,
                limit=limit + 1,
            )
        page = [dict(row) for row in rows[:limit]]
        more = len(rows) > limit
        return page, cursor_of(page[-1]["created_at"], page[-1]["id"]) if more else None

    async def board(self, shop_id: UUID) -> Board:
        async with self._unit_of_work("system:read") as tx:
            rows = [dict(row) for row in await tx.reports.board(shop_id, MAX_COLUMN)]
            orders_today, revenue_today = await tx.reports.today(shop_id)
            placed = {place: [row for row in rows if row["place"] == place] for place in PLACES}
            return Board(
                columns={
                    place: Column(mine, mine[0]["total"] if mine else 0)
                    for place, mine in placed.items()
                },
                attention=await tx.reports.open_items(shop_id),
                printers=await tx.staff.printers(shop_id),
                workers=await tx.staff.workers(shop_id),
                revenue_today_paise=revenue_today,
                orders_today=orders_today,
            )

    async def broken_invariants(self) -> dict[str, list[str]]:
        """Each promise with the rows that break it; one of them only Python can compute."""
        async with self._unit_of_work("system:read") as tx:
            broken = await tx.reports.broken_invariants()
            broken["I16 a quote is what its price list gives"] = await wrong_quotes(tx)
            return broken
