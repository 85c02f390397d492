"""Remember what was true at a simulated venue, and when: for answers that lag, and for whoever checks the agent."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from attrs import define

from meva_adapters.exchange.simulated.seen_orders import Change, order_after, order_taken
from meva_core.events import (
    Event,
    ObservedOrder,
    OrderAcknowledged,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
)
from meva_core.execution.matching import MatchingEngine
from meva_core.model.fill import Fill
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.order import OrderRequest

Balances = tuple[tuple[str, Decimal, Decimal], ...]

# No answer lags for longer, so what the account looked like before may be forgotten, many states at a time.
_LAG_NS_MAX: Final = 3_600 * NS_PER_SECOND
_STATES_KEPT: Final = 4_096


@define
class PlacedOrder:
    """Hold one order that the venue took, with everything that became of it."""

    request: OrderRequest
    placed_ns: int
    seen: ObservedOrder


class VenueTruth:
    """Follow *engine*. *placed* holds every order ever taken, in order; *trades* every own trade, with its time."""

    def __init__(self, engine: MatchingEngine) -> None:
        self._engine = engine
        self.placed: list[PlacedOrder] = []
        self.trades: list[tuple[int, Fill]] = []
        self._trades: dict[str, tuple[list[int], list[Fill]]] = {}
        self._by_name: dict[str, PlacedOrder] = {}
        self._order_times: dict[str, list[int]] = {}
        self._orders: dict[str, list[ObservedOrder]] = {}
        self._state_times: list[int] = []
        self._states: list[tuple[tuple[ObservedOrder, ...], Balances]] = []
        self.note_state(0)

    @property
    def last_ns(self) -> int:
        """Return when something last changed."""
        return self._state_times[-1]

    def take(self, request: OrderRequest, answer: OrderAcknowledged, time_ns: int) -> None:
        """Note that the venue took an order."""
        seen = order_taken(request, answer)
        order = PlacedOrder(request, time_ns, seen)
        self.placed.append(order)
        self._by_name[request.client_order_id] = order
        self._change(order, seen, time_ns)

    def note(self, events: Iterable[Event], time_ns: int) -> None:
        """Note what the matching engine did to orders it had taken."""
        for event in events:
            match event:
                case OrderFilled(fill=fill):
                    self.trades.append((time_ns, fill))
                    times, fills = self._trades.setdefault(fill.symbol, ([], []))
                    times.append(time_ns)
                    fills.append(fill)
                    self._follow(fill.client_order_id, event, time_ns)
                case OrderCanceled(client_order_id=name) | OrderExpired(client_order_id=name):
                    self._follow(name, event, time_ns)
                case _:
                    pass

    def note_state(self, time_ns: int) -> None:
        """Note what the account looks like now."""
        balances = tuple((asset, *amounts) for asset, amounts in self._engine.balances().items())
        times = self._state_times
        times.append(time_ns)
        self._states.append((self._engine.open_orders(), balances))
        if len(times) >= _STATES_KEPT and times[_STATES_KEPT // 2] < time_ns - _LAG_NS_MAX:
            del times[: _STATES_KEPT // 2], self._states[: _STATES_KEPT // 2]

    def order_at(self, client_order_id: str, time_ns: int) -> ObservedOrder | None:
        """Return the newest order of that name as it was at *time_ns*; `None` where none was known then."""
        times = self._order_times.get(client_order_id, [])
        position = bisect_right(times, time_ns)
        return self._orders[client_order_id][position - 1] if position else None

    def open_orders_at(self, time_ns: int) -> tuple[ObservedOrder, ...]:
        """Return the open orders of *time_ns*, which lies an hour back at most."""
        return self._state_at(time_ns)[0]

    def balances_at(self, time_ns: int) -> Balances:
        """Return (asset, free, locked) of *time_ns*, which lies an hour back at most."""
        return self._state_at(time_ns)[1]

    def trades_at(self, time_ns: int, symbol: str, after: str) -> list[Fill]:
        """Return the own trades of *symbol* after the trade id *after*, as known at *time_ns*."""
        times, fills = self._trades.get(symbol, ([], []))
        first = int(after) if after else 0  # Ids count a symbol's trades from 1.
        return fills[first : bisect_right(times, time_ns)]

    def has_trade(self, fill: Fill) -> bool:
        """Return whether that trade happened."""
        _, fills = self._trades.get(fill.symbol, ([], []))
        number = int(fill.trade_id)
        return 0 < number <= len(fills) and fills[number - 1].client_order_id == fill.client_order_id

    def _state_at(self, time_ns: int) -> tuple[tuple[ObservedOrder, ...], Balances]:
        return self._states[max(0, bisect_right(self._state_times, time_ns) - 1)]

    def _follow(self, client_order_id: str, change: Change, time_ns: int) -> None:
        order = self._by_name[client_order_id]
        self._change(order, order_after(order.seen, change), time_ns)

    def _change(self, order: PlacedOrder, seen: ObservedOrder, time_ns: int) -> None:
        order.seen = seen
        name = order.request.client_order_id
        self._order_times.setdefault(name, []).append(time_ns)
        self._orders.setdefault(name, []).append(seen)
