"""Power cuts of whole parts, one after the other, during one order."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.core.embedded_postgres import EmbeddedPostgres
from tests.support.processes import Program, clean_environment, eventually
from tests.support.programs import missing
from tests.support.services import free_port, public_directory, redis_program
from tests.support.town import Embedded, Plan, Town, at_rest, pdf_of

SWEEPS = ("leases", "payments", "refunds", "orders", "lost_tasks", "stalled")


class OwnPostgres:
    """A durable PostgreSQL of this test alone, which it may kill whole."""

    def __init__(self, home: Path) -> None:
        self.server = EmbeddedPostgres(home)
        self.url = self.server.start()

    def kill(self) -> None:
        pid = self.server.pid
        assert pid is not None
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for process in family:
            # The others end by themselves once the first, their mother, is gone.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(family, timeout=5)


def own_redis(folder: Path, port: int) -> Program:
    """A Redis that keeps nothing, to be killed."""
    program = redis_program()
    if program is None:
        missing("no Redis server; `apt install redis-server` would enable this")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    return Program(
        "redis",
        [str(program), *options],
        cwd=folder,
        env=clean_environment(),
        log=folder / "redis.log",
    )


def sweeps_again(town: Town, name: str) -> None:
    """Until a whole run of that sweep has come and gone."""
    ends: list[object] = []

    def twice() -> bool:
        # The first to end from now on may have begun before.
        last = town.sql("SELECT succeeded_at FROM sweep_runs WHERE name = %s", name)
        if last not in ends:
            ends.append(last)
        return len(ends) > 2

    eventually(twice, seconds=60, why=f"the sweep of {name} does not run")


@pytest.fixture
def fragile(template_database: str) -> Iterator[tuple[Town, OwnPostgres, Program]]:
    """A town whose PostgreSQL and Redis may be killed too."""
    with public_directory("fragile-data") as home, public_directory("fragile") as folder:
        postgres, port = OwnPostgres(home), free_port()
        redis = own_redis(home, port)
        redis.start()
        plan = Plan(
            database_url=postgres.url, redis_url=f"redis://127.0.0.1:{port}/0", inline=False
        )
        try:
            with Town(folder, plan) as town:
                yield town, postgres, redis
        finally:
            redis.stop()
            postgres.server.stop()


def test_everything_is_killed_once_during_one_order(
    fragile: tuple[Town, OwnPostgres, Program],
) -> None:
    town, postgres, redis = fragile
    customer = town.customer("Stoic", 1)

    customer.sends(pdf_of(2, words="Stoic"))
    town.backends[0].kill()
    town.background.kill()
    assert town.start_what_died() == ["background", "backend-1"]
    minute_passes_for_dead_workers(town)
    customer.hears("How should I print it", seconds=90)

    redis.kill()
    customer.says("bw")
    customer.hears("How many copies")
    town.worker.kill()
    customer.says("1")
    link = customer.hears_the_link()
    redis.start()
    assert town.start_what_died() == ["worker"]

    town.worker.kill()
    postgres.kill()
    town.bank.pays(link)
    time.sleep(1)  # the webhook is refused meanwhile; the outage has a length
    assert postgres.server.start() == postgres.url
    town.start_what_died()

    customer.hears("Ready!", seconds=90)
    eventually(lambda: at_rest(town), seconds=60, why="it never rests")
    order = town.order_of(customer)
    assert (order["status"], order["job_status"]) == ("READY", "COMPLETED")
    assert len(town.paper.sides(order["job"])) == 2
    assert [customer.count(words) for words in ("Pay here", "Your token is", "Ready!")] == [1, 1, 1]
    assert town.broken_promises() == []


def minute_passes_for_dead_workers(town: Town) -> None:
    """Only the newest task workers are alive; for the others a minute passes at once."""
    town.sql(
        "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '60 seconds' "
        "WHERE id <= (SELECT max(id) - 2 FROM procrastinate_workers)"
    )


def test_a_worker_killed_with_paper_in_motion_leaves_a_question_and_never_a_second_sheet(
    database_url: str,
) -> None:
    plan = Plan(database_url=database_url, seconds_per_page=0.5)
    with public_directory("paper") as folder, Town(folder, plan) as town:
        customer = town.customer("Patient", 1)
        link = customer.is_asked_to_pay(pages=6)
        # The worker is cut off while its question for a job is held open: the answer must not
        # be a job that nobody receives and that lies until its lease is over.
        town.worker.waits_for("serves")
        time.sleep(1)  # an open question shows nowhere
        town.worker.kill()
        town.bank.pays(link)
        customer.hears("Your token is")
        time.sleep(1)  # so long it stays unclaimed
        assert town.order_of(customer)["job_status"] == "QUEUED"
        town.start_what_died()
        eventually(lambda: len(town.paper.sides()) >= 2, why="no paper moves")
        town.worker.kill()
        out = len(town.paper.sides())
        town.start_what_died()

        customer.hears("taking longer", seconds=60)
        order = town.order_of(customer)
        assert (order["status"], order["job_status"]) == ("PAID", "UNCERTAIN")
        assert town.sql("SELECT kind FROM attention_items WHERE closed_at IS NULL") == [
            {"kind": "did_it_print"}
        ]
        sweeps_again(town, "leases")
        assert len(town.paper.sides()) == out < 6
        assert customer.count("Ready!") == 0
        assert town.broken_promises() == []


def test_the_embedded_database_comes_back_by_itself() -> None:
    with public_directory("embedded") as folder, Embedded(folder, Plan()) as town:
        customer = town.customer("Unaware", 1)
        customer.sends(pdf_of(2, words="Unaware"))
        customer.hears("How should I print it")
        pid = EmbeddedPostgres(folder / "data").pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        eventually(
            lambda: EmbeddedPostgres(folder / "data").pid not in (None, pid),
            seconds=30,
            why="nobody started the database again",
        )
        town.backends[0].answers(f"{town.url}/health", seconds=30)
        customer.says("bw")
        customer.hears("How many copies", seconds=40)
        customer.says("1")
        town.bank.pays(customer.hears_the_link(seconds=40))
        customer.hears("Ready!", seconds=40)
        assert len(town.paper.sides(town.order_of(customer)["job"])) == 2
        server = psutil.Process(EmbeddedPostgres(folder / "data").pid or 0)
        assert town.backends[0].stop() == 0
        assert psutil.wait_procs([server], timeout=5)[1] == []
        shutil.rmtree(folder / "data", ignore_errors=True)


def test_sweeps_that_died_with_their_process_run_again(database_url: str) -> None:
    plan = Plan(database_url=database_url)
    with public_directory("sweeps") as folder, Town(folder, plan) as town:
        town.backends[0].kill()
        # Whatever it was about, every sweep was: only one at a time can be.
        names = [f"sweep_{name}" for name in SWEEPS]
        town.sql(
            "DELETE FROM procrastinate_jobs "
            "WHERE task_name = ANY(%s) AND status IN ('todo', 'doing')",
            names,
        )
        town.sql(
            "INSERT INTO procrastinate_jobs "
            "(queue_name, task_name, lock, queueing_lock, args, status) "
            "SELECT 'default', name, name, name, '{\"timestamp\": 0}', 'doing' "
            "FROM unnest(%s::text[]) AS name",
            names,
        )
        dead = "SELECT task_name FROM procrastinate_jobs WHERE args->>'timestamp' = '0'"
        assert {row["task_name"] for row in town.sql(dead)} == set(names)

        town.start_what_died()

        eventually(
            lambda: not town.sql(dead), seconds=50, why="sweeps of a dead process block the next"
        )
