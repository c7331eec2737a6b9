"""Absence is proved: a file store that does not delete, Twilio away, folders left behind."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from app.adapters.doors import SignedFileLinks
from app.adapters.storage import DiskStore
from app.core.clock import SystemClock
from app.ports import Limits
from app.services.document_service import DocumentService
from tests.support.shop import House, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")


class ForgetfulDisk(DiskStore):
    """The shop's own folder, as a disk that says yes and keeps some of its files."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.keeps: set[str] = set()

    async def delete(self, key: str) -> None:
        if key not in self.keeps:
            await super().delete(key)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Without background work: no sweep but those of the stories."""
    folder = tmp_path_factory.mktemp("shop")
    async with opened(module_database_url, folder, background="off") as house:
        yield house


@pytest.fixture
def disk(house: House) -> ForgetfulDisk:
    return ForgetfulDisk(Path(house.settings.data_dir) / "files")


@pytest.fixture
def documents(house: House, disk: ForgetfulDisk) -> DocumentService:
    return documents_on(house, disk)


def documents_on(house: House, disk: DiskStore) -> DocumentService:
    """Wired as the shop's own, but with that disk."""
    shop = house.inside
    return DocumentService(
        shop.unit_of_work,
        shop.messenger,
        shop.preparer,
        disk,
        SignedFileLinks(house.settings.secret_key),
        shop.twilio._sessions,
        SystemClock(),
        limits=Limits(max_bytes=1_000_000, max_pages=500),
        public_url=house.settings.backend_public_url,
        work_dir=Path(house.settings.data_dir) / "work",
    )


async def past_its_time(house: House, disk: ForgetfulDisk) -> tuple[UUID, str]:
    """A document whose time is up, and its object."""
    key = f"{secrets.token_hex(16)}.pdf"
    source = Path(house.settings.data_dir) / key
    source.write_bytes(b"%PDF-1.7")
    await disk.put(key, source)
    source.unlink()
    document = await house.one(
        "WITH who AS (INSERT INTO customers (shop_id, address) SELECT id, %s FROM shops "
        "  RETURNING id, shop_id) "
        "INSERT INTO documents (shop_id, customer_id, message_sid, media_sid, status, pages, "
        "  sha256, storage_key, delete_after) SELECT shop_id, id, %s, %s, 'READY', 1, 'x', %s, "
        "  now() - interval '1 minute' FROM who RETURNING id",
        f"whatsapp:{key}",
        f"MM{secrets.token_hex(16)}",
        f"ME{secrets.token_hex(16)}",
        key,
    )
    return document, key


async def items(house: House, document: UUID) -> list[dict[str, Any]]:
    return await house.sql(
        "SELECT kind, detail, closed_by, resolution FROM attention_items WHERE subject = %s",
        f"document:{document}",
    )


async def test_a_file_the_store_does_not_give_up_is_told_and_tried_again(
    house: House, disk: ForgetfulDisk, documents: DocumentService
) -> None:
    stuck, its_key = await past_its_time(house, disk)
    other, other_key = await past_its_time(house, disk)
    disk.keeps.add(its_key)

    assert await documents.delete_due() == 1, "it stands in nobody's way"
    assert await disk.size(other_key) is None
    assert await house.one("SELECT status FROM documents WHERE id = %s", other) == "DELETED"
    assert await documents.delete_due() == 0
    row = "SELECT status || ' ' || storage_key FROM documents WHERE id = %s AND deleted_at IS NULL"
    assert await house.one(row, stuck) == f"DELETED {its_key}", "not used, and not said to be gone"
    assert await items(house, stuck) == [
        {
            "kind": "file_not_deleted",
            "detail": f"the file store still has {its_key} after deleting it",
            "closed_by": "",
            "resolution": "",
        }
    ]

    disk.keeps.clear()
    assert await documents.delete_due() == 1
    assert await disk.size(its_key) is None
    [item] = await items(house, stuck)
    assert (item["closed_by"], item["resolution"]) == ("system:retention", "deleted")


async def test_one_object_that_resists_does_not_keep_its_neighbours(
    house: House, disk: ForgetfulDisk, documents: DocumentService
) -> None:
    document, key = await past_its_time(house, disk)
    pictures = [f"{secrets.token_hex(16)}.png" for _ in range(2)]
    for picture in pictures:
        (Path(house.settings.data_dir) / picture).write_bytes(b"png")
        await disk.put(picture, Path(house.settings.data_dir) / picture)
    await house.sql(
        "UPDATE documents SET preview_keys = %s WHERE id = %s", json.dumps(pictures), document
    )
    disk.keeps |= {key, pictures[0]}

    assert await documents.delete_due() == 0
    assert await disk.size(pictures[1]) is None
    assert [await disk.size(kept) for kept in (key, pictures[0])] == [8, 3]
    [item] = await items(house, document)
    assert item["detail"] == "; ".join(
        f"the file store still has {kept} after deleting it" for kept in (key, pictures[0])
    )

    disk.keeps.clear()
    assert await documents.delete_due() == 1
    assert [await disk.size(each) for each in (key, *pictures)] == [None] * 3


async def test_twilio_away_keeps_no_byte_with_us(
    house: House, disk: ForgetfulDisk, documents: DocumentService
) -> None:
    files = [await past_its_time(house, disk) for _ in range(3)]
    await house.outside.trouble("twilio.media.delete", "error", status=503, times=None)

    assert await documents.delete_due() == 0
    assert [await disk.size(key) for _, key in files] == [None] * 3
    assert [await items(house, document) for document, _ in files] == [[]] * 3

    await house.outside.calm()
    before = len(await house.outside.asked("twilio.media.delete"))
    assert await documents.delete_due() == 3, "asked again, and then it is over"
    assert len(await house.outside.asked("twilio.media.delete")) - before == 3
    assert await documents.delete_due() == 0


async def test_an_unowned_object_that_resists_is_not_forgotten(
    house: House, disk: ForgetfulDisk, documents: DocumentService, tmp_path: Path
) -> None:
    for key in ("zz/stuck.pdf", "zz/loose.pdf"):
        source = tmp_path / "stray"
        source.write_bytes(b"%PDF stray")
        await disk.put(key, source)
    disk.keeps.add("zz/stuck.pdf")

    seen = await documents.delete_orphans(seen_before=set())
    assert seen == {"zz/stuck.pdf", "zz/loose.pdf"}
    seen = await documents.delete_orphans(seen_before=seen)
    assert (seen, await disk.size("zz/loose.pdf")) == ({"zz/stuck.pdf"}, None)

    disk.keeps.clear()
    assert await documents.delete_orphans(seen_before=seen) == set()
    assert await disk.size("zz/stuck.pdf") is None


async def test_folders_of_killed_processes_go_and_those_in_use_stay(
    house: House, documents: DocumentService
) -> None:
    work = Path(house.settings.data_dir) / "work"
    hours_ago = time.time() - 3700
    for name, age in (("intake-dead", hours_ago), ("intake-busy", time.time()), ("own", hours_ago)):
        (work / name).mkdir(parents=True)
        (work / name / "source").write_bytes(b"somebody's statement")
        os.utime(work / name, (age, age))

    assert documents.sweep_work_dir(SystemClock().now()) == 1
    assert sorted(path.name for path in work.iterdir()) == ["intake-busy", "own"]
    assert documents.sweep_work_dir(SystemClock().now()) == 0
