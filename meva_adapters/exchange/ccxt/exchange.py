"""Be any exchange that ccxt knows behind the exchange port, and promise no more than is known of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from meva_adapters.exchange.ccxt.reading import ReadingError, read_balances, read_order, texts
from meva_adapters.exchange.ccxt.trades import HISTORY_DAYS, CcxtTrades
from meva_adapters.exchange.ccxt.wire import CcxtWire
from meva_adapters.transport.http import NotSentError
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
from meva_core.model.market import NS_PER_MS
from meva_core.model.money import plain
from meva_core.model.order import OrderRequest, OrderStatus, OrderType, TimeInForce
from meva_core.ports.exchange import VenueCapabilities, kinds_of

_STATUSES: Final = frozenset(status.value for status in OrderStatus)
_FAILURES: Final = (NotSentError, VenueRefusedError, VenueUnknownError, ReadingError)
_NOT_FOUND: Final = "OrderNotFound"
# Refusals that speak of an order which was there before: no proof about this attempt.
_OF_ANOTHER: Final = frozenset({"DuplicateOrderId", _NOT_FOUND, "OrderNotCached", "NoChange"})
_WEAKEST: Final = VenueCapabilities()
_OVERLAP_MS: Final = 1_000


class CcxtExchange:
    """Trade one account. *owns* tells our client order ids from other people's, which are left alone.

    *capabilities* are the weakest until you state, and prove, what your exchange offers. The request carries no stamp
    of ours, so no request window may be stated. Call `connect` before anything else.
    """

    def __init__(
        self,
        wire: CcxtWire,
        *,
        symbols: Sequence[str],
        owns: Callable[[str], bool],
        capabilities: VenueCapabilities = _WEAKEST,
        history_days: int = HISTORY_DAYS,
    ) -> None:
        assert capabilities.request_window_ms is None, "ccxt stamps its requests itself"
        self.capabilities = capabilities
        self.trades = CcxtTrades(wire, history_days=history_days)
        self._wire = wire
        self._client: Any = wire.client
        self._symbols = tuple(symbols)
        self._owns = owns

    async def connect(self) -> None:
        """Load the markets; raise `VenueRefusedError` or `VenueUnknownError` where that fails."""
        try:
            await self._wire.call("markets", self._client.load_markets)
        except NotSentError as exc:
            raise VenueUnknownError(self._wire.venue, "markets", exc.problem) from exc

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send the order, once, under our own name."""
        request = command.request
        self.capabilities.require(*kinds_of(request))
        name = request.client_order_id
        try:
            self._check_grid(request)
            answer: Any = await self._wire.call("place", lambda: self._create(request))
            placed = self._read(answer, symbol=request.symbol, name=name)
        except NotSentError as exc:
            return [OrderDropped(self._now(), name, exc.problem)]
        except VenueRefusedError as exc:
            if exc.code in _OF_ANOTHER:
                return [OrderOutcomeUnknown(self._now(), name, str(exc))]
            return [OrderRejected(self._now(), name, exc.code, exc.message)]
        except VenueUnknownError as exc:
            return [OrderOutcomeUnknown(self._now(), name, exc.problem)]
        except ReadingError as exc:
            self._wire.note_anomaly("malformed_answer", f"order {name}: {exc.problem}")
            return [OrderOutcomeUnknown(self._now(), name, str(exc))]
        return await self._placed(placed)

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """Cancel one order; what the answer does not say clearly is a failure that says nothing."""
        name = command.client_order_id
        try:
            return [await self._cancel(command.symbol, name, command.reason)]
        except _FAILURES as exc:
            return self._failed("cancel", name, exc)

    async def cancel_all(self, command: CancelAllOrders) -> Sequence[Event]:
        """Cancel every order of ours, one by one: an exchange's own cancel-all takes other people's orders too."""
        symbols = self._symbols if command.symbol is None else (command.symbol,)
        events: list[Event] = []
        for symbol in symbols:
            try:
                for order in await self._open_orders(symbol):
                    if self._owns(order.client_order_id):
                        events += [await self._cancel(symbol, order.client_order_id, command.reason)]
            except _FAILURES as exc:
                events += self._failed("cancel_all", symbol, exc)
        return events

    async def query(self, command: QueryOrder) -> Sequence[Event]:
        """Ask for one order and then for our trades, so that no fill of the order is missing among them."""
        name, asked_ns = command.client_order_id, self._now()
        try:
            order = await self._find(command.symbol, name)
            fills = await self.trades.after(command.symbol, command.trades_after)
        except _FAILURES as exc:
            return self._failed("query", name, exc)
        return [OrderQueryAnswered(self._now(), asked_ns, asked_ns, name, order, fills)]

    async def observe(self, command: ObserveVenue) -> Sequence[Event]:
        """Ask for open orders, then trades, then balances."""
        asked_ns, after = self._now(), dict(command.trades_after)
        try:
            orders = [order for symbol in self._symbols for order in await self._open_orders(symbol)]
            fills = [
                fill
                for symbol in self._symbols
                for fill in await self.trades.after(symbol, after.get(symbol, ""))
            ]
            balances = read_balances(await self._wire.call("balances", self._client.fetch_balance))
        except _FAILURES as exc:
            return self._failed("observe", "", exc)
        return [VenueStateObserved(self._now(), asked_ns, tuple(orders), tuple(fills), balances, asked_ns)]

    def _now(self) -> int:
        return self._wire.clock.now_ns()

    def _check_grid(self, request: OrderRequest) -> None:
        """Raise `NotSentError` where ccxt would round: it must send what was approved, or nothing."""
        client, symbol = self._client, request.symbol
        if symbol not in (client.markets or {}):
            raise NotSentError(f"ccxt knows no market {symbol} at {self._wire.venue}")
        amounts = [(client.amount_to_precision, request.quantity)]
        if request.limit_price is not None:
            amounts.append((client.price_to_precision, request.limit_price))
        for rounded, amount in amounts:
            try:
                kept = Decimal(rounded(symbol, plain(amount)))
            except Exception as exc:  # ccxt raises errors of its own for what is too small.
                raise NotSentError(f"{amount} is no amount at {self._wire.venue}: {exc}") from exc
            if kept != amount:
                raise NotSentError(f"ccxt would send {kept} in place of {amount}")

    async def _create(self, request: OrderRequest) -> Any:
        params: dict[str, Any] = {"clientOrderId": request.client_order_id}
        if request.post_only:
            params["postOnly"] = True
        if request.time_in_force is not TimeInForce.GTC:
            params["timeInForce"] = request.time_in_force.value
        return await self._client.create_order(
            request.symbol,
            "market" if request.type is OrderType.MARKET else "limit",
            request.side.value,
            plain(request.quantity),
            None if request.limit_price is None else plain(request.limit_price),
            params,
        )

    async def _placed(self, order: ObservedOrder) -> Sequence[Event]:
        name, now_ns = order.client_order_id, self._now()
        if order.status not in _STATUSES:
            return [OrderOutcomeUnknown(now_ns, name, f"unknown status {order.status[:40]!r}")]
        if order.status == OrderStatus.REJECTED.value:
            return [OrderRejected(now_ns, name, "rejected", "the exchange answered with a rejected order")]
        events: list[Event] = [OrderAcknowledged(now_ns, name, order.venue_order_id)]
        if order.filled_quantity:
            events += await self._fills_of(order, now_ns)
        if order.status in (OrderStatus.EXPIRED.value, OrderStatus.CANCELED.value):
            events.append(OrderExpired(self._now(), name, "ended by the exchange"))
        return events

    async def _fills_of(self, order: ObservedOrder, now_ns: int) -> list[Event]:
        since_ms = now_ns // NS_PER_MS - self._client.timeout - _OVERLAP_MS
        try:
            fills = await self.trades.of_order(order.symbol, order.venue_order_id, since_ms)
        except _FAILURES as exc:
            # They come with the next look; the order itself is certain.
            self._wire.note_anomaly("fills_not_read", f"order {order.client_order_id}: {exc}")
            return []
        return [OrderFilled(self._now(), fill) for fill in fills]

    async def _cancel(self, symbol: str, name: str, reason: str) -> Event:
        """Return what the exchange says; raise where it says nothing."""
        try:
            answer: Any = await self._wire.call(
                "cancel", lambda: self._client.cancel_order_with_client_order_id(name, symbol)
            )
        except VenueRefusedError as exc:
            if exc.code == _NOT_FOUND:
                return CancelRefused(self._now(), name, exc.message)
            raise
        # A cancel may have a name of its own, and the order's stands beside it.
        named = answer.get("clientOrderId")
        if named not in (None, name) and name not in texts(answer.get("info")):
            raise ReadingError(f"the answer to the cancel of {name} speaks of another order")
        status = answer.get("status")
        if status is None:  # Many exchanges only say that they heard it.
            found = await self._find(symbol, name)
            status = found.status if found is not None else ""
        if status != OrderStatus.CANCELED.value:
            raise ReadingError(f"the answer to the cancel of {name} does not say that it is cancelled")
        return OrderCanceled(self._now(), name, reason)

    async def _find(self, symbol: str, name: str) -> ObservedOrder | None:
        try:
            answer: Any = await self._wire.call(
                "query", lambda: self._client.fetch_order_with_client_order_id(name, symbol)
            )
        except VenueRefusedError as exc:
            if exc.code == _NOT_FOUND:
                return None
            raise
        return self._read(answer, symbol=symbol, name=name)

    async def _open_orders(self, symbol: str) -> list[ObservedOrder]:
        rows: Any = await self._wire.call("open orders", lambda: self._client.fetch_open_orders(symbol))
        return [self._read(row, symbol=symbol) for row in rows]

    def _read(self, answer: Any, *, symbol: str, name: str = "") -> ObservedOrder:
        """Read an order on *symbol*, of that *name* where one is given; raise `ReadingError` for any other."""
        order = read_order(answer)
        if order.symbol != symbol or (name and order.client_order_id != name):
            told = f"{order.client_order_id[:40]!r} on {order.symbol[:40]}"
            raise ReadingError(f"asked for {name or 'orders'} on {symbol}, told of {told}")
        self.trades.learn(symbol, order.venue_order_id, order.client_order_id)
        if order.status not in _STATUSES:
            self._wire.note_anomaly("unknown_status", f"{order.client_order_id} is {order.status[:40]!r}")
        return order

    def _failed(self, request: str, subject: str, exc: Exception) -> list[Event]:
        if isinstance(exc, ReadingError):
            self._wire.note_anomaly("malformed_answer", f"{request} {subject}: {exc.problem}")
        return [RequestFailed(self._now(), request, subject, str(exc))]
