"""The rows of the house. Money is integer paise, times are set by the database's clock.

What an invariant forbids, a constraint here forbids; the arrows between statuses are held by a
trigger (see ``migrations``). Money and paper live in
``models_orders``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ColumnElement,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# The database's clock alone decides: ours may differ between hosts.
NOW: ColumnElement[datetime] = func.clock_timestamp(type_=DateTime(timezone=True))


def from_now(seconds: float) -> ColumnElement[datetime]:
    return NOW + timedelta(seconds=seconds)


NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        UUID: PG_UUID(as_uuid=True),
        str: Text,
        bytes: LargeBinary,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


def uuid_key() -> Mapped[UUID]:
    return mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))


def time_of_birth() -> Mapped[datetime]:
    return mapped_column(server_default=NOW)


class Shop(Base):
    __tablename__ = "shops"

    id: Mapped[UUID] = uuid_key()
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    timezone: Mapped[str] = mapped_column(server_default="Asia/Kolkata")
    language: Mapped[str] = mapped_column(server_default="en")
    token_day: Mapped[str] = mapped_column(server_default="")
    token_last: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = time_of_birth()


class PriceListRow(Base):
    """A version of a shop's prices; rows are added, never changed.

    ``rates`` are those of ``domain.price_list``; ``made_by`` is empty where the settings made it.
    """

    __tablename__ = "price_lists"
    __table_args__ = (
        UniqueConstraint("shop_id", "version"),
        CheckConstraint("bw_paise >= 0 AND color_paise >= 0 AND minimum_paise >= 0", "amounts"),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    version: Mapped[int]
    bw_paise: Mapped[int] = mapped_column(BigInteger)
    color_paise: Mapped[int] = mapped_column(BigInteger)
    minimum_paise: Mapped[int] = mapped_column(BigInteger, server_default="0")
    rates: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    made_by: Mapped[str] = mapped_column(server_default="")
    starts_at: Mapped[datetime] = time_of_birth()


class Customer(Base):
    """Found by ``external_user_id`` first, by address second; a phone number may be absent."""

    __tablename__ = "customers"
    __table_args__ = (
        UniqueConstraint("shop_id", "external_user_id"),
        UniqueConstraint("shop_id", "address", name="uq_customers_address"),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    external_user_id: Mapped[str | None]
    address: Mapped[str]
    phone: Mapped[str] = mapped_column(server_default="")
    name: Mapped[str] = mapped_column(server_default="")
    language: Mapped[str] = mapped_column(server_default="")
    last_inbound_at: Mapped[datetime | None]
    stopped: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[datetime] = time_of_birth()


class UserSession(Base):
    """One conversation per customer. Its row lock puts a customer's turns in order."""

    __tablename__ = "user_sessions"

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    status: Mapped[str] = mapped_column(server_default="IDLE")
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    version: Mapped[int] = mapped_column(server_default="0")
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=NOW)


class WebhookLog(Base):
    """The inbox: what a provider sent, whole, before anybody thought about it."""

    __tablename__ = "webhook_logs"
    __table_args__ = (
        UniqueConstraint("provider", "dedup_key"),
        CheckConstraint("status IN ('NEW', 'DONE', 'IGNORED', 'DEAD')", "status"),
        Index("ix_webhook_logs_unfinished", "received_at", postgresql_where=text("status = 'NEW'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    provider: Mapped[str]
    dedup_key: Mapped[str]
    event_id: Mapped[str] = mapped_column(server_default="", index=True)
    lane: Mapped[str]
    raw_body: Mapped[bytes]
    received_at: Mapped[datetime] = time_of_birth()
    status: Mapped[str] = mapped_column(server_default="NEW")
    reason: Mapped[str] = mapped_column(server_default="")
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    finished_at: Mapped[datetime | None]


class Document(Base):
    """A customer's file. ``storage_key`` names the print-ready bytes, hashed in ``sha256``."""

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("message_sid", "media_sid"),
        CheckConstraint(
            "status IN ('FETCHING', 'LOCKED', 'READY', 'REFUSED', 'DELETED')", "status"
        ),
        CheckConstraint("status <> 'READY' OR (pages > 0 AND sha256 <> '')", "ready"),
        Index("ix_documents_due", "delete_after", postgresql_where=text("deleted_at IS NULL")),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), index=True)
    order_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("orders.id", use_alter=True), index=True
    )
    message_sid: Mapped[str]
    media_sid: Mapped[str]
    declared_type: Mapped[str] = mapped_column(server_default="")
    name: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str] = mapped_column(server_default="FETCHING")
    reason: Mapped[str] = mapped_column(server_default="")
    kind: Mapped[str] = mapped_column(server_default="")
    storage_key: Mapped[str] = mapped_column(server_default="")
    sha256: Mapped[str] = mapped_column(server_default="")
    bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    pages: Mapped[int] = mapped_column(server_default="0")
    color_pages: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    page_sizes: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    """Width and height in points of its pages, each size once; none: nobody measured them."""
    preview_keys: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    attempts: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = time_of_birth()
    tried_at: Mapped[datetime] = time_of_birth()
    delete_after: Mapped[datetime | None]
    unwanted: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """The customer asked for its deletion: it goes as soon as no order needs it."""
    deleted_at: Mapped[datetime | None]


