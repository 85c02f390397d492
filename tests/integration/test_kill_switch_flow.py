"""Whatever closes the gate stops orders in the same event, and an order that was decided before it does not leave."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from attrs import frozen

from meva_adapters.logs.redaction import Redactor
from meva_core.commands import CancelAllOrders, PlaceOrder, RaiseAlert
from meva_core.events import (
    Event,
    KillReleaseRequested,
    KillRequested,
    OrderAcknowledged,
    OrderRejected,
    PauseRequested,
    ResumeRequested,
    TradeReceived,
)
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.model.order import OrderStatus, OrderType
from meva_core.model.state import Gate
from meva_core.ops.log_records import ControlAnswered, OrderUpdated, RiskDecided
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.composition import ConfiguredStrategy, compose_agent, compose_venue
from meva_runners.replaying.performer import SimulatedPerformer
from tests.replay.case import config

START_NS = 1_700_000_000_000_000_000
NOON_NS = 1_700_049_600_000_000_000  # 2023-11-15T12:00:00Z


@frozen
class Always:
    """Want to buy at every trade, by a limit far below so that orders rest, or at the market."""

    limit: Decimal | None = None
    quantity: Decimal = Decimal("0.1")
    timeframe: str | None = None

    def features(self) -> dict[str, Any]:
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        return True

    def generate_signal(self, ctx: SignalContext) -> Signal:
        kind = OrderType.MARKET if self.limit is None else OrderType.LIMIT
        return Signal(Side.BUY, self.quantity, "always", type=kind, limit_price=self.limit)


class Bench:
    """Drive one agent on one simulated venue by hand."""

    def __init__(self, *overrides: str, limit: str | None = "29900") -> None:
        self.settings = config(*overrides)
        strategy = Always(None if limit is None else Decimal(limit))
        self.agent = compose_agent(self.settings, [ConfiguredStrategy("sma_cross", strategy)])
        self.venue = compose_venue(self.settings)
        self.performer = SimulatedPerformer(self.venue, self.agent.permits)
        self.records: list[Any] = []
        self.commands: list[Any] = []

    def give(self, event: Event, *, perform: bool = True) -> list[Any]:
        """Handle *event* and everything that follows; return the commands of the event itself."""
        outcome = self.agent.handle(event)
        self.records += outcome.records
        if perform:
            self.perform(list(outcome.commands), event.time_ns)
        return list(outcome.commands)

    def perform(self, commands: list[Any], time_ns: int) -> None:
        """Perform *commands* and handle the answers."""
        for command in commands:
            self.commands.append(command)
            for answer in self.performer.perform(command, time_ns):
                self.give(answer)

    def trade(self, second: int, price: int = 3_000_000, *, perform: bool = True) -> list[Any]:
        """Let a trade print at the venue and reach the agent."""
        time_ns = START_NS + second * NS_PER_SECOND
        event = TradeReceived(time_ns, "BTC/USDT", price, 1_000, Side.SELL)
        for answer in self.venue.market("BTC/USDT").on_trade(time_ns, price, 1_000, Side.SELL):
            self.give(answer)
        return self.give(event, perform=perform)

    @property
    def flags(self) -> Any:
        """Return the runtime flags."""
        return self.agent.state().runtime_flags

    @property
    def placed(self) -> int:
        """Return how many orders reached the venue."""
        return sum(isinstance(command, PlaceOrder) for command in self.commands)


def at(second: int) -> int:
    """Return a time of the test."""
    return START_NS + second * NS_PER_SECOND


def test_a_kill_cancels_everything_and_stays() -> None:
    """No order leaves after it, open ones are taken off the book, and a person is told once."""
    bench = Bench()
    for second in range(3):
        bench.trade(second)
    open_before = len(bench.venue.open_orders())
    commands = bench.give(KillRequested(at(3), "k-1", "ann", "test"))
    placed = bench.placed
    for second in range(4, 30):
        bench.trade(second)

    assert open_before == 3
    assert [CancelAllOrders, RaiseAlert] == [type(command) for command in commands]
    assert () == bench.venue.open_orders()
    assert {} == bench.agent.state().open_orders
    assert placed == bench.placed
    assert Gate.KILLED is bench.flags.gate
    assert bench.flags.kill_switch_active


def test_killing_again_changes_nothing() -> None:
    """The switch is safe under repetition (invariant I14)."""
    bench = Bench()
    bench.trade(0)
    bench.give(KillRequested(at(1), "k-1", "ann", "first"))
    before = bench.agent.state_hash()
    again = [bench.give(KillRequested(at(1), f"k-{n}", "bob", "again")) for n in range(2, 5)]

    assert [[], [], []] == again
    assert "first" in bench.flags.pause_reason
    assert bench.flags.gate_epoch == 1
    assert before != bench.agent.state_hash()  # The events themselves are counted.


def test_an_order_decided_before_a_kill_does_not_leave_after_it() -> None:
    """Between decision and hand-over the gate is asked once more, and the reservation is released."""
    bench = Bench()
    pending = bench.trade(0, perform=False)
    bench.give(KillRequested(at(1), "k-1", "ann", "test"))
    bench.perform(pending, at(1))
    state = bench.agent.state()

    assert [PlaceOrder] == [type(command) for command in pending]
    assert () == bench.venue.open_orders()
    assert OrderStatus.DENIED is [each for each in bench.records if isinstance(each, OrderUpdated)][-1].status
    assert {} == state.open_orders
    assert 0 == state.balances["USDT"].locked


def test_release_needs_the_current_epoch() -> None:
    """Nobody resumes what they have not looked at."""
    bench = Bench()
    bench.trade(0)
    bench.give(KillRequested(at(1), "k-1", "ann", "test"))
    bench.give(KillReleaseRequested(at(2), "r-1", "ann", expected_epoch=0))
    refused = bench.flags.gate
    bench.give(KillReleaseRequested(at(3), "r-2", "ann", expected_epoch=bench.flags.gate_epoch))
    answers = [each.refusal for each in bench.records if isinstance(each, ControlAnswered)]

    assert Gate.KILLED is refused
    assert Gate.OPEN is bench.flags.gate
    assert ["", "the gate's epoch is 1, not 0: look again", ""] == answers


def test_the_reason_of_an_operator_stands_in_the_log_whole() -> None:
    """Operators are named after the token they came with, and what they say is no secret of it."""
    bench = Bench()
    bench.trade(0)
    commands = bench.give(KillRequested(at(1), "k-1", "root by stop-token", "prices look wrong"))
    [alert] = [command for command in commands if isinstance(command, RaiseAlert)]

    assert "prices look wrong" in Redactor().text(alert.message)


def test_a_pause_keeps_resting_orders_and_a_resume_lifts_it() -> None:
    """A pause by hand stops new orders and nothing else."""
    bench = Bench()
    bench.trade(0)
    bench.give(PauseRequested(at(1), "p-1", "ann", "lunch"))
    for second in range(2, 20):
        bench.trade(second)
    resting, placed = len(bench.venue.open_orders()), bench.placed
    bench.give(ResumeRequested(at(20), "p-2", "ann", expected_epoch=bench.flags.gate_epoch))
    bench.trade(21)

    assert (1, 1) == (resting, placed)
    assert 2 == bench.placed


@pytest.mark.parametrize(
    ("limit", "gate", "code"),
    [
        ("risk.daily_loss_limit=20", Gate.PAUSED, "daily_loss"),
        ("risk.max_drawdown_limit=20", Gate.KILLED, "drawdown"),
    ],
)
def test_a_broken_loss_limit_closes_the_gate_in_the_same_event(limit: str, gate: Gate, code: str) -> None:
    """The trade that makes the loss visible is the one that stops trading (invariant I15)."""
    bench = Bench("risk.daily_loss_limit=100000", "risk.max_drawdown_limit=100000", limit, limit=None)
    bench.trade(0)
    bench.trade(1)  # Fills 0.1 at 30,000: three dollars of fee, a loss of 20 needs a fall of 170.
    bench.trade(2, 2_990_000)
    fine = bench.flags.gate
    commands = bench.trade(3, 2_970_000)
    placed = bench.placed
    for second in range(4, 40):
        bench.trade(second, 2_970_000)

    assert Gate.OPEN is fine
    assert gate is bench.flags.gate
    assert [code] == list(bench.flags.markers)
    assert CancelAllOrders in [type(command) for command in commands]
    assert PlaceOrder not in [type(command) for command in commands]
    assert placed == bench.placed


def test_a_daily_loss_halt_ends_by_hand_on_another_day() -> None:
    """On the same day a resume is refused; on the next it is granted."""
    bench = Bench("risk.daily_loss_limit=20", "risk.max_drawdown_limit=100000", limit=None)
    bench.trade(0)
    bench.trade(1)
    bench.trade(2, 2_970_000)
    bench.give(ResumeRequested(at(3), "r-1", "ann", expected_epoch=bench.flags.gate_epoch))
    same_day = bench.flags.gate
    bench.trade(86_400, 2_970_000)
    next_day = bench.flags.gate
    bench.give(ResumeRequested(at(86_401), "r-2", "ann", expected_epoch=bench.flags.gate_epoch))

    assert (Gate.PAUSED, Gate.PAUSED, Gate.OPEN) == (same_day, next_day, bench.flags.gate)


def test_a_daily_loss_halt_can_end_with_the_day() -> None:
    """Where configured, the new day lifts it."""
    bench = Bench(
        "risk.daily_loss_limit=20",
        "risk.max_drawdown_limit=100000",
        "risk.resume_after_daily_loss=true",
        limit=None,
    )
    bench.trade(0)
    bench.trade(1)
    bench.trade(2, 2_970_000)
    halted = bench.flags.gate
    bench.trade(86_400, 2_970_000)

    assert (Gate.PAUSED, Gate.OPEN) == (halted, bench.flags.gate)


def test_consecutive_rejects_open_the_breaker_and_time_closes_it() -> None:
    """Five refusals in a row pause trading; after the cool-down it goes on by itself."""
    bench = Bench()
    for second in range(5):
        [place] = bench.trade(second, perform=False)
        bench.give(OrderRejected(at(second), place.request.client_order_id, "FILTER", "no"))
    paused = bench.flags.gate
    bench.trade(100, perform=False)
    still = bench.flags.gate
    bench.trade(305, perform=False)

    assert (Gate.PAUSED, Gate.PAUSED, Gate.OPEN) == (paused, still, bench.flags.gate)


def test_an_accepted_order_starts_the_count_of_rejects_anew() -> None:
    """Only refusals in a row count."""
    bench = Bench()
    for second in range(12):
        [place] = bench.trade(second, perform=False)
        order = place.request.client_order_id
        answer = OrderRejected(at(second), order, "FILTER", "no")
        bench.give(OrderAcknowledged(at(second), order, str(second)) if second % 4 == 3 else answer)

    assert Gate.OPEN is bench.flags.gate


def test_a_runaway_strategy_closes_the_gate_itself() -> None:
    """Reaching the repeat limit is no opinion but a loop (fault F4)."""
    bench = Bench("risk.max_repeated_orders=4", "risk.max_open_orders=100")
    for second in range(10):
        bench.trade(second)
    refusals = [each for each in bench.records if isinstance(each, RiskDecided) and not each.approved]

    assert 4 == bench.placed
    assert ("repeated_order",) == refusals[0].codes
    assert ["runaway_orders"] == list(bench.flags.markers)
    assert () == bench.venue.open_orders()
