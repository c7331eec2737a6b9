"""A customer who says "delete": what goes at once, what is still owed, and what Twilio is told."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from app.adapters.storage import DiskStore
from simulator import samples
from tests.backend.services.seeds import customer_who_paid
from tests.backend.services.test_retention import documents_on
from tests.support.outside import PATIENCE, Bank, Customer, pdf_of
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


class PaidMeanwhile(DiskStore):
    """The shop's own folder; late money comes while the first file is being deleted from it."""

    def __init__(self, shop: House, bank: Bank, link: str) -> None:
        super().__init__(Path(shop.settings.data_dir) / "files")
        self.shop, self.bank, self.link = shop, bank, link

    async def delete(self, key: str) -> None:
        if self.link:
            link, self.link = self.link, ""
            await self.bank.captures(link, "late")
            await self.shop.quiet()
        await super().delete(key)


async def keys_of(shop: House, customer: Customer) -> list[str]:
    """Every object of the customer: documents, what is printed of them, pictures of both."""
    rows = await shop.sql(
        "WITH mine AS (SELECT d.* FROM documents d JOIN customers c ON c.id = d.customer_id "
        "  WHERE c.address = %s), made AS (SELECT f.* FROM print_files f "
        "  WHERE f.deleted_at IS NULL AND f.order_id IN (SELECT order_id FROM mine)) "
        "SELECT storage_key AS key FROM mine WHERE storage_key <> '' "
        "UNION SELECT jsonb_array_elements_text(preview_keys) FROM mine "
        "UNION SELECT storage_key FROM made "
        "UNION SELECT jsonb_array_elements_text(preview_keys) FROM made",
        customer.address,
    )
    return [row["key"] for row in rows]


async def kept(shop: House, keys: list[str]) -> list[bool]:
    return [await shop.inside.store.size(key) is not None for key in keys]


async def told_twilio(shop: House, customer: Customer) -> bool:
    """Whether Twilio was asked to delete the customer's newest attachment."""
    media = await shop.one(
        "SELECT d.media_sid FROM documents d JOIN customers c ON c.id = d.customer_id "
        "WHERE c.address = %s ORDER BY d.created_at DESC LIMIT 1",
        customer.address,
    )
    return any(media in row["path"] for row in await shop.outside.asked("twilio.media.delete"))


async def status_of(shop: House, customer: Customer) -> tuple[str, bool]:
    """The newest document's status, and whether it is marked as deleted."""
    [row, *_] = await shop.sql(
        "SELECT d.status, d.deleted_at FROM documents d JOIN customers c ON c.id = d.customer_id "
        "WHERE c.address = %s ORDER BY d.created_at DESC",
        customer.address,
    )
    return row["status"], row["deleted_at"] is not None


async def marked_as_deleted(shop: House, customer: Customer) -> None:
    """Until the sweep that "delete" itself asks for was here."""
    deadline = time.monotonic() + PATIENCE
    while not (await status_of(shop, customer))[1]:
        assert time.monotonic() < deadline, "no sweep came"
        await asyncio.sleep(0.05)


async def test_a_document_with_all_that_was_made_of_it_goes(
    shop: House, customer: Customer
) -> None:
    [(name, kind, data)] = samples.color_pdf()
    await customer.sends(data, name=name, kind=kind)
    await customer.hears("How should I print it")
    await customer.replies("bw", "How many copies")
    await customer.replies("1", "Pay here")
    keys = await keys_of(shop, customer)
    assert len(keys) == 2 + 6, "the document, the gray file, three pictures of each"
    assert all(await kept(shop, keys))

    await customer.replies("delete", "Your files are deleted")
    await marked_as_deleted(shop, customer)

    assert not any(await kept(shop, keys))
    assert await keys_of(shop, customer) == []
    assert await status_of(shop, customer) == ("DELETED", True)
    assert await told_twilio(shop, customer)
    order = await shop.order_of(customer)
    assert order["status"] == "CANCELLED"
    files = "SELECT count(*) FROM print_files WHERE order_id = %s AND deleted_at IS NULL"
    assert await shop.one(files, order["id"]) == 0


