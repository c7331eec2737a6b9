"""Where a list goes on: the moment and id of the last row shown, opaque to callers."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from uuid import UUID

from app.domain.errors import BadInput


def cursor_of(at: datetime, row_id: UUID) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{row_id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Raises BadInput for anything this house did not give out."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, _, row_id = base64.urlsafe_b64decode(padded).decode().partition("|")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("a cursor carries its zone")
        return moment, UUID(row_id)
    except (ValueError, binascii.Error):
        raise BadInput("cursor is not one this list gave out.") from None
