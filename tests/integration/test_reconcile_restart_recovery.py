"""A process dies between order and answer; the next one recovers its file, asks the venue, and goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.commands import CancelOrder, Command, ObserveVenue, PlaceOrder, QueryOrder, SetTimer
from meva_core.errors import StorageError
from meva_core.events import (
    AgentStarted,
    Event,
    ObservedOrder,
    OrderAcknowledged,
    OrderCancelRequested,
    OrderQueryAnswered,
    StreamConnected,
    TimerFired,
    TradeReceived,
    VenueStateObserved,
)
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.model.order import OrderStatus
from meva_core.model.state import Gate
from meva_core.ports.exchange import VenueCapabilities
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.commit_then_act import COMMIT, CommittingAgent, recover
from meva_runners.composition import ConfiguredStrategy, compose_agent, instruments_of
from tests.replay.case import config

START_NS = 1_700_000_000_000_000_000
CAPABILITIES = VenueCapabilities(request_window_ms=5_000)


@frozen
class BuyOnce:
    """Buy a tenth as long as nothing is held or on order."""

    quantity: Decimal = Decimal("0.1")
    timeframe: str | None = None

    def features(self) -> dict[str, Any]:
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        return stance <= 0

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        return Signal(Side.BUY, self.quantity, "nothing is held")


class Process:
    """Be one life of the program on a session file."""

    def __init__(self, path: Path, *, quantity: str = "0.1") -> None:
        self.quantity = Decimal(quantity)
        exists = path.exists()
        self.session = SqliteSession.open(path) if exists else SqliteSession.create(path, HEADER)
        self.now_ns = START_NS
        agent = recover(self.session, self.compose) if exists else self.compose(None)
        self.process = CommittingAgent(
            agent,
            self.session,
            instruments=instruments_of(config()),
            now_ns=lambda: self.now_ns,
            checkpoint_events=5,
        )
        self.sent: list[Command] = []

    @property
    def agent(self) -> AgentOrchestrator:
        """Return the agent."""
        return self.process.agent

    def compose(self, checkpoint: Mapping[str, Any] | None) -> AgentOrchestrator:
        """Return an agent of the test's settings."""
        strategy = ConfiguredStrategy("sma_cross", BuyOnce(self.quantity))
        return compose_agent(config(), [strategy], checkpoint=checkpoint, capabilities=CAPABILITIES)

    def hear(self, event: Event) -> list[Command]:
        """Handle *event*; commit where that is due, and note what leaves."""
        self.now_ns = event.time_ns
        left: list[Command] = []
        for step in self.process.handle(event):
            if step is COMMIT:
                self.process.commit()
            else:
                assert not isinstance(step, type(COMMIT))
                left.append(step)
        self.sent += left
        return left

    def die(self) -> None:
        """End as a process does that is killed."""
        self.session.abandon()


def trade(second: float) -> TradeReceived:
    """Return a trade at 30,000 so many seconds after the start."""
    return TradeReceived(at(second), "BTC/USDT", 3_000_000, 1, Side.BUY, -1)


def at(second: float) -> int:
    """Return a time."""
    return START_NS + int(second * NS_PER_SECOND)


def started(path: Path) -> Process:
    """Return a process that has compared clean and may trade."""
    process = Process(path)
    process.hear(AgentStarted(at(0)))
    process.hear(StreamConnected(at(0.5), "user"))
    process.hear(clean(process, 1))
    return process


def clean(process: Process, second: float, *orders: ObservedOrder, fills: tuple[Fill, ...] = ()) -> Event:
    """Return a report of the venue that agrees with the books."""
    balances = tuple(
        (asset, balance.total, Decimal(0)) for asset, balance in process.agent.state().balances.items()
    )
    return VenueStateObserved(at(second), at(second), orders, fills, balances, at(second - 0.1))


def of_kind(commands: list[Command], kind: type) -> list[Any]:
    """Return the commands of one kind."""
    return [command for command in commands if isinstance(command, kind)]


