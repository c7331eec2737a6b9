"""What the database itself refuses: arrows that are not drawn, changed quotes, edited history.

Also the task queue's own tables, from the schema its package carries.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0004"
down_revision = "0003"

SQL = Path(__file__).resolve().parents[1] / "sql"


def run(script: str) -> None:
    """A script as it stands: colons are casts and labels, never bind parameters."""
    op.execute(sa.text(script.replace(":", "\\:")))


def upgrade() -> None:
    run(SchemaManager.get_schema())
    run((SQL / "0004_guards.sql").read_text(encoding="utf-8"))