async def test_what_was_paid_for_is_kept_until_it_is_printed_and_not_a_day_longer(
    shop: House, customer: Customer
) -> None:
    order, _ = await customer_who_paid(shop, customer)
    keys = await keys_of(shop, customer)

    await customer.replies("delete", "goes as soon as it is printed")
    await shop.inside.housekeeping.documents()
    assert all(await kept(shop, keys))
    assert (await shop.order_of(customer))["status"] == "PAID"

    assert await shop.prints(customer) == ["thesis.pdf"]
    await shop.inside.housekeeping.documents()
    assert not any(await kept(shop, keys))
    assert await status_of(shop, customer) == ("DELETED", True)
    assert (await shop.order_of(customer))["status"] == "READY"
    assert await shop.refunds_of(customer) == []
    assert order["id"] == (await shop.order_of(customer))["id"]


async def test_what_is_held_stays_held_and_can_still_be_printed(
    shop: House, customer: Customer
) -> None:
    _, payment = await customer_who_paid(shop, customer)
    dispute = f"/payments/{payment['payment_id']}/dispute"
    await shop.outside.control("POST", dispute, {"event": "created"})
    await shop.quiet()
    keys = await keys_of(shop, customer)

    await customer.replies("delete", "goes as soon as it is printed")
    await shop.inside.housekeeping.documents()
    assert [job["status"] for job in await shop.jobs_of(customer)] == ["HELD"]
    assert all(await kept(shop, keys))

    await shop.outside.control("POST", dispute, {"event": "won"})
    await shop.quiet()
    assert await shop.prints(customer) == ["thesis.pdf"]
    await shop.inside.housekeeping.documents()
    assert not any(await kept(shop, keys))


async def test_nobody_knows_whether_it_printed_so_the_file_is_kept(
    shop: House, customer: Customer
) -> None:
    await customer_who_paid(shop, customer)
    [job] = await shop.jobs_of(customer)
    held = await shop.worker().must_claim(job_id=job["id"])
    await held.begins()
    assert (await held.reports("UNCERTAIN", error="the power went")).status_code == 200
    keys = await keys_of(shop, customer)

    await customer.replies("delete", "goes as soon as it is printed")
    await shop.inside.housekeeping.documents()
    assert await held.status() == "UNCERTAIN"
    assert all(await kept(shop, keys))


async def test_a_file_that_is_still_being_fetched_never_becomes_a_question(
    shop: House, customer: Customer
) -> None:
    await customer.replies("Hi", "Print Shop")
    await shop.outside.trouble("twilio.media.fetch", "media_404", times=None)
    await customer.sends(pdf_of(1))
    await customer.replies("status", "still opening")

    await customer.replies("delete", "Your files are deleted")
    await marked_as_deleted(shop, customer)
    assert await told_twilio(shop, customer), "what we never fetched lies there all the same"
    await shop.outside.calm()
    await shop.sql("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
    await shop.quiet()

    assert await status_of(shop, customer) == ("DELETED", True)
    assert await customer.count("How should I print it") == 0
    assert await shop.orders_of(customer) == []


async def test_a_refused_file_does_not_stay_at_twilio(shop: House, customer: Customer) -> None:
    await customer.sends(b"%PDF-1.7 nonsense", name="broken.pdf")
    await customer.hears("couldn't open")
    assert not await told_twilio(shop, customer)

    await shop.inside.housekeeping.documents()

    assert await told_twilio(shop, customer)
    assert await status_of(shop, customer) == ("REFUSED", True)


async def test_money_that_comes_while_the_file_is_being_deleted_goes_back(
    shop: House, customer: Customer, bank: Bank
) -> None:
    link = await customer.wants("late.pdf")
    await bank.expires(link)
    await customer.hears("has run out")
    await shop.quiet()
    order = await shop.order_of(customer)
    keys = await keys_of(shop, customer)
    documents = documents_on(shop, PaidMeanwhile(shop, bank, link))
    await shop.sql(
        "UPDATE documents SET delete_after = now() - interval '1 minute' WHERE order_id = %s",
        order["id"],
    )

    await documents.delete_due()

    assert not any(await kept(shop, keys))
    await customer.hears("is no longer there")
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "EXPIRED"
    assert await shop.jobs_of(customer) == []
    [refund] = await shop.refunds_of(customer)
    assert (refund["status"], refund["amount_paise"]) == ("PROCESSED", order["total_paise"])
    assert await customer.count("Your token is") == 0
