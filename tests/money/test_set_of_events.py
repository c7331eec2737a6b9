"""The end depends on what happened, not on how often or in which order it was told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from tests.money.till import Sale, Till

pytestmark = pytest.mark.asyncio(loop_scope="module")

Happening = Callable[[Till, Sale], Awaitable[None]]
SHUFFLES = 4


async def paid(till: Till, sale: Sale) -> None:
    await till.pay(sale, "no_webhook")


async def failed(till: Till, sale: Sale) -> None:
    await till.pay(sale, "failed")


async def failed_then_paid(till: Till, sale: Sale) -> None:
    await till.pay(sale, "failed_then_captured")


async def paid_twice(till: Till, sale: Sale) -> None:
    await till.pay(sale, "twice")


async def paid_less(till: Till, sale: Sale) -> None:
    await till.pay(sale, "amount_differs", delta=-100)


async def paid_late(till: Till, sale: Sale) -> None:
    await till.pay(sale, "late")


async def expired(till: Till, sale: Sale) -> None:
    await till.expire_link(sale)


async def given_back(till: Till, sale: Sale) -> None:
    assert await till.refund_outside(sale.payments[0], sale.amount) == 200


async def half_given_back(till: Till, sale: Sale) -> None:
    assert await till.refund_outside(sale.payments[0], sale.amount // 2) == 200


async def given_back_in_vain(till: Till, sale: Sale) -> None:
    """The bank takes the refund, says that it is through, and sends it back."""
    await till.house.outside.control("POST", "/settings", {"refund_status": "pending"})
    await given_back(till, sale)
    [refund] = await till.refunds_out_there()
    for word in ("processed", "failed"):
        await till.settle_refund(refund["id"], word)


async def disputed(till: Till, sale: Sale) -> None:
    await till.dispute(sale.payments[0], "created")


def dispute_tells(*words: str) -> Happening:
    async def tells(till: Till, sale: Sale) -> None:
        for word in words:
            await till.dispute(sale.payments[0], word)

    return tells


STORIES: dict[str, tuple[Happening, ...]] = {
    "paid": (paid,),
    "failed, then paid": (failed_then_paid,),
    "failed twice, then paid": (failed, failed, paid),
    "paid twice": (paid_twice,),
    "paid less": (paid_less,),
    "paid after the link's end": (paid_late,),
    "never paid": (failed, expired),
    "paid and given back at the dashboard": (paid, given_back),
    "paid and half of it given back": (paid, half_given_back),
    "paid, given back and sent back by the bank": (paid, given_back_in_vain),
    "paid and disputed": (paid, disputed),
    "paid, disputed and asked for more": (
        paid,
        dispute_tells("created", "action_required", "under_review"),
    ),
    "paid, disputed and won": (paid, dispute_tells("created", "under_review", "won")),
    "paid, disputed and lost": (paid, dispute_tells("created", "action_required", "lost")),
    "paid, disputed and closed": (paid, dispute_tells("created", "closed")),
}


@pytest.mark.parametrize("name", STORIES)
async def test_the_same_set_of_events_comes_to_the_same_end(till: Till, name: str) -> None:
    ends = []
    for seed in range(SHUFFLES):
        await till.clear()
        sale = await till.sell(pages=2, copies=1)
        for happening in STORIES[name]:
            await happening(till, sale)
        told = list(await till.known_events())
        if seed == 1:
            told.reverse()  # every late word after the word that overtook it
        elif seed:
            dice = Random(f"{name} {seed}")
            told += dice.choices(told, k=len(told))
            dice.shuffle(told)
        for event in told:
            assert await till.deliver(event) == [200]
            await till.work()
        # Before any sweep looks at the provider, and after: sweeps would heal what events broke.
        told_only = await end(till, sale)
        await till.come_to_rest(())
        assert await till.broken(at_rest=True) == {}
        ends.append((told_only, await end(till, sale)))
    assert ends[1:] == ends[:1] * (SHUFFLES - 1)


@pytest.mark.parametrize("first", [0, 1], ids=["given back", "kept"])
async def test_of_two_payments_one_is_given_back_at_the_dashboard(till: Till, first: int) -> None:
    """Here the order matters: whichever is heard of first pays the order. But nobody is asked
    about a refund that somebody made already, and nothing is given back twice."""
    sale = await till.sell(pages=2, copies=1)
    await paid_twice(till, sale)
    captures = [event for event in till.events if "captured" in await name_of(till, event)]
    await given_back(till, sale)
    for capture in captures if first == 0 else reversed(captures):
        await till.deliver(capture)
        await till.work()
    await till.come_to_rest()

    ended = await end(till, sale)
    refunded = {p["rzp_payment_id"]: p["refunded_paise"] for p in await payments(till, sale)}
    if first == 0:
        # The dashboard's refund is of the payment that counts; the other went back as second.
        assert list(refunded.values()) == [400, 400]
        assert "'status': 'REFUNDED'" in ended["order"][0]
    else:
        assert refunded == {sale.payments[0]: 400, sale.payments[1]: 0}
        assert "'status': 'PAID'" in ended["order"][0]
    assert [refund["amount"] for refund in await till.refunds_out_there()] == [
        400 for paise in refunded.values() if paise
    ]
    open_questions = [row for row in ended["questions"] if "'open': True" in row]
    assert len(open_questions) == 1
    assert "external_refund" in open_questions[0]


async def name_of(till: Till, event: str) -> str:
    listed = (await till.house.outside.control("GET", "/events"))["events"]
    return next(str(each["name"]) for each in listed if each["id"] == event)


async def payments(till: Till, sale: Sale) -> list[dict[str, Any]]:
    return await till.house.sql(
        "SELECT * FROM payments WHERE order_id = %s AND status = 'CAPTURED' "
        "ORDER BY array_position(%s, rzp_payment_id)",
        sale.id,
        sale.payments,
    )


async def end(till: Till, sale: Sale) -> dict[str, Any]:
    """What became of the order: everything but ids, times, and what was said on the way.

    Whether money came before or after the end of its link depends on the order by nature; its
    owner does not.
    """
    rows = {
        "order": "SELECT status, total_paise FROM orders WHERE id = %s",
        "payments": "SELECT status, captured_paise, refunded_paise, disposition, "
        "replace(why, '_after_expiry', '') AS why, disputed FROM payments WHERE order_id = %s",
        "refunds": "SELECT amount_paise, status, requested_by FROM refunds WHERE order_id = %s",
        "jobs": "SELECT kind, status, copies FROM print_jobs WHERE order_id = %s",
        "questions": "SELECT kind, amount_paise, closed_at IS NULL AS open FROM attention_items "
        "WHERE order_id = %s",
        "failures told": "SELECT count(*) FROM messages WHERE order_id = %s "
        "AND kind = 'refund-failed'",
        "tokens told": "SELECT count(*) FROM messages WHERE order_id = %s AND kind = 'paid'",
    }
    return {
        name: sorted(map(str, await till.house.sql(sql, sale.id))) for name, sql in rows.items()
    }
