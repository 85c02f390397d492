"""Trades and bars fill orders by the stated rules of `next_trade` and `volume`, never better."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meva_core.errors import ConfigError
from meva_core.execution.fill_models import FillSettings
from meva_core.model.market import Side
from meva_core.model.order import TimeInForce
from tests.unit.execution.venue_case import (
    BUY,
    FOK,
    IOC,
    SELL,
    bar,
    fills,
    quote,
    request,
    told,
    trade,
    venue,
)

SLIPPING = FillSettings(slippage_bps=Decimal(50))


def test_next_trade_fills_a_market_order_whole_at_the_next_price() -> None:
    """Whatever the size of the trade."""
    engine = venue()
    engine.submit(request(SELL, 500), 1)

    assert [("filled", "o-1", "500 at 97", "taker")] == told(trade(engine, 2, 97, 1))


@pytest.mark.parametrize(
    ("side", "limit", "prices", "price"),
    [
        (BUY, 95, (96, 95), 95),
        (BUY, 95, (96, 90), 95),
        (SELL, 105, (104, 105), 105),
        (SELL, 105, (104, 110), 105),
    ],
)
def test_a_resting_limit_fills_at_its_limit_as_a_maker(
    side: Side, limit: int, prices: tuple[int, ...], price: int
) -> None:
    """By the first trade at the limit or through it, and never better than the limit."""
    engine = venue()
    engine.submit(request(side, 3, limit), 1)

    events = [told(trade(engine, 2, each)) for each in prices]

    assert [[], [("filled", "o-1", f"3 at {price}", "maker")]] == events


def test_a_marketable_limit_takes_at_the_better_price() -> None:
    """It would have crossed the spread on arrival."""
    engine = venue()
    engine.submit(request(BUY, 3, 105), 1)

    assert [("filled", "o-1", "3 at 99", "taker")] == told(trade(engine, 2, 99))


def test_a_marketable_limit_that_missed_rests_and_then_makes() -> None:
    """The market moved away first; afterwards the order has no better price than its limit."""
    engine = venue()
    engine.submit(request(BUY, 3, 105), 1)

    missed = trade(engine, 2, 106)
    filled = trade(engine, 3, 99)

    assert [] == missed
    assert [("filled", "o-1", "3 at 105", "maker")] == told(filled)


@pytest.mark.parametrize(
    ("time_in_force", "reason"), [(IOC, "UNFILLED_IOC_QUANTITY_EXPIRED"), (FOK, "UNFILLED_FOK_ORDER_EXPIRED")]
)
def test_ioc_and_fok_have_one_chance(time_in_force: TimeInForce, reason: str) -> None:
    """The first trade is beyond the limit, so they end."""
    engine = venue()
    engine.submit(request(BUY, 3, 95, time_in_force=time_in_force), 1)

    assert [("expired", "o-1", reason)] == told(trade(engine, 2, 96))


def test_volume_shares_a_trade_in_price_time_order() -> None:
    """Five lots trade: takers first, then the best price, then the earliest; who comes late gets nothing."""
    engine = venue("volume")
    for name, limit in (("low", 98), ("high", 99), ("late", 99)):
        engine.submit(request(BUY, 2, limit, name=name), 1)
    engine.submit(request(BUY, 2, name="taker"), 2)

    events = trade(engine, 3, 97, 5)

    expected = [
        ("filled", "taker", "2 at 97", "taker"),
        ("filled", "high", "2 at 99", "maker"),
        ("filled", "late", "1 at 99", "maker"),
    ]
    assert expected == told(events)


def test_volume_lets_a_market_order_wait_for_more_trades() -> None:
    """Each trade gives at most its quantity."""
    engine = venue("volume")
    engine.submit(request(BUY, 5), 1)

    events = [told(trade(engine, time, 100 + time, 3)) for time in (2, 3, 4)]

    expected = [[("filled", "o-1", "3 at 102", "taker")], [("filled", "o-1", "2 at 103", "taker")], []]
    assert expected == events


def test_volume_gives_an_ioc_what_there_is_and_a_fok_all_or_nothing() -> None:
    """Three lots trade where five are wanted."""
    engine = venue("volume")
    engine.submit(request(BUY, 5, 100, name="fok", time_in_force=FOK), 1)
    engine.submit(request(BUY, 5, 100, name="ioc", time_in_force=IOC), 1)

    events = trade(engine, 2, 100, 3)

    expected = [
        ("expired", "fok", "UNFILLED_FOK_ORDER_EXPIRED"),
        ("filled", "ioc", "3 at 100", "taker"),
        ("expired", "ioc", "UNFILLED_IOC_QUANTITY_EXPIRED"),
    ]
    assert expected == told(events)


def test_a_quote_says_better_than_the_last_trade_what_would_take() -> None:
    """With an ask of 103, a post-only buy at 102 rests although the last trade was at 100."""
    engine = venue()
    quote(engine, 1, (99, 5), (103, 5))

    rests = engine.submit(request(BUY, 1, 102, name="a", post_only=True), 2)
    takes = engine.submit(request(BUY, 1, 103, name="b", post_only=True), 2)

    assert [("acknowledged", "a")] == told(rests)
    assert [("rejected", "b", "WOULD_TAKE")] == told(takes)


@pytest.mark.parametrize(("side", "price"), [(BUY, 1_007), (SELL, 995)])
def test_slippage_worsens_a_market_order_to_the_next_tick_against_us(side: Side, price: int) -> None:
    """0.5 % of 1,001 is 5.005, which costs six ticks."""
    engine = venue(settings=SLIPPING, last_ticks=1_000)
    engine.submit(request(side, 1), 1)

    assert [("filled", "o-1", f"1 at {price}", "taker")] == told(trade(engine, 2, 1_001))


def test_a_limit_order_has_no_slippage() -> None:
    """It names its own worst price."""
    engine = venue(settings=SLIPPING, last_ticks=1_000)
    engine.submit(request(BUY, 1, 1_001), 1)

    assert [("filled", "o-1", "1 at 1000", "taker")] == told(trade(engine, 2, 1_000))


# Bars are written open, high, low, close; the order is sent at the open of the first unless said otherwise.


def test_a_market_order_fills_at_the_next_bars_open() -> None:
    """It is learned at the bar's close, and happened at its open."""
    engine = venue()
    engine.submit(request(BUY, 7), 100)

    (event,) = bar(engine, 100, 102, 109, 95, 104)

    assert 110 == event.time_ns
    assert (102, 7, 100) == (event.fill.price, event.fill.quantity, event.fill.venue_time_ns)  # type: ignore[union-attr]


