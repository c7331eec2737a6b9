"""The sweeps: every fact that should have come by itself is also looked for.

Each is idempotent, says what it did, and leaves its last success for ``/health`` to show.
"""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import structlog

from app.core.clock import Clock
from app.core.crash import crash_here
from app.domain.chat import OrderClosed
from app.domain.errors import ProviderError, ProviderRejected
from app.repositories.unit_of_work import UnitOfWork
from app.services.bill_service import BillService
from app.services.document_service import DocumentService
from app.services.link_service import LinkService
from app.services.matching_service import MatchingService
from app.services.order_service import OrderService
from app.services.queue_service import QueueService
from app.services.refund_service import RefundService
from app.services.session_service import SessionService
from app.services.twilio_service import TwilioService

log = structlog.get_logger(__name__)

# Tasks are lost only with a killed process; this is longer than any healthy one waits.
LOST_SECONDS = 45
SILENT_MINUTES = 15
# Razorpay takes a refund at once, and the bank up to seven working days.
UNSENT_DAYS, UNSETTLED_DAYS = 1, 10
# A refund that could not be read makes way for others: for a minute when the provider is away, for
# an hour when it said no.
AWAY_SECONDS, REFUSED_SECONDS = 60, 3600


class Housekeeping:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        queue: QueueService,
        links: LinkService,
        matching: MatchingService,
        refunds: RefundService,
        orders: OrderService,
        sessions: SessionService,
        documents: DocumentService,
        twilio: TwilioService,
        clock: Clock,
        bills: BillService,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._queue = queue
        self._links = links
        self._matching = matching
        self._refunds = refunds
        self._orders = orders
        self._sessions = sessions
        self._documents = documents
        self._twilio = twilio
        self._clock = clock
        self._bills = bills
        self._unowned: set[str] = set()

    async def leases(self) -> str:
        """Leases that ran out, and hints Redis may have lost."""
        lapsed = await self._queue.lapse()
        hinted = await self._queue.hint_again()
        return await self._done("leases", f"{lapsed} lapsed, {hinted} waiting jobs hinted")

    async def payments(self) -> str:
        """Links whose news may have been lost, and intents whose link was never made."""
        async with self._unit_of_work("system:sweep") as tx:
            due = await tx.payments.due()
            for payment_id, order_id in await tx.payments.unlinked(older_than_seconds=LOST_SECONDS):
                await tx.defer("make_link", lane=f"order:{order_id}", payment_id=str(payment_id))
        found: Counter[str] = Counter()
        for payment_id in due:
            try:
                found[await self._links.look(payment_id, door="sweep")] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, others wait behind it
                _not_read("link", payment_id, error)
                await self._links.not_read(payment_id, refused=_refused(error))
        read = found.total()
        unread = len(due) - read
        said = "".join(f", {count} {status}" for status, count in sorted(found.items()))
        return await self._done(
            "payments", f"{read} read, {unread} unread{said}", read=read, unread=unread
        )

    async def captures(self) -> str:
        """The provider's captured payments against ours."""
        try:
            match = await self._matching.match()
        except ProviderError as error:
            log.warning("payments not listed", why=str(error))
            return await self._done("captures", "not listed now", unread=1)
        return await self._done("captures", str(match), unread=match.unread)

    async def refunds(self) -> str:
        """Refunds in flight; what stays there too long is put before staff."""
        async with self._unit_of_work("system:sweep") as tx:
            due = await tx.refunds.due()
        unread = 0
        for refund_id in due:
            try:
                await self._refunds.look(refund_id)
            except Exception as error:  # noqa: BLE001 - others wait behind it
                _not_read("refund", refund_id, error)
                unread += 1
                async with self._unit_of_work("system:sweep") as tx:
                    wait = REFUSED_SECONDS if _refused(error) else AWAY_SECONDS
                    await tx.refunds.put_off(refund_id, seconds=wait)
        async with self._unit_of_work("system:sweep") as tx:
            stuck = await tx.refunds.stuck(unsent_days=UNSENT_DAYS, unsettled_days=UNSETTLED_DAYS)
            for refund in stuck:
                await tx.messages.open_item(
                    shop_id=refund.shop_id,
                    kind="refund_stuck",
                    subject=f"refund:{refund.id}",
                    order_id=refund.order_id,
                    amount_paise=refund.amount_paise,
                    detail=f"refund {refund.rzp_refund_id or 'not taken by Razorpay yet'}, "
                    f"asked for on {refund.created_at:%d %B}",
                )
        read = len(due) - unread
        return await self._done(
            "refunds",
            f"{read} read, {unread} unread, {len(stuck)} put on the list",
            read=read,
            unread=unread,
        )

    async def orders(self) -> str:
        """Reminders at half time, expiry at the end, and paid orders nobody moves."""
        async with self._unit_of_work("system:sweep") as tx:
            expired = await tx.orders.expired()
            unreminded = await tx.orders.unreminded()
            silent = await tx.orders.silent(minutes=SILENT_MINUTES)
            for order_id, shop_id, token in silent:
                await tx.messages.open_item(
                    shop_id=shop_id,
                    kind="not_moving",
                    subject=f"order:{order_id}",
                    order_id=order_id,
                    detail=f"token {token} is paid and has not moved for {SILENT_MINUTES} minutes",
                )
        for order_id in expired:
            await self._expire(order_id)
        for order_id in unreminded:
            async with self._unit_of_work("system:sweep") as tx:
                order = await tx.orders.lock(order_id)
                if order is not None:
                    await self._orders.remind(tx, order)
        return await self._done(
            "orders",
            f"{len(expired)} expired, {len(unreminded)} reminded, {len(silent)} put on the list",
        )

    async def _expire(self, order_id: UUID) -> None:
        async with self._unit_of_work("system:expiry") as tx:
            known = await tx.orders.get(order_id)
            assert known is not None
            customer = await tx.customers.get(known.customer_id)
            await tx.customers.lock_chat(customer)
            order = await tx.orders.lock(order_id)
            if order is not None and await self._orders.expire(tx, order):
                await self._sessions.turn(
                    tx, customer, OrderClosed(order.code), key=f"order:{order.id}:over"
                )
            crash_here("order.expire_before_commit")
        crash_here("order.expire_after_commit")

    async def lost_tasks(self) -> str:
        """Work whose task died with its process: it is deferred again, and is idempotent."""
        async with self._unit_of_work("system:sweep") as tx:
            inbox = await tx.inbox.unfinished(older_than_seconds=LOST_SECONDS)
            for inbox_id, lane in inbox:
                await tx.defer("receive", lane=lane, inbox_id=inbox_id)
            messages = await tx.messages.unsent(older_than_seconds=LOST_SECONDS)
            for message_id, customer_id in messages:
                await tx.defer("send_message", lane=f"send:{customer_id}", message_id=message_id)
            for order_id in await tx.orders.unmade(older_than_seconds=LOST_SECONDS):
                await tx.defer("make_print_ready", queue="documents", order_id=str(order_id))
            files = await tx.documents.unfinished(older_than_seconds=LOST_SECONDS)
            for document_id in files:
                await tx.defer("prepare_document", queue="documents", document_id=str(document_id))
        return await self._done(
            "lost_tasks",
            f"{len(inbox)} webhooks, {len(messages)} messages, {len(files)} files taken up again",
        )

    async def messages(self) -> str:
        """Customers' messages whose webhook never reached us."""
        try:
            compared, there_only = await self._twilio.catch_up()
        except ProviderError as error:
            log.warning("messages not listed", why=str(error))
            return await self._done("messages", "not listed now", unread=1)
        return await self._done("messages", f"{compared} compared, {there_only} there only")

    async def documents(self) -> str:
        """Files past their time, objects without a row, folders of killed processes."""
        deleted = await self._documents.delete_due()
        self._unowned = await self._documents.delete_orphans(seen_before=self._unowned)
        folders = self._documents.sweep_work_dir(self._clock.now())
        return await self._done(
            "documents", f"{deleted} deleted, {len(self._unowned)} unowned, {folders} folders"
        )

    async def bills(self) -> str:
        """Invoices of days that are over, and notes for refunds that have arrived."""
        days, notes = await self._bills.catch_up()
        return await self._done("bills", f"{days} days invoiced, {notes} refunds noted")

    async def everything(self) -> list[str]:
        """All sweeps once, for ``python -m app.cli reconcile``."""
        return [
            await self.leases(),
            await self.payments(),
            await self.captures(),
            await self.refunds(),
            await self.orders(),
            await self.lost_tasks(),
            await self.messages(),
            await self.documents(),
            await self.bills(),
        ]

    async def _done(self, name: str, summary: str, *, read: int = 1, unread: int = 0) -> str:
        """A run that left something unread is no success, nor is one after it that had nothing to
        read: what was put off is still unread."""
        async with self._unit_of_work("system:sweep") as tx:
            await tx.reports.swept(name, summary, idle=read + unread == 0, unread=unread)
        return f"{name}: {summary}"


def _not_read(what: str, row_id: UUID, error: Exception) -> None:
    if isinstance(error, ProviderError):
        log.warning("not read", what=what, id=str(row_id), why=str(error))
    else:
        log.error("not read", what=what, id=str(row_id), exc_info=error)


def _refused(error: Exception) -> bool:
    """Whether asking again soon would be answered the same."""
    return isinstance(error, ProviderRejected) or not isinstance(error, ProviderError)