class Message(Base):
    """Every word both ways. Outgoing rows are staged first, then sent by a task."""

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("direction IN ('IN', 'OUT')", "direction"),
        Index("ix_messages_chat", "customer_id", "id"),
        Index(
            "ix_messages_unsent",
            "staged_at",
            postgresql_where=text("direction = 'OUT' AND status = 'STAGED'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"), index=True)
    direction: Mapped[str]
    dedup_key: Mapped[str | None] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(server_default="")
    body: Mapped[str]
    buttons: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    status: Mapped[str]
    sid: Mapped[str | None] = mapped_column(unique=True)
    error_code: Mapped[str] = mapped_column(server_default="")
    attempts: Mapped[int] = mapped_column(server_default="0")
    staged_at: Mapped[datetime] = time_of_birth()
    first_try_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]


class Content(Base):
    """A Twilio content made once: ``key`` is the hash of its text, language and buttons."""

    __tablename__ = "contents"

    key: Mapped[str] = mapped_column(primary_key=True)
    sid: Mapped[str]
    name: Mapped[str]
    created_at: Mapped[datetime] = time_of_birth()


class AttentionItem(Base):
    """Something only a person can decide. One open item per kind and subject."""

    __tablename__ = "attention_items"
    __table_args__ = (
        Index(
            "uq_attention_items_open",
            "shop_id",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        CheckConstraint("closed_at IS NULL OR closed_by <> ''", "closed_by_somebody"),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    kind: Mapped[str]
    subject: Mapped[str]
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"), index=True)
    amount_paise: Mapped[int | None] = mapped_column(BigInteger)
    detail: Mapped[str] = mapped_column(server_default="")
    opened_at: Mapped[datetime] = time_of_birth()
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(server_default="")
    resolution: Mapped[str] = mapped_column(server_default="")


class StaffUser(Base):
    __tablename__ = "staff_users"
    __table_args__ = (
        UniqueConstraint("shop_id", "name"),
        CheckConstraint("role IN ('owner', 'operator', 'viewer')", "role"),
    )

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    name: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="operator")
    language: Mapped[str] = mapped_column(server_default="en")
    failed_logins: Mapped[int] = mapped_column(server_default="0")
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = time_of_birth()


class StaffSession(Base):
    """A signed-in browser; the cookie's value is only stored hashed."""

    __tablename__ = "staff_sessions"

    token_sha256: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("staff_users.id"), index=True)
    csrf: Mapped[str]
    created_at: Mapped[datetime] = time_of_birth()
    last_seen_at: Mapped[datetime] = time_of_birth()
    ended_at: Mapped[datetime | None]


class ApiToken(Base):
    """A bearer token for scripts; shown once, stored hashed."""

    __tablename__ = "api_tokens"

    id: Mapped[UUID] = uuid_key()
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    name: Mapped[str]
    token_sha256: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = time_of_birth()
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuditLog(Base):
    """Who changed what, and why. Append-only: a trigger refuses changes."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("shops.id"))
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(server_default="")
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    at: Mapped[datetime] = time_of_birth()


class AllowedTransition(Base):
    """The arrows of ``domain.lifecycle``, held by the database as well."""

    __tablename__ = "allowed_transitions"

    entity: Mapped[str] = mapped_column(primary_key=True)
    from_status: Mapped[str] = mapped_column(primary_key=True)
    to_status: Mapped[str] = mapped_column(primary_key=True)
    person_only: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class Transition(Base):
    """Every change of a status, written by the trigger that checks it."""

    __tablename__ = "transitions"
    __table_args__ = (
        Index("ix_transitions_entity", "entity", "entity_id"),
        Index(
            "ix_transitions_money",
            "at",
            postgresql_where=text(
                "(entity = 'payments' AND to_status = 'CAPTURED') OR (entity = 'refunds' "
                "AND (to_status = 'PROCESSED' OR from_status = 'PROCESSED'))"
            ),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    entity: Mapped[str]
    entity_id: Mapped[UUID]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    actor: Mapped[str] = mapped_column(server_default="")
    epoch: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[datetime] = time_of_birth()


class SweepRun(Base):
    """When each sweep last succeeded: what ``/health`` shows of the machinery."""

    __tablename__ = "sweep_runs"

    name: Mapped[str] = mapped_column(primary_key=True)
    succeeded_at: Mapped[datetime | None]
    summary: Mapped[str] = mapped_column(server_default="")
    unread: Mapped[int] = mapped_column(server_default="0")
    """What the last run that had anything to do could not read."""