def fill_of(order: PlaceOrder, second: float) -> Fill:
    """Return the trade that fills *order* whole."""
    request = order.request
    return Fill(
        request.symbol,
        "1",
        request.client_order_id,
        "v1",
        request.side,
        Decimal(30_000),
        request.quantity,
        Decimal(0),
        "USDT",
        Liquidity.TAKER,
        at(second),
    )


def observed(order: PlaceOrder, status: str, filled: str = "0") -> ObservedOrder:
    """Return *order* as the venue reports it."""
    request = order.request
    return ObservedOrder(
        request.client_order_id,
        "v1",
        request.symbol,
        request.side,
        request.quantity,
        Decimal(filled),
        status,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the session goes."""
    return tmp_path / "agent.db"


@pytest.fixture
def died(path: Path) -> Iterator[tuple[Process, PlaceOrder]]:
    """Return the second life of a process that died after its order had left and before any answer."""
    first = started(path)
    [order] = of_kind(first.hear(trade(2)), PlaceOrder)
    first.die()
    second = Process(path)
    yield second, order
    second.die()


def test_the_order_of_a_dead_process_is_unknown_and_not_sent_again(died: tuple[Process, PlaceOrder]) -> None:
    """Its intent is durable, its reservation stands, nothing is performed twice, and trading waits."""
    process, order = died
    left = process.hear(AgentStarted(at(10)))
    record = process.agent.state().open_orders[order.request.client_order_id]

    assert OrderStatus.UNKNOWN is record.status
    assert process.agent.state().balances["USDT"].locked >= 3_000
    assert [] == of_kind(left, PlaceOrder)
    assert [ObserveVenue] == [type(each) for each in left if isinstance(each, ObserveVenue)]
    assert [] == of_kind(process.hear(trade(11)), PlaceOrder)
    assert Gate.PAUSED is process.agent.state().runtime_flags.gate


def test_an_order_that_filled_meanwhile_is_completed_and_trading_goes_on(
    died: tuple[Process, PlaceOrder],
) -> None:
    """The fill is booked from the venue's own trades; the next comparison lifts the halt."""
    process, order = died
    process.hear(AgentStarted(at(10)))
    process.hear(StreamConnected(at(10.1), "user"))
    [timer, *_] = of_kind(process.sent, SetTimer)
    left = process.hear(TimerFired(timer.due_ns, timer.name))
    assert [order.request.client_order_id] == [each.client_order_id for each in of_kind(left, QueryOrder)]
    fill = fill_of(order, 3)
    answer = OrderQueryAnswered(
        at(11), at(11), at(10.5), order.request.client_order_id, observed(order, "filled", "0.1"), (fill,)
    )
    process.hear(answer)
    process.hear(answer)  # It comes twice; it counts once.
    process.hear(clean(process, 13))
    state = process.agent.state()

    assert (Decimal("0.1"), Decimal(0)) == (state.balances["BTC"].total, state.balances["USDT"].locked)
    assert {} == state.open_orders
    assert Gate.OPEN is state.runtime_flags.gate


def test_an_order_that_never_arrived_ends_by_the_fence_alone(died: tuple[Process, PlaceOrder]) -> None:
    """Not found means nothing before the fence; after it, twice, it is proof, and the reservation is free."""
    process, order = died
    process.hear(AgentStarted(at(10)))
    process.hear(StreamConnected(at(10.1), "user"))
    name = order.request.client_order_id
    fence_s = 2 + 5 + 60
    for second in (11, 30, fence_s - 0.001, fence_s):
        process.hear(OrderQueryAnswered(at(second), at(second), at(second), name, None, ()))
        assert OrderStatus.UNKNOWN is process.agent.state().open_orders[name].status
    process.hear(OrderQueryAnswered(at(fence_s + 1), at(fence_s + 1), at(fence_s), name, None, ()))
    process.hear(clean(process, fence_s + 3))
    [again] = of_kind(process.hear(trade(fence_s + 4)), PlaceOrder)

    assert name not in process.agent.state().open_orders
    assert (again.request.client_order_id, again.request.idem_key) != (name, order.request.idem_key)


def test_recovery_is_equal_at_every_event_and_repeatable(path: Path) -> None:
    """Whenever the process dies, the next one has the state of the last commit, however often it recovers."""
    first = started(path)
    [order] = of_kind(first.hear(trade(2)), PlaceOrder)
    name = order.request.client_order_id
    story: list[Event] = [
        OrderAcknowledged(at(2.1), name, "v1"),
        OrderCancelRequested(at(3), "r1", "ann", name, "changed my mind"),
        trade(3.1),
        clean(first, 4, observed(order, "accepted")),
        OrderQueryAnswered(at(5), at(5), at(4.9), name, observed(order, "accepted"), ()),
    ]
    process = first
    for event in story:
        process.hear(event)
        process.process.commit()
        before = (process.agent.state_hash(), process.agent.decision_hash, process.agent.sequence)
        process.die()
        for _ in range(2):
            process = Process(path)
            assert before == (
                process.agent.state_hash(),
                process.agent.decision_hash,
                process.agent.sequence,
            )
            process.die()
        process = Process(path)
    assert process.agent.state().open_orders[name].status is OrderStatus.PENDING_CANCEL
    process.die()


def test_nothing_is_traded_before_the_stream_of_our_orders_is_up(path: Path) -> None:
    """Books that agree are not enough after a restart: what fills next must be heard of (invariant I18)."""
    started(path).die()
    second = Process(path)
    second.hear(AgentStarted(at(10)))
    second.hear(clean(second, 11))
    deaf = of_kind(second.hear(trade(12)), PlaceOrder)
    second.hear(StreamConnected(at(13), "user"))
    second.hear(clean(second, 14))

    assert [] == deaf
    assert 1 == len(of_kind(second.hear(trade(15)), PlaceOrder))
    second.die()


def test_a_cancel_under_way_is_asked_after(path: Path) -> None:
    """An order that waited for its cancel when the process died is unknown, then open, and may be cancelled again."""
    first = started(path)
    [order] = of_kind(first.hear(trade(2)), PlaceOrder)
    name = order.request.client_order_id
    first.hear(OrderAcknowledged(at(2.1), name, "v1"))
    first.hear(OrderCancelRequested(at(3), "r1", "ann", name, "changed my mind"))
    first.die()
    second = Process(path)
    second.hear(AgentStarted(at(10)))
    second.hear(OrderQueryAnswered(at(11), at(11), at(10.9), name, observed(order, "accepted"), ()))
    left = second.hear(OrderCancelRequested(at(12), "r2", "ann", name, "still"))

    assert [name] == [each.client_order_id for each in of_kind(left, CancelOrder)]
    second.die()


def test_a_journal_of_other_settings_is_refused(path: Path) -> None:
    """Its decisions cannot be repeated, so nothing that follows could be trusted; the file stays as it is."""
    first = started(path)
    first.hear(trade(2))
    first.die()

    with pytest.raises(StorageError, match="decided otherwise"):
        Process(path, quantity="0.2")


def test_a_second_instance_is_refused(path: Path) -> None:
    """One writer per store (invariant I25)."""
    first = started(path)

    with pytest.raises(StorageError, match="another"):
        Process(path)
    first.die()


def test_a_store_that_was_rolled_back_stops_for_a_person(path: Path) -> None:
    """The venue knows an order of ours that the store does not: nothing is traded on such books."""
    first = started(path)
    [order] = of_kind(first.hear(trade(2)), PlaceOrder)
    stranger = evolve(observed(order, "accepted"), client_order_id=order.request.client_order_id[:-1] + "z")
    first.hear(OrderAcknowledged(at(2.1), order.request.client_order_id, "v1"))
    first.hear(clean(first, 4, observed(order, "accepted"), stranger))
    markers = first.agent.state().runtime_flags.markers

    assert "venue_mismatch" in markers
    assert stranger.client_order_id in markers["venue_mismatch"].reason
    first.die()
