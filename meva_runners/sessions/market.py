"""Unpack the market data of a session in the order in which it was handled, and sum up its quality; decide nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from operator import itemgetter, le, lt, sub
from typing import Any, Final, assert_never

from attrs import frozen

from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.market_segments import Segment, events_of
from meva_core.agent.market_path import MarketPath
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.runtime_state import Runtime
from meva_core.errors import InvariantError
from meva_core.events import BookChanged, CandleClosed, QuoteReceived, TradeReceived
from meva_core.model.market import timeframe_ns
from meva_core.ops.report_collector import ReportCollector, SymbolWatch

# The sequence of an event, its time, and the call that handles it; the call says whether anything came of it.
Row = tuple[int, int, Callable[..., bool], Sequence[Any]]

_IN_ORDER: Final = itemgetter(0)
# So many trades are held against one band at most: a copy of their prices is made for it.
_AT_ONCE: Final = 256


@frozen
class TradeRows:
    """Hold consecutive trades of one symbol as columns, and hand them to the books, many at once where that is safe.

    Between two anchors of the books a trade inside the band of its market moves the mark and nothing else, so of
    many such trades the last one counts. *plain* says that none is refused for its own content.
    """

    sequences: list[int]
    times: list[int]
    prices: list[int]
    lots: list[int]
    ids: list[int]
    path: MarketPath
    runtime: Runtime
    plain: bool

    def handle(self, first: int, last: int, drain: Callable[[], None]) -> None:
        """Hand over rows *first* to *last*; call *drain* after every row from which something followed."""
        path, times = self.path, self.times
        row = first
        while row < last:
            quiet = self._next_that_matters(row, min(last, row + _AT_ONCE))
            if quiet > row:
                self._skip_to(quiet)
                row = quiet
                continue
            if path.on_trade(times[row], self.prices[row], self.lots[row], self.ids[row]):
                drain()
            row += 1

    def _next_that_matters(self, start: int, stop: int) -> int:
        """Return the first row at or after *start* that must be looked at by itself; *stop* where none before it is."""
        path, runtime = self.path, self.runtime
        market = path.market
        if (
            not self.plain
            or self.times[start] < runtime.now_ns
            or -1 < self.ids[start] <= market.last_trade_id
        ):
            return start
        if self.times[stop - 1] >= runtime.alarm_ns:
            stop = bisect_left(self.times, runtime.alarm_ns, start, stop)
            if stop == start:
                return start
        prices = self.prices[start:stop]
        low, high = path.low, path.high
        lowest, highest = min(prices), max(prices)
        if low < lowest and highest < high:
            return stop
        if low > 0 and highest < high and lowest > market.trusted_low:
            return start + prices.index(lowest)  # Of falls from one peak, the deepest alone is remembered.
        return next(row for row, price in enumerate(prices, start) if not low < price < high)

    def _skip_to(self, stop: int) -> None:
        last, market = stop - 1, self.path.market
        market.last_ns = self.runtime.now_ns = self.times[last]
        market.last_ticks = self.prices[last]
        if self.ids[last] >= 0:
            market.last_trade_id = self.ids[last]


class MarketRows:
    """Give the rows of every batch, and watch what lies between *start_ns* and *end_ns*."""

    def __init__(
        self, tape: SessionTape, agent: AgentOrchestrator, runtime: Runtime | None, start_ns: int, end_ns: int
    ) -> None:
        self._tape = tape
        self._runtime = runtime
        self._agent = agent
        self._start_ns = start_ns
        self._end_ns = end_ns
        self._on_bars: set[str] = set()

    def batches(self, collector: ReportCollector) -> Iterator[TradeRows | Sequence[Row] | Iterator[Row]]:
        """Yield the rows of one batch after the other; raise `StorageError` at the first that is damaged."""
        for batch in self._tape.columns():
            for segment, columns in batch:
                self._watch(collector, segment, columns[0])
                if segment.key.kind == CandleClosed.__name__:
                    self._on_bars.add(segment.key.symbol)
            if len(batch) > 1:  # Sorting joins rising runs as fast as merging them.
                yield sorted(chain.from_iterable(self._rows(*part) for part in batch), key=_IN_ORDER)
                continue
            [(segment, columns)] = batch
            if segment.key.kind == TradeReceived.__name__:
                yield self._trades(segment.key.symbol, columns)
            else:
                yield self._rows(segment, columns)

    def one_by_one(self, after_sequence: int = 0) -> Iterator[Row]:
        """Yield every market event after *after_sequence* by itself, for an agent whose strategies look at each."""
        for batch in self._tape.columns(after_sequence):
            rows = [self._rows(*part) for part in batch]
            for row in rows[0] if len(rows) == 1 else sorted(chain.from_iterable(rows), key=_IN_ORDER):
                if row[0] > after_sequence:  # A batch may begin before it.
                    yield row

    def sample(self, collector: ReportCollector, time_ns: int) -> None:
        """Note the mark of every market that has one."""
        for symbol in collector.markets:
            market = self._agent.path(symbol).market
            if market.last_ticks:
                watch = collector.markets[symbol]
                watch.times_ns.append(time_ns)
                watch.prices.append(market.mark)

    def _trades(self, symbol: str, columns: list[list[int]]) -> TradeRows:
        times, prices, lots, _, ids, _, sequences = columns[:7]
        numbered = max(ids) >= 0
        plain = (
            symbol not in self._on_bars  # A market that lives on bars refuses trades.
            and min(lots) > 0
            and all(map(le, times, times[1:]))
            and (not numbered or (ids[0] >= 0 and all(map(lt, ids, ids[1:]))))
        )
        path = self._agent.path(symbol)
        assert self._runtime is not None, "only the books take many trades at once"
        return TradeRows(sequences, times, prices, lots, ids, path, self._runtime, plain)

    def _rows(self, segment: Segment, columns: list[list[int]]) -> Iterator[Row]:
        path = self._agent.path(segment.key.symbol)
        if segment.key.kind == TradeReceived.__name__:
            times, prices, lots, _, ids, _, sequences = columns[:7]
            arguments = zip(times, prices, lots, ids, strict=True)
            return zip(sequences, times, repeat(path.on_trade), arguments, strict=False)
        return self._events(segment)

    def _events(self, segment: Segment) -> Iterator[Row]:
        path = self._agent.path(segment.key.symbol)
        with self._tape.unpacking(segment):
            for sequence, event in events_of(segment):
                match event:
                    case CandleClosed():
                        length_ns = timeframe_ns(event.timeframe)
                        yield sequence, event.time_ns, path.on_bar, (event.time_ns, event.candle, length_ns)
                    case QuoteReceived():
                        yield sequence, event.time_ns, path.on_quote, (event,)
                    case BookChanged():
                        yield sequence, event.time_ns, path.on_book, (event,)
                    case TradeReceived():
                        raise InvariantError("trades are taken as columns", repr(event))
                    case _:
                        assert_never(event)

    def _watch(self, collector: ReportCollector, segment: Segment, times: list[int]) -> None:
        first = bisect_left(times, self._start_ns)
        last = bisect_left(times, self._end_ns)
        if first >= last:
            return
        seen = times[first:last] if last - first < len(times) else times
        watch = collector.market(segment.key.symbol)
        kind = segment.key.kind
        watch.events[kind] += len(seen)
        collector.events[kind] += len(seen)
        if watch.last_ns:
            self._silence(watch, seen[0] - watch.last_ns, watch.last_ns)
        else:
            watch.first_ns = seen[0]
        gaps = list(map(sub, seen[1:], seen))
        if gaps:
            longest = max(gaps)
            self._silence(watch, longest, seen[gaps.index(longest)])
        watch.last_ns = max(watch.last_ns, seen[-1])

    def _silence(self, watch: SymbolWatch, length_ns: int, from_ns: int) -> None:
        if length_ns > watch.longest_silence_ns:
            watch.longest_silence_ns, watch.silence_from_ns = length_ns, from_ns
