"""Measure how many recorded trade frames a second become events on one core; claim nothing else.

Run as `python -m benchmarks.frames`.
"""

from __future__ import annotations

import time
from decimal import Decimal

import orjson

from meva_adapters.wire.binance_market import READERS, kind_of, wire_market
from meva_core.model.instrument import Instrument

FRAMES = 300_000
BTC = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"))


def main() -> None:
    """Print the best of three rounds."""
    market = wire_market(BTC)
    frame = (
        '{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":<id>,"p":"61837.<c>000000",'
        '"q":"0.02<q>000","T":1723161255342,"m":true,"M":true}}'
    )
    texts = [
        frame.replace("<id>", str(number))
        .replace("<c>", f"{number % 100:02d}")
        .replace("<q>", f"{number % 1000:03d}")
        for number in range(FRAMES)
    ]
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        for text in texts:
            data = orjson.loads(text)["data"]
            READERS[kind_of(data)](1, market, data)
        best = max(best, FRAMES / (time.perf_counter() - started))
    print(f"trade frames per second: {best:,.0f}")


if __name__ == "__main__":
    main()
