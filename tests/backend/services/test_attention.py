"""Each kind of question with each of its answers: what becomes of money, paper and customer."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

import app
from app.domain.attention import KINDS, NEEDS_NOTE, About, Resolution
from tests.backend.services.questions import PRICE, answer, ask
from tests.backend.services.seeds import customer_who_paid
from tests.support.outside import Customer
from tests.support.shop import FINISHED, House

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN, BACK, ARRIVED = "Your token is", "is going back", "refunded (reference"
RETURNED = "came back from the bank"


@dataclass(frozen=True)
class End:
    """Where order, jobs and refunds end, and how often the customer was told what."""

    order: str
    jobs: tuple[str, ...] = ()
    refunds: tuple[tuple[str, int], ...] = ()
    said: tuple[tuple[str, int], ...] = ()
    open: tuple[str, ...] = ()


WAITS = "PAYMENT_PENDING"
ENDS = {
    ("wrong_amount", "refund"): End(
        WAITS, (), (("PROCESSED", 900),), ((TOKEN, 0), (BACK, 1), (ARRIVED, 1))
    ),
    ("wrong_amount", "print_it"): End("PAID", ("QUEUED",), (), ((TOKEN, 1), (BACK, 0))),
    ("wrong_amount", "keep_as_credit"): End(
        WAITS, (), (), ((TOKEN, 0), (BACK, 0), ("₹9 stays with the shop", 1))
    ),
    # The simulator's bank has no dollars: the refund fails and is the next question.
    ("wrong_currency", "refund"): End(
        WAITS, (), (("FAILED", PRICE),), ((TOKEN, 0), (RETURNED, 1)), ("refund_failed",)
    ),
    ("wrong_currency", "keep_as_credit"): End(WAITS, (), (), ((TOKEN, 0), (BACK, 0))),
    ("unknown_link", "refund"): End(WAITS, (), (), ((TOKEN, 0), (BACK, 0))),
    ("unknown_link", "matched_by_hand"): End(WAITS, (), (), ((TOKEN, 0), (BACK, 0))),
    ("unknown_link", "keep_as_credit"): End(WAITS, (), (), ((TOKEN, 0), (BACK, 0))),
    ("disputed", "taken_by_bank"): End(
        WAITS, (), (("PROCESSED", PRICE),), ((TOKEN, 0), (ARRIVED, 1))
    ),
    ("disputed", "keep_as_credit"): End(WAITS, (), (), ((TOKEN, 0), (BACK, 0))),
    ("dispute", "dispute_won"): End("PAID", ("QUEUED",), (), ((TOKEN, 1), (BACK, 0))),
    ("dispute", "taken_by_bank"): End(
        "REFUNDED", ("CANCELLED",), (("PROCESSED", PRICE),), ((BACK, 0), (ARRIVED, 1))
    ),
    ("refund_failed", "try_again"): End(
        "REFUNDED",
        ("CANCELLED",),
        (("FAILED", PRICE), ("PROCESSED", PRICE)),
        ((BACK, 2), (RETURNED, 1), (ARRIVED, 1)),
    ),
    ("refund_failed", "paid_back_by_hand"): End(
        "REFUNDED",
        ("CANCELLED",),
        (("PROCESSED", PRICE),),
        ((BACK, 1), (ARRIVED, 0), ("paid ₹8 back to you by hand", 1)),
    ),
    ("refund_failed", "keep_as_credit"): End(
        "REFUNDED",
        ("CANCELLED",),
        (("FAILED", PRICE),),
        ((ARRIVED, 0), ("₹8 stays with the shop", 1)),
    ),
    ("external_refund", "refund_stands"): End(
        "PAID", ("QUEUED",), (("PROCESSED", 300),), ((BACK, 0),)
    ),
    ("external_refund", "refund"): End(
        "REFUNDED", ("CANCELLED",), (("PROCESSED", 300), ("PROCESSED", 500)), ((BACK, 1),)
    ),
    ("did_it_print", "it_printed"): End("READY", ("COMPLETED",), (), (("Ready!", 1), (BACK, 0))),
    ("did_it_print", "print_again"): End(
        "PAID", ("CANCELLED", "QUEUED"), (), (("Ready!", 0), (BACK, 0))
    ),
    ("did_it_print", "nothing_came_out_print"): End(
        "PAID", ("QUEUED",), (), (("Ready!", 0), (BACK, 0))
    ),
    ("did_it_print", "nothing_came_out_refund"): End(
        "REFUNDED",
        ("CANCELLED",),
        (("PROCESSED", PRICE),),
        (("Ready!", 0), (BACK, 1), (ARRIVED, 1)),
    ),
    ("print_failed", "try_again"): End("PAID", ("QUEUED",), (), ((BACK, 0),)),
    ("print_failed", "refund"): End(
        "REFUNDED", ("CANCELLED",), (("PROCESSED", PRICE),), ((BACK, 1), (ARRIVED, 1))
    ),
    ("not_at_razorpay", "booked_right"): End("PAID", ("QUEUED",), (), ((TOKEN, 1), (BACK, 0))),
    ("not_at_razorpay", "taken_by_bank"): End(
        "REFUNDED", ("CANCELLED",), (("PROCESSED", PRICE),), ((BACK, 0), (ARRIVED, 1))
    ),
    ("amount_differs", "booked_right"): End("PAID", ("QUEUED",), (), ((TOKEN, 1), (BACK, 0))),
    ("amount_differs", "refund"): End(
        "REFUNDED", ("CANCELLED",), (("PROCESSED", PRICE),), ((BACK, 1), (ARRIVED, 1))
    ),
    ("wants_a_person", "seen"): End(""),
    ("refund_stuck", "refund_stands"): End(
        "REFUNDED", ("CANCELLED",), (("IN_TRANSIT", PRICE),), ((BACK, 1), (ARRIVED, 0))
    ),
    ("refunded_too_much", "refund_stands"): End(
        "REFUNDED", ("CANCELLED",), (("PROCESSED", PRICE),) * 2, ((BACK, 2), (ARRIVED, 2))
    ),
    ("no_payment_link", "seen"): End(WAITS, (), (), ((TOKEN, 0), ("at the counter", 1))),
    ("webhook_not_handled", "seen"): End(""),
    ("message_not_delivered", "seen"): End("READY", ("COMPLETED",), (), (("Ready!", 0),)),
    ("file_not_made", "seen"): End("CANCELLED", (), (), ((TOKEN, 0),)),
    ("file_not_deleted", "seen"): End("PAID", ("QUEUED",), (), ((TOKEN, 1), (BACK, 0))),
    **{
        (kind, "seen"): End("PAID", ("QUEUED",), (), ((TOKEN, 1), (BACK, 0)))
        for kind in ("not_moving", "cannot_print", "file_missing")
    },
    **{
        (kind, "refund"): End(
            "REFUNDED", ("CANCELLED",), (("PROCESSED", PRICE),), ((BACK, 1), (ARRIVED, 1))
        )
        for kind in ("not_moving", "cannot_print", "file_missing")
    },
}


@pytest.mark.parametrize(("kind", "resolution"), ENDS, ids=lambda word: word)
async def test_an_answer_and_its_ending(
    shop: House, customer: Customer, kind: str, resolution: str
) -> None:
    item = await ask(shop, customer, kind)
    answered = await answer(shop, item, resolution, note="agreed on the phone")
    assert answered.status_code == 200, answered.text
    view = answered.json()
    assert (view["status"], view["resolution"], view["closed_by"]) == (
        "CLOSED",
        resolution,
        "user:token tests",
    )
    await shop.quiet(within=5)

    end = ENDS[kind, resolution]
    orders = await shop.orders_of(customer)
    assert [order["status"] for order in orders] == ([end.order] if end.order else [])
    assert tuple(job["status"] for job in await shop.jobs_of(customer)) == end.jobs
    refunds = [(row["status"], row["amount_paise"]) for row in await shop.refunds_of(customer)]
    assert tuple(sorted(refunds)) == tuple(sorted(end.refunds))
    for words, times in end.said:
        assert await customer.count(words) == times, words
    assert tuple(await shop.attention_of(customer)) == end.open
    await shop.keeps_its_promises()
    [audit] = await shop.sql(
        "SELECT * FROM audit_log WHERE subject = %s", f"attention:{item['id']}"
    )
    assert (audit["actor"], audit["action"], audit["reason"]) == (
        "user:token tests",
        "resolve",
        "agreed on the phone",
    )
    assert audit["data"]["resolution"] == resolution


# The table itself


def _named(call: ast.Call, within: ast.AST) -> set[str]:
    """The kinds that an ``open_item`` can be called with, read from the code."""
    [kind] = [each.value for each in call.keywords if each.arg == "kind"]
    match kind:
        case ast.Constant(value=str(name)):
            return {name}
        case ast.Attribute(value=ast.Attribute(attr="why")):
            return {"wrong_amount", "wrong_currency", "unknown_link", "disputed"}  # dispose's
        case ast.Name(id="kind"):
            # Passed on: the function's own callers name it, as one of their words.
            calls = [
                each
                for each in ast.walk(within)
                if isinstance(each, ast.Call)
                and isinstance(each.func, ast.Attribute)
                and each.func.attr == "_item"
            ]
            named = [[a.value for a in each.args if isinstance(a, ast.Constant)] for each in calls]
            assert all(len(words) == 1 for words in named), named
            return {str(words[0]) for words in named}
    raise AssertionError(f"nobody can tell which kind this opens: {ast.unparse(call)}")


async def test_every_kind_that_is_opened_has_its_answers_and_every_other_is_gone() -> None:
    """A question without an answer would stay on the list for ever."""
    opened = set()
    for path in Path(app.__path__[0]).rglob("*.py"):
        module = ast.parse(path.read_text(encoding="utf-8"))
        for call in ast.walk(module):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "open_item"
            ):
                opened |= _named(call, module)
    assert opened == set(KINDS)


async def test_money_is_never_closed_by_a_mere_note() -> None:
    for name, kind in KINDS.items():
        assert kind.resolutions, name
        if kind.about is About.MONEY:
            assert Resolution.SEEN not in kind.resolutions, name
    assert {Resolution.REFUND, Resolution.KEEP_AS_CREDIT, Resolution.SEEN} <= NEEDS_NOTE


async def test_every_answer_of_every_kind_is_tried() -> None:
    wanted = {(name, answer.value) for name, kind in KINDS.items() for answer in kind.resolutions}
    # What has to wait for the bank has a story of its own below.
    assert wanted - set(ENDS) == {("disputed", "print_it"), ("disputed", "refund")}


# Stories


async def test_money_asked_about_in_a_way_nobody_listed_is_not_let_go_of(
    shop: House, customer: Customer
) -> None:
    """As after going back to an older version: the newer one's questions are still open."""
    order, bank_payment = await customer_who_paid(shop, customer)
    async with shop.inside.unit_of_work("system:newer") as tx:
        await tx.messages.open_item(
            shop_id=order["shop_id"],
            kind="something_new",
            subject=f"payment:{bank_payment['payment_id']}",
            order_id=order["id"],
        )
    [item] = await shop.sql("SELECT * FROM attention_items WHERE kind = 'something_new'")

    refused = await answer(shop, item, "seen", note="looked at it")
    assert (refused.status_code, refused.json()["error"]) == (409, "not_an_answer")
    assert await shop.attention_of(customer) == ["something_new"]
    assert (await answer(shop, item, "refund", note="asked for")).status_code == 200
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "REFUNDED"
    assert await shop.attention_of(customer) == []
    await shop.keeps_its_promises()


