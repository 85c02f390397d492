"""One market event goes through the whole agent: data, signal, risk, order, fill, ledger, state, decision log."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from attrs import frozen

from meva_core.agent.decision_chain import FIRST_LINK, next_link
from meva_core.agent.outbox import Outcome
from meva_core.commands import PlaceOrder
from meva_core.events import Event, OrderAcknowledged, OrderFilled, QuoteReceived, TradeReceived
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Side
from meva_core.ops.log_records import FillBooked, OrderSubmitted, OrderUpdated, RiskDecided, SignalDecided
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.composition import ConfiguredStrategy, compose_agent, compose_venue, instruments_of
from meva_runners.replaying.performer import SimulatedPerformer
from meva_runners.sessions.ledger_rows import ledger_rows
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


def composed(*overrides: str) -> Any:
    """Return an agent with that strategy."""
    return compose_agent(config(*overrides), [ConfiguredStrategy("sma_cross", BuyOnce())])


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


def through_the_venue(agent: Any, venue: Any) -> list[tuple[Event, Outcome]]:
    """Let two trades, and all that the venue answers to what follows from them, go through *agent*."""
    performer = SimulatedPerformer(venue, agent.permits)
    handled: list[tuple[Event, Outcome]] = []
    for event in (trade(START_NS), trade(START_NS + 1)):
        waiting: list[Event] = [*venue.on_market(event), event]
        while waiting:
            due = waiting.pop(0)
            handled.append((due, agent.handle(due)))
            for command in handled[-1][1].commands:
                waiting += performer.perform(command, event.time_ns)
    return handled


def test_one_trade_goes_from_data_to_the_ledger_by_way_of_a_venue() -> None:
    """Market, acknowledgement, fill: the venue, the books and the postings agree to the last digit."""
    agent, venue = composed(), compose_venue(config())
    before = {asset: balance.total for asset, balance in agent.state().balances.items()}
    handled = through_the_venue(agent, venue)
    moved: dict[str, Decimal] = defaultdict(Decimal)
    posted: dict[str, Decimal] = defaultdict(Decimal)
    for _, outcome in handled:
        for row in ledger_rows(outcome, instruments_of(config())):
            posted[row.asset] += row.amount
            moved[row.asset] += row.amount if row.account == "venue" else 0

    kinds = [type(event) for event, _ in handled]
    assert [TradeReceived, OrderAcknowledged, OrderFilled, TradeReceived] == kinds
    after = {asset: balance.total for asset, balance in agent.state().balances.items()}
    assert Decimal("0.0999") == agent.state().positions["BTC/USDT"].quantity  # The fee was taken in base.
    assert {asset: free + locked for asset, (free, locked) in venue.balances().items()} == after
    assert {asset: after[asset] - before.get(asset, Decimal(0)) for asset in moved} == moved
    assert {"BTC", "USDT"} == {asset for asset, amount in moved.items() if amount}
    assert not any(posted.values())


def test_the_decision_log_alone_gives_the_decision_hash() -> None:
    """Every decision is in the outcome of its event, and nothing else is linked."""
    agent = composed()
    handled = through_the_venue(agent, compose_venue(config()))
    link, logged = FIRST_LINK, [outcome for _, outcome in handled if outcome.decisions]
    for outcome in logged:
        link = next_link(link, f"{outcome.sequence}\n" + "\n".join(outcome.decisions))

    assert agent.decision_hash == link.hex()
    assert len(logged) > 0


def test_what_risk_refuses_is_on_record_and_goes_no_further() -> None:
    """The refusal is decided and told with its rule; no command leaves and nothing is reserved."""
    agent = composed("risk.max_notional_per_trade=10")
    outcome = agent.handle(trade(START_NS))

    [verdict] = [record for record in outcome.records if isinstance(record, RiskDecided)]
    assert (False, ("max_notional_per_trade",)) == (verdict.approved, verdict.codes)
    assert () == outcome.commands
    assert "max_notional_per_trade" in " ".join(outcome.decisions)
    assert (0, Decimal(0)) == (len(agent.state().open_orders), agent.state().balances["USDT"].locked)


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
    fourth = agent.tick(START_NS + 99)

    assert [2, 0, 1, 0] == [len(each.outcomes) for each in (first, second, third, fourth)]
    assert 0 < first.state_version == second.state_version <= third.state_version
    assert agent.state().sequence.version == third.state_version == fourth.state_version
    assert first.decision_hash == second.decision_hash
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
