"""Market data is judged before it is believed, and the quick way through the path judges like the slow one."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from meva_core.data.feature_library import Sma
from meva_core.errors import DataError, UnknownSymbolError
from meva_core.events import (
    BookChanged,
    CandleClosed,
    ClockMeasured,
    QuoteReceived,
    TimerFired,
    TradeReceived,
)
from meva_core.model.market import Candle
from meva_core.ops.log_records import DataRejected, RiskDecided, SignalDecided
from meva_core.signals.strategy import SignalContext
from tests.unit.agent.case import BUY, COIN, GOLD, SECOND, START, Asked, Run, buy, once, run, sell


def watching(seen: list[int], **fields: object) -> Asked:
    """Return a strategy that notes the price of every sample that it is asked about."""
    return Asked(lambda ctx: seen.append(ctx.price_ticks), **fields)  # type: ignore[arg-type]


def counts(lead: Run) -> dict[str, int]:
    """Return what was refused of COIN/USD, by cause."""
    return {name.partition(" ")[2]: count for name, count in lead.agent.data_problems().items()}


def test_a_good_trade_moves_the_mark() -> None:
    """It is the latest price that anybody knows."""
    seen: list[int] = []
    lead = run(watching(seen))

    lead.trade(100)
    lead.trade(101)

    assert [100, 101] == seen
    assert {} == lead.agent.data_problems()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"price_ticks": 0}, "price_not_positive"),
        ({"price_ticks": -100}, "price_not_positive"),
        ({"quantity_lots": 0}, "quantity_not_positive"),
        ({"quantity_lots": -1}, "quantity_not_positive"),
        ({"time_ns": START + 9}, "time_fell"),
        ({"trade_id": 7}, "duplicate_trade_id"),
        ({"trade_id": 6}, "trade_id_fell"),
        ({"price_ticks": 151}, "price_jump"),
        ({"price_ticks": 49}, "price_jump"),
    ],
)
def test_a_bad_trade_is_counted_and_changes_nothing(changes: dict[str, int], problem: str) -> None:
    """Neither the mark nor any feature hears of it, and the record names the cause."""
    seen: list[int] = []
    lead = run(watching(seen))
    bad = {"time_ns": START + 11, "price_ticks": 100, "quantity_lots": 1, "trade_id": 8, **changes}

    lead.handle(TradeReceived(START + 10, COIN, 100, 1, BUY, 7))
    lead.handle(TradeReceived(symbol=COIN, taker_side=BUY, **bad))

    assert [100] == seen
    assert {problem: 1} == counts(lead)
    assert [(COIN, problem)] == [(each.symbol, each.problem) for each in lead.records(DataRejected)]


def test_two_jumps_in_a_row_are_a_new_level() -> None:
    """A venue that reopens somewhere else is believed at the second trade there."""
    seen: list[int] = []
    lead = run(watching(seen))

    for price in (100, 200, 201, 202):
        lead.trade(price)

    assert [100, 201, 202] == seen
    assert {"price_jump": 1} == counts(lead)


def test_a_jump_is_doubted_at_every_distance_from_the_last_slow_look() -> None:
    """However far prices have drifted inside the band, a jump is measured from the newest."""
    seen: list[int] = []
    lead = run(watching(seen))

    for price in (1_000, 1_100, 1_190, 590, 1_190):
        lead.trade(price)

    assert [1_000, 1_100, 1_190, 1_190] == seen


def test_repeated_causes_are_told_at_powers_of_ten() -> None:
    """A feed that is broken for hours shall not fill the log."""
    lead = run(Asked())

    lead.trade(100)
    for _ in range(100):
        lead.trade(0)

    told = [each.problem for each in lead.records(DataRejected)]
    assert [
        "price_not_positive",
        "price_not_positive, 10 times by now",
        "price_not_positive, 100 times by now",
    ] == told


def test_an_unknown_symbol_is_an_error() -> None:
    """It names what is configured."""
    with pytest.raises(UnknownSymbolError, match=COIN):
        run(Asked()).trade(100, "ORE/USD")


def test_bars_of_a_market_that_lives_on_trades_are_refused() -> None:
    """They would tell the strategies the same thing twice."""
    seen: list[int] = []
    lead = run(watching(seen))

    lead.trade(100)
    lead.bar(100, 101, 99, 100)

    assert [100] == seen
    assert {"second_source": 1} == counts(lead)


def test_trades_of_a_market_that_lives_on_bars_are_refused() -> None:
    """At once, and also when prices have settled and the quick way is open."""
    seen: list[int] = []
    lead = run(watching(seen))

    for _ in range(3):
        lead.bar(100, 101, 99, 100)
    lead.trade(100)

    assert [100, 100, 100] == seen
    assert {"second_source": 1} == counts(lead)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"low": 102},
        {"high": 99},
        {"high": 100, "close": 101},
        {"low": 0, "open": 0},
        {"low": 100, "close": 99},
        {"volume": -1},
    ],
)
@pytest.mark.parametrize("before", [0, 3])
def test_a_malformed_bar_is_refused(spoilt: dict[str, int], before: int) -> None:
    """As the first one of its market, and when the quick way is open."""
    seen: list[int] = []
    lead = run(watching(seen))
    bar = Candle(START, START + 60 * SECOND, 100, 101, 99, 100, 5)

    for _ in range(before):
        lead.handle(CandleClosed(bar.close_ns, COIN, "1m", bar))
    lead.handle(CandleClosed(bar.close_ns, COIN, "1m", evolve(bar, **spoilt)))

    assert [100] * before == seen
    assert {"malformed_bar": 1} == counts(lead)


@pytest.mark.parametrize("before", [0, 3])
def test_a_bar_that_has_not_closed_is_refused(before: int) -> None:
    """A strategy sees a candle at its close, never before, whatever a feed says; clocks may be a second apart."""
    seen: list[int] = []
    lead = run(watching(seen))

    for _ in range(before):
        lead.bar(100, 101, 99, 100)
    lead.bar(100, 101, 99, 100, after_ns=-SECOND - 1)

    assert [100] * before == seen
    assert {"malformed_bar": 1} == counts(lead)


@pytest.mark.parametrize(("behind_ms", "offset_ms"), [(900, 0), (2_000, 2_000), (2_500, 2_000)])
def test_a_bar_that_closed_by_the_clock_of_the_venue_counts_at_the_time_of_ours(
    behind_ms: int, offset_ms: int
) -> None:
    """Where our clock is behind it comes before its close by that clock; no event after it lies before it."""
    seen: list[int] = []
    lead = run(watching(seen))
    lead.handle(ClockMeasured(START, offset_ms * 10**6))
    lead.bar(100, 101, 99, 100, after_ns=-behind_ms * 10**6)
    lead.handle(QuoteReceived(lead.now_ns + 1, COIN, 100, 1, 101, 1))

    assert [100] == seen
    assert {} == counts(lead)
    assert START + 60 * SECOND - behind_ms * 10**6 + 1 == lead.state.sequence.last_event_ns


def test_bars_that_do_not_make_up_the_candles_wanted_are_an_error() -> None:
    """It says what is there and what is wanted."""
    lead = run(Asked(timeframe="1m"))

    with pytest.raises(DataError, match="the market data is 5m bars, but 1m candles are wanted"):
        lead.bar(100, 101, 99, 100, seconds=300)


def test_bars_are_joined_into_longer_candles() -> None:
    """Five one-minute bars are one sample, at the close of the fifth."""
    closed: list[Candle | None] = []
    lead = run(Asked(lambda ctx: closed.append(ctx.candle), timeframe="5m"))

    for price in (100, 103, 98, 101, 102, 102):
        lead.bar(price, price + 1, price - 1, price, volume=2)

    assert [Candle(START, START + 300 * SECOND, 100, 104, 97, 102, 10)] == closed


def test_candles_from_trades_are_seen_at_their_close() -> None:
    """The trade that begins the next candle ends the last one, and is not part of it."""
    closed: list[Candle | None] = []
    lead = run(Asked(lambda ctx: closed.append(ctx.candle), timeframe="1m"))

    lead.trade(100, after_ns=0)
    lead.trade(105, lots=2)
    lead.trade(103)
    lead.trade(90, after_ns=60 * SECOND)

    assert [Candle(START, START + 60 * SECOND, 100, 105, 100, 103, 4)] == closed


def test_a_timer_closes_a_candle_without_a_trade() -> None:
    """A strategy on candles need not wait for a trade in the next one."""
    seen: list[int] = []
    lead = run(watching(seen, timeframe="1m"))

    lead.trade(100)
    lead.handle(TimerFired(START + 60 * SECOND, "candles"))

    assert [100] == seen


def test_of_several_candles_only_the_newest_is_a_reason_to_act() -> None:
    """After a silence all of them are samples, but nobody decides on what is over."""
    samples: list[float] = []
    lead = run(Asked(lambda ctx: samples.append(ctx.features.average.value), timeframe="1m", warm_up=2))

    lead.trade(100)
    lead.trade(110, after_ns=180 * SECOND)
    lead.trade(120, after_ns=60 * SECOND)

    assert [100.0, 105.0] == samples


def test_a_strategy_is_asked_once_its_features_are_warm() -> None:
    """Three samples make an average of three."""
    averages: list[float] = []
    lead = run(Asked(lambda ctx: averages.append(ctx.features.average.value), warm_up=3))

    for price in (100, 101, 102, 103):
        lead.trade(price)

    assert [101.0, 102.0] == averages


def test_the_slowest_feature_decides_when_a_strategy_is_warm() -> None:
    """A half-warm strategy would decide on zeros."""
    seen: list[int] = []
    lead = run(watching(seen, declared=lambda: {"fast": Sma(1), "slow": Sma(4)}))

    for price in (100, 101, 102, 103):
        lead.trade(price)

    assert [103] == seen


def test_quotes_and_books_move_no_mark_but_are_seen() -> None:
    """The next trade shows them; they are no sample themselves."""
    seen: list[tuple[int, int | None, int | None]] = []
    lead = run(Asked(lambda ctx: seen.append((ctx.price_ticks, ctx.bid_ticks, ctx.ask_ticks))))

    lead.trade(100)
    lead.handle(QuoteReceived(lead.now_ns, COIN, 98, 1, 102, 1))
    lead.trade(100)
    lead.handle(BookChanged(lead.now_ns, COIN, True, 1, 1, ((99, 5),), ((101, 5),)))
    lead.trade(100)

    assert [(100, None, None), (100, 98, 102), (100, 99, 101)] == seen


def test_a_late_quote_is_refused() -> None:
    """Time does not fall, for whatever kind of market data."""
    lead = run(Asked())

    lead.trade(100, after_ns=10)
    lead.handle(QuoteReceived(START, COIN, 98, 1, 102, 1))
    lead.handle(BookChanged(START, COIN, True, 1, 1, ((99, 5),), ((101, 5),)))

    assert {"time_fell": 2} == counts(lead)


def test_a_refused_wish_is_not_repeated() -> None:
    """It would say nothing new: it is judged once, until something changes."""
    lead = run(Asked(lambda _: buy(5)), max_notional_per_trade=100)

    for _ in range(5):
        lead.trade(100)

    assert [("max_notional_per_trade",)] == [each.codes for each in lead.records(RiskDecided)]


def test_a_refused_wish_is_heard_again_after_ten_seconds() -> None:
    """A limit may allow tomorrow what it refuses today."""
    lead = run(Asked(lambda _: buy(5)), max_notional_per_trade=100)

    lead.trade(100)
    lead.trade(100, after_ns=10 * SECOND - 1)
    lead.trade(100)

    assert [START + 1, START + 10 * SECOND + 1] == [each.time_ns for each in lead.records(RiskDecided)]


def test_a_refused_wish_is_heard_again_when_the_other_side_was_meant() -> None:
    """Only the side that was refused is muted."""
    lead = run(Asked(lambda ctx: buy(5) if ctx.price_ticks == 100 else sell(5)), max_notional_per_trade=100)

    for price in (100, 101):
        lead.trade(price)

    assert [("buy", "max_notional_per_trade"), ("sell", "max_notional_per_trade")] == [
        (signal.signal.side, verdict.codes[0])
        for signal, verdict in zip(lead.records(SignalDecided), lead.records(RiskDecided), strict=True)
    ]


def test_a_refused_wish_is_heard_again_after_its_guard_has_slept() -> None:
    """A strategy that wanted nothing in between wants something new."""
    lead = run(
        Asked(lambda _: buy(5), guard=lambda features, _: features.average.value >= 100),
        max_notional_per_trade=100,
    )

    for price in (100, 100, 99, 100, 100):
        lead.trade(price)

    assert [START + 1, START + 4] == [each.time_ns for each in lead.records(RiskDecided)]


def test_a_refused_wish_is_heard_again_when_the_state_has_changed() -> None:
    """A fill may have made room."""
    lead = run(Asked(once(buy(1))), Asked(lambda _: buy(2)), max_position_notional_per_symbol=200)

    lead.trade(100)
    [first] = lead.placed()
    lead.trade(100)
    lead.fill(first, 100)
    lead.trade(100)

    assert 2 == len([each for each in lead.records(RiskDecided) if not each.approved])


def test_an_invalid_signal_is_recorded_and_not_repeated() -> None:
    """It is muted like a refusal by risk."""
    lead = run(Asked(lambda _: buy("0.5")))

    for _ in range(3):
        lead.trade(100)

    assert ["bad_quantity"] == [each.reject_reason for each in lead.records(SignalDecided)]


def test_each_symbol_has_its_own_features_and_stance() -> None:
    """One strategy on two symbols is two strategies that do not know each other."""
    seen: list[tuple[str, int, int]] = []

    def answer(ctx: SignalContext) -> None:
        seen.append((ctx.symbol, int(ctx.features.average.value), ctx.stance))

    lead = run(Asked(answer), symbols=(COIN, GOLD))
    for price, symbol in ((100, COIN), (7, GOLD), (102, COIN)):
        lead.trade(price, symbol)

    assert [(COIN, 100, 0), (GOLD, 7, 0), (COIN, 102, 0)] == seen


rows = st.lists(
    st.tuples(
        st.integers(-1, 3),  # Time from the one before.
        st.sampled_from([0, 60, 99, 100, 100, 100, 101, 102, 149, 160]),
        st.sampled_from([1, 1, 1, 0, -1]),
        st.integers(-1, 12),  # Trade id.
    ),
    max_size=40,
)


@given(rows)
def test_the_quick_way_admits_what_the_slow_way_admits(market: list[tuple[int, int, int, int]]) -> None:
    """A path that is never allowed its band sees the same trades and counts the same problems."""
    seen: tuple[list[int], list[int]] = ([], [])
    quick, slow = (run(watching(each)) for each in seen)

    time_ns = START
    for step_ns, price, lots, trade_id in market:
        time_ns += step_ns
        trade = TradeReceived(time_ns, COIN, price, lots, BUY, trade_id)
        quick.handle(trade)
        slow.paths[0].low = slow.paths[0].high = 0
        slow.handle(trade)

    assert seen[0] == seen[1]
    assert quick.agent.data_problems() == slow.agent.data_problems()
    assert quick.agent.state_hash() == slow.agent.state_hash()


@given(
    st.lists(
        st.tuples(
            st.integers(-1, 61),
            st.tuples(*[st.integers(97, 103)] * 4),
            st.sampled_from([5, 5, 0, -1]),
            st.sampled_from(["bar", "bar", "bar", "bar", "trade"]),
        ),
        max_size=30,
    )
)
def test_the_quick_way_of_bars_admits_what_the_slow_way_admits(
    market: list[tuple[int, tuple[int, int, int, int], int, str]],
) -> None:
    """The same for bars, good and bad, with a stray trade among them."""
    seen: tuple[list[int], list[int]] = ([], [])
    quick, slow = (run(watching(each)) for each in seen)

    time_ns = START
    for seconds, prices, volume, kind in market:
        time_ns += seconds * SECOND
        candle = Candle(START, START + 60 * SECOND, *prices, volume)
        for lead in (quick, slow):
            if lead is slow:
                slow.paths[0].low = slow.paths[0].high = 0
            if kind == "bar":
                lead.handle(CandleClosed(time_ns, COIN, "1m", candle))
            else:
                lead.handle(TradeReceived(time_ns, COIN, prices[0], 1, BUY))

    assert seen[0] == seen[1]
    assert quick.agent.data_problems() == slow.agent.data_problems()
