"""Decide when a bar of Kraken's channel `ohlc` has closed; build no bar.

The venue marks no bar as closed: one is when a newer one comes, so the last bar before a quiet time closes late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meva_adapters.wire.fields import CodecError, rows_of, text
from meva_adapters.wire.kraken_market import KrakenWire, read_bar
from meva_core.events import CandleClosed


class ClosedBars:
    """Remember the newest bar of each pair and interval; after a cut the snapshot closes what was missed."""

    def __init__(self, wires: Mapping[str, KrakenWire]) -> None:
        self._wires = wires
        self._newest: dict[tuple[str, str], CandleClosed] = {}

    def take(self, message: Mapping[str, Any], received_ns: int) -> list[CandleClosed]:
        """Return the bars that one message closes, oldest first."""
        closed: list[CandleClosed] = []
        known = set(self._newest)  # A first snapshot tells of bars that closed before anybody listened.
        for row in rows_of(message.get("data")):
            symbol = text(row, "symbol")
            if symbol not in self._wires:
                raise CodecError(f"no bars of {symbol[:40]!r} were asked for")
            bar = read_bar(received_ns, self._wires[symbol], row)
            key = (symbol, bar.timeframe)
            newest = self._newest.get(key, bar)
            if bar.candle.open_ns < newest.candle.open_ns:
                continue
            self._newest[key] = bar
            if key in known and newest.candle.open_ns < bar.candle.open_ns:
                closed.append(CandleClosed(received_ns, symbol, bar.timeframe, newest.candle))
        return closed
