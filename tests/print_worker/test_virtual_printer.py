"""The virtual printer: what comes out, on which sheet, in which colour, and how it misbehaves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from print_worker.instance_lock import AlreadyRunning
from print_worker.job import Job, Ticket
from print_worker.printer import MaybeAccepted, NotAccepted, Phase, PrintTask, SpoolJob
from print_worker.printers.layout import sides
from print_worker.printers.virtual import VirtualPrinter
from print_worker.settings import PrinterSettings
from tests.print_worker.shop import in_time, pages_in, pdf

Make = Callable[..., VirtualPrinter]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Open a printer on the same output folder; opening again is a restart of the spooler."""
    opened: list[VirtualPrinter] = []

    def one(quirk: str = "", *, pause: float = 0.01, name: str = "virtual") -> VirtualPrinter:
        for older in opened:
            older.close()
        printer = VirtualPrinter(
            PrinterSettings(name, "virtual"),
            output_dir=tmp_path / "paper",
            seconds_per_page=pause,
            quirk=quirk,
            submit_seconds=0.2,
        )
        printer.open()
        opened.append(printer)
        return printer

    yield one
    for printer in opened:
        printer.close()


def ticket(count: int = 3, /, **changes: Any) -> Ticket:
    settings = {"print_type": "BW", "copies": 1, "pages": "", **changes}
    raw = {"settings": settings}
    return Job("j", "a", 1, 90.0, "41", "/f", "0" * 64, 1, count, raw).ticket()


def task(folder: Path, *, attempt: str = "att-1", pages: int = 3, **changes: Any) -> PrintTask:
    file = folder / f"{attempt}.pdf"
    file.write_bytes(pdf(pages))
    wanted = ticket(pages, **changes)
    return PrintTask(f"PO-{attempt}", file, "job-1", attempt, "41", wanted)


def finished(printer: VirtualPrinter, ref: str) -> SpoolJob:
    over = (Phase.DONE, Phase.STOPPED, Phase.GONE)
    seen = in_time(lambda: (j := printer.job(ref)).phase in over and j)
    assert seen, printer.job(ref)
    job: SpoolJob = seen
    return job


def paper(folder: Path) -> list[dict[str, Any]]:
    path = folder / "paper" / "paper.jsonl"
    return (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    )


def order(wanted: Ticket) -> list[tuple[int, int, int, str]]:
    return [(side.copy, side.page, side.sheet, side.face) for side in sides(wanted)]


def test_one_sided_copies_use_a_sheet_per_page() -> None:
    assert order(ticket(2, copies=2)) == [
        (1, 1, 1, "front"),
        (1, 2, 2, "front"),
        (2, 1, 3, "front"),
        (2, 2, 4, "front"),
    ]


@pytest.mark.parametrize("edge", ["two-sided-long-edge", "two-sided-short-edge"])
def test_two_sided_copies_start_on_a_new_sheet(edge: str) -> None:
    assert order(ticket(3, copies=2, sides=edge)) == [
        (1, 1, 1, "front"),
        (1, 2, 1, "back"),
        (1, 3, 2, "front"),
        (2, 1, 3, "front"),
        (2, 2, 3, "back"),
        (2, 3, 4, "front"),
    ]


def test_uncollated_all_copies_of_a_sheet_come_first() -> None:
    assert order(ticket(3, copies=2, sides="two-sided-long-edge", collate=False)) == [
        (1, 1, 1, "front"),
        (1, 2, 1, "back"),
        (2, 1, 2, "front"),
        (2, 2, 2, "back"),
        (1, 3, 3, "front"),
        (2, 3, 4, "front"),
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"print_type": "BW", "color_pages": [2]}, [False, False, False]),
        ({"print_type": "COLOR"}, [True, True, True]),
        ({"print_type": "BOTH", "color_pages": [2]}, [False, True, False]),
        ({"print_type": "BOTH", "color_pages": []}, [False, False, False]),
        ({"print_type": "BOTH", "color_pages": [1, 3], "pages": "2-3"}, [False, True]),
    ],
)
def test_colour_is_decided_page_by_page(settings: dict[str, Any], expected: list[bool]) -> None:
    assert [side.color for side in sides(ticket(3, **settings))] == expected


def test_the_pages_that_came_out_are_in_the_pdf_and_in_the_log(make: Make, tmp_path: Path) -> None:
    printer = make()
    wanted = task(tmp_path, pages=5, copies=2, sides="two-sided-long-edge")
    seen = finished(printer, printer.submit(wanted))

    assert (seen.phase, seen.sides_out, seen.sheets_out) == (Phase.DONE, 10, 6)
    for copy in (1, 2):
        assert pages_in(tmp_path / "paper" / "att-1" / f"copy-{copy}.pdf") == [1, 2, 3, 4, 5]
    first = paper(tmp_path)[0]
    assert first.pop("at").endswith("+00:00")
    assert first == {
        "job_id": "job-1",
        "attempt_id": "att-1",
        "token": "41",
        "copy": 1,
        "page": 1,
        "color": False,
        "sheet": 1,
        "face": "front",
        "sha256": hashlib.sha256(wanted.file.read_bytes()).hexdigest(),
    }
    assert len(paper(tmp_path)) == 10


