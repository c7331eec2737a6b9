"""Wrong settings are refused at start, by name, with what was expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from print_worker.settings import BadSettings, load
from tests.print_worker.shop import Shop

GOOD: dict[str, Any] = {"backend_url": "https://shop.example.com", "api_key": "wk_1"}


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({**GOOD, **changes}), "utf-8")
    return path


def problems(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(BadSettings) as bad:
        load(path, environ or {})
    return bad.value.problems


def test_two_keys_are_enough_and_paths_count_from_the_file(tmp_path: Path) -> None:
    told = load(write(tmp_path), {})

    assert (told.queue_name, told.redis_url, told.backend) == ("print_queue", "", "auto")
    assert (told.poll_timeout, told.virtual_seconds_per_page, told.virtual_quirk) == (20, 0.2, "")
    assert told.work_dir == tmp_path / "var"
    assert told.virtual_output_dir == tmp_path / "var" / "virtual-paper"
    assert told.log_file == tmp_path / "print_worker.log"
    assert "wk_1" not in repr(told)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("backend_url", "", "an address like"),
        ("backend_url", "shop.example.com", "an address like"),
        ("backend_url", "ftp://shop", "an address like"),
        ("backend_url", "http://[", "an address like"),
        ("backend_url", "http://shop:99999", "an address like"),
        ("backend_url", 8000, "text in quotes"),
        ("api_key", "", "the worker key"),
        ("api_key", "  ", "the worker key"),
        ("api_key", None, "the worker key"),
        ("api_key", "ключ", "plain letters"),
        ("redis_url", "http://x", "redis://"),
        ("redis_url", "redis://[::1", "redis://"),
        ("redis_url", "redis://pc:abc", "redis://"),
        ("queue_name", "", "not empty"),
        ("printer_name", 3, "text in quotes"),
        ("poll_timeout", "5", "from 1 to 30"),
        ("poll_timeout", 0, "from 1 to 30"),
        ("poll_timeout", 31, "from 1 to 30"),
        ("poll_timeout", True, "from 1 to 30"),
        ("poll_timeout", 2.5, "from 1 to 30"),
        ("backend", "laser", "one of auto, sumatra"),
        ("virtual_seconds_per_page", "fast", "from 0 to 600"),
        ("virtual_seconds_per_page", -1, "from 0 to 600"),
        ("virtual_quirk", "explodes", "dies_after:<pages>"),
        ("virtual_quirk", "dies_after", "dies_after:<pages>"),
        ("virtual_quirk", "jam:3", "dies_after:<pages>"),
        ("printers", {}, "a list like"),
        ("printers", [{}], "a name for printer 1"),
        ("printers", [{"name": "a", "colour": True}], "not 'colour'"),
        ("printers", [{"name": "a", "color": "yes"}], "true or false for 'color' of printer 1"),
        ("printers", [{"name": "a", "papers": []}], "a list of paper names"),
        ("printers", [{"name": "a"}, {"name": "a"}], "a different name"),
        ("work_dir", "", "not empty"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, key: str, value: Any, expected: str) -> None:
    (problem,) = problems(write(tmp_path, **{key: value}))

    assert key in problem
    assert expected in problem


def test_every_wrong_key_is_named_at_once(tmp_path: Path) -> None:
    found = problems(write(tmp_path, pol_timeout=5, poll_timeout="x", api_key=""))

    assert len(found) == 3
    assert "unknown key 'pol_timeout'" in found[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"backend_url": "x",}', "line 1 column"),
        ('{"work_dir": "C:\\shop"}', "write paths with /"),
        ("[]", "one object"),
        ('{"api_key": "a", "api_key": "b"}', "stands there twice"),
    ],
)
def test_a_broken_file_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text, "utf-8")

    assert expected in problems(path)[0]


def test_notepads_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(GOOD), "utf-8-sig")

    assert load(path, {}).api_key == "wk_1"


def test_the_environment_overrides_every_key(tmp_path: Path) -> None:
    environ = {
        "PRINTWALA_BACKEND_URL": "http://10.0.0.1:8000/",
        "PRINTWALA_POLL_TIMEOUT": "7",
        "PRINTWALA_VIRTUAL_SECONDS_PER_PAGE": "0",
        "PRINTWALA_PRINTERS": '[{"name": "Front", "color": false}]',
        "PRINTWALA_BACKEND": "virtual",
        "PRINTWALA_LOG_FILE": str(tmp_path / "elsewhere" / "w.log"),
        "PRINTWALA_COLOUR": "yes",
    }
    told = load(write(tmp_path), environ)

    assert told.backend_url == "http://10.0.0.1:8000"
    assert (told.poll_timeout, told.virtual_seconds_per_page) == (7, 0.0)
    assert told.log_file == tmp_path / "elsewhere" / "w.log"
    (printer,) = told.printers
    assert (printer.name, printer.backend, printer.color) == ("Front", "virtual", False)
    assert told.ignored == ("PRINTWALA_COLOUR",)


def test_a_wrong_variable_is_named_by_its_own_name(tmp_path: Path) -> None:
    found = problems(write(tmp_path), {"PRINTWALA_POLL_TIMEOUT": "soon"})

    assert found == ["PRINTWALA_POLL_TIMEOUT: expected a whole number of seconds from 1 to 30."]


def test_without_a_file_the_environment_is_enough(tmp_path: Path) -> None:
    environ = {"PRINTWALA_BACKEND_URL": "http://x:1", "PRINTWALA_API_KEY": "k"}

    assert load(tmp_path / "config.json", environ).api_key == "k"


def test_the_worker_exits_with_2_and_the_sentence(shop: Shop) -> None:
    shop.config["poll_timeout"] = "x"
    shop.config["papre"] = "A4"
    worker = shop.start()

    said, _ = worker.communicate(timeout=15)
    assert worker.returncode == 2
    assert "poll_timeout: expected a whole number" in said
    assert "unknown key 'papre'" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"backend": "sumatra"}, "'sumatra' is not in this version"),
        ({"backend": "auto", "printer_name": "HP"}, "no back end that can drive a real printer"),
        ({"printers": [{"name": "HP", "backend": "ipp"}]}, "'ipp' is not in this version"),
    ],
)
def test_a_back_end_that_is_not_there_is_refused(
    shop: Shop, changes: dict[str, Any], expected: str
) -> None:
    shop.config.update(changes)
    worker = shop.start()

    said, _ = worker.communicate(timeout=15)
    assert worker.returncode == 2
    assert expected in said
    assert "Traceback" not in said
