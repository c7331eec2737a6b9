"""SQL that breaks one promise about money or paper, in a database where one order is paid and
waits for its paper (``sound`` in ``test_promises``)."""

from __future__ import annotations

_REFUND = (
    "INSERT INTO refunds (shop_id, payment_id, idempotency_key, amount_paise, reason, requested_by,"
    " status, rzp_refund_id) SELECT shop_id, id, 'k', {paise}, '', '{by}', '{status}',"
    " 'rfnd_FAKE0000000001' FROM payments; UPDATE payments SET refunded_paise = {paise};"
)
_ATTEMPT = (
    "INSERT INTO print_attempts (shop_id, job_id, epoch, worker_id, sha256, copies, started_at)"
    " SELECT shop_id, id, {epoch}, 'pc', {sha256}, {copies}, {at} FROM print_jobs;"
)
_HEARD = (
    "INSERT INTO webhook_logs (provider, dedup_key, lane, raw_body, status, reason, received_at)"
    " VALUES ('razorpay', 'y', 'z', '{body}', '{status}', '{reason}', now() - interval '{age}');"
)
_ANSWERED = (
    "WITH item AS (INSERT INTO attention_items (shop_id, kind, subject, closed_at, closed_by)"
    " SELECT shop_id, 'wrong_amount', 'payment:x', now(), 'user:a' FROM payments RETURNING *)"
    " INSERT INTO attention_resolutions (shop_id, item_id, idempotency_key, body_sha256, note,"
    " resolution, amount_paise, payment_id, decided_by) SELECT i.shop_id, i.id, 'k', '', '',"
    " '{resolution}', {paise}, p.id, '{by}' FROM item i, payments p;"
)
_OTHER_QUOTE = (
    "INSERT INTO quotes (order_id, price_list_id, sha256, pages, color_pages, print_type, copies,"
    " lines, amount_paise) SELECT {order}, price_list_id, sha256, pages, color_pages, print_type,"
    " copies, lines, amount_paise FROM quotes;"
)
_OTHER_ORDER = (
    "INSERT INTO orders (shop_id, customer_id, code, page_token, status) SELECT shop_id,"
    " customer_id, 'OTHER1', 'other', 'EXPIRED' FROM orders;"
)
_NEWEST = "(SELECT id FROM quotes ORDER BY created_at DESC LIMIT 1)"
_BILL = "ALTER TABLE bills DISABLE TRIGGER refuse_change; UPDATE bills SET"


def refund(paise: int = 100, by: str = "user:a", status: str = "REQUESTED") -> str:
    return _REFUND.format(paise=paise, by=by, status=status)


def attempt(
    epoch: int = 1, *, sha256: str = "sha256", copies: int = 6, at: str = "clock_timestamp()"
) -> str:
    return _ATTEMPT.format(epoch=epoch, sha256=sha256, copies=copies, at=at)


def heard(status: str, reason: str = "", *, body: str = "", age: str = "0") -> str:
    return _HEARD.format(status=status, reason=reason, body=body, age=age)


def told(event: str, *ids: str) -> str:
    """A webhook of Razorpay's that was worked on."""
    named = ", ".join(f'{{"id": "{each}"}}' for each in ids)
    return heard("DONE", body=f'{{"event": "{event}", "payload": [{named}]}}')


def answered(resolution: str, paise: int, by: str = "user:a") -> str:
    return _ANSWERED.format(resolution=resolution, paise=paise, by=by)


def moved(before: str, after: str, actor: str = "user:a", epoch: int = 1) -> str:
    return (
        "INSERT INTO transitions (entity, entity_id, from_status, to_status, actor, epoch) SELECT"
        f" 'print_jobs', id, '{before}', '{after}', '{actor}', {epoch} FROM print_jobs;"
    )


