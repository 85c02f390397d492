"""Make a market out of a seed: quotes and trades of random walks, in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from meva_core.events import BookChanged, MarketEvent, QuoteReceived, TradeReceived
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND, Side

# The reference load: two symbols, four changes of the best prices a second each, and here a trade a second.
QUOTES_PER_SECOND: Final = 4
_STEP_NS: Final = NS_PER_SECOND // QUOTES_PER_SECOND
_LOTS_MAX: Final = 300
_STEPS: Final = 81  # Ticks by which the middle moves: from -40 to 40.
_SPREADS: Final = 10
_HALF: Final = 0.5
_CHANGES_PER_SNAPSHOT: Final = 100


class _Book:
    """Make changes of a book that holds one bid and one ask; now and then a snapshot, as a resynchronisation does."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._update_id = 0
        self._bid = self._ask = 0

    def change(self, time_ns: int, bid: int, ask: int, lots: int) -> BookChanged:
        """Return the change that leaves *bid* and *ask* as the only prices."""
        self._update_id = number = self._update_id + 1
        bids, asks = [(bid, lots)], [(ask, lots)]
        is_snapshot = number % _CHANGES_PER_SNAPSHOT == 1
        if not is_snapshot:
            bids += [(self._bid, 0)] if self._bid != bid else []
            asks += [(self._ask, 0)] if self._ask != ask else []
        self._bid, self._ask = bid, ask
        return BookChanged(
            time_ns, self._symbol, is_snapshot, number, number, tuple(bids), tuple(asks), time_ns
        )


def market_events(
    seed: int,
    symbols: Sequence[str],
    *,
    start_ns: int,
    busy_seconds: int,
    calm_seconds: int,
    first_ticks: int,
    dense: bool,
) -> Iterator[MarketEvent]:
    """Yield the events of a busy market and then of a calm one; no two have the same time.

    A *dense* one gives trades alone, four a second: as many occasions to trade as there are events.
    """
    chance = Random(f"market {seed}").random  # noqa: S311 - it must repeat.
    middles = dict.fromkeys(symbols, first_ticks)
    ids = dict.fromkeys(symbols, 0)
    book = _Book(symbols[1])
    busy_steps = busy_seconds * QUOTES_PER_SECOND
    for step in range(busy_steps + calm_seconds * QUOTES_PER_SECOND):
        step_ns = start_ns + step * _STEP_NS
        if step >= busy_steps and step % QUOTES_PER_SECOND:
            continue  # A calm market is enough for what is left to settle.
        for number, symbol in enumerate(symbols):
            time_ns = step_ns + number * 2 * NS_PER_MS
            middles[symbol] = middle = max(1_000, middles[symbol] + int(chance() * _STEPS) - _STEPS // 2)
            spread = 1 + int(chance() * _SPREADS)
            lots = 1 + int(chance() * _LOTS_MAX)
            if number == 1 and not dense:
                yield book.change(time_ns, middle - spread, middle + spread, lots)
            elif not dense:
                yield QuoteReceived(time_ns, symbol, middle - spread, lots, middle + spread, lots)
            if dense or (step + number) % QUOTES_PER_SECOND == 0:
                ids[symbol] += 1
                buys = chance() < _HALF
                price = middle + (spread if buys else -spread)
                side = Side.BUY if buys else Side.SELL
                traded = 1 + int(chance() * _LOTS_MAX)
                yield TradeReceived(
                    time_ns + NS_PER_MS // 2, symbol, price, traded, side, ids[symbol], time_ns
                )
