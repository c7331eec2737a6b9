"""Photos laid out on one sheet: a card's two sides, passport photos. A document of its own."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from uuid import UUID

import structlog

from app.core.security import new_storage_key
from app.domain.chat import Doc, Layout, SheetReady
from app.domain.documents import PASSPORT_PHOTOS
from app.domain.errors import DocumentRefused, NotFound
from app.domain.lifecycle import Order as OrderStatus
from app.models import Document
from app.ports import DocumentPreparer, FileStore, Limits, Prepared
from app.repositories.unit_of_work import UnitOfWork
from app.services.session_service import SessionService

log = structlog.get_logger(__name__)

NAMES = {Layout.ID_CARD: "ID card", Layout.PASSPORT: f"{PASSPORT_PHOTOS} passport photos"}


class SheetService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        preparer: DocumentPreparer,
        store: FileStore,
        sessions: SessionService,
        *,
        limits: Limits,
        work_dir: Path,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._preparer = preparer
        self._store = store
        self._sessions = sessions
        self._limits = limits
        self._work_dir = work_dir

    async def make(self, order_id: UUID, layout: Layout, document_ids: list[UUID]) -> None:
        """Makes the sheet outside any transaction, then takes the customer's next turn with it."""
        async with self._unit_of_work("system:sheet") as tx:
            order = await tx.orders.get(order_id)
            rows = [await tx.documents.get(document_id) for document_id in document_ids]
        if order is None or order.status != OrderStatus.DRAFT:
            return
        self._work_dir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="intake-", dir=self._work_dir))
        try:
            photos = []
            for number, row in enumerate(rows):
                if row is None or row.status != "READY":
                    raise NotFound("a photo of this sheet is no longer here")
                photos.append(folder / f"photo-{number}.pdf")
                photos[-1].write_bytes(await self._store.read(row.storage_key))
            prepared = await self._lay_out(layout, photos, folder)
            key, previews = new_storage_key(".pdf"), []
            await self._store.put(key, prepared.path)
            for picture in prepared.previews:
                previews.append(new_storage_key(picture.suffix))
                await self._store.put(previews[-1], picture)
            await self._made(order_id, layout, prepared, key, previews)
        except (DocumentRefused, NotFound) as refused:
            log.info("no sheet", order=str(order_id), why=refused.detail)
            await self.give_up(order_id)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _lay_out(self, layout: Layout, photos: list[Path], folder: Path) -> Prepared:
        if layout is Layout.PASSPORT:
            return await self._preparer.passport_sheet(photos[0], folder, limits=self._limits)
        front, back = photos
        return await self._preparer.card_sheet(front, back, folder, limits=self._limits)

    async def _made(
        self, order_id: UUID, layout: Layout, prepared: Prepared, key: str, previews: list[str]
    ) -> None:
        async with self._unit_of_work("system:sheet") as tx:
            known = await tx.orders.get(order_id)
            assert known is not None
            customer = await tx.customers.get(known.customer_id)
            await tx.customers.lock_chat(customer)
            order = await tx.orders.lock(order_id)
            if order is None or order.status != OrderStatus.DRAFT:
                return  # cancelled meanwhile; the orphan sweep takes the file away
            await tx.documents.release(order_id)
            row = await tx.documents.add(
                Document(
                    shop_id=order.shop_id,
                    customer_id=order.customer_id,
                    order_id=order.id,
                    message_sid=f"sheet:{order.id}",
                    media_sid=key,
                    name=NAMES[layout],
                    status="READY",
                    kind=prepared.kind.value,
                    storage_key=key,
                    preview_keys=list(previews),
                    sha256=prepared.sha256,
                    bytes=prepared.bytes,
                    pages=prepared.pages,
                    color_pages=list(prepared.color_pages),
                    page_sizes=prepared.different_sizes_pt,
                )
            )
            sheet = Doc(str(row.id), row.name, row.pages, tuple(prepared.color_pages))
            await self._sessions.turn(
                tx, customer, SheetReady(order.code, sheet), key=f"doc:{row.id}:ready"
            )

    async def give_up(self, order_id: UUID) -> None:
        """There will be no sheet: the customer is told, and asked about the photos themselves."""
        async with self._unit_of_work("system:sheet") as tx:
            order = await tx.orders.get(order_id)
            assert order is not None
            customer = await tx.customers.get(order.customer_id)
            await self._sessions.turn(
                tx, customer, SheetReady(order.code, None), key=f"order:{order.id}:no_sheet"
            )
