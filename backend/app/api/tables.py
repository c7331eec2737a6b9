"""The columns of the exported tables, and their rows as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.core.logging import scrub
from app.domain.csv_text import BOM, Cell, line, local
from app.domain.money import Money
from app.ports import Table

Row = Mapping[str, Any]
Column = Callable[[Row], Cell]


def _plain(name: str) -> Column:
    return lambda row: row[name]


def _rupees(name: str) -> Column:
    return lambda row: None if row[name] is None else Money(row[name])


def _utc(name: str) -> Column:
    return lambda row: row[name].astimezone(UTC) if row[name] else None


def _local(name: str) -> Column:
    return lambda row: local(_in_the_shop(row, row[name]))


def _in_the_shop(row: Row, moment: datetime | None) -> datetime | None:
    return moment.astimezone(ZoneInfo(row["timezone"])) if moment else None


def _phone(row: Row) -> Cell:
    """Masked, as in the lists."""
    return scrub(f"+{row['phone']}") if row["phone"] else ""


def _or_cash(name: str) -> Column:
    return lambda row: row[name] or ("cash" if row["method"] == "cash" else "")


_WHEN: dict[str, Column] = {"at": _utc("at"), "local_time": _local("at")}

COLUMNS: dict[Table, dict[str, Column]] = {
    Table.ORDERS: {
        **_WHEN,
        "order": _plain("code"),
        "token": _plain("token"),
        "status": _plain("status"),
        "customer": _plain("customer"),
        "phone": _phone,
        "file": _plain("file"),
        "print_type": _plain("print_type"),
        "copies": _plain("copies"),
        "total_rupees": _rupees("total_paise"),
        "paid_local_time": _local("paid_at"),
        "ready_local_time": _local("ready_at"),
    },
    Table.PAYMENTS: {
        **_WHEN,
        "payment": _or_cash("rzp_payment_id"),
        "order": _plain("code"),
        "token": _plain("token"),
        "method": _plain("method"),
        "captured_rupees": _rupees("captured_paise"),
        "currency": _plain("currency"),
        "refunded_rupees": _rupees("refunded_paise"),
        "owner": _plain("disposition"),
        "why": _plain("why"),
        "taken_by": _plain("captured_by"),
    },
    Table.REFUNDS: {
        **_WHEN,
        "refund": _or_cash("rzp_refund_id"),
        "payment": _or_cash("rzp_payment_id"),
        "order": _plain("code"),
        "token": _plain("token"),
        "amount_rupees": _rupees("amount_paise"),
        "currency": _plain("currency"),
        "status": _plain("status"),
        "reason": _plain("reason"),
        "asked_by": _plain("requested_by"),
        "error": _plain("error"),
    },
    Table.SHEETS: {
        **_WHEN,
        "order": _plain("code"),
        "token": _plain("token"),
        "kind": _plain("kind"),
        "printer": _plain("printer_name"),
        "shop_pc": _plain("worker_id"),
        "paper": _plain("paper"),
        "sides": _plain("sides"),
        "copies": _plain("copies"),
        "sheets": _plain("sheets"),
        "bw_faces": lambda row: row["faces"] - row["color_faces"],
        "color_faces": _plain("color_faces"),
    },
}


async def as_csv(table: Table, pages: AsyncIterator[Sequence[Row]]) -> AsyncIterator[bytes]:
    columns = COLUMNS[table]
    yield (BOM + line(columns)).encode()
    async for rows in pages:
        if rows:
            yield "".join(line(read(row) for read in columns.values()) for row in rows).encode()
