"""Signed webhooks on their way to the backend, with the providers' patience and their bad days."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx2

from simulator.faults import Faults
from simulator.settings import Settings
from simulator.signing import razorpay_signature, spoiled, twilio_signature
from simulator.wire_log import WireLog
from simulator.world import Attempt, Event, World

FORM = "application/x-www-form-urlencoded; charset=UTF-8"
RAZORPAY_TIMEOUT = 5.0  # a 2xx later than this counts as a failure (webhook documentation)
TWILIO_TIMEOUT = 15.0  # total time of one attempt (webhook connection overrides, default)
CONNECT_TIMEOUT = 5.0
TWILIO_RETRY_SECONDS = 0.3


@dataclass
class Delivery:
    """Carries events to the backend. One task per event; order between events is not promised."""

    settings: Settings
    world: World
    log: WireLog
    faults: Faults
    client: httpx2.AsyncClient
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _held: list[Event] = field(default_factory=list)

    def submit(
        self, event: Event, *, delay: float = 0.0, copies: int = 1, spoil: bool = False
    ) -> None:
        """Start delivering; faults that match `<provider>.webhook.<name>` have their say first."""
        operation = f"{event.provider}.webhook.{event.name}"
        self.world.events[event.id] = event
        if self.faults.strike(operation, "drop"):
            event.state = "dropped"
            self.world.touch()
            return
        if late := self.faults.strike(operation, "delay"):
            delay += 10.0 if late.seconds is None else late.seconds
        if twice := self.faults.strike(operation, "duplicate"):
            copies += twice.copies or 1
        spoil = spoil or self.faults.strike(operation, "bad_signature") is not None
        if mixed := self.faults.strike(operation, "reorder"):
            self._hold(event, mixed.copies or 3, 1.0 if mixed.seconds is None else mixed.seconds)
            copies -= 1
        for _ in range(copies):
            self.spawn(self._carry(event, delay, spoil))

    def keep(self, event: Event) -> None:
        """Remember an event nobody is told about; it can be delivered by hand later."""
        event.state = "dropped"
        self.world.events[event.id] = event
        self.world.touch()

    async def settled(self, event: Event, timeout: float) -> Attempt | None:
        """The first finished attempt of an event, if it comes in time."""
        await self.world.until(lambda: event if event.attempts else None, timeout)
        return event.attempts[0] if event.attempts else None

    async def close(self) -> None:
        """Give up everything that is still on its way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def forget(self) -> None:
        """Stop all deliveries, for a reset."""
        for task in list(self._tasks):
            task.cancel()
        self._held.clear()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in the background until the simulator stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hold(self, event: Event, enough: int, seconds: float) -> None:
        self._held.append(event)
        if len(self._held) >= enough:
            self._let_go()
        elif len(self._held) == 1:
            self.spawn(self._let_go_after(seconds))

    async def _let_go_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._let_go()

    def _let_go(self) -> None:
        held, self._held = self._held[::-1], []
        self.spawn(self._one_by_one(held))

    async def _one_by_one(self, events: list[Event]) -> None:
        for event in events:
            await self._carry(event, 0.0, False)

    async def _carry(self, event: Event, delay: float, spoil: bool) -> None:
        if delay:
            await asyncio.sleep(delay)
        if event.provider == "razorpay":
            await self._with_razorpays_patience(event, spoil)
        else:
            await self._with_twilios_patience(event, spoil)
        self.world.touch()

    async def _with_razorpays_patience(self, event: Event, spoil: bool) -> None:
        """At least once: again and again with growing pauses until a 2xx comes."""
        habits = self.world.habits
        begun = time.monotonic()
        for number in range(10_000):
            if not self.world.webhook_enabled:
                event.state = "dropped"
                return
            attempt = await self.post(event, spoil=spoil)
            if attempt.status is not None and attempt.status < 300:
                self.world.webhook_failures = 0
                event.state = "delivered"
                return
            self.world.webhook_failures += 1
            limit = habits.razorpay_disable_after
            if limit is not None and self.world.webhook_failures >= limit:
                self.world.webhook_enabled = False
            pause = habits.razorpay_backoff[min(number, len(habits.razorpay_backoff) - 1)]
            if time.monotonic() - begun + pause > habits.razorpay_retry_seconds:
                break
            await asyncio.sleep(pause)
        event.state = "gave_up"

    async def _with_twilios_patience(self, event: Event, spoil: bool) -> None:
        """By default one more try, and only when no connection came about."""
        habits = self.world.habits
        for number in range(habits.twilio_retry_count + 1):
            attempt = await self.post(event, spoil=spoil)
            if attempt.status is not None and attempt.status < 300:
                event.state = "delivered"
                return
            if number < habits.twilio_retry_count:
                if not _twilio_tries_again(attempt, habits.twilio_retry_policy):
                    break
                await asyncio.sleep(TWILIO_RETRY_SECONDS)
        event.state = "gave_up"

    async def post(self, event: Event, *, spoil: bool = False) -> Attempt:
        """One attempt, written into the event and the wire log."""
        headers = self._headers(event, spoil=spoil)
        target = self.settings.reachable(event.url)
        begun = time.monotonic()
        answer = b""
        if target is None:
            attempt = Attempt(
                time.time(), None, "that address is not on this computer, so it was not called"
            )
        else:
            total = RAZORPAY_TIMEOUT if event.provider == "razorpay" else TWILIO_TIMEOUT
            timeout = httpx2.Timeout(total, connect=CONNECT_TIMEOUT)
            try:
                async with asyncio.timeout(total):
                    response = await self.client.post(
                        target, content=event.body, headers=headers, timeout=timeout
                    )
                answer = response.content
                attempt = Attempt(time.time(), response.status_code)
                event_type = response.headers.get("content-type", "")
            except httpx2.ConnectError:
                attempt = Attempt(time.time(), None, "no connection")
            except (httpx2.TransportError, TimeoutError) as error:
                attempt = Attempt(time.time(), None, f"no answer: {type(error).__name__}")
            else:
                event.answer = (response.status_code, event_type, answer)
        event.attempts.append(attempt)
        self.log.add(
            direction="out",
            provider=event.provider,
            operation=f"{event.provider}.webhook.{event.name}",
            line=event.line + (" (wrong signature)" if spoil else ""),
            method="POST",
            path=event.url.removeprefix(self.settings.public_url),
            status=attempt.status,
            seconds=time.monotonic() - begun,
            headers=headers,
            body=event.body,
            answer=answer or attempt.error,
            about=event.about,
            event=event.id,
        )
        self.world.touch()
        return attempt

    def _headers(self, event: Event, *, spoil: bool) -> dict[str, str]:
        if event.provider == "razorpay":
            signature = razorpay_signature(event.body, secret=self.settings.webhook_secret)
            return {
                "Content-Type": "application/json",
                "User-Agent": "Razorpay-Webhook/v1",
                "X-Razorpay-Signature": spoiled(signature) if spoil else signature,
                "x-razorpay-event-id": event.event_id,
            }
        signature = twilio_signature(event.url, event.params, token=self.settings.auth_token)
        return {
            "Content-Type": FORM,
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": spoiled(signature) if spoil else signature,
            "I-Twilio-Idempotency-Token": event.event_id,
        }


def _twilio_tries_again(attempt: Attempt, policy: str) -> bool:
    wanted = set(policy.split(","))
    if "all" in wanted:
        return True
    if attempt.status is None:
        return ("ct" if attempt.error == "no connection" else "rt") in wanted
    return f"{attempt.status // 100}xx" in wanted
