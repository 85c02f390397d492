"""Say what every live market feed promises, as cases; test no feed by itself."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Final

from attrs import define

from meva_adapters.contracts.case import (
    CaseList,
    ContractBreachError,
    Kit,
    NotProvenError,
    expect_equal,
    expect_true,
)
from meva_adapters.contracts.heard import Heard, heard_from
from meva_core.data.order_book import BookState, OrderBook
from meva_core.events import (
    BookChanged,
    Event,
    QuoteReceived,
    StreamConnected,
    StreamGapDetected,
    StreamLost,
    TradeReceived,
)
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.ports.market_feed import EventStream

_QUIET_S: Final = 0.3
_PRINTS: Final = 5
_FOLLOW: Final = "Follow one live source, a market's or an account's, for as long as it is wanted."
_TOLD: Final = (
    "What the network does is told by events: `StreamConnected` when what follows is complete, `StreamLost` and "
    "`StreamGapDetected` when it is not."
)
_RUNS: Final = (
    "Connect, deliver and reconnect until cancelled. Return or raise for no fault of a network or a venue."
)
_TIMES: Final = "Event times are the agent's receive times."
_TRADE: Final = "A trade printed."
_QUOTE: Final = "The best bid and ask changed."
_BOOK: Final = "The order book changed. Levels are (price_ticks, lots), absolute; 0 lots remove a level."
_SNAPSHOT: Final = "A snapshot replaces the book and carries its id in both ids."

Levels = dict[int, int]


class MarketFeedHarness(ABC):
    """Subclass it. Every case gets a harness of its own; the market stands still until a case moves it."""

    @abstractmethod
    async def start(self) -> EventStream:
        """Start the venue and return the stream of one market."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop everything, also when `start` failed half way."""

    @abstractmethod
    def instrument(self) -> Instrument:
        """Return what is traded."""

    @abstractmethod
    def book(self) -> tuple[Levels, Levels]:
        """Return the venue's bids and asks as the stream shows them at most: lots by price in ticks."""

    @abstractmethod
    def trade(self, price_ticks: int, lots: int, taker_side: Side) -> None:
        """Let a trade print."""

    @abstractmethod
    def change_book(self, bids: Levels, asks: Levels) -> None:
        """Set levels of the book; 0 lots remove one. The best bid and ask follow from it."""

    # What the author can offer, and need not.

    def lose_book_change(self) -> None:
        """Let the next change of the book be lost on its way."""
        raise NotProvenError("way to lose a change of the book")

    def cut(self) -> None:
        """Cut the connection."""
        raise NotProvenError("way to cut the stream")

    def silence(self) -> None:
        """Let the connection stay up and say nothing, for a minute."""
        raise NotProvenError("way to silence the stream")

    def say(self, text: str) -> None:
        """Send *text* to whoever listens."""
        raise NotProvenError("way to say nonsense")

    async def go_down(self) -> None:
        """Stop listening."""
        raise NotProvenError("way to stop the venue")


@define
class FeedBench:
    """Hold a harness, what its stream delivers, and the book that the core makes of it."""

    harness: MarketFeedHarness
    heard: Heard
    task: asyncio.Task[None]

    def of(self, kind: type[Event]) -> list[Event]:
        """Return the events of that kind."""
        return list(self.heard.of(kind))

    def core_book(self) -> OrderBook:
        """Return the book that the events so far make; one that breaks a rule is a finding."""
        book = OrderBook(self.harness.instrument().symbol)
        for event in self.heard.events:
            match event:
                case StreamLost() | StreamGapDetected():
                    book.discard()
                case BookChanged():
                    outcome = book.apply(event)
                    if outcome.broken:
                        raise ContractBreachError(f"the book is {outcome} by {event}, and no gap was told")
                case _:
                    pass
        return book

    async def agrees(self, what: str) -> None:
        """Wait until the core's book is the venue's."""
        await self.heard.until(self._is_equal, what)

    def _is_equal(self) -> bool:
        book = self.core_book()
        if book.state is not BookState.SYNCHRONISED:
            return False
        sides = zip((book.bids, book.asks), self.harness.book(), strict=True)
        return all(dict(mine.top(len(mine))) == true for mine, true in sides)


