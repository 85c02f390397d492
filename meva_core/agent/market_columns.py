"""Find the trades from which nothing can follow, many at once, and pass over them; decide nothing.

A trade is quiet when it is well formed, inside the band of its market, before every alarm and the end of every
candle, and when the guard of each strategy says no. All of that can be told for a whole run of trades before the
first of them is handled. What is not quiet goes to `MarketPath.on_trade`, so both ways decide by the same code.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from meva_core.agent.market_path import MarketPath
from meva_core.agent.strategy_slot import StrategySlot
from meva_core.data.exact_columns import BoolColumn, Ints, exactly
from meva_core.data.feature_columns import Samples, shown
from meva_core.ports.market_feed import TradeBlock
from meva_core.signals.strategy import FeatureValues

# So many prices are held against one band by Python's own `min` and `max`, which are quicker for few.
_AT_ONCE: Final = 256
# A run in which so many more trades matter than do not, one after the other, is not worth searching.
_VAIN_MAX: Final = 64
# What features show is calculated so often for one run at most: each time costs as much as the whole run.
_RENEWALS_MAX: Final = 16


class GuardColumns:
    """Hold what the guard of one strategy says of the coming trades.

    *masks* by stance (-1 is the last): a byte per trade, 1 where the strategy may want something; `None` until asked.
    """

    __slots__ = ("_features", "_rows", "brought", "masks", "slot")

    def __init__(self, slot: StrategySlot, samples: Samples) -> None:
        self.slot = slot
        features = slot.features
        self._rows = len(samples.prices)
        named = dict(zip(features.names, features.features, strict=True))
        columns = shown(named, samples)
        self.brought = [(column.bring, named[name]) for name, column in columns.items()]
        self._features = FeatureValues(columns)
        self.masks: list[bytes | None] = [None, None, None]

    def ask(self) -> bytes:
        """Return the mask for the present stance, made now; raise where it cannot be told from columns."""
        stance = self.slot.stance
        with exactly():
            answer: Any = self.slot.acts(self._features, stance)
        if isinstance(answer, BoolColumn):
            mask = answer.values.tobytes()
        elif answer is False:
            mask = bytes(self._rows)
        else:
            raise TypeError(f"a guard says yes or no to each row, not {answer!r:.60} to all")
        self.masks[stance] = mask
        return mask


class TradeColumns:
    """Pass over the quiet trades of one run of rows, *start* to *stop* of a block.

    `skip` leaves the features behind; `step` brings them up before a trade is handled, and `settle` at the end.
    *usable* is false where the rows, or the guard of a strategy, do not allow it: *unfit* then names the strategy.
    """

    def __init__(self, path: MarketPath, block: TradeBlock, start: int, stop: int, unfit: set[str]) -> None:
        self._path = path
        self._runtime = path.runtime
        self._market = path.market
        self._times = block.times
        self._prices: list[int] = []
        self._first = start
        self._lots = block.quantities
        self._ids = block.ids
        self._stop = stop
        self._unfit = unfit
        self._base = self._fed = start
        self._columns: tuple[Ints, Ints] = (_NOTHING, _NOTHING)
        self._guards: list[GuardColumns] = []
        self._epoch = -1
        self._renewals = self._vain = 0
        self._alarm_ns = self._due_ns = -1
        self._end = start
        self.usable = unfit.isdisjoint([slot.name for slot in path.warm]) and self._read(block, start, stop)

    def _read(self, block: TradeBlock, start: int, stop: int) -> bool:
        """Take over the columns; return whether no row is to be refused for its own content."""
        try:
            times, prices, lots, ids = [
                int64(column, start, stop)
                for column in (block.times, block.prices, block.quantities, block.ids)
            ]
        except OverflowError:
            return False
        self._columns = (prices, lots)
        self._prices = prices.tolist()
        unnumbered = bool((ids < 0).all())
        return bool(
            lots.min() > 0
            and (times[1:] >= times[:-1]).all()
            and (unnumbered or (ids[0] >= 0 and (ids[1:] > ids[:-1]).all()))
        )

    def skip(self, row: int) -> int:
        """Pass over quiet trades from *row* on; return the first that must be handled.

        Where the account said something on the way, the row after that is returned, and *spoke* is true.
        """
        path, runtime = self._path, self._runtime
        if path.epoch != self._epoch and not self._renewed(row):
            return row
        if runtime.alarm_ns != self._alarm_ns or path.candles.from_trades or self._end < row:
            self._look_ahead(row)
        until, base = self._end, self._base
        for guard in self._guards:
            mask = guard.masks[guard.slot.stance]
            if mask is None:
                mask = self._ask(guard)
                if mask is None:
                    return row
            found = mask.find(1, row - base, until - base)
            if found >= 0:
                until = base + found
        if row < until and self._times[row] >= runtime.now_ns:
            return self._pass(row, until)
        self._vain += 1
        if self._vain > _VAIN_MAX:
            self.usable = False
        return row

    @property
    def spoke(self) -> bool:
        """Return whether something followed from the last row that was passed over."""
        return self._runtime.outbox.filled

    def step(self, row: int) -> None:
        """Bring features and candles up to *row*, which is about to be handled."""
        if row > self._fed:
            self.settle(row)
        self._fed = row + 1

    def settle(self, row: int) -> None:
        """Bring features and candles up to *row*, not included."""
        fed, self._fed = self._fed, row
        if row <= fed:
            return
        first = self._first
        prices, lots = self._prices[fed - first : row - first], self._lots[fed:row]
        last = row - self._base - 1
        for guard in self._guards:
            for bring, feature in guard.brought:
                bring(feature, last, prices, lots)
        if self._path.candles.from_trades:
            self._path.candles.extend(prices, lots)

    def _renewed(self, row: int) -> bool:
        """Ask anew what the features will show from *row* on; return whether that can be told."""
        path = self._path
        if path.cold or path.on_bars or not path.account.started:
            return False
        assert row == self._fed, "an epoch ends with an event that was handled"
        self._renewals += 1
        if self._renewals > _RENEWALS_MAX:
            self.usable = False
            return False
        prices, lots = self._columns
        done = row - self._first
        samples = Samples(prices[done:], lots[done:])
        self._guards = []
        for slot in path.warm:
            try:
                with exactly():
                    self._guards.append(GuardColumns(slot, samples))
            except Exception:  # noqa: BLE001 - a stranger's feature: updated event by event, it says what is wrong.
                self._give_up(slot.name)
                return False
        if -1 < self._ids[row] <= self._market.last_trade_id:
            return False
        self._base, self._epoch = row, path.epoch
        return True

    def _look_ahead(self, row: int) -> None:
        """Find the first trade from *row* on at which something is due by the clock, or a candle is over."""
        alarm_ns, candles = self._runtime.alarm_ns, self._path.candles
        due_ns = min(alarm_ns, candles.next_close_ns) if candles.from_trades else alarm_ns
        if due_ns != self._due_ns or self._end < row:
            self._end = bisect_left(self._times, due_ns, row, self._stop)
            self._due_ns = due_ns
        self._alarm_ns = alarm_ns

    def _ask(self, guard: GuardColumns) -> bytes | None:
        try:
            return guard.ask()
        except Exception:  # noqa: BLE001 - a stranger's guard: asked event by event, it says what is wrong.
            self._give_up(guard.slot.name)
            return None

    def _give_up(self, strategy: str) -> None:
        self._unfit.add(strategy)
        self.usable = False

    def _pass(self, start: int, until: int) -> int:
        """Pass over the trades from *start* on, and value the account where one leaves the band."""
        path, market, runtime, prices = self._path, self._market, self._runtime, self._prices
        first = self._first
        row, end = start - first, until - first
        if end - row > _AT_ONCE:
            ahead = self._columns[0][row:end]
            if path.low < ahead.min() and ahead.max() < path.high:
                row = end
        while row < end:
            segment = prices[row : end if end - row <= _AT_ONCE else row + _AT_ONCE]
            lowest = min(segment)
            if max(segment) < path.high and (
                lowest > path.low or (lowest > market.trusted_low and path.account.fall_to(path, lowest))
            ):
                row += len(segment)
                continue
            low, high = path.low, path.high
            row = next(place for place, price in enumerate(segment, row) if not low < price < high)
            if not market.trusted_low < prices[row] < market.trusted_high:
                break  # It may be a jump, which `on_trade` judges.
            runtime.now_ns = self._times[first + row]
            market.last_ticks = prices[row]
            path.account.mark()
            row += 1
            if runtime.outbox.filled:
                break
        passed = first + row
        if passed > start:
            runtime.sequence += passed - start
            market.last_ns = runtime.now_ns = self._times[passed - 1]
            market.last_ticks = prices[row - 1]
            if self._ids[passed - 1] >= 0:
                market.last_trade_id = self._ids[passed - 1]
            for guard in self._guards:
                guard.slot.muted = False  # The guard has fallen.
            self._vain = 0
        return passed


_NOTHING: Final[Ints] = np.zeros(0, np.int64)


def int64(column: Sequence[int], start: int, stop: int) -> Ints:
    """Return rows of *column* for calculation, without a copy where they are 64-bit already."""
    if isinstance(column, array) and column.typecode == "q":
        return np.frombuffer(column, np.int64)[start:stop]
    return np.array(column[start:stop], np.int64)
