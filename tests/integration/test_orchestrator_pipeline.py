"""One market event goes through the whole agent: data, signal, risk, order, fill, ledger, state, decision log."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import frozen

from meva_core.commands import PlaceOrder
from meva_core.events import Event, OrderAcknowledged, OrderFilled, QuoteReceived, TradeReceived
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Side
from meva_core.ops.log_records import FillBooked, OrderSubmitted, OrderUpdated, RiskDecided, SignalDecided
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.composition import ConfiguredStrategy, compose_agent
from tests.replay.case import config

START_NS = 1_700_000_000_000_000_000


@frozen
class BuyOnce:
    """Buy a tenth as long as nothing is held."""

    timeframe: str | None = None

    def features(self) -> dict[str, Any]:
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        return stance <= 0

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        return Signal(Side.BUY, Decimal("0.1"), "nothing is held") if ctx.stance <= 0 else None


def composed() -> Any:
    """Return an agent with that strategy."""
    return compose_agent(config(), [ConfiguredStrategy("sma_cross", BuyOnce())])


def trade(time_ns: int, price_ticks: int = 3_000_000) -> TradeReceived:
    """Return a trade of one lot."""
    return TradeReceived(time_ns, "BTC/USDT", price_ticks, 1, Side.BUY, -1)


def filled(order: PlaceOrder, time_ns: int) -> OrderFilled:
    """Return the venue's report that *order* filled whole at 30,001, for 3 USDT."""
    request = order.request
    fill = Fill(
        request.symbol,
        "1",
        request.client_order_id,
        "v1",
        Side.BUY,
        Decimal(30_001),
        request.quantity,
        Decimal(3),
        "USDT",
        Liquidity.TAKER,
        time_ns,
    )
    return OrderFilled(time_ns, fill)


def test_a_trade_becomes_an_order_with_every_step_on_record() -> None:
    """Signal, verdict and order, in this order, in the outcome of the one event."""
    outcome = composed().handle(trade(START_NS))

    kinds = [type(record) for record in outcome.records]
    assert [SignalDecided, RiskDecided, OrderSubmitted] == [
        kind for kind in kinds if kind in (SignalDecided, RiskDecided, OrderSubmitted)
    ]
    [command] = outcome.commands
    assert isinstance(command, PlaceOrder)
    assert ["signal", "intent", "place"] == [text.split()[0] for text in outcome.decisions]


def test_an_order_reserves_what_it_may_cost() -> None:
    """Before anything is sent, and the state says so."""
    agent = composed()
    agent.handle(trade(START_NS))

    balance = agent.state().balances["USDT"]
    [record] = agent.state().open_orders.values()
    assert record.request.quantity * record.reserve_price == balance.locked
    assert balance.locked >= Decimal(3_000)


def test_a_fill_moves_balances_ledger_position_and_equity_by_the_same_numbers() -> None:
    """3,000.10 and a fee of 3 leave, a tenth arrives, nothing stays locked."""
    agent = composed()
    [order] = agent.handle(trade(START_NS)).commands
    before = agent.state().balances["USDT"].total
    agent.handle(OrderAcknowledged(START_NS + 1, order.request.client_order_id, "v1"))
    outcome = agent.handle(filled(order, START_NS + 2))
    state = agent.state()

    assert before - Decimal("3003.10") == state.balances["USDT"].total
    assert (Decimal("0.1"), Decimal(0)) == (state.balances["BTC"].total, state.balances["USDT"].locked)
    assert (Decimal("0.1"), Decimal("3000.10")) == (
        state.positions["BTC/USDT"].quantity,
        state.positions["BTC/USDT"].cost,
    )
    [booked] = [record for record in outcome.records if isinstance(record, FillBooked)]
    [updated] = [record for record in outcome.records if isinstance(record, OrderUpdated)]
    assert (Decimal(3), "filled") == (booked.fee_value, updated.status.value)
    assert before + Decimal(-3) + Decimal("-0.10") == agent.account.equity
    assert not state.open_orders


def test_the_decision_hash_follows_decisions_and_nothing_else() -> None:
    """A quote from which nothing follows leaves it; a decision moves it, the same one to the same value."""
    first, second = composed(), composed()
    quote = QuoteReceived(START_NS, "BTC/USDT", 2_999_900, 1, 3_000_000, 1)
    before = first.decision_hash
    first.handle(quote)
    quiet = first.decision_hash
    first.handle(trade(START_NS + 1))
    for event in (quote, trade(START_NS + 1)):
        second.handle(event)

    assert before == quiet != first.decision_hash == second.decision_hash


def test_a_tick_handles_what_is_due_and_leaves_the_rest() -> None:
    """Events up to `now` in order, one outcome each; later ones wait for a later tick."""
    agent = composed()
    offered: list[Event] = [trade(START_NS), trade(START_NS + 10), trade(START_NS + 20)]
    for event in offered:
        agent.offer(event)

    first = agent.tick(START_NS + 10)
    second = agent.tick(START_NS + 15)
    third = agent.tick(START_NS + 20)

    assert (2, 0, 1) == (first.events, second.events, third.events)
    assert [PlaceOrder] == [type(command) for command in first.commands]
    assert agent.decision_hash == third.decision_hash
    assert 3 == agent.sequence


def test_a_tick_equals_handling_its_events_one_by_one() -> None:
    """Same commands, same hashes."""
    ticked, handled = composed(), composed()
    events: list[Event] = [trade(START_NS + number, 3_000_000 + number) for number in range(5)]
    for event in events:
        ticked.offer(event)

    result = ticked.tick(START_NS + 5)
    commands = [command for event in events for command in handled.handle(event).commands]

    assert tuple(commands) == result.commands
    assert (handled.decision_hash, handled.state_hash()) == (ticked.decision_hash, ticked.state_hash())
