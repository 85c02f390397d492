"""Measure what only a running agent can: how late and old the market is, what is asked again; decide nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.agent.venue_watch import CANCEL_AGAIN
from meva_core.commands import CancelAllOrders, CancelOrder, Command, QueryOrder
from meva_core.events import BookChanged, Event, TradeReceived
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND
from meva_core.ports.metrics import MetricsSink

# Ten a second and symbol draw the distribution; two thousand would only cost.
_SAMPLE_NS: Final = NS_PER_SECOND // 10
# Orders are bounded by the risk limits; of more than these the first questions are forgotten.
_ASKED_MAX: Final = 1_000


class LiveMeasurements:
    """Be an observer of every event, and beat with the agent. *now_ns* is the agent's clock."""

    def __init__(self, sink: MetricsSink, agent: AgentOrchestrator, now_ns: Callable[[], int]) -> None:
        self._sink = sink
        self._agent = agent
        self._now_ns = now_ns
        self._sampled_ns: dict[str, int] = {}
        self._asked: OrderedDict[tuple[type, str], None] = OrderedDict()
        # What has not happened yet is 0, and not unknown.
        sink.incr("order_retry_total", 0)
        sink.incr("tick_failures_total", 0)

    def observe(self, event: Event, outcome: Outcome) -> None:
        """Take note of one event and what followed from it."""
        if isinstance(event, TradeReceived | BookChanged) and event.venue_time_ns:
            self._sample(event.symbol, event.time_ns, event.time_ns - event.venue_time_ns)
        for command in outcome.commands:
            if self._is_repeated(command):
                self._sink.incr("order_retry_total")

    def tick(self, took_ns: int) -> None:
        """Take how long the agent took for one event that led to something."""
        self._sink.timing_ms("tick_duration_ms", took_ns / NS_PER_MS)

    def fail(self) -> None:
        """Take note that a tick ended in an error."""
        self._sink.incr("tick_failures_total")

    def beat(self, late_ns: int) -> None:
        """Measure levels."""
        self._sink.timing_ms("heartbeat_lag_ms", late_ns / NS_PER_MS)
        market_data, now_ns = self._agent.services.market_data, self._now_ns()
        for symbol in market_data.symbols:
            heard_ns = market_data.market(symbol).last_ns
            if heard_ns:
                age_s = max(0, now_ns - heard_ns) / NS_PER_SECOND
                self._sink.gauge("md_staleness_s", age_s, {"symbol": symbol})

    def _sample(self, symbol: str, time_ns: int, latency_ns: int) -> None:
        if time_ns - self._sampled_ns.get(symbol, 0) >= _SAMPLE_NS:
            self._sampled_ns[symbol] = time_ns
            # Below 0 the clocks differ by more than the way takes: the offset is measured elsewhere.
            self._sink.timing_ms("md_latency_ms", max(0, latency_ns) / NS_PER_MS, {"symbol": symbol})

    def _is_repeated(self, command: Command) -> bool:
        """Return whether the same was asked before; a cancel-all that is repeated says so itself."""
        if isinstance(command, CancelAllOrders):
            return command.reason == CANCEL_AGAIN
        if not isinstance(command, QueryOrder | CancelOrder):
            return False
        key = (type(command), command.client_order_id)
        if key in self._asked:
            return True
        self._asked[key] = None
        if len(self._asked) > _ASKED_MAX:
            self._asked.popitem(last=False)
        return False
