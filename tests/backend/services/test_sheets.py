"""The counter's sheets through the chat: true sizes on paper, photos that went, minds changed."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest

from app.adapters.storage import DiskStore
from app.domain.chat import Layout
from app.ports import Limits
from app.services.sheet_service import SheetService
from tests.backend.adapters.made_photos import card, on_table
from tests.backend.adapters.made_pictures import quarters
from tests.backend.adapters.test_cards import inked_mm
from tests.support.outside import Bank, Customer
from tests.support.shop import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

CORNERS = ((300.0, 330.0), (1290.0, 300.0), (1310.0, 930.0), (320.0, 950.0))


class Interrupted(DiskStore):
    """The shop's own folder; the customer cancels while the first file is being written to it."""

    def __init__(self, root: Path, customer: Customer) -> None:
        super().__init__(root)
        self.customer = customer
        self.written: list[str] = []

    async def put(self, key: str, source: Path) -> None:
        if not self.written:
            await self.customer.replies("cancel", "Cancelled")
        self.written.append(key)
        await super().put(key, source)


async def pays(customer: Customer, bank: Bank, *, after: int) -> None:
    """One copy in colour."""
    await customer.says("colour")
    await customer.hears("How many copies", after=after)
    await customer.says("1")
    message = await customer.hears("Pay here", after=after)
    await bank.captures(message["links"][0])
    await customer.hears("token", after=after)


def photo_of_a_card(seed: int) -> bytes:
    photo = io.BytesIO()
    on_table(card(seed), CORNERS, seed=seed).save(photo, "JPEG", quality=90)
    return photo.getvalue()


async def sends_both_sides(customer: Customer) -> None:
    for name, seed in (("front.jpg", 1), ("back.jpg", 2)):
        known = len(await customer.chat())
        await customer.sends(photo_of_a_card(seed), name=name, kind="image/jpeg")
        await customer.hears("card" if seed == 2 else "How should I print it", after=known)


async def sends_a_portrait(customer: Customer) -> None:
    photo = io.BytesIO()
    quarters((900, 1200)).save(photo, "JPEG", quality=92)
    await customer.sends(photo.getvalue(), name="me.jpg", kind="image/jpeg")
    await customer.hears("How should I print it")


async def pictures_on_paper(shop: House, customer: Customer, into: Path) -> list[Any]:
    """Every picture's width and height in millimetres, in the file that the printer gets."""
    [job] = await shop.jobs_of(customer)
    assert job["pages"] == 1
    printed = into / "printed.pdf"
    printed.write_bytes(await shop.inside.store.read(job["storage_key"]))
    size, boxes = inked_mm(printed)
    assert size == pytest.approx((210, 297), abs=0.1)
    return [(right - left, top - bottom) for left, bottom, right, top in boxes]


async def test_two_sides_of_a_card_are_printed_on_one_page_as_large_as_in_the_hand(
    shop: House, customer: Customer, bank: Bank, tmp_path: Path
) -> None:
    await sends_both_sides(customer)
    known = len(await customer.chat())
    await customer.taps("Both on one page")
    await customer.hears("ID card", after=known)
    await pays(customer, bank, after=known)

    sizes = await pictures_on_paper(shop, customer, tmp_path)
    assert sizes == [pytest.approx((85.6, 53.98), abs=0.1)] * 2
    [order] = await shop.orders_of(customer)
    named = {row["name"]: row["order_id"] for row in await shop.documents_of(customer)}
    assert named == {"front.jpg": None, "back.jpg": None, "ID card": order["id"]}
    assert order["status"] == "PAID"
    assert await customer.count("How should I print it") == 2


async def test_eight_passport_photos_come_out_of_one(
    shop: House, customer: Customer, bank: Bank, tmp_path: Path
) -> None:
    await sends_a_portrait(customer)
    known = len(await customer.chat())
    await customer.says("passport size photos")
    await customer.hears("8 passport photos", after=known)
    await pays(customer, bank, after=known)

    sizes = await pictures_on_paper(shop, customer, tmp_path)
    assert sizes == [pytest.approx((35, 45), abs=0.1)] * 8
    [order] = await shop.orders_of(customer)
    assert order["total_paise"] == 1000, "one page in colour"
    assert await customer.count("couldn't lay") == 0


