"""Read our own trades through ccxt, page by page, and name their orders; book nothing."""

from __future__ import annotations

from typing import Any, Final

from attrs import evolve

from meva_adapters.exchange.ccxt.reading import OwnTrade, ReadingError, read_trade
from meva_adapters.exchange.ccxt.wire import CcxtWire
from meva_core.errors import VenueUnknownError
from meva_core.model.fill import Fill
from meva_core.model.market import NS_PER_MS

_PAGE: Final = 500
_PAGES_MAX: Final = 500
_NAMES_MAX: Final = 50_000
_OVERLAP_MS: Final = 1_000
_DAY_MS: Final = 86_400_000
HISTORY_DAYS: Final = 7


class CcxtTrades:
    """Page by time, the one way that every exchange has, and drop what came before.

    Of a symbol, trades older than *history_days* before the first question are never asked for. *page* must not be
    more than the exchange returns at once.
    """

    def __init__(self, wire: CcxtWire, *, history_days: int = HISTORY_DAYS, page: int = _PAGE) -> None:
        self._wire = wire
        self._page_size = page
        self._start_ms = wire.clock.now_ns() // NS_PER_MS - history_days * _DAY_MS
        self._names: dict[tuple[str, str], str] = {}
        self._times: dict[tuple[str, str], int] = {}

    def learn(self, symbol: str, venue_order_id: str, client_order_id: str) -> None:
        """Remember the name of an order; the oldest are forgotten, and asked for again when needed."""
        self._names[symbol, venue_order_id] = client_order_id
        if len(self._names) > _NAMES_MAX:
            del self._names[next(iter(self._names))]

    async def after(self, symbol: str, trade_id: str) -> tuple[Fill, ...]:
        """Return every own trade on *symbol* after *trade_id*; never a part.

        Raise like `CcxtWire.call`, `ReadingError`, and `VenueUnknownError` where *trade_id* is older than what is
        asked for.
        """
        # A little earlier: some exchanges take "since" as after, and the trade itself must be seen to be cut off.
        known_ms = self._times.get((symbol, trade_id)) if trade_id else None
        since_ms = self._start_ms if known_ms is None else known_ms - _OVERLAP_MS
        trades = await self._since(symbol, since_ms)
        if trade_id:
            ids = [trade.fill.trade_id for trade in trades]
            if trade_id not in ids:
                problem = (
                    f"trade {trade_id} of {symbol} is not among those since its time: widen history_days"
                )
                raise VenueUnknownError(self._wire.venue, "own trades", problem)
            trades = trades[ids.index(trade_id) + 1 :]
        return tuple([await self._named(symbol, trade) for trade in trades])

    async def of_order(self, symbol: str, venue_order_id: str, since_ms: int) -> tuple[Fill, ...]:
        """Return the trades of one order that was placed at *since_ms*."""
        trades = await self._since(symbol, since_ms)
        own = [trade for trade in trades if trade.fill.venue_order_id == venue_order_id]
        return tuple([await self._named(symbol, trade) for trade in own])

    async def _since(self, symbol: str, since_ms: int) -> list[OwnTrade]:
        found: dict[str, OwnTrade] = {}
        cursor_ms = since_ms
        for _ in range(_PAGES_MAX):
            page = await self._page(symbol, cursor_ms)
            fresh = {trade.fill.trade_id: trade for trade in page if trade.fill.trade_id not in found}
            found |= fresh
            last_ms = max((trade.time_ms for trade in page), default=cursor_ms)
            if not fresh and len(page) >= self._page_size:
                break  # A whole page within one millisecond: what follows cannot be seen.
            if fresh:
                cursor_ms = max(cursor_ms, last_ms)
            elif cursor_ms + _DAY_MS < self._now_ms():
                cursor_ms += (
                    _DAY_MS  # Some exchanges answer for a day at most, and an empty day proves nothing.
                )
            else:
                return sorted(found.values(), key=_order)
        raise VenueUnknownError(self._wire.venue, "own trades", f"pages of {symbol} come to no end")

    async def _page(self, symbol: str, since_ms: int) -> list[OwnTrade]:
        client, size = self._wire.client, self._page_size
        rows: Any = await self._wire.call(
            "own trades", lambda: client.fetch_my_trades(symbol, since_ms, size)
        )
        if not isinstance(rows, list):
            raise ReadingError("trades are no list")
        trades = [read_trade(row, symbol) for row in rows]
        for trade in trades:
            self._times[symbol, trade.fill.trade_id] = trade.time_ms
        while len(self._times) > _NAMES_MAX:
            del self._times[next(iter(self._times))]
        return trades

    async def _named(self, symbol: str, trade: OwnTrade) -> Fill:
        order_id = trade.fill.venue_order_id
        name = self._names.get((symbol, order_id))
        if name is None:
            client = self._wire.client
            order: Any = await self._wire.call("order", lambda: client.fetch_order(order_id, symbol))
            name = str(order.get("clientOrderId") or "")
            self.learn(symbol, order_id, name)
        return evolve(trade.fill, client_order_id=name)

    def _now_ms(self) -> int:
        return self._wire.clock.now_ns() // NS_PER_MS


def _order(trade: OwnTrade) -> tuple[int, int, str]:
    """Order trades by time; within a millisecond by number where ids are numbers."""
    name = trade.fill.trade_id
    return trade.time_ms, int(name) if name.isdecimal() and name.isascii() else 0, name
