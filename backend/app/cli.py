"""``python -m app.cli``. Exit codes: 0 fine, 1 failed, 2 wrong usage or settings, 130 stopped."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from app.core.config import BadSettings, Settings, load_settings
from app.core.database import DATABASE_DOWN, render_schema, upgrade
from app.core.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from app.core.logging import configure_logging
from app.domain import bills
from app.domain.errors import BadInput, ShopError
from app.domain.money import Money, rupees
from app.domain.price_list import PriceList, read_rates

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
token_app = typer.Typer(no_args_is_help=True, help="Bearer tokens for scripts.")
users_app = typer.Typer(no_args_is_help=True, help="Staff who sign in to the dashboard.")
twilio_app = typer.Typer(no_args_is_help=True, help="WhatsApp through Twilio.")
prices_app = typer.Typer(no_args_is_help=True, help="The shop's price lists.")
razorpay_app = typer.Typer(no_args_is_help=True, help="Payments through Razorpay.")
app.add_typer(token_app, name="token")
app.add_typer(users_app, name="users")
app.add_typer(prices_app, name="prices")
app.add_typer(twilio_app, name="twilio")
app.add_typer(razorpay_app, name="razorpay")

T = TypeVar("T")
STOP_SECONDS = 3
# Of one broken promise; an alarm is read on a telephone.
MOST_ROWS = 100
# Longer than a worker holds its claim call open, so that connections are not cut between two.
KEEP_ALIVE_SECONDS = 75


def say(text: str) -> None:
    Console(highlight=False, soft_wrap=True).print(text, markup=False)


def settings_or_exit() -> Settings:
    settings = load_settings()
    configure_logging(console=settings.console_logs)
    return settings


def with_shop(work: Callable[[Any], Awaitable[T]], *, background: bool = False) -> T:
    """Opens the house for one command and closes it again."""
    # Imported late: `schema` and `--help` need no PDF library.
    from app.bootstrap import Premises  # noqa: PLC0415 - see above

    async def run() -> T:
        async with Premises(settings_or_exit(), background=background) as shop:
            return await work(shop)

    return run_async(run())


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """On the faster loop where there is one. psycopg cannot use the proactor that Windows prefers,
    and uvicorn's own choice of a loop only counts for servers that uvicorn starts itself."""
    if sys.platform == "win32":
        loops: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop
    else:
        import uvloop  # noqa: PLC0415 - there is none for Windows

        loops = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loops) as runner:
        return runner.run(work)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
) -> None:
    """Run the web process (and the background tasks, unless BACKGROUND=off)."""
    from app.main import create_app  # noqa: PLC0415 - see with_shop

    web = create_app(load_settings())
    config = uvicorn.Config(
        web,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        server_header=False,
    )
    server = uvicorn.Server(config)
    # Once everything is closed, uvicorn raises the signal that stopped it again. SIGTERM would then
    # kill us as if we had not ended well; Ctrl-C stays an interruption.
    signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        run_async(server.serve())
    except SystemExit:
        raise getattr(web.state, "did_not_open", None) or ShopError(
            f"Nothing can listen on {host}:{port}; the reason is above. Stop the other program, "
            "or choose another --host and --port."
        ) from None


@app.command()
def background() -> None:
    """Run background tasks only; any number of these may run."""

    async def work(_: Any) -> int:
        loop = asyncio.get_running_loop()
        stopped: asyncio.Future[int] = loop.create_future()

        def stop(number: int) -> None:
            if not stopped.done():
                stopped.set_result(number)

        for number in (signal.SIGINT, signal.SIGTERM):
            if sys.platform == "win32":
                signal.signal(number, lambda it, _: loop.call_soon_threadsafe(stop, it))
            else:
                loop.add_signal_handler(number, stop, number)
        say("Background tasks are running. Ctrl-C stops them.")
        return await stopped

    if with_shop(work, background=True) == signal.SIGINT:
        raise typer.Exit(130)


@app.command()
def migrate() -> None:
    """Bring the database's tables to the newest version."""
    settings = settings_or_exit()
    if settings.database_url:
        upgrade(settings.database_url)
    else:
        with EmbeddedPostgres(settings.data_dir) as embedded:
            upgrade(embedded.url)
    say("The database is up to date.")


@app.command()
def schema() -> None:
    """Print schema.sql: everything an empty database needs."""
    sys.stdout.write(render_schema())