async def test_a_wrong_amount_that_is_accepted_prints_and_says_who_allowed_it(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "wrong_amount")
    assert (await answer(shop, item, "print_it")).status_code == 200
    [payment] = [row for row in await shop.payments_of(customer) if row["disposition"]]
    assert (payment["disposition"], payment["captured_paise"]) == ("FULFILS", 900)
    [job] = await shop.jobs_of(customer)
    assert job["authorised_by"] == "user:token tests"
    assert await shop.prints(customer) == ["thesis.pdf"]
    await customer.hears("Ready!")
    # What was paid too much can go back from the order.
    order = await shop.order_of(customer)
    assert (await shop.refund(order["id"], 100, key="the rest of it")).status_code == 202
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "READY"


async def test_money_without_an_order_pays_the_order_it_was_meant_for(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "unknown_link")
    order = await shop.order_of(customer)
    answered = await answer(
        shop, item, "matched_by_hand", note="paid by the QR", order=order["code"].lower()
    )
    assert answered.status_code == 200, answered.text
    assert answered.json()["order_id"] == str(order["id"])
    await shop.quiet()
    assert (await shop.order_of(customer))["status"] == "PAID"
    assert await customer.count(TOKEN) == 1
    assert [job["authorised_by"] for job in await shop.jobs_of(customer)] == ["user:token tests"]
    assert await shop.prints(customer) == ["thesis.pdf"]


