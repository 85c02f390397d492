"""Find the market events from which nothing can follow, many at once, and pass over them; decide nothing.

A trade or bar is quiet when it is well formed, inside the band of its market, before every alarm and the end of
every candle, and when the guard of each strategy says no. All of that can be told for a whole run of rows before
the first of them is handled. What is not quiet goes through `MarketPath`, so both ways decide by the same code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from decimal import getcontext, setcontext
from typing import Any, Final

import numpy as np

from meva_core.agent.market_path import MarketPath
from meva_core.agent.strategy_slot import StrategySlot
from meva_core.data.exact_columns import BoolColumn, Ints, exactly
from meva_core.data.feature_columns import Bring, Peek, Samples, Taken, is_of_library, shown
from meva_core.data.features import Feature
from meva_core.data.replay_loader import bar_of, event_times
from meva_core.model.market import Candle
from meva_core.model.money import EXACT, within
from meva_core.ports.market_feed import BarBlock, Column, TradeBlock
from meva_core.signals.strategy import FeatureValues

# So many prices are held against one band by Python's own `min` and `max`, which are quicker for few.
_AT_ONCE: Final = 256
# A run in which so many more rows matter than do not, one after the other, is not worth searching.
_VAIN_MAX: Final = 64
# What features show is calculated so often for one run at most: each time costs as much as the whole run.
_RENEWALS_MAX: Final = 16


class GuardColumns:
    """Hold what the guard of one strategy says of the coming rows.

    *masks* by stance (-1 is the last): a byte per row, 1 where the strategy may want something; `None` until asked.
    """

    __slots__ = ("_features", "_rows", "brought", "masks", "slot")

    def __init__(self, slot: StrategySlot, samples: Samples) -> None:
        self.slot = slot
        features = slot.features
        self._rows = len(samples.prices)
        named = dict(zip(features.names, features.features, strict=True))
        columns = shown(named, samples)
        self.brought = [(column.bring, column.peek, named[name]) for name, column in columns.items()]
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


class MarketColumns(ABC):
    """Pass over the quiet rows of one run, *start* to *stop* of a block.

    `skip` leaves the features behind; `handle` brings them up to the row that it handles, `settle` at the end.
    *spoke* says whether something followed from the last row that was passed over, *times* when each row comes.
    *usable* is false where the rows, or the guard of a strategy, do not allow it: *unfit* then names the strategy.
    """

    def __init__(
        self, path: MarketPath, block: TradeBlock | BarBlock, start: int, stop: int, unfit: set[str]
    ) -> None:
        self._path = path
        self._runtime = path.runtime
        self._market = path.market
        self._start, self._stop = start, stop
        self._unfit = unfit
        self._base = self._fed = self._end = start
        self.times: Column = event_times(block)
        self._columns = (_NOTHING, _NOTHING)  # Prices and quantities.
        self._prices: list[int] = []
        self._marks: Column = self._prices  # The prices of the whole block.
        self._numbers: Column | None = None  # Of trades, where they have any.
        self._guards: list[GuardColumns] = []
        self._brought: list[tuple[Bring, Feature]] = []
        self._peeks: list[tuple[Peek, Feature]] | None = None  # Of all features, or none of them.
        self._reached = start  # Up to where features have shown what they show.
        self._candle: Callable[[int], Candle] | None = None  # What each row is, where it is a closed bar.
        self._epoch = self._alarm_ns = self._due_ns = -1
        self._renewals = self._vain = 0
        self._joins = False  # Whether candles are being made, so that rows between their ends count.
        self._liked = getcontext()  # In which strategies calculate.
        self._wanted = -1  # A row that is quiet but for a guard that says yes.
        self.spoke = False
        self._lowest = self._highest = 0  # Of all prices of the run.
        try:
            fit = unfit.isdisjoint([slot.name for slot in path.warm]) and self._read()
        except OverflowError:  # Some integer has more than 64 bits.
            fit = False
        if self._prices:
            self._lowest, self._highest = int(self._columns[0].min()), int(self._columns[0].max())
        self.usable = fit and _never_falls(int64(self.times, start, stop))

    @abstractmethod
    def _read(self) -> bool:
        """Take over the columns; return whether no row is to be refused for its own content."""

    @abstractmethod
    def _is_in_step(self, row: int) -> bool:
        """Return whether the market takes rows of this kind, *row* the next of them."""

    @abstractmethod
    def _candle_due_ns(self, row: int) -> int | None:
        """Return when the next candle of a strategy is over, `None` for never."""

    @abstractmethod
    def _take(self, first: int, last: int) -> Taken:
        """Let candles take the rows from *first* up to *last*, and return what features are to take."""

    @abstractmethod
    def _judge(self, row: int) -> bool:
        """Show *row* to the path, which judges it; return whether anything came of it."""

    @abstractmethod
    def _samples(self, done: int) -> Samples:
        """Return what comes after *done* rows of the run."""

    def skip(self, row: int) -> int:
        """Pass over quiet rows from *row* on; return the first that must be handled.

        Where the account said something on the way, the row after that is returned, and *spoke* is true.
        """
        self.spoke = False
        until, path, runtime = self.quiet_until(row), self._path, self._runtime
        if self.times[row] < runtime.now_ns:
            self._wanted, until = -1, row
        elif not (path.low < self._lowest and self._highest < path.high):
            until = self._pass_near_band(row, until)
        if until > row:
            runtime.sequence += until - row
            runtime.now_ns = self.times[until - 1]
            self.stand_after(until - 1)
            self._vain = 0
            return until
        self._vain += 1
        if self._vain > _VAIN_MAX:
            self.usable = False
        return row

    def quiet_until(self, row: int) -> int:
        """Return the first row from *row* on that must be handled whatever its price; *row* where none is quiet."""
        path, runtime = self._path, self._runtime
        self._wanted = -1
        if path.epoch != self._epoch and not self._renewed(row):
            return row
        if runtime.alarm_ns != self._alarm_ns or self._end <= row or self._joins:
            self._look_ahead(row)
        until, base = self._end, self._base
        for guard in self._guards:
            mask = guard.masks[guard.slot.stance] or self._ask(guard)
            if mask is None:
                self._wanted = -1
                return row
            found = mask.find(1, row - base, until - base)
            if found >= 0:
                until = self._wanted = base + found
        return until

    def handle(self, row: int) -> bool:
        """Handle *row* as `MarketPath` does, quicker where nothing but a guard makes it matter.

        Return whether anything came of it. Where it may have been an order, `EXACT` is left in force: what comes of
        an order is exact, and to change the context five times for each takes long. Whoever calls puts back his own.
        """
        path, runtime, market, price = self._path, self._runtime, self._market, self._marks[row]
        in_band, context = path.low < price < path.high, getcontext()
        if row != self._wanted or not (in_band or market.trusted_low < price < market.trusted_high):
            if context is not self._liked:
                setcontext(self._liked)
            self.step(row)
            return self._judge(row)
        if context is not EXACT:
            setcontext(EXACT)
        runtime.sequence += 1
        market.last_ns = runtime.now_ns = self.times[row]
        market.last_ticks = price
        if self._numbers is not None:
            market.last_trade_id = self._numbers[row]
        if not in_band:
            path.account.mark()
        self._show(row)
        place, candle = row - self._base, None if self._candle is None else self._candle(row)
        for guard in self._guards:
            slot = guard.slot
            mask = guard.masks[slot.stance]
            assert mask is not None, "a row is wanted by what every guard was asked"
            if mask[place]:
                setcontext(self._liked)
                answer = path.decider.ask(slot, candle)
                setcontext(EXACT)
                if answer is not None:
                    path.decider.decide(slot, answer)
            elif slot.muted:
                slot.muted = False
        return runtime.outbox.filled

    def _show(self, row: int) -> None:
        """Let features show what they show after *row*; where all can, without taking what was passed over yet."""
        peeks = self._peeks
        if peeks is None:
            self.settle(row + 1)
            return
        self._reached = row + 1
        place = row - self._base
        for peek, feature in peeks:
            peek(feature, place)

    def step(self, row: int) -> None:
        """Bring features and candles up to *row*, which is about to be handled."""
        if row > self._fed:
            self.settle(row)
        self._fed = row + 1

    def settle(self, row: int) -> None:
        """Bring features and candles up to *row*, not included."""
        fed = self._fed
        if row <= fed:
            return
        self._fed = row
        prices, lots, candles = self._take(fed, row)
        last = row - self._base - 1
        for bring, feature in self._brought:
            bring(feature, last, prices, lots, candles)

    def catch_up(self) -> None:
        """Bring features up to what they show."""
        self.settle(self._reached)

    def _renewed(self, row: int) -> bool:
        """Ask anew what the features will show from *row* on; return whether that can be told."""
        path = self._path
        if path.cold or not path.account.started or not self._is_in_step(row):
            return False
        self.settle(row)  # What was passed over was quiet by what features were expected to show until here.
        self._renewals += 1
        if self._renewals > _RENEWALS_MAX:
            self.usable = False
            return False
        samples = self._samples(row - self._start)
        self._guards, self._brought = [], []
        for slot in path.warm:
            try:
                with exactly(), within(self._liked):
                    self._guards.append(GuardColumns(slot, samples))
            except Exception:  # noqa: BLE001 - a stranger's feature: updated event by event, it says what is wrong.
                self._give_up(slot.name)
                return False
        brought = [each for guard in self._guards for each in guard.brought]
        self._brought = [
            (bring if is_of_library(feature) else self._as_liked(bring), feature)
            for bring, _, feature in brought
        ]
        peeks = [(peek, feature) for _, peek, feature in brought if peek is not None]
        self._peeks = None if path.candles.open or len(peeks) < len(brought) else peeks
        self._base, self._epoch, self._joins = row, path.epoch, path.candles.open
        return True

    def _look_ahead(self, row: int) -> None:
        """Find the first row from *row* on at which something is due by the clock, or a candle is over."""
        if self._path.candles.longer:
            self.settle(row)  # When a longer candle ends depends on the first bar that it was given.
        alarm_ns, candle_ns = self._runtime.alarm_ns, self._candle_due_ns(row)
        due_ns = alarm_ns if candle_ns is None else min(alarm_ns, candle_ns)
        if due_ns != self._due_ns or self._end < row:
            self._end = bisect_left(self.times, due_ns, row, self._stop)
            self._due_ns = due_ns
        self._alarm_ns = alarm_ns

    def _ask(self, guard: GuardColumns) -> bytes | None:
        try:
            with within(self._liked):
                return guard.ask()
        except Exception:  # noqa: BLE001 - a stranger's guard: asked event by event, it says what is wrong.
            self._give_up(guard.slot.name)
            return None

    def _as_liked(self, bring: Bring) -> Bring:
        """Let a stranger's feature calculate in the context that it knows."""

        def brought(
            feature: Any,
            row: int,
            prices: Sequence[int],
            quantities: Sequence[int],
            candles: Sequence[Candle] | None,
        ) -> None:
            with within(self._liked):
                bring(feature, row, prices, quantities, candles)

        return brought

    def _give_up(self, strategy: str) -> None:
        self._unfit.add(strategy)
        self.usable = False

    def _pass_near_band(self, start: int, until: int) -> int:
        """Pass over the rows from *start* on, and value the account where a price leaves the band.

        Return the first row that was not passed over.
        """
        path, market, runtime, prices = self._path, self._market, self._runtime, self._prices
        first = self._start
        row, end = start - first, until - first
        if end - row > _AT_ONCE:
            ahead = self._columns[0][row:end]
            if path.low < ahead.min() and ahead.max() < path.high:
                return until
        while row < end:
            segment = prices[row : end if end - row <= _AT_ONCE else row + _AT_ONCE]
            lowest = min(segment)
            if (self._highest < path.high or max(segment) < path.high) and (
                lowest > path.low or (lowest > market.trusted_low and path.account.fall_to(path, lowest))
            ):
                row += len(segment)
                continue
            low, high = path.low, path.high
            row = next(place for place, price in enumerate(segment, row) if not low < price < high)
            if not market.trusted_low < prices[row] < market.trusted_high:
                break  # It may be a jump, which `MarketPath` judges.
            runtime.now_ns = self.times[first + row]
            market.last_ticks = prices[row]
            path.account.mark()
            row += 1
            if runtime.outbox.filled:
                self.spoke, self._wanted = True, -1
                break
        return first + row

    def first_outside(self, row: int, until: int) -> int:
        """Return the first row from *row* on whose price leaves the band; *until* where none before it does."""
        low, high, first = self._path.low, self._path.high, self._start
        if until - row > _AT_ONCE:
            ahead = self._columns[0][row - first : until - first]
            if low < ahead.min() and ahead.max() < high:
                return until
        segment = self._prices[row - first : until - first]
        if not segment or (low < min(segment) and max(segment) < high):
            return until
        return next(place for place, price in enumerate(segment, row) if not low < price < high)

    def is_trusted(self, row: int) -> bool:
        """Return whether the price of *row* is no jump, so that the account may simply be valued at it."""
        return self._market.trusted_low < self._marks[row] < self._market.trusted_high

    def stand_after(self, row: int) -> None:
        """Let the market know *row*, a quiet one, as its last."""
        market = self._market
        market.last_ns = self.times[row]
        market.last_ticks = self._marks[row]
        if self._numbers is not None:
            market.last_trade_id = self._numbers[row]
        for guard in self._guards:
            guard.slot.muted = False  # The guard has fallen.


