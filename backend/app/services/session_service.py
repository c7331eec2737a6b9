"""A customer's turn: gather the facts, let the conversation decide, apply what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.core.security import new_code
from app.domain.chat import (
    CallPerson,
    CancelOrder,
    Chat,
    Context,
    DeleteFiles,
    Doc,
    Effect,
    Event,
    LastOrder,
    MakeSheet,
    OpenLocked,
    OpenOrder,
    PayAtCounter,
    PlaceOrder,
    ReviseOrder,
    Say,
    SetStopped,
    State,
)
from app.domain.conversation import step
from app.domain.lifecycle import Job
from app.domain.lifecycle import Order as OrderStatus
from app.domain.money import Money
from app.domain.pricing import PrintType
from app.domain.wording import Value
from app.models import Customer, UserSession
from app.models_orders import Order
from app.repositories.unit_of_work import Transaction
from app.services.notices import Notices
from app.services.order_service import OrderService


class SessionService:
    def __init__(
        self,
        orders: OrderService,
        notices: Notices,
        *,
        max_copies: int,
        max_pages: int,
        max_mb: int,
        accepts: str,
    ) -> None:
        self._orders = orders
        self._notices = notices
        self._max_copies = max_copies
        self._max_pages = max_pages
        self._max_mb = max_mb
        self._accepts = accepts

    async def turn(
        self, tx: Transaction, customer: Customer, event: Event, *, key: str
    ) -> list[Effect]:
        """One event, one step. ``key`` names the event: its messages are said once.

        Locks the chat first; everything else of this customer comes after it.
        """
        row = await tx.customers.lock_chat(customer)
        await tx.session.refresh(customer, ["stopped"])  # Twilio may have said so meanwhile
        chat = load_chat(row, stopped=customer.stopped)
        context = await self._gather(tx, customer, chat)
        chat, effects = step(chat, event, context)
        store_chat(row, chat)
        await tx.session.flush()
        for number, effect in enumerate(effects):
            await self._apply(tx, customer, effect, f"{key}:{number}")
        return effects

    def limits(self) -> dict[str, Value]:
        """The values that refusals of a file mention."""
        return {"max_mb": self._max_mb, "max_pages": self._max_pages, "accepts": self._accepts}

    async def waits_for_password(
        self, tx: Transaction, customer: Customer, document_id: str
    ) -> bool:
        """Whether the chat, which the caller has locked, asks for this document's password."""
        row = await tx.customers.lock_chat(customer)
        return load_chat(row, stopped=customer.stopped).locked == document_id

    async def _gather(self, tx: Transaction, customer: Customer, chat: Chat) -> Context:
        shop = await tx.shops.get(customer.shop_id)
        _, prices = await tx.shops.prices(shop.id)
        total, pay_url = None, ""
        if chat.state is State.AWAITING_PAYMENT:
            order = await tx.orders.by_code(shop.id, chat.order)
            if order is not None and order.total_paise is not None:
                total = Money(order.total_paise)
                links = await tx.payments.open_links(order.id)
                pay_url = next((link.short_url for link in links if link.short_url), "")
        return Context(
            new_order=new_code(),
            shop_name=shop.name,
            prices=prices,
            customer_name=customer.name,
            max_copies=self._max_copies,
            max_pages=self._max_pages,
            max_mb=self._max_mb,
            total=total,
            pay_url=pay_url,
            last=await self._last(tx, customer),
            accepts=self._accepts,
        )

    async def _last(self, tx: Transaction, customer: Customer) -> LastOrder | None:
        order = await tx.orders.last_closed(customer.id)
        if order is None:
            return None
        jobs = await tx.orders.jobs(order.id)
        job = jobs[-1] if jobs else None
        return LastOrder(
            status=OrderStatus(order.status),
            job=Job(job.status) if job else None,
            token=order.token,
            ahead=await tx.orders.waiting_before(job) if job else 0,
            total=Money(order.total_paise or 0),
        )

    async def _apply(self, tx: Transaction, customer: Customer, effect: Effect, key: str) -> None:
        match effect:
            case Say(saying):
                await self._notices.say(tx, customer, saying, key=key)
            case OpenOrder(code, document):
                await self._orders.open(
                    tx,
                    shop_id=customer.shop_id,
                    customer_id=customer.id,
                    code=code,
                    document_id=UUID(document),
                )
            case PlaceOrder(code, print_type, copies):
                await self._orders.place(
                    tx, await self._order(tx, customer, code), print_type, copies
                )
            case ReviseOrder(code):
                await self._orders.revise(tx, await self._order(tx, customer, code))
            case CancelOrder(code):
                await self._orders.cancel(tx, await self._order(tx, customer, code))
            case PayAtCounter(code):
                await self._orders.pay_at_counter(tx, await self._order(tx, customer, code))
            case OpenLocked(document):
                await tx.documents.try_again(UUID(document))
            case MakeSheet(code, layout, documents):
                order = await self._order(tx, customer, code)
                await tx.defer(
                    "make_sheet",
                    queue="documents",
                    order_id=str(order.id),
                    layout=layout.value,
                    document_ids=list(documents),
                )
            case CallPerson():
                await tx.messages.open_item(
                    shop_id=customer.shop_id,
                    kind="wants_a_person",
                    subject=f"customer:{customer.id}",
                    detail="The customer asked for a person.",
                )
            case DeleteFiles():
                await tx.documents.forget(customer.id)
                await tx.defer("sweep_documents", once="sweep_documents:asked", timestamp=0)
            case SetStopped(stopped):
                customer.stopped = stopped

    async def _order(self, tx: Transaction, customer: Customer, code: str) -> Order:
        order = await tx.orders.by_code(customer.shop_id, code)
        assert order is not None, "the chat names orders it opened"
        locked = await tx.orders.lock(order.id)
        assert locked is not None
        return locked


def load_chat(row: UserSession, *, stopped: bool) -> Chat:
    """The chat as it is kept; whether it is stopped is kept with the customer alone."""
    data = row.data or {}
    return Chat(
        state=State(row.status),
        order=data.get("order", ""),
        document=_doc(data["document"]) if data.get("document") else None,
        print_type=PrintType(data["print_type"]) if data.get("print_type") else None,
        held=tuple(_doc(held) for held in data.get("held", ())),
        opening=tuple(data.get("opening", ())),
        locked=data.get("locked", ""),
        mistakes=data.get("mistakes", 0),
        version=row.version,
        stopped=stopped,
    )


def store_chat(row: UserSession, chat: Chat) -> None:
    row.status = chat.state.value
    row.version = chat.version
    row.data = {
        "order": chat.order,
        "document": _as_json(chat.document) if chat.document else None,
        "print_type": chat.print_type.value if chat.print_type else None,
        "held": [_as_json(held) for held in chat.held],
        "opening": list(chat.opening),
        "locked": chat.locked,
        "mistakes": chat.mistakes,
    }


def _doc(data: dict[str, Any]) -> Doc:
    pages: Sequence[int] = data["color_pages"]
    return Doc(
        data["id"],
        data["name"],
        data["pages"],
        tuple(pages),
        photo=data.get("photo", False),
        card=data.get("card", False),
    )


def _as_json(document: Doc) -> dict[str, Any]:
    return {
        "id": document.id,
        "name": document.name,
        "pages": document.pages,
        "color_pages": list(document.color_pages),
        "photo": document.photo,
        "card": document.card,
    }
