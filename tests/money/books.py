"""Two sets of books side by side: Razorpay's (the simulator's) and ours."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.money.till import Till

_OURS = {"pending": "IN_TRANSIT", "processed": "PROCESSED", "failed": "FAILED"}


async def differences(till: Till) -> list[str]:
    """A sentence for each rupee that only one side knows, or that both call differently."""
    control = till.house.outside.control
    found = []
    theirs = {
        payment["id"]: payment
        for payment in (await control("GET", "/payments"))["payments"]
        if payment["status"] in ("captured", "refunded")
    }
    ours = {
        row["rzp_payment_id"]: row
        for row in await till.house.sql("SELECT * FROM payments WHERE rzp_payment_id IS NOT NULL")
    }
    for key in sorted(theirs.keys() | ours.keys()):
        their, our = theirs.get(key), ours.get(key)
        if their is None or our is None:
            found.append(f"payment {key}: {_who(their)} only")
        elif (their["amount"], their["currency"]) != (our["captured_paise"], our["currency"]):
            found.append(f"payment {key}: {their['amount']} there, {our['captured_paise']} here")
        elif their["amount_refunded"] != our["refunded_paise"]:
            found.append(
                f"payment {key}: {their['amount_refunded']} back there, "
                f"{our['refunded_paise']} here"
            )
    found += await _refunds(till)
    return found


async def _refunds(till: Till) -> list[str]:
    found = []
    theirs = {refund["id"]: refund for refund in await till.refunds_out_there()}
    ours: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in await till.house.sql(
        "SELECT r.* FROM refunds r JOIN payments p ON p.id = r.payment_id "
        "WHERE p.rzp_payment_id IS NOT NULL"
    ):
        if row["rzp_refund_id"] is not None:
            ours[row["rzp_refund_id"]].append(row)
        elif row["status"] != "FAILED":
            found.append(f"refund {row['id']}: {row['status']} here, never made there")
    for key in sorted(theirs.keys() | ours.keys()):
        their, rows = theirs.get(key), ours.get(key, [])
        if their is None or len(rows) != 1:
            found.append(f"refund {key}: {_who(their)}, {len(rows)} rows here")
        elif (their["amount"], _OURS[their["status"]]) != (
            rows[0]["amount_paise"],
            rows[0]["status"],
        ):
            found.append(
                f"refund {key}: {their['amount']} {their['status']} there, "
                f"{rows[0]['amount_paise']} {rows[0]['status']} here"
            )
    return found


def _who(their: Any) -> str:
    return "we" if their is None else "Razorpay"