async def test_money_for_an_order_that_is_paid_is_not_matched_to_it(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "unknown_link")
    order = await shop.order_of(customer)
    first = await shop.api.post(
        f"/api/v1/dashboard/orders/{order['id']}/cash",
        json={"amount_paise": PRICE},
        headers=shop.staff,
    )
    assert first.status_code == 200
    answered = await answer(shop, item, "matched_by_hand", note="theirs", order=str(order["id"]))
    assert (answered.status_code, answered.json()["error"]) == (409, "paid_already")
    assert (await answer(shop, item, "refund", note="paid cash")).status_code == 200
    await shop.quiet()


async def test_a_disputed_payment_prints_once_the_bank_is_done(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "disputed")
    for resolution in ("print_it", "refund"):
        answered = await answer(shop, item, resolution, note="they wait")
        assert (answered.status_code, answered.json()["error"]) == (409, "not_possible")
    assert await shop.jobs_of(customer) == []
    assert await shop.refunds_of(customer) == []
    order = await shop.order_of(customer)
    await shop.sql("UPDATE payments SET disputed = false WHERE order_id = %s", order["id"])
    assert (await answer(shop, item, "print_it")).status_code == 200
    assert await shop.prints(customer) == ["thesis.pdf"]


async def test_a_dispute_that_is_won_needs_nobody_any_more(shop: House, customer: Customer) -> None:
    item = await ask(shop, customer, "dispute")
    path = f"/payments/{item['subject'].partition(':')[2]}/dispute"
    await shop.outside.control("POST", path, {"event": "won"})
    await shop.quiet()
    [closed] = await shop.sql("SELECT * FROM attention_items WHERE id = %s", item["id"])
    assert (closed["closed_by"], closed["resolution"]) == ("system:webhook", "won")
    assert await shop.prints(customer) == ["thesis.pdf"]


