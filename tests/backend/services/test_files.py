"""Files from the chat to the bytes that are printed, with the real parsers and the real store."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageChops

from simulator import samples
from tests.support.outside import PUBLIC, Customer
from tests.support.shop import House, bank_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORD = "Zebra-Fjord-88"
A4 = (595.276, 841.89)


async def test_the_password_opens_the_file_and_is_kept_nowhere(
    shop: House, customer: Customer
) -> None:
    await customer.sends(locked_with(WORD), name="statement.pdf")
    await customer.hears("password")

    known = len(await customer.chat())
    await customer.says("not-the-word-7319")
    await customer.hears("didn't open", after=known)
    known = len(await customer.chat())
    await customer.says(WORD)
    await customer.hears("How should I print it", after=known)
    await shop.quiet()

    for secret in (WORD, "not-the-word-7319"):
        for table in ("messages", "procrastinate_jobs", "documents", "user_sessions"):
            kept = f"SELECT count(*) FROM {table} t WHERE strpos(t::text, %s) > 0"
            assert await shop.one(kept, secret) == 0, (table, secret)
        kept = "SELECT count(*) FROM webhook_logs WHERE position(%s::bytea IN raw_body) > 0"
        assert await shop.one(kept, secret.encode()) == 0, secret


async def test_black_and_white_is_gray_before_it_reaches_a_driver(
    shop: House, customer: Customer
) -> None:
    [(name, kind, data)] = samples.color_pdf()
    await customer.sends(data, name=name, kind=kind)
    await customer.hears("How should I print it")
    await customer.says("bw")
    await customer.hears("How many copies")
    await customer.says("1")
    link = (await customer.hears("Pay here"))["links"][0]
    await bank_of(shop).captures(link)
    await customer.hears("token")

    [job] = await shop.jobs_of(customer)
    quote = await shop.one("SELECT sha256 FROM quotes WHERE order_id = %s", job["order_id"])
    document = await shop.one("SELECT sha256 FROM documents WHERE order_id = %s", job["order_id"])
    printed = await shop.inside.store.read(job["storage_key"])
    assert hashlib.sha256(printed).hexdigest() == job["sha256"] == quote != document
    assert colored_pages(printed) == []
    shown = await shop.one(
        "SELECT preview_keys FROM print_files WHERE order_id = %s", job["order_id"]
    )
    assert len(shown) == 3
    for key in shown:
        assert gray_picture(await shop.inside.store.read(key))
    assert (job["pages"], job["needs_color"], job["color_pages"]) == (6, False, [])


async def test_a_mix_keeps_its_colour_pages_and_no_other(shop: House, customer: Customer) -> None:
    [(name, kind, data)] = samples.color_pdf()
    await customer.sends(data, name=name, kind=kind)
    await customer.hears("How should I print it")
    await customer.says("both")
    await customer.hears("How many copies")
    await customer.says("2")
    link = (await customer.hears("Pay here"))["links"][0]
    await bank_of(shop).captures(link)
    await customer.hears("token")

    [job] = await shop.jobs_of(customer)
    printed = await shop.inside.store.read(job["storage_key"])
    assert hashlib.sha256(printed).hexdigest() == job["sha256"]
    assert colored_pages(printed) == job["color_pages"] == [1, 4]


@pytest.mark.parametrize(
    ("how", "colored", "paise"),
    [("bw", [], 6 * 200), ("color", [1, 2, 3, 4, 5, 6], 6 * 1000), ("both", [1, 4], 2800)],
)
async def test_pages_of_any_size_come_out_on_the_paper_that_was_paid_for(
    shop: House, customer: Customer, how: str, colored: list[int], paise: int
) -> None:
    """A3, Letter, a strip and A4: what the worker fetches is A4 throughout."""
    await customer.sends(resized([(842, 1191), (612, 792), (14_400, 100), *([A4] * 3)]))
    await customer.hears("How should I print it")
    await customer.says(how)
    await customer.hears("How many copies")
    await customer.says("1")
    link = (await customer.hears("Pay here"))["links"][0]
    await bank_of(shop).captures(link)
    await customer.hears("token")

    [job] = await shop.jobs_of(customer)
    held = await shop.worker().must_claim(job_id=job["id"])
    fetched = await shop.api.get(held.job["file"]["url"].removeprefix(PUBLIC))
    printed = fetched.content
    quote = await shop.sql("SELECT * FROM quotes WHERE order_id = %s", job["order_id"])
    assert [row["sha256"] for row in quote] == [hashlib.sha256(printed).hexdigest()]
    assert (quote[0]["amount_paise"], held.job["settings"]["paper"]) == (paise, "A4")
    assert sizes_of(printed) == [(595, 842)] * 2 + [(842, 595)] + [(595, 842)] * 3
    assert held.job["settings"]["color_pages"] == colored
    shown = await shop.one(
        "SELECT preview_keys FROM print_files WHERE order_id = %s", job["order_id"]
    )
    pictures = [Image.open(io.BytesIO(await shop.inside.store.read(key))) for key in shown]
    assert [picture.height > picture.width for picture in pictures] == [True, True, False]


async def test_a_document_on_the_right_paper_is_printed_as_it_was_kept(
    shop: House, customer: Customer
) -> None:
    """In colour, with a page on its side: no other file is made, nor waited for."""
    await customer.sends(resized([A4, A4[::-1], *([A4] * 4)]))
    await customer.hears("How should I print it")
    await customer.says("color")
    await customer.hears("How many copies")
    await customer.says("1")
    link = (await customer.hears("Pay here"))["links"][0]
    await bank_of(shop).captures(link)
    await customer.hears("token")

    [job] = await shop.jobs_of(customer)
    document = await shop.sql("SELECT * FROM documents WHERE order_id = %s", job["order_id"])
    assert [(row["sha256"], row["storage_key"]) for row in document] == [
        (job["sha256"], job["storage_key"])
    ]
    assert document[0]["page_sizes"] == [[595.276, 841.89], [841.89, 595.276]]
    assert await shop.sql("SELECT 1 FROM print_files WHERE order_id = %s", job["order_id"]) == []
    made = (
        "SELECT count(*) FROM procrastinate_jobs WHERE args ->> 'order_id' = %s AND task_name = %s"
    )
    assert await shop.one(made, str(job["order_id"]), "make_print_ready") == 0


async def test_nothing_is_left_of_a_file_past_its_time(shop: House, customer: Customer) -> None:
    link = await customer.wants("private.pdf", how="bw", copies=1)
    await bank_of(shop).captures(link)
    await customer.hears("token")
    assert await shop.prints(customer) == ["private.pdf"]
    [order] = await shop.orders_of(customer)
    before = await files_of(shop, order["id"])
    assert before
    assert all([await shop.inside.store.size(key) for key in before])

    await shop.sql(
        "UPDATE documents SET delete_after = now() - interval '1 s' WHERE order_id = %s "
        "RETURNING 1",
        order["id"],
    )
    told = len(await shop.outside.asked("twilio.media.delete"))
    await shop.inside.documents.delete_due()

    assert [await shop.inside.store.size(key) for key in before] == [None] * len(before)
    assert await shop.one("SELECT name FROM documents WHERE order_id = %s", order["id"]) == ""
    asked = await shop.outside.asked("twilio.media.delete")
    assert len(asked) == told + 1, "Twilio forgets it too"


async def test_an_object_nobody_owns_goes_and_a_missing_one_is_told(
    shop: House, customer: Customer, tmp_path: Path
) -> None:
    stray = tmp_path / "stray.pdf"
    stray.write_bytes(b"%PDF-1.4 stray")
    await shop.inside.store.put("zz/stray.pdf", stray)
    await customer.wants(copies=1)
    [order] = await shop.orders_of(customer)
    [key, *_] = await files_of(shop, order["id"])
    await shop.inside.store.delete(key)

    unowned = await shop.inside.documents.delete_orphans(seen_before=set())
    assert "zz/stray.pdf" in unowned, "the first look only remembers"
    assert await shop.inside.store.size("zz/stray.pdf") is not None
    await shop.inside.documents.delete_orphans(seen_before=unowned)
    assert await shop.inside.store.size("zz/stray.pdf") is None
    assert await shop.attention_of(customer) == ["file_missing"]


async def files_of(shop: House, order_id: object) -> list[str]:
    rows = await shop.sql(
        "SELECT storage_key FROM documents WHERE order_id = %s AND storage_key <> '' UNION ALL "
        "SELECT jsonb_array_elements_text(preview_keys) FROM documents WHERE order_id = %s "
        "UNION ALL SELECT storage_key FROM print_files WHERE order_id = %s AND deleted_at IS NULL "
        "UNION ALL SELECT jsonb_array_elements_text(preview_keys) FROM print_files "
        "WHERE order_id = %s AND deleted_at IS NULL",
        order_id,
        order_id,
        order_id,
        order_id,
    )
    return [row["storage_key"] for row in rows]


def resized(sizes: list[tuple[float, float]]) -> bytes:
    """The coloured sample, whose pages 1 and 4 have colour, on pages of these sizes."""
    [(_, _, data)] = samples.color_pdf()
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for page, (width, height) in zip(pdf.pages, sizes, strict=True):
            page.obj.MediaBox = pikepdf.Array([0, 0, width, height])
        pdf.save(out)
    return out.getvalue()


def sizes_of(data: bytes) -> list[tuple[int, int]]:
    """Width and height of each page in points."""
    document = pypdfium2.PdfDocument(data)
    try:
        return [(round(page.get_width()), round(page.get_height())) for page in document]
    finally:
        document.close()


def locked_with(password: str) -> bytes:
    [(_, _, data)] = samples.plain_pdf()
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(user=password, owner="the owner's", R=6))
    return out.getvalue()


def gray_picture(data: bytes) -> bool:
    red, green, blue = Image.open(io.BytesIO(data)).convert("RGB").split()
    apart = [ImageChops.difference(red, other).histogram() for other in (green, blue)]
    return not any(sum(counts[3:]) for counts in apart)


def colored_pages(data: bytes) -> list[int]:
    """Pages on which any pixel's channels differ, drawn at 60 dpi."""
    colored = []
    document = pypdfium2.PdfDocument(data)
    for number in range(len(document)):
        picture = document[number].render(scale=60 / 72).to_pil().convert("RGB")
        red, green, blue = picture.split()
        apart = [ImageChops.difference(red, other).histogram() for other in (green, blue)]
        if any(sum(counts[3:]) for counts in apart):
            colored.append(number + 1)
    document.close()
    return colored