_FEEDS: CaseList[FeedBench] = CaseList()
case = _FEEDS.case


@case("MF-01", "connection and snapshot", promise=_SNAPSHOT)
async def snapshot(bench: FeedBench) -> None:
    """Tell the connection, and a book that is the venue's."""
    await bench.agrees("the venue's book")
    await bench.heard.until(lambda: bench.heard.of(StreamConnected), "the connection")

    books = [event for event in bench.heard.of(BookChanged) if event.snapshot]
    expect_equal([1], [len({event.symbol for event in books})], "symbols with a snapshot")


@case("MF-02", "trade as it printed", promise=_TRADE)
async def trade(bench: FeedBench) -> None:
    """Tell price, quantity and taker's side of each trade on the grid, once, in order."""
    await bench.agrees("the venue's book")
    best_ask = min(bench.harness.book()[1])
    printed = [(best_ask + each, 10 + each, Side.BUY if each % 2 else Side.SELL) for each in range(_PRINTS)]
    before = len(bench.heard.of(TradeReceived))
    for price, lots, side in printed:
        bench.harness.trade(price, lots, side)
    await bench.heard.until(lambda: len(bench.heard.of(TradeReceived)) >= before + _PRINTS, "every trade")
    await asyncio.sleep(_QUIET_S)

    told = [(e.price_ticks, e.quantity_lots, e.taker_side) for e in bench.heard.of(TradeReceived)[before:]]
    expect_equal(printed, told, "trades")
    ids = [event.trade_id for event in bench.heard.of(TradeReceived)]
    expect_true(-1 in ids or len(set(ids)) == len(ids), f"ids are unique: {ids}")


@case("MF-03", "best bid and ask", promise=_QUOTE)
async def quote(bench: FeedBench) -> None:
    """Tell a better bid as the best."""
    await bench.agrees("the venue's book")
    bids, asks = bench.harness.book()
    better = max(bids) + 1
    bench.harness.change_book({better: 7}, {})
    expected = (better, 7, min(asks), asks[min(asks)])

    def told() -> bool:
        quotes = bench.heard.of(QuoteReceived)
        return bool(quotes) and expected == (
            quotes[-1].bid_ticks,
            quotes[-1].bid_lots,
            quotes[-1].ask_ticks,
            quotes[-1].ask_lots,
        )

    await bench.heard.until(told, f"the quote {expected}")


@case("MF-04", "changes of the book", promise=_BOOK)
async def changes(bench: FeedBench) -> None:
    """Follow new, changed and removed levels until the book is the venue's again."""
    await bench.agrees("the venue's book")
    bids, asks = bench.harness.book()
    bench.harness.change_book({max(bids): 5, max(bids) - 1: 0}, {min(asks): 0})
    await bench.agrees("the changed book")
    bench.harness.change_book({max(bids): 0}, {min(asks): 9})
    await bench.agrees("the book after the second change")

    expect_equal(1, len(bench.heard.of(StreamConnected)), "connections")


@case("MF-05", "lost change of the book", promise=_TOLD)
async def gap(bench: FeedBench) -> None:
    """Tell the gap, or the loss of the stream, and bring a snapshot after it; no wrong book is ever shown."""
    await bench.agrees("the venue's book")
    bids, _ = bench.harness.book()
    bench.harness.lose_book_change()
    bench.harness.change_book({max(bids) - 1: 3}, {})
    await asyncio.sleep(_QUIET_S)
    bench.harness.change_book({max(bids): 4}, {})
    await bench.heard.until(lambda: _doubts(bench), "the gap")
    await bench.agrees("the book after the gap")


