"""A book that cannot be is fetched anew, and a person is told when new ones break as well."""

from __future__ import annotations

from meva_adapters.storage.codec import decode, encode
from meva_core.commands import Command, RaiseAlert, RenewBook
from meva_core.events import AgentStarted, BookChanged, StreamGapDetected, TimerFired
from meva_core.ports.exchange import VenueCapabilities
from meva_runners.composition import ConfiguredStrategy, compose_agent
from tests.replay.case import config
from tests.unit.agent.test_venue_watch import Bench, BuyMore, at, wanted

SYMBOL = "BTC/USDT"
BIDS, ASKS = ((2_999_000, 10),), ((3_001_000, 10),)


def snapshot(bench: Bench, second: float, number: int) -> tuple[Command, ...]:
    """Let a whole book come."""
    return bench.hear(BookChanged(at(second), SYMBOL, True, number, number, BIDS, ASKS))


def crossed(bench: Bench, second: float, number: int) -> list[RenewBook]:
    """Let a change come that bids more than is asked, numbered in order; return what is asked for."""
    change = BookChanged(at(second), SYMBOL, False, number, number, ((3_002_000, 1),), ())
    return wanted(bench.hear(change), RenewBook)


def test_a_crossed_book_is_asked_for_and_trades_nothing_meanwhile() -> None:
    """The stream saw no gap, so nobody else would; the new book is as good as the first."""
    bench = Bench()
    market = bench.agent.path(SYMBOL).market
    snapshot(bench, 1, 10)
    before = bench.trade(2)
    asked = crossed(bench, 3, 11)
    usable = [market.is_book_usable()]
    meanwhile = bench.trade(4)
    snapshot(bench, 5, 20)
    usable.append(market.is_book_usable())

    assert [RenewBook(SYMBOL, "crossed")] == asked
    assert (1, 0) == (len(before), len(meanwhile))
    assert [False, True] == usable


def test_a_gap_that_the_stream_saw_is_its_own_affair() -> None:
    """It fetches the book by itself: what comes until then is kept, and nothing is asked for twice."""
    bench = Bench()
    snapshot(bench, 1, 10)
    told = bench.hear(StreamGapDetected(at(2), "market", SYMBOL, 11, 15))
    kept = bench.hear(BookChanged(at(2), SYMBOL, False, 15, 15, BIDS, ()))

    assert [] == wanted((*told, *kept), RenewBook)


def test_new_books_that_break_as_well_call_a_person() -> None:
    """The third in a row is told, once; after three minutes without one it is over, and the next is the first."""
    bench = Bench()
    alerts = []
    for turn in range(4):
        snapshot(bench, 10 * turn + 1, 10 * turn + 10)
        change = BookChanged(
            at(10 * turn + 2), SYMBOL, False, 10 * turn + 11, 10 * turn + 11, (), ((3_001_000, 0),)
        )
        alerts.append(wanted(bench.hear(change), RaiseAlert))
    snapshot(bench, 40, 50)
    bench.hear(TimerFired(at(32 + 180), "market_watch"))
    standing = [cause.code for cause in bench.agent.services.alerts.standing()]

    assert [0, 0, 1, 0] == list(map(len, alerts))
    [told] = alerts[2]
    assert ("broken_book", SYMBOL) == (told.code, told.subject)
    assert "one_sided again after 2 new ones" in told.message
    assert "broken_book" not in standing


def test_the_row_of_breaks_survives_a_restart_and_the_book_does_not() -> None:
    """A feed that begins anew may number anew: its first snapshot counts, though its number is lower."""
    bench = Bench()
    for turn in range(2):
        snapshot(bench, 2 * turn + 1, 1_000 * turn + 10)
        crossed(bench, 2 * turn + 2, 1_000 * turn + 11)
    snapshot(bench, 6, 9_000)
    bench.agent = compose_agent(
        config(),
        [ConfiguredStrategy("sma_cross", BuyMore())],
        checkpoint=decode(encode(bench.agent.checkpoint()), source="test"),
        capabilities=VenueCapabilities(request_window_ms=5_000),
    )
    bench.hear(AgentStarted(at(7)))
    market = bench.agent.path(SYMBOL).market
    after_start = market.is_book_usable()
    snapshot(bench, 8, 1)
    after_snapshot = market.is_book_usable()
    change = BookChanged(at(9), SYMBOL, False, 2, 2, ((3_002_000, 1),), ())

    assert (False, True) == (after_start, after_snapshot)
    assert ["broken_book"] == [alert.code for alert in wanted(bench.hear(change), RaiseAlert)]
