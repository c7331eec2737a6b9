"""Customers and their conversations."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import NOW, Customer, UserSession


class Customers:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, customer_id: UUID) -> Customer:
        return await self._session.get_one(Customer, customer_id)

    async def resolve(
        self, shop_id: UUID, *, external_user_id: str, address: str, phone: str, name: str
    ) -> Customer:
        """The customer behind a message: external id first, then address; new ones are made.

        A customer found by address learns the external id, so that both name one person.
        """
        found = await self._find(shop_id, external_user_id, address)
        if found is None:
            if external_user_id:
                await self._take_address(shop_id, external_user_id, address)
            await self._session.execute(
                insert(Customer)
                .values(
                    shop_id=shop_id,
                    external_user_id=external_user_id or None,
                    address=address,
                    phone=phone,
                    name=name,
                )
                .on_conflict_do_nothing()
            )
            found = await self._find(shop_id, external_user_id, address)
            assert found is not None, "inserted or met a moment ago"
        if external_user_id and found.external_user_id is None:
            found.external_user_id = external_user_id
        if phone and not found.phone:
            found.phone = phone
            if not await self._address_known(shop_id, address):
                found.address = address
        if name and found.name != name:
            found.name = name
        await self._session.flush()
        return found

    async def _take_address(self, shop_id: UUID, external_user_id: str, address: str) -> None:
        """A recycled number is its new owner's; the old one stays reachable by external id."""
        await self._session.execute(
            text(
                "UPDATE customers SET address = external_user_id, phone = '' "
                "WHERE shop_id = :shop AND address = :address AND external_user_id <> :new"
            ),
            {"shop": shop_id, "address": address, "new": external_user_id},
        )

    async def _address_known(self, shop_id: UUID, address: str) -> bool:
        known = await self._session.execute(
            text("SELECT 1 FROM customers WHERE shop_id = :shop AND address = :address"),
            {"shop": shop_id, "address": address},
        )
        return known.first() is not None

    async def _find(self, shop_id: UUID, external_user_id: str, address: str) -> Customer | None:
        if external_user_id:
            known = await self._session.scalar(
                select(Customer)
                .where(Customer.shop_id == shop_id, Customer.external_user_id == external_user_id)
                .execution_options(populate_existing=True)
            )
            if known is not None:
                return known
        met: Customer | None = await self._session.scalar(
            select(Customer).where(Customer.shop_id == shop_id, Customer.address == address)
        )
        if met is not None and met.external_user_id and external_user_id:
            # The address passed on to somebody else (a recycled number): another person.
            return met if met.external_user_id == external_user_id else None
        return met

    async def wrote(self, customer_id: UUID) -> None:
        """Opens the 24-hour window: every message of the customer does."""
        await self._session.execute(
            update(Customer).where(Customer.id == customer_id).values(last_inbound_at=NOW)
        )

    async def window_open(self, customer_id: UUID) -> bool:
        result = await self._session.execute(
            text(
                "SELECT coalesce(last_inbound_at > clock_timestamp() - interval '24 hours', false) "
                "FROM customers WHERE id = :id"
            ),
            {"id": customer_id},
        )
        return bool(result.scalar_one())

    async def lock_chat(self, customer: Customer) -> UserSession:
        """The conversation's row under its lock: turns of one customer happen one by one."""
        await self._session.execute(
            insert(UserSession)
            .values(customer_id=customer.id, shop_id=customer.shop_id)
            .on_conflict_do_nothing()
        )
        return await self._session.get_one(
            UserSession, customer.id, with_for_update=True, populate_existing=True
        )
