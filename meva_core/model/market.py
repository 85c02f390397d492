"""Name the facts of a market: sides, candles, quotes and timeframes; hold no behaviour that decides."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from attrs import frozen

from meva_core.errors import DataError

NS_PER_MS: Final = 1_000_000
NS_PER_SECOND: Final = 1_000_000_000
NS_PER_DAY: Final = 86_400 * NS_PER_SECOND
NEVER_NS: Final = 1 << 63  # Later than every time that 64 bits hold.

# Timeframes are written as ccxt writes them; case matters (`1m` is a minute, `1M` a month).
TIMEFRAME_NS: Final = {
    "1s": NS_PER_SECOND,
    "1m": 60 * NS_PER_SECOND,
    "3m": 180 * NS_PER_SECOND,
    "5m": 300 * NS_PER_SECOND,
    "15m": 900 * NS_PER_SECOND,
    "30m": 1_800 * NS_PER_SECOND,
    "1h": 3_600 * NS_PER_SECOND,
    "2h": 7_200 * NS_PER_SECOND,
    "4h": 14_400 * NS_PER_SECOND,
    "6h": 21_600 * NS_PER_SECOND,
    "8h": 28_800 * NS_PER_SECOND,
    "12h": 43_200 * NS_PER_SECOND,
    "1d": 86_400 * NS_PER_SECOND,
}


class Side(StrEnum):
    """Tell which way a trade or an order goes."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """Return +1 for a buy and -1 for a sell."""
        return 1 if self is Side.BUY else -1


@frozen
class Candle:
    """Hold one closed bar on the grid: prices in ticks, *volume* in lots, times in ns UTC.

    It covers `open_ns <= t < close_ns`; a strategy sees it at *close_ns*, never before.
    """

    open_ns: int
    close_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int


@frozen
class MarketSnapshot:
    """Show the latest known state of one market; `None` stands for "not seen yet"."""

    symbol: str
    as_of_ns: int
    last_ticks: int | None
    bid_ticks: int | None
    bid_lots: int | None
    ask_ticks: int | None
    ask_lots: int | None
    book_synchronised: bool


def timeframe_ns(timeframe: str) -> int:
    """Return the length of *timeframe* in nanoseconds; raise `DataError` on an unknown one."""
    try:
        return TIMEFRAME_NS[timeframe]
    except KeyError:
        known = " ".join(TIMEFRAME_NS)
        raise DataError("timeframe", 0, f"{timeframe!r} is not known.", f"Write one of {known}.") from None