class TradeColumns(MarketColumns):
    """Pass over trades."""

    def __init__(self, path: MarketPath, block: TradeBlock, start: int, stop: int, unfit: set[str]) -> None:
        self._block = block
        super().__init__(path, block, start, stop, unfit)

    def _read(self) -> bool:
        block, rows = self._block, (self._start, self._stop)
        prices, lots, ids = [int64(each, *rows) for each in (block.prices, block.quantities, block.ids)]
        self._columns = (prices, lots)
        self._prices, self._marks = prices.tolist(), block.prices
        if not (ids < 0).all():
            self._numbers = block.ids
        rising = self._numbers is None or (ids[0] >= 0 and (ids[1:] > ids[:-1]).all())
        return bool(lots.min() > 0 and rising)

    def _is_in_step(self, row: int) -> bool:
        trade_id = self._block.ids[row]
        return not self._path.on_bars and (trade_id < 0 or trade_id > self._market.last_trade_id)

    def _candle_due_ns(self, row: int) -> int | None:
        candles = self._path.candles
        return candles.next_close_ns if candles.from_trades else None

    def _take(self, first: int, last: int) -> Taken:
        start = self._start
        prices, lots = self._prices[first - start : last - start], self._block.quantities[first:last]
        if self._path.candles.from_trades:
            self._path.candles.extend(prices, lots)
        return prices, lots, None

    def _judge(self, row: int) -> bool:
        block = self._block
        return self._path.on_trade(block.times[row], block.prices[row], block.quantities[row], block.ids[row])

    def _samples(self, done: int) -> Samples:
        prices, lots = self._columns
        return Samples(prices[done:], lots[done:])