def test_a_page_range_prints_just_those_pages(make: Make, tmp_path: Path) -> None:
    printer = make()
    file = task(tmp_path, pages=5)
    wanted = PrintTask(file.title, file.file, "j", "att-1", "41", ticket(5, pages="2-3,5"))
    finished(printer, printer.submit(wanted))

    assert pages_in(tmp_path / "paper" / "att-1" / "copy-1.pdf") == [2, 3, 5]
    assert [line["page"] for line in paper(tmp_path)] == [1, 2, 3]


def test_a_finished_job_is_found_by_its_title_after_a_restart(make: Make, tmp_path: Path) -> None:
    printer = make()
    ref = printer.submit(task(tmp_path))
    finished(printer, ref)
    printer.forget(ref)
    mark = printer.history_mark()

    again = make()
    (seen,) = again.find("PO-att-1")
    assert (seen.phase, seen.sides_out) == (Phase.DONE, 3)
    assert again.history_mark() == mark
    assert again.find("PO-other") == []
    assert len(paper(tmp_path)) == 3


def test_a_job_cut_off_by_a_restart_stays_cut_off(make: Make, tmp_path: Path) -> None:
    printer = make(pause=0.15)
    ref = printer.submit(task(tmp_path, pages=9))
    assert in_time(lambda: len(paper(tmp_path)) >= 2)
    printer.close()

    again = make()
    out = len(paper(tmp_path))
    seen = again.job(ref)
    assert (seen.phase, seen.sides_out) == (Phase.STOPPED, out)
    assert 2 <= out < 9
    assert pages_in(tmp_path / "paper" / "att-1" / "copy-1.pdf") == list(range(1, out + 1))
    other = again.submit(task(tmp_path, attempt="att-2"))
    assert finished(again, other).phase is Phase.DONE
    assert [line["attempt_id"] for line in paper(tmp_path)].count("att-1") == out


def test_a_spooler_that_repeats_prints_from_page_one_again(make: Make, tmp_path: Path) -> None:
    printer = make("repeats_after_restart", pause=0.15)
    ref = printer.submit(task(tmp_path, pages=4))
    assert in_time(lambda: len(paper(tmp_path)) >= 2)
    printer.close()

    again = make("repeats_after_restart")
    out = len(paper(tmp_path))
    seen = finished(again, ref)
    assert (seen.phase, seen.sides_out) == (Phase.DONE, out + 4)
    copy = pages_in(tmp_path / "paper" / "att-1" / "copy-1.pdf")
    assert copy == [*range(1, out + 1), 1, 2, 3, 4]


def test_a_spooler_that_loses_forgets_the_title_and_its_promise(make: Make, tmp_path: Path) -> None:
    printer = make(pause=0.15)
    ref = printer.submit(task(tmp_path, pages=9))
    mark = printer.history_mark()
    assert in_time(lambda: paper(tmp_path))
    printer.close()

    again = make("loses_after_restart")
    assert again.find("PO-att-1") == []
    assert again.job(ref).phase is Phase.GONE
    assert again.history_mark() is None
    assert make().history_mark() not in (None, mark)


def test_a_printer_that_dies_leaves_the_first_pages(make: Make, tmp_path: Path) -> None:
    printer = make("dies_after:2")
    seen = finished(printer, printer.submit(task(tmp_path, pages=5)))

    assert (seen.phase, seen.sides_out) == (Phase.STOPPED, 2)
    assert "lost power" in seen.message
    assert pages_in(tmp_path / "paper" / "att-1" / "copy-1.pdf") == [1, 2]


@pytest.mark.parametrize(
    ("quirk", "reason"),
    [("jam", "media-jam"), ("paper_out", "media-empty"), ("offline", "offline")],
)
def test_a_blocked_job_says_why_and_goes_on_when_it_is_fixed(
    make: Make, tmp_path: Path, quirk: str, reason: str
) -> None:
    printer = make(pause=0.1)
    switch = tmp_path / "paper" / "quirk"
    ref = printer.submit(task(tmp_path, pages=4))
    assert in_time(lambda: paper(tmp_path))
    switch.write_text(quirk + "\n", "utf-8")

    assert in_time(lambda: printer.job(ref).phase is Phase.BLOCKED)
    assert printer.job(ref).reasons == (reason,)
    assert printer.state().reasons == (reason,)
    out = len(paper(tmp_path))
    assert out < 4
    switch.write_text("", "utf-8")
    assert finished(printer, ref).phase is Phase.DONE
    assert printer.state().ready
    assert len(paper(tmp_path)) == 4