# Every clause of every promise: which one it is, and what breaks it and nothing else.
VIOLATIONS = {
    "given back in word only": ("I1", "UPDATE payments SET disposition = 'REFUND'"),
    "given back in part only": (
        "I1",
        "UPDATE payments SET disposition = 'REFUND';" + refund(100),
    ),
    "nobody is asked": ("I1", "UPDATE payments SET disposition = 'ATTENTION'"),
    "nobody is asked any more": (
        "I1",
        (
            "UPDATE payments SET disposition = 'ATTENTION';"
            " INSERT INTO attention_items (shop_id, kind, subject, order_id, closed_at, closed_by)"
            " SELECT shop_id, 'wrong_amount', 'order:' || order_id, order_id, now(), 'system:x'"
            " FROM payments"
        ),
    ),
    "kept less than there is": (
        "I1",
        "UPDATE payments SET disposition = 'ATTENTION';" + answered("keep_as_credit", 2399),
    ),
    "decided to print and did not": (
        "I1",
        "UPDATE payments SET disposition = 'ATTENTION';" + answered("print_it", 2400),
    ),
    "the order was given back, its money not": ("I1", "UPDATE orders SET status = 'REFUNDED'"),
    "given back and still to be printed": ("I1", refund(2400)),
    "given back and ready": ("I1", "UPDATE orders SET status = 'READY';" + refund(2400)),
    "another currency": ("I2", "UPDATE payments SET currency = 'USD'"),
    "too little": (
        "I2",
        (
            f"UPDATE payments SET captured_paise = 1200; {_BILL} amount_paise = 1200,"
            " taxable_paise = 1200"
        ),
    ),
    "too much": (
        "I2",
        (
            f"UPDATE payments SET captured_paise = 2401; {_BILL} amount_paise = 2401,"
            " taxable_paise = 2401"
        ),
    ),
    "too little, and a machine accepted it": (
        "I2",
        f"UPDATE payments SET captured_paise = 1200; {_BILL} amount_paise = 1200,"
        " taxable_paise = 1200;" + answered("print_it", 1200, "system:x"),
    ),
    "never priced": ("I2", "UPDATE payments SET quote_id = NULL"),
    "the price of another order": (
        "I2",
        _OTHER_ORDER
        + _OTHER_QUOTE.format(order="(SELECT id FROM orders WHERE code = 'OTHER1')")
        + f"UPDATE payments SET quote_id = {_NEWEST};"
        + f"UPDATE orders SET quote_id = {_NEWEST} WHERE status = 'PAID'",
    ),
    "another price of the order": (
        "I2",
        _OTHER_QUOTE.format(order="order_id") + f"UPDATE orders SET quote_id = {_NEWEST}",
    ),
    "no link of ours": ("I2", "UPDATE payments SET reference_id = NULL"),
    "the link of another price": (
        "I2",
        _OTHER_QUOTE.format(order="order_id")
        + "UPDATE payments SET reference_id = NULL; INSERT INTO payments (shop_id, order_id,"
        " quote_id, amount_paise, reference_id, plink_id) SELECT shop_id, order_id,"
        f" {_NEWEST}, 2400, 'pw_2', plink_id FROM payments",
    ),
    "started before it was paid": ("I3", attempt(at="now() - interval '1 day'")),
    "other bytes": ("I4", attempt(sha256="'other'")),
    "other copies": ("I4", attempt(copies=5)),
    "started twice": ("I5", attempt(1) + attempt(2)),
    "a machine decided that it printed": ("I6", moved("UNCERTAIN", "COMPLETED", "system:x")),
    "a worker decided that it did not": ("I6", moved("UNCERTAIN", "FAILED", "worker:pc")),
    "paid and silent": (
        "I7",
        (
            "UPDATE orders SET updated_at = now() - interval '1 hour';"
            "UPDATE print_jobs SET updated_at = now() - interval '1 hour'"
        ),
    ),
    "not thought about for hours": ("I8", heard("NEW", age="2 hours")),
    "dead without a word": (
        "I8",
        heard("DEAD") + "INSERT INTO attention_items (shop_id, kind, subject) SELECT s.id,"
        " 'webhook_not_handled', 'webhook:' || w.id FROM shops s, webhook_logs w",
    ),
    "dead and nobody was asked": ("I8", heard("DEAD", "not readable")),
    "ignored without a reason": ("I8", heard("IGNORED")),
    "an arrow that is not drawn": ("I10", moved("COMPLETED", "QUEUED")),
    "an older epoch moved it": (
        "I11",
        moved("QUEUED", "CLAIMED", epoch=2) + moved("CLAIMED", "QUEUED", epoch=1),
    ),
    "a refund that the payment does not know": (
        "I15",
        refund() + "UPDATE payments SET refunded_paise = 0",
    ),
    "a failed refund that the payment still counts": (
        "I15",
        refund(status="FAILED"),
    ),
    "refunded too much and nobody was told": (
        "I15",
        refund(100) + "UPDATE orders SET status = 'REFUNDED'; UPDATE payments SET refunded_paise ="
        " 2400; INSERT INTO refunds (shop_id, payment_id, idempotency_key, amount_paise, reason,"
        " requested_by) SELECT shop_id, id, 'other', 2400, '', 'user:a' FROM payments",
    ),
    "paper, and a machine gave money back": ("I15b", attempt() + refund(by="system:refund")),
    "paper, given back elsewhere, and nobody was asked": (
        "I15b",
        attempt() + refund(by="external"),
    ),
    "the sum of no lines": (
        "I16",
        (
            "ALTER TABLE quotes DISABLE TRIGGER refuse_change; UPDATE quotes SET lines ="
            " '[{\"amount_paise\": 2399}]'"
        ),
    ),
    "two open orders": (
        "I17",
        (
            "DROP INDEX uq_orders_open; INSERT INTO orders (shop_id, customer_id, code,"
            " page_token) SELECT shop_id, customer_id, 'OPEN' || n, 'open' || n FROM orders,"
            " generate_series(1, 2) n"
        ),
    ),
    "a file that should be gone": (
        "I19",
        (
            "UPDATE print_jobs SET updated_at = now() - interval '8 days'; UPDATE documents"
            " SET order_id = NULL, delete_after = now() - interval '1 hour'"
        ),
    ),
    "a captured payment that is not here": ("I26", told("payment.captured", "pay_FAKEelsewhere1")),
    "a paid link whose payment is not here": (
        "I26",
        told("payment_link.paid", "pay_FAKE0000000001", "pay_FAKEelsewhere1"),
    ),
    "a part paid that is not here": (
        "I26",
        told("payment_link.partially_paid", "pay_FAKEelsewhere1"),
    ),
    "a refund that is not here": ("I26", told("refund.created", "rfnd_FAKEelsewhere1")),
    "a refund that arrived there and is under way here": (
        "I26",
        refund(status="IN_TRANSIT") + told("refund.processed", "rfnd_FAKE0000000001"),
    ),
    "a refund that failed there and is asked for here": (
        "I26",
        refund() + told("refund.failed", "rfnd_FAKE0000000001"),
    ),
    "a bill number that nobody used": ("I28", "UPDATE bill_counters SET last = last + 1"),
    "printed, says nobody": (
        "I29",
        (
            "UPDATE print_jobs SET status = 'CLAIMED'; UPDATE print_jobs SET status = 'PRINTING';"
            "UPDATE print_jobs SET status = 'COMPLETED'"
        ),
    ),
}

