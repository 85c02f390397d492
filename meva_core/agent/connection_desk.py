"""Take what happens to connections, clock, disk and process; it moves no order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, assert_never

from meva_core.agent.market_path import MarketPath
from meva_core.agent.market_watch import MarketWatch
from meva_core.agent.runtime_state import Runtime
from meva_core.agent.venue_watch import USER_STREAM, VenueWatch
from meva_core.commands import AlertLevel
from meva_core.events import (
    AgentStarted,
    ClockMeasured,
    ConnectivityEvent,
    JournalCaughtUp,
    JournalStalled,
    MarketRulesChanged,
    MarketStatusChanged,
    StreamConnected,
    StreamGapDetected,
    StreamLost,
    VenueAnomalyDetected,
)
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND
from meva_core.model.state import Gate, GateMarker
from meva_core.ops.alerts import AlertService
from meva_core.risk.gate import CLOCK_OFFSET, JOURNAL_STALLED, TradingGate
from meva_core.risk.policy_service import RiskPolicyService

MARKET_HALTED: Final = "market_halted"
MARKET_RULES: Final = "market_rules"
VENUE_ANOMALY: Final = "venue_anomaly"

_ACTOR: Final = "connection_desk"
# An anomaly that comes after an hour without one of its kind is told again.
_QUIET_NS: Final = 3_600 * NS_PER_SECOND


class ConnectionDesk:
    """Keep the canonical connectivity, and say to markets and venue watch what a loss means for them."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        gate: TradingGate,
        alerts: AlertService,
        watch: VenueWatch,
        risk: RiskPolicyService,
        market_watch: MarketWatch,
        paths: Mapping[str, MarketPath],
        clock_offset_max_ns: int,
    ) -> None:
        self._runtime = runtime
        self._gate = gate
        self._alerts = alerts
        self._watch = watch
        self._risk = risk
        self._closed: dict[str, str] = {}
        self._rules: dict[str, Instrument] = {}
        self._anomalies: dict[str, int] = {}
        self._market_watch = market_watch
        self._paths = paths
        self._clock_offset_max_ns = clock_offset_max_ns

    def handle(self, event: ConnectivityEvent) -> None:
        """Take one fact."""
        connectivity = self._runtime.state.connectivity
        self._runtime.version += 1
        match event:
            case AgentStarted():
                connectivity.connected = dict.fromkeys(connectivity.connected, False)
                self._forget_markets("", self._paths)  # A feed that begins anew may number anew.
                self._gate.lift(
                    JOURNAL_STALLED, actor=_ACTOR, reason="a new process writes", time_ns=event.time_ns
                )
                self._watch.start(event)
                self._market_watch.start(event.time_ns)
            case ClockMeasured():
                connectivity.clock_offset_ns = event.offset_ns
                self._judge_clock(event)
            case JournalStalled():
                text = f"a commit has not come to its end for {event.waited_ms} ms"
                self._gate.close(GateMarker(JOURNAL_STALLED, Gate.PAUSED, text, _ACTOR, event.time_ns))
            case JournalCaughtUp():
                self._gate.lift(
                    JOURNAL_STALLED,
                    actor=_ACTOR,
                    reason="the journal is durable again",
                    time_ns=event.time_ns,
                )
            case MarketStatusChanged():
                self._take_status(event)
            case MarketRulesChanged():
                self._take_rules(event)
            case VenueAnomalyDetected():
                self._take_anomaly(event)
            case StreamConnected():
                connectivity.reconnects += event.stream in connectivity.connected
                connectivity.connected[event.stream] = True
                self._watch.on_stream(event)
            case StreamLost():
                connectivity.connected[event.stream] = False
                self._forget_markets(event.stream, self._paths)
                self._watch.on_stream(event)
            case StreamGapDetected():
                connectivity.gaps += 1
                self._forget_markets(event.stream, {event.symbol})
                self._watch.on_stream(event)
            case _:
                assert_never(event)

    def snapshot(self) -> dict[str, Any]:
        """Return the whole memory as plain values and instruments."""
        return {
            "closed": dict(self._closed),
            "rules": list(self._rules.values()),
            "anomalies": dict(self._anomalies),
        }

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Take over the memory that `snapshot` returned."""
        self._closed = dict(memory["closed"])
        self._rules = {instrument.symbol: instrument for instrument in memory["rules"]}
        self._anomalies = dict(memory.get("anomalies", {}))  # Older checkpoints know none.
        for symbol in self._rules:
            self._follow(symbol)

    def _take_status(self, event: MarketStatusChanged) -> None:
        """Remember which markets the venue has closed."""
        if event.tradable is (event.symbol not in self._closed):
            return  # It is as we know it.
        if event.tradable:
            self._closed.pop(event.symbol, None)
        else:
            self._closed[event.symbol] = event.reason
        self._judge_market(event.symbol, event.reason, event.time_ns)

    def _take_rules(self, event: MarketRulesChanged) -> None:
        """Follow the venue's rules, as far as our grid allows; nobody sizes orders by rules of yesterday (fault C5)."""
        rules = event.instrument
        symbol, configured = rules.symbol, self._paths[rules.symbol].market.instrument
        if rules == self._rules.get(symbol, configured):
            return  # It is as we know it.
        self._rules[symbol] = rules
        self._follow(symbol)
        text = f"{symbol} has other rules now: {_sizes(rules)}; configured: {_sizes(configured)}"
        self._call(MARKET_RULES, AlertLevel.MEDIUM, symbol, text, event.time_ns)
        self._alerts.clear(MARKET_RULES, subject=symbol)  # The next change is another one.
        self._judge_market(symbol, "its rules changed", event.time_ns)

    def _follow(self, symbol: str) -> None:
        """Let risk judge by the newest rules; by the configured ones while the market has another grid."""
        configured = self._paths[symbol].market.instrument
        self._risk.follow_rules(configured if self._grid_fault(symbol) else self._rules[symbol])

    def _take_anomaly(self, event: VenueAnomalyDetected) -> None:
        """Tell a person of the first of its kind; what it may mean for an order or a book is judged elsewhere."""
        kind = event.kind
        if event.time_ns - self._anomalies.get(kind, event.time_ns) >= _QUIET_NS:
            self._alerts.clear(VENUE_ANOMALY, subject=kind)
        self._anomalies[kind] = event.time_ns
        times = "" if event.count == 1 else f", {event.count} times by now"
        text = f"the venue says what is not understood ({kind}{times}): {event.detail}"
        self._call(VENUE_ANOMALY, AlertLevel.MEDIUM, kind, text, event.time_ns)

    def _judge_market(self, symbol: str, cause: str, time_ns: int) -> None:
        """Send nothing to a market that takes nothing, or on whose grid we are not; look at what is open there."""
        halted = self._runtime.state.connectivity.halted
        reason = self._closed.get(symbol) or self._grid_fault(symbol)
        if reason and symbol not in halted:
            text = f"{symbol} takes no orders from us: {reason}"
            self._call(MARKET_HALTED, AlertLevel.HIGH, symbol, text, time_ns)
        elif not reason and halted.pop(symbol, None) is not None:
            self._alerts.clear(MARKET_HALTED, subject=symbol)
        if reason:
            halted[symbol] = reason
        self._watch.look(f"{symbol}: {cause}")

    def _grid_fault(self, symbol: str) -> str:
        """Return why the venue's steps are not ours; empty when they are. Ours stay for as long as the agent runs."""
        configured = self._paths[symbol].market.instrument
        rules = self._rules.get(symbol, configured)
        if rules.has_grid_of(configured):
            return ""
        return (
            f"its steps are {rules.tick_size} and {rules.lot_size} now, not {configured.tick_size} and "
            f"{configured.lot_size}; start the agent again with these"
        )

    def _call(self, code: str, level: AlertLevel, subject: str, text: str, time_ns: int) -> None:
        alert = self._alerts.trigger(level, code, text, time_ns=time_ns, subject=subject)
        self._runtime.outbox.alert(alert, time_ns)

    def _forget_markets(self, stream: str, symbols: Mapping[str, MarketPath] | set[str]) -> None:
        """Continue no market over a hole; the stream of our orders tells nothing of markets."""
        if stream == USER_STREAM:
            return
        for symbol in symbols:
            self._paths[symbol].market.lose_stream()

    def _judge_clock(self, event: ClockMeasured) -> None:
        """Let nothing leave while the venue could take its stamp for one of another time (fault C4)."""
        bound_ns = self._clock_offset_max_ns
        if abs(event.offset_ns) <= bound_ns:
            self._gate.lift(
                CLOCK_OFFSET, actor=_ACTOR, reason="the clock is right again", time_ns=event.time_ns
            )
            return
        offset_ms, bound_ms = event.offset_ns // NS_PER_MS, bound_ns // NS_PER_MS
        text = f"the venue's clock is {offset_ms} ms off ours, at most {bound_ms} allowed"
        self._gate.close(GateMarker(CLOCK_OFFSET, Gate.PAUSED, text, _ACTOR, event.time_ns))


def _sizes(rules: Instrument) -> str:
    return (
        f"steps {rules.tick_size} and {rules.lot_size}, quantity {rules.min_quantity} to "
        f"{rules.max_quantity or 'any'}, notional {rules.min_notional} to {rules.max_notional or 'any'}"
    )
