"""When a payment link is read, whatever becomes of its news."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.looks import look_after_failure, next_look

MADE = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def all_looks(lasting: timedelta, *, still_open: bool) -> list[timedelta]:
    """Every look of a link's life, from its making."""
    found, now = [], MADE
    while at := next_look(MADE, MADE + lasting, still_open=still_open, now=now):
        found.append(at - MADE)
        now = at
    return found


def test_every_look_at_a_link_of_half_an_hour() -> None:
    half_an_hour = 30 * MINUTE
    assert all_looks(half_an_hour, still_open=True) == [
        *(n * MINUTE for n in (1, 2, 3, 5, 10, 15, 20, 25)),
        half_an_hour,
        half_an_hour + MINUTE,
        *(half_an_hour + n * DAY for n in (1, 2, 3, 4, 5, 6, 7)),
    ]


def test_a_closed_link_is_read_when_it_would_have_expired_and_daily_for_a_week() -> None:
    assert all_looks(16 * MINUTE, still_open=False) == [
        16 * MINUTE,
        17 * MINUTE,
        *(16 * MINUTE + n * DAY for n in range(1, 8)),
    ]


def test_a_link_of_days_is_read_hourly_after_its_first_hour() -> None:
    looks = all_looks(2 * DAY, still_open=True)
    assert looks[:14] == [n * MINUTE for n in (1, 2, 3, *range(5, 60, 5))]
    assert looks[14:61] == [timedelta(hours=n) for n in range(1, 48)]
    assert looks[61:] == [2 * DAY, 2 * DAY + MINUTE, *(n * DAY for n in range(3, 10))]


@pytest.mark.parametrize("asked", [2, 5, 15])
def test_the_moments_lost_news_needs_are_among_them(asked: int) -> None:
    assert asked * MINUTE in all_looks(30 * MINUTE, still_open=True)


@pytest.mark.parametrize(
    ("now", "refused", "later"),
    [
        # Between two looks the next one comes first.
        (timedelta(minutes=2, seconds=3), False, 3 * MINUTE),
        (timedelta(minutes=2, seconds=3), True, 3 * MINUTE),
        (5 * MINUTE, False, 6 * MINUTE),
        (5 * MINUTE, True, 10 * MINUTE),
        # A day is long for a provider that is only away.
        (30 * MINUTE + DAY, False, 31 * MINUTE + DAY),
        (30 * MINUTE + DAY, True, 30 * MINUTE + 2 * DAY),
        (30 * MINUTE + 7 * DAY, False, None),
        (30 * MINUTE + 7 * DAY, True, None),
        (30 * MINUTE + 9 * DAY, False, None),
    ],
)
def test_a_link_that_could_not_be_read_is_put_off(
    now: timedelta, refused: bool, later: timedelta | None
) -> None:
    at = look_after_failure(
        MADE, MADE + 30 * MINUTE, still_open=True, refused=refused, now=MADE + now
    )
    assert at == (None if later is None else MADE + later)


@pytest.mark.parametrize("clock", [lambda now: now, lambda now: now + timedelta(microseconds=1)])
def test_no_moment_is_looked_at_twice(clock: Callable[[datetime], datetime]) -> None:
    now, seen = MADE, []
    while at := next_look(MADE, MADE + 30 * MINUTE, still_open=True, now=now):
        seen.append(at)
        now = clock(at)
    assert len(seen) == len(set(seen)) == 17
