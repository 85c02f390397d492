"""Drive an agent in real time: decide, commit, act. There is no domain word in the loop, and no mode.

Events come from streams, from the answers to requests, from timers and from operators. Each is handled whole, in the
order in which they came. What needs no permission of the gate leaves at once; an order leaves when the journal that
contains it is durable, and only if the gate still permits it in the very step that hands it to the exchange.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, get_args

from attrs import evolve

from meva_core.agent.venue_watch import USER_STREAM
from meva_core.commands import PlaceOrder, RaiseAlert, TransferFunds
from meva_core.config.schema import RuntimeConfig
from meva_core.errors import InvariantError
from meva_core.events import (
    AgentStarted,
    Event,
    MarketEvent,
    OrderCancelRequested,
    OrderDropped,
    StreamLost,
)
from meva_core.model.order import OrderStatus
from meva_core.ports.clock import Clock
from meva_core.ports.exchange import ExchangeAdapter
from meva_core.ports.market_feed import BookSource, EventStream
from meva_core.ports.transfers import TransferExecutor
from meva_runners.commit_then_act import CommittingAgent, Decided
from meva_runners.trading.exchange_performer import ExchangePerformer
from meva_runners.trading.inbox import Inbox
from meva_runners.trading.journal_watch import hanging, watch_journal
from meva_runners.trading.journal_writer import JournalWriter
from meva_runners.trading.last_cancels import cancel_in_need
from meva_runners.trading.promise import Promise
from meva_runners.trading.transfer_performer import unsettled_transfers

ACTOR: Final = "runner"

_RESTING: Final = frozenset({OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED})
_MARKET: Final = frozenset(get_args(MarketEvent))
# After so many events everything else on the loop has its turn: sockets, requests, the operator.
_EVENTS_PER_TURN: Final = 64
# An order has left by then, where the disk is no slower than usual; at most so many events wait to be told of.
_TELL_AFTER_S: Final = 0.002
_UNTOLD_MAX: Final = 64


class LiveDriver:
    """Run *process* against *exchange* until `stop` is called or something fails.

    *books* gives order books anew, *transfers* carries out what an operator approved; *on_alert* gets what people must
    be told, *on_tick* how many ns an event took that led to something. After `run`, *unsettled* names the orders whose
    end is not known.
    """

    def __init__(
        self,
        process: CommittingAgent,
        exchange: ExchangeAdapter,
        clock: Clock,
        settings: RuntimeConfig,
        *,
        books: BookSource,
        transfers: TransferExecutor,
        on_alert: Callable[[RaiseAlert], None],
        on_tick: Callable[[int], None],
    ) -> None:
        self.unsettled: tuple[str, ...] = ()
        self.market_events = 0
        self._process = process
        self._exchange = exchange
        self._clock = clock
        self._settings = settings
        self._on_tick = on_tick
        self._inbox = Inbox(settings.inbox_events_max, on_overflow=self._start_streams_anew)
        self._writer = JournalWriter(process, on_failure=self.fail)
        self._performer = ExchangePerformer(
            exchange,
            clock,
            books=books,
            transfers=transfers,
            refusal=self._refusal,
            deliver=self._inbox.put,
            on_alert=on_alert,
            on_failure=self.fail,
            handled_ns=lambda: self._now_ns,
        )
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._stop_reason = ""
        self._hurries = False
        self._failure: BaseException | None = None
        self._now_ns = process.agent.state().sequence.last_event_ns
        self._uncommitted = 0
        self._commit_due: asyncio.TimerHandle | None = None
        self._untold: deque[tuple[Event, Decided, int]] = deque()
        self._tell_due: asyncio.TimerHandle | None = None

    @property
    def failure(self) -> BaseException | None:
        """Return what made it stop, where it was no request."""
        return self._failure

    @property
    def waiting(self) -> int:
        """Return how many events wait for their turn."""
        return len(self._inbox)

    @property
    def committing_s(self) -> float:
        """Return for how long the commit that is under way has been so, 0 where there is none."""
        return self._writer.waited_s

    @property
    def committed_s(self) -> float:
        """Return how long the last commit took, 0 before the first."""
        return self._writer.took_s

    def deliver(self, event: Event) -> None:
        """Let *event* wait for its turn."""
        self._inbox.put(event)

    def ask(self, event: Event) -> Promise:
        """Handle *event* now, before all that waits, and promise that what followed from it becomes durable."""
        try:
            self._handle(event)
            self._tell()  # Whoever asked is answered by an observer.
        except Exception as failure:
            self.fail(failure)
            raise
        return self._writer.durable()

    def spare(self, work: Callable[[], None]) -> bool:
        """Do *work* in the thread of the commits if that has nothing to do; return whether it was begun."""
        return self._writer.spare(work)

    def stop(self, reason: str) -> None:
        """Begin to stop in good order; the first reason counts. Asked again, wait for the venue no longer."""
        self._hurries = bool(self._stop_reason)
        self._stop_reason = self._stop_reason or reason
        self._inbox.wake()

    def fail(self, failure: BaseException) -> None:
        """Let no order leave from now on, and stop; the first failure counts."""
        self._failure = self._failure or failure
        self._inbox.wake()

    async def run(self, streams: Sequence[EventStream]) -> None:
        """Follow *streams* and handle events until the end; raise what failed, after the last cancels."""
        self._inbox.put(AgentStarted(self._clock.now_ns()))
        for command in unsettled_transfers(self._process.agent):
            self._performer.perform(command)
        watching = watch_journal(self._writer, self._settings, self._clock, self.ask)
        following = [asyncio.create_task(work) for work in (*map(self._follow, streams), watching)]
        following[-1].add_done_callback(self._note_end)
        try:
            await self._loop_and_wind_up()
            if self._failure is not None:
                orders = [record.request for record in self._process.agent.state().open_orders.values()]
                reason = f"the agent failed: {type(self._failure).__name__}"
                await cancel_in_need(self._exchange, self._performer, orders, reason)
        finally:
            self._tell_or_fail()
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
            if self._commit_due is not None:
                self._commit_due.cancel()
            await self._performer.close()
            if not await self._writer.close(self._settings.stop_grace_s):
                self.fail(hanging(self._settings.stop_grace_s))
            self.unsettled = self._left()
        if self._failure is not None:
            raise self._failure

    def _note_end(self, watching: asyncio.Task[None]) -> None:
        if not watching.cancelled() and (failure := watching.exception()) is not None:
            self.fail(failure)

    async def _loop_and_wind_up(self) -> None:
        try:
            await self._loop(lambda: bool(self._stop_reason))
            if self._failure is None:
                await self._wind_up()
        except Exception as failure:  # noqa: BLE001 - it is raised again when the last cancels are out.
            self.fail(failure)

    async def _loop(self, ended: Callable[[], bool]) -> None:
        """Handle what comes until *ended* or a failure."""
        inbox = self._inbox
        while self._failure is None and not ended():
            await inbox.wait()
            for _ in range(min(len(inbox), _EVENTS_PER_TURN)):
                self._handle(inbox.take())
            if len(inbox):
                await asyncio.sleep(0)

    def _handle(self, event: Event) -> None:
        """Decide on *event*, let everything leave that may, and have the orders follow when all is durable."""
        if (
            event.time_ns < self._now_ns
        ):  # An operator was served before it, or the machine's clock was set back.
            event = evolve(event, time_ns=self._now_ns)
        self._now_ns = event.time_ns
        began_ns = self._clock.monotonic_ns()
        decided = self._process.decide(event)
        took_ns = self._clock.monotonic_ns() - began_ns if decided.commands or decided.orders else 0
        for command in decided.commands:
            self._performer.perform(command)
        is_market = type(event) in _MARKET
        self.market_events += is_market
        if decided.orders:
            self._hand_over(decided.orders)
        if decided.orders or is_market:
            self._commit_in_a_while()
        else:
            self._writer.request()
        if decided.orders or self._untold:
            self._tell_later(event, decided, took_ns)
        else:
            self._tell_of(event, decided, took_ns)

    def _tell_later(self, event: Event, decided: Decided, took_ns: int) -> None:
        """Tell the observers when an order has left: to log and to measure takes longer than to decide."""
        self._untold.append((event, decided, took_ns))
        if self._tell_due is None:
            self._tell_due = asyncio.get_running_loop().call_later(_TELL_AFTER_S, self._tell_or_fail)
        elif len(self._untold) >= _UNTOLD_MAX:
            self._tell()

    def _tell(self) -> None:
        """Tell the observers of all that they have not been told of, in order."""
        if self._tell_due is not None:
            self._tell_due.cancel()
            self._tell_due = None
        while self._untold:
            self._tell_of(*self._untold.popleft())

    def _tell_of(self, event: Event, decided: Decided, took_ns: int) -> None:
        self._process.tell(event, decided)
        if decided.commands or decided.orders:
            self._on_tick(took_ns)

    def _tell_or_fail(self) -> None:
        try:
            self._tell()
        except Exception as failure:  # noqa: BLE001 - the loop raises it.
            self.fail(failure)

    def _hand_over(self, orders: Sequence[PlaceOrder | TransferFunds]) -> None:
        """Let *orders* leave as soon as they are durable."""
        for order, durable in zip(orders, self._writer.durable_for(len(orders)), strict=True):
            if isinstance(order, PlaceOrder):
                self._performer.place(order, durable)
            else:
                durable.add_done_callback(partial(self._release, order))

    def _release(self, transfer: TransferFunds, durable: Promise) -> None:
        if durable.exception() is None:
            self._performer.perform(transfer)

    def _refusal(self, order: PlaceOrder) -> OrderDropped | None:
        """Say why *order* may not leave in this step."""
        why = "the agent failed" if self._failure is not None else self._stop_reason
        if why:
            return OrderDropped(self._clock.now_ns(), order.request.client_order_id, why)
        return self._process.refusal(order)

    def _commit_in_a_while(self) -> None:
        self._uncommitted += 1
        if self._uncommitted >= self._settings.commit_events_max:
            self._commit_market()
        elif self._commit_due is None:
            wait_s = self._settings.commit_interval_ms / 1000
            self._commit_due = asyncio.get_running_loop().call_later(wait_s, self._commit_market)

    def _commit_market(self) -> None:
        if self._commit_due is not None:
            self._commit_due.cancel()
            self._commit_due = None
        self._uncommitted = 0
        self._writer.request()

    async def _follow(self, stream: EventStream) -> None:
        """Keep *stream* running; one that ends by itself has broken its promise."""
        while True:
            task = asyncio.create_task(stream.run(self._inbox.put))
            self._runs[stream.name] = task
            try:
                await asyncio.wait({task})
            finally:
                task.cancel()
            if not task.cancelled():
                ended = InvariantError("a stream runs until it is cancelled", f"{stream.name} ended")
                self.fail(task.exception() or ended)
                return

    def _start_streams_anew(self, dropped: int) -> None:
        """Say that market data is missing, and have every stream of it begin again with whole books."""
        reason = f"{dropped} events dropped: they came faster than they were handled"
        connected = self._process.agent.state().connectivity.connected
        for name, task in self._runs.items():
            if name in connected and name != USER_STREAM:
                self._inbox.put(StreamLost(self._clock.now_ns(), name, reason))
                task.cancel()

    async def _wind_up(self) -> None:
        """Cancel what rests, wait for the venue's word on everything of ours, and make the end durable."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._settings.stop_grace_s
        loop.call_at(deadline_s, self._inbox.wake)
        if self._settings.cancel_on_stop:
            for number, name in enumerate(self._left()):
                request_id = f"stop-{self._process.agent.sequence}-{number}"
                now_ns = self._clock.now_ns()
                self._handle(OrderCancelRequested(now_ns, request_id, ACTOR, name, self._stop_reason))
        await self._loop(lambda: self._rests() or self._hurries or loop.time() >= deadline_s)
        # Asked twice, it waits for a disk no longer than for one that is slow.
        grace_s = self._settings.commit_patience_ms / 1_000 if self._hurries else self._settings.stop_grace_s
        durable = self._writer.durable()
        await asyncio.wait({durable}, timeout=grace_s)
        if not durable.done():
            self._writer.give_up(hanging(grace_s))
        await durable

    def _rests(self) -> bool:
        """Return whether nothing is under way any more."""
        return not (self._performer.busy or len(self._inbox) or self._left())

    def _left(self) -> tuple[str, ...]:
        """Return the orders that are not as a stop in good order leaves them."""
        orders = self._process.agent.state().open_orders.items()
        keeps: frozenset[OrderStatus] = frozenset() if self._settings.cancel_on_stop else _RESTING
        return tuple(name for name, record in orders if record.status not in keeps)
