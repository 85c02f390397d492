"""Be Binance spot behind the exchange port: every command is sent once, and every outcome becomes an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Final

from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.capabilities import binance_capabilities
from meva_adapters.exchange.binance.codec import (
    PlacedOrder,
    order_parameters,
    read_balances,
    read_order,
    read_placed,
)
from meva_adapters.exchange.binance.trades import OwnTrades
from meva_adapters.transport.asked_again import asked_again
from meva_adapters.transport.http import LAST_LOOK, NotSentError
from meva_adapters.wire.fields import CodecError, row_of, rows_of, text
from meva_adapters.wire.symbols import venue_symbol
from meva_core.commands import CancelAllOrders, CancelOrder, ObserveVenue, PlaceOrder, QueryOrder
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import (
    CancelRefused,
    Event,
    ObservedOrder,
    OrderAcknowledged,
    OrderCanceled,
    OrderDropped,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    OrderRejected,
    RequestFailed,
    VenueStateObserved,
)
from meva_core.model.order import OrderStatus
from meva_core.ports.exchange import Capability, Clearance, VenueCapabilities, kinds_of

Balances = tuple[tuple[str, Decimal, Decimal], ...]

_ORDER: Final = "/api/v3/order"
_NO_SUCH_ORDER: Final = "-2013"
_CANCEL_REJECTED: Final = "-2011"
_CLOCK: Final = "-1021"
# Says that an earlier order of that name is open: no proof about what this attempt was meant to do.
_DUPLICATE: Final = "Duplicate order sent."
_STATUSES: Final = frozenset(status.value for status in OrderStatus)
_FAILURES: Final = (NotSentError, VenueRefusedError, VenueUnknownError, CodecError)


class BinanceExchange:
    """Trade one account. *owns* tells our client order ids from other people's, which are left alone.

    Of the balances, those of *assets* are told; `None` tells all.
    """

    def __init__(
        self,
        calls: BinanceCalls,
        *,
        symbols: Sequence[str],
        owns: Callable[[str], bool],
        trades: OwnTrades | None = None,
        assets: frozenset[str] | None = None,
    ) -> None:
        self.trades = trades or OwnTrades(calls)
        self._calls = calls
        self._symbols = tuple(symbols)
        self._ours = {venue_symbol(symbol): symbol for symbol in symbols}
        self._owns = owns
        self._assets = assets
        self._capabilities = binance_capabilities(calls.recv_window_ms)

    @property
    def capabilities(self) -> VenueCapabilities:
        """Return the facts about the venue."""
        return self._capabilities

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send the order, once, stamped with the time of its decision."""
        request, calls = command.request, self._calls
        self._capabilities.require(*kinds_of(request))
        name = request.client_order_id
        parameters = order_parameters(request, venue_symbol(request.symbol))
        try:
            data = await calls.signed("POST", _ORDER, parameters, weight=1, stamp_ns=command.stamp_ns)
            placed = read_placed(data, request)
        except NotSentError as exc:
            return [OrderDropped(self._now(), name, exc.problem)]
        except VenueRefusedError as exc:
            if exc.message == _DUPLICATE:
                return [OrderOutcomeUnknown(self._now(), name, str(exc))]
            refused: list[Event] = [OrderRejected(self._now(), name, exc.code, exc.message)]
            return [*refused, *await self._clock_after(exc.code)]
        except VenueUnknownError as exc:
            return [OrderOutcomeUnknown(self._now(), name, exc.problem)]
        except CodecError as exc:
            calls.note_anomaly("malformed_answer", f"order {name}: {exc.problem}")
            return [OrderOutcomeUnknown(self._now(), name, str(exc))]
        self.trades.learn(request.symbol, placed.venue_order_id, name)
        return self._placed(placed)

    async def place_when(self, command: PlaceOrder, clearance: Clearance) -> Sequence[Event]:
        """Sign the order and take a connection for it meanwhile; see the port."""
        token = LAST_LOOK.set(clearance)
        try:
            return await self.place(command)
        finally:
            LAST_LOOK.reset(token)

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """Cancel one order; a lost answer is a failure that says nothing."""
        name = command.client_order_id
        try:
            return [await self._cancel(command.symbol, name, command.reason)]
        except _FAILURES as exc:
            return [
                RequestFailed(self._now(), "cancel", name, str(exc)),
                *await self._clock_after(getattr(exc, "code", "")),
            ]

    async def cancel_all(self, command: CancelAllOrders) -> Sequence[Event]:
        """Cancel each order of ours: the venue's own cancel-all takes other people's orders too.

        All at once, and each by itself: an answer that is lost keeps no other order open. A list of orders is asked for
        again where its answer is lost.
        """
        symbols = self._symbols if command.symbol is None else (command.symbol,)
        told = await asyncio.gather(*(self._cancel_market(symbol, command.reason) for symbol in symbols))
        return [event for events in told for event in events]

    async def query(self, command: QueryOrder) -> Sequence[Event]:
        """Ask for one order and then for our trades, so that no fill of the order is missing among them."""
        name, asked_ns, venue_ns = command.client_order_id, self._now(), self._calls.reached_ns()
        try:
            order = await self._find(command.symbol, name)  # The answer is not older than the question.
            fills = await self.trades.after(command.symbol, command.trades_after)
        except _FAILURES as exc:
            return await self._failed("query", name, exc)
        return [OrderQueryAnswered(self._now(), venue_ns, asked_ns, name, order, fills)]

    async def observe(self, command: ObserveVenue) -> Sequence[Event]:
        """Ask for open orders, then trades, then balances."""
        asked_ns, venue_ns, after = self._now(), self._calls.reached_ns(), dict(command.trades_after)
        try:
            orders = [order for symbol in self._symbols for order in await self._open_orders(symbol)]
            fills = [
                fill
                for symbol in self._symbols
                for fill in await self.trades.after(symbol, after.get(symbol, ""))
            ]
            parameters = [("omitZeroBalances", "true")]
            account = await self._calls.signed("GET", "/api/v3/account", parameters, weight=20)
            balances = self._told(read_balances(account))
        except _FAILURES as exc:
            return await self._failed("observe", "", exc)
        return [
            VenueStateObserved(self._now(), venue_ns, tuple(orders), tuple(fills), balances, asked_ns),
        ]

    def _told(self, balances: Balances) -> Balances:
        return tuple(row for row in balances if self._assets is None or row[0] in self._assets)

    async def arm_dead_man_switch(self, timeout_s: int) -> None:
        """Raise `NotSupported`: Binance spot has no such switch, so orders rest while nobody watches them."""
        self.capabilities.require(Capability.DEAD_MAN_SWITCH)

    def _now(self) -> int:
        return self._calls.clock.now_ns()

    def _placed(self, placed: PlacedOrder) -> Sequence[Event]:
        now_ns, name = self._now(), placed.client_order_id
        if placed.status is None:
            self._calls.note_anomaly("unknown_status", f"order {name} is {placed.status_text[:40]!r}")
            return [OrderOutcomeUnknown(now_ns, name, f"unknown status {placed.status_text[:40]!r}")]
        if placed.status is OrderStatus.REJECTED:
            return [OrderRejected(now_ns, name, "REJECTED", placed.expiry_reason)]
        events: list[Event] = [
            OrderAcknowledged(now_ns, name, placed.venue_order_id, placed.venue_time_ns),
            *(OrderFilled(now_ns, fill) for fill in placed.fills),
        ]
        if placed.status is OrderStatus.EXPIRED:
            events.append(OrderExpired(now_ns, name, placed.expiry_reason))
        elif placed.status is OrderStatus.CANCELED:
            events.append(OrderCanceled(now_ns, name, "canceled by the venue"))
        return events

    async def _cancel(self, symbol: str, name: str, reason: str) -> Event:
        """Return what the engine says; raise where it says nothing."""
        parameters = [("symbol", venue_symbol(symbol)), ("origClientOrderId", name)]
        try:
            data = await self._calls.signed("DELETE", _ORDER, parameters, weight=1, urgent=True)
        except VenueRefusedError as exc:
            if exc.code == _CANCEL_REJECTED:
                return CancelRefused(self._now(), name, f"{exc.code} {exc.message}")
            raise
        answer = row_of(data)
        if text(answer, "origClientOrderId") != name or text(answer, "status") != "CANCELED":
            raise CodecError(f"the answer to the cancel of {name} does not say that it is cancelled")
        return OrderCanceled(self._now(), name, reason)

    async def _cancel_market(self, symbol: str, reason: str) -> list[Event]:
        """Cancel what is open of ours on *symbol*."""
        try:
            orders = await asked_again(partial(self._open_orders, symbol, urgent=True))
        except _FAILURES as exc:
            return await self._failed("cancel_all", symbol, exc)
        names = [order.client_order_id for order in orders if self._owns(order.client_order_id)]
        told = await asyncio.gather(*(self._cancel_told(symbol, name, reason) for name in names))
        return [event for events in told for event in events]

    async def _cancel_told(self, symbol: str, name: str, reason: str) -> list[Event]:
        try:
            return [await self._cancel(symbol, name, reason)]
        except _FAILURES as exc:
            return await self._failed("cancel_all", symbol, exc)

    async def _find(self, symbol: str, name: str) -> ObservedOrder | None:
        parameters = [("symbol", venue_symbol(symbol)), ("origClientOrderId", name)]
        try:
            data = await self._calls.signed("GET", _ORDER, parameters, weight=4)
        except VenueRefusedError as exc:
            if exc.code == _NO_SUCH_ORDER:
                return None
            raise
        order = self._read(data)
        if order.client_order_id != name:
            raise CodecError(f"asked for {name}, told of {order.client_order_id[:40]!r}")
        return order

    async def _open_orders(self, symbol: str, *, urgent: bool = False) -> list[ObservedOrder]:
        parameters = [("symbol", venue_symbol(symbol))]
        data = await self._calls.signed("GET", "/api/v3/openOrders", parameters, weight=6, urgent=urgent)
        return [self._read(row) for row in rows_of(data)]

    def _read(self, data: object) -> ObservedOrder:
        order = read_order(data, self._ours)
        self.trades.learn(order.symbol, order.venue_order_id, order.client_order_id)
        if order.status not in _STATUSES:
            self._calls.note_anomaly(
                "unknown_status", f"order {order.client_order_id} is {order.status[:40]!r}"
            )
        return order

    async def _failed(self, request: str, subject: str, exc: Exception) -> list[Event]:
        if isinstance(exc, CodecError):
            self._calls.note_anomaly("malformed_answer", f"{request} {subject}: {exc.problem}")
        failed: list[Event] = [RequestFailed(self._now(), request, subject, str(exc))]
        return [*failed, *await self._clock_after(getattr(exc, "code", ""))]

    async def _clock_after(self, code: str) -> list[Event]:
        """Measure the clock again where it was the reason; the next stamp is then right."""
        if code != _CLOCK:
            return []
        try:
            return [await self._calls.measure_clock()]
        except (NotSentError, VenueRefusedError, VenueUnknownError):
            return []  # Nothing is learned of the clock; the next refusal asks again.
