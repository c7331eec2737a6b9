"""A shop whose files lie in a bucket: printed from there, and gone from there in time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend.services.test_files import files_of
from tests.support.bucket import Held, open_bucket
from tests.support.outside import PUBLIC
from tests.support.shop import FINISHED, bank_of, opened

PREFIX = "shop/one/"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    with open_bucket(monkeypatch) as held:
        yield held


async def test_an_order_is_printed_from_the_bucket_and_leaves_nothing_in_it(
    database_url: str, tmp_path: Path, bucket: Held
) -> None:
    url = f"s3://files/{PREFIX}"
    async with opened(database_url, tmp_path, storage_url=url) as shop:
        customer = await shop.outside.newcomer()
        link = await customer.wants("thesis.pdf", pages=3, copies=1, how="color")
        await bank_of(shop).captures(link)
        await customer.hears("token")
        [order] = await shop.orders_of(customer)

        [job] = await shop.jobs_of(customer)
        held = await shop.worker().must_claim(job_id=job["id"])
        fetched = await shop.api.get(held.job["file"]["url"].removeprefix(PUBLIC))
        assert fetched.content == bucket.objects[PREFIX + job["storage_key"]]
        assert hashlib.sha256(fetched.content).hexdigest() == job["sha256"]
        assert (await held.begins()).status_code == 200
        assert (await held.reports("COMPLETED", evidence=FINISHED)).status_code == 200
        await customer.hears("Ready!")

        keys = {PREFIX + key for key in await files_of(shop, order["id"])}
        assert len(keys) == 4, "the document and a picture of each of its pages"
        assert set(bucket.objects) == keys, "under keys of ours, all in the shop's own corner"
        assert not (tmp_path / "files").exists()

        kept = PREFIX + job["storage_key"]
        bucket.keeps.add(kept)
        await shop.sql("UPDATE documents SET delete_after = now() - interval '1 s' RETURNING 1")
        assert await shop.inside.documents.delete_due() == 0
        assert kept in bucket.objects
        assert await shop.attention_of(customer) == ["file_not_deleted"], "it was looked for"

        bucket.keeps.clear()
        assert await shop.inside.documents.delete_due() == 1
        assert bucket.objects == {}
        assert await shop.attention_of(customer) == []
        assert await shop.inside.documents.delete_orphans(seen_before=set()) == set()
        await shop.quiet()
        await shop.keeps_its_promises()
