"""Open questions to the venue are asked until they are answered, and nothing is traded on doubtful books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import evolve, frozen

from meva_adapters.storage.codec import decode, encode
from meva_core.commands import (
    CancelAllOrders,
    Command,
    ObserveVenue,
    PlaceOrder,
    QueryOrder,
    RaiseAlert,
    SetTimer,
)
from meva_core.events import (
    AgentStarted,
    ClockMeasured,
    Event,
    KillReleaseRequested,
    KillRequested,
    MarketRulesChanged,
    MarketStatusChanged,
    ObservedOrder,
    OrderAcknowledged,
    OrderCanceled,
    OrderCancelRequested,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    RequestFailed,
    StreamConnected,
    StreamLost,
    TimerFired,
    TradeReceived,
    VenueStateObserved,
)
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.model.order import OrderStatus
from meva_core.model.state import Gate
from meva_core.ops.log_records import ControlAnswered, OrderUpdated
from meva_core.ports.exchange import VenueCapabilities
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.composition import ConfiguredStrategy, compose_agent
from tests.replay.case import config

START_NS = 1_700_000_000_000_000_000
FENCE_S = 5 + 60


@frozen
class BuyMore:
    """Buy a hundredth at every trade."""

    timeframe: str | None = None

    def features(self) -> dict[str, Any]:
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        return True

    def generate_signal(self, ctx: SignalContext) -> Signal:
        return Signal(Side.BUY, Decimal("0.01"), "more")


def at(second: float) -> int:
    """Return a time."""
    return START_NS + int(second * NS_PER_SECOND)


class Bench:
    """Give events to one agent that has compared clean, and remember what it wants and says."""

    def __init__(self) -> None:
        self.agent = compose_agent(
            config(),
            [ConfiguredStrategy("sma_cross", BuyMore())],
            capabilities=VenueCapabilities(request_window_ms=5_000),
        )
        self.records: list[Any] = []
        self.hear(AgentStarted(at(0)))
        self.hear(StreamConnected(at(0.1), "user"))
        self.agree(0.5)

    def hear(self, event: Event) -> tuple[Command, ...]:
        """Handle one event."""
        outcome = self.agent.handle(event)
        self.records += outcome.records
        return outcome.commands

    def agree(self, second: float, *orders: ObservedOrder, **changed: str) -> tuple[Command, ...]:
        """Let the venue report what the books say, but for *changed* balances."""
        held = {name: balance.total for name, balance in self.agent.state().balances.items()}
        held |= {name: Decimal(amount) for name, amount in changed.items()}
        balances = tuple((name, amount, Decimal(0)) for name, amount in held.items())
        return self.hear(VenueStateObserved(at(second), at(second), orders, (), balances, at(second - 0.05)))

    def trade(self, second: float, symbol: str = "BTC/USDT") -> list[PlaceOrder]:
        """Let a trade print, and return the orders that it leads to."""
        commands = self.hear(TradeReceived(at(second), symbol, 3_000_000, 1, Side.BUY, -1))
        return [command for command in commands if isinstance(command, PlaceOrder)]

    def placed(self, second: float) -> PlaceOrder:
        """Return the order that a trade leads to."""
        [order] = self.trade(second)
        return order

    def answer(self, order: PlaceOrder, second: float, status: str | None, *fills: Fill) -> None:
        """Let the venue say what it knows of *order*."""
        seen = None if status is None else seen_as(order, status, sum(fill.quantity for fill in fills))
        name = order.request.client_order_id
        self.hear(OrderQueryAnswered(at(second), at(second), at(second - 0.05), name, seen, fills))

    def status(self, order: PlaceOrder) -> OrderStatus:
        """Return the last status that the agent told of *order*."""
        name = order.request.client_order_id
        told = [each for each in self.records if isinstance(each, OrderUpdated)]
        return [each.status for each in told if each.request.client_order_id == name][-1]

    @property
    def gate(self) -> Gate:
        """Return the gate."""
        return self.agent.state().runtime_flags.gate

    def release(self, second: float) -> str:
        """Ask for the release of a kill with the current epoch; return the refusal."""
        return self.asked(KillReleaseRequested(at(second), f"r-{second}", "ann", self.epoch))[0]

    def asked(self, request: Event) -> tuple[str, list[ObserveVenue]]:
        """Return the refusal of *request*, and the questions to the venue that it led to."""
        commands = self.hear(request)
        refusal = [each for each in self.records if isinstance(each, ControlAnswered)][-1].refusal
        return refusal, wanted(commands, ObserveVenue)

    @property
    def epoch(self) -> int:
        """Return the gate's epoch."""
        return self.agent.state().runtime_flags.gate_epoch


