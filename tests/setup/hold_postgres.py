"""A program that uses the embedded PostgreSQL until it is told to stop, interrupted or killed.

``python -m tests.setup.hold_postgres DATA_DIR [leave]`` prints one JSON line when the server is
up. With ``leave`` it exits at once without stopping anything by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psycopg

from app.core.embedded_postgres import EmbeddedPostgres


def main() -> None:
    postgres = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
    url = postgres.start()
    try:
        say(url=url, pid=postgres.pid)
        if "leave" in sys.argv:
            return
        sys.stdin.read()
    except KeyboardInterrupt:
        with psycopg.connect(url) as connection:
            connection.execute("SELECT 1")
        say(after_interrupt="still answers")
    postgres.stop()


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
