"""Make a market up from a seed: a quoted book that moves, trades that hit it, and bars of its past."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Final

from meva_adapters.venue.bars import Bar
from meva_core.events import BookChanged, QuoteReceived, TradeReceived
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side

LEVELS: Final = 20
_MINUTE_MS: Final = 60_000
_SPREAD_BPS: Final = 2
_STEP_BPS: Final = 3  # How far the middle moves at most from one step to the next.
_BPS: Final = 10_000
_LEVEL_WORTH: Final = 20_000  # Some twenty thousand of the quote rest at each level.

Generated = BookChanged | QuoteReceived | TradeReceived


class MarketGenerator:
    """Make up one market; the same seed gives the same steps. Trades and updates are numbered from *first_id* on."""

    def __init__(
        self, instrument: Instrument, start_price: Decimal, seed: int, *, first_id: int = 1_000
    ) -> None:
        self._instrument = instrument
        self._random = Random(f"{seed}/{instrument.symbol}")  # noqa: S311 - repeatable, guards nothing.
        self._middle = max(LEVELS * 2, int(start_price / instrument.tick_size))
        self._update_id = self._trade_id = first_id
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def past(self, now_ms: int, minutes: int) -> Iterator[Bar]:
        """Yield made-up one-minute bars that end before the minute of *now_ms* at the first price quoted."""
        start = now_ms - now_ms % _MINUTE_MS - minutes * _MINUTE_MS
        closes = [self._middle]
        for _ in range(minutes):
            closes.append(self._moved(closes[-1], 5 * _STEP_BPS))
        closes.reverse()
        price = self._instrument.price
        for number, (opening, close) in enumerate(pairwise(closes)):
            open_ms = start + number * _MINUTE_MS
            low, high = min(opening, close), max(opening, close)
            volume = self._instrument.quantity(self._lots(close) * 3)
            half = self._instrument.quantity(self._instrument.lots(volume) // 2)
            yield Bar(
                open_ms, open_ms + _MINUTE_MS - 1, price(opening), price(high), price(low), price(close),
                volume, volume * price(close), 50, half, half * price(close),
            )  # fmt: skip

    def opening(self) -> list[Generated]:
        """Return the first book and quote."""
        self._bids, self._asks = self._ladders()
        snapshot = BookChanged(
            0,
            self._instrument.symbol,
            True,
            self._update_id,
            self._update_id,
            tuple(self._bids.items()),
            tuple(self._asks.items()),
        )
        return [snapshot, self._quote()]

    def step(self) -> list[Generated]:
        """Return a trade at the best price, then the book that moved after it."""
        is_buy = self._random.random() < 0.5  # noqa: PLR2004 - a fair coin.
        side = self._asks if is_buy else self._bids
        price_ticks = (min if is_buy else max)(side)
        lots = max(1, side[price_ticks] * self._random.randint(1, 40) // 100)
        self._trade_id += 1
        trade = TradeReceived(
            0,
            self._instrument.symbol,
            price_ticks,
            lots,
            Side.BUY if is_buy else Side.SELL,
            trade_id=self._trade_id,
        )
        self._middle = self._moved(self._middle, _STEP_BPS)
        bids, asks = self._ladders()
        self._update_id += 1
        change = BookChanged(
            0,
            self._instrument.symbol,
            False,
            self._update_id,
            self._update_id,
            _difference(self._bids, bids),
            _difference(self._asks, asks),
        )
        self._bids, self._asks = bids, asks
        return [trade, change, self._quote()]

    def _quote(self) -> QuoteReceived:
        bid, ask = max(self._bids), min(self._asks)
        symbol = self._instrument.symbol
        return QuoteReceived(0, symbol, bid, self._bids[bid], ask, self._asks[ask], self._update_id)

    def _moved(self, ticks: int, bps: int) -> int:
        reach = max(1, ticks * bps // _BPS)
        return max(LEVELS * 2, ticks + self._random.randint(-reach, reach))

    def _ladders(self) -> tuple[dict[int, int], dict[int, int]]:
        """Return the levels around the middle; those that stay keep their size now and then."""
        half = max(1, self._middle * _SPREAD_BPS // (2 * _BPS))
        gap = max(1, half // 2)
        bids = [self._middle - half - number * gap for number in range(LEVELS)]
        asks = [self._middle + half + number * gap for number in range(LEVELS)]
        return (
            {price: self._lots(price) for price in bids if price > 0},
            {price: self._lots(price) for price in asks},
        )

    def _lots(self, ticks: int) -> int:
        worth_per_lot = self._instrument.price(ticks) * self._instrument.lot_size
        return max(1, int(_LEVEL_WORTH / worth_per_lot) * self._random.randint(20, 100) // 100)


def _difference(before: dict[int, int], after: dict[int, int]) -> tuple[tuple[int, int], ...]:
    changed = {price: 0 for price in before if price not in after}
    changed |= {price: lots for price, lots in after.items() if before.get(price) != lots}
    return tuple(sorted(changed.items()))
