"""The file that is printed, made before it is priced: layout and gray baked in, hashed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from uuid import UUID

import structlog

from app.core.crash import crash_here
from app.core.security import new_storage_key
from app.domain.chat import OrderClosed
from app.domain.errors import DocumentRefused
from app.domain.lifecycle import Order as OrderStatus
from app.domain.print_plan import Choices, Plan, plan
from app.domain.wording import REFUSED, Saying, Text
from app.models_orders import Order
from app.ports import Baked, DocumentPreparer, FileStore
from app.repositories.orders import Printable
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.notices import Notices
from app.services.order_service import OrderService
from app.services.session_service import SessionService

log = structlog.get_logger(__name__)


class PrintReadyService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        preparer: DocumentPreparer,
        store: FileStore,
        orders: OrderService,
        sessions: SessionService,
        notices: Notices,
        *,
        work_dir: Path,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._preparer = preparer
        self._store = store
        self._orders = orders
        self._sessions = sessions
        self._notices = notices
        self._work_dir = work_dir

    async def make(self, order_id: UUID) -> None:
        """Bakes the order's choices into a file outside any transaction, then prices the order.

        When the customer changed his mind meanwhile, the file is left to the orphan sweep.
        """
        async with self._unit_of_work("system:print_ready") as tx:
            order = await tx.orders.get(order_id)
            if order is None or order.status != OrderStatus.DRAFT or order.choices is None:
                return
            wanted = dict(order.choices)
            document = (await tx.documents.of_order(order_id))[0]
        made = plan(Choices.read(wanted), document.pages, document.color_pages)
        self._work_dir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="intake-", dir=self._work_dir))
        try:
            source = folder / "document.pdf"
            source.write_bytes(await self._store.read(document.storage_key))
            baked = await self._preparer.bake(source, folder, plan=made)
            key, previews = "", []
            if baked.sha256 != document.sha256:
                key = new_storage_key(".pdf")
                await self._store.put(key, baked.path)
                for picture in baked.previews:
                    previews.append(new_storage_key(picture.suffix))
                    await self._store.put(previews[-1], picture)
        except DocumentRefused as refused:
            log.warning("not print-ready", order=str(order_id), reason=refused.reason.value)
            await self._refuse(order_id, wanted, refused)
            return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        crash_here("print_ready.before_commit")
        await self._made(order_id, wanted, made, baked, [key, *previews])

    async def _made(
        self, order_id: UUID, wanted: dict[str, object], made: Plan, baked: Baked, keys: list[str]
    ) -> None:
        """``keys``: of the file, "" where the document itself will be printed; then previews."""
        async with self._unit_of_work("system:print_ready") as tx:
            order = await self._still_wanted(tx, order_id, wanted)
            if order is None:
                return
            row_id = None
            key, *previews = keys
            if key:
                row = await tx.orders.keep_file(
                    order_id,
                    storage_key=key,
                    sha256=baked.sha256,
                    size=baked.bytes,
                    pages=baked.pages,
                    color_pages=baked.color_pages,
                    preview_keys=previews,
                )
                row_id = row.id
            file = Printable(row_id, baked.sha256, baked.pages, baked.color_pages)
            await self._orders.price(tx, order, made, file)

    async def give_up(self, order_id: UUID, why: str) -> None:
        """No try made the file: a customer who still waits for it is told, and so is the shop."""
        async with self._unit_of_work("system:print_ready") as tx:
            known = await tx.orders.get(order_id)
            wanted = known.choices if known is not None else None
            order = await self._still_wanted(tx, order_id, wanted) if wanted else None
            if order is None:
                return
            await tx.messages.open_item(
                shop_id=order.shop_id,
                kind="file_not_made",
                subject=f"order:{order_id}",
                order_id=order_id,
                detail=f"The file of order {order.code} could not be prepared ({why}).",
            )
            await self._end(tx, order, Text.ERR_US)

    async def _refuse(
        self, order_id: UUID, wanted: dict[str, object], refused: DocumentRefused
    ) -> None:
        """This file cannot be laid out as asked: the order ends, with the reason in words."""
        async with self._unit_of_work("system:print_ready") as tx:
            order = await self._still_wanted(tx, order_id, wanted)
            if order is not None:
                await self._end(tx, order, REFUSED[refused.reason])

    async def _end(self, tx: Transaction, order: Order, words: Text) -> None:
        customer = await tx.customers.get(order.customer_id)
        await self._orders.cancel(tx, order)
        saying = Saying((words,), self._sessions.limits())
        await self._notices.say(
            tx, customer, saying, key=f"order:{order.id}:not_print_ready", order=order
        )
        await self._sessions.turn(
            tx, customer, OrderClosed(order.code), key=f"order:{order.id}:over"
        )

    async def _still_wanted(
        self, tx: Transaction, order_id: UUID, wanted: dict[str, object]
    ) -> Order | None:
        """The locked order, unless it moved on or was asked for differently."""
        known = await tx.orders.get(order_id)
        if known is None:
            return None
        await tx.customers.lock_chat(await tx.customers.get(known.customer_id))
        order = await tx.orders.lock(order_id)
        if order is None or order.status != OrderStatus.DRAFT or order.choices != wanted:
            return None
        return order
