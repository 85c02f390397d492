"""Run the exchange contract on the engine that fills orders beside an agent, on a market that it only hears."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from meva_adapters.clock.manual import ManualClock
from meva_adapters.contracts.exchange_harness import Request
from meva_adapters.exchange.simulated.matching_exchange import MatchingExchange
from meva_adapters.exchange.simulated.venue_truth import VenueTruth
from meva_adapters.venue.settings import DEFAULT_BALANCES
from meva_core.events import Event, MarketEvent, ObservedOrder, OrderAcknowledged, TradeReceived
from meva_core.execution.matching import MatchingEngine
from meva_core.model.fill import Fill
from meva_core.model.market import Side
from meva_core.model.order import OrderRequest
from meva_core.ports.exchange import ExchangeAdapter
from meva_runners.harnesses.engine_harness import START_NS, EngineHarness
from meva_runners.harnesses.still_market import INSTRUMENTS, opening


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


class MatchingHarness(EngineHarness):
    """There is no wire, nothing is lost, nobody else has the account, and answers come at once, not by a stream."""

    async def start(self) -> ExchangeAdapter:
        """Open the market."""
        self.clock = ManualClock(START_NS)
        self.engine = self._watched = _WatchedEngine(
            INSTRUMENTS, balances=DEFAULT_BALANCES, fees=self.fees, fill_model="volume"
        )
        self.truth = self._watched.truth
        self.adapter = MatchingExchange(self.engine, self.clock)
        for instrument in INSTRUMENTS:
            for event in opening(instrument, START_NS):
                self.adapter.on_market(event)
        return self.adapter

    def now_ns(self) -> int:
        """Return the clock's time."""
        return self.clock.now_ns()

    def sent(self, request: Request) -> int:
        """Return how often the engine was asked."""
        return self._watched.asked[request]

    def _trade(self, price_ticks: int, lots: int) -> None:
        self.clock.advance(1)
        trade = TradeReceived(self.clock.now_ns(), self.symbol, price_ticks, lots, Side.SELL)
        self.adapter.on_market(trade)


harness = MatchingHarness