# What looks like the above and is fine.
KEPT = {
    "a person accepted another amount": f"UPDATE payments SET captured_paise = 1200; {_BILL}"
    " amount_paise = 1200, taxable_paise = 1200;" + answered("print_it", 1200),
    "kept as credit": "UPDATE payments SET disposition = 'ATTENTION';"
    + answered("keep_as_credit", 2400),
    "given back whole": "UPDATE orders SET status = 'REFUNDED';" + refund(2400),
    "given back after printing, by a person": attempt() + refund(2399),
    "paid a second time on its link": "INSERT INTO payments (shop_id, order_id, quote_id, plink_id,"
    " amount_paise, captured_paise, status, disposition, rzp_payment_id, refunded_paise) SELECT"
    " shop_id, order_id, quote_id, plink_id, 2400, 2400, 'CAPTURED', 'REFUND', 'pay_2', 2400 FROM"
    " payments; INSERT INTO refunds (shop_id, payment_id, idempotency_key, amount_paise, reason,"
    " requested_by) SELECT shop_id, id, 'k', 2400, '', 'system:refund' FROM payments WHERE"
    " rzp_payment_id = 'pay_2'",
    "everything told is here": refund(status="PROCESSED")
    + told("refund.processed", "rfnd_FAKE0000000001", "pay_FAKE0000000001"),
    "a refund of somebody else's payment": heard(
        "IGNORED", "not ours", body='{"event":"refund.created","id":"rfnd_FAKEelsewhere1"}'
    ),
    "bytes that are no text": heard("IGNORED", "no", body="\\xff00")
    + "UPDATE webhook_logs SET status = 'DONE', raw_body = '\\xff007b22'",
}


