"""Every command of the backend by its name, and every address, asked from outside."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.meta.test_contract import ROUTES
from tests.support.processes import PYTHON, ROOT, Program
from tests.support.town import Town


def says(town: Town, *command: str) -> str:
    """What a command prints that ends well and complains about nothing."""
    ended = town.cli(*command)
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), ended.stderr
    return ended.stdout


@pytest.mark.parametrize(("method", "path", "status"), ROUTES)
def test_a_stranger_is_told(town: Town, method: str, path: str, status: int) -> None:
    answer = town.client.request(method, f"{town.url}{path}", follow_redirects=False)

    assert answer.status_code == status, answer.text


def test_the_commands_about_tables(town: Town) -> None:
    assert says(town, "migrate") == "The database is up to date.\n"
    assert says(town, "schema") == (ROOT / "backend" / "schema.sql").read_text("utf-8")


def test_doctor_names_every_part_and_finds_nothing_down(town: Town) -> None:
    lines = [line.split(maxsplit=1) for line in says(town, "doctor").splitlines()]
    found = {rest.strip(): word for word, rest in lines}

    for part in ("database", "redis", "background", "storage", "WhatsApp", "online payment"):
        assert found[part] == "ok", lines
    assert found["payment webhook"] == "ok"
    assert "down" not in found.values()


def test_a_token_stands_alone_on_stdout_and_opens_the_dashboard(town: Town) -> None:
    token = says(town, "token", "create", "--name", "accountant")

    assert re.fullmatch(r"\S{20,}\n", token)
    answer = town.client.get(
        f"{town.url}/api/v1/dashboard/stats", headers={"Authorization": f"Bearer {token.strip()}"}
    )
    assert answer.status_code == 200
    assert set(answer.json()) >= {"orders", "revenue_paise", "print_jobs", "pages", "daily"}


def test_a_token_that_is_revoked_opens_nothing_any_more(town: Town) -> None:
    tokens = [says(town, "token", "create", "--name", name).strip() for name in ("old", "kept")]

    def asked() -> list[int]:
        return [
            town.client.get(
                f"{town.url}/api/v1/dashboard/stats", headers={"Authorization": f"Bearer {token}"}
            ).status_code
            for token in tokens
        ]

    assert asked() == [200, 200]
    assert says(town, "token", "revoke", "--name", "old") == "Revoked: 1\n"
    assert asked() == [401, 200]
    again = town.cli("token", "revoke", "--name", "old")
    assert (again.returncode, again.stdout) == (1, "")
    assert "There is no token 'old' to revoke; live ones: " in again.stderr
    assert "kept" in again.stderr


def test_people_are_added_listed_and_given_a_new_password(town: Town) -> None:
    added = says(town, "users", "add", "meera", "--role", "owner")
    reset = says(town, "users", "reset", "meera")
    again = town.cli("users", "add", "meera")

    assert re.fullmatch(r"meera may sign in as owner with the password \S+\n", added)
    assert re.fullmatch(r"meera may sign in with the password \S+\n", reset)
    assert added.split()[-1] != reset.split()[-1]
    assert says(town, "users", "list").split() == ["meera", "owner"]
    assert (again.returncode, again.stdout) == (1, "")
    assert "meera" in again.stderr.splitlines()[-1]


def test_the_providers_know_us(town: Town) -> None:
    assert says(town, "twilio", "check") == "Twilio knows us.\n"
    assert says(town, "razorpay", "check") == "Razorpay knows us.\n"


def test_the_books_are_compared_and_the_promises_hold(town: Town) -> None:
    lines = dict(line.split(": ", 1) for line in says(town, "reconcile").splitlines())
    assert {"payments", "captures", "refunds", "orders", "messages"} < set(lines)
    assert re.fullmatch(
        r"\d+ compared, 0 here only, 0 there only, 0 amounts differ, "
        r"0 refund sums differ, 0 unread",
        lines["captures"],
    )
    assert re.fullmatch(r"\d+ compared, 0 there only", lines["messages"])
    assert {line.rpartition(": ")[2] for line in says(town, "check-invariants").splitlines()} == {
        "ok"
    }


def test_a_broken_promise_is_an_alarm_that_names_every_row(town: Town) -> None:
    town.sql(
        "INSERT INTO webhook_logs (provider, dedup_key, lane, raw_body, status) "
        "SELECT 'alarm', n::text, '', '', 'IGNORED' FROM generate_series(1, 103) n"
    )
    try:
        ids = [row["id"] for row in town.sql("SELECT id FROM webhook_logs WHERE provider='alarm'")]
        ended = town.cli("check-invariants")
    finally:
        town.sql("DELETE FROM webhook_logs WHERE provider = 'alarm'")

    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False), ended.stderr
    lines = ended.stdout.splitlines()
    start = lines.index("I8 every kept webhook comes to an end: 103 rows")
    named = lines[start + 1 : start + 101]
    assert set(named) <= {f"    {each} alarm IGNORED" for each in ids}
    assert len(set(named)) == 100
    assert lines[start + 101] == "    and 3 more"
    assert {line.rpartition(": ")[2] for line in lines[:start] + lines[start + 102 :]} == {"ok"}
    assert town.cli("check-invariants").returncode == 0


def test_the_poster_is_a_page_with_the_shops_number(town: Town, tmp_path: Path) -> None:
    place = tmp_path / "poster.html"

    assert str(place) in says(town, "poster", "--output", str(place))
    page = place.read_text("utf-8")
    assert "+14155238886" in page
    assert "<strong>₹2</strong>" in page

    # What stands in the settings is only where the shop began.
    says(town, "prices", "add", "--bw", "3", "--color", "12.50")
    says(town, "poster", "--output", str(place))
    page = place.read_text("utf-8")
    assert "<strong>₹3</strong>" in page
    assert "<strong>₹12.50</strong>" in page
    says(town, "prices", "add", "--bw", "2", "--color", "10")


def test_background_runs_until_it_is_asked_to_end(town: Town, tmp_path: Path) -> None:
    program = Program(
        "background",
        [PYTHON, "-m", "app.cli", "background"],
        cwd=ROOT / "backend",
        env=town.environment(),
        log=tmp_path / "background.log",
    )
    program.start()
    program.waits_for("Background tasks are running")

    assert program.stop(signal.SIGTERM) == 0


def test_wrong_usage_ends_with_2(town: Town) -> None:
    for command in (["prnt"], ["token", "create"]):
        ended = town.cli(*command)
        assert (ended.returncode, ended.stdout) == (2, ""), command
        assert "Error" in ended.stderr
