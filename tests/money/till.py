"""A shop whose every move is made by hand: no background work, no clock of its own.

The backend, PostgreSQL, Razorpay's wire and its signed webhooks are real; what is taken away is
everything that moves by itself. A webhook arrives when ``deliver`` is called, a task runs when
``work`` is, time passes when ``pass_time`` says so. That makes any sequence repeatable.
"""

from __future__ import annotations

import itertools
import secrets
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2

from app.core.security import sha256_hex
from app.domain.errors import BadInput, IllegalMove, NotAllowed, NotFound
from app.domain.lifecycle import Order as OrderStatus
from app.domain.print_plan import Choices, PrintType, plan
from app.models import Document
from app.models_orders import Order
from app.ports import Offer
from app.repositories.orders import Printable
from app.repositories.unit_of_work import Transaction
from app.services.queue_service import Report
from app.services.scene import Ask
from simulator.settings import FAKE_CREDENTIALS
from tests.money.machinery import Database, run_due
from tests.support.outside import Bank
from tests.support.shop import FINISHED, House, bank_of

# Promises with a deadline of minutes: true at rest, not while a step lets an hour pass.
AT_REST_ONLY = ("I7 ", "I8 ", "I19 ")
SWEEPS = ("payments", "captures", "refunds", "orders", "leases", "documents", "bills")
CLERK = "user:asha"
PC = "counter-pc"


@dataclass
class Sale:
    """An order, and what the bank and the worker hold of it."""

    id: UUID
    amount: int
    # The ids at Razorpay of the links that were made, the newest last. A changed order has more.
    links: list[str] = field(default_factory=list)
    payments: list[str] = field(default_factory=list)
    job: dict[str, Any] | None = None


