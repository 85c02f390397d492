"""Build a market's bars of every interval from its trades, flat where nothing traded; keep the latest."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from attrs import define

from meva_core.model.market import NS_PER_MS, TIMEFRAME_NS
from meva_core.model.money import ZERO

_DAY_MS: Final = 86_400_000
_THURSDAY_TO_MONDAY_MS: Final = 4 * _DAY_MS  # The epoch began on a Thursday, weeks begin on Mondays.
_WEEK_MS: Final = 7 * _DAY_MS
_MONTH: Final = "1M"
_WEEK: Final = "1w"
_FIXED_MS: Final = {name: ns // NS_PER_MS for name, ns in TIMEFRAME_NS.items()} | {"3d": 3 * _DAY_MS}
INTERVALS: Final = (*_FIXED_MS, _WEEK, _MONTH)
BARS_KEPT: Final = 1_000  # One page of the venue's `klines`.


@define
class Bar:
    """Hold one bar: prices and volumes exact, times in ms; it covers open_ms to close_ms, both included."""

    open_ms: int
    close_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    count: int = 0
    taker_volume: Decimal = ZERO
    taker_quote_volume: Decimal = ZERO
    first_id: int = -1
    last_id: int = -1


def span_ms(interval: str, time_ms: int) -> tuple[int, int]:
    """Return when the bar of *interval* that holds *time_ms* opens, and when the next one does."""
    if interval == _MONTH:
        moment = datetime.fromtimestamp(time_ms / 1000, UTC)
        first = datetime(moment.year, moment.month, 1, tzinfo=UTC)
        years, month = divmod(moment.month, 12)
        following = datetime(moment.year + years, month + 1, 1, tzinfo=UTC)
        return int(first.timestamp()) * 1000, int(following.timestamp()) * 1000
    if interval == _WEEK:
        start = time_ms - (time_ms - _THURSDAY_TO_MONDAY_MS) % _WEEK_MS
        return start, start + _WEEK_MS
    length = _FIXED_MS[interval]
    start = time_ms - time_ms % length
    return start, start + length


class BarSeries:
    """Keep the latest bars of one interval, the unclosed one last."""

    def __init__(self, interval: str) -> None:
        self.interval = interval
        self.bars: deque[Bar] = deque(maxlen=BARS_KEPT)
        self._closed: deque[Bar] = deque(maxlen=BARS_KEPT)

    def merge(self, part: Bar) -> None:
        """Add what happened in *part*, which is no older than the last bar."""
        self.roll(part.open_ms)
        if not self.bars:
            open_ms, next_ms = span_ms(self.interval, part.open_ms)
            self.bars.append(Bar(open_ms, next_ms - 1, part.open, part.open, part.open, part.open))
        bar = self.bars[-1]
        if not bar.count:
            bar.open = bar.high = bar.low = part.open
            bar.first_id = part.first_id
        bar.high, bar.low, bar.close = max(bar.high, part.high), min(bar.low, part.low), part.close
        bar.volume += part.volume
        bar.quote_volume += part.quote_volume
        bar.count += part.count
        bar.taker_volume += part.taker_volume
        bar.taker_quote_volume += part.taker_quote_volume
        bar.last_id = part.last_id

    def roll(self, now_ms: int) -> None:
        """Open bars up to *now_ms*, flat at the last close."""
        while self.bars and self.bars[-1].close_ms < now_ms:
            last = self.bars[-1]
            self._closed.append(last)
            start, following = span_ms(self.interval, last.close_ms + 1)
            self.bars.append(Bar(start, following - 1, last.close, last.close, last.close, last.close))

    def take_closed(self, now_ms: int) -> list[Bar]:
        """Return the bars that have closed since the last call, whatever closed them: time, a trade or a question."""
        self.roll(now_ms)
        closed = list(self._closed)
        self._closed.clear()
        return closed