async def test_a_photo_that_is_gone_gives_no_sheet_and_the_chat_goes_on(
    shop: House, customer: Customer
) -> None:
    await sends_both_sides(customer)
    _, back = await shop.documents_of(customer)
    await shop.inside.store.delete(back["storage_key"])
    known = len(await customer.chat())
    await customer.taps("Both on one page")
    await customer.hears("couldn't lay these photos out", after=known)
    await customer.hears("How should I print it", after=known)
    await shop.quiet()

    [order] = await shop.orders_of(customer)
    named = {row["name"]: row["order_id"] for row in await shop.documents_of(customer)}
    assert named == {"front.jpg": order["id"], "back.jpg": None}
    assert order["status"] == "DRAFT"
    await customer.replies("colour", "How many copies")


async def test_a_sheet_for_an_order_cancelled_meanwhile_is_thrown_away(
    shop: House, customer: Customer
) -> None:
    await sends_a_portrait(customer)
    order = await shop.order_of(customer)
    [photo] = await shop.documents_of(customer)
    data = Path(shop.settings.data_dir)
    store = Interrupted(data / "files", customer)
    sheets = SheetService(
        shop.inside.unit_of_work,
        shop.inside.preparer,
        store,
        shop.inside.twilio._sessions,
        limits=Limits(max_bytes=32_000_000, max_pages=500),
        work_dir=data / "work",
    )

    await sheets.make(order["id"], Layout.PASSPORT, [photo["id"]])
    assert len(store.written) == 2, "the sheet and its picture were made"
    await shop.inside.sheets.make(order["id"], Layout.PASSPORT, [photo["id"]])  # comes too late

    assert (await shop.order_of(customer))["status"] == "CANCELLED"
    assert [row["name"] for row in await shop.documents_of(customer)] == ["me.jpg"]
    assert (await customer.saw())[-1].startswith("✖️ Cancelled")
    assert list((data / "work").glob("intake-*")) == []
    unowned = await shop.inside.documents.delete_orphans(seen_before=set())
    assert set(store.written) <= unowned
    await shop.inside.documents.delete_orphans(seen_before=unowned)
    assert [await store.size(key) for key in store.written] == [None, None]


async def test_money_for_a_photo_never_prints_the_sheet_made_of_it_since(
    shop: House, customer: Customer, bank: Bank
) -> None:
    """The link was for one photo; then its other side came and both went onto one page."""
    await customer.sends(photo_of_a_card(1), name="front.jpg", kind="image/jpeg")
    await customer.hears("How should I print it")
    await customer.says("colour")
    await customer.hears("How many copies")
    await customer.says("1")
    link = (await customer.hears("Pay here"))["links"][0]
    await customer.replies("back", "How many copies")
    await customer.replies("back", "How should I print it")
    await customer.sends(photo_of_a_card(2), name="back.jpg", kind="image/jpeg")
    await customer.hears("card")
    known = len(await customer.chat())
    await customer.taps("Both on one page")
    await customer.hears("How should I print it", after=known)

    await bank.captures(link, "late")
    await customer.hears("the file it was for is no longer there")
    await shop.quiet()
    assert await shop.jobs_of(customer) == []
    [payment] = await shop.payments_of(customer)
    assert (payment["disposition"], payment["why"]) == ("REFUND", "file_gone")
    assert [refund["status"] for refund in await shop.refunds_of(customer)] == ["PROCESSED"]

    # The new order goes on where it was, at its own price.
    await customer.replies("colour", "How many copies")
    await customer.says("1")
    again = (await customer.hears("Pay here", after=known))["links"][0]
    await bank.captures(again)
    await customer.hears("token")
    [job] = await shop.jobs_of(customer)
    printed = await shop.inside.store.read(job["storage_key"])
    assert hashlib.sha256(printed).hexdigest() == job["sha256"]