class Till:
    """Every action is a coroutine that leaves nothing running. Refusals are answers, not errors:
    an action that the shop refuses returns the sentence."""

    def __init__(self, house: House, admin_url: str) -> None:
        self.house = house
        self.bank: Bank = bank_of(house)
        self.shop_id = UUID(house.settings.default_shop_id)
        self._orders = house.inside.desk._orders
        self._database = Database(house, admin_url)
        self._numbers = itertools.count(1)
        self.sales: list[Sale] = []
        self.events: list[str] = []  # at the provider, whether delivered or not
        self.delivered: Counter[str] = Counter()

    async def clear(self) -> None:
        """A new day: no orders here, no links there, and no webhook leaves by itself."""
        self._database.empty()
        outside = self.house.outside
        await outside.control("POST", "/reset")
        await outside.calm()
        await outside.trouble("*.webhook.*", "drop", times=None)
        self.sales, self.events, self.delivered = [], [], Counter()

    # The customer

    async def sell(self, *, pages: int, copies: int) -> Sale:
        """An order that waits for its money, with its link made and sent."""
        shop, number = self.house.inside, next(self._numbers)
        phone = f"9190{secrets.randbelow(10**8):08d}"
        key, words = f"{secrets.token_hex(16)}.pdf", f"file {number}"
        source = Path(self.house.settings.data_dir) / key
        source.write_text(words)
        await shop.store.put(key, source)
        source.unlink()
        async with shop.unit_of_work("system:test") as tx:
            who = await tx.customers.resolve(
                self.shop_id,
                external_user_id="",
                address=f"whatsapp:+{phone}",
                phone=phone,
                name=f"Guest {number}",
            )
            await tx.customers.lock_chat(who)
            document = Document(
                shop_id=self.shop_id,
                customer_id=who.id,
                message_sid=f"MM{secrets.token_hex(16)}",
                media_sid=f"ME{secrets.token_hex(16)}",
                status="READY",
                kind="PDF",
                name="thesis.pdf",
                storage_key=key,
                sha256=sha256_hex(words),
                bytes=len(words),
                pages=pages,
            )
            tx.session.add(document)
            await tx.session.flush()
            code = secrets.token_hex(3).upper()
            order = await self._orders.open(
                tx, shop_id=self.shop_id, customer_id=who.id, code=code, document_id=document.id
            )
            await self._price(tx, order, copies)
            sale = Sale(order.id, order.total_paise or 0)
        self.sales.append(sale)
        await self.work()
        await self.find_links(sale)
        return sale

    async def _price(self, tx: Transaction, order: Order, copies: int) -> None:
        """What follows once the print file is made, which is not made here."""
        [document] = await tx.documents.of_order(order.id)
        choices = Choices(PrintType.BW, copies)
        order.print_type, order.copies = choices.print_type.value, copies
        file = Printable(None, document.sha256, document.pages, ())
        await self._orders.price(tx, order, plan(choices, document.pages, ()), file)

    async def find_links(self, sale: Sale) -> None:
        rows = await self.house.sql(
            "SELECT plink_id FROM payments WHERE order_id = %s AND reference_id IS NOT NULL "
            "AND plink_id IS NOT NULL ORDER BY created_at",
            sale.id,
        )
        sale.links = [row["plink_id"] for row in rows]

    async def go_back(self, sale: Sale) -> str:
        """The customer wants to change something; the link that was sent is closed by a task."""
        return await self._tap(sale, OrderStatus.PAYMENT_PENDING, self._orders.revise)

    async def order_again(self, sale: Sale, copies: int) -> str:
        """After going back: another number of copies, another price, another link."""

        async def placing(tx: Transaction, order: Order) -> None:
            await self._price(tx, order, copies)
            sale.amount = order.total_paise or 0

        return await self._tap(sale, OrderStatus.DRAFT, placing)

    async def cancel_as_customer(self, sale: Sale) -> str:
        return await self._tap(sale, OrderStatus.PAYMENT_PENDING, self._orders.cancel)

    async def choose_counter(self, sale: Sale) -> str:
        return await self._tap(sale, OrderStatus.PAYMENT_PENDING, self._orders.pay_at_counter)

    async def _tap(
        self,
        sale: Sale,
        status: OrderStatus,
        wish: Callable[[Transaction, Order], Coroutine[Any, Any, None]],
    ) -> str:
        """What a button in the chat does. It is refused on an order that is somewhere else."""
        async with self.house.inside.unit_of_work("customer") as tx:
            known = await tx.orders.get(sale.id)
            assert known is not None
            await tx.customers.lock_chat(await tx.customers.get(known.customer_id))
            order = await tx.orders.lock(sale.id)
            assert order is not None
            if order.status != status:
                return f"an order that is {order.status} has no such button"
            await wish(tx, order)
        return ""

    async def come_back(self, sale: Sale) -> None:
        """The payer's browser returns; its signature was checked before."""
        if sale.links:
            query = {"razorpay_payment_link_id": sale.links[-1]}
            await self.house.inside.links.returned(query)

    async def pay(self, sale: Sale, case: str, *, link: int = -1, **more: Any) -> str:
        """What happens at the bank; the shop hears of it only through ``deliver`` or a sweep."""
        await self.find_links(sale)
        if not sale.links:
            return "there is no link"
        path = f"/links/{sale.links[link]}/pay"
        done = await self._lever(path, {"case": case, **more})
        if done is None:
            return "the bank refuses"
        self.events += [event["id"] for event in done["events"]]
        if done["status"] == "captured":
            sale.payments.append(done["payment_id"])
        if "second_payment_id" in done:
            sale.payments.append(done["second_payment_id"])
        return ""

    async def expire_link(self, sale: Sale) -> str:
        done = await self._lever(f"/links/{sale.links[-1]}/expire", {}) if sale.links else None
        return "" if done is not None else "the bank refuses"

    # The provider

    async def dispute(self, payment: str, word: str) -> None:
        await self._lever(f"/payments/{payment}/dispute", {"event": word})

    async def settle_refund(self, refund: str, status: str) -> None:
        await self._lever(f"/refunds/{refund}/settle", {"status": status})

    async def refund_outside(self, payment: str, amount: int) -> int:
        """As somebody at Razorpay's own dashboard; the provider's answer, 0 when it was lost."""
        keys = FAKE_CREDENTIALS["RAZORPAY_KEY_ID"], FAKE_CREDENTIALS["RAZORPAY_KEY_SECRET"]
        try:
            answer = await self.house.outside.client.post(
                f"{self.house.outside.origin}/v1/payments/{payment}/refund",
                json={"amount": amount},
                auth=keys,
            )
        except httpx2.TransportError:
            return 0
        return answer.status_code

    async def refunds_out_there(self) -> list[dict[str, Any]]:
        return list((await self.house.outside.control("GET", "/refunds"))["refunds"])

    async def known_events(self) -> list[str]:
        """Everything Razorpay would tell us, oldest first; also what its own calls caused."""
        listed = (await self.house.outside.control("GET", "/events"))["events"]
        self.events = [event["id"] for event in listed if event["provider"] == "razorpay"]
        return self.events

    async def deliver(self, event: str, *, copies: int = 1, new_id: bool = False) -> list[int]:
        body = {"copies": copies, "new_event_id": new_id}
        done = await self._lever(f"/events/{event}/deliver", body)
        assert done is not None
        self.delivered[event] += copies
        return list(done["answers"])

    async def forge(self, event: str) -> list[int]:
        done = await self._lever(f"/events/{event}/deliver", {"mutate_signature": True})
        assert done is not None
        return list(done["answers"])

    async def misfortune(self, operation: str, kind: str) -> None:
        """The next call of this kind goes wrong."""
        await self.house.outside.trouble(operation, kind, seconds=0.05)

    async def _lever(self, path: str, body: dict[str, Any]) -> Any:
        """None where the simulator says that this cannot happen now."""
        outside = self.house.outside
        answer: httpx2.Response = await outside.client.post(
            f"{outside.origin}/control{path}", json=body
        )
        assert answer.status_code < 300 or answer.status_code in (404, 409), answer.text
        return answer.json() if answer.status_code < 300 else None

    # Staff and the shop's PC

    async def staff(self, act: Callable[[], Any]) -> str:
        """The sentence of a refusal, or nothing."""
        try:
            await act()
        except IllegalMove:
            raise
        except (BadInput, NotFound, NotAllowed) as error:
            return error.detail
        return ""

    async def refund(self, sale: Sale, amount: int, key: str) -> str:
        refunds = self.house.inside.refunds
        return await self.staff(
            lambda: refunds.request(
                self.shop_id, sale.id, amount_paise=amount, reason="asked", key=key, by=CLERK
            )
        )

    async def cancel(self, sale: Sale) -> str:
        desk = self.house.inside.desk
        return await self.staff(lambda: desk.cancel(self.shop_id, sale.id, by=CLERK))

    async def take_cash(self, sale: Sale, amount: int) -> str:
        desk = self.house.inside.desk
        return await self.staff(
            lambda: desk.take_cash(self.shop_id, sale.id, amount_paise=amount, by=CLERK)
        )

    async def answer(self, number: int, resolution: str) -> str:
        """What a person decides about an open question; refused where it makes no sense."""
        items = await self.house.sql(
            "SELECT id FROM attention_items WHERE closed_at IS NULL ORDER BY opened_at, id"
        )
        if not items:
            return "nobody is asked"
        item, attention = items[number % len(items)]["id"], self.house.inside.attention
        ask = Ask(resolution, note="talked to the customer")
        return await self.staff(
            lambda: attention.resolve(self.shop_id, item, ask, key=f"{item}:{resolution}", by=CLERK)
        )

    async def claim(self) -> bool:
        held = await self.house.inside.printing.claim(
            self.shop_id, Offer(PC, f"{PC} printer", color=True, papers=None), wait=0
        )
        if held is None:
            return False
        [job] = await self.house.sql(
            "SELECT j.kind, j.retry_count, p.disputed FROM print_jobs j JOIN payments p "
            "ON p.order_id = j.order_id AND p.disposition = 'FULFILS' WHERE j.id = %s",
            held["id"],
        )
        by_a_person = job["kind"] == "REPRINT" or job["retry_count"]
        assert by_a_person or not job["disputed"], "what the bank asks about is being printed"
        sale = next(sale for sale in self.sales if sale.id == held["order_id"])
        sale.job = held
        return True

    async def report(self, sale: Sale, status: str) -> str:
        """What the worker says about the job it holds, or once held."""
        job = sale.job
        if job is None:
            return "nothing is held"
        evidence = FINISHED if status == "COMPLETED" else {}
        said = Report(
            job_id=job["id"],
            status=status,
            epoch=job["epoch"],
            attempt_id=job["attempt_id"],
            worker_id=PC,
            evidence=dict(evidence),
        )
        printing = self.house.inside.printing
        return await self.staff(lambda: printing.report(self.shop_id, said))

    # Machinery

    async def work(self, *, most: int = 200) -> int:
        """Runs what is due, one task after another, oldest first; how many ran."""
        return await run_due(self.house, most)

    async def sweep(self, name: str) -> None:
        await getattr(self.house.inside.housekeeping, name)()

    async def pass_time(self, minutes: int) -> None:
        """Every time in the database grows older; links whose time is over end at the bank."""
        for link in self._database.grow_older(minutes):
            await self._lever(f"/links/{link}/expire", {})

    # Looking

    async def broken(self, *, at_rest: bool = False) -> dict[str, list[str]]:
        """The promises that do not hold now, with the rows that break them."""
        if at_rest:
            found = await self.house.inside.reports.broken_invariants()
        else:
            # Without computing each quote anew: quotes never change.
            async with self.house.inside.unit_of_work("system:read") as tx:
                found = await tx.reports.broken_invariants()
        return {
            name: rows
            for name, rows in found.items()
            if rows and (at_rest or not name.startswith(AT_REST_ONLY))
        }

    async def come_to_rest(self, events: Sequence[str] | None = None) -> None:
        """All faults over, everything told at last, everything swept twice."""
        outside = self.house.outside
        await outside.control("DELETE", "/faults")
        await outside.trouble("*.webhook.*", "drop", times=None)
        await outside.control("POST", "/settings", {"balance_paise": 100_000_000})
        for event in await self.known_events() if events is None else events:
            if not self.delivered[event]:
                await self.deliver(event)
        for _ in range(2):
            await self.pass_time(3)
            for name in SWEEPS:
                await self.sweep(name)
            while await self.work():
                await self.pass_time(3)
        for event in await self.known_events():
            if not self.delivered[event]:
                await self.deliver(event)
        await self.work()
