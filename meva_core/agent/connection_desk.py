"""Take what happens to connections, clock and process; it moves no order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

from meva_core.agent.market_path import MarketPath
from meva_core.agent.market_watch import MarketWatch
from meva_core.agent.runtime_state import Runtime
from meva_core.agent.venue_watch import USER_STREAM, VenueWatch
from meva_core.commands import AlertLevel
from meva_core.events import (
    AgentStarted,
    ClockMeasured,
    ConnectivityEvent,
    MarketStatusChanged,
    StreamConnected,
    StreamGapDetected,
    StreamLost,
)
from meva_core.model.market import NS_PER_MS
from meva_core.model.state import Gate, GateMarker
from meva_core.ops.alerts import AlertService
from meva_core.ops.log_records import AlertRaised
from meva_core.risk.gate import CLOCK_OFFSET, TradingGate

MARKET_HALTED: Final = "market_halted"

_ACTOR: Final = "connection_desk"


class ConnectionDesk:
    """Keep the canonical connectivity, and say to markets and venue watch what a loss means for them."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        gate: TradingGate,
        alerts: AlertService,
        watch: VenueWatch,
        market_watch: MarketWatch,
        paths: Mapping[str, MarketPath],
        clock_offset_max_ns: int,
    ) -> None:
        self._runtime = runtime
        self._gate = gate
        self._alerts = alerts
        self._watch = watch
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
                self._watch.start(event)
                self._market_watch.start(event.time_ns)
            case ClockMeasured():
                connectivity.clock_offset_ns = event.offset_ns
                self._judge_clock(event)
            case MarketStatusChanged():
                self._take_status(event)
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

    def _take_status(self, event: MarketStatusChanged) -> None:
        """Send nothing to a market that takes nothing, or whose rules we do not know; look at what is open there."""
        halted, runtime = self._runtime.state.connectivity.halted, self._runtime
        if event.tradable is (event.symbol not in halted):
            return  # It is as we know it.
        if event.tradable:
            del halted[event.symbol]
            self._alerts.clear(MARKET_HALTED, subject=event.symbol)
        else:
            halted[event.symbol] = event.reason
            text = f"{event.symbol} takes no orders from us: {event.reason}"
            alert = self._alerts.trigger(
                AlertLevel.HIGH, MARKET_HALTED, text, time_ns=event.time_ns, subject=event.symbol
            )
            if alert is not None:
                runtime.outbox.command(alert, f"alert {MARKET_HALTED} {event.symbol}")
                runtime.outbox.record(AlertRaised(event.time_ns, alert))
        self._watch.look(f"{event.symbol}: {event.reason}")

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
