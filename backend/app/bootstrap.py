"""The composition root: what the house is made of, opened in order and closed in reverse."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import procrastinate
import structlog

from app.adapters.doors import RazorpayDoor, SignedFileLinks, TwilioDoor
from app.adapters.http import Outage
from app.adapters.intake import Intake
from app.adapters.razorpay import RazorpayGateway
from app.adapters.storage import open_store
from app.adapters.twilio import TwilioMessenger
from app.adapters.wake_up import NoWakeUp, RedisWakeUp
from app.core.clock import Clock, SystemClock
from app.core.config import Settings
from app.core.database import DATABASE_DOWN, Database, Listener, upgrade
from app.core.embedded_postgres import EmbeddedPostgres
from app.ports import DocumentPreparer, FileStore, Limits, PaymentDoor, WakeUp, WhatsAppDoor
from app.repositories.unit_of_work import UnitOfWork
from app.services.attention_service import AttentionService
from app.services.bill_service import BillService
from app.services.capture_service import CaptureService
from app.services.day_service import DayService
from app.services.desk_service import DeskService
from app.services.dispute_service import DisputeService
from app.services.document_service import DocumentService
from app.services.export_service import ExportService
from app.services.health_service import HealthService
from app.services.housekeeping import Housekeeping
from app.services.inbox_service import InboxService
from app.services.link_service import LinkService
from app.services.matching_service import MatchingService
from app.services.money_answers import MoneyAnswers
from app.services.notices import Notices
from app.services.order_service import OrderService
from app.services.paper_answers import PaperAnswers
from app.services.price_service import PriceService
from app.services.print_ready_service import PrintReadyService
from app.services.queue_service import QueueService
from app.services.razorpay_service import RazorpayService
from app.services.refund_service import RefundService
from app.services.report_service import ReportService
from app.services.session_service import SessionService
from app.services.sheet_service import SheetService
from app.services.staff_service import StaffService
from app.services.twilio_service import TwilioService
from app.tasks.registry import UseCases, register
from app.tasks.work_queue import Background, Deferrer, open_queue
from app.web.text import Catalogue

log = structlog.get_logger(__name__)

WATCH_SECONDS = 1.0


async def look_after(embedded: EmbeddedPostgres, database: Database) -> None:
    """Nobody else looks after the embedded server: when it dies, it is started again."""
    outage = Outage("embedded database")
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        try:
            await database.ping()
        except DATABASE_DOWN as silence:
            try:
                await asyncio.to_thread(embedded.start)
            except Exception as error:  # noqa: BLE001 - a full disk today is none tomorrow
                outage.failed(error)
            else:
                outage.failed(silence)
        else:
            outage.worked()


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything a route, a page, a task or a command may ask for."""

    settings: Settings
    clock: Clock
    database: Database
    unit_of_work: UnitOfWork
    queue: procrastinate.App
    whatsapp: WhatsAppDoor
    payments: PaymentDoor
    store: FileStore
    preparer: DocumentPreparer
    wake_up: WakeUp
    inbox: InboxService
    twilio: TwilioService
    links: LinkService
    matching: MatchingService
    captures: CaptureService
    refunds: RefundService
    printing: QueueService
    documents: DocumentService
    print_ready: PrintReadyService
    sheets: SheetService
    desk: DeskService
    attention: AttentionService
    days: DayService
    exports: ExportService
    prices: PriceService
    bills: BillService
    reports: ReportService
    staff: StaffService
    housekeeping: Housekeeping
    health: HealthService
    messenger: TwilioMessenger | None
    gateway: RazorpayGateway | None


