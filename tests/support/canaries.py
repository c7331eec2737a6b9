"""What must stand in no log: everything personal and everything secret that a town has known."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from simulator.settings import FAKE_CREDENTIALS
from tests.support.town import KEY, Town

# A signed link is its signature, an order page its token; both are cut where they are written.
_OPEN_LINK = re.compile(r"/(?:files|o)/(?!•••)[^\s\"']+|signature=[0-9a-f]{16}")
# Shorter ones ("bw", "1") are words and numbers that stand everywhere.
SHORTEST = 6


def canaries_of(town: Town) -> dict[str, set[str]]:
    """By kind, read from the town's own tables while they still have them."""

    def column(statement: str) -> set[str]:
        return {str(next(iter(row.values()))) for row in town.sql(statement)}

    phones = {address.rpartition("+")[2] for address in column("SELECT address FROM customers")}
    messages = column("SELECT body FROM messages")
    found = {
        "phone": {phone for phone in phones if phone.isdigit()},
        "profile name": column("SELECT name FROM customers"),
        "message text": messages | {line for text in messages for line in text.splitlines()},
        "file name": column("SELECT name FROM documents"),
        "order page": column("SELECT page_token FROM orders"),
        "payment link": column("SELECT short_url FROM payments"),
        "key": {KEY, *_secrets_of(town)},
    }
    return {
        kind: {value.strip() for value in values if len(value.strip()) >= SHORTEST}
        for kind, values in found.items()
    }


def _secrets_of(town: Town) -> set[str]:
    """What the providers, the database and the shop itself know each other by."""
    names = ("TWILIO_AUTH_TOKEN", "RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET")
    kept = [path.read_text("utf-8") for path in (town.folder / "data" / "secrets").glob("*_key")]
    assert kept, "the shop made itself a secret key"
    return (
        {FAKE_CREDENTIALS[name] for name in names}
        | set(kept)
        | {urlsplit(town.database_url).password or ""}
    )


def logs_of(town: Town) -> list[Path]:
    """Of the product's processes; the simulator is the world outside."""
    logs = sorted(town.folder.rglob("*.log"))
    return [path for path in logs if not path.name.startswith("simulator")]


def told_in_logs(town: Town) -> list[str]:
    """Lines that say what they must not, each with its kind; empty when all is well."""
    canaries, logs = canaries_of(town), logs_of(town)
    assert {"worker.log", "print_worker.log"} < {path.name for path in logs}, logs
    told = []
    for path in logs:
        for line in path.read_text("utf-8", "replace").splitlines():
            kinds = [kind for kind, values in canaries.items() if any(v in line for v in values)]
            kinds += ["signed link"] if _OPEN_LINK.search(line) else []
            told += [f"{path.name}: {', '.join(kinds)}: {line}"] if kinds else []
    return told
