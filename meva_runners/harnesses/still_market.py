"""State one market that stands still until a harness moves it; the accounts of every harness trade on it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from meva_adapters.venue.settings import DEFAULT_MARKETS
from meva_core.events import BookChanged, QuoteReceived, TradeReceived
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side

INSTRUMENTS: Final[tuple[Instrument, ...]] = tuple(listed.instrument for listed in DEFAULT_MARKETS[:2])
BID_TICKS: Final = 6_000_000
ASK_TICKS: Final = 6_000_100
_DEPTH_LOTS: Final = 10_000_000
_LEVELS: Final = 5


def opening(instrument: Instrument, time_ns: int) -> list[BookChanged | QuoteReceived | TradeReceived]:
    """Return what makes a market of *instrument*: a deep book, its quote, and a last trade."""
    bids = tuple((BID_TICKS - level, _DEPTH_LOTS) for level in range(_LEVELS))
    asks = tuple((ASK_TICKS + level, _DEPTH_LOTS) for level in range(_LEVELS))
    symbol = instrument.symbol
    return [
        BookChanged(time_ns, symbol, True, 1, 1, bids, asks),
        QuoteReceived(time_ns, symbol, BID_TICKS, _DEPTH_LOTS, ASK_TICKS, _DEPTH_LOTS),
        TradeReceived(time_ns, symbol, ASK_TICKS, 1, Side.BUY),
    ]


def quote_of(instrument: Instrument) -> tuple[Decimal, Decimal]:
    """Return the best bid and ask."""
    return instrument.price(BID_TICKS), instrument.price(ASK_TICKS)