@app.command()
def doctor() -> None:
    """Check every part of this installation, one line each, with the fix."""
    settings = settings_or_exit()

    async def work(shop: Any) -> bool:
        fine = True
        table = Table(show_header=False, box=None, pad_edge=False)
        for name, check in (await shop.health.checks()).items():
            fine &= check.status != "down"
            table.add_row(check.status, name, check.reason)
        for name, ready, fix in (
            ("WhatsApp", settings.twilio_ready, "set the three TWILIO_ settings"),
            ("online payment", settings.razorpay_ready, "set RAZORPAY_KEY_ID and _SECRET"),
            (
                "payment webhook",
                bool(settings.razorpay_webhook_secrets),
                "set RAZORPAY_WEBHOOK_SECRET, else payments are only found by looking",
            ),
            (
                "public address",
                settings.backend_public_url.startswith("https://"),
                "providers reach only an https:// BACKEND_PUBLIC_URL",
            ),
        ):
            table.add_row("ok" if ready else "warn", name, "" if ready else fix)
        Console(highlight=False).print(table)
        return fine

    if not with_shop(work):
        raise typer.Exit(1)


@token_app.command("create")
def token_create(name: Annotated[str, typer.Option(help="Who uses it.")]) -> None:
    """Make a bearer token; it is printed once, alone on stdout."""
    sys.stdout.write(with_shop(lambda shop: shop.staff.create_token(name)) + "\n")


@token_app.command("revoke")
def token_revoke(name: Annotated[str, typer.Option(help="As it was made.")]) -> None:
    """End every token of that name, at once."""
    say(f"Revoked: {with_shop(lambda shop: shop.staff.revoke_token(name))}")


@users_app.command("add")
def users_add(
    name: str,
    role: Annotated[str, typer.Option(help="owner, operator or viewer")] = "operator",
) -> None:
    """Add a person; a first password is made and shown once."""
    password = secrets.token_urlsafe(9)
    with_shop(lambda shop: shop.staff.add_user(name, password, role=role))
    say(f"{name} may sign in as {role} with the password {password}")


@users_app.command("reset")
def users_reset(name: str) -> None:
    """Give a person a new password and sign all their browsers out."""
    password = secrets.token_urlsafe(9)
    with_shop(lambda shop: shop.staff.reset_password(name, password))
    say(f"{name} may sign in with the password {password}")


@users_app.command("list")
def users_list() -> None:
    """Everybody who may sign in."""
    people = with_shop(lambda shop: shop.staff.users())
    for name, role in people:
        say(f"{name}\t{role}")
    if not people:
        say("Nobody yet. Add the owner: python -m app.cli users add NAME --role owner")


@prices_app.command("list")
def prices_list() -> None:
    """Every price list of the default shop; the one in force has a star."""
    rows, in_force = with_shop(
        lambda shop: shop.prices.versions(UUID(shop.settings.default_shop_id))
    )
    for row in rows:
        star = "*" if row.id == in_force else " "
        bw, color, least = map(Money, (row.bw_paise, row.color_paise, row.minimum_paise))
        said = f"B&W {bw}, colour {color}, smallest bill {least}, {len(row.rates)} more rates"
        say(f"{star} {row.version}\tfrom {row.starts_at.isoformat(timespec='minutes')}\t{said}")


@prices_app.command("add")
def prices_add(
    bw: Annotated[str, typer.Option(help="Rupees for a black & white face on A4.")],
    color: Annotated[str, typer.Option(help="Rupees for a colour face on A4.")],
    minimum: Annotated[str, typer.Option(help="Rupees of the smallest bill.")] = "0",
    starts: Annotated[datetime | None, typer.Option(help="By the shop's clock, or now.")] = None,
    rates: Annotated[Path | None, typer.Option(help="JSON as in the API: rates.")] = None,
) -> None:
    """Add a price list. Quotes already given keep their price; old lists never change."""
    try:
        read = json.loads(rates.read_text(encoding="utf-8")) if rates else []
    except (OSError, ValueError) as error:
        raise ShopError(f"The rates cannot be read: {error}.") from None
    wanted = PriceList(0, rupees(bw), rupees(color), rupees(minimum), read_rates(read))

    async def work(shop: Any) -> Any:
        shop_id = UUID(shop.settings.default_shop_id)
        zone = ZoneInfo(await shop.days.zone(shop_id))
        return await shop.prices.add(
            shop_id,
            wanted,
            starts_at=starts.replace(tzinfo=zone) if starts else None,
            by="user:command line",
        )

    say(f"Price list {with_shop(work).version} is written down.")