class Premises:
    """The shop with its lights on: ``async with Premises(settings) as shop``.

    ``background`` runs the tasks in this process as well.
    """

    def __init__(self, settings: Settings, *, background: bool, clock: Clock | None = None) -> None:
        self._settings = settings
        self._background = background
        self._clock = clock or SystemClock()
        self._stack = AsyncExitStack()
        self.shop: Shop

    async def __aenter__(self) -> Shop:
        async with AsyncExitStack() as stack:
            self.shop = await self._open(stack)
            self._stack = stack.pop_all()
        return self.shop

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _open(self, stack: AsyncExitStack) -> Shop:
        settings, clock = self._settings, self._clock
        url, embedded = await self._database_url(stack)
        await asyncio.to_thread(upgrade, url)
        database = Database(url)
        await database.open()
        stack.push_async_callback(database.close)
        if embedded is not None:
            self._watch(stack, embedded, database)

        queue = open_queue(url)
        await queue.open_async()
        stack.push_async_callback(queue.close_async)
        listener = Listener(url, "print_jobs")
        listener.start()
        stack.push_async_callback(listener.stop)

        shop = await self._wire(stack, database, queue, listener)
        register(
            queue,
            UseCases(
                shop.inbox,
                shop.documents,
                shop.print_ready,
                shop.sheets,
                shop.twilio,
                shop.links,
                shop.refunds,
                shop.housekeeping,
            ),
        )
        async with shop.unit_of_work("system:start") as tx:
            await tx.shops.ensure(
                UUID(settings.default_shop_id),
                code="main",
                name=settings.shop_name,
                bw=settings.price_bw,
                color=settings.price_color,
            )
        if self._background:
            background = Background(queue)
            background.start()
            stack.push_async_callback(background.stop)
        log.info("open", clock=clock.now().isoformat(), background=self._background)
        return shop

    async def _database_url(self, stack: AsyncExitStack) -> tuple[str, EmbeddedPostgres | None]:
        if self._settings.database_url:
            return self._settings.database_url, None
        embedded = EmbeddedPostgres(self._settings.data_dir)
        url = await asyncio.to_thread(embedded.start)
        stack.push_async_callback(asyncio.to_thread, embedded.stop)
        return url, embedded

    def _watch(self, stack: AsyncExitStack, embedded: EmbeddedPostgres, database: Database) -> None:
        task = asyncio.create_task(
            look_after(embedded, database), name="watch the embedded database"
        )

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        stack.push_async_callback(stop)

    async def _wire(
        self,
        stack: AsyncExitStack,
        database: Database,
        queue: procrastinate.App,
        listener: Listener,
    ) -> Shop:
        settings, clock = self._settings, self._clock
        default_shop = UUID(settings.default_shop_id)
        messenger, gateway = self._providers(stack)
        store = open_store(settings.files_url)
        intake = Intake.detect()
        stack.callback(intake.close)
        wake_up: WakeUp = RedisWakeUp(settings.redis_url) if settings.redis_url else NoWakeUp()
        stack.push_async_callback(wake_up.close)

        unit_of_work = UnitOfWork(database, Deferrer(queue))
        limits = Limits(max_bytes=settings.max_file_mb * 1_000_000, max_pages=settings.max_pages)
        notices = Notices(Catalogue(), public_url=settings.backend_public_url)
        printing = QueueService(
            unit_of_work,
            database,
            listener,
            wake_up,
            notices,
            queue_name=settings.queue_name,
            default_shop_id=default_shop,
            retention_hours=settings.document_retention_hours,
        )
        bills = BillService(unit_of_work)
        orders = OrderService(
            notices,
            printing,
            bills,
            link_minutes=settings.payment_link_minutes,
            payments_online=gateway is not None,
            retention_hours=settings.document_retention_hours,
        )
        sessions = SessionService(
            orders,
            notices,
            max_copies=settings.max_copies,
            max_pages=settings.max_pages,
            max_mb=settings.max_file_mb,
            accepts="PDF, photo" if intake.missing() else "PDF, Word, photo",
        )
        disputes = DisputeService(unit_of_work, orders, default_shop_id=default_shop)
        money = MoneyAnswers(orders, sessions, notices, bills, disputes)
        refunds = RefundService(unit_of_work, gateway, notices, bills)
        captures = CaptureService(
            unit_of_work,
            orders,
            refunds,
            sessions,
            notices,
            disputes,
            default_shop_id=default_shop,
        )
        links = LinkService(
            unit_of_work,
            gateway,
            captures,
            orders,
            sessions,
            notices,
            callback_url=f"{settings.backend_public_url}/api/webhooks/razorpay-callback",
        )
        matching = MatchingService(unit_of_work, gateway, captures, refunds)
        documents = DocumentService(
            unit_of_work,
            messenger,
            intake,
            store,
            SignedFileLinks(settings.secret_key),
            sessions,
            clock,
            limits=limits,
            public_url=settings.backend_public_url,
            work_dir=Path(settings.data_dir) / "work",
        )
        twilio = TwilioService(
            unit_of_work, messenger, sessions, documents, default_shop_id=default_shop
        )
        razorpay = RazorpayService(
            unit_of_work, captures, links, refunds, disputes, notices, gateway
        )
        whatsapp, payments = TwilioDoor(settings), RazorpayDoor(settings)
        return Shop(
            settings=settings,
            clock=clock,
            database=database,
            unit_of_work=unit_of_work,
            queue=queue,
            whatsapp=whatsapp,
            payments=payments,
            store=store,
            preparer=intake,
            wake_up=wake_up,
            inbox=InboxService(unit_of_work, database, whatsapp, payments, twilio, razorpay),
            twilio=twilio,
            links=links,
            matching=matching,
            captures=captures,
            refunds=refunds,
            printing=printing,
            documents=documents,
            sheets=SheetService(
                unit_of_work,
                intake,
                store,
                sessions,
                limits=limits,
                work_dir=Path(settings.data_dir) / "work",
            ),
            print_ready=PrintReadyService(
                unit_of_work,
                intake,
                store,
                orders,
                sessions,
                notices,
                work_dir=Path(settings.data_dir) / "work",
            ),
            desk=DeskService(unit_of_work, orders, refunds, sessions, notices),
            attention=AttentionService(
                unit_of_work, money, PaperAnswers(printing, printing.outcomes, money)
            ),
            days=DayService(unit_of_work, gateway, default_shop_id=default_shop),
            exports=ExportService(unit_of_work),
            prices=PriceService(unit_of_work),
            bills=bills,
            reports=ReportService(unit_of_work),
            staff=StaffService(
                unit_of_work,
                default_shop_id=default_shop,
                worker_api_key=settings.worker_api_key,
            ),
            housekeeping=Housekeeping(
                unit_of_work,
                printing,
                links,
                matching,
                refunds,
                orders,
                sessions,
                documents,
                twilio,
                clock,
                bills,
            ),
            health=HealthService(
                database,
                unit_of_work,
                wake_up if settings.redis_url else None,
                store,
                intake,
            ),
            messenger=messenger,
            gateway=gateway,
        )

    def _providers(
        self, stack: AsyncExitStack
    ) -> tuple[TwilioMessenger | None, RazorpayGateway | None]:
        settings = self._settings
        messenger, gateway = None, None
        if settings.twilio_ready:
            messenger = TwilioMessenger(
                account_sid=settings.twilio_account_sid,
                auth_token=settings.twilio_auth_tokens[0],
                from_number=settings.twilio_whatsapp_number,
                api_base_url=settings.twilio_api_base_url,
                content_base_url=settings.twilio_content_base_url,
                status_callback_url=f"{settings.backend_public_url}/webhook/twilio/status",
            )
            stack.push_async_callback(messenger.close)
        else:
            log.warning("WhatsApp is not set up: set the three TWILIO_ settings")
        if settings.razorpay_ready:
            gateway = RazorpayGateway(
                key_id=settings.razorpay_key_id,
                key_secret=settings.razorpay_key_secret,
                base_url=settings.razorpay_api_base_url,
            )
            stack.push_async_callback(gateway.close)
        else:
            log.warning("online payment is not set up: orders are paid at the counter only")
        return messenger, gateway