class BarColumns(MarketColumns):
    """Pass over closed bars."""

    def __init__(self, path: MarketPath, block: BarBlock, start: int, stop: int, unfit: set[str]) -> None:
        self._block = block
        self._candles: list[Candle] | None = None
        super().__init__(path, block, start, stop, unfit)

    def _read(self) -> bool:
        block, rows = self._block, (self._start, self._stop)
        opens, highs, lows = [int64(each, *rows) for each in (block.opens, block.highs, block.lows)]
        closes, volumes = [int64(each, *rows) for each in (block.closes, block.volumes)]
        self._columns = (closes, volumes)
        self._prices, self._marks = closes.tolist(), block.closes
        self._candle = lambda row: bar_of(block, row)
        return bool(
            lows.min() > 0
            and volumes.min() >= 0
            and (lows <= np.minimum(opens, closes)).all()
            and (np.maximum(opens, closes) <= highs).all()
        )

    def _is_in_step(self, row: int) -> bool:
        return self._path.candles.bar_ns == self._block.interval_ns

    def _candle_due_ns(self, row: int) -> int | None:
        candles = self._path.candles
        return candles.next_longer_close_ns(self._block.open_times[row]) if candles.longer else None

    def _take(self, first: int, last: int) -> Taken:
        start = self._start
        candles = None if self._candles is None else self._candles[first - start : last - start]
        if self._path.candles.longer:
            candles = self._made()[first - start : last - start]
            self._path.candles.extend_longer(candles)
        return self._prices[first - start : last - start], self._block.volumes[first:last], candles

    def _judge(self, row: int) -> bool:
        candle = bar_of(self._block, row)
        return self._path.on_bar(candle.close_ns, candle, self._block.interval_ns)

    def _samples(self, done: int) -> Samples:
        closes, volumes = self._columns
        return Samples(closes[done:], volumes[done:], lambda: self._made()[done:])

    def _made(self) -> list[Candle]:
        """Return the bars of the run, one by one."""
        if self._candles is None:
            self._candles = [bar_of(self._block, row) for row in range(self._start, self._stop)]
        return self._candles


_NOTHING: Final[Ints] = np.zeros(0, np.int64)


def columns_for(
    path: MarketPath, block: TradeBlock | BarBlock, start: int, stop: int, *, unfit: set[str]
) -> MarketColumns:
    """Return what passes over quiet rows of *block*."""
    if isinstance(block, TradeBlock):
        return TradeColumns(path, block, start, stop, unfit)
    return BarColumns(path, block, start, stop, unfit)


def int64(column: Sequence[int], start: int, stop: int) -> Ints:
    """Return rows of *column* for calculation, without a copy where they are 64-bit already."""
    if isinstance(column, array) and column.typecode == "q":
        return np.frombuffer(column, np.int64)[start:stop]
    return np.array(column[start:stop], np.int64)


def _never_falls(values: Ints) -> bool:
    return bool((values[1:] >= values[:-1]).all())
