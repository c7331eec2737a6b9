"""One use case, one transaction. Everything that must happen later is a task deferred inside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database, driver_connection
from app.core.transaction_guard import inside_transaction
from app.repositories.attention import Attention
from app.repositories.bills import Bills
from app.repositories.customers import Customers
from app.repositories.days import Days
from app.repositories.disputes import Disputes
from app.repositories.documents import Documents
from app.repositories.exports import Exports
from app.repositories.inbox import Inbox
from app.repositories.messages import Messages
from app.repositories.orders import Orders
from app.repositories.payments import Payments
from app.repositories.print_jobs import PrintJobs
from app.repositories.refunds import Refunds
from app.repositories.reports import Reports
from app.repositories.shops import Shops
from app.repositories.staff import Staff


class Defer(Protocol):
    """Puts a task into the queue through an open connection: both commit, or neither."""

    async def __call__(
        self,
        connection: psycopg.AsyncConnection[Any],
        task: str,
        *,
        lane: str | None,
        queue: str,
        once: str | None,
        arguments: dict[str, Any],
    ) -> None: ...


class Transaction:
    """The repositories over one session, and what is to follow the commit."""

    def __init__(self, session: AsyncSession, defer: Defer) -> None:
        self.session = session
        self._defer = defer
        self.after_commit: list[Callable[[], Awaitable[None]]] = []
        self.attention = Attention(session)
        self.bills = Bills(session)
        self.customers = Customers(session)
        self.days = Days(session)
        self.disputes = Disputes(session)
        self.documents = Documents(session)
        self.exports = Exports(session)
        self.inbox = Inbox(session)
        self.messages = Messages(session)
        self.orders = Orders(session)
        self.payments = Payments(session)
        self.print_jobs = PrintJobs(session)
        self.refunds = Refunds(session)
        self.reports = Reports(session)
        self.shops = Shops(session)
        self.staff = Staff(session)

    async def defer(
        self,
        task: str,
        *,
        lane: str | None = None,
        queue: str = "default",
        once: str | None = None,
        **arguments: Any,
    ) -> None:
        """``lane``: tasks of one lane run one after another, in order. ``once``: at most one
        waiting task with this key; another is silently not added."""
        await self.session.flush()
        await self._defer(
            await driver_connection(self.session),
            task,
            lane=lane,
            queue=queue,
            once=once,
            arguments=arguments,
        )

    async def acting(self, actor: str) -> None:
        """Names who acts, for ``transitions``: ``user:…``, ``worker:…`` or ``system:…``."""
        await self.session.execute(
            text("SELECT set_config('printwala.actor', :actor, true)"), {"actor": actor}
        )

    async def now(self) -> datetime:
        """The database's clock, which alone decides deadlines."""
        moment: datetime = (
            await self.session.execute(text("SELECT clock_timestamp()"))
        ).scalar_one()
        return moment


class UnitOfWork:
    """Opens transactions: ``async with unit_of_work("system:turn") as tx``."""

    def __init__(self, database: Database, defer: Defer) -> None:
        self._database = database
        self._defer = defer

    @asynccontextmanager
    async def __call__(self, actor: str) -> AsyncIterator[Transaction]:
        """Commits at the end, rolls back on any exception, then runs ``after_commit``."""
        async with self._database.session() as session:
            with inside_transaction():
                async with session.begin():
                    tx = Transaction(session, self._defer)
                    await tx.acting(actor)
                    yield tx
        for follow in tx.after_commit:
            await follow()
