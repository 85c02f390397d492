"""Perform an agent's commands in real time, each in a task of its own; what comes of them comes back as events.

It decides nothing. An order leaves only when it is durable and the driver's *refusal*, asked in the same step, has
nothing to say. An exchange that can prepares it meanwhile; to any other it is handed over then, and the transport asks
once more in the step that writes the first byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import assert_never

from meva_adapters.transport.http import LAST_LOOK
from meva_core.commands import (
    AlertLevel,
    CancelAllOrders,
    CancelOrder,
    ObserveVenue,
    PlaceOrder,
    PromptCommand,
    QueryOrder,
    RaiseAlert,
    RenewBook,
    SetTimer,
    TransferFunds,
)
from meva_core.errors import NotSupported, StorageError
from meva_core.events import Event, OrderDropped, TimerFired
from meva_core.model.market import NS_PER_SECOND
from meva_core.ports.clock import Clock
from meva_core.ports.exchange import ExchangeAdapter, PreparingExchange
from meva_core.ports.market_feed import BookSource, Deliver
from meva_core.ports.transfers import TransferExecutor
from meva_runners.trading.transfer_performer import carry_out

Refusal = Callable[[PlaceOrder], OrderDropped | None]


class ExchangePerformer:
    """Call *exchange*, *books* and *transfers*.

    *deliver* gets every event, *on_alert* every alert, *on_failure* what no adapter may raise. *handled_ns* gives the
    time of the newest event that was handled, which a clock that is set back does not take back.
    """

    def __init__(
        self,
        exchange: ExchangeAdapter,
        clock: Clock,
        *,
        books: BookSource,
        transfers: TransferExecutor,
        refusal: Refusal,
        deliver: Deliver,
        on_alert: Callable[[RaiseAlert], None],
        on_failure: Callable[[BaseException], None],
        handled_ns: Callable[[], int],
    ) -> None:
        self._exchange = exchange
        self._preparing = exchange if isinstance(exchange, PreparingExchange) else None
        self._handled_ns = handled_ns
        self._clock = clock
        self._books = books
        self._transfers = transfers
        self._refusal = refusal
        self._deliver = deliver
        self._on_alert = on_alert
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: dict[str, asyncio.Event] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def busy(self) -> bool:
        """Return whether something that was performed has not come to its end."""
        return bool(self._tasks)

    @property
    def placing(self) -> bool:
        """Return whether an order may have left whose answer is not there."""
        return bool(self._leaving)

    async def placed(self, *, within_s: float) -> None:
        """Wait until no order that may have left is without its answer, no longer than *within_s*."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                for answered in tuple(self._leaving.values()):
                    await answered.wait()

    def place(self, order: PlaceOrder, durable: asyncio.Future[None]) -> None:
        """Get *order* on its way, to leave when it is *durable*, a promise to this order alone; return at once."""
        self._start(self._place(order, durable))

    def perform(self, command: PromptCommand | TransferFunds) -> None:
        """Begin with *command*; return at once."""
        match command:
            case CancelOrder():
                self._start(self._ask(self._exchange.cancel(command)))
            case CancelAllOrders():
                self._start(self._ask(self._exchange.cancel_all(command)))
            case QueryOrder():
                self._start(self._ask(self._exchange.query(command)))
            case ObserveVenue():
                self._start(self._ask(self._exchange.observe(command)))
            case RenewBook():
                self._books.renew_book(command.symbol)
            case SetTimer():
                self._set_timer(command)
            case RaiseAlert():
                self._on_alert(command)
            case TransferFunds():
                self._start(self._transfer(command))
            case _:
                assert_never(command)

    async def close(self) -> None:
        """Forget every timer, and end what is still under way."""
        for timer in self._timers.values():
            timer.cancel()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _place(self, order: PlaceOrder, durable: asyncio.Future[None]) -> None:
        async def clearance() -> str:
            try:
                await durable
            except Exception as broken:  # noqa: BLE001 - whatever broke the write is told by whoever made it.
                return f"it is not durable: {broken}"
            dropped = self._refusal(order)
            if dropped is None:
                self._leaving.setdefault(name, answered)
                return ""
            return dropped.reason

        name, answered = order.request.client_order_id, asyncio.Event()
        try:
            if self._preparing is not None:
                await self._ask(self._preparing.place_when(order, clearance))
            elif why := await clearance():
                self._deliver(OrderDropped(self._clock.now_ns(), name, why))
            else:
                LAST_LOOK.set(clearance)
                await self._ask(self._exchange.place(order))
        except NotSupported as refused:  # It is raised before anything leaves.
            self._deliver(OrderDropped(self._clock.now_ns(), name, str(refused)))
        finally:
            answered.set()
            self._leaving.pop(name, None)

    async def _transfer(self, command: TransferFunds) -> None:
        """Have somebody else move the money, for our key cannot: the settlement comes back at once, or later."""
        try:
            settled = await carry_out(self._transfers, command, now_ns=self._clock.now_ns())
        except StorageError as problem:  # The next start asks again.
            name, text = command.transfer_id, str(problem)
            self._on_alert(RaiseAlert(AlertLevel.HIGH, "transfer_not_instructed", name, text, {}))
            return
        if settled is not None:
            self._deliver(settled)

    async def _ask(self, answer: Coroutine[object, object, Sequence[Event]]) -> None:
        for event in await answer:
            self._deliver(event)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._on_failure(failure)

    def _set_timer(self, command: SetTimer) -> None:
        """Wake the core once at the time that it asked for last; a timer that was moved is not needed any more."""
        before = self._timers.get(command.name)
        if before is not None:
            before.cancel()
        # A clock that was set back by an hour delays nothing by an hour: the core counts on from what it has handled.
        now_ns = max(self._clock.now_ns(), self._handled_ns())
        wait_s = max(0, command.due_ns - now_ns) / NS_PER_SECOND
        loop = asyncio.get_running_loop()
        self._timers[command.name] = loop.call_later(wait_s, self._fire, command)

    def _fire(self, command: SetTimer) -> None:
        self._deliver(TimerFired(max(command.due_ns, self._clock.now_ns()), command.name))
