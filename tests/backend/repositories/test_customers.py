"""Who wrote: by external id first, by address second, and never two rows for one person."""

from __future__ import annotations

import asyncio
from uuid import UUID

from app.repositories.unit_of_work import UnitOfWork
from tests.backend.repositories.rows import Rows

NUMBER, OTHER_NUMBER = "whatsapp:+919800000001", "whatsapp:+919800000002"
ASHA, RAVI = "whatsapp:IN.asha1", "whatsapp:IN.ravi2"


async def met(
    work: UnitOfWork, rows: Rows, *, address: str, external: str = "", name: str = "Asha"
) -> UUID:
    phone = address.removeprefix("whatsapp:+") if "+" in address else ""
    async with work("system:message") as tx:
        customer = await tx.customers.resolve(
            rows.shop, external_user_id=external, address=address, phone=phone, name=name
        )
        return customer.id


def known(rows: Rows) -> list[tuple[str | None, str, str]]:
    found = rows.all(
        "SELECT external_user_id, address, phone FROM customers WHERE shop_id = %s "
        "ORDER BY created_at",
        rows.shop,
    )
    return [(row["external_user_id"], row["address"], row["phone"]) for row in found]


async def test_a_number_met_first_learns_its_external_id(work: UnitOfWork, rows: Rows) -> None:
    first = await met(work, rows, address=NUMBER)
    second = await met(work, rows, address=NUMBER, external=ASHA)
    third = await met(work, rows, address=NUMBER)

    assert first == second == third
    assert known(rows) == [(ASHA, NUMBER, "919800000001")]


async def test_a_hidden_number_that_is_shown_later(work: UnitOfWork, rows: Rows) -> None:
    hidden = await met(work, rows, address=ASHA, external=ASHA)
    shown = await met(work, rows, address=NUMBER, external=ASHA)

    assert hidden == shown
    assert known(rows) == [(ASHA, NUMBER, "919800000001")]


async def test_a_number_that_is_hidden_later_stays_known(work: UnitOfWork, rows: Rows) -> None:
    shown = await met(work, rows, address=NUMBER, external=ASHA)
    hidden = await met(work, rows, address=ASHA, external=ASHA)

    assert shown == hidden
    assert known(rows) == [(ASHA, NUMBER, "919800000001")]


async def test_a_recycled_number_belongs_to_the_new_person(work: UnitOfWork, rows: Rows) -> None:
    asha = await met(work, rows, address=NUMBER, external=ASHA)
    ravi = await met(work, rows, address=NUMBER, external=RAVI, name="Ravi")
    without_id = await met(work, rows, address=NUMBER, name="Ravi")

    assert asha != ravi == without_id
    assert known(rows) == [(ASHA, ASHA, ""), (RAVI, NUMBER, "919800000001")]


async def test_one_person_met_both_ways_keeps_both_conversations_apart(
    work: UnitOfWork, rows: Rows
) -> None:
    """An older message without an id and one with a hidden number made two rows; the message
    that ties them together must still be answered."""
    by_number = await met(work, rows, address=NUMBER)
    by_id = await met(work, rows, address=ASHA, external=ASHA)

    tied = await met(work, rows, address=NUMBER, external=ASHA)

    assert tied == by_id != by_number
    assert known(rows) == [(None, NUMBER, "919800000001"), (ASHA, ASHA, "919800000001")]


async def test_two_people_stay_two(work: UnitOfWork, rows: Rows) -> None:
    one = await met(work, rows, address=NUMBER, external=ASHA)
    other = await met(work, rows, address=OTHER_NUMBER, external=RAVI)

    assert one != other


async def test_another_shop_knows_nobody(work: UnitOfWork, rows: Rows) -> None:
    here = await met(work, rows, address=NUMBER, external=ASHA)
    with Rows(rows.url) as elsewhere:
        there = await met(work, elsewhere, address=NUMBER, external=ASHA)

    assert here != there


async def test_a_new_name_replaces_the_old_and_none_replaces_nothing(
    work: UnitOfWork, rows: Rows
) -> None:
    who = await met(work, rows, address=NUMBER, name="Asha")
    await met(work, rows, address=NUMBER, name="Asha K")
    await met(work, rows, address=NUMBER, name="")

    assert rows.one("SELECT name FROM customers WHERE id = %s", who) == "Asha K"


async def test_twenty_first_messages_at_once_are_one_customer(work: UnitOfWork, rows: Rows) -> None:
    for _ in range(5):
        rows.run("DELETE FROM customers WHERE shop_id = %s", rows.shop)
        ways = [{"address": NUMBER}, {"address": NUMBER, "external": ASHA}]

        found = await asyncio.gather(*(met(work, rows, **ways[n % 2]) for n in range(20)))

        assert len(set(found)) == 1
        assert known(rows) == [(ASHA, NUMBER, "919800000001")]


async def test_first_messages_under_one_id_from_two_addresses(work: UnitOfWork, rows: Rows) -> None:
    addresses = [NUMBER, ASHA]

    found = await asyncio.gather(
        *(met(work, rows, address=addresses[n % 2], external=ASHA) for n in range(10))
    )

    assert len(set(found)) == 1


async def test_turns_of_one_customer_wait_for_each_other(work: UnitOfWork, rows: Rows) -> None:
    who = await met(work, rows, address=NUMBER)
    inside, most = 0, 0

    async def turn() -> None:
        nonlocal inside, most
        async with work("system:message") as tx:
            chat = await tx.customers.lock_chat(await tx.customers.get(who))
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            chat.version += 1
            inside -= 1

    await asyncio.gather(*(turn() for _ in range(10)))

    assert most == 1
    assert rows.one("SELECT version FROM user_sessions WHERE customer_id = %s", who) == 10


async def test_the_window_is_open_for_a_day_after_a_message(work: UnitOfWork, rows: Rows) -> None:
    who = await met(work, rows, address=NUMBER)

    async def is_open() -> bool:
        async with work("system:send") as tx:
            return await tx.customers.window_open(who)

    assert not await is_open()
    async with work("system:message") as tx:
        await tx.customers.wrote(who)
    assert await is_open()
    for age, expected in (("23:59:50", True), ("24:00:01", False)):
        rows.run(
            "UPDATE customers SET last_inbound_at = clock_timestamp() - %s::interval WHERE id = %s",
            age,
            who,
        )
        assert await is_open() is expected
