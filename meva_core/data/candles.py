"""Build candles from trades, and longer candles from shorter ones; show none before it has closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import evolve

from meva_core.errors import ConfigError, InvariantError
from meva_core.model.market import Candle

# A day of silent one-minute candles: thin pairs sleep through a night, a longer silence is an outage.
FLAT_CANDLES_MAX: Final = 1_440

_NONE: Final[tuple[Candle, ...]] = ()


class CandleBuilder:
    """Build the candles of one symbol from its trades, on multiples of *timeframe_ns* since 1970 UTC.

    A candle covers `open_ns <= t < close_ns` and closes with the first trade or timer at or after *close_ns*.
    The first candle starts with the first trade, so it may miss what came before.

    Silence: a candle without a trade is flat at the last close, with volume 0. At most *flat_candles_max* of
    those follow each other; the rest are skipped, which *gaps* and *skipped* count. The rule looks at trades
    alone: calling `close_due` often or never gives the same candles, only sooner or later.

    *close_ns* is cheap to read: a hot loop calls `close_due` only when `time_ns >= builder.close_ns`.
    """

    __slots__ = (
        "_close",
        "_flats",
        "_high",
        "_low",
        "_open",
        "_traded",
        "_volume",
        "close_ns",
        "flat_candles_max",
        "gaps",
        "skipped",
        "timeframe_ns",
    )

    def __init__(self, timeframe_ns: int, *, flat_candles_max: int = FLAT_CANDLES_MAX) -> None:
        if timeframe_ns <= 0 or flat_candles_max < 0:
            found = f"timeframe_ns={timeframe_ns}, flat_candles_max={flat_candles_max}"
            raise ConfigError(
                (f"CandleBuilder: a timeframe is positive and a limit not negative, not {found}",)
            )
        self.timeframe_ns = timeframe_ns
        self.flat_candles_max = flat_candles_max
        self.close_ns = 0  # No candle is open before the first trade.
        self.gaps = self.skipped = self._flats = 0
        self._open = self._high = self._low = self._close = self._volume = 0
        self._traded = False

    def on_trade(self, time_ns: int, price: int, lots: int) -> tuple[Candle, ...]:
        """Take one trade; return the candles that its time closes, oldest first, almost always none.

        Times must not fall: `meva_core.data.quality` refuses such a trade before it comes here.
        """
        assert time_ns >= self.close_ns - self.timeframe_ns, "a trade never enters a closed candle"
        closed = self.close_due(time_ns) if time_ns >= self.close_ns else _NONE
        if not self._traded:
            self._start(time_ns, price)
        elif price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        self._close = price
        self._volume += lots
        return closed

    def extend(self, prices: Sequence[int], lots: Sequence[int]) -> None:
        """Take many trades, all before *close_ns*, so that they close nothing; there was a first trade already."""
        assert prices, "no trade is no reason to call"
        assert self.close_ns, "the first trade says which candle is open"
        if not self._traded:
            self._start(self.close_ns, prices[0])
        self._high = max(self._high, *prices)
        self._low = min(self._low, *prices)
        self._close = prices[-1]
        self._volume += sum(lots)

    def close_due(self, time_ns: int) -> tuple[Candle, ...]:
        """Return the candles that are over at *time_ns*, oldest first."""
        if not self.close_ns or time_ns < self.close_ns:
            return _NONE
        closed = []
        while time_ns >= self.close_ns:
            if not self._traded and self._flats >= self.flat_candles_max:
                self._skip_to(time_ns)
                break
            closed.append(self._closed())
        return tuple(closed)

    def _start(self, time_ns: int, price: int) -> None:
        self._open = self._high = self._low = price
        self._traded = True
        self._flats = 0
        if not self.close_ns:
            self.close_ns = (time_ns // self.timeframe_ns + 1) * self.timeframe_ns

    def _closed(self) -> Candle:
        close_ns = self.close_ns
        candle = Candle(
            open_ns=close_ns - self.timeframe_ns,
            close_ns=close_ns,
            open=self._open,
            high=self._high,
            low=self._low,
            close=self._close,
            volume=self._volume,
        )
        self._flats += not self._traded
        self._traded = False
        self._open = self._high = self._low = self._close
        self._volume = 0
        self.close_ns = close_ns + self.timeframe_ns
        return candle

    def _skip_to(self, time_ns: int) -> None:
        count = (time_ns - self.close_ns) // self.timeframe_ns + 1
        self.gaps += self._flats == self.flat_candles_max
        self._flats += count  # Beyond the limit: the same silence is not a second gap.
        self.skipped += count
        self.close_ns += count * self.timeframe_ns

    def snapshot(self) -> list[Any]:
        """Return the whole memory as JSON-like values."""
        prices = [self._open, self._high, self._low, self._close, self._volume]
        return [self.timeframe_ns, self.close_ns, self._traded, prices, self._flats, self.gaps, self.skipped]

    def restore(self, memory: list[Any]) -> None:
        """Take over what `snapshot` returned; the timeframe must be the same."""
        timeframe, self.close_ns, self._traded, prices, self._flats, self.gaps, self.skipped = memory
        _same_timeframe(self.timeframe_ns, timeframe)
        self._open, self._high, self._low, self._close, self._volume = prices


class CandleAggregator:
    """Build longer candles from closed shorter ones, on multiples of *timeframe_ns* since 1970 UTC.

    A longer candle closes with the shorter one that ends it, so nothing of the future enters; one whose last
    part never comes closes with the next part. A candle with no part at all is left out. Parts that only fill
    a silence do not count, so the result is what the same trades would have built directly.
    """

    __slots__ = ("_open", "timeframe_ns")

    def __init__(self, timeframe_ns: int) -> None:
        if timeframe_ns <= 0:
            raise ConfigError((f"CandleAggregator: a timeframe is positive, not {timeframe_ns}",))
        self.timeframe_ns = timeframe_ns
        self._open: Candle | None = None

    def close_after(self, open_ns: int) -> int:
        """Return when the open candle is over; where there is none, the one that holds *open_ns*."""
        known = self._open
        return known.close_ns if known else (open_ns // self.timeframe_ns + 1) * self.timeframe_ns

    def on_candle(self, part: Candle) -> tuple[Candle, ...]:
        """Take the next shorter candle; return the longer ones that it closes, oldest first.

        Raise `InvariantError` when *part* does not lie within one longer candle or goes back in time.
        """
        open_ns = part.open_ns // self.timeframe_ns * self.timeframe_ns
        close_ns = open_ns + self.timeframe_ns
        known = self._open
        if part.close_ns > close_ns or (known is not None and open_ns < known.open_ns):
            raise InvariantError("candles nest and come in order", f"{part} in {self.timeframe_ns} ns")
        closed = _NONE
        if known is not None and known.open_ns != open_ns:
            closed, known = (known,), None
        whole = _joined(known, part, open_ns=open_ns, close_ns=close_ns)
        if part.close_ns < close_ns:
            self._open = whole
            return closed
        self._open = None
        return (*closed, whole)

    def snapshot(self) -> list[Any]:
        """Return the whole memory as JSON-like values."""
        known = self._open
        parts = (
            [known.open_ns, known.open, known.high, known.low, known.close, known.volume] if known else None
        )
        return [self.timeframe_ns, parts]

    def restore(self, memory: list[Any]) -> None:
        """Take over what `snapshot` returned; the timeframe must be the same."""
        timeframe, parts = memory
        _same_timeframe(self.timeframe_ns, timeframe)
        self._open = Candle(parts[0], parts[0] + timeframe, *parts[1:]) if parts else None


def _joined(known: Candle | None, part: Candle, *, open_ns: int, close_ns: int) -> Candle:
    """Return both as one candle; a flat one without volume says nothing and gives way to the other."""
    if known is None or _is_silent(known):
        return evolve(part, open_ns=open_ns, close_ns=close_ns)
    if _is_silent(part):
        return known
    return Candle(
        open_ns=open_ns,
        close_ns=close_ns,
        open=known.open,
        high=max(known.high, part.high),
        low=min(known.low, part.low),
        close=part.close,
        volume=known.volume + part.volume,
    )


def _is_silent(candle: Candle) -> bool:
    return not candle.volume and candle.high == candle.low


def _same_timeframe(own_ns: int, found_ns: int) -> None:
    if own_ns != found_ns:
        raise InvariantError("a checkpoint fits its candles", f"{found_ns} ns in a builder of {own_ns} ns")
