"""Close a simulated market, or change its rules, for a while; whoever trades there hears of it a second later."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from attrs import evolve

from meva_adapters.exchange.simulated.virtual_network import VirtualNetwork
from meva_core.events import Event, MarketRulesChanged, MarketStatusChanged
from meva_core.execution.matching import MatchingEngine
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.order import OrderRequest

_TOLD_AFTER_NS: Final = NS_PER_SECOND
# Some orders of the reference strategy are smaller, some are not.
_HIGH_NOTIONAL: Final = Decimal(500)
_COARSER: Final = 100


class Listings:
    """Keep what the venue says of its markets. The first symbol is the one to which things happen."""

    def __init__(self, engine: MatchingEngine, network: VirtualNetwork, symbols: Sequence[str]) -> None:
        self._engine = engine
        self._network = network
        self._first = symbols[0]
        self._usual = {symbol: engine.market(symbol).instrument for symbol in symbols}
        self._rules = dict(self._usual)
        self._halted = ""
        self._changes = 0

    def told(self, time_ns: int) -> Sequence[Event]:
        """Say which markets are open and by which rules they trade, as a new process asks first."""
        statuses = [
            MarketStatusChanged(time_ns, symbol, symbol != self._halted, "as the venue says")
            for symbol in self._usual
        ]
        return [*statuses, *(MarketRulesChanged(time_ns, rules) for rules in self._rules.values())]

    def refusal(self, request: OrderRequest) -> str:
        """Return why the venue does not take *request*; empty when its usual filters decide."""
        if request.symbol == self._halted:
            return "market is closed"
        rules = self._rules.get(request.symbol)
        if rules is None or rules is self._usual[request.symbol]:
            return ""  # The engine refuses a symbol that it does not list.
        if request.quantity % rules.lot_size:
            return "Filter failure: LOT_SIZE"
        price = request.limit_price or rules.price(self._engine.market(request.symbol).last_ticks)
        return "Filter failure: NOTIONAL" if price * request.quantity < rules.min_notional else ""

    def halt(self, now_ns: int, until_ns: int) -> None:
        """Let the first market take nothing."""
        self._halted = self._first

        def opened(time_ns: int) -> Sequence[Event]:
            self._halted = ""
            return [MarketStatusChanged(time_ns, self._first, True, "open again")]

        self._network.at(
            now_ns + _TOLD_AFTER_NS,
            lambda time_ns: [MarketStatusChanged(time_ns, self._first, False, "market is closed")],
        )
        self._network.at(max(until_ns, now_ns + 2 * _TOLD_AFTER_NS), opened)

    def change_rules(self, now_ns: int, until_ns: int) -> None:
        """Let the first market want larger orders and, every other time, coarser quantities."""
        usual, self._changes = self._usual[self._first], self._changes + 1
        if self._changes % 2:
            rules = evolve(usual, min_notional=_HIGH_NOTIONAL)
        else:
            rules = evolve(usual, lot_size=usual.lot_size * _COARSER)
        self._rules[self._first] = rules
        self._network.at(now_ns + _TOLD_AFTER_NS, lambda time_ns: [MarketRulesChanged(time_ns, rules)])
        self._network.at(max(until_ns, now_ns + 2 * _TOLD_AFTER_NS), self._relax)

    def _relax(self, time_ns: int) -> Sequence[Event]:
        rules: Instrument = self._usual[self._first]
        self._rules[self._first] = rules
        return [MarketRulesChanged(time_ns, rules)]
