"""The stage of a crash story: one town, one customer, and a process that dies on cue."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import httpx2

from tests.support.processes import Program, eventually
from tests.support.town import Customer, Town, at_rest

# With a killed process come a start, half a minute of silence that is cut short, and a sweep.
REST_SECONDS = 120.0
WHOLE = 2  # sides of the standard order


class Who(Enum):
    """The process that dies."""

    WEB = "web"
    BACKGROUND = "background"
    WORKER = "worker"


class Arm(Enum):
    """When the armed process takes over from the ordinary one."""

    AT_ONCE = "at once"
    BEFORE_PAYING = "before paying"


@dataclass(frozen=True)
class Story:
    """``point`` may carry ``:n`` for its n-th passing."""

    point: str
    who: Who
    tell: Callable[[Story, Scene], None] = field(repr=False)
    arm: Arm = Arm.AT_ONCE
    lapse: bool = False
    """The lease runs out while the process is away."""
    job: frozenset[str] = frozenset({"COMPLETED"})
    extra_ready: int = 0

    @property
    def id(self) -> str:
        return f"{self.point} {self.tell.__name__} {self.arm.value}"


@dataclass
class Ending:
    """What is true at rest."""

    exit_code: int | None = None
    order: dict[str, Any] = field(default_factory=dict)
    sides: int = 0
    repeated: list[Any] = field(default_factory=list)
    attempts_on_paper: int = 0
    saw: list[str] = field(default_factory=list)
    attention: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    trouble: str = ""

    def said(self, words: str) -> int:
        return sum(words in text for text in self.saw)


class Scene:
    """A story on its stage: kills, restarts, and looks at what remains."""

    def __init__(self, town: Town, story: Story, number: int) -> None:
        self.town = town
        self.story = story
        self.customer: Customer = town.customer(f"Guest{number}", number)
        self.ending = Ending()

    @property
    def program(self) -> Program:
        return {
            Who.WEB: self.town.backends[0],
            Who.BACKGROUND: self.town.background,
            Who.WORKER: self.town.worker,
        }[self.story.who]

    def play(self) -> Ending:
        try:
            self.town.start_what_died()  # whatever a story before this one left behind
            self.story.tell(self.story, self)
            self.at_rest()
        except Exception as error:  # noqa: BLE001 - told with the words of the process
            self.ending.trouble = f"{type(error).__name__}: {error}\n{self.program.tail()}"
        self._look()
        return self.ending

    def arms(self, when: Arm) -> None:
        """The armed process takes over, if now is the time."""
        if self.story.arm is when:
            self.program.kill()
            self._age_the_dead()
            self.program.start(PRINTWALA_CRASH_AT=self.story.point)
            try:
                self.town.ready()
            except AssertionError:
                if self.program.running:
                    raise
                # A worker's question has led it to the point already, before anybody paid.

    def dies(self) -> None:
        """It must die at the point; time passes; it is started again."""
        self.ending.exit_code = self.program.ended(seconds=60)
        self._age_the_dead()
        if self.story.lapse:
            self.town.sql(
                "UPDATE print_jobs SET lease_until = clock_timestamp() - interval '1 second' "
                "WHERE status IN ('CLAIMED', 'PRINTING')"
            )
            held = "SELECT 1 FROM print_jobs WHERE status IN ('CLAIMED', 'PRINTING')"
            eventually(lambda: not self.town.sql(held), seconds=30, why="no lease lapses")
        self.town.start_what_died()
        if self.story.who is Who.BACKGROUND:
            self.sweep_comes("sweep_stalled")

    def sweep_comes(self, name: str) -> None:
        """The time until the next sweep of that name passes."""
        self.town.sql(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args) "
            "VALUES ('default', %s, %s, '{\"timestamp\": 0}') ON CONFLICT DO NOTHING",
            name,
            name,
        )

    def at_rest(self) -> None:
        eventually(lambda: at_rest(self.town), seconds=REST_SECONDS, why="it never rests")

    def staff_asks(self, path: str, body: dict[str, Any], taken: set[int]) -> None:
        """Somebody of the shop asks, the process dies over it, and they ask the same again."""
        token = f"pt_{self.customer.name}"
        self.town.sql(
            "INSERT INTO api_tokens (shop_id, name, token_sha256) "
            "SELECT id, 'chaos', encode(sha256(convert_to(%s, 'UTF8')), 'hex') FROM shops",
            token,
        )
        self.arms(Arm.AT_ONCE)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{token}-0001"}
        url = f"{self.town.url}/api/v1/dashboard{path}"
        with contextlib.suppress(httpx2.TransportError):
            self.town.client.post(url, json=body, headers=headers)
        self.dies()
        answer = self.town.client.post(url, json=body, headers=headers)
        assert answer.status_code in taken, answer.text

    def _age_the_dead(self) -> None:
        """A minute passes for the task workers of a background process that is dead."""
        if self.story.who is Who.BACKGROUND:
            self.town.sql(
                "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '60 seconds'"
            )

    def _look(self) -> None:
        town, ending = self.town, self.ending
        ending.order = town.order_of(self.customer)
        rows = town.paper.sides(ending.order.get("job", "none"))
        ending.sides = len(rows)
        ending.attempts_on_paper = len({row["attempt_id"] for row in rows})
        ending.repeated = town.paper.repeated()
        ending.saw = self.customer.saw()
        ending.attention = [
            row["kind"]
            for row in town.sql(
                "SELECT kind FROM attention_items WHERE closed_at IS NULL AND order_id = %s",
                ending.order.get("id"),
            )
        ]
