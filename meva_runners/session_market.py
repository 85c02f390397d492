"""Unpack the market data of a session in the order in which it was handled, and sum up its quality; decide nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from operator import itemgetter, sub
from typing import Any, Final, assert_never

from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.market_segments import Segment, events_of
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.errors import InvariantError
from meva_core.events import BookChanged, CandleClosed, QuoteReceived, TradeReceived
from meva_core.model.market import timeframe_ns
from meva_core.ops.report_collector import ReportCollector, SymbolWatch

# The sequence of an event, its time, and the call that handles it; the call says whether anything came of it.
Row = tuple[int, int, Callable[..., bool], Sequence[Any]]

_IN_ORDER: Final = itemgetter(0)


class MarketRows:
    """Give the rows of every batch, and watch what lies between *start_ns* and *end_ns*."""

    def __init__(self, tape: SessionTape, agent: AgentOrchestrator, start_ns: int, end_ns: int) -> None:
        self._tape = tape
        self._agent = agent
        self._start_ns = start_ns
        self._end_ns = end_ns

    def batches(self, collector: ReportCollector) -> Iterator[Sequence[Row] | Iterator[Row]]:
        """Yield the rows of one batch after the other; raise `StorageError` at the first that is damaged."""
        for batch in self._tape.columns():
            parts = []
            for segment, columns in batch:
                self._watch(collector, segment, columns[0])
                parts.append(self._rows(segment, columns))
            if len(parts) == 1:
                yield parts[0]
            else:  # Sorting joins rising runs as fast as merging them.
                yield sorted((row for part in parts for row in part), key=_IN_ORDER)

    def sample(self, collector: ReportCollector, time_ns: int) -> None:
        """Note the mark of every market that has one."""
        for symbol in collector.markets:
            market = self._agent.path(symbol).market
            if market.last_ticks:
                watch = collector.markets[symbol]
                watch.times_ns.append(time_ns)
                watch.prices.append(market.mark)

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