_UNGUARDED = "ALTER TABLE bills DISABLE TRIGGER refuse_change;"
_COPY = (
    "INSERT INTO bills (shop_id, order_id, refers_to, refund_id, kind, mode, series, year, number, "
    "label, day, issued_at, amount_paise, taxable_paise, cgst_paise, sgst_paise, rate_bp, sac, "
    "gstin, shop_name, shop_address, lines) SELECT shop_id, {order}, {refers}, {refund}, {kind}, "
    "mode, {series}, year, {number}, {label}, day, {at}, {amount}, {amount}, 0, 0, rate_bp, sac, "
    "gstin, shop_name, shop_address, lines FROM bills;"
)


def copied(**facts: str) -> str:
    """SQL that issues another bill like the one there is, with its number counted."""
    chosen = {
        "order": "NULL",
        "refers": "NULL",
        "refund": "NULL",
        "kind": "'DAY_INVOICE'",
        "series": "'D'",
        "number": "1",
        "label": "'D/2627/1'",
        "at": "issued_at",
        "amount": "amount_paise",
        **facts,
    }
    counted = (
        f"INSERT INTO bill_counters SELECT id, {chosen['series']}, 2026, {chosen['number']} "
        "FROM shops ON CONFLICT (shop_id, series, year) DO UPDATE SET last = excluded.last;"
    )
    return _COPY.format(**chosen) + counted


BILLED_WRONGLY = {
    "a number was taken and not used": "UPDATE bill_counters SET last = 2",
    "a number is missing": _UNGUARDED + "UPDATE bills SET number = 2",
    "a bill nobody counted": "DELETE FROM bill_counters",
    "paid and not billed": _UNGUARDED
    + "UPDATE bills SET order_id = NULL, kind = 'DAY_INVOICE', amount_paise = 0 + amount_paise",
    "billed another amount": _UNGUARDED + "UPDATE bills SET amount_paise = 1, taxable_paise = 1",
    "a small receipt is in no invoice": _UNGUARDED
    + "UPDATE bills SET mode = 'registered', day = day - 400",
    "an invoice of nothing": copied(),
    "dated before the one before": copied(
        order="order_id",
        refers="id",
        kind="'TAX_INVOICE'",
        series="'R'",
        number="2",
        label="'R/2627/2'",
        at="issued_at - interval '1 day'",
    ),
    "credited above the bill": "INSERT INTO refunds (shop_id, payment_id, idempotency_key, "
    "amount_paise, reason, requested_by, status) SELECT shop_id, id, 'k', 5, '', 'user:a', "
    "'FAILED' FROM payments;"
    + copied(
        order="order_id",
        refers="id",
        refund="(SELECT id FROM refunds)",
        kind="'REFUND_RECEIPT'",
        series="'F'",
        label="'F/2627/1'",
        amount="amount_paise + 1",
    ),
}