@case("MF-06", "connection cut", promise=_TOLD)
async def cut(bench: FeedBench) -> None:
    """Tell the loss and the new connection; the book is the venue's again, with what happened meanwhile."""
    await bench.agrees("the venue's book")
    bench.harness.cut()
    bids, _ = bench.harness.book()
    bench.harness.change_book({max(bids): 3}, {})
    await bench.heard.until(lambda: len(bench.heard.of(StreamConnected)) > 1, "the new connection")
    await bench.agrees("the book after the cut")

    expect_equal(1, len(bench.heard.of(StreamLost)), "losses that are told")


@case("MF-07", "silence on an open connection", promise=_TOLD)
async def silent(bench: FeedBench) -> None:
    """Take silence for a loss, after a time."""
    bench.harness.silence()
    await bench.heard.until(lambda: bench.heard.of(StreamLost), "the loss")


@case("MF-08", "malformed message", promise=_RUNS)
async def malformed(bench: FeedBench) -> None:
    """Tell nothing of it, and show no wrong book: go on, or connect anew."""
    for text in ("{", "[]", '{"stream":"x","data":7}', "null"):
        bench.harness.say(text)
    await _goes_on(bench)


@case("MF-09", "unknown message", promise=_RUNS)
async def unknown(bench: FeedBench) -> None:
    """Tell nothing of it, and go on."""
    bench.harness.say('{"e":"somethingNew","channel":"somethingNew","data":[{}]}')
    await _goes_on(bench)


@case("MF-10", "venue down", promise=_RUNS)
async def down(bench: FeedBench) -> None:
    """Tell the loss once, and try again for ever."""
    await bench.agrees("the venue's book")
    await bench.harness.go_down()
    await bench.heard.until(lambda: bench.heard.of(StreamLost), "the loss")
    await asyncio.sleep(_QUIET_S)

    expect_equal(1, len(bench.heard.of(StreamLost)), "losses that are told")
    expect_true(not bench.task.done(), "the stream still runs")


@case("MF-11", "times of events", promise=_TIMES)
async def times(bench: FeedBench) -> None:
    """Give whole nanoseconds that never fall."""
    await _goes_on(bench)
    told = [event.time_ns for event in bench.heard.events]

    expect_true(all(type(time_ns) is int for time_ns in told), "times are whole")
    expect_true(all(before <= after for before, after in pairwise(told)), "times never fall")


@case("MF-12", "only what was asked for", promise=_FOLLOW)
async def only_ours(bench: FeedBench) -> None:
    """Tell of no other market, and every price and quantity in whole ticks and lots."""
    await _goes_on(bench)
    symbol = bench.harness.instrument().symbol

    events = [event for event in bench.heard.events if hasattr(event, "symbol")]
    expect_equal({symbol}, {event.symbol for event in events}, "symbols")
    trades = bench.heard.of(TradeReceived)
    whole = {type(number) for event in trades for number in (event.price_ticks, event.quantity_lots)}
    expect_equal({int}, whole, "types of prices and quantities")


async def _goes_on(bench: FeedBench) -> None:
    """Print a trade and hear of it."""
    await bench.agrees("the venue's book")
    price = min(bench.harness.book()[1]) + 3
    bench.harness.trade(price, 77, Side.BUY)

    def told() -> bool:
        return any((e.price_ticks, e.quantity_lots) == (price, 77) for e in bench.heard.of(TradeReceived))

    await bench.heard.until(told, "the trade after it")


def _doubts(bench: FeedBench) -> bool:
    return bool(bench.heard.of(StreamGapDetected) or bench.heard.of(StreamLost))


@asynccontextmanager
async def opened(harness: MarketFeedHarness) -> AsyncIterator[FeedBench]:
    """Start *harness*, follow its stream, and stop both whatever happens."""
    try:
        stream = await harness.start()
        async with heard_from(stream) as (heard, task):
            yield FeedBench(harness, heard, task)
    finally:
        await harness.stop()


MARKET_FEED: Final[Kit[FeedBench]] = Kit(port="market feed", cases=tuple(_FEEDS.cases), opened=opened)