@pytest.mark.parametrize(
    ("resolution", "kind"),
    [("print_again", "REPRINT"), ("nothing_came_out_print", "ORIGINAL")],
)
async def test_what_a_person_has_printed_again_ends_ready(
    shop: House, customer: Customer, resolution: str, kind: str
) -> None:
    item = await ask(shop, customer, "did_it_print")
    answered = await answer(shop, item, resolution, note="page 2 is torn")
    job = (await shop.jobs_of(customer))[-1]
    assert answered.json()["decided"]["job_id"] == str(job["id"])
    assert (job["kind"], job["reason"]) == (kind, "page 2 is torn" if kind == "REPRINT" else "")
    held = await shop.worker("after").must_claim(job_id=job["id"])
    assert (await held.begins()).status_code == 200
    assert (await held.reports("COMPLETED", evidence=FINISHED)).status_code == 200
    await customer.hears("Ready!")
    assert (await shop.order_of(customer))["status"] == "READY"
    assert await customer.count("Ready!") == 1


async def test_a_paid_order_that_was_looked_at_is_asked_about_again_later(
    shop: House, customer: Customer
) -> None:
    item = await ask(shop, customer, "not_moving")
    assert (await answer(shop, item, "seen", note="paper refilled")).status_code == 200
    order = await shop.order_of(customer)
    long_ago = "now() - interval '1 hour'"
    await shop.sql(
        f"UPDATE print_jobs SET updated_at = {long_ago} WHERE order_id = %s", order["id"]
    )
    await shop.sql(f"UPDATE orders SET updated_at = {long_ago} WHERE id = %s", order["id"])
    await shop.inside.housekeeping.orders()
    assert await shop.attention_of(customer) == []
    await shop.sql(f"UPDATE attention_items SET closed_at = {long_ago} WHERE id = %s", item["id"])
    await shop.inside.housekeeping.orders()
    assert await shop.attention_of(customer) == ["not_moving"]
    assert await shop.prints(customer) == ["thesis.pdf"]
    # Paper came out: the fact answers.
    assert await shop.attention_of(customer) == []