def unknown(order: PlaceOrder, second: float) -> OrderOutcomeUnknown:
    """Return a timeout of *order*."""
    return OrderOutcomeUnknown(at(second), order.request.client_order_id, "no answer")


def seen_as(order: PlaceOrder, status: str, filled: object = 0) -> ObservedOrder:
    """Return *order* as the venue reports it."""
    request = order.request
    return ObservedOrder(
        request.client_order_id,
        "v1",
        request.symbol,
        request.side,
        request.quantity,
        Decimal(str(filled)),
        status,
    )


def fill_of(order: PlaceOrder, quantity: str, trade_id: str = "1") -> Fill:
    """Return a trade of *order* at 30,000."""
    request = order.request
    return Fill(
        request.symbol,
        trade_id,
        request.client_order_id,
        "v1",
        request.side,
        Decimal(30_000),
        Decimal(quantity),
        Decimal(0),
        "USDT",
        Liquidity.TAKER,
        at(1),
    )


def wanted(commands: tuple[Command, ...], kind: type) -> list[Any]:
    """Return the commands of one kind."""
    return [command for command in commands if isinstance(command, kind)]


def test_a_timeout_that_is_found_is_placed_and_never_sent_again() -> None:
    """Fault A1: one order command in all."""
    bench = Bench()
    order = bench.placed(1)
    timers = wanted(bench.hear(unknown(order, 2)), SetTimer)
    asked = wanted(bench.hear(TimerFired(timers[-1].due_ns, timers[-1].name)), QueryOrder)
    bench.answer(order, 3, "accepted")

    assert [order.request.client_order_id] == [each.client_order_id for each in asked]
    assert OrderStatus.ACCEPTED is bench.status(order)


def test_silence_is_proof_after_the_fence_and_never_before() -> None:
    """Fault A3: the reservation is free to the last digit once it is proven."""
    bench = Bench()
    order = bench.placed(1)
    bench.hear(unknown(order, 2))
    for second in (3, 10, 1 + FENCE_S - 0.001, 1 + FENCE_S):
        bench.answer(order, second, None)
        assert OrderStatus.UNKNOWN is bench.status(order)
    bench.answer(order, 1 + FENCE_S + 1, None)

    assert OrderStatus.REJECTED is bench.status(order)
    assert 0 == bench.agent.state().balances["USDT"].locked
    [record] = [each for each in bench.records if isinstance(each, OrderUpdated)][-1:]
    assert "after the fence" in record.evidence


def test_a_lagging_replica_never_ends_an_order_that_is_known_to_exist() -> None:
    """Fault A5: its venue id is evidence enough."""
    bench = Bench()
    order = bench.placed(1)
    name = order.request.client_order_id
    bench.hear(OrderAcknowledged(at(1.1), name, "v1"))
    bench.hear(OrderCancelRequested(at(2), "r", "ann", name, "no"))
    bench.hear(RequestFailed(at(3), "cancel", name, "no answer"))
    for second in range(100, 110):
        bench.answer(order, second, None)

    assert OrderStatus.PENDING_CANCEL is bench.status(order)


def test_an_unknown_order_blocks_its_symbol_alone() -> None:
    """Protocol S5."""
    bench = Bench()
    bench.trade(0.9, "ETH/USDT")
    order = bench.placed(1)
    bench.hear(unknown(order, 2))

    assert [] == bench.trade(3)
    assert 1 == len(bench.trade(3, "ETH/USDT"))


def test_a_fill_by_three_channels_counts_once() -> None:
    """Fault B2: stream, query and comparison tell the same trade."""
    bench = Bench()
    order = bench.placed(1)
    fill = fill_of(order, "0.004")
    bench.hear(OrderFilled(at(2), fill))
    bench.answer(order, 3, "partially_filled", fill)
    balances = tuple(
        (name, balance.total, Decimal(0)) for name, balance in bench.agent.state().balances.items()
    )
    there = seen_as(order, "partially_filled", "0.004")
    bench.hear(VenueStateObserved(at(4), at(4), (there,), (fill,), balances, at(3.9)))

    assert Decimal("0.004") == bench.agent.state().balances["BTC"].total
    assert Gate.OPEN is bench.gate


def test_an_answer_older_than_the_books_changes_nothing_and_is_asked_again() -> None:
    """Fault B3: the question left before the fill that the books know."""
    bench = Bench()
    order = bench.placed(1)
    bench.hear(OrderFilled(at(2), fill_of(order, "0.01")))
    old = VenueStateObserved(
        at(3), at(3), (seen_as(order, "accepted"),), (), (("USDT", Decimal(1), Decimal(0)),), at(1.5)
    )
    timers = wanted(bench.hear(old), SetTimer)

    assert Gate.OPEN is bench.gate
    assert OrderStatus.FILLED is bench.status(order)
    assert timers or wanted(bench.hear(TimerFired(at(5.5), "venue_watch")), ObserveVenue)


