"""Between worker and backend only answers get lost: every call was carried out, one paper."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support.processes import eventually
from tests.support.proxy import Proxy
from tests.support.services import PostgresServer, free_port, public_directory
from tests.support.town import Plan, Town, at_rest

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cut_town(postgres: PostgresServer, template_database: str) -> Iterator[tuple[Town, Proxy]]:
    """A town whose worker reaches the backend through a proxy."""
    url, port = postgres.create(template=template_database), free_port()
    with public_directory("cut") as folder:
        town = Town(folder, Plan(database_url=url, worker_port=port))
        with Proxy(port, town.ports) as proxy, town:
            yield town, proxy
            assert town.broken_promises() == []
    postgres.drop(url)


CALLS = {
    "claim": ("POST /api/v1/print_jobs/claim", '"id"'),
    "file": ("GET /files/", ""),
    "begin": ("PUT /api/v1/print_jobs/", '"PRINTING"'),
    "spooled": ("PUT /api/v1/print_jobs/", '"spooled"'),
    "done": ("PUT /api/v1/print_jobs/", '"COMPLETED"'),
}


@pytest.mark.parametrize("half", [False, True], ids=["whole answer", "half of it"])
@pytest.mark.parametrize("call", CALLS)
def test_one_paper_although_the_answer_is_lost(
    cut_town: tuple[Town, Proxy], call: str, *, half: bool
) -> None:
    town, proxy = cut_town
    customer = town.customer(f"{call}{half}", next(_numbers))
    link = customer.is_asked_to_pay()
    lost = len(proxy.lost)
    proxy.lose_answers(*CALLS[call], half=half)
    town.bank.pays(link)
    eventually(lambda: len(proxy.lost) > lost, why=f"nobody called {call}")
    if call == "claim":
        # The worker never learnt of its job: the lease has to run out.
        town.sql("UPDATE print_jobs SET lease_until = clock_timestamp() WHERE status = 'CLAIMED'")

    customer.hears("Ready!", seconds=40)
    eventually(lambda: at_rest(town), why="it never rests")
    order = town.order_of(customer)
    assert (order["status"], order["job_status"]) == ("READY", "COMPLETED")
    assert len(town.paper.sides(order["job"])) == 2
    assert town.paper.repeated() == []
    assert customer.count("Ready!") == 1
    assert order["epoch"] == (2 if call == "claim" else 1)


def test_a_slow_report_keeps_the_printer_and_costs_the_next_customer_seconds_only(
    cut_town: tuple[Town, Proxy],
) -> None:
    town, proxy = cut_town
    first, second = (town.customer(f"slow{n}", next(_numbers)) for n in (1, 2))
    links = [customer.is_asked_to_pay() for customer in (first, second)]
    proxy.slows(*CALLS["done"], seconds=3)
    for link in links:
        town.bank.pays(link)

    for customer in (first, second):
        customer.hears("Ready!")
        order = town.order_of(customer)
        assert (order["job_status"], order["epoch"]) == ("COMPLETED", 1)
        assert len(town.paper.sides(order["job"])) == 2
    assert "unexpected error" not in town.backends[0].said()
