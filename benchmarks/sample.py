"""Make the recording that comes with the product: three invented days of BTC/USDT in one-minute bars.

It is nobody's data. A price moves in ten steps a minute, by integers drawn from a seeded generator, so every
machine makes the same file. What a trader knows of such markets is in it, roughly sized: calm nights and busy
afternoons (UTC), bursts of volatility that fade within half an hour, drifts of some hours, volume that goes
with the moves; some 50 % volatility a year.

    python -m benchmarks.sample FILE
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

DAYS: Final = 3
SEED: Final = 20_260_302

_START_NS: Final = 1_772_409_600_000_000_000  # Monday, 2026-03-02T00:00:00Z
_START_TICKS: Final = 8_425_000
_MINUTE_NS: Final = 60_000_000_000
_MINUTES_A_DAY: Final = 1_440
_STEPS: Final = 10
# How busy each hour is, in percent of the average: quiet in the small hours, busy when New York opens.
_HOURS: Final = (
    80, 70, 65, 60, 60, 65, 75, 90, 100, 105, 100, 100,
    110, 135, 165, 160, 145, 130, 115, 105, 100, 95, 90, 85,
)  # fmt: skip
_REACH_TICKS: Final = 2_200  # The largest step in an average hour.
_DRIFT_TICKS_MAX: Final = 30  # Per step.
_CALM: Final = 1_000  # Volatility in permille of the average.
_BURST_CHANCE: Final = 240  # One minute in so many begins a burst.
_DRIFT_CHANCE: Final = 180  # One minute in so many changes the drift.


def sample_lines() -> Iterator[str]:
    """Yield the header and one line per minute."""
    yield "ts_ns,open,high,low,close,volume\n"
    draw = Random(SEED)
    opening, volatility, drift = _START_TICKS, _CALM, 0
    for minute in range(DAYS * _MINUTES_A_DAY):
        volatility += (_CALM - volatility) * 6 // 100
        if not draw.randrange(_BURST_CHANCE):
            volatility += draw.randrange(2_000, 6_000)
        if not draw.randrange(_DRIFT_CHANCE):
            drift = draw.randrange(-_DRIFT_TICKS_MAX, _DRIFT_TICKS_MAX + 1)
        reach = _REACH_TICKS * volatility * _HOURS[minute // 60 % 24] // (1_000 * 100)
        walk = [opening]
        for _ in range(_STEPS):
            walk.append(walk[-1] + draw.randrange(-reach, reach + 1) + drift)
        travelled = sum(abs(after - before) for before, after in pairwise(walk))
        volume = (20_000 + 25 * travelled) * draw.randrange(50, 200) // 100
        prices = (opening, max(walk), min(walk), walk[-1])
        yield f"{_START_NS + minute * _MINUTE_NS},{','.join(map(_price, prices))},{_quantity(volume)}\n"
        opening = walk[-1]


def _price(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02d}"


def _quantity(lots: int) -> str:
    return f"{lots // 100_000}.{lots % 100_000:05d}"


def main() -> None:
    """Write the sample, packed, to the file that is named."""
    content = "".join(sample_lines()).encode()
    Path(sys.argv[1]).write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main()