def test_a_fill_after_the_cancel_is_booked() -> None:
    """Fault B4: the order stays cancelled, with what filled."""
    bench = Bench()
    order = bench.placed(1)
    name = order.request.client_order_id
    bench.hear(OrderAcknowledged(at(1.1), name, "v1"))
    bench.hear(OrderCanceled(at(2), name, "on request"))
    bench.hear(OrderFilled(at(3), fill_of(order, "0.004")))

    assert OrderStatus.CANCELED is bench.status(order)
    assert Decimal("0.004") == bench.agent.state().balances["BTC"].total


def test_a_difference_stops_trading_at_once_and_for_a_person_when_it_lasts() -> None:
    """Fault B7: first it may be lag; after the cycles and the lag bound it is not. The halt names both numbers."""
    bench = Bench()
    bench.agree(10, USDT="99990")
    assert (Gate.PAUSED, []) == (bench.gate, bench.trade(10.5))
    assert "venue_mismatch" not in bench.agent.state().runtime_flags.markers
    for second in range(20, 90, 10):
        bench.agree(second, USDT="99990")
    reason = bench.agent.state().runtime_flags.markers["venue_mismatch"].reason

    assert "99990 USDT" in reason
    assert "100000" in reason


def test_a_difference_that_goes_away_lets_trading_go_on() -> None:
    """It was lag."""
    bench = Bench()
    bench.agree(10, USDT="99990")
    bench.agree(12)

    assert Gate.OPEN is bench.gate


def test_a_kill_is_repeated_until_the_venue_shows_nothing_and_released_only_then() -> None:
    """Fault F2: cancel-all may be lost, and an order may still be under way."""
    bench = Bench()
    order = bench.placed(1)
    bench.hear(OrderAcknowledged(at(1.1), order.request.client_order_id, "v1"))
    first = wanted(bench.hear(KillRequested(at(2), "k", "ann", "enough")), CancelAllOrders)
    again = wanted(bench.hear(TimerFired(at(4.1), "venue_watch")), CancelAllOrders)
    bench.agree(5, seen_as(order, "accepted"))
    refused = bench.release(6)
    third = wanted(bench.hear(TimerFired(at(7.2), "venue_watch")), CancelAllOrders)
    bench.hear(OrderCanceled(at(8), order.request.client_order_id, "on request"))
    bench.agree(9)

    assert (1, 1, 1) == (len(first), len(again), len(third))
    assert "has not confirmed" in refused
    assert "" == bench.release(10)
    assert Gate.OPEN is bench.gate


def test_a_stale_epoch_releases_nothing() -> None:
    """Who has not looked may not resume (invariant I13)."""
    bench = Bench()
    bench.hear(KillRequested(at(2), "k", "ann", "enough"))
    bench.agree(5)
    bench.hear(KillReleaseRequested(at(6), "r", "ann", 0))

    assert Gate.KILLED is bench.gate


def test_without_the_stream_of_our_orders_nothing_is_traded() -> None:
    """Fault C3: it must be up again, and books and venue must agree."""
    bench = Bench()
    bench.hear(StreamLost(at(1), "user", "closed"))
    bench.agree(2)
    lost = (bench.gate, bench.trade(2.5))
    asked = wanted(bench.hear(StreamConnected(at(3), "user")), ObserveVenue)
    bench.agree(4)

    assert (Gate.PAUSED, []) == lost
    assert 1 == len(asked)
    assert 1 == len(bench.trade(5))


def test_a_wrong_clock_stops_trading_until_it_is_right() -> None:
    """Fault C4."""
    bench = Bench()
    bench.hear(ClockMeasured(at(1), 501_000_000))
    wrong = (bench.gate, bench.trade(2))
    bench.hear(ClockMeasured(at(3), -500_000_000))

    assert (Gate.PAUSED, []) == wrong
    [order] = bench.trade(4)
    assert at(4) - 500_000_000 == order.stamp_ns


def test_a_closed_market_takes_no_orders() -> None:
    """Fault C5: other markets do; one alert."""
    bench = Bench()
    closed = MarketStatusChanged(at(1), "BTC/USDT", False, "filters changed")
    alerts = wanted(bench.hear(closed), RaiseAlert) + wanted(bench.hear(closed), RaiseAlert)

    assert 1 == len(alerts)
    assert ([], 1) == (bench.trade(2), len(bench.trade(2.5, "ETH/USDT")))
    bench.hear(MarketStatusChanged(at(3), "BTC/USDT", True, "as configured"))
    assert 1 == len(bench.trade(4))


