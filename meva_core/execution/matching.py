"""Be a venue without a network: check, match and settle orders; read no clock, keep nothing global.

It answers with the events that a real venue's adapter would send, and is a pure function of its calls: the
same calls in the same order give the same events. How market data fills orders is in `fill_models`.

Time: a message sent at t arrives at t + latency, in the order of sending. An order is matched by the market
events handled after it arrived, ties in time included, never by the event that caused its decision. With
latency, answers carry their arrival time and come from the first call at or after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal, getcontext, setcontext
from typing import Any, assert_never

from meva_core.commands import CancelAllOrders, CancelOrder
from meva_core.errors import ConfigError, UnknownSymbolError
from meva_core.events import (
    BookChanged,
    CandleClosed,
    Event,
    MarketEvent,
    ObservedOrder,
    OrderAcknowledged,
    OrderCanceled,
    OrderRejected,
    QuoteReceived,
    TradeReceived,
)
from meva_core.execution.clearing import Clearing
from meva_core.execution.fill_models import FillSettings, named_fill_model
from meva_core.execution.order_filters import Refusal, RejectCode
from meva_core.execution.venue_account import VenueAccount
from meva_core.execution.venue_fees import FeeSchedule, MarketFees
from meva_core.execution.venue_market import VenueMarket
from meva_core.execution.venue_memory import Message, message_from, message_row, order_from, order_row
from meva_core.execution.venue_orders import VenueOrder
from meva_core.model.fill import Fill
from meva_core.model.instrument import Instrument
from meva_core.model.market import Candle, Side
from meva_core.model.money import EXACT, exact
from meva_core.model.order import OrderRequest, OrderStatus

CANCELED_ON_REQUEST = "canceled on request"


class MatchingEngine:
    """Simulate one account at one spot venue.

    *fill_model* is `next_trade`, `volume` or `book`. A limit buy locks price times quantity of the quote, a
    sell its quantity of the base. A market buy locks nothing: its worth at the reference price must be free
    when it arrives, and its cost when it matches, else it expires. Reduce-only means nothing on spot.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        *,
        balances: Mapping[str, Decimal],
        fees: FeeSchedule,
        fill_model: str = "next_trade",
        settings: FillSettings | None = None,
        latency_ns: int = 0,
    ) -> None:
        if latency_ns < 0:
            raise ConfigError((f"latency_ns: got {latency_ns}. Expected 0 or more.",))
        self._latency_ns = latency_ns
        self._now_ns = 0
        self._last_order_id = 0
        self._account = VenueAccount(balances)
        self._open: dict[str, VenueOrder] = {}
        self._under_way: deque[tuple[int, Message]] = deque()
        model = named_fill_model(fill_model, settings or FillSettings())
        self.needs_book = model.needs_book
        self._markets: dict[str, VenueMarket] = {}
        for instrument in instruments:
            charges = MarketFees(fees, instrument, free=self._account.free, price_of=self._price_of)
            clearing = Clearing(instrument, self._account, charges)
            market = VenueMarket(instrument, model, clearing, open_orders=self._open, due=self.due)
            self._markets[instrument.symbol] = market

    @property
    def waiting(self) -> int:
        """Return how many orders are open plus messages under way; at 0 no call can have an answer."""
        return len(self._open) + len(self._under_way)

    def market(self, symbol: str) -> VenueMarket:
        """Return the market of *symbol*, to be called directly."""
        try:
            return self._markets[symbol]
        except KeyError:
            raise UnknownSymbolError(symbol, tuple(self._markets)) from None

    def submit(self, request: OrderRequest, time_ns: int) -> list[Event]:
        """Send an order. Without latency the answer is returned: acknowledged or rejected, never a fill."""
        if self._latency_ns:
            return self._send(request, time_ns)
        if time_ns > self._now_ns:
            self._now_ns = time_ns
        outer = getcontext()
        if outer is not EXACT:
            setcontext(EXACT)
        try:
            return [self._take_in(request)]
        finally:
            if outer is not EXACT:
                setcontext(outer)

    def cancel(self, symbol: str, client_order_id: str, time_ns: int) -> list[Event]:
        """Send a cancel. An order that is not open (any more) gives no event: its own end has been reported.

        Who must answer "unknown order" asks `is_open` first.
        """
        return self._send(CancelOrder(symbol, client_order_id, CANCELED_ON_REQUEST), time_ns)

    def cancel_all(self, symbol: str | None, time_ns: int) -> list[Event]:
        """Send a cancel of every open order, of *symbol* or everywhere."""
        return self._send(CancelAllOrders(symbol, CANCELED_ON_REQUEST), time_ns)

    def due(self, time_ns: int) -> list[Event]:
        """Handle what arrived up to *time_ns* and return its answers."""
        events = self._arrived(time_ns) if self._under_way else []
        if time_ns > self._now_ns:
            self._now_ns = time_ns
        return events

    def on_market(self, event: MarketEvent) -> list[Event]:
        """Take any market event."""
        match event:
            case TradeReceived():
                market = self.market(event.symbol)
                return market.on_trade(
                    event.time_ns, event.price_ticks, event.quantity_lots, event.taker_side
                )
            case CandleClosed():
                return self.market(event.symbol).on_bar(event.candle, event.time_ns)
            case QuoteReceived():
                return self.on_quote(event)
            case BookChanged():
                return self.on_book(event)
            case _:
                assert_never(event)

    def on_trade(
        self, symbol: str, *, time_ns: int, price_ticks: int, lots: int, taker_side: Side
    ) -> list[Event]:
        """Take a trade."""
        return self.market(symbol).on_trade(time_ns, price_ticks, lots, taker_side)

    def on_bar(self, symbol: str, candle: Candle, time_ns: int) -> list[Event]:
        """Take a closed bar of a market that is fed by bars alone."""
        return self.market(symbol).on_bar(candle, time_ns)

    def on_quote(self, quote: QuoteReceived) -> list[Event]:
        """Take the best bid and ask."""
        return self.market(quote.symbol).on_quote(quote)

    def on_book(self, change: BookChanged) -> list[Event]:
        """Take a book snapshot or change."""
        return self.market(change.symbol).on_book(change)

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return (free, locked) by asset."""
        return self._account.balances()

    def is_open(self, client_order_id: str) -> bool:
        """Return whether the venue holds this order open."""
        return client_order_id in self._open

    def open_orders(self, symbol: str | None = None) -> tuple[ObservedOrder, ...]:
        """Return the open orders, of *symbol* or all, oldest first, as a venue reports them."""
        return tuple(
            _observed(order, self._markets[order.request.symbol].instrument)
            for order in self._open.values()
            if symbol is None or symbol == order.request.symbol
        )

    def trades_since(self, symbol: str, trade_id: str = "") -> list[Fill]:
        """Return the own trades of *symbol* after *trade_id*, oldest first; the latest 1,000 are kept."""
        return self.market(symbol).clearing.trades_since(trade_id)

    def snapshot(self) -> dict[str, Any]:
        """Return the whole memory as plain values and Decimals; the configuration is not part of it."""
        return {
            "now_ns": self._now_ns,
            "last_order_id": self._last_order_id,
            "account": self._account.snapshot(),
            "markets": {symbol: market.snapshot() for symbol, market in self._markets.items()},
            "orders": [order_row(order) for order in self._open.values()],
            "under_way": [[arrival_ns, message_row(message)] for arrival_ns, message in self._under_way],
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned, in an engine of the same configuration."""
        self._now_ns = memory["now_ns"]
        self._last_order_id = memory["last_order_id"]
        self._account.restore(memory["account"])
        self._open.clear()
        for symbol, market_memory in memory["markets"].items():
            self.market(symbol).restore(market_memory)
        for row in memory["orders"]:
            market = self.market(row["request"]["symbol"])
            with exact():
                market.open(order_from(row, market.instrument))
        self._under_way = deque((arrival_ns, message_from(row)) for arrival_ns, row in memory["under_way"])
        self._wake_markets(len(self._under_way))

    def _send(self, message: Message, time_ns: int) -> list[Event]:
        if time_ns > self._now_ns:
            self._now_ns = time_ns
        if not self._latency_ns:
            return self._receive(message)
        self._under_way.append((self._now_ns + self._latency_ns, message))
        self._wake_markets(+1)
        return []

    def _arrived(self, time_ns: int) -> list[Event]:
        events: list[Event] = []
        under_way = self._under_way
        while under_way and under_way[0][0] <= time_ns:
            arrival_ns, message = under_way.popleft()
            self._wake_markets(-1)
            self._now_ns = max(self._now_ns, arrival_ns)
            events += self._receive(message)
        return events

    def _receive(self, message: Message) -> list[Event]:
        with exact():
            match message:
                case OrderRequest():
                    return [self._take_in(message)]
                case CancelOrder(symbol, client_order_id, reason):
                    order = self._open.get(client_order_id)
                    return [self._cancel(order, reason)] if order and order.request.symbol == symbol else []
                case CancelAllOrders(symbol, reason):
                    orders = [
                        order for order in self._open.values() if symbol in (None, order.request.symbol)
                    ]
                    return [self._cancel(order, reason) for order in orders]
                case _:
                    assert_never(message)

    def _take_in(self, request: OrderRequest) -> Event:
        market = self._markets.get(request.symbol)
        if market is None:
            return self._rejected(
                request, Refusal(RejectCode.UNKNOWN_SYMBOL, f"no market {request.symbol!r}")
            )
        order = market.filters.on_grid(request)
        if isinstance(order, Refusal):
            return self._rejected(request, order)
        refusal = self._refusal(order, market)
        if refusal is not None:
            return self._rejected(request, refusal)
        self._last_order_id += 1
        now_ns = self._now_ns
        order.place(self._last_order_id, now_ns)
        if not order.taking:
            order.queue_ahead = market.queue_ahead(order)
        market.open(order)
        return OrderAcknowledged(now_ns, order.client_order_id, order.venue_order_id, now_ns)

    def _refusal(self, order: VenueOrder, market: VenueMarket) -> Refusal | None:
        """Return why *order* is refused, or None: what it may cost is locked then, and it knows whether it takes."""
        request = order.request
        if self.needs_book and market.lacks_book:
            return Refusal(RejectCode.NO_BOOK, f"the order book of {request.symbol} is not known")
        price_ticks = reference_ticks = market.reference_ticks(is_buy=order.is_buy)
        if not order.is_market:
            price_ticks = order.limit_ticks
            order.taking = order.unfilled_expiry is not None or (
                reference_ticks != 0 and order.accepts(reference_ticks)
            )
        if not price_ticks:
            return Refusal(RejectCode.NO_PRICE, f"no price of {request.symbol} is known yet")
        notional = market.clearing.notional(price_ticks, order.lots)
        refusal = market.filters.notional_refusal(notional)
        if refusal is not None:
            return refusal
        if order.client_order_id in self._open:
            return Refusal(RejectCode.DUPLICATE_ORDER, f"order {order.client_order_id} is open already")
        if request.post_only and order.taking:
            return Refusal(RejectCode.WOULD_TAKE, "the order would match at once, and is post-only")
        if not market.clearing.lock(order, notional):
            return Refusal(RejectCode.INSUFFICIENT_BALANCE, f"too little free {order.lock_asset}")
        return None

    def _rejected(self, request: OrderRequest, refusal: Refusal) -> Event:
        return OrderRejected(self._now_ns, request.client_order_id, refusal.code.value, refusal.reason)

    def _cancel(self, order: VenueOrder, reason: str) -> Event:
        market = self._markets[order.request.symbol]
        market.clearing.release(order)
        market.close(order)
        return OrderCanceled(self._now_ns, order.client_order_id, reason)

    def _price_of(self, asset: str, quote: str) -> Decimal | None:
        market = self._markets.get(f"{asset}/{quote}")
        return market.instrument.price(market.last_ticks) if market and market.last_ticks else None

    def _wake_markets(self, messages: int) -> None:
        for market in self._markets.values():
            market.waiting += messages


def _observed(order: VenueOrder, instrument: Instrument) -> ObservedOrder:
    filled_lots = order.lots - order.open_lots
    return ObservedOrder(
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        symbol=instrument.symbol,
        side=order.request.side,
        quantity=order.request.quantity,
        filled_quantity=instrument.quantity(filled_lots),
        status=(OrderStatus.PARTIALLY_FILLED if filled_lots else OrderStatus.ACCEPTED).value,
    )
