"""The golden delivery sequences of Razorpay, byte for byte but for the ids of our own order."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.backend.services.seeds import ordered
from tests.support.outside import Bank, Customer
from tests.support.shop import House
from tests.wire.golden import golden

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCENARIOS = {each["name"]: each for each in golden("razorpay", "scenarios")["scenarios"]}

# Order, jobs, owners of the money, refunds in paise, open questions for staff, tokens told.
Ending = tuple[str, list[str], list[str], list[int], list[str], int]
PAID: Ending = ("PAID", ["QUEUED"], ["FULFILS"], [], [], 1)
UNPAID: Ending = ("PAYMENT_PENDING", [], [], [], [], 0)
ENDINGS: dict[str, Ending] = {
    "happy_path": PAID,
    "reordered": PAID,
    "exact_duplicate": PAID,
    "duplicate_new_event_id": PAID,
    "failed_then_captured": PAID,
    "captured_then_stale_failed": PAID,
    "paid_after_local_expiry": PAID,
    "capture_only": PAID,
    "foreign_payment": UNPAID,
    # The simulated bank does not know the golden payment, so giving it back is refused.
    "paid_after_cancel": ("CANCELLED", [], ["REFUND"], [4800], ["refund_failed"], 0),
    "amount_mismatch": ("PAYMENT_PENDING", [], ["ATTENTION"], [], ["wrong_amount"], 0),
    "refund_lifecycle": ("REFUNDED", ["CANCELLED"], ["FULFILS"], [4800], ["external_refund"], 1),
    "refund_processed_then_failed": (
        "REFUNDED",
        ["CANCELLED"],
        ["FULFILS"],
        [4800],
        ["external_refund", "refund_failed"],
        1,
    ),
    "dispute_blocks_refund": ("PAID", ["HELD"], ["FULFILS"], [], ["dispute"], 1),
}


def for_order(name: str, order: dict[str, Any], link: dict[str, Any], fresh: str) -> bytes:
    """The golden body with the ids of this order in place of its own."""
    body = str(golden("razorpay", name)["request"]["raw_body"])
    replaced = {
        "po_01JFAKE0000000000000000001": str(order["reference_id"]),
        "FAKElink000001": link["id"].removeprefix("plink_"),
        "FAKEordr000001": f"ordr{fresh}",
        "FAKEpaym000001": f"paym{fresh}",
        "FAKErfnd000001": f"rfnd{fresh}",
        "FAKEdisp000001": f"disp{fresh}",
    }
    for old, new in replaced.items():
        body = body.replace(old, new)
    return body.encode()


async def test_every_golden_scenario_has_an_ending_here() -> None:
    assert set(ENDINGS) == set(SCENARIOS)


@pytest.mark.parametrize("name", sorted(ENDINGS))
async def test_a_golden_sequence(shop: House, customer: Customer, bank: Bank, name: str) -> None:
    await customer.replies("Hi", "Print Shop")
    order = await ordered(shop, customer, pages=12, copies=2)
    assert order["total_paise"] == 4800
    link = await bank.link((await customer.hears("Pay here"))["links"][0])
    fresh = secrets.token_hex(5)
    scenario = SCENARIOS[name]
    first = [] if not name.startswith("refund") else ["webhook_payment_link_paid_upi"]
    for number, event in enumerate([*first, *scenario["deliver"]]):
        event_id = "evt_same" if scenario.get("same_event_id") else f"evt_{fresh}_{number}"
        body = for_order(event, order, link, fresh)
        answer = await shop.outside.razorpay_says(body, event_id=event_id)
        assert answer.status_code == 200
        await shop.quiet()

    status, jobs, owners, refunds, questions, told = ENDINGS[name]
    assert (await shop.order_of(customer))["status"] == status
    assert [job["status"] for job in await shop.jobs_of(customer)] == jobs
    assert [
        row["disposition"] for row in await shop.payments_of(customer) if row["disposition"]
    ] == owners
    assert [row["amount_paise"] for row in await shop.refunds_of(customer)] == refunds
    assert await shop.attention_of(customer) == questions
    assert await customer.count("Your token is") == told
    assert await customer.count("refunded (reference") == (1 if name.startswith("refund") else 0)
    assert await shop.sql("SELECT reason FROM webhook_logs WHERE status = 'DEAD'") == []
