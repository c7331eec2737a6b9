"""Alembic's entry: online with the address it is given, offline to print ``schema.sql``."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool

import app.models_attention
import app.models_bills
import app.models_days
import app.models_orders  # noqa: F401 - its tables join the metadata
from app.models import Base

config = context.config
target_metadata = Base.metadata


def owned(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """The task queue's tables come from its own schema, not from our models."""
    return not (kind == "table" and str(name).startswith("procrastinate_"))


def run_offline() -> None:
    context.configure(
        dialect_name="postgresql",
        target_metadata=target_metadata,
        literal_binds=True,
        include_object=owned,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    engine = create_engine(config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=target_metadata, include_object=owned
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
