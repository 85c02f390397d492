"""Measure how many recorded trade frames a second become events on one core; claim nothing else.

Run as `python -m benchmarks.frames`.
"""

from __future__ import annotations

import statistics
import time
from decimal import Decimal

import orjson

from meva_adapters.wire.binance_market import READERS, kind_of, wire_market
from meva_core.model.instrument import Instrument

FRAMES = 300_000
ROUNDS = 5
BTC = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"))
FRAME = (
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":<id>,"p":"61837.<c>000000",'
    '"q":"0.02<q>000","T":1723161255342,"m":true,"M":true}}'
)


def frame(number: int) -> str:
    """Return the text of one trade, as the venue writes it; no two neighbours are equal."""
    price, size = f"{number % 100:02d}", f"{number % 1000:03d}"
    return FRAME.replace("<id>", str(number)).replace("<c>", price).replace("<q>", size)


def main() -> None:
    """Print the median and the slowest of five rounds."""
    market = wire_market(BTC)
    texts = [frame(number) for number in range(FRAMES)]
    speeds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for text in texts:
            data = orjson.loads(text)["data"]
            READERS[kind_of(data)](1, market, data)
        speeds.append(FRAMES / (time.perf_counter() - started))
    print(
        f"trade frames per second, {ROUNDS} rounds of {FRAMES:,}: "
        f"median {statistics.median(speeds):,.0f}, slowest {min(speeds):,.0f}"
    )


if __name__ == "__main__":
    main()