def test_an_order_that_stays_unknown_calls_a_person_once() -> None:
    """Invariant I28."""
    bench = Bench()
    order = bench.placed(1)
    bench.hear(unknown(order, 2))
    alerts = [
        alert
        for second in range(3, 200, 5)
        for alert in wanted(bench.hear(TimerFired(at(second), "venue_watch")), RaiseAlert)
    ]

    assert ["order_unknown"] == [alert.code for alert in alerts if alert.code != "reconciling"]


def test_a_replay_has_no_venue_to_doubt() -> None:
    """Without a start nothing is asked and no timer is set."""
    agent = compose_agent(config(), [ConfiguredStrategy("sma_cross", BuyMore())])
    [order] = [
        command
        for command in agent.handle(TradeReceived(at(1), "BTC/USDT", 3_000_000, 1, Side.BUY, -1)).commands
        if isinstance(command, PlaceOrder)
    ]
    commands = agent.handle(unknown(order, 2)).commands

    assert () == commands


def test_books_that_no_answer_reaches_are_doubted() -> None:
    """Without a comparison for three intervals of half a minute trading waits, and goes on after the next."""
    bench = Bench()
    for second in (30, 60, 90):
        bench.hear(TimerFired(at(second), "venue_watch"))
        bench.hear(RequestFailed(at(second + 0.1), "observe", "", "no answer"))
    assert Gate.OPEN is bench.gate

    bench.hear(TimerFired(at(93), "venue_watch"))

    assert Gate.PAUSED is bench.gate
    assert [] == bench.trade(94)
    bench.agree(95)
    assert Gate.OPEN is bench.gate


def rules(bench: Bench, **changes: str) -> Instrument:
    """Return the rules of BTC/USDT with *changes*."""
    known = bench.agent.path("BTC/USDT").market.instrument
    return evolve(known, **{name: Decimal(value) for name, value in changes.items()})


def test_orders_follow_the_sizes_that_the_venue_takes() -> None:
    """Fault C5: an order that has become too small is not sent, and is again once the rules allow it."""
    bench = Bench()
    bench.hear(MarketRulesChanged(at(1), rules(bench, min_notional="500")))

    assert [] == bench.trade(2)
    bench.hear(MarketRulesChanged(at(3), rules(bench)))
    assert 1 == len(bench.trade(4))


def test_a_market_with_other_steps_takes_nothing_from_us() -> None:
    """The grid stays for as long as an agent runs; a market that opens meanwhile stays closed to us."""
    bench = Bench()
    told = wanted(bench.hear(MarketRulesChanged(at(1), rules(bench, tick_size="0.5"))), RaiseAlert)
    bench.hear(MarketStatusChanged(at(2), "BTC/USDT", True, "open"))

    assert ["market_rules", "market_halted"] == [alert.code for alert in told]
    assert "start the agent again" in told[1].message
    assert [] == bench.trade(3)


def test_changed_rules_survive_a_restart() -> None:
    """They are part of every checkpoint: an agent that continues from one refuses in the same words."""
    bench = Bench()
    bench.hear(MarketRulesChanged(at(1), rules(bench, min_notional="500")))
    for change in ({"min_notional": Decimal(500)}, {"lot_size": Decimal(1)}):
        bench.hear(MarketRulesChanged(at(1), evolve(rules(bench), symbol="ETH/USDT", **change)))
    continued = compose_agent(
        config(),
        [ConfiguredStrategy("sma_cross", BuyMore())],
        checkpoint=decode(encode(bench.agent.checkpoint()), source="test"),
        capabilities=VenueCapabilities(request_window_ms=5_000),
    )

    for symbol in ("BTC/USDT", "ETH/USDT"):
        trade = TradeReceived(at(2), symbol, 3_000_000, 1, Side.BUY, -1)
        expected = [line for line in bench.agent.handle(trade).decisions if line.startswith("refused")]
        assert 1 == len(expected)
        assert expected == [line for line in continued.handle(trade).decisions if line.startswith("refused")]
    continued.handle(MarketStatusChanged(at(3), "ETH/USDT", True, "open"))
    assert ["ETH/USDT"] == list(continued.state().connectivity.halted)


def test_a_kill_that_is_repeated_after_its_release_kills_again() -> None:
    """A repeated request gets its first answer, but who asks for safety again is obeyed (invariant I14)."""
    bench = Bench()
    kill = KillRequested(at(2), "k", "ann", "enough")
    bench.hear(kill)
    bench.agree(5)
    released = bench.release(6)

    bench.hear(evolve(kill, time_ns=at(7)))

    assert "" == released
    assert Gate.KILLED is bench.gate
