"""Every trigger reaches a real receiver from its real cause in a whole agent, once, within five seconds.

Alert 8, the missing heartbeat, comes from outside the agent: see tests/integration/watchdog.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from heapq import heappop, heappush
from typing import Any, Final

import pytest

from meva_adapters.alerts.delivery import AlertDelivery
from meva_adapters.alerts.webhook import WebhookAlertSink
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.commands import PlaceOrder, RaiseAlert, SetTimer
from meva_core.events import (
    AgentStarted,
    ClockMeasured,
    CostRecorded,
    Event,
    KillRequested,
    MarketStatusChanged,
    OrderOutcomeUnknown,
    OrderRejected,
    PauseRequested,
    RequestFailed,
    StreamConnected,
    TimerFired,
    TradeReceived,
    VenueStateObserved,
)
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.ops.log_records import AlertRaised
from meva_core.ports.exchange import VenueCapabilities
from meva_runners.composition import ConfiguredStrategy, compose_agent
from tests.integration.alerts.test_alert_channels import receiving
from tests.integration.test_kill_switch_flow import Always
from tests.replay.case import config

START_NS: Final = 1_700_000_000_000_000_000
ALERT_NS_MAX: Final = 5 * NS_PER_SECOND
# One coin is held, so that the account follows the price without an order.
HOLDINGS: Final = "exchange.balances={USDT: 100000, BTC: 1}"


class Bench:
    """Run one agent in virtual time, with its timers; alerts go to a real delivery."""

    def __init__(self, delivery: AlertDelivery, *overrides: str) -> None:
        self._settings = config(HOLDINGS, *overrides)
        self.agent = self._agent()
        self.now_ns = START_NS
        self.orders: list[str] = []
        self.raised_ns: dict[tuple[str, str], list[int]] = {}
        self._delivery = delivery
        self._timers: list[tuple[int, str]] = []

    def restart(self) -> None:
        """Take the agent up from its own checkpoint; the timers of the old process are gone."""
        self.agent = self._agent(self.agent.checkpoint())
        self._timers.clear()

    def _agent(self, checkpoint: dict[str, Any] | None = None) -> AgentOrchestrator:
        strategy = ConfiguredStrategy("sma_cross", Always(Decimal(29_900), Decimal("0.01")))
        venue = VenueCapabilities(request_window_ms=5_000)
        return compose_agent(self._settings, [strategy], checkpoint=checkpoint, capabilities=venue)

    def hear(self, event: Event) -> None:
        """Handle *event*, which is now."""
        outcome = self.agent.handle(event)
        for command in outcome.commands:
            if isinstance(command, RaiseAlert):
                self._delivery.raise_alert(command)
            elif isinstance(command, SetTimer):
                heappush(self._timers, (command.due_ns, command.name))
            elif isinstance(command, PlaceOrder):
                self.orders.append(command.request.client_order_id)
        for record in outcome.records:
            if isinstance(record, AlertRaised):
                cause = (record.alert.code, record.alert.subject)
                self.raised_ns.setdefault(cause, []).append(record.time_ns)

    def wait(self, seconds: float) -> None:
        """Let virtual time pass, and fire the timers that become due."""
        end_ns = self.now_ns + int(seconds * NS_PER_SECOND)
        while self._timers and self._timers[0][0] <= end_ns:
            due_ns, name = heappop(self._timers)
            self.now_ns = max(self.now_ns, due_ns)
            self.hear(TimerFired(self.now_ns, name))
        self.now_ns = end_ns

    def trade(self, price: int = 30_000) -> None:
        """Let a second pass, and a trade print."""
        self.wait(1)
        self.hear(TradeReceived(self.now_ns, "BTC/USDT", price * 100, 1_000, Side.SELL))

    def start(self) -> None:
        """Take the agent up, with a clean comparison."""
        self.hear(AgentStarted(self.now_ns))
        self.wait(0.1)
        self.hear(StreamConnected(self.now_ns, "user"))
        self.compare()

    def compare(self, **changed: str) -> None:
        """Let the venue say what the books say, but for *changed* balances."""
        self.wait(0.1)
        held = {name: balance.total for name, balance in self.agent.state().balances.items()}
        held |= {name: Decimal(amount) for name, amount in changed.items()}
        balances = tuple((name, amount, Decimal(0)) for name, amount in held.items())
        asked_ns = self.now_ns - NS_PER_SECOND // 20
        self.hear(VenueStateObserved(self.now_ns, self.now_ns, (), (), balances, asked_ns))


def kill(bench: Bench) -> int:
    """Kill, and kill again."""
    bench.trade()
    for name in ("k-1", "k-2"):
        bench.hear(KillRequested(bench.now_ns, name, "ann", "prices look wrong"))
    return bench.now_ns


def daily_loss(bench: Bench) -> int:
    """Let the price fall by 300 within the day; 200 were allowed."""
    bench.trade()
    bench.trade(29_700)
    fell_ns = bench.now_ns
    bench.trade(29_690)
    return fell_ns


def drawdown(bench: Bench) -> int:
    """Let the price fall by 700 from its peak; 500 were allowed, and the day may lose more."""
    bench.trade()
    bench.trade(29_300)
    fell_ns = bench.now_ns
    bench.trade(29_290)
    return fell_ns


def silence(bench: Bench) -> int:
    """Hear nothing of either market; data is too old for orders after ten seconds."""
    bench.start()
    bench.trade()
    stale_ns = bench.now_ns + 10 * NS_PER_SECOND
    bench.wait(60)
    return stale_ns


def rejects(bench: Bench) -> int:
    """Let the venue refuse five orders in a row."""
    for _ in range(5):
        bench.trade()
        bench.hear(OrderRejected(bench.now_ns, bench.orders[-1], "-2010", "no"))
    return bench.now_ns


def retries(bench: Bench) -> int:
    """Let five questions in a row get no answer, and then two more."""
    bench.start()
    for number in range(7):
        bench.wait(0.1)
        bench.hear(RequestFailed(bench.now_ns, "observe", "", "timeout"))
        if number == 4:
            visible_ns = bench.now_ns
    return visible_ns


def drift(bench: Bench) -> int:
    """Let the venue hold less than the books say, for longer than its answers can lag."""
    bench.start()
    bench.compare(BTC="0.5")
    bench.wait(59)
    bench.compare(BTC="0.5")
    bench.wait(2)
    bench.compare(BTC="0.5")
    lasted_ns = bench.now_ns
    bench.compare(BTC="0.5")
    return lasted_ns


def deficit(bench: Bench) -> int:
    """Have costs and no gain, at two closes of the day."""
    bench.trade()
    bench.hear(CostRecorded(bench.now_ns, "c-1", "hosting", "USDT", Decimal(20), ""))
    bench.wait(86_400)
    bench.trade()
    closed_ns = bench.now_ns
    bench.wait(86_400)
    bench.trade()
    return closed_ns


def unknown(bench: Bench) -> int:
    """Leave every question about an unknown order unanswered until its fence has passed."""
    bench.start()
    bench.trade()
    bench.hear(OrderOutcomeUnknown(bench.now_ns, bench.orders[-1], "no answer"))
    overdue_ns = bench.now_ns + 75 * NS_PER_SECOND
    bench.wait(120)
    return overdue_ns


def halt(bench: Bench) -> int:
    """Let the venue close a market, and say so twice."""
    bench.start()
    for reason in ("BREAK", "HALT"):
        bench.hear(MarketStatusChanged(bench.now_ns, "BTC/USDT", False, reason))
    return bench.now_ns


def clock(bench: Bench) -> int:
    """Find the clocks two seconds apart, twice."""
    bench.start()
    for _ in range(2):
        bench.hear(ClockMeasured(bench.now_ns, 2 * NS_PER_SECOND))
    return bench.now_ns


def pause(bench: Bench) -> int:
    """Pause."""
    bench.trade()
    bench.hear(PauseRequested(bench.now_ns, "p", "ann", "lunch"))
    return bench.now_ns


CAUSES: Final[dict[str, tuple[Callable[[Bench], int], str, str, str]]] = {
    "1 kill switch": (kill, "critical", "kill_switch", ""),
    "2 daily loss": (daily_loss, "critical", "daily_loss", ""),
    "3 drawdown": (drawdown, "critical", "drawdown", ""),
    "4 stale market data": (silence, "high", "stale_data", "BTC/USDT"),
    "5 consecutive rejects": (rejects, "high", "circuit_breaker", ""),
    "5 consecutive retries": (retries, "high", "venue_no_answer", ""),
    "6 unresolved drift": (drift, "critical", "venue_mismatch", ""),
    "7 negative surplus": (deficit, "medium", "surplus_negative", ""),
    "I28 unknown order": (unknown, "high", "order_unknown", "*"),
    "I28 gate by clock": (clock, "high", "clock_offset", ""),
    "I28 gate by operator": (pause, "info", "operator_pause", ""),
    "halted market": (halt, "high", "market_halted", "BTC/USDT"),
}
OVERRIDES: Final = {
    "3 drawdown": ("risk.daily_loss_limit=5000",),
    "4 stale market data": ("risk.max_data_age_ms=10000", "observability.stale_alert_s=3"),
}


@pytest.mark.parametrize("name", CAUSES)
async def test_each_cause_reaches_a_person_once_and_in_time(name: str) -> None:
    """One message per cause, of the right level, raised at most five seconds after the cause became visible."""
    cause, level, code, subject = CAUSES[name]
    async with receiving() as receiver:
        delivery = AlertDelivery({"hook": WebhookAlertSink(receiver.address)})
        delivery.start()
        bench = Bench(delivery, *OVERRIDES.get(name, ()))
        visible_ns = cause(bench)
        subject = bench.orders[-1] if subject == "*" else subject
        await delivery.stop()
    told = [body for body in receiver.bodies if (body["code"], body["subject"]) == (code, subject)]

    assert [level] == [body["level"] for body in told]
    [raised_ns] = bench.raised_ns[code, subject]
    assert 0 <= raised_ns - visible_ns <= ALERT_NS_MAX


async def test_a_market_that_comes_back_and_falls_silent_again_is_told_again() -> None:
    """Deduplication is by cause, and a cause that ended is no more."""
    async with receiving() as receiver:
        delivery = AlertDelivery({"hook": WebhookAlertSink(receiver.address)})
        delivery.start()
        bench = Bench(delivery, "risk.max_data_age_ms=10000")
        silence(bench)
        for _ in range(30):
            bench.trade()
        bench.wait(30)
        await delivery.stop()
    told = [body["subject"] for body in receiver.bodies if body["code"] == "stale_data"]

    assert 2 == told.count("BTC/USDT")
    assert 1 == told.count("ETH/USDT")


@pytest.mark.parametrize("answered", [True, False])
async def test_an_answer_ends_the_count_of_those_that_did_not_come(answered: bool) -> None:
    """Four failures, an answer and four more are no alert; eight without an answer are one, also over a restart."""
    bench = Bench(AlertDelivery({}))
    bench.start()
    for number in range(8):
        bench.hear(RequestFailed(bench.now_ns, "observe", "", "timeout"))
        if number == 3:
            bench.restart()
            if answered:
                bench.compare()

    assert answered == (("venue_no_answer", "") not in bench.raised_ns)


async def test_silence_of_a_recording_is_no_alert() -> None:
    """Without a start there is no watch: a tape with a hole of an hour calls nobody."""
    bench = Bench(AlertDelivery({}))
    bench.trade()
    bench.wait(3_600)
    bench.trade()

    assert {} == bench.raised_ns


async def test_the_watch_survives_a_restart_of_the_process() -> None:
    """A timer that the journal still holds finds the watch of the checkpoint awake (I19)."""
    bench = Bench(AlertDelivery({}), "risk.max_data_age_ms=10000")
    bench.start()
    bench.restart()
    bench.wait(60)
    bench.hear(TimerFired(bench.now_ns, "market_watch"))

    assert {("stale_data", "BTC/USDT"), ("stale_data", "ETH/USDT")} <= set(bench.raised_ns)
