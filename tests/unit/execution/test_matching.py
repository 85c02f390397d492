"""The simulated venue answers every order as a spot venue would, at the time it would."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meva_core.errors import ConfigError, UnknownSymbolError
from meva_core.events import ObservedOrder, OrderAcknowledged
from meva_core.execution.matching import MatchingEngine
from meva_core.model.order import OrderRequest
from tests.unit.execution.venue_case import (
    BTC,
    BUY,
    FOK,
    FREE,
    IOC,
    SELL,
    book,
    fills,
    request,
    told,
    trade,
    venue,
)


def test_an_order_is_acknowledged_with_rising_venue_ids() -> None:
    """Venue ids are counted, so the same calls give the same ids."""
    engine = venue()

    first = engine.submit(request(BUY, 1, 90, name="a"), 7)
    second = engine.submit(request(BUY, 1, 90, name="b"), 8)

    assert [OrderAcknowledged(7, "a", "1", 7)] == first
    assert [OrderAcknowledged(8, "b", "2", 8)] == second


def test_an_order_never_fills_by_the_event_that_caused_it() -> None:
    """The trade before the order does not fill it; the next one does, at the same instant if it must."""
    engine = venue()
    trade(engine, 5, 100)

    answer = engine.submit(request(BUY, 3), 5)
    after = trade(engine, 5, 101)

    assert [("acknowledged", "o-1")] == told(answer)
    assert [("filled", "o-1", "3 at 101", "taker")] == told(after)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (request(BUY, "1", "100", symbol="ETH/USDT"), "UNKNOWN_SYMBOL"),
        (request(BUY, "1", "100.001", symbol="BTC/USDT"), "PRICE_FILTER"),
        (request(BUY, "1", "-1", symbol="BTC/USDT"), "PRICE_FILTER"),
        (request(BUY, "1", "NaN", symbol="BTC/USDT"), "PRICE_FILTER"),
        (request(BUY, "0.0025", "5000", symbol="BTC/USDT"), "LOT_SIZE"),
        (request(BUY, "0.001", "9000", symbol="BTC/USDT"), "LOT_SIZE"),
        (request(BUY, "10", "100", symbol="BTC/USDT"), "LOT_SIZE"),
        (request(BUY, "NaN", "100", symbol="BTC/USDT"), "LOT_SIZE"),
        (request(BUY, "Infinity", "100", symbol="BTC/USDT"), "LOT_SIZE"),
        (request(BUY, "0.049", "100", symbol="BTC/USDT"), "NOTIONAL"),
        (request(BUY, "9", "2000", symbol="BTC/USDT"), "NOTIONAL"),
        (request(BUY, "0.049", symbol="BTC/USDT"), "NOTIONAL"),
        (request(BUY, "2", "100", symbol="BTC/USDT", post_only=True, time_in_force=IOC), "BAD_COMBINATION"),
        (request(BUY, "2", symbol="BTC/USDT", post_only=True), "BAD_COMBINATION"),
        (request(BUY, "2", "100", symbol="BTC/USDT", post_only=True), "WOULD_TAKE"),
        (request(SELL, "2", "99", symbol="BTC/USDT", post_only=True), "WOULD_TAKE"),
        (request(BUY, "9", "112", symbol="BTC/USDT"), "INSUFFICIENT_BALANCE"),
        (request(BUY, "9", symbol="BTC/USDT"), "INSUFFICIENT_BALANCE"),
        (request(SELL, "8", "112", symbol="BTC/USDT"), "INSUFFICIENT_BALANCE"),
    ],
)
def test_a_bad_order_is_rejected_by_its_filter(order: OrderRequest, code: str) -> None:
    """Each filter of the venue has its own code, and a refused order locks nothing."""
    engine = MatchingEngine([BTC], balances={"USDT": Decimal(899), "BTC": Decimal(7)}, fees=FREE)
    engine.market("BTC/USDT").last_ticks = 10_000
    before = engine.balances()

    answer = told(engine.submit(order, 1))

    assert [("rejected", "o-1", code)] == answer
    assert before == engine.balances()
    assert 0 == engine.waiting


def test_without_any_price_a_market_order_is_refused() -> None:
    """Its worth cannot be judged, so it is not taken."""
    engine = venue(last_ticks=0)

    assert [("rejected", "o-1", "NO_PRICE")] == told(engine.submit(request(BUY, 1), 1))


def test_a_client_order_id_is_unique_among_open_orders_only() -> None:
    """As at real venues: free again once the first order is closed, so resending may duplicate."""
    engine = venue()
    engine.submit(request(BUY, 1, 90), 1)

    while_open = engine.submit(request(BUY, 1, 90), 2)
    engine.cancel("COIN/USD", "o-1", 3)
    afterwards = engine.submit(request(BUY, 1, 90), 4)

    assert [("rejected", "o-1", "DUPLICATE_ORDER")] == told(while_open)
    assert [("acknowledged", "o-1")] == told(afterwards)


def test_a_limit_buy_locks_its_cost_and_gets_back_what_a_better_price_saves() -> None:
    """Price times quantity is locked; after the fill nothing is, and only the real cost is gone."""
    engine = venue(balances={"USD": 1_000})

    engine.submit(request(BUY, 5, 110), 1)
    locked = engine.balances()["USD"]
    trade(engine, 2, 104)

    assert (450, 550) == locked
    assert {"COIN": (5, 0), "USD": (480, 0)} == engine.balances()


def test_a_market_buy_whose_money_is_gone_expires_without_filling() -> None:
    """It locked nothing; a price that rose beyond what is free ends it whole."""
    engine = venue(balances={"USD": 1_000})
    engine.submit(request(BUY, 10), 1)

    events = trade(engine, 2, 101)

    assert [("expired", "o-1", "INSUFFICIENT_BALANCE")] == told(events)
    assert {"USD": (1_000, 0)} == engine.balances()


def test_a_cancel_releases_what_the_rest_of_the_order_locked() -> None:
    """The filled part stays filled."""
    engine = venue("volume", balances={"USD": 1_000})
    engine.submit(request(BUY, 5, 100, name="a"), 1)
    trade(engine, 2, 100, 2)

    events = engine.cancel("COIN/USD", "a", 3)

    assert [("canceled", "a", "canceled on request")] == told(events)
    assert {"COIN": (2, 0), "USD": (800, 0)} == engine.balances()
    assert 0 == engine.market("COIN/USD").waiting


@pytest.mark.parametrize(("symbol", "name"), [("COIN/USD", "b"), ("OTHER/USD", "a")])
def test_a_cancel_of_what_is_not_open_gives_no_event(symbol: str, name: str) -> None:
    """The end of that order has been reported, or it never was; `is_open` tells before."""
    engine = venue()
    engine.submit(request(BUY, 1, 90, name="a"), 1)

    assert [] == engine.cancel(symbol, name, 2)
    assert engine.is_open("a")
    assert not engine.is_open("b")


def test_cancel_all_ends_every_order_oldest_first() -> None:
    """Orders that have not met the market yet are cancelled too."""
    engine = venue()
    engine.submit(request(SELL, 1, 110, name="a"), 1)
    engine.submit(request(BUY, 1, name="b"), 2)

    elsewhere = engine.cancel_all("OTHER/USD", 3)
    events = engine.cancel_all(None, 3)

    assert [] == elsewhere
    assert ["a", "b"] == [name for _, name, _ in told(events)]
    assert 0 == engine.waiting


def test_with_latency_an_order_arrives_later_and_is_answered_then() -> None:
    """The answer carries the arrival time; a trade before the arrival does not fill the order."""
    engine = venue(latency_ns=10)

    at_once = engine.submit(request(BUY, 1), 100)
    early = trade(engine, 109, 90)
    late = trade(engine, 110, 95)

    assert [] == at_once
    assert [] == early
    assert [("acknowledged", "o-1"), ("filled", "o-1", "1 at 95", "taker")] == told(late)
    assert [110, 110] == [event.time_ns for event in late]


def test_messages_under_way_keep_their_order_and_wake_every_market() -> None:
    """A cancel sent after its order arrives after it; until then each market waits."""
    engine = venue(latency_ns=10)
    engine.submit(request(BUY, 1, 90), 100)
    engine.cancel("COIN/USD", "o-1", 101)

    waiting = engine.market("COIN/USD").waiting, engine.waiting
    events = engine.due(200)

    assert (2, 2) == waiting
    assert [("acknowledged", "o-1"), ("canceled", "o-1", "canceled on request")] == told(events)
    assert [110, 111] == [event.time_ns for event in events]
    assert (0, 0) == (engine.market("COIN/USD").waiting, engine.waiting)


def test_open_orders_are_reported_with_their_filled_part() -> None:
    """What a venue answers when asked."""
    engine = venue("volume")
    engine.submit(request(BUY, 5, 100), 1)
    trade(engine, 2, 100, 2)

    expected = ObservedOrder("o-1", "1", "COIN/USD", BUY, Decimal(5), Decimal(2), "partially_filled")

    assert (expected,) == engine.open_orders("COIN/USD")
    assert () == engine.open_orders("OTHER/USD")


def test_own_trades_can_be_asked_for_from_any_trade_on() -> None:
    """Trade ids count up per symbol; the history is bounded."""
    engine = venue("volume", balances={"USD": 200_000})
    engine.submit(request(BUY, 1_200), 1)
    booked = [fill for time in range(1_100) for fill in fills(trade(engine, time, 100))]

    assert [str(number) for number in range(1, 1_101)] == [fill.trade_id for fill in booked]
    assert booked[1_098:] == engine.trades_since("COIN/USD", "1098")
    assert booked[100:] == engine.trades_since("COIN/USD")


def test_a_fok_order_may_not_cost_more_than_is_free() -> None:
    """A market buy over several levels is paid whole or not at all."""
    engine = venue("book", balances={"USD": 300})
    book(engine, 1, asks=[(100, 2), (120, 1)])
    engine.submit(request(BUY, 3, time_in_force=FOK), 2)

    events = trade(engine, 3, 100)

    assert [("expired", "o-1", "INSUFFICIENT_BALANCE")] == told(events)
    assert {"USD": (300, 0)} == engine.balances()


def test_an_unknown_symbol_has_no_market() -> None:
    """Market data of a symbol that is not configured is a caller's mistake."""
    with pytest.raises(UnknownSymbolError):
        venue().market("OTHER/USD")


@pytest.mark.parametrize(
    "options",
    [{"latency_ns": -1}, {"fill_model": "magic"}, {"balances": {"USD": -1}}, {"balances": {"USD": "NaN"}}],
)
def test_a_senseless_configuration_is_refused(options: dict[str, object]) -> None:
    """Each with what was found and what is expected."""
    with pytest.raises(ConfigError, match=r"[Ee]xpected"):
        venue(**options)  # type: ignore[arg-type]
