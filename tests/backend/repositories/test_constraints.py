"""What no bug in the application can write: each promise with the row that would break it."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.backend.repositories.rows import SHA, Rows

UNIQUE, CHECK = psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation


def a_second_fulfilling_payment(rows: Rows) -> object:
    order = rows.order(status="PAID")
    rows.captured(order)
    return rows.captured(order)


def a_second_original_job(rows: Rows) -> object:
    paid = rows.paid_order()
    return rows.job(paid.order, paid.document)


def a_second_open_order(rows: Rows) -> object:
    customer = rows.customer()
    rows.order(customer=customer, status="DRAFT")
    return rows.order(customer=customer, status="PAYMENT_PENDING")


def captured_money_without_an_owner(rows: Rows) -> object:
    return rows.payment(None, status="CAPTURED", captured_paise=2400)


def an_owner_of_money_that_never_came(rows: Rows) -> object:
    return rows.payment(rows.order(), status="LINK_SENT", disposition="FULFILS")


def an_owner_nobody_knows(rows: Rows) -> object:
    return rows.captured(None, disposition="SHOP")


def more_given_back_than_came(rows: Rows) -> object:
    payment = rows.captured(None, disposition="REFUND")
    return rows.run("UPDATE payments SET refunded_paise = 2401 WHERE id = %s", payment)


def less_than_nothing_given_back(rows: Rows) -> object:
    payment = rows.captured(None, disposition="REFUND")
    return rows.run("UPDATE payments SET refunded_paise = -1 WHERE id = %s", payment)


def a_refund_of_what_was_not_captured(rows: Rows) -> object:
    payment = rows.payment(rows.order())
    return rows.run("UPDATE payments SET refunded_paise = 1 WHERE id = %s", payment)


def a_refund_of_nothing(rows: Rows) -> object:
    return rows.refund(rows.captured(None, disposition="REFUND"), 0)


def a_free_quote(rows: Rows) -> object:
    return rows.quote(rows.order(), 0)


def a_refund_key_used_twice(rows: Rows) -> object:
    payment = rows.captured(None, disposition="REFUND")
    rows.refund(payment, idempotency_key="click-1")
    return rows.refund(payment, idempotency_key="click-1")


def one_capture_kept_twice(rows: Rows) -> object:
    rows.payment(None, rzp_payment_id=f"pay_{rows.shop}")
    return rows.payment(None, rzp_payment_id=f"pay_{rows.shop}")


def one_reference_for_two_intents(rows: Rows) -> object:
    rows.payment(rows.order(), reference_id=f"pw_{rows.shop}")
    return rows.payment(rows.order(), reference_id=f"pw_{rows.shop}")


def one_link_for_two_intents(rows: Rows) -> object:
    link = f"plink_{rows.shop}"
    rows.payment(rows.order(), reference_id=f"one_{rows.shop}", plink_id=link)
    return rows.payment(rows.order(), reference_id=f"two_{rows.shop}", plink_id=link)


def one_attachment_kept_twice(rows: Rows) -> object:
    customer = rows.customer()
    rows.document(customer, message_sid="MM1", media_sid=f"ME{rows.shop}")
    return rows.document(customer, message_sid="MM1", media_sid=f"ME{rows.shop}")


def a_ready_file_without_pages(rows: Rows) -> object:
    return rows.document(rows.customer(), pages=0)


def a_ready_file_without_its_hash(rows: Rows) -> object:
    return rows.document(rows.customer(), sha256="")


def an_epoch_given_out_twice(rows: Rows) -> object:
    job = rows.paid_order().job
    attempt(rows, job, epoch=1)
    return attempt(rows, job, epoch=1)


def two_live_attempts_on_one_printer(rows: Rows) -> object:
    for _ in range(2):
        attempt(rows, rows.paid_order().job, printer_name="Front", started_at="now")
    return None


def attempt(rows: Rows, job: object, **more: object) -> object:
    return rows.insert(
        "print_attempts",
        shop_id=rows.shop,
        job_id=job,
        **{"epoch": 1, "worker_id": "pc-1", "sha256": SHA, "copies": 1, **more},
    )


def two_open_items_about_one_thing(rows: Rows) -> object:
    for _ in range(2):
        rows.insert("attention_items", shop_id=rows.shop, kind="refund_failed", subject="refund:1")
    return None


def an_item_closed_by_nobody(rows: Rows) -> object:
    return rows.insert("attention_items", shop_id=rows.shop, kind="x", subject="y", closed_at="now")


def a_job_of_no_copies(rows: Rows) -> object:
    return rows.paid_order(copies=0)


def a_webhook_kept_twice(rows: Rows) -> object:
    for _ in range(2):
        rows.insert(
            "webhook_logs", provider="twilio", dedup_key=str(rows.shop), lane="x", raw_body=b"x"
        )
    return None


def one_address_for_two_customers(rows: Rows) -> object:
    rows.customer(address="whatsapp:+911")
    return rows.customer(address="whatsapp:+911")


def a_role_nobody_knows(rows: Rows) -> object:
    return rows.insert(
        "staff_users", shop_id=rows.shop, name="asha", password_hash="x", role="king"
    )


REFUSED: list[tuple[Callable[[Rows], object], type[psycopg.Error]]] = [
    (a_second_fulfilling_payment, UNIQUE),
    (a_second_original_job, UNIQUE),
    (a_second_open_order, UNIQUE),
    (captured_money_without_an_owner, CHECK),
    (an_owner_of_money_that_never_came, CHECK),
    (an_owner_nobody_knows, CHECK),
    (more_given_back_than_came, CHECK),
    (less_than_nothing_given_back, CHECK),
    (a_refund_of_what_was_not_captured, CHECK),
    (a_refund_of_nothing, CHECK),
    (a_free_quote, CHECK),
    (a_refund_key_used_twice, UNIQUE),
    (one_capture_kept_twice, UNIQUE),
    (one_reference_for_two_intents, UNIQUE),
    (one_link_for_two_intents, UNIQUE),
    (one_attachment_kept_twice, UNIQUE),
    (a_ready_file_without_pages, CHECK),
    (a_ready_file_without_its_hash, CHECK),
    (an_epoch_given_out_twice, UNIQUE),
    (two_live_attempts_on_one_printer, UNIQUE),
    (two_open_items_about_one_thing, UNIQUE),
    (an_item_closed_by_nobody, CHECK),
    (a_job_of_no_copies, CHECK),
    (a_webhook_kept_twice, UNIQUE),
    (one_address_for_two_customers, UNIQUE),
    (a_role_nobody_knows, CHECK),
]


@pytest.mark.parametrize(("write", "error"), REFUSED, ids=lambda v: v.__name__)
def test_the_database_refuses(
    rows: Rows, write: Callable[[Rows], object], error: type[psycopg.Error]
) -> None:
    with pytest.raises(error):
        write(rows)


def test_what_looks_alike_and_is_allowed(rows: Rows) -> None:
    customer = rows.customer()
    rows.order(customer=customer, status="CANCELLED")
    rows.order(customer=customer, status="PAID")
    paid = rows.paid_order()
    rows.captured(paid.order)
    rows.captured(paid.order, disposition="REFUND")
    rows.job(paid.order, paid.document, kind="REPRINT", authorised_by="user:asha")
    rows.job(paid.order, paid.document, kind="REPRINT", authorised_by="user:asha")
    attempt(rows, paid.job, printer_name="Front", started_at="now", finished_at="now")
    attempt(rows, paid.job, epoch=2, printer_name="Front", started_at="now")
    attempt(rows, rows.paid_order().job, printer_name="Back", started_at="now")
    # A printer nobody named cannot be told from another.
    attempt(rows, rows.paid_order().job, started_at="now")
    attempt(rows, rows.paid_order().job, started_at="now")

    assert rows.one("SELECT count(*) FROM orders WHERE customer_id = %s", customer) == 2
    assert rows.one("SELECT count(*) FROM print_jobs WHERE order_id = %s", paid.order) == 3
