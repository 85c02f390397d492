"""Run the exchange contract on the engine that fills orders beside an agent, on a market that it only hears."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from meva_adapters.clock.manual import ManualClock
from meva_adapters.contracts.exchange_harness import ExchangeHarness, Request, TrueOrder
from meva_adapters.exchange.simulated.matching_exchange import MatchingExchange
from meva_adapters.exchange.simulated.venue_truth import VenueTruth
from meva_adapters.venue.settings import DEFAULT_BALANCES, DEFAULT_FEES
from meva_core.events import Event, MarketEvent, ObservedOrder, OrderAcknowledged, TradeReceived
from meva_core.execution.matching import MatchingEngine
from meva_core.model.fill import Fill
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.order import OrderRequest
from meva_core.ports.exchange import ExchangeAdapter
from meva_runners.harnesses.still_market import ASK_TICKS, INSTRUMENTS, opening, quote_of

_START_NS: Final = 1_750_000_000_000_000_000
_RESTING: Final = Decimal("0.9")
_MANY_LOTS: Final = 10**9
_OPEN: Final = ("accepted", "partially_filled")


class _WatchedEngine(MatchingEngine):
    """Match as ever, and note what is asked and what becomes of each order."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.asked: Counter[Request] = Counter()
        self.truth = VenueTruth(self)

    def submit(self, request: OrderRequest, time_ns: int) -> list[Event]:
        self.asked[Request.PLACE] += 1
        events = super().submit(request, time_ns)
        for event in events:
            if isinstance(event, OrderAcknowledged):
                self.truth.take(request, event, time_ns)
        return events

    def cancel(self, symbol: str, client_order_id: str, time_ns: int) -> list[Event]:
        self.asked[Request.CANCEL] += 1
        return self._noted(super().cancel(symbol, client_order_id, time_ns), time_ns)

    def cancel_all(self, symbol: str | None, time_ns: int) -> list[Event]:
        self.asked[Request.CANCEL] += 1
        return self._noted(super().cancel_all(symbol, time_ns), time_ns)

    def on_market(self, event: MarketEvent) -> list[Event]:
        return self._noted(super().on_market(event), event.time_ns)

    def open_orders(self, symbol: str | None = None) -> tuple[ObservedOrder, ...]:
        self.asked[Request.OPEN_ORDERS] += 1
        return super().open_orders(symbol)

    def trades_since(self, symbol: str, trade_id: str = "") -> list[Fill]:
        self.asked.update((Request.OWN_TRADES, Request.FIND_ORDER))
        return super().trades_since(symbol, trade_id)

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        self.asked[Request.BALANCES] += 1
        return super().balances()

    def _noted(self, events: list[Event], time_ns: int) -> list[Event]:
        self.truth.note(events, time_ns)
        return events


class MatchingHarness(ExchangeHarness):
    """There is no wire, nothing is lost, nobody else has the account, and answers come at once, not by a stream."""

    symbol = INSTRUMENTS[0].symbol
    fees = DEFAULT_FEES

    async def start(self) -> ExchangeAdapter:
        """Open the market."""
        self.clock = ManualClock(_START_NS)
        self.engine = _WatchedEngine(
            INSTRUMENTS, balances=DEFAULT_BALANCES, fees=self.fees, fill_model="volume"
        )
        self.adapter = MatchingExchange(self.engine, self.clock)
        for instrument in INSTRUMENTS:
            for event in opening(instrument, _START_NS):
                self.adapter.on_market(event)
        return self.adapter

    async def stop(self) -> None:
        """Stop nothing: time stands when nobody moves it."""

    def now_ns(self) -> int:
        """Return the clock's time."""
        return self.clock.now_ns()

    def instrument(self) -> Instrument:
        """Return the rules of the first market."""
        return INSTRUMENTS[0]

    def quote(self) -> tuple[Decimal, Decimal]:
        """Return the best bid and ask."""
        return quote_of(self.instrument())

    def other_market(self) -> tuple[Instrument, Decimal]:
        """Return the second market."""
        return INSTRUMENTS[1], quote_of(INSTRUMENTS[1])[0] * _RESTING

    def orders(self) -> Sequence[TrueOrder]:
        """Return what the engine took."""
        return [
            TrueOrder(
                client_order_id=placed.request.client_order_id,
                symbol=placed.request.symbol,
                side=placed.request.side,
                quantity=placed.request.quantity,
                filled_quantity=placed.seen.filled_quantity,
                limit_price=placed.request.limit_price,
                is_open=placed.seen.status in _OPEN,
            )
            for placed in self.engine.truth.placed
        ]

    def trades(self) -> Sequence[Fill]:
        """Return own trades."""
        return [fill for _, fill in self.engine.truth.trades if fill.symbol == self.symbol]

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return what the account holds."""
        return {asset: held for asset, held in self.engine.balances().items() if any(held)}

    def sent(self, request: Request) -> int:
        """Return how often the engine was asked."""
        return self.engine.asked[request]

    async def execute(self, client_order_id: str, quantity: Decimal) -> None:
        """Let others trade at the order's own price."""
        [order] = [each for each in self.orders() if each.client_order_id == client_order_id]
        instrument = self.instrument()
        assert order.limit_price is not None, "a resting order has a limit"
        self._trade(instrument.ticks(order.limit_price), instrument.lots(quantity))

    async def settle(self) -> None:
        """Let one large trade pass: whatever takes, takes from it."""
        self._trade(ASK_TICKS, _MANY_LOTS)

    def _trade(self, price_ticks: int, lots: int) -> None:
        self.clock.advance(1)
        trade = TradeReceived(self.clock.now_ns(), self.symbol, price_ticks, lots, Side.SELL)
        self.adapter.on_market(trade)


harness = MatchingHarness
