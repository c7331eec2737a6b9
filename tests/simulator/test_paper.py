"""The window onto the virtual printer."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

from simulator import samples
from simulator.paper import Paper
from tests.simulator.conftest import Outside


def emit(folder: Path, pages: int, **changes: Any) -> None:
    (folder / "a1").mkdir(parents=True, exist_ok=True)
    (folder / "a1" / "copy-1.pdf").write_bytes(samples.color_pdf()[0][2])
    with (folder / "paper.jsonl").open("a") as journal:
        for page in range(1, pages + 1):
            side = {"attempt_id": "a1", "token": "41", "copy": 1, "page": page, "color": page == 1}
            side |= {"sheet": (page + 1) // 2, "face": "front" if page % 2 else "back"}
            journal.write(json.dumps(side | changes) + "\n")


async def test_sides_are_shown_and_drawn(outside: Outside, paper_folder: Path) -> None:
    assert (await outside.control("GET", "/paper"))["jobs"] == []
    emit(paper_folder, 3)
    paper = await outside.control("GET", "/paper")
    [job] = paper["jobs"]
    assert (job["token"], [each["color"] for each in job["sides"]]) == ("41", [True, False, False])
    picture = await outside.plain.get(job["sides"][0]["image"])
    assert picture.headers["content-type"] == "image/png"
    drawn = Image.open(io.BytesIO(picture.content)).convert("HSV")
    assert max(drawn.getchannel("S").tobytes()) > 150
    (paper_folder / "a1" / "copy-1.pdf").unlink()
    soon = await outside.plain.get(job["sides"][0]["image"])
    assert Image.open(io.BytesIO(soon.content)).size == (1, 1)
    for wrong in ("/paper/a1/1/6.png", "/paper/a1/2/0.png", "/paper/..%2Fa1/1/0.png"):
        assert (await outside.plain.get(wrong)).status_code == 404


async def test_a_half_written_line_waits(paper_folder: Path) -> None:
    emit(paper_folder, 2)
    with (paper_folder / "paper.jsonl").open("ab") as journal:
        journal.write(b'{"attempt_id": "a1", "tok\xff')
    assert len(Paper(paper_folder).sides()) == 2


def test_attempts_that_look_like_paths_are_not_followed(tmp_path: Path) -> None:
    emit(tmp_path, 1, attempt_id="../../secrets")
    assert Paper(tmp_path).sides() == []
    assert Paper(tmp_path).picture("../a1", 1, 0, width=100) is None


async def test_breaking_and_mending_the_printer(outside: Outside, paper_folder: Path) -> None:
    for quirk in ("jam", "dies_after:2", ""):
        shown = await outside.control("POST", "/printer/quirk", {"quirk": quirk})
        assert (shown["quirk"], (paper_folder / "quirk").read_text()) == (quirk, quirk)
    wrong = await outside.plain.post("/control/printer/quirk", json={"quirk": "haunted"})
    assert wrong.status_code == 422
    assert "haunted" in wrong.json()["detail"]


async def test_the_long_poll_notices_paper(outside: Outside, paper_folder: Path) -> None:
    seen = await outside.control("GET", "/changes?revision=-1&paper=x&timeout=5")
    query = {"revision": seen["revision"], "paper": seen["paper"], "timeout": 5}
    emit(paper_folder, 1)
    news = await outside.plain.get("/control/changes", params=query)
    assert news.json()["revision"] == seen["revision"]
    assert news.json()["paper"] != seen["paper"]
