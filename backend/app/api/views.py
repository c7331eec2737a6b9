"""Rows as the JSON of ``schemas``: one function per shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.api.schemas import FileOut, JobOut, RefundOut, SettingsOut
from app.core.logging import scrub
from app.domain.attention import NEEDS_NOTE
from app.domain.bills import STATES
from app.models_bills import Bill
from app.models_orders import Refund
from app.ports import LEASE_SECONDS
from app.services.attention_service import Detail, Entry
from app.services.bill_service import OrderBills
from app.services.document_service import DocumentService
from app.services.report_service import OrderStory


def job_view(job: dict[str, Any], documents: DocumentService) -> JobOut:
    return JobOut(
        id=job["id"],
        order_id=job["order_id"],
        shop_id=job["shop_id"],
        token=job["token"],
        status=job["status"],
        epoch=job["epoch"],
        lease_seconds=LEASE_SECONDS,
        attempt_id=job["attempt_id"],
        retry_count=job["retry_count"],
        printer_name=job["printer_name"],
        created_at=job["created_at"],
        error=job["error"],
        file=FileOut(
            url=documents.link(job["storage_key"]),
            sha256=job["sha256"],
            bytes=job["bytes"],
            pages=job["pages"],
            name=f"token-{job['token']}.pdf",
        ),
        settings=SettingsOut(
            print_type=job["print_type"],
            copies=job["copies"],
            pages=job["page_ranges"],
            color_pages=job["color_pages"],
            sides=job["sides"],
            paper=job["paper"],
            collate=job["collate"],
        ),
    )


def refund_view(refund: Refund) -> RefundOut:
    return RefundOut(
        id=refund.id,
        order_id=refund.order_id,
        payment_id=refund.payment_id,
        amount_paise=refund.amount_paise,
        status=refund.status,
        reason=refund.reason,
        requested_by=refund.requested_by,
        rzp_refund_id=refund.rzp_refund_id,
        created_at=refund.created_at,
    )


def bill_view(bill: Bill) -> dict[str, Any]:
    seen = row_view(bill)
    facts = seen.pop("facts")
    state = bill.gstin[:2]
    return {**seen, **facts, "place_of_supply": f"{STATES[state]} ({state})" if state else ""}


def order_bills_view(billed: OrderBills) -> dict[str, Any]:
    return {
        "bill": bill_view(billed.bill),
        "day_invoice": {"label": billed.taken_up.label, "day": billed.taken_up.day}
        if billed.taken_up
        else None,
        "notes": [bill_view(note) for note in billed.notes],
    }


def row_view(row: Any) -> dict[str, Any]:
    """Every column of a row."""
    if isinstance(row, dict):
        return dict(row)
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}


def order_line(row: dict[str, Any]) -> dict[str, Any]:
    """An order in a list. The phone is masked here; the order's own page shows no more."""
    return {**row, "phone": scrub(f"+{row['phone']}") if row["phone"] else ""}


_HIDDEN = {
    "documents": {"storage_key", "preview_keys", "message_sid", "media_sid"},
    "payments": {"next_look_at", "link_made_at"},
    "refunds": {"body_sha256", "next_look_at"},
    "jobs": {"storage_key", "queue_number"},
    "decisions": {"idempotency_key", "body_sha256", "shop_id"},
}


def _rows(name: str, items: Iterable[Any]) -> list[dict[str, Any]]:
    hidden = _HIDDEN[name]
    return [
        {key: value for key, value in row_view(item).items() if key not in hidden} for item in items
    ]


def story_view(story: OrderStory) -> dict[str, Any]:
    order = row_view(story.order)
    order.pop("page_token")
    attempts = [row_view(attempt) for attempt in story.attempts]
    jobs = _rows("jobs", story.jobs)
    for job in jobs:
        job["attempts"] = [attempt for attempt in attempts if attempt["job_id"] == job["id"]]
    return {
        **order,
        "customer": {
            "id": story.customer.id,
            "name": story.customer.name,
            "phone": scrub(f"+{story.customer.phone}") if story.customer.phone else "",
            "language": story.customer.language,
        },
        "documents": _rows("documents", story.documents),
        "quote": row_view(story.quote) if story.quote else None,
        "payments": _rows("payments", story.payments),
        "refunds": _rows("refunds", story.refunds),
        "decisions": _rows("decisions", story.decisions),
        # An invoice of a day names other people's orders.
        "bills": [bill_view(bill) for bill in story.bills if bill.order_id is not None],
        "jobs": jobs,
        "messages": [
            {
                "id": message.id,
                "direction": message.direction,
                "kind": message.kind,
                "body": message.body,
                "status": message.status,
                "error_code": message.error_code,
                "at": message.staged_at,
            }
            for message in story.messages
        ],
        "timeline": list(story.timeline),
        "ahead": story.ahead,
    }


def attention_view(entry: Entry) -> dict[str, Any]:
    """An item with its question, the answers that are possible now, and the one it got."""
    decided = _rows("decisions", [entry.decided] if entry.decided else [])
    return {
        **row_view(entry.item),
        "status": "CLOSED" if entry.item.closed_at else "OPEN",
        "about": entry.kind.about,
        "asks": entry.kind.asks,
        "resolutions": [
            {"resolution": each, "needs_note": each in NEEDS_NOTE} for each in entry.offered
        ],
        "left_paise": entry.known.facts.left_paise,
        "decided": decided[0] if decided else None,
    }


def attention_detail_view(detail: Detail, story: OrderStory | None) -> dict[str, Any]:
    payments = _rows("payments", [detail.payment] if detail.payment else [])
    return {
        **attention_view(detail.entry),
        "order": story_view(story) if story else None,
        "payment": payments[0] if payments else None,
        "refunds": _rows("refunds", detail.refunds),
        "jobs": _rows("jobs", story.jobs) if story else [],
    }
