"""Bring each strategy of one symbol the candles it asked for, from trades or from shorter bars; ask no strategy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from meva_core.agent.strategy_slot import StrategySlot
from meva_core.data.candles import CandleAggregator, CandleBuilder
from meva_core.errors import DataError
from meva_core.model.market import TIMEFRAME_NS, Candle, timeframe_ns

Closed = tuple[StrategySlot, Sequence[Candle]]


class CandleFeed:
    """Hold one builder per timeframe that a strategy samples by.

    *from_trades* says whether any is wanted from trades; *bar_ns* is the length of the bars that the market
    lives on (0: it lives on trades), *longer* says whether any candle is to be joined from them.
    """

    def __init__(self, symbol: str, slots: Sequence[StrategySlot]) -> None:
        self._symbol = symbol
        by_timeframe: dict[str, list[StrategySlot]] = {}
        for slot in slots:
            if slot.timeframe is not None:
                by_timeframe.setdefault(slot.timeframe, []).append(slot)
        self._slots = {timeframe_ns(name): tuple(each) for name, each in by_timeframe.items()}
        self._builders = {length_ns: CandleBuilder(length_ns) for length_ns in self._slots}
        self._aggregators: dict[int, CandleAggregator] = {}
        self.from_trades = bool(self._builders)
        self.longer = False
        self.bar_ns = 0

    @property
    def open(self) -> bool:
        """Return whether any candle is being made, so that events between its ends count."""
        return self.from_trades or self.longer

    def samples_directly(self, slot: StrategySlot) -> bool:
        """Return whether every trade, or every bar, is a sample for *slot*."""
        return slot.timeframe is None or timeframe_ns(slot.timeframe) == self.bar_ns

    def start_bars(self, bar_ns: int) -> None:
        """Learn that the market lives on bars of this length.

        Raise `DataError` where a strategy samples by candles that cannot be joined from them, and where the
        length changes on the way.
        """
        unfit = [length_ns for length_ns in self._slots if length_ns % bar_ns]
        if unfit or self.bar_ns not in {0, bar_ns}:
            wanted = ", ".join(_name(length_ns) for length_ns in unfit) or _name(self.bar_ns)
            raise DataError(
                self._symbol,
                0,
                f"the market data is {_name(bar_ns)} bars, but {wanted} candles are wanted.",
                "Set the strategy's timeframe to the bars' or a multiple, or give a finer recording.",
            )
        self.bar_ns = bar_ns
        self.from_trades = False
        self._aggregators = {
            length_ns: CandleAggregator(length_ns) for length_ns in self._slots if length_ns != bar_ns
        }
        self.longer = bool(self._aggregators)

    def on_trade(self, time_ns: int, price: int, lots: int) -> Iterator[Closed]:
        """Take a trade; yield the slots whose candles it closes, with them, oldest first."""
        for length_ns, builder in self._builders.items():
            candles = builder.on_trade(time_ns, price, lots)
            if candles:
                for slot in self._slots[length_ns]:
                    yield slot, candles

    @property
    def next_close_ns(self) -> int:
        """Return when the first of the open candles is over; 0 before the first trade."""
        return min([builder.close_ns for builder in self._builders.values()])

    def extend(self, prices: Sequence[int], lots: Sequence[int]) -> None:
        """Take many trades, all before `next_close_ns`."""
        for builder in self._builders.values():
            builder.extend(prices, lots)

    def next_longer_close_ns(self, open_ns: int) -> int:
        """Return when the first of the longer candles that a bar from *open_ns* on belongs to is over."""
        return min([aggregator.close_after(open_ns) for aggregator in self._aggregators.values()])

    def extend_longer(self, bars: Sequence[Candle]) -> None:
        """Take many bars, all before the end of every longer candle they belong to."""
        for aggregator in self._aggregators.values():
            for bar in bars:
                closed = aggregator.on_candle(bar)
                assert not closed, "a bar that ends a longer candle is handled by itself"

    def on_bar(self, bar: Candle) -> Iterator[Closed]:
        """Take a bar; yield the slots whose longer candles it closes."""
        for length_ns, aggregator in self._aggregators.items():
            candles = aggregator.on_candle(bar)
            if candles:
                for slot in self._slots[length_ns]:
                    yield slot, candles

    def close_due(self, time_ns: int) -> Iterator[Closed]:
        """Yield the slots whose candles are over at *time_ns*."""
        for length_ns, builder in self._builders.items():
            candles = builder.close_due(time_ns)
            if candles:
                for slot in self._slots[length_ns]:
                    yield slot, candles

    def snapshot(self) -> dict[str, Any]:
        """Return the whole memory as plain values."""
        return {
            "bar_ns": self.bar_ns,
            "builders": [builder.snapshot() for builder in self._builders.values()],
            "aggregators": [aggregator.snapshot() for aggregator in self._aggregators.values()],
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned."""
        if memory["bar_ns"]:
            self.start_bars(memory["bar_ns"])
        for builder, rows in zip(self._builders.values(), memory["builders"], strict=True):
            builder.restore(rows)
        for aggregator, rows in zip(self._aggregators.values(), memory["aggregators"], strict=True):
            aggregator.restore(rows)


def _name(length_ns: int) -> str:
    names = [name for name, known_ns in TIMEFRAME_NS.items() if known_ns == length_ns]
    return names[0] if names else f"{length_ns} ns"
