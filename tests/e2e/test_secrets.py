"""A document's password is used and forgotten: looked for in everything the shop writes."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pikepdf

from tests.support.processes import eventually
from tests.support.services import public_directory
from tests.support.town import Plan, Town, at_rest, pdf_of

RIGHT, WRONG = "Zebra-Fjord-88", "not-the-word-7319"


def locked(password: str) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf_of(2, words="salary"))) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(user=password, owner="the owner's", R=6))
    return out.getvalue()


def tables_with(town: Town, secret: str) -> list[str]:
    """Every table, the task queue's included, with a row that holds it as text or as bytes."""
    found = []
    for row in town.sql("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"):
        hit = town.sql(
            f'SELECT 1 FROM "{row["name"]}" t WHERE strpos(t::text, %s) > 0 '
            "OR strpos(t::text, %s) > 0 LIMIT 1",
            secret,
            secret.encode().hex(),
        )
        found += [row["name"]] if hit else []
    return found


def files_with(town: Town, secret: str) -> list[str]:
    """Objects, working folders, logs and paper; not what the simulator plays outside."""
    boxes = [
        box
        for program in town.backends
        for box in Path(tempfile.gettempdir()).glob(f"printwala-box-{program.pid}-*")
    ]
    assert boxes, "the parsers' own folders are looked into as well"
    return [
        str(path)
        for place in (town.folder, *boxes)
        for path in place.rglob("*")
        if path.is_file()
        and not path.name.startswith("simulator")
        and secret.encode() in path.read_bytes()
    ]


def test_a_password_is_kept_nowhere_whatever_happens_while_it_is_used(database_url: str) -> None:
    plan = Plan(database_url=database_url)
    with public_directory("secrets") as folder, Town(folder, plan) as town:
        customer = town.customer("Kavita", 1)
        customer.sends(locked(RIGHT))
        customer.hears("its password")
        customer.says(WRONG)
        customer.hears("didn't open")

        town.control(
            "POST", "/faults", {"operation": "twilio.media.fetch", "kind": "error", "status": 503}
        )
        customer.says(RIGHT)
        customer.hears("still opening")
        eventually(
            lambda: not town.sql("SELECT 1 FROM webhook_logs WHERE status = 'NEW'"),
            why="the message with the password is still in the inbox",
        )
        assert tables_with(town, RIGHT) == [], "the file could not be fetched meanwhile"
        town.sql("UPDATE documents SET tried_at = now() - interval '2 minutes'")
        customer.hears("its password", seconds=40)

        customer.says(RIGHT)
        customer.hears("How should I print it")
        customer.says("bw")
        customer.hears("How many copies")
        customer.says("1")
        town.bank.pays(customer.hears_the_link())
        customer.hears("Ready")
        eventually(lambda: at_rest(town), why="never at rest")

        assert town.paper.words(town.order_of(customer)["job"]) == [
            "salary page 1",
            "salary page 2",
        ]
        assert tables_with(town, "salary") == [], "nor does a row hold what the file says"
        assert tables_with(town, "Kavita"), "the search finds what is there"
        for secret in (RIGHT, WRONG):
            assert tables_with(town, secret) == []
            assert files_with(town, secret) == []
        assert files_with(town, "webhook"), "the search finds what is there"
