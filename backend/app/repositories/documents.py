"""Customers' files: rows here, bytes in the file store."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Document, from_now

# Until its order says how long it is kept.
UNORDERED_SECONDS = 48 * 3600
# A reprint of a finished order is printed from the same file.
JOB_NEEDS_FILE = (
    "SELECT 1 FROM print_jobs j WHERE j.document_id = d.id "
    "AND j.status IN ('QUEUED', 'HELD', 'CLAIMED', 'PRINTING', 'UNCERTAIN') "
    "AND j.updated_at > clock_timestamp() - interval '7 days'"
)


class Documents:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, document_id: UUID) -> Document | None:
        return await self._session.get(Document, document_id)

    async def lock(self, document_id: UUID) -> Document | None:
        return await self._session.get(
            Document, document_id, with_for_update=True, populate_existing=True
        )

    async def arrived(
        self,
        *,
        shop_id: UUID,
        customer_id: UUID,
        message_sid: str,
        media_sid: str,
        declared_type: str,
        name: str,
    ) -> UUID | None:
        """A new row in FETCHING; None when this attachment is known already."""
        result = await self._session.execute(
            insert(Document)
            .values(
                shop_id=shop_id,
                customer_id=customer_id,
                message_sid=message_sid,
                media_sid=media_sid,
                declared_type=declared_type[:200],
                name=name,
                delete_after=from_now(UNORDERED_SECONDS),
            )
            .on_conflict_do_nothing()
            .returning(Document.id)
        )
        new: UUID | None = result.scalar_one_or_none()
        return new

    async def add(self, document: Document) -> Document:
        """A document we made ourselves, kept like a customer's."""
        document.delete_after = from_now(UNORDERED_SECONDS)
        self._session.add(document)
        await self._session.flush()
        return document

    async def release(self, order_id: UUID) -> None:
        """The order's documents stop being its own: something made of them takes their place."""
        await self._session.execute(
            text("UPDATE documents SET order_id = NULL WHERE order_id = :order"),
            {"order": order_id},
        )

    async def try_again(self, document_id: UUID) -> None:
        """A locked file for which a password came: being opened from now."""
        await self._session.execute(
            text(
                "UPDATE documents SET status = 'FETCHING', tried_at = clock_timestamp() "
                "WHERE id = :id AND status = 'LOCKED'"
            ),
            {"id": document_id},
        )

    async def of_order(self, order_id: UUID) -> list[Document]:
        rows = await self._session.scalars(
            select(Document).where(Document.order_id == order_id).order_by(Document.created_at)
        )
        return list(rows)

    async def lock_of_order(self, order_id: UUID) -> list[Document]:
        """Like ``of_order``; what is READY here is not taken away until the transaction ends."""
        rows = await self._session.scalars(
            select(Document)
            .where(Document.order_id == order_id)
            .order_by(Document.created_at)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return list(rows)

    async def keep_for(self, order_id: UUID, *, hours: float) -> None:
        """Bytes of this order are due for deletion that many hours from now; what its owner does
        not want kept stays due."""
        await self._session.execute(
            update(Document)
            .where(
                Document.order_id == order_id,
                Document.deleted_at.is_(None),
                Document.unwanted.is_(False),
            )
            .values(delete_after=from_now(hours * 3600))
            .execution_options(synchronize_session=False)
        )

    async def forget(self, customer_id: UUID) -> None:
        """Every file of the customer is due, now or as soon as ``due`` finds it is not owed."""
        await self._session.execute(
            text(
                "UPDATE documents SET delete_after = clock_timestamp(), unwanted = true, "
                # What is still being opened must not come back as a question.
                "status = CASE WHEN status IN ('FETCHING', 'LOCKED') THEN 'DELETED' "
                "ELSE status END "
                "WHERE customer_id = :customer AND deleted_at IS NULL"
            ),
            {"customer": customer_id},
        )

    async def due(self, limit: int = 100, *, but: Collection[UUID] = ()) -> list[Document]:
        """Files past their time, skipping those another sweep holds and those still owed.

        A file is owed while its order is open or paid, and while a job may still need it, at the
        longest a week.
        """
        found = await self._due(limit, but, None)
        # Looked at again once they are locked: money may have come for one in between.
        return await self._due(limit, but, [row.id for row in found])

    async def _due(
        self, limit: int, but: Collection[UUID], chosen: list[UUID] | None
    ) -> list[Document]:
        rows = await self._session.scalars(
            select(Document)
            .from_statement(
                text(
                    "SELECT d.* FROM documents d LEFT JOIN orders o ON o.id = d.order_id "
                    "WHERE d.deleted_at IS NULL AND d.delete_after < clock_timestamp() "
                    "AND (o.id IS NULL OR o.status NOT IN ('DRAFT', 'PAYMENT_PENDING', 'PAID')) "
                    f"AND NOT EXISTS ({JOB_NEEDS_FILE}) AND d.id <> ALL(:but) "
                    "AND (CAST(:chosen AS uuid[]) IS NULL OR d.id = ANY(:chosen)) "
                    "ORDER BY d.delete_after LIMIT :limit FOR UPDATE OF d SKIP LOCKED"
                )
            )
            .execution_options(populate_existing=True),
            {"limit": limit, "but": list(but), "chosen": chosen},
        )
        return list(rows)

    async def files_of(self, document_id: UUID) -> list[str]:
        """Print-ready files made for this document's order, and their previews: they go with it."""
        rows = await self._session.execute(
            text(
                "SELECT unnest(f.storage_key || ARRAY(SELECT jsonb_array_elements_text("
                "  f.preview_keys))) AS storage_key FROM print_files f JOIN documents d "
                "ON d.order_id = f.order_id WHERE d.id = :id AND f.deleted_at IS NULL"
            ),
            {"id": document_id},
        )
        return [row.storage_key for row in rows]

    async def files_deleted(self, document_id: UUID) -> None:
        await self._session.execute(
            text(
                "UPDATE print_files f SET deleted_at = clock_timestamp() FROM documents d "
                "WHERE d.id = :id AND f.order_id = d.order_id AND f.deleted_at IS NULL"
            ),
            {"id": document_id},
        )

    async def unfinished(self, *, older_than_seconds: int) -> list[UUID]:
        """Files still being fetched without a task that does it."""
        rows = await self._session.execute(
            text(
                "SELECT id FROM documents WHERE status = 'FETCHING' AND deleted_at IS NULL "
                "AND tried_at < clock_timestamp() - make_interval(secs => :age) "
                "AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j "
                "  WHERE j.task_name = 'prepare_document' AND j.status IN ('todo', 'doing') "
                "  AND (j.args ->> 'document_id')::uuid = documents.id) LIMIT 100"
            ),
            {"age": older_than_seconds},
        )
        return [row.id for row in rows]

    async def orders_without(self, keys: set[str]) -> list[tuple[UUID, UUID]]:
        """Open and paid orders, with their shops, that need one of these objects."""
        if not keys:
            return []
        rows = await self._session.execute(
            text(
                "SELECT DISTINCT o.id, o.shop_id FROM orders o "
                "LEFT JOIN documents d ON d.order_id = o.id "
                "LEFT JOIN print_files f ON f.order_id = o.id "
                "WHERE o.status IN ('DRAFT', 'PAYMENT_PENDING', 'PAID') AND ("
                "  d.storage_key = ANY(CAST(:keys AS text[])) "
                "  OR f.storage_key = ANY(CAST(:keys AS text[])))"
            ),
            {"keys": sorted(keys)},
        )
        return [(row.id, row.shop_id) for row in rows]

    async def keys(self) -> set[str]:
        """Every object name a row still stands for."""
        rows = await self._session.execute(
            text(
                "SELECT storage_key AS key FROM documents "
                "WHERE deleted_at IS NULL AND storage_key <> '' "
                "UNION SELECT jsonb_array_elements_text(preview_keys) FROM documents "
                "WHERE deleted_at IS NULL "
                "UNION SELECT storage_key FROM print_files WHERE deleted_at IS NULL "
                "UNION SELECT jsonb_array_elements_text(preview_keys) FROM print_files "
                "WHERE deleted_at IS NULL"
            )
        )
        return {row.key for row in rows}
