"""The attention list: what waits for a person, and the one way an item is closed by one.

Who is first decides: the item is locked last, after everything it is about, and its answer is
written in the transaction that carries it out.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.core.crash import crash_here
from app.core.security import sha256_hex
from app.domain.attention import NEEDS_NOTE, Kind, Resolution, kind_of, offered, refusal
from app.domain.errors import BadInput, NotAllowed, NotFound
from app.domain.lifecycle import ORDER, OrderEvent
from app.domain.lifecycle import Order as OrderStatus
from app.models import AttentionItem
from app.models_attention import AttentionResolution
from app.models_orders import Payment, Refund
from app.repositories.attention import Known
from app.repositories.unit_of_work import Transaction, UnitOfWork
from app.services.cursors import cursor_of, read_cursor
from app.services.money_answers import MoneyAnswers
from app.services.paper_answers import PaperAnswers
from app.services.scene import Ask, Done, Scene

STATUSES = ("open", "closed")
MAX_PAGE = 200

Answer = Callable[[Transaction, Scene], Awaitable[Done]]


@dataclass(frozen=True, slots=True)
class Entry:
    """An item with what can be answered now, or with what was answered."""

    item: AttentionItem
    kind: Kind
    known: Known
    offered: tuple[Resolution, ...]
    decided: AttentionResolution | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """One item, the money it is about, and what of that went back."""

    entry: Entry
    payment: Payment | None
    refunds: Sequence[Refund]


class AttentionService:
    def __init__(self, unit_of_work: UnitOfWork, money: MoneyAnswers, paper: PaperAnswers) -> None:
        self._unit_of_work = unit_of_work
        self._money = money
        self._paper = paper
        self._answers: Mapping[Resolution, Answer] = {
            Resolution.REFUND: money.refund,
            Resolution.PRINT_IT: money.print_it,
            Resolution.KEEP_AS_CREDIT: money.keep_as_credit,
            Resolution.MATCHED_BY_HAND: money.matched_by_hand,
            Resolution.PAID_BACK_BY_HAND: money.paid_back_by_hand,
            Resolution.TRY_AGAIN: self._try_again,
            Resolution.REFUND_STANDS: _noted,
            Resolution.BOOKED_RIGHT: _noted,
            Resolution.DISPUTE_WON: money.dispute_won,
            Resolution.TAKEN_BY_BANK: money.taken_by_bank,
            Resolution.IT_PRINTED: paper.it_printed,
            Resolution.NOTHING_CAME_OUT_PRINT: paper.nothing_came_out_print,
            Resolution.NOTHING_CAME_OUT_REFUND: paper.nothing_came_out_refund,
            Resolution.PRINT_AGAIN: paper.print_again,
            Resolution.SEEN: _noted,
        }

    # Looking

    async def page(
        self,
        shop_id: UUID,
        *,
        kind: str = "",
        status: str = "open",
        cursor: str = "",
        first: UUID | None = None,
        limit: int = 50,
    ) -> tuple[list[Entry], str | None]:
        """Open items as they came, closed ones from the last; and the cursor of the next page.

        ``first`` names the open item a page begins with, if there is no cursor.
        """
        if status not in STATUSES:
            raise BadInput(f"status {status!r} is none of {', '.join(STATUSES)}.")
        beyond = read_cursor(cursor) if cursor else None
        async with self._unit_of_work("system:read") as tx:
            if first is not None and beyond is None:
                item = await tx.attention.of_shop(shop_id, first)
                # Ids are ordered as the numbers they are.
                beyond = (item.opened_at, UUID(int=max(item.id.int - 1, 0))) if item else None
            rows = await tx.attention.page(
                shop_id,
                kind=kind,
                closed=status == "closed",
                beyond=beyond,
                limit=min(limit, MAX_PAGE) + 1,
            )
            shown = rows[:limit]
            entries = await self._entries(tx, shop_id, shown)
        if len(rows) <= limit:
            return entries, None
        last = shown[-1]
        return entries, cursor_of(last.closed_at or last.opened_at, last.id)

    async def detail(self, shop_id: UUID, item_id: UUID) -> Detail:
        async with self._unit_of_work("system:read") as tx:
            entry = await self._one(tx, shop_id, item_id)
            payment_id = entry.known.payment_id
            payment = await tx.payments.get(payment_id) if payment_id else None
            refunds = await tx.refunds.of_payment(payment_id) if payment_id else []
            return Detail(entry, payment, refunds)

    async def _one(self, tx: Transaction, shop_id: UUID, item_id: UUID) -> Entry:
        item = await tx.attention.of_shop(shop_id, item_id)
        if item is None:
            raise NotFound("No such attention item.")
        return (await self._entries(tx, shop_id, [item]))[0]

    async def _entries(
        self, tx: Transaction, shop_id: UUID, items: Sequence[AttentionItem]
    ) -> list[Entry]:
        known = await tx.attention.known(shop_id, [item.id for item in items])
        decided = await tx.attention.of_items([item.id for item in items])
        found = []
        for item in items:
            kind, about = kind_of(item.kind, subject=item.subject), known[item.id]
            answers = offered(kind, about.facts) if item.closed_at is None else ()
            found.append(Entry(item, kind, about, answers, decided.get(item.id)))
        return found

    # Resolving

    async def resolve(self, shop_id: UUID, item_id: UUID, ask: Ask, *, key: str, by: str) -> Entry:
        """Carries a named resolution out and closes the item with it, whole or not at all.

        The same key and body again answers with the first result. Raises NotFound, BadInput, or
        NotAllowed when somebody was faster or the answer is not possible (any more).
        """
        resolution = _checked(ask)
        body = sha256_hex(
            json.dumps([str(item_id), ask.resolution, ask.note, ask.amount_paise, ask.order])
        )
        async with self._unit_of_work(by) as tx:
            scene = await self._scene(tx, shop_id, item_id, ask, by)
            earlier = await tx.attention.by_key(shop_id, key)
            if earlier is not None:
                if earlier.body_sha256 != body:
                    raise NotAllowed(
                        "This Idempotency-Key was used for another answer.", code="key_reused"
                    )
                return await self._one(tx, shop_id, item_id)
            _possible(resolution, scene)
            done = await self._answers[resolution](tx, scene)
            decided = AttentionResolution(
                shop_id=shop_id,
                item_id=item_id,
                idempotency_key=key,
                body_sha256=body,
                resolution=resolution.value,
                note=ask.note,
                # What a fulfilled order is paid with is owned by the order, not by this row.
                amount_paise=done.amount_paise,
                order_id=scene.order.id if scene.order else None,
                payment_id=scene.payment.id if scene.payment else None,
                refund_id=done.refund_id,
                job_id=done.job_id,
                decided_by=by,
            )
            await tx.session.flush()
            if not await tx.attention.close(scene.item, decided):
                raise NotAllowed(
                    "This Idempotency-Key was used for another answer.", code="key_reused"
                )
            await self._all_owned(tx, scene)
            await tx.messages.audit(
                shop_id=shop_id,
                actor=by,
                action="resolve",
                subject=f"attention:{item_id}",
                reason=ask.note,
                data={
                    "kind": scene.item.kind,
                    "about": scene.item.subject,
                    "resolution": resolution.value,
                    "amount_paise": done.amount_paise,
                },
            )
            entry = await self._one(tx, shop_id, item_id)
            crash_here("attention.resolve_before_commit")
        crash_here("attention.resolve_after_commit")
        return entry

    async def _scene(
        self, tx: Transaction, shop_id: UUID, item_id: UUID, ask: Ask, by: str
    ) -> Scene:
        """Locks everything the item is about: chat, order, payment, refund, jobs, the item."""
        if await tx.attention.of_shop(shop_id, item_id) is None:
            raise NotFound("No such attention item.")
        named = await self._named_order(tx, shop_id, ask.order) if ask.order else None
        before = (await tx.attention.known(shop_id, [item_id], order_id=named))[item_id]
        customer = order = None
        if before.order_id is not None and before.customer_id is not None:
            customer = await tx.customers.get(before.customer_id)
            await tx.customers.lock_chat(customer)
            order = await tx.orders.lock(before.order_id)
        payment = await tx.payments.lock(before.payment_id) if before.payment_id else None
        refund = await tx.refunds.lock(before.refund_id) if before.refund_id else None
        jobs = await tx.print_jobs.lock_of_order(order.id) if order is not None else []
        item = await tx.attention.lock(item_id)
        now = (await tx.attention.known(shop_id, [item_id], order_id=named))[item_id]
        if now.payment_id != before.payment_id and item.closed_at is None:
            raise NotAllowed("This has just changed; look again.", code="changed")
        return Scene(
            item=item,
            ask=ask,
            by=by,
            facts=now.facts,
            customer=customer,
            order=order,
            payment=payment,
            refund=refund,
            job=next((job for job in jobs if job.id == now.job_id), None),
        )

    async def _named_order(self, tx: Transaction, shop_id: UUID, name: str) -> UUID:
        """By its id or by the code people say."""
        try:
            order = await tx.orders.of_shop(shop_id, UUID(name))
        except ValueError:
            order = await tx.orders.by_code(shop_id, name.upper())
        if order is None:
            raise NotFound("There is no such order in this shop.")
        return order.id

    async def _try_again(self, tx: Transaction, scene: Scene) -> Done:
        answers = self._money if scene.refund is not None else self._paper
        return await answers.try_again(tx, scene)

    async def _all_owned(self, tx: Transaction, scene: Scene) -> None:
        """Whatever was decided, each rupee it is about has an owner afterwards."""
        payments: dict[UUID, Payment] = {scene.payment.id: scene.payment} if scene.payment else {}
        if scene.order is not None:
            payments |= {each.id: each for each in await tx.payments.of_order(scene.order.id)}
        if await tx.attention.ownerless(list(payments)):
            raise NotAllowed(
                "Some of this money would be left without an owner: decide about all of it.",
                code="money_without_owner",
            )


def _checked(ask: Ask) -> Resolution:
    """The named resolution, with everything it needs and nothing it cannot use."""
    try:
        resolution = Resolution(ask.resolution)
    except ValueError:
        raise BadInput(f"resolution is none of {', '.join(Resolution)}.") from None
    if resolution in NEEDS_NOTE and not ask.note:
        raise BadInput(f"{resolution} needs a note: say why, or what was agreed.")
    takes_amount = resolution in (Resolution.REFUND, Resolution.KEEP_AS_CREDIT)
    if ask.amount_paise is not None and not takes_amount:
        raise BadInput(f"{resolution} takes no amount_paise.")
    if ask.amount_paise is not None and ask.amount_paise < 1:
        raise BadInput("amount_paise must be at least 1.")
    if ask.order and resolution is not Resolution.MATCHED_BY_HAND:
        raise BadInput(f"{resolution} takes no order.")
    return resolution


def _possible(resolution: Resolution, scene: Scene) -> None:
    if scene.item.closed_at is not None:
        raise NotAllowed(
            f"This was closed already, with {scene.item.resolution or 'no answer'}.",
            code="item_closed",
        )
    kind = kind_of(scene.item.kind, subject=scene.item.subject)
    if resolution not in kind.resolutions:
        raise NotAllowed(
            f"{resolution} does not answer this; use {' or '.join(kind.resolutions)}.",
            code="not_an_answer",
        )
    if why := refusal(resolution, scene.facts):
        raise NotAllowed(why, code="not_possible")
    order = scene.order if resolution is Resolution.MATCHED_BY_HAND else None
    if order is None or OrderEvent.FULFIL not in ORDER[OrderStatus(order.status)]:
        return
    # Money matched to an order that waits pays it, so it must be one that can be printed.
    if why := refusal(Resolution.PRINT_IT, scene.facts):
        raise NotAllowed(why, code="not_possible")


async def _noted(_: Transaction, __: Scene) -> Done:
    return Done()
