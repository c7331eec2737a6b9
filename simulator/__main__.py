"""`python -m simulator` starts the outside world, `... env` prints its fake credentials."""

from __future__ import annotations

import argparse
import signal
import sys
from datetime import datetime
from pathlib import Path

from simulator.server import prepare
from simulator.settings import Settings, base_urls, credentials, origin_of, settings_of


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("serve", "env"), default="serve")
    parser.add_argument("--port", type=int, default=8900, help="0 takes a free one and prints it")
    parser.add_argument(
        "--media-port", type=int, default=0, help="the file server's port; 0 takes a free one"
    )
    parser.add_argument(
        "--backend", default="http://127.0.0.1:8000", help="where webhooks are sent"
    )
    parser.add_argument(
        "--public-url", help="the address the backend believes it has; default: --backend"
    )
    parser.add_argument(
        "--origin", help="the simulator's own address, when it is not http://127.0.0.1:<port>"
    )
    parser.add_argument("--paper", type=Path, help="the virtual printer's output folder")
    parser.add_argument("--seed", type=int, help="the same seed gives the same identifiers")
    parser.add_argument(
        "--start-time",
        help="what the simulator's clock shows at start, such as 2026-11-22T09:00:00Z",
    )
    parser.add_argument(
        "--shop-name", default="Print Shop", help="shown on the phone and the payment page"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    given = arguments().parse_args(argv)
    try:
        if given.command == "env":
            for name, value in {
                **credentials(),
                **base_urls(given.origin or origin_of(given.port)),
            }.items():
                print(f"{name}={value}")
            return 0
        start = datetime.fromisoformat(given.start_time) if given.start_time else None
        settings = settings_of(
            port=given.port,
            backend=given.backend,
            public_url=given.public_url,
            origin=given.origin,
            paper=given.paper,
            seed=given.seed,
            start_time=int(start.timestamp()) if start else None,
            shop_name=given.shop_name,
        )
    except ValueError as error:  # WrongSettings, or a start time nobody can read
        print(f"simulator: {error}", file=sys.stderr)
        return 2
    return serve(settings, given.media_port)


def serve(settings: Settings, media_port: int) -> int:
    try:
        server, sockets, settings = prepare(settings, media_port=media_port)
    except OSError as error:
        print(
            f"simulator: port {settings.port} cannot be used ({error.strerror})."
            " Stop the other program or give"
            " --port.",
            file=sys.stderr,
        )
        return 1
    print(f"The simulator is at {settings.origin} and calls {settings.backend}", flush=True)
    # uvicorn raises the signal that stopped it again; SIGTERM would look like a bad end.
    signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        server.run(sockets)
    except KeyboardInterrupt:
        return 130
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
