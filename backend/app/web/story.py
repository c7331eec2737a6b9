"""One order's story for the staff page: a flat set of facts that the template only lays out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.core.logging import scrub
from app.domain.attention import KEEPS_MONEY
from app.services.bill_service import order_bills
from app.services.report_service import OrderStory
from app.web.text import clock_time, day_and_time, one_line
from app.web.view import TONES, age, masked, screen_state, wishes

LAST_MESSAGES = 20
TONE_OF_MONEY = {
    "CAPTURED": "ok",
    "LINK_SENT": "info",
    "INITIATED": "quiet",
    "CLOSED": "quiet",
    "FAILED": "bad",
    "REQUESTED": "warn",
    "IN_TRANSIT": "info",
    "PROCESSED": "ok",
}
TONE_OF_JOB = {
    "QUEUED": "info",
    "CLAIMED": "info",
    "PRINTING": "info",
    "COMPLETED": "ok",
    "UNCERTAIN": "warn",
    "HELD": "warn",
    "FAILED": "bad",
    "CANCELLED": "quiet",
}


def story_page(story: OrderStory, now: datetime, language: str) -> dict[str, Any]:
    """What ``order.html`` needs beside the frame."""
    zone = story.shop.timezone
    billed = order_bills(story.bills)
    state = screen_state(story.order.status, story.jobs[-1].status if story.jobs else None)

    def when(moment: datetime | None) -> str:
        return day_and_time(moment, zone, language) if moment else ""

    return {
        "order": story.order,
        "label": story.order.token or story.order.code,
        "name": one_line(story.customer.name, 60),
        "phone": masked(story.customer.phone),
        "state": state,
        "tone": TONES[state],
        "age": age(story.order.created_at, now),
        "documents": [
            {
                "name": one_line(document.name, 120),
                "status": document.status,
                "kind": document.kind,
                "pages": document.pages,
                "colored": len(document.color_pages),
                "size_kb": (document.bytes + 1023) // 1024,
                "deleted_at": when(document.deleted_at),
            }
            for document in story.documents
        ],
        "quote": story.quote,
        "wishes": wishes(story.quote.choices) if story.quote else [],
        "payments": [
            (payment, TONE_OF_MONEY[payment.status], when(payment.captured_at))
            for payment in story.payments
        ],
        "kept": [
            each for each in story.decisions if each.resolution in KEEPS_MONEY and each.amount_paise
        ],
        "refunds": [
            (refund, TONE_OF_MONEY[refund.status], when(refund.created_at))
            for refund in story.refunds
        ],
        "bill_label": billed.bill.label if billed else "",
        "jobs": [
            (
                job,
                TONE_OF_JOB[job.status],
                [
                    (attempt, when(attempt.claimed_at))
                    for attempt in story.attempts
                    if attempt.job_id == job.id
                ],
            )
            for job in story.jobs
        ],
        "messages": [
            # The customer's page opens without a login; its address stays between bot and them.
            (message, scrub(message.body), when(message.staged_at))
            for message in story.messages[-LAST_MESSAGES:]
        ],
        "timeline": [
            {
                "at": clock_time(row["at"], zone, language),
                "full": when(row["at"]),
                "entity": row["entity"],
                "to": row["to_status"],
                "by": _who(row["actor"]),
            }
            for row in story.timeline
        ],
    }


def _who(actor: str) -> str:
    """The person's or worker's name; the house's own doings are not signed."""
    kind, _, name = actor.partition(":")
    return one_line(name, 40) if kind in ("user", "worker") else ""
