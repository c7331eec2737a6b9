"""One order for each crash point: who dies there, when it is armed, and how it may end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.support.processes import Program, eventually
from tests.support.town import Customer, Town, at_rest, pdf_of

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
            eventually(lambda: at_rest(self.town), seconds=REST_SECONDS, why="it never rests")
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
            self.town.ready()

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
            self._sweep_comes()

    def _sweep_comes(self) -> None:
        """The quarter of a minute until the next sweep for tasks of dead workers passes."""
        self.town.sql(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args) VALUES "
            "('default', 'sweep_stalled', 'sweep_stalled', '{\"timestamp\": 0}') "
            "ON CONFLICT DO NOTHING"
        )

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


# Stories


def prints(story: Story, scene: Scene) -> None:
    """The standard order: two pages, paid, printed."""
    customer, bank = scene.customer, scene.town.bank
    scene.arms(Arm.AT_ONCE)
    if story.who is Who.BACKGROUND and story.point.startswith(_BEFORE_THE_QUESTIONS):
        customer.sends(_document(customer))
        scene.dies()
        _answers(customer)
        link = customer.hears_the_link(seconds=REST_SECONDS)
    elif story.point.startswith(_AFTER_THE_QUESTIONS):
        customer.sends(_document(customer))
        _answers(customer)
        scene.dies()
        link = customer.hears_the_link(seconds=REST_SECONDS)
    else:
        link = customer.is_asked_to_pay()
    scene.arms(Arm.BEFORE_PAYING)
    bank.pays(link)
    if scene.ending.exit_code is None:
        scene.dies()
    customer.hears("received. Your token is", seconds=REST_SECONDS)


def repeats_a_message(_: Story, scene: Scene) -> None:
    """The first message is not acknowledged, and Twilio gives it up: the customer repeats it."""
    customer = scene.customer
    scene.arms(Arm.AT_ONCE)
    customer.says("price")
    scene.dies()
    if scene.story.point.startswith("web.before"):
        customer.says("price")
    customer.hears("per page", seconds=REST_SECONDS)
    scene.ending.facts["prices"] = customer.count("per page")
    link = customer.is_asked_to_pay()
    scene.town.bank.pays(link)
    customer.hears("received. Your token is", seconds=REST_SECONDS)


def changes_the_order(_: Story, scene: Scene) -> None:
    """Goes back after the link was made, takes three copies instead, and pays the new link."""
    customer, town = scene.customer, scene.town
    old = customer.is_asked_to_pay()
    scene.arms(Arm.AT_ONCE)
    customer.says("back")
    scene.dies()
    customer.hears("How many copies", seconds=REST_SECONDS)
    customer.says("3")
    new = customer.hears_the_link(seconds=REST_SECONDS)
    scene.ending.facts["old link"] = town.bank.link(old)["status"]
    town.bank.pays(new)
    customer.hears("received. Your token is", seconds=REST_SECONDS)


def pays_twice(_: Story, scene: Scene) -> None:
    """Two payments for one link: the second goes back, once."""
    customer, town = scene.customer, scene.town
    link = customer.is_asked_to_pay()
    scene.arms(Arm.AT_ONCE)
    paid = town.bank.pays(link, "twice")
    scene.dies()
    eventually(lambda: at_rest(town), seconds=REST_SECONDS, why="it never rests")
    ours = {paid["payment_id"], paid["second_payment_id"]}
    scene.ending.facts["refunds"] = [
        refund["status"] for refund in town.bank.refunds() if refund["payment_id"] in ours
    ]


def deletes(_: Story, scene: Scene) -> None:
    """The customer wants the files gone, and they are."""
    customer, town = scene.customer, scene.town
    link = customer.is_asked_to_pay()
    town.bank.pays(link)
    customer.hears("Ready!", seconds=REST_SECONDS)
    scene.arms(Arm.AT_ONCE)
    customer.says("delete")
    scene.dies()
    left = (
        "SELECT d.id FROM documents d JOIN orders o ON o.id = d.order_id "
        "WHERE o.id = %s AND d.deleted_at IS NULL"
    )
    order = town.order_of(customer)["id"]
    eventually(lambda: not town.sql(left, order), seconds=REST_SECONDS, why="the file stays")


def _document(customer: Customer) -> bytes:
    return pdf_of(WHOLE, words=customer.name)


def _answers(customer: Customer) -> None:
    customer.hears("How should I print it", seconds=REST_SECONDS)
    customer.says("bw")
    customer.hears("How many copies", seconds=REST_SECONDS)
    customer.says("1")


_AFTER_THE_QUESTIONS = ("print_ready.", "link.")
_BEFORE_THE_QUESTIONS = ("mover.claim", "mover.before_send", "fetch.", "convert.")
DOUBTFUL = frozenset({"UNCERTAIN"})
EITHER = frozenset({"COMPLETED", "UNCERTAIN"})
WEB, BACKGROUND, WORKER = Who.WEB, Who.BACKGROUND, Who.WORKER

STORIES = [
    Story("web.before_inbox_commit", WEB, repeats_a_message),
    Story("web.before_inbox_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("web.after_inbox_commit", WEB, repeats_a_message),
    Story("web.after_inbox_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("api.claim_before_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("api.claim_after_commit", WEB, prints, Arm.BEFORE_PAYING, lapse=True),
    Story("api.begin_before_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("api.begin_after_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("api.report_before_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("api.report_after_commit", WEB, prints, Arm.BEFORE_PAYING),
    Story("mover.claim", BACKGROUND, prints),
    Story("mover.before_send", BACKGROUND, prints),
    Story("mover.after_send_before_mark", BACKGROUND, prints, Arm.BEFORE_PAYING, extra_ready=1),
    Story("mover.after_send_before_mark:2", BACKGROUND, prints, Arm.BEFORE_PAYING, extra_ready=1),
    Story("fetch.start", BACKGROUND, prints),
    Story("fetch.done", BACKGROUND, prints),
    Story("fetch.after_rename", BACKGROUND, prints),
    Story("convert.before_commit", BACKGROUND, prints),
    Story("print_ready.before_commit", BACKGROUND, prints),
    Story("link.before_create", BACKGROUND, prints),
    Story("link.after_create", BACKGROUND, prints),
    Story("link.before_cancel", BACKGROUND, changes_the_order),
    Story("link.after_cancel", BACKGROUND, changes_the_order),
    Story("settle.before_decide", BACKGROUND, prints, Arm.BEFORE_PAYING),
    Story("mover.before_decide_commit", BACKGROUND, prints, Arm.BEFORE_PAYING),
    Story("mover.after_decide_commit", BACKGROUND, prints, Arm.BEFORE_PAYING),
    Story("mover.before_wake", BACKGROUND, prints, Arm.BEFORE_PAYING),
    Story("refund.before_call", BACKGROUND, pays_twice),
    Story("refund.after_call", BACKGROUND, pays_twice),
    Story("retention.after_unlink", BACKGROUND, deletes),
    Story("worker.after_claim", WORKER, prints, lapse=True),
    Story("worker.mid_download", WORKER, prints, lapse=True),
    Story("worker.before_journal", WORKER, prints, lapse=True),
    Story("worker.after_journal", WORKER, prints),
    Story("worker.after_begin", WORKER, prints),
    Story("worker.after_begin", WORKER, prints, Arm.BEFORE_PAYING, lapse=True, job=DOUBTFUL),
    Story("worker.in_submit_1", WORKER, prints),
    Story("worker.in_submit_2", WORKER, prints),
    Story("worker.in_submit_3", WORKER, prints, job=EITHER),
    Story("worker.after_accept", WORKER, prints, job=EITHER),
    Story("worker.before_report", WORKER, prints, job=EITHER),
    # A slow answer has the first report sent twice: then the second passing is in mid-print.
    Story("worker.before_report:2", WORKER, prints, job=EITHER),
    Story("worker.after_report", WORKER, prints, job=EITHER),
    Story("worker.after_report:2", WORKER, prints, job=EITHER),
]