def test_slippage_on_a_bar_is_not_capped_by_its_range() -> None:
    """A bar that opened at its high would otherwise have none."""
    engine = venue(settings=SLIPPING)
    engine.submit(request(BUY, 1), 100)

    assert [("filled", "o-1", "1 at 101", "taker")] == told(bar(engine, 100, 100, 100, 90, 95))


def test_a_bar_that_opened_before_the_order_arrived_fills_nothing() -> None:
    """Its open, and who knows how much of its range, was over."""
    engine = venue()
    engine.submit(request(BUY, 1, name="market"), 101)
    engine.submit(request(BUY, 1, 99, name="limit"), 101)
    engine.submit(request(BUY, 1, 99, name="ioc", time_in_force=IOC), 101)

    running = bar(engine, 100, 95, 99, 90, 95)
    following = bar(engine, 110, 95, 99, 90, 95)

    assert [] == running
    assert ["market", "ioc", "limit"] == [name for _, name, *_ in told(following)]


@pytest.mark.parametrize(
    ("side", "limit", "prices", "expected"),
    [
        (BUY, 95, (97, 99, 95, 96), None),  # Touched is not traded through.
        (BUY, 95, (97, 99, 94, 96), "3 at 95 maker"),
        (BUY, 95, (95, 99, 95, 96), None),
        (BUY, 95, (93, 99, 90, 96), "3 at 93 taker"),  # The open was better: it took there.
        (SELL, 105, (102, 105, 99, 101), None),
        (SELL, 105, (102, 106, 99, 101), "3 at 105 maker"),
        (SELL, 105, (107, 109, 99, 101), "3 at 107 taker"),
        (BUY, 101, (102, 104, 101, 102), None),  # Marketable on arrival, missed, rests.
        (BUY, 101, (102, 104, 100, 102), "3 at 101 taker"),
    ],
)
def test_a_limit_fills_at_a_better_open_or_when_traded_through(
    side: Side, limit: int, prices: tuple[int, ...], expected: str | None
) -> None:
    """The last close was 100."""
    engine = venue()
    engine.submit(request(side, 3, limit), 100)

    found = [f"{fill.quantity} at {fill.price} {fill.liquidity}" for fill in fills(bar(engine, 100, *prices))]

    assert ([expected] if expected else []) == found


def test_a_post_only_order_gains_nothing_from_a_gap() -> None:
    """It rested before the open, so it made at its own price."""
    engine = venue()
    engine.submit(request(BUY, 3, 95, post_only=True), 100)

    assert [("filled", "o-1", "3 at 95", "maker")] == told(bar(engine, 100, 90, 99, 88, 96))


def test_an_ioc_has_the_open_alone() -> None:
    """What the bar reached later was after its end."""
    engine = venue()
    engine.submit(request(BUY, 3, 101, time_in_force=IOC), 100)

    expected = [("expired", "o-1", "UNFILLED_IOC_QUANTITY_EXPIRED")]

    assert expected == told(bar(engine, 100, 102, 104, 90, 102))


def test_volume_takes_at_most_its_share_of_a_bar() -> None:
    """A tenth of 57 lots is 5, over all our orders; the rest of a market order waits."""
    engine = venue("volume")
    engine.submit(request(BUY, 4, name="a"), 100)
    engine.submit(request(BUY, 4, name="b"), 100)
    engine.submit(request(BUY, 4, 99, name="c"), 100)

    first = bar(engine, 100, 100, 101, 90, 100, volume=57)
    second = bar(engine, 110, 100, 101, 90, 100, volume=57)

    assert ["4 at 100", "1 at 100"] == [short for _, _, short, _ in told(first)]
    assert [("b", "3 at 100"), ("c", "2 at 99")] == [(name, short) for _, name, short, _ in told(second)]


def test_a_bar_without_volume_fills_nothing() -> None:
    """Venues send flat bars where nothing traded."""
    engine = venue()
    engine.submit(request(BUY, 1), 100)

    assert [] == bar(engine, 100, 100, 100, 100, 100, volume=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"slippage_bps": Decimal(-1)},
        {"slippage_bps": Decimal(10_000)},
        {"slippage_bps": Decimal("NaN")},
        {"bar_volume_share": Decimal(0)},
        {"bar_volume_share": Decimal("1.1")},
    ],
)
def test_senseless_settings_are_refused(wrong: dict[str, Decimal]) -> None:
    """With what was found and what is expected."""
    with pytest.raises(ConfigError, match="Expected"):
        FillSettings(**wrong)
