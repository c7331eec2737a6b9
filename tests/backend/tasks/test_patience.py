"""When a task is tried again, and when it takes its way out."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import sqlalchemy.exc
from procrastinate.jobs import Job
from procrastinate.utils import utcnow
from psycopg_pool import PoolTimeout

from app.domain.errors import ProviderUnavailable, ProviderUncertain
from app.tasks.work_queue import PATIENCE, Patience, ShortPatience


def job(attempts: int) -> Job:
    return Job(
        id=1, queue="default", lock=None, queueing_lock=None, task_name="t", attempts=attempts
    )


def wait(error: BaseException, attempts: int, patience: Patience | None = None) -> float | None:
    patience = patience or Patience()
    decision = patience.get_retry_decision(exception=error, job=job(attempts))
    if decision is None:
        return None
    assert decision.retry_at is not None
    return round((decision.retry_at - utcnow()).total_seconds())


OUTAGES: list[BaseException] = [
    ProviderUnavailable("razorpay", "refused"),
    ProviderUncertain("razorpay", "HTTP 503"),
    psycopg.OperationalError("gone"),
    PoolTimeout("none free"),
    sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("gone")),
]


@pytest.mark.parametrize("error", OUTAGES, ids=lambda error: type(error).__name__)
def test_an_outage_is_waited_out_ever_more_slowly(error: BaseException) -> None:
    assert [wait(error, tried) for tried in range(len(PATIENCE))] == list(PATIENCE)
    assert wait(error, len(PATIENCE)) is None


def test_a_bug_gets_three_more_tries() -> None:
    assert [wait(KeyError("x"), tried) for tried in range(5)] == [1, 3, 10, None, None]


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (ProviderUnavailable("twilio", "attachment: HTTP 404"), 6),
        (ProviderUncertain("twilio", "HTTP 503"), 6),
        (OSError("the storage does not answer"), 6),
        (KeyError("x"), 3),
        (psycopg.OperationalError("gone"), len(PATIENCE)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whoever_waits_for_a_file_waits_two_minutes(error: BaseException, tries: int) -> None:
    """Of an absent database nobody can be told anything, so that is waited for as ever."""
    waits = [wait(error, tried, ShortPatience()) for tried in range(tries)]

    assert waits == list(PATIENCE[:tries])
    assert wait(error, tries, ShortPatience()) is None
    assert sum(PATIENCE[:6]) <= 125


@pytest.mark.parametrize(("asked", "waited"), [(0.5, 1), (60, 61), (100_000, 600)])
def test_a_provider_says_when_to_come_back(asked: Any, waited: int) -> None:
    assert wait(ProviderUnavailable("twilio", 429, retry_after=asked), 0) == waited