def test_paper_out_and_offline_show_before_any_job_a_jam_only_with_one(make: Make) -> None:
    assert make("paper_out").state().reasons == ("media-empty",)
    assert make("offline").state().reasons == ("offline",)
    assert make("jam").state().ready


def test_slow_takes_ten_times_as_long(make: Make, tmp_path: Path) -> None:
    printer = make("slow", pause=0.05)
    ref = printer.submit(task(tmp_path, pages=2))

    assert not in_time(lambda: paper(tmp_path), seconds=0.3)
    printer.cancel(ref)
    assert printer.job(ref).phase is Phase.STOPPED
    assert paper(tmp_path) == []


def test_hand_overs_that_lie(make: Make, tmp_path: Path) -> None:
    silent = make("accepts_then_silent")
    with pytest.raises(MaybeAccepted) as lost:
        silent.submit(task(tmp_path, attempt="a1"))
    assert not lost.value.tool_failed
    (seen,) = silent.find("PO-a1")
    assert finished(silent, seen.ref).phase is Phase.DONE

    failing = make("exit1_with_paper")
    with pytest.raises(MaybeAccepted) as failed:
        failing.submit(task(tmp_path, attempt="a2"))
    assert failed.value.tool_failed
    assert finished(failing, failing.find("PO-a2")[0].ref).sides_out == 3

    lying = make("exit0_without_paper")
    assert lying.job(lying.submit(task(tmp_path, attempt="a3"))).phase is Phase.GONE
    assert lying.find("PO-a3") == []

    hanging = make("hangs")
    with pytest.raises(MaybeAccepted):
        hanging.submit(task(tmp_path, attempt="a4"))
    assert hanging.find("PO-a4") == []
    assert {line["attempt_id"] for line in paper(tmp_path)} == {"a1", "a2"}


def test_a_file_that_is_no_pdf_is_refused_before_it_is_accepted(make: Make, tmp_path: Path) -> None:
    printer = make()
    broken = task(tmp_path)
    broken.file.write_bytes(b"%PDF-nothing")

    with pytest.raises(NotAccepted):
        printer.submit(broken)
    assert printer.find(broken.title) == []
    assert paper(tmp_path) == []


def test_the_paper_log_tells_what_was_handed_over_and_not_what_was_announced(
    make: Make, tmp_path: Path
) -> None:
    """Two attempts at one job with different bytes: the log is evidence because it looks itself."""
    printer = make()
    paid, other = task(tmp_path, attempt="att-1"), task(tmp_path, attempt="att-2")
    other.file.write_bytes(pdf(4))
    handed_over = {
        wanted.attempt_id: hashlib.sha256(wanted.file.read_bytes()).hexdigest()
        for wanted in (paid, other)
    }
    for wanted in (paid, other):
        ref = printer.submit(wanted)
        wanted.file.write_bytes(pdf(1))  # the worker's own copy is its own business from here
        finished(printer, ref)

    assert {line["attempt_id"]: line["sha256"] for line in paper(tmp_path)} == handed_over
    assert len(set(handed_over.values())) == 2


def test_an_unknown_name_in_the_quirk_file_is_ignored(make: Make, tmp_path: Path) -> None:
    printer = make("offline")
    (tmp_path / "paper" / "quirk").write_text("explode", "utf-8")

    assert printer.state().ready


def test_a_half_written_log_line_does_not_swallow_the_next(make: Make, tmp_path: Path) -> None:
    finished(first := make(), first.submit(task(tmp_path)))
    log = tmp_path / "paper" / "paper.jsonl"
    log.write_text(log.read_text("utf-8")[:-20], "utf-8")

    again = make()
    finished(again, again.submit(task(tmp_path, attempt="att-2")))
    whole = [line for line in log.read_text("utf-8").splitlines() if line.endswith("}")]
    assert sum('"att-2"' in line for line in whole) == 3


def test_a_second_spooler_on_the_same_folder_is_refused(make: Make, tmp_path: Path) -> None:
    make()
    other = VirtualPrinter(PrinterSettings("virtual", "virtual"), output_dir=tmp_path / "paper")

    with pytest.raises(AlreadyRunning):
        other.open()


def test_two_printers_share_the_log_and_not_the_queue(tmp_path: Path) -> None:
    printers = [
        VirtualPrinter(
            PrinterSettings(name, "virtual"), output_dir=tmp_path / "paper", seconds_per_page=0.01
        )
        for name in ("Vorne/1", "Vorne 1")
    ]
    for number, printer in enumerate(printers):
        printer.open()
        printer.submit(task(tmp_path, attempt=f"att-{number}"))
    assert in_time(lambda: len(paper(tmp_path)) == 6)
    assert [len(printer.find("PO-att-0")) for printer in printers] == [1, 0]
    for printer in printers:
        printer.close()
