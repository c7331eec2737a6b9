"""Everything the house says to a customer goes through here: rendered, staged once, sent later."""

from __future__ import annotations

from app.domain.wording import Choice, Saying, Text, Value
from app.models import Customer
from app.models_orders import Order
from app.ports import Words
from app.repositories.unit_of_work import Transaction

# What may still be said to somebody who wrote STOP: facts about money and paper they paid for.
ALWAYS = frozenset(
    {
        *(Text.PAID, Text.READY, Text.DELAYED, Text.REFUND_STARTED),
        *(Text.REFUNDED, Text.PAY_TWICE, Text.PAY_AFTER_CANCEL, Text.PAY_FILE_GONE),
        *(Text.REFUND_FAILED, Text.PAY_UNCLEAR, Text.PAID_BACK, Text.CREDIT_KEPT, Text.STOPPED),
    }
)


class Notices:
    def __init__(self, words: Words, *, public_url: str) -> None:
        self._words = words
        self._public_url = public_url

    def page_url(self, order: Order) -> str:
        return f"{self._public_url}/o/{order.page_token}"

    async def say(
        self,
        tx: Transaction,
        customer: Customer,
        saying: Saying,
        *,
        key: str,
        order: Order | None = None,
    ) -> None:
        """Stages a message; one with this key is said once, however often it is asked for."""
        if customer.stopped and saying.parts[-1] not in ALWAYS:
            return
        shop = await tx.shops.get(customer.shop_id)
        rendered = self._words.render(saying, customer.language or shop.language)
        message_id = await tx.messages.stage(
            shop_id=customer.shop_id,
            customer_id=customer.id,
            order_id=order.id if order else None,
            key=key,
            kind="+".join(part.value for part in saying.parts),
            body=rendered.body,
            buttons=[{"id": button, "title": title} for button, title in rendered.buttons],
        )
        if message_id is not None:
            await tx.defer("send_message", lane=f"send:{customer.id}", message_id=message_id)

    async def order(
        self,
        tx: Transaction,
        order: Order,
        text: Text,
        *,
        key: str,
        choices: tuple[Choice, ...] = (),
        **values: Value,
    ) -> None:
        """A fact about an order, to the customer of the order and nobody else."""
        customer = await tx.customers.get(order.customer_id)
        saying = Saying((text,), values, choices)
        await self.say(tx, customer, saying, key=f"order:{order.id}:{key}", order=order)
