"""Read our own trades completely and name their orders; book nothing."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from meva_adapters.exchange.binance.calls import VENUE, BinanceCalls
from meva_adapters.exchange.binance.codec import OwnTrade, read_order, read_trade
from meva_adapters.wire.fields import rows_of
from meva_adapters.wire.symbols import venue_symbol
from meva_core.errors import VenueUnknownError
from meva_core.model.fill import Fill

_PAGE: Final = 1_000  # The most that one call returns.
_PAGES_MAX: Final = 200
_WEIGHT: Final = 20
_ORDER_WEIGHT: Final = 4
_NAMES_MAX: Final = 5_000  # Trades that are asked for are newer; an older order is asked for again.


class OwnTrades:
    """Page by trade id; remember which order has which name, as the venue's trades do not tell."""

    def __init__(self, calls: BinanceCalls) -> None:
        self._calls = calls
        self._names: dict[tuple[str, str], str] = {}

    def learn(self, symbol: str, venue_order_id: str, client_order_id: str) -> None:
        """Remember the name of an order; the oldest are forgotten, and asked for again when needed."""
        self._names[symbol, venue_order_id] = client_order_id
        if len(self._names) > _NAMES_MAX:
            del self._names[next(iter(self._names))]

    async def after(self, symbol: str, trade_id: str) -> tuple[Fill, ...]:
        """Return every own trade on *symbol* after *trade_id*, or all of them where it is empty.

        Raises like `BinanceCalls.signed`, and `CodecError`; never returns a part.
        """
        if trade_id:
            trades = await self._from(symbol, int(trade_id) + 1)
        else:
            trades = await self._page(symbol, [])
            if len(trades) == _PAGE:
                trades = await self._from(symbol, 0)
        return tuple([await self._named(symbol, trade) for trade in trades])

    async def _from(self, symbol: str, first: int) -> list[OwnTrade]:
        trades: list[OwnTrade] = []
        for _ in range(_PAGES_MAX):
            page = await self._page(symbol, [("fromId", str(first))])
            trades += [trade for trade in page if trade.trade_id >= first]
            if len(page) < _PAGE:
                return trades
            following = page[-1].trade_id + 1
            if following <= first:
                break
            first = following
        raise VenueUnknownError(VENUE, "myTrades", f"pages of {symbol} from {first} come to no end")

    async def _page(self, symbol: str, extra: list[tuple[str, str]]) -> list[OwnTrade]:
        parameters = [("symbol", venue_symbol(symbol)), *extra, ("limit", str(_PAGE))]
        data = await self._calls.signed("GET", "/api/v3/myTrades", parameters, weight=_WEIGHT)
        trades = [read_trade(row, symbol) for row in rows_of(data)]
        return sorted(trades, key=lambda trade: trade.trade_id)

    async def _named(self, symbol: str, trade: OwnTrade) -> Fill:
        name = self._names.get((symbol, trade.venue_order_id))
        if name is None:
            parameters = [("symbol", venue_symbol(symbol)), ("orderId", trade.venue_order_id)]
            data = await self._calls.signed("GET", "/api/v3/order", parameters, weight=_ORDER_WEIGHT)
            name = read_order(data, {}).client_order_id
            self.learn(symbol, trade.venue_order_id, name)
        return evolve(trade.fill, client_order_id=name)
