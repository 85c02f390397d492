"""A strategy decides the same however its events reach it."""

from __future__ import annotations

from pathlib import Path

from meva_adapters.feed.open_tape import open_tape
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.data.candles import CandleBuilder
from meva_core.data.replay_loader import ReplayLoader
from meva_core.events import CandleClosed, Event, TradeReceived
from meva_core.model.market import timeframe_ns
from meva_core.ops.log_records import OrderSubmitted, SignalDecided
from meva_runners.composition import compose_agent, compose_venue, instruments_of
from meva_runners.replaying.driver import ReplayDriver
from meva_runners.replaying.performer import SimulatedPerformer
from tests.replay.case import config, strategies, tapes, write_trades

ROWS = 4_000


def by_blocks(paths: list[Path]) -> AgentOrchestrator:
    """Replay in columns, as the command does."""
    settings = config()
    driver = ReplayDriver(compose_agent(settings, strategies()), compose_venue(settings))
    for _ in driver.run(tapes(settings, paths)):
        pass
    return driver.agent


def by_events(paths: list[Path], *, ticking: bool) -> AgentOrchestrator:
    """Replay event by event, as a live loop does, by `handle` or by `offer` and `tick`."""
    settings = config()
    agent, venue = compose_agent(settings, strategies()), compose_venue(settings)
    performer = SimulatedPerformer(venue, agent.permits)

    def handle(event: Event) -> list[Outcome]:
        if not ticking:
            return [agent.handle(event)]
        agent.offer(event)
        return list(agent.tick(event.time_ns).outcomes)

    def settle(outcomes: list[Outcome], time_ns: int) -> None:
        commands = [command for outcome in outcomes for command in outcome.commands]
        while commands:
            for answer in performer.perform(commands.pop(0), time_ns):
                commands += [command for outcome in handle(answer) for command in outcome.commands]

    runs = ReplayLoader().merge(tapes(settings, paths))
    loader = ReplayLoader()
    merged = sorted(
        (event for path_tape in tapes(settings, paths) for event in loader.load_events(path_tape)),
        key=lambda event: event.time_ns,
    )
    assert sum(stop - start for _, start, stop in runs) == len(merged)
    for event in merged:
        assert isinstance(event, TradeReceived)
        market = venue.market(event.symbol)
        for answer in market.on_trade(
            event.time_ns, event.price_ticks, event.quantity_lots, event.taker_side
        ):
            settle(handle(answer), event.time_ns)
        settle(handle(event), event.time_ns)
    return agent


def test_columns_single_events_and_ticks_decide_alike(tmp_path: Path) -> None:
    """The quick path of a replay is the path of a live session."""
    paths = [write_trades(tmp_path / f"{seed}.csv", rows=ROWS, seed=seed) for seed in (3, 4)]
    in_columns = by_blocks(paths)
    handled, ticked = by_events(paths, ticking=False), by_events(paths, ticking=True)

    assert in_columns.state().sequence.decisions > 100
    assert in_columns.decision_hash == handled.decision_hash == ticked.decision_hash
    assert in_columns.state_hash() == handled.state_hash() == ticked.state_hash()


def test_candles_built_from_trades_decide_like_the_bars_they_equal(tmp_path: Path) -> None:
    """A strategy on one-minute candles asks for the same, whoever built the candles."""
    settings = config()
    path = write_trades(tmp_path / "trades.csv", rows=ROWS, seed=9)
    instruments = instruments_of(settings)
    events = list(
        ReplayLoader().load_events(open_tape(str(path), symbol="BTC/USDT", instruments=instruments))
    )
    builder = CandleBuilder(timeframe_ns("1m"))
    asked_of_trades: list[tuple[str, str]] = []
    asked_of_bars: list[tuple[str, str]] = []
    on_trades = compose_agent(settings, strategies(fast=2, slow=4, timeframe="1m"))
    on_bars = compose_agent(settings, strategies(fast=2, slow=4, timeframe="1m"))
    for event in events:
        assert isinstance(event, TradeReceived)
        asked_of_trades += wishes(on_trades.handle(event))
        for candle in builder.on_trade(event.time_ns, event.price_ticks, event.quantity_lots):
            asked_of_bars += wishes(on_bars.handle(CandleClosed(event.time_ns, "BTC/USDT", "1m", candle)))

    assert len(asked_of_bars) > 0
    assert asked_of_bars == asked_of_trades


def wishes(outcome: Outcome) -> list[tuple[str, str]]:
    """Return side and reason of every signal, and the side of every order."""
    found = [
        (each.signal.side.value, each.signal.reason)
        for each in outcome.records
        if isinstance(each, SignalDecided)
    ]
    return found + [
        (each.request.side.value, "order") for each in outcome.records if isinstance(each, OrderSubmitted)
    ]
