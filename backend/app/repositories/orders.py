"""Orders and their frozen quotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.lifecycle import ORDER, OrderEvent, advance
from app.domain.lifecycle import Order as Status
from app.domain.pricing import Quote
from app.domain.print_plan import Choices
from app.models import NOW
from app.models_orders import Order, PrintFile, PrintJob, QuoteRow


@dataclass(frozen=True, slots=True)
class Printable:
    """The file a quote is for: the document as it is, or a print-ready file made from it."""

    print_file_id: UUID | None
    sha256: str
    pages: int
    color_pages: Sequence[int]


class Orders:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, order_id: UUID) -> Order | None:
        return await self._session.get(Order, order_id)

    async def lock(self, order_id: UUID) -> Order | None:
        """Fresh and locked. Lock order in this house: customer, order, payment, job.

        Not against rows that only refer to the order: a message or an attention item may be
        written by somebody who holds the order's payment already.
        """
        return await self._session.get(
            Order, order_id, with_for_update={"key_share": True}, populate_existing=True
        )

    async def of_shop(self, shop_id: UUID, order_id: UUID) -> Order | None:
        found: Order | None = await self._session.scalar(
            select(Order).where(Order.id == order_id, Order.shop_id == shop_id)
        )
        return found

    async def by_code(self, shop_id: UUID, code: str) -> Order | None:
        found: Order | None = await self._session.scalar(
            select(Order).where(Order.shop_id == shop_id, Order.code == code)
        )
        return found

    async def by_page_token(self, token: str) -> Order | None:
        found: Order | None = await self._session.scalar(
            select(Order).where(Order.page_token == token)
        )
        return found

    async def open_one(
        self, *, shop_id: UUID, customer_id: UUID, code: str, page_token: str
    ) -> Order:
        order = Order(shop_id=shop_id, customer_id=customer_id, code=code, page_token=page_token)
        self._session.add(order)
        await self._session.flush()
        return order

    async def move(self, order: Order, event: OrderEvent) -> Status:
        """The only place that assigns an order's status. Raises IllegalMove."""
        status = advance(ORDER, Status(order.status), event)
        order.status = status.value
        match status:
            case Status.PAID:
                order.paid_at = NOW
            case Status.READY if event is OrderEvent.PRINTED:
                order.ready_at = NOW
        await self._session.flush()
        await self._session.refresh(order, ["paid_at", "ready_at", "updated_at"])
        return status

    async def freeze(
        self, order: Order, quote: Quote, choices: Choices, file: Printable, price_list_id: UUID
    ) -> QuoteRow:
        """The price and the very bytes it is for. Quotes are added, never changed."""
        row = QuoteRow(
            order_id=order.id,
            price_list_id=price_list_id,
            print_file_id=file.print_file_id,
            sha256=file.sha256,
            pages=file.pages,
            color_pages=list(file.color_pages),
            print_type=quote.print_type.value,
            copies=quote.copies,
            choices=choices.as_dict(),
            lines=[line.as_data() for line in quote.lines],
            amount_paise=quote.total.paise,
        )
        self._session.add(row)
        await self._session.flush()
        order.quote_id = row.id
        order.total_paise = quote.total.paise
        return row

    async def keep_file(
        self,
        order_id: UUID,
        *,
        storage_key: str,
        sha256: str,
        size: int,
        pages: int,
        color_pages: Sequence[int],
        preview_keys: Sequence[str],
    ) -> PrintFile:
        row = PrintFile(
            order_id=order_id,
            storage_key=storage_key,
            sha256=sha256,
            bytes=size,
            pages=pages,
            color_pages=list(color_pages),
            preview_keys=list(preview_keys),
        )
        self._session.add(row)
        await self._session.flush()
        return row

    async def file(self, print_file_id: UUID) -> PrintFile:
        return await self._session.get_one(PrintFile, print_file_id)

    async def unmade(self, *, older_than_seconds: int) -> list[UUID]:
        """Orders that wait for their print-ready file and whose task is gone."""
        rows = await self._session.execute(
            text(
                "SELECT id FROM orders WHERE status = 'DRAFT' AND choices IS NOT NULL "
                "AND updated_at < clock_timestamp() - make_interval(secs => :age) "
                "AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j "
                "  WHERE j.task_name = 'make_print_ready' AND j.status IN ('todo', 'doing') "
                "  AND (j.args ->> 'order_id')::uuid = orders.id) LIMIT 100"
            ),
            {"age": older_than_seconds},
        )
        return [row.id for row in rows]

    async def quote(self, quote_id: UUID) -> QuoteRow:
        return await self._session.get_one(QuoteRow, quote_id)

    async def last_closed(self, customer_id: UUID) -> Order | None:
        """The newest order of the customer that is no longer open."""
        found: Order | None = await self._session.scalar(
            select(Order)
            .where(
                Order.customer_id == customer_id,
                Order.status.not_in((Status.DRAFT.value, Status.PAYMENT_PENDING.value)),
            )
            .order_by(Order.created_at.desc())
            .limit(1)
        )
        return found

    async def jobs(self, order_id: UUID) -> list[PrintJob]:
        rows = await self._session.scalars(
            select(PrintJob).where(PrintJob.order_id == order_id).order_by(PrintJob.queue_number)
        )
        return list(rows)

    async def waiting_before(self, job: PrintJob) -> int:
        """Jobs of the same shop that print earlier."""
        result = await self._session.execute(
            text(
                "SELECT count(*) FROM print_jobs WHERE shop_id = :shop AND queue_number < :number "
                "AND status IN ('QUEUED', 'CLAIMED', 'PRINTING')"
            ),
            {"shop": job.shop_id, "number": job.queue_number},
        )
        return int(result.scalar_one())

    async def expired(self, limit: int = 100) -> list[UUID]:
        """Unpaid orders past their time. What is paid at the counter waits a day, and so do
        drafts, whose customer may be on the way there while their file is being made."""
        rows = await self._session.execute(
            text(
                "SELECT id FROM orders WHERE status IN ('DRAFT', 'PAYMENT_PENDING') "
                "AND coalesce(CASE WHEN NOT pay_at_counter THEN expires_at END, "
                "  created_at + interval '24 hours') < clock_timestamp() LIMIT :limit"
            ),
            {"limit": limit},
        )
        return [row.id for row in rows]

    async def unreminded(self, limit: int = 100) -> list[UUID]:
        """Orders with a link past half of its time that were not reminded of yet."""
        rows = await self._session.execute(
            text(
                "SELECT o.id FROM orders o JOIN payments p ON p.order_id = o.id "
                "WHERE o.status = 'PAYMENT_PENDING' AND o.reminded_at IS NULL "
                "AND NOT o.pay_at_counter AND p.status = 'LINK_SENT' AND p.expires_at IS NOT NULL "
                "AND clock_timestamp() > p.link_made_at + (p.expires_at - p.link_made_at) / 2 "
                "AND clock_timestamp() < p.expires_at - interval '2 minutes' LIMIT :limit"
            ),
            {"limit": limit},
        )
        return [row.id for row in rows]

    async def silent(self, *, minutes: int) -> list[tuple[UUID, UUID, str]]:
        """Paid orders that have not moved for that long, and that nobody looked at meanwhile:
        (order, shop, token)."""
        rows = await self._session.execute(
            text(
                "SELECT o.id, o.shop_id, o.token FROM orders o WHERE o.status = 'PAID' "
                "AND greatest(o.updated_at, coalesce((SELECT max(j.updated_at) FROM print_jobs j "
                "  WHERE j.order_id = o.id), o.updated_at)) "
                "  < clock_timestamp() - make_interval(mins => :minutes) "
                "AND NOT EXISTS (SELECT 1 FROM attention_items a WHERE a.order_id = o.id "
                "  AND coalesce(a.closed_at, 'infinity') "
                "  > clock_timestamp() - make_interval(mins => :minutes)) LIMIT 100"
            ),
            {"minutes": minutes},
        )
        return [(row.id, row.shop_id, row.token) for row in rows]
