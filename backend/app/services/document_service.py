"""A customer's file: fetched, made print-ready outside any transaction, and deleted in time."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog

from app.core.clock import Clock
from app.core.crash import crash_here
from app.core.security import new_storage_key
from app.domain.chat import Doc, FileReady, FileRefused
from app.domain.documents import IMAGES, looks_like_a_card
from app.domain.errors import (
    DocumentRefused,
    NotFound,
    ProviderError,
    ProviderRejected,
    Refusal,
)
from app.models import Document
from app.ports import (
    DocumentPreparer,
    FileLinks,
    FileStore,
    Limits,
    MediaRef,
    Messenger,
    Prepared,
)
from app.repositories.unit_of_work import UnitOfWork
from app.services.session_service import SessionService

log = structlog.get_logger(__name__)

LINK_LIFE = timedelta(minutes=5)
# A temporary folder younger than this may be in use.
WORK_GRACE_SECONDS = 3600


class DocumentService:
    def __init__(
        self,
        unit_of_work: UnitOfWork,
        messenger: Messenger | None,
        preparer: DocumentPreparer,
        store: FileStore,
        links: FileLinks,
        sessions: SessionService,
        clock: Clock,
        *,
        limits: Limits,
        public_url: str,
        work_dir: Path,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._messenger = messenger
        self._preparer = preparer
        self._store = store
        self._links = links
        self._sessions = sessions
        self._clock = clock
        self._limits = limits
        self._public_url = public_url
        self._work_dir = work_dir

    # Intake

    async def prepare(self, document_id: UUID, *, password: str | None = None) -> None:
        """Fetches and prepares a file, then takes the customer's next turn.

        ``password`` is handed to the parser's child and kept nowhere.

        Raises ``ProviderUnavailable``/``ProviderUncertain`` while Twilio does not give it yet.
        """
        messenger = self._messenger
        async with self._unit_of_work("system:document") as tx:
            row = await tx.documents.get(document_id)
        if row is None or row.status != "FETCHING" or messenger is None:
            return
        self._work_dir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="intake-", dir=self._work_dir))
        try:
            source = folder / "source"
            crash_here("fetch.start")
            await messenger.fetch_media(
                MediaRef(row.message_sid, row.media_sid),
                source,
                max_bytes=self._limits.max_bytes,
            )
            crash_here("fetch.done")
            prepared = await self._preparer.prepare(
                source, folder, limits=self._limits, password=password
            )
            photo = prepared.kind in IMAGES and prepared.pages == 1
            card = photo and looks_like_a_card(await self._preparer.card_facts(prepared.path))
            await self._ready(document_id, prepared, photo=photo, card=card)
        except ProviderRejected as error:
            log.warning("media refused", document=str(document_id), why=str(error.reason))
            await self.refuse(document_id, Refusal.NOT_FETCHED)
        except DocumentRefused as refused:
            log.info("document refused", document=str(document_id), reason=refused.reason.value)
            # Some locks a password does not open: protected Word files, for one.
            tried = password is not None and refused.reason is Refusal.LOCKED
            await self.refuse(document_id, refused.reason, final=tried)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _ready(
        self, document_id: UUID, prepared: Prepared, *, photo: bool, card: bool
    ) -> None:
        key = new_storage_key(".pdf")
        await self._store.put(key, prepared.path)
        previews = []
        for picture in prepared.previews:
            previews.append(new_storage_key(picture.suffix))
            await self._store.put(previews[-1], picture)
        crash_here("fetch.after_rename")
        async with self._unit_of_work("system:document") as tx:
            known = await tx.documents.get(document_id)
            assert known is not None
            customer = await tx.customers.get(known.customer_id)
            await tx.customers.lock_chat(customer)
            row = await tx.documents.lock(document_id)
            assert row is not None
            if row.status != "FETCHING":
                return  # another run was faster; the orphan sweep takes our copy away
            row.status = "READY"
            row.kind, row.pages = prepared.kind.value, prepared.pages
            row.sha256, row.bytes = prepared.sha256, prepared.bytes
            row.color_pages = list(prepared.color_pages)
            row.page_sizes = prepared.different_sizes_pt
            row.storage_key, row.preview_keys = key, list(previews)
            row.name = row.name or f"{prepared.kind.value.upper()} file"
            await tx.session.flush()
            crash_here("convert.before_commit")
            await self._sessions.turn(
                tx,
                customer,
                FileReady(
                    Doc(
                        str(row.id),
                        row.name,
                        row.pages,
                        tuple(prepared.color_pages),
                        photo=photo,
                        card=card,
                    )
                ),
                key=f"doc:{row.id}:ready",
            )

    async def refuse(self, document_id: UUID, reason: Refusal, *, final: bool = False) -> None:
        async with self._unit_of_work("system:document") as tx:
            known = await tx.documents.get(document_id)
            if known is None:
                return
            customer = await tx.customers.get(known.customer_id)
            await tx.customers.lock_chat(customer)
            row = await tx.documents.lock(document_id)
            if row is None or row.status != "FETCHING":
                return
            await self._sessions.turn(
                tx,
                customer,
                FileRefused(str(row.id), reason, final),
                key=f"doc:{row.id}:refused:{row.attempts}",
            )
            row.attempts += 1
            row.reason = reason.value
            if await self._sessions.waits_for_password(tx, customer, str(row.id)):
                row.status = "LOCKED"
            else:
                # Nothing of it is here; Twilio's copy goes with the next sweep.
                row.status, row.delete_after = "REFUSED", await tx.now()

    # Giving out

    def link(self, storage_key: str) -> str:
        """An address of the file that opens for a few minutes."""
        path = f"/files/{storage_key}"
        expires = self._clock.now() + LINK_LIFE
        return f"{self._public_url}{path}?{self._links.sign(path, expires_at=expires)}"

    async def open_file(
        self, path: str, query: dict[str, str], *, worker_shop: UUID | None
    ) -> bytes:
        """Bytes for a valid signed link, or for a worker with a live lease on that file.

        Raises NotFound for anything else, whatever the reason.
        """
        if "\0" in path:
            raise NotFound("No such file.")  # a name that no database can even be asked about
        allowed = self._links.genuine(f"/files/{path}", query, now=self._clock.now())
        if not allowed and worker_shop is not None:
            async with self._unit_of_work("system:file") as tx:
                allowed = await tx.print_jobs.leased_file(worker_shop, path)
        if not allowed:
            raise NotFound("No such file.")
        return await self._store.read(path)

    # Deleting

    async def delete_due(self) -> int:
        """Removes the bytes of files past their time and proves that they are gone.

        A file counts as gone from the moment its deletion begins, so that late money goes back
        instead of waiting for paper. One that resists stays due and stands in nobody's way; the
        shop is told if it is ours.
        """
        deleted, resisting = 0, set[UUID]()
        while True:
            async with self._unit_of_work("system:retention") as tx:
                rows = await tx.documents.due(limit=20, but=resisting)
                doomed = [
                    (
                        row,
                        [row.storage_key, *row.preview_keys, *await tx.documents.files_of(row.id)],
                    )
                    for row in rows
                ]
                for row in rows:
                    if row.status != "REFUSED":
                        row.status = "DELETED"
            if not doomed:
                return deleted
            for row, keys in doomed:
                try:
                    await self._erase_all(keys)
                    crash_here("retention.after_unlink")
                    await self._forget_at_provider(MediaRef(row.message_sid, row.media_sid))
                except OSError as error:
                    await self._resists(row, str(error))
                    resisting.add(row.id)
                except ProviderError as error:
                    log.warning("attachment not deleted", document=str(row.id), why=str(error))
                    resisting.add(row.id)
                else:
                    await self._deleted(row.id)
                    deleted += 1

    async def _erase_all(self, keys: Iterable[str]) -> None:
        """Raises ``OSError`` about all that resisted, once every other object is gone."""
        resisted = []
        for key in filter(None, keys):
            try:
                await self._erase(key)
            except OSError as error:
                resisted.append(str(error))
        if resisted:
            raise OSError("; ".join(resisted))

    async def _erase(self, key: str) -> None:
        """Raises ``OSError`` unless the object is proved to be gone."""
        await self._store.delete(key)
        if await self._store.size(key) is not None:
            raise OSError(f"the file store still has {key} after deleting it")

    async def _resists(self, row: Document, why: str) -> None:
        log.error("file not deleted", document=str(row.id), why=why)
        async with self._unit_of_work("system:retention") as tx:
            await tx.messages.open_item(
                shop_id=row.shop_id,
                kind="file_not_deleted",
                subject=f"document:{row.id}",
                order_id=row.order_id,
                detail=why,
            )

    async def _forget_at_provider(self, media: MediaRef) -> None:
        """Twilio keeps attachments until it is told not to. Raises while it is away."""
        if self._messenger is None or media.message_sid.startswith("sheet:"):
            return
        with contextlib.suppress(ProviderRejected):  # gone already
            await self._messenger.delete_media(media)

    async def _deleted(self, document_id: UUID) -> None:
        async with self._unit_of_work("system:retention") as tx:
            row = await tx.documents.lock(document_id)
            if row is not None and row.deleted_at is None:
                await tx.documents.files_deleted(row.id)
                row.deleted_at = await tx.now()
                row.name, row.storage_key, row.preview_keys = "", "", []
                await tx.messages.close_items(
                    f"document:{row.id}", by="system:retention", resolution="deleted"
                )

    async def delete_orphans(self, *, seen_before: set[str]) -> set[str]:
        """Compares store and rows both ways: objects no row stands for are removed if the last
        look found them too; an order whose file is gone is put on the attention list.

        Returns the unowned objects of this look, to be passed to the next.
        """
        stored = {key async for key in self._store.keys()}  # noqa: SIM118 - a store, not a dict
        async with self._unit_of_work("system:retention") as tx:
            owned = await tx.documents.keys()
            for order_id, shop_id in await tx.documents.orders_without(owned - stored):
                await tx.messages.open_item(
                    shop_id=shop_id,
                    kind="file_missing",
                    subject=f"order:{order_id}",
                    order_id=order_id,
                    detail="The file of this order is not in the file store any more.",
                )
        unowned = stored - owned
        for key in unowned & seen_before:
            try:
                await self._erase(key)
            except OSError as error:
                log.error("unowned object not deleted", why=str(error))
            else:
                unowned.remove(key)
        return unowned

    def sweep_work_dir(self, now: datetime) -> int:
        """Temporary folders a killed process left behind."""
        removed = 0
        for folder in self._work_dir.glob("intake-*"):
            if now.timestamp() - folder.stat().st_mtime > WORK_GRACE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        return removed
