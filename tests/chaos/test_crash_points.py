"""A real SIGKILL at every crash point; then the paper, the money and the customer's phone."""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.chaos.crash_points import STORIES
from tests.chaos.scene import WHOLE, Ending, Scene, Story
from tests.support.crashes import crash_points
from tests.support.services import PostgresServer, public_directory
from tests.support.town import Plan, Town

TOWNS = 3  # most of the time is waiting, so a few towns at once cost little more than one


@dataclass
class Endings:
    of: dict[str, Ending] = field(default_factory=dict)
    broken: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def wanted(items: list[pytest.Item]) -> list[Story]:
    """The stories of the tests that were selected."""
    found = (getattr(item, "callspec", None) for item in items)
    told = [spec.params.get("story") for spec in found if spec is not None]
    return [story for story in told if isinstance(story, Story)]


@pytest.fixture(scope="module")
def endings(
    request: pytest.FixtureRequest, postgres: PostgresServer, template_database: str
) -> Iterator[Endings]:
    """Every selected story, told in one of a few towns that live side by side."""
    told = Endings()
    stories: queue.SimpleQueue[tuple[int, Story]] = queue.SimpleQueue()
    for numbered in enumerate(wanted(request.session.items), 1):
        stories.put(numbered)
    troubles: list[BaseException] = []

    def live(name: str, folder: Path, database_url: str) -> None:
        try:
            with Town(folder, Plan(database_url=database_url, inline=False)) as town:
                while True:
                    try:
                        number, story = stories.get_nowait()
                    except queue.Empty:
                        break
                    told.of[story.id] = Scene(town, story, number).play()
                told.broken[name] = town.broken_promises()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            troubles.append(error)

    with ExitStack() as stack:
        threads = []
        for number in range(min(TOWNS, stories.qsize())):
            folder = stack.enter_context(public_directory(f"crash-{number}"))
            url = postgres.create(template=template_database)
            stack.callback(postgres.drop, url)
            threads.append(threading.Thread(target=live, args=(f"town {number}", folder, url)))
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        finally:
            while not stories.empty():  # interrupted: the towns end after the story in hand
                stories.get()
            for thread in threads:
                thread.join()
        if troubles:
            raise troubles[0]
        yield told


def test_every_crash_point_in_the_source_has_a_story() -> None:
    assert {story.point.partition(":")[0] for story in STORIES} == crash_points(
        "backend/app", "print_worker"
    )


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.id)
def test_killed_there_everything_still_comes_right(story: Story, endings: Endings) -> None:
    ending = endings.of[story.id]

    assert ending.trouble == ""
    assert ending.exit_code == -9
    assert ending.repeated == []
    assert ending.attempts_on_paper <= 1
    job = ending.order["job_status"]
    assert job in story.job
    if job == "COMPLETED":
        copies = ending.order["copies"]
        assert ending.sides == WHOLE * copies
        assert ending.order["status"] == "READY"
        assert 1 <= ending.said("Ready!") <= 1 + story.extra_ready
        assert ending.attention == []
    else:
        assert ending.sides <= WHOLE
        assert ending.order["status"] == "PAID"
        assert ending.said("Ready!") == 0
        assert ending.said("taking longer") == 1
        assert ending.attention == ["did_it_print"]
    assert ending.said("received. Your token is") == 1
    for fact, value in ending.facts.items():
        assert value == FACTS[fact], fact


FACTS = {
    "prices": 1,
    "old link": "cancelled",
    "refunds": ["processed"],
    "answers": 1,
    "reports": 1,
    "run out": 1,
    "booked": 1,
}


def test_no_promise_about_money_or_paper_is_broken_afterwards(endings: Endings) -> None:
    assert endings.broken
    assert {town: lines for town, lines in endings.broken.items() if lines} == {}
