"""Work out what the standard run must do, in forty lines that share nothing with the product.

It follows the rules in words: averages of the last 10 and 30 prices, compared exactly; long or flat; a market order
of 0.1 fills whole at the next trade's price; 0.1 % fee, rounded up to 1e-8, paid in what the fill brings in.
"""

from __future__ import annotations

import csv
from collections import deque
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import NamedTuple

_FEE = Fraction(1, 1_000)
_UNIT = 10**8  # Amounts are counted in hundred-millionths.
_LOT = 10**3  # 0.00001 of the base asset.


class Expected(NamedTuple):
    """Hold what the run must report."""

    orders: int
    final_equity: Fraction


def expected(path: Path, *, fast: int = 10, slow: int = 30, start: int = 1_000_000) -> Expected:
    """Return orders and final equity of the standard run on the trades of *path*."""
    prices: deque[int] = deque(maxlen=slow)
    cash, held, orders, wanted, cents = start * _UNIT, 0, 0, 0, 0
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            cents = int(row["price"].replace(".", ""))
            if wanted > 0:
                cost = wanted * cents // 100
                cash, held, wanted = cash - cost, held + wanted - ceil(wanted * _FEE), 0
            elif wanted < 0:
                value = -wanted * cents // 100
                cash, held, wanted = cash + value - ceil(value * _FEE), held + wanted, 0
            prices.append(cents)
            if len(prices) < slow:
                continue
            slow_sum = sum(prices) * fast
            fast_sum = sum(list(prices)[-fast:]) * slow
            if fast_sum > slow_sum and held < _LOT:
                wanted, orders = _UNIT // 10, orders + 1
            elif fast_sum < slow_sum and held >= _LOT:
                wanted, orders = -(held // _LOT * _LOT), orders + 1
    return Expected(orders, Fraction(cash, _UNIT) + Fraction(held * cents, _UNIT * 100))
