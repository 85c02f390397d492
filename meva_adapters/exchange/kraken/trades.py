"""Read our own trades completely and name their orders; book nothing.

The venue's history is one list for all pairs, the newest first, fifty a page, and dear. So what was read once is
kept, and later only the pages down to what is known are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from attrs import evolve

from meva_adapters.exchange.kraken.calls import VENUE, KrakenCalls
from meva_adapters.exchange.kraken.codec import (
    KrakenPair,
    OwnTrade,
    order_name,
    page_length,
    read_trades,
)
from meva_adapters.wire.fields import row_of
from meva_core.errors import VenueUnknownError
from meva_core.model.fill import Fill
from meva_core.model.market import NS_PER_SECOND

_PAGES_MAX: Final = 200
_PAGE_WEIGHT: Final = 2
_WAIT_S_MAX: Final = 60.0  # For the budget of one page.
_PAGE_TRADES: Final = 50
_ORDERS_AT_ONCE: Final = 50  # The most that one `QueryOrders` takes.
# As many as one reading may find, so that it keeps all of them, and names for as many orders beside theirs.
_FILLS_MAX: Final = _PAGES_MAX * _PAGE_TRADES
_NAMES_MAX: Final = 2 * _FILLS_MAX


class OwnTrades:
    """Keep the trades of *pairs* in the order in which they became known, those of one reading by time.

    *since_ns* leaves older trades alone: the history of a busy account takes long to read. It must lie before the
    first order of the agent.
    """

    def __init__(self, calls: KrakenCalls, pairs: Sequence[KrakenPair], *, since_ns: int = 0) -> None:
        self._calls = calls
        self._pairs = {name: pair.instrument for pair in pairs for name in (pair.key, pair.altname)}
        self._since = [("start", str(since_ns // NS_PER_SECOND))] if since_ns else []
        self._names: dict[str, str] = {}
        self._fills: dict[str, Fill] = {}
        self._read_to_the_end = False
        self._reading = asyncio.Lock()

    def learn(self, venue_order_id: str, client_order_id: str) -> None:
        """Remember the name of an order; the oldest are forgotten, and asked for again when needed."""
        self._names[venue_order_id] = client_order_id
        if len(self._names) > _NAMES_MAX:
            del self._names[next(iter(self._names))]

    def venue_order_id(self, client_order_id: str) -> str:
        """Return the venue's id of an order of ours, empty where it is not known."""
        # The newest first: a name may have been used before.
        known = reversed(self._names.items())
        return next((order_id for order_id, name in known if name == client_order_id), "")

    async def refresh(self) -> None:
        """Read what is new. Raises like `KrakenCalls.private`, and `CodecError`; then nothing was learned."""
        async with self._reading:
            fresh = await self._fresh()
            await self._name(fresh)
            for trade in sorted(fresh, key=_when):
                name = self._names[trade.venue_order_id]
                self._fills[trade.fill.trade_id] = evolve(trade.fill, client_order_id=name)
            most = max(_FILLS_MAX, len(fresh))
            for oldest in list(self._fills)[: max(0, len(self._fills) - most)]:
                del self._fills[oldest]
            self._read_to_the_end = True

    def after(self, symbol: str, trade_id: str) -> tuple[Fill, ...]:
        """Return the known trades of *symbol* after *trade_id*; all where it is empty or not known."""
        fills = [fill for fill in self._fills.values() if fill.symbol == symbol]
        position = next((n for n, fill in enumerate(fills, 1) if fill.trade_id == trade_id), 0)
        return tuple(fills[position:])

    async def newest(self, symbols: Sequence[str]) -> dict[str, str]:
        """Return the id of the newest trade of each of *symbols* that has one, and keep none of them."""
        found: dict[str, str] = {}
        offset = 0
        for _ in range(_PAGES_MAX):
            page, trades, count = await self._page(offset)
            for trade in sorted(trades, key=_when, reverse=True):
                found.setdefault(trade.fill.symbol, trade.fill.trade_id)
            offset += page
            if not page or offset >= count or found.keys() >= set(symbols):
                return found
        raise _endless()

    async def _page(self, offset: int) -> tuple[int, list[OwnTrade], int]:
        """Return how many trades a page holds, those of our pairs, and how many there are in all."""
        await self._calls.room(_PAGE_WEIGHT, longest_s=_WAIT_S_MAX)
        parameters = [*self._since, ("ofs", str(offset))]
        answer = await self._calls.private("TradesHistory", parameters, weight=_PAGE_WEIGHT)
        trades, count = read_trades(answer, self._pairs)
        return page_length(answer), trades, count

    async def _fresh(self) -> list[OwnTrade]:
        """Return trades that are not known yet, down to a page that holds none of them."""
        fresh: dict[str, OwnTrade] = {}
        offset = 0
        for _ in range(_PAGES_MAX):
            length, trades, count = await self._page(offset)
            new = {
                trade.fill.trade_id: trade
                for trade in trades
                if trade.fill.trade_id not in self._fills and trade.fill.trade_id not in fresh
            }
            fresh |= new
            offset += length
            # Trades that come meanwhile move others to later pages: they are read twice, and none is missed.
            if not length or offset >= count or (self._read_to_the_end and trades and not new):
                return list(fresh.values())
        raise _endless()

    async def _name(self, trades: Sequence[OwnTrade]) -> None:
        unnamed = list(dict.fromkeys(t.venue_order_id for t in trades if t.venue_order_id not in self._names))
        for first in range(0, len(unnamed), _ORDERS_AT_ONCE):
            wanted = unnamed[first : first + _ORDERS_AT_ONCE]
            await self._calls.room(1, longest_s=_WAIT_S_MAX)
            orders = row_of(await self._calls.private("QueryOrders", [("txid", ",".join(wanted))]))
            for order_id in wanted:
                order = row_of(orders.get(order_id, {}))
                self.learn(order_id, order_name(order, order_id))


def _when(trade: OwnTrade) -> tuple[int, str]:
    return trade.fill.venue_time_ns, trade.fill.trade_id


def _endless() -> VenueUnknownError:
    problem = f"more than {_PAGES_MAX} pages. Set the time since which trades matter"
    return VenueUnknownError(VENUE, "TradesHistory", problem)
