"""What the screens show, worked out from the rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.lifecycle import Job, Order
from app.domain.print_plan import Choices, Paper, PrintType, Sides
from app.web.render import page
from app.web.text import LANGUAGES, knows, one_line, t
from app.web.view import TONES, Age, age, masked, screen_state, wishes

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def test_every_state_of_order_and_job_has_a_word_and_a_tone() -> None:
    for order in Order:
        for job in (None, *Job):
            state = screen_state(order, job)
            assert state in TONES
            assert knows(f"state-{state}")
            assert knows(f"c-{state}")


@pytest.mark.parametrize(
    ("job", "state"),
    [
        (Job.QUEUED, "queued"),
        (Job.CLAIMED, "printing"),
        (Job.PRINTING, "printing"),
        (Job.UNCERTAIN, "check"),
        (Job.FAILED, "failed"),
        (Job.HELD, "hold"),
        (None, "queued"),
    ],
)
def test_a_paid_order_is_where_its_print_is(job: Job | None, state: str) -> None:
    assert screen_state("PAID", job) == state


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (timedelta(seconds=-5), Age("now", 0, "")),
        (timedelta(seconds=59), Age("now", 0, "")),
        (timedelta(minutes=4, seconds=59), Age("minutes", 4, "")),
        (timedelta(minutes=5), Age("minutes", 5, "amber")),
        (timedelta(minutes=15), Age("minutes", 15, "red")),
        (timedelta(hours=2), Age("hours", 2, "red")),
        (timedelta(days=3), Age("days", 3, "red")),
    ],
)
def test_waiting_prints_turn_amber_then_red(passed: timedelta, shown: Age) -> None:
    assert age(NOW - passed, NOW, hurry=True) == shown
    assert age(NOW - passed, NOW).level == ""


def test_phones_are_masked() -> None:
    assert masked("919812342582") == "+91 •••• ··2582"
    assert masked("") == ""
    assert "1234" not in masked("919812342582")


def test_only_what_is_unusual_stands_out() -> None:
    assert wishes({}) == []
    assert wishes(Choices(PrintType.BW).as_dict()) == []
    special = Choices(
        PrintType.BW, pages=(1, 2, 3, 7), sides=Sides.LONG_EDGE, paper=Paper.A3, per_sheet=4
    )
    said = {
        language: [t(text, language, **values) for text, values in wishes(special.as_dict())]
        for language in LANGUAGES
    }
    assert said["en"] == ["both sides", "A3", "pages 1-3, 7", "4 pages per side"]
    assert said["hi"] == ["दोनों तरफ़", "A3", "पेज 1-3, 7", "एक तरफ़ 4 पेज"]


def test_names_lose_what_turns_or_hides_text_and_keep_their_script() -> None:
    assert one_line("invoice\u202efdp.exe\n\u2066 x", 60) == "invoicefdp.exe x"
    assert one_line("क्‍ष \u200dசிறி", 60) == "क्‍ष \u200dசிறி"
    assert one_line("a" * 100, 10) == "a" * 9 + "…"


def test_templates_escape_everything() -> None:
    shown = page("login.html", "en", shop_name="<b>", back='"><i>', name="'\"><u>", wrong=True)
    html = bytes(shown.body).decode()
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<u>" not in html
