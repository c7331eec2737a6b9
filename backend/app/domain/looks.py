"""When a payment link is read at the provider, in case its news gets lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

# The 2nd, 5th and 15th minute are what lost news needs. The others are for a shop whose webhook was
# switched off, which Razorpay does after a day of failures: whoever has paid stands at the counter.
FIRST_HOUR = tuple(timedelta(minutes=n) for n in (1, 2, 3, *range(5, 60, 5)))
# Razorpay closes a link up to 24 seconds after it expired.
CLOSED_BY_THEN = timedelta(minutes=1)
# Banks settle up to some days late, also for a link that is closed.
LATE_DAYS = 7
# Two minutes after a provider came back nothing is to be left over.
SOON = timedelta(minutes=1)


def next_look(
    made_at: datetime, expires_at: datetime, *, still_open: bool, now: datetime
) -> datetime | None:
    """The first moment to look after ``now``; None when the last one is over."""
    return next((at for at in _looks(made_at, expires_at, still_open) if at > now), None)


def look_after_failure(
    made_at: datetime, expires_at: datetime, *, still_open: bool, refused: bool, now: datetime
) -> datetime | None:
    """A link that could not be read: soon again, or when it is time if the provider said no."""
    planned = next_look(made_at, expires_at, still_open=still_open, now=now)
    return planned if planned is None or refused else min(planned, now + SOON)


def _looks(made_at: datetime, expires_at: datetime, still_open: bool) -> Iterator[datetime]:
    if still_open:
        hours = int((expires_at - made_at) / timedelta(hours=1))
        later = (timedelta(hours=n) for n in range(1, hours + 1))
        yield from (
            made_at + after for after in (*FIRST_HOUR, *later) if made_at + after < expires_at
        )
    yield expires_at
    yield expires_at + CLOSED_BY_THEN
    yield from (expires_at + timedelta(days=n) for n in range(1, LATE_DAYS + 1))