@app.command()
def reconcile() -> None:
    """Compare our books with the providers once, and say what was found."""
    for line in with_shop(lambda shop: shop.housekeeping.everything()):
        say(line)


@app.command("check-invariants")
def check_invariants() -> None:
    """Evaluate the promises about money and paper on this database; exit 1 when one is broken."""
    broken = with_shop(lambda shop: shop.reports.broken_invariants())
    for name, rows in broken.items():
        say(f"{name}: {len(rows)} rows" if rows else f"{name}: ok")
        for row in rows[:MOST_ROWS]:
            say(f"    {row}")
        if len(rows) > MOST_ROWS:
            say(f"    and {len(rows) - MOST_ROWS} more")
    if any(broken.values()):
        raise typer.Exit(1)


@app.command()
def gst(
    mode: Annotated[str, typer.Option(help="unregistered, composition or registered")] = "",
    gstin: Annotated[str, typer.Option(help="The shop's GSTIN.")] = "",
    rate: Annotated[str, typer.Option(help="Per cent, both halves together: 18")] = "",
    sac: Annotated[str, typer.Option(help="Service code printed on bills: 998912")] = "",
    name: Annotated[str, typer.Option(help="Name printed on bills.")] = "",
    address: Annotated[str, typer.Option(help="Address printed on bills.")] = "",
    prefix: Annotated[str, typer.Option(help="Sets apart shops that share a GSTIN: A")] = "",
) -> None:
    """How the shop stands towards GST: show it, or change what is given."""
    readers: dict[str, tuple[str, Callable[[str], object]]] = {
        "mode": (mode, bills.mode_of),
        "gstin": (gstin, bills.gstin_of),
        "rate_bp": (rate, bills.rate_of),
        "sac": (sac, bills.sac_of),
        "name": (name, str.strip),
        "address": (address, str.strip),
        "prefix": (prefix, bills.prefix_of),
    }
    try:
        changes = {key: read(text) for key, (text, read) in readers.items() if text}

        async def work(shop: Any) -> Any:
            shop_id = UUID(shop.settings.default_shop_id)
            if changes:
                await shop.bills.set_gst(shop_id, by="user:command line", **changes)
            return await shop.bills.gst(shop_id)

        standing = with_shop(work)
    except BadInput as error:
        _end(str(error), 2)
    say(bills.described(standing))


@twilio_app.command("check")
def twilio_check() -> None:
    """Ask Twilio whether our credentials are good."""
    _asks("messenger", "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_WHATSAPP_NUMBER")
    say("Twilio knows us.")


@razorpay_app.command("check")
def razorpay_check() -> None:
    """Ask Razorpay whether our keys are good."""
    _asks("gateway", "RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET")
    say("Razorpay knows us.")


def _asks(provider: str, settings: str) -> None:
    async def work(shop: Any) -> None:
        if getattr(shop, provider) is None:
            raise ShopError(f"Set {settings}.")
        await getattr(shop, provider).ping()

    with_shop(work)


@app.command()
def poster(
    output: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("poster.html"),
) -> None:
    """Write the counter poster with its QR code as one printable page."""
    from app.web.poster import poster_page  # noqa: PLC0415 - see with_shop

    settings = settings_or_exit()
    if not settings.twilio_whatsapp_number:
        raise ShopError("Set TWILIO_WHATSAPP_NUMBER: the poster's QR code opens a chat with it.")
    prices = with_shop(lambda shop: shop.prices.in_force(UUID(settings.default_shop_id)))
    page = poster_page(
        shop_name=settings.shop_name,
        number=settings.twilio_whatsapp_number,
        bw=prices.bw,
        color=prices.color,
    )
    output.write_text(page, encoding="utf-8")
    say(f"Written to {output}. Open it in a browser and print it on A4.")


def main() -> None:
    """Errors are sentences on stderr; 0 fine, 1 failed, 2 wrong use, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        # A redirected stream on Windows may not know ₹ or ✓. Both are real text streams here.
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        app(standalone_mode=True)
    except BadSettings as error:
        _end(f"printwala does not start: {error.detail}", 2)
    except (ShopError, EmbeddedPostgresError) as error:
        _end(str(error), 1)
    except DATABASE_DOWN as error:
        _end(f"The database does not answer: {error}. Check DATABASE_URL.", 1)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _end(sentence: str, code: int) -> NoReturn:
    sys.stderr.write(sentence + "\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
